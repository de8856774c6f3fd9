"""What lies on an engine under an identity, each thing with an idempotent `remove`."""

import time
from collections.abc import Collection

from attrs import frozen

from bottle.backends.docker.engine import Engine, EngineError, last_lines
from bottle.backends.docker.names import IDENTITY_LABEL

_GONE_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


@frozen(kw_only=True)
class Container:
    identity: str
    name: str
    engine: Engine

    def describe(self) -> str:
        return f"container {self.name}"

    def remove(self) -> None:
        remove_containers(self.engine, self.name)


@frozen(kw_only=True)
class Volume:
    identity: str
    name: str
    engine: Engine

    def describe(self) -> str:
        return f"volume {self.name}"

    def remove(self) -> None:
        remove_volumes(self.engine, self.name)


def remove_containers(engine: Engine, *names: str) -> None:
    """Kills and removes, and waits for those that `--rm` is removing. Raises EngineError where one stays."""
    deadline = time.monotonic() + _GONE_SECONDS
    while names:
        completed = engine.run("rm", "--force", "--volumes", *names, check=False)
        names = tuple(name for name in names if engine.inspect(name) is not None) if completed.code else ()
        if names and time.monotonic() > deadline:
            raise EngineError(f"the engine does not remove {', '.join(names)}:\n{last_lines(completed)}")
        if names:
            time.sleep(_PAUSE_SECONDS)


def remove_volumes(engine: Engine, *names: str) -> None:
    """Waits for a volume that a dying container still holds. EngineError where one stays."""
    deadline = time.monotonic() + _GONE_SECONDS
    while names:
        completed = engine.run("volume", "rm", "--force", *names, check=False)
        if completed.code == 0:
            return
        if time.monotonic() > deadline:
            raise EngineError(f"the engine does not remove {', '.join(names)}:\n{last_lines(completed)}")
        time.sleep(_PAUSE_SECONDS)


def remove_labelled(engine: Engine, *labels: str, keep: Collection[str] = ()) -> None:
    """Everything that carries all of these labels: containers first, since they hold the volumes.

    Volumes of a name in `keep` stay.
    """
    remove_containers(engine, *(found.name for found in engine.containers(*labels)))
    volumes = (found.name for found in engine.volumes(*labels))
    remove_volumes(engine, *(name for name in volumes if name not in keep))


def labelled(engine: Engine, *labels: str) -> tuple[Container | Volume, ...]:
    """Every resource with these labels and an identity; containers stand before the volumes they hold."""
    containers = (
        Container(identity=found.labels[IDENTITY_LABEL], name=found.name, engine=engine)
        for found in engine.containers(*labels, IDENTITY_LABEL)
    )
    volumes = (
        Volume(identity=found.labels[IDENTITY_LABEL], name=found.name, engine=engine)
        for found in engine.volumes(*labels, IDENTITY_LABEL)
    )
    return (*containers, *volumes)
