"""Which back-end a bottle gets, and why."""

from collections.abc import Mapping

from attrs import frozen

from bottle.backends.base import Availability, Backend
from bottle.errors import EnvironmentLacksError, UsageError

VARIABLE = "BOT_BOTTLE_BACKEND"
_PREFERENCE = ("docker", "native")


@frozen(kw_only=True)
class Choice:
    """The name of a back-end in the table, and why it was chosen."""

    name: str
    reason: str


@frozen
class BackendSelection:
    """Over the table of back-ends, in which names are what `--backend` takes."""

    backends: Mapping[str, Backend]

    def choose(self, requested: str | None, environ: Mapping[str, str]) -> Choice:
        """`--backend`, then BOT_BOTTLE_BACKEND, then docker if an engine answers, else native.

        Raises UsageError for an unknown name, EnvironmentLacksError where the asked one, or none, can run.
        """
        if requested:
            return self._asked(requested, "--backend")
        if environ.get(VARIABLE):
            return self._asked(environ[VARIABLE], VARIABLE)
        return self._preferred()

    def again(self, name: str) -> Choice:
        """For a bottle that is to go on. Raises UsageError, and EnvironmentLacksError where it cannot run."""
        choice = self._asked(name, "the bottle")
        return Choice(name=name, reason=choice.reason.replace("asked for by the bottle", "as before"))

    def named(self, name: str) -> Backend:
        backend = self.backends.get(name)
        if backend is None:
            raise UsageError(f"there is no backend '{name}'", hint=f"one of: {', '.join(self.backends)}")
        return backend

    def _asked(self, name: str, asked_by: str) -> Choice:
        backend = self.named(name)
        availability = backend.availability()
        if not availability.usable:
            raise EnvironmentLacksError(
                f"the backend '{name}' cannot run here: {availability.detail}", hint=availability.hint
            )
        return Choice(name=name, reason=f"asked for by {asked_by}; {availability.detail}")

    def _preferred(self) -> Choice:
        refusals: list[tuple[str, Availability]] = []
        for name in _PREFERENCE:
            availability = self.backends[name].availability()
            if availability.usable:
                because = "".join(f"; not {other}: {found.detail}" for other, found in refusals)
                return Choice(name=name, reason=availability.detail + because)
            refusals.append((name, availability))
        details = "; ".join(f"{name}: {found.detail}" for name, found in refusals)
        hints = [found.hint for _, found in refusals if found.hint]
        raise EnvironmentLacksError(f"no backend can run here: {details}", hint=hints[-1] if hints else None)
