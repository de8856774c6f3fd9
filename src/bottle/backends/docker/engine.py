"""The docker CLI, or one that speaks like it: the only module that knows how to call it and read it.

Everything goes through the CLI, so contexts, `DOCKER_HOST` and remote engines work as the operator
set them up.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from attrs import field, frozen

from bottle import proc
from bottle.errors import BottleError, EnvironmentLacksError

_ANSWER_SECONDS = 8.0
_CALL_SECONDS = 180.0
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@frozen(kw_only=True)
class Server:
    """The engine behind the CLI. `machine` as `uname -m` says it there, which may not be here."""

    version: str
    machine: str


@frozen(kw_only=True)
class Listed:
    """A container or volume in a listing."""

    name: str
    labels: Mapping[str, str]


@frozen(kw_only=True)
class Engine:
    """`environ` is the environment the CLI runs with."""

    environ: Mapping[str, str] = field(repr=False)
    program: str = "docker"

    def command(self, *arguments: str, timeout: float | None = _CALL_SECONDS) -> proc.Command:
        return proc.Command(argv=(self.program, *arguments), env=self.environ, timeout=timeout)

    def run(
        self,
        *arguments: str,
        stdin: bytes | IO[bytes] | None = None,
        timeout: float | None = _CALL_SECONDS,
        check: bool = True,
    ) -> proc.Completed:
        return proc.run(self.command(*arguments, timeout=timeout), stdin=stdin, check=check)

    def server(self) -> Server:
        """Raises EnvironmentLacksError, with what mends it, where no engine answers in time."""
        command = self.command("version", "--format", "{{json .Server}}", timeout=_ANSWER_SECONDS)
        try:
            completed = proc.run(command)
            found = json.loads(completed.text)
        except EnvironmentLacksError:
            raise EnvironmentLacksError(
                f"the program '{self.program}' is not installed",
                hint="install Docker, or use --backend native",
            ) from None
        except (proc.CommandFailed, ValueError) as error:
            raise self._unreachable(error) from None
        if not found:
            raise self._unreachable(ValueError("the client is installed, but no engine answers"))
        return Server(version=found["Version"], machine=_MACHINES.get(found["Arch"], found["Arch"]))

    def _unreachable(self, error: Exception) -> EnvironmentLacksError:
        """Says which of the usual reasons it is, found by looking at the endpoint itself."""
        endpoint = self.endpoint()
        url = urlsplit(endpoint)
        if url.scheme == "unix":
            return _dead_socket(Path(url.path))
        timed_out = isinstance(error, proc.CommandFailed) and error.completed is None
        detail = f"did not answer within {_ANSWER_SECONDS:g} s" if timed_out else f"does not answer: {error}"
        return EnvironmentLacksError(
            f"the container engine at {endpoint or 'its default address'} {detail}",
            hint="check `docker context ls` and DOCKER_HOST",
        )

    def endpoint(self) -> str:
        """Where the CLI would connect to; empty where it does not say."""
        if host := self.environ.get("DOCKER_HOST"):
            return host
        completed = self.run(
            "context",
            "inspect",
            "--format",
            "{{.Endpoints.docker.Host}}",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
        return completed.text if completed.code == 0 else ""

    def runtimes(self) -> Mapping[str, Sequence[str]]:
        """Registered runtimes, each with its arguments."""
        found = json.loads(self.run("info", "--format", "{{json .Runtimes}}", timeout=_ANSWER_SECONDS).text)
        return {name: tuple(entry.get("runtimeArgs") or ()) for name, entry in (found or {}).items()}

    def containers(self, *filters: str, stopped: bool = True) -> tuple[Listed, ...]:
        """`filters` are labels, `key` or `key=value`, that must all hold."""
        everything = ("--all",) if stopped else ()
        return self._listing("ps", *everything, name="Names", filters=filters)

    def volumes(self, *filters: str) -> tuple[Listed, ...]:
        return self._listing("volume", "ls", name="Name", filters=filters)

    def _listing(self, *arguments: str, name: str, filters: Sequence[str]) -> tuple[Listed, ...]:
        chosen = [word for label in filters for word in ("--filter", f"label={label}")]
        text = self.run(*arguments, *chosen, "--format", "{{json .}}").text
        return tuple(parse_listed(line, name) for line in text.splitlines())

    def inspect(self, container: str) -> Mapping[str, Any] | None:
        """The container's whole state, or None where there is none of that name."""
        completed = self.run("container", "inspect", container, check=False)
        if completed.code:
            return None
        found: Sequence[Mapping[str, Any]] = json.loads(completed.stdout)
        return found[0] if found else None

    def has_images(self, *tags: str) -> bool:
        return self.run("image", "inspect", "--format", "{{.Id}}", *tags, check=False).code == 0


def parse_listed(line: str, name: str) -> Listed:
    """One line of a listing: docker writes labels as `a=b,c=d`, podman as an object (and names as a list)."""
    found = json.loads(line)
    names, labels = found[name], found.get("Labels") or {}
    if isinstance(labels, str):
        labels = dict(label.partition("=")[::2] for label in labels.split(","))
    return Listed(name=names if isinstance(names, str) else names[0], labels=labels)


def _dead_socket(path: Path) -> EnvironmentLacksError:
    if not path.exists():
        return EnvironmentLacksError(
            f"no container engine runs here: {path} does not exist",
            hint="start it (`sudo systemctl start docker`), or use --backend native",
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return EnvironmentLacksError(
            f"permission denied for the container engine's socket {path}",
            hint='`sudo usermod -aG docker "$USER"` and log in again, or use --backend native',
        )
    return EnvironmentLacksError(
        f"the container engine at {path} does not answer",
        hint="restart it (`sudo systemctl restart docker`), or use --backend native",
    )


def last_lines(completed: proc.Completed, count: int = 25) -> str:
    """The end of what a command said, for an error message."""
    text = (completed.stdout + completed.stderr).decode(errors="replace").strip()
    return "\n".join(text.splitlines()[-count:])


class EngineError(BottleError):
    """The engine refused something that it should do; the message quotes it."""
