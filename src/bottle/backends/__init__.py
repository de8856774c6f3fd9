"""The table of back-ends; its order is the order in which a default is looked for."""

from collections.abc import Mapping

from bottle.backends.base import Backend, BackendContext
from bottle.backends.docker.backend import DockerBackend, GvisorBackend
from bottle.backends.native.backend import NativeBackend

BACKENDS: Mapping[str, type[Backend]] = {
    kind.name: kind for kind in (DockerBackend, NativeBackend, GvisorBackend)
}

__all__ = ["BACKENDS", "BackendContext"]
