"""What the shell is offered for names that only this machine knows; nothing where they cannot be read."""

from collections.abc import Callable, Iterable

import click

from bottle.cli.app import App
from bottle.errors import BottleError
from bottle.manifest.catalog import ManifestKind

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def manifests(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of agents or of bottles, whichever word stands before."""
    kind = ManifestKind(context.params.get("kind") or ManifestKind.AGENT)
    return _offering(lambda app: app.catalog.names(kind))(context, parameter, incomplete)


def _offering(names: Callable[[App], Iterable[str]]) -> Complete:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            return [name for name in names(App.of(context)) if name.startswith(incomplete)]
        except (BottleError, OSError):  # an error in the midst of typing helps nobody
            return []

    return complete


agents = _offering(lambda app: (entry.name for entry in app.catalog.agents().entries))
backends = _offering(lambda app: app.backends)
live_bottles = _offering(lambda app: (record.identity for record in app.manager.store.live()))
kept_bottles = _offering(lambda app: (entry.identity for entry in app.manager.store.entries() if entry.kept))
bottles = _offering(
    lambda app: (entry.identity for entry in app.manager.store.entries() if entry.active or entry.kept)
)
logged_bottles = _offering(lambda app: app.manager.logs.identities())
places_in_live_bottles = _offering(lambda app: (f"{record.identity}:" for record in app.manager.store.live()))
