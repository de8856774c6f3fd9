"""Finds an engine, or makes one for as long as it is needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bottle.errors import EnvironmentLacksError
from bottle.proc import Command, run
from support.engine import base_image, machine, runsc
from support.engine.daemon import Daemon, start
from support.engine.model import BASE_IMAGE, BUILD, Engine

SHARED = BUILD / "engine.json"


@contextmanager
def opened() -> Iterator[Engine]:
    """The shared engine (`python -m support.engine start`), else the machine's own, else a private one."""
    if SHARED.is_file():
        yield private_engine(Daemon.load(SHARED))
    elif answers():
        yield _own_engine()
    else:
        daemon = start_private()
        try:
            yield private_engine(daemon)
        finally:
            daemon.stop()


def answers(docker_host: str | None = None) -> bool:
    """Whether docker reaches an engine at `docker_host`, else as this process's environment is."""
    host = ("--host", docker_host) if docker_host else ()
    try:
        command = Command(argv=("docker", *host, "version", "--format", "{{.Server.Version}}"), timeout=20)
        return run(command, check=False).code == 0
    except EnvironmentLacksError:
        return False


def start_private() -> Daemon:
    if os.geteuid() != 0:
        raise RuntimeError("no container engine answers, and only root can start one; run the tests as root")
    settings = machine.inspect()
    daemon = start(runsc.runtimes(settings))
    try:
        base_image.import_image(("docker", "--host", daemon.docker_host), BASE_IMAGE, settings)
    except BaseException:
        daemon.stop()
        raise
    return daemon


def private_engine(daemon: Daemon) -> Engine:
    return Engine(
        docker_host=daemon.docker_host,
        host_address=daemon.link.outer_address,
        runtimes=_runtimes(("docker", "--host", daemon.docker_host)),
    )


def _own_engine() -> Engine:
    if run(Command(argv=("docker", "image", "inspect", BASE_IMAGE)), check=False).code:
        pulled = run(Command(argv=("docker", "pull", "--quiet", BASE_IMAGE), timeout=300), check=False)
        if pulled.code:
            base_image.import_image(("docker",), BASE_IMAGE, machine.inspect())
    gateway = run(
        Command(
            argv=(
                *("docker", "network", "inspect", "bridge"),
                *("--format", "{{(index .IPAM.Config 0).Gateway}}"),
            )
        )
    )
    return Engine(docker_host=None, host_address=gateway.text, runtimes=_runtimes(("docker",)))


def _runtimes(docker: tuple[str, ...]) -> tuple[str, ...]:
    listed = run(
        Command(argv=(*docker, "info", "--format", "{{range $name, $_ := .Runtimes}}{{$name}} {{end}}"))
    )
    return tuple(sorted(listed.text.split()))
