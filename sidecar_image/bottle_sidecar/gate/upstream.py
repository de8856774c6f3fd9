"""The way to a declared upstream: ssh with the one key, which no file ever holds, to the one pinned host.

The key lives in the memory of an ssh-agent of its own; ssh is told of no other way to log in.
"""

import asyncio
import re
import shlex
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from attrs import frozen

from bottle_sidecar.gate import children
from bottle_sidecar.gate.children import ENDS_WITH_PARENT, Call, ChildError
from bottle_sidecar.gate.git import PATH
from bottle_sidecar.policy.gate import GateRepo

_OPTIONS: Mapping[str, str] = {
    "BatchMode": "yes",
    "CheckHostIP": "no",
    "ClearAllForwardings": "yes",
    "ConnectTimeout": "20",
    "ForwardAgent": "no",
    "GlobalKnownHostsFile": "/dev/null",
    "IdentitiesOnly": "yes",
    "LogLevel": "ERROR",
    "PreferredAuthentications": "publickey",
    "ServerAliveCountMax": "4",
    "ServerAliveInterval": "15",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
}
_AGENT_SECONDS = 10.0


class UpstreamError(Exception):
    """The upstream was not reached, or did not let us in; the text is for the agent's terminal."""


@frozen(kw_only=True)
class Login:
    """`agent`: the socket of the ssh-agent with the key. `public`: a file with its public half."""

    agent: Path
    public: Path
    fingerprint: str


@frozen(kw_only=True)
class Upstream:
    """How git reaches one declared upstream. `env` holds no secret."""

    repo: GateRepo
    login: Login
    known_hosts: Path

    @property
    def env(self) -> Mapping[str, str]:
        options = {
            **_OPTIONS,
            "IdentityAgent": str(self.login.agent),
            "IdentityFile": str(self.login.public),
            "UserKnownHostsFile": str(self.known_hosts),
        }
        words = [*ENDS_WITH_PARENT, "ssh", "-F", "none", "-T"]
        for name, value in options.items():
            words += ["-o", f"{name}={value}"]
        return {
            "GIT_ALLOW_PROTOCOL": "ssh",
            "GIT_PROTOCOL": "version=2",
            "GIT_SSH_COMMAND": f"exec {shlex.join(words)}",
            "GIT_SSH_VARIANT": "ssh",
        }

    def explain(self, error: ChildError) -> UpstreamError:
        """What ssh and the other side said, in words that tell what to do."""
        where = f"{self.repo.host}:{self.repo.port}"
        said = [line for line in error.said.splitlines() if line.strip()]
        if any("Host key verification failed" in line or "host key for" in line for line in said):
            return UpstreamError(
                f"{where} does not show the host key that is pinned in the manifest; nothing was sent. "
                "If the change is genuine, the operator must change host_key of "
                f"git-gate.repos.{self.repo.name}"
            )
        if any("Permission denied (" in line for line in said):
            return UpstreamError(
                f"{where} does not accept the key for user {self.repo.user}; the operator must look at "
                f"identity of git-gate.repos.{self.repo.name}"
            )
        return UpstreamError(f"{where} cannot be used: {_essence(said)}")


class Logins:
    """The ssh-agents of a bottle, one for each key, started when first used. Ended by `close`."""

    def __init__(self, folder: Path, sockets: Path, keys: Mapping[str, str]) -> None:
        self._folder = folder
        self._sockets = sockets
        self._keys = keys
        self._made: dict[str, asyncio.Task[Login]] = {}
        self._open = AsyncExitStack()

    async def of(self, repo: GateRepo) -> Login:
        """Raises UpstreamError where the key cannot be read."""
        key = self._keys[repo.name]
        made = self._made.get(key)
        if made is None or (made.done() and (made.cancelled() or made.exception() is not None)):
            made = self._made[key] = asyncio.create_task(self._start(key, repo.name))
        return await asyncio.shield(made)

    async def close(self) -> None:
        await self._open.aclose()

    async def _start(self, key: str, name: str) -> Login:
        number = len(self._made)
        socket = self._sockets / f"k{number}"
        socket.unlink(missing_ok=True)
        call = self._call("ssh-agent", "-D", "-a", str(socket))
        # Entered here and left in `close`: an agent serves as long as the bottle lives.
        await self._open.enter_async_context(
            children.started(call, stdout=children.DEVNULL, stderr=children.DEVNULL)
        )
        try:
            async with asyncio.timeout(_AGENT_SECONDS):
                while not socket.is_socket():  # noqa: ASYNC110 - the agent tells nobody that it listens
                    await asyncio.sleep(0.01)
            await children.run(self._call("ssh-add", "-q", "-", agent=socket), stdin=_text(key))
            listed = await children.run(self._call("ssh-add", "-L", agent=socket))
            printed = await children.run(self._call("ssh-add", "-l", agent=socket))
        except TimeoutError:
            raise UpstreamError("the sidecar's ssh-agent does not start") from None
        except ChildError:
            raise UpstreamError(
                f"the identity of git-gate.repos.{name} is no private key that ssh can use"
            ) from None
        public = self._folder / f"k{number}.pub"
        public.write_bytes(listed)
        return Login(agent=socket, public=public, fingerprint=printed.split()[1].decode())

    def _call(self, *argv: str, agent: Path | None = None) -> Call:
        env = {"PATH": PATH, "HOME": str(self._folder), "SSH_ASKPASS_REQUIRE": "never"}
        return Call(argv=argv, env={**env, **({"SSH_AUTH_SOCK": str(agent)} if agent else {})})


def _text(key: str) -> bytes:
    return key.replace("\r\n", "\n").strip().encode() + b"\n"


def _essence(said: list[str]) -> str:
    """The other side's words without git's own advice about access rights."""
    advice = re.compile(r"Please make sure|and the repository exists|Could not read from remote")
    kept = [line.removeprefix("fatal: ").strip() for line in said if not advice.search(line)]
    return "; ".join(dict.fromkeys(kept)) or "it closed the connection"
