"""What a test needs to know about the engine it runs against."""

import os
from pathlib import Path

from attrs import field, frozen

REPOSITORY = Path(__file__).resolve().parents[3]
BUILD = REPOSITORY / ".build" / "tests"
BASE_IMAGE = "debian:trixie-slim"


@frozen(kw_only=True)
class Engine:
    """`docker_host` None: the docker CLI's own default reaches it.

    `host_address`: where a container on a bridge reaches a service that listens on this machine.
    `runtimes`: names that `docker run --runtime` accepts.
    """

    docker_host: str | None
    host_address: str
    base_image: str = BASE_IMAGE
    runtimes: tuple[str, ...] = field(default=("runc",))

    def environment(self) -> dict[str, str]:
        """The test process's environment with this engine as docker's."""
        environ = dict(os.environ)
        if self.docker_host is not None:
            environ["DOCKER_HOST"] = self.docker_host
        return environ
