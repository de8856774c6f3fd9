"""What an agent holds in the place of credentials, on record beside its bottle's state.

They open nothing, and are no secrets; but each is looked for by the sidecar, and a resumed agent remembers
the ones that it was given. So they stay the same for as long as its bottle is kept.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import cattrs
from attrs import field, frozen

_FILE = "honeytokens.json"
_converter = cattrs.Converter(forbid_extra_keys=True)


@frozen(kw_only=True)
class Honeytokens:
    """`placeholders`: by `token_ref`. `decoys`: by where they lie."""

    placeholders: Mapping[str, str] = field(factory=dict, repr=False)
    decoys: Mapping[str, str] = field(factory=dict, repr=False)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """None at all where the file is missing or damaged: new ones are then made."""
        try:
            return _converter.structure(json.loads((folder / _FILE).read_text()), cls)
        except Exception:  # noqa: BLE001 - of the disk, json or a converter
            return cls()

    def write(self, folder: Path) -> None:
        temporary = folder / f"{_FILE}.new"
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(_converter.unstructure(self), file, indent=1)
        temporary.replace(folder / _FILE)
