"""Every attack that there is: found by looking, so that a new file is a new attack."""

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

from attrs import frozen

from bottle.errors import UsageError
from bottle.selftest import attacks, probes
from bottle.selftest.kit import Attack


@frozen(kw_only=True)
class Assault:
    """An attack and the claim that it tries to break. `module` is its Python name."""

    module: str
    attack: Attack

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]

    @property
    def claim(self) -> str:
        return self.module.split(".")[-2]

    @property
    def says(self) -> str:
        """The claim, in words."""
        package = import_module(self.module.rpartition(".")[0])
        return (package.__doc__ or "").partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.claim}.{self.name}"


def assaults(wanted: Sequence[str] = ()) -> list[Assault]:
    """All, or those of these claims and names (`proxy`, `proxy.smuggling`). Raises UsageError for others."""
    found = [Assault(module=module, attack=import_module(module).attempts) for module in _modules()]
    unknown = set(wanted) - {one.claim for one in found} - {str(one) for one in found}
    if unknown:
        claims = ", ".join(sorted({one.claim for one in found}))
        raise UsageError(f"there is no attack '{min(unknown)}'", hint=f"a CLAIM or CLAIM.NAME, of {claims}")
    return [one for one in found if not wanted or {one.claim, str(one)} & set(wanted)]


def _modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(attacks.__path__, f"{attacks.__name__}."):
        if not module.ispkg:
            yield module.name


def sources(modules: Sequence[str]) -> Mapping[str, str]:
    """What goes into a bottle: these modules and all that they may import."""
    shared = [one.name for one in pkgutil.walk_packages(probes.__path__, f"{probes.__name__}.")]
    return {name: _source(name) for name in ("bottle.selftest.kit", *shared, *modules)}


def _source(module: str) -> str:
    spec = import_module(module).__spec__
    text = pkgutil.get_data(module.rpartition(".")[0], f"{module.rpartition('.')[2]}.py")
    assert text is not None, spec
    return text.decode()
