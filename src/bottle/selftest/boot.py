"""What a Python is started with, inside a bottle or out: it gets the attacks' sources on its standard input.

Goes into a bottle as one argument. `aims` are the runs of `bottle.selftest.kit.main`.
"""

import importlib.abc
import importlib.util
import json
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

_BUNDLE = json.load(sys.stdin)


class _Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules from the bundle; whatever else is asked of `bottle` is an empty package."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - the contract's
        if fullname.partition(".")[0] != "bottle":
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=fullname not in _BUNDLE["sources"])

    def exec_module(self, module: ModuleType) -> None:
        source = _BUNDLE["sources"].get(module.__name__, "")
        exec(compile(source, module.__name__, "exec"), module.__dict__)  # noqa: S102 - its very purpose


sys.meta_path.insert(0, _Sources())
importlib.import_module("bottle.selftest.kit").main(_BUNDLE["runs"])
