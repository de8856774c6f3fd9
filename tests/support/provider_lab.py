"""A provider's CLI at work: in a cell, behind a real sidecar, in front of a mock API."""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from attrs import field, frozen

from bottle.proc import Command, Completed, run
from bottle.providers.base import AgentContext, AgentSetup
from bottle.sidecar.process import SidecarProcess
from bottle_sidecar.control.protocol import Exit, Start
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.document import Auth, Policy, Route
from support.agent_apis import AgentApis
from support.cell import Cell
from support.scripts import Script
from support.tmux import Tmux, terminal

TOKEN = "sk-real-token-that-no-agent-may-hold"
PLACEHOLDER = "bottle-placeholder-0123456789abcdef0123456789abcdef"
TOKEN_REF = "TOKEN"
SIDECAR = (sys.executable, "-m", "bottle_sidecar")


@frozen(kw_only=True)
class ProviderLab:
    """`routes`: what the bottle is allowed; each is dialled at its mock."""

    cell: Cell
    apis: AgentApis
    routes: tuple[Route, ...]
    sidecar: tuple[str, ...] = SIDECAR
    budget: Budget = field(factory=Budget)
    tokens: Mapping[str, str] = field(factory=lambda: {TOKEN_REF: TOKEN}, repr=False)

    def run(self, setup: AgentSetup) -> Completed:
        """The agent from start to end, with no terminal and nothing on its standard input."""
        with self._started() as trust_store:
            return run(self.cell.command(setup, trust_store=trust_store), check=False)

    @contextmanager
    def at_terminal(self, setup: AgentSetup) -> Iterator[Tmux]:
        """The agent with a person at it."""
        with self._started() as trust_store:
            command = self.cell.command(setup, trust_store=trust_store)
            with terminal(self.cell.run / "tmux", command) as tmux:
                yield tmux

    def journal(self) -> list[dict[str, object]]:
        """What the sidecar wrote down of the agent's requests."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if line["event"] not in {"opened", "closed"}]

    @property
    def _log(self) -> Path:
        return self.cell.folder / "sidecar.log"

    @contextmanager
    def _started(self) -> Iterator[str]:
        start = Start(
            identity="lab-aaaaa",
            policy=Policy(
                routes=tuple(self.apis.redirected(route) for route in self.routes), budget=self.budget
            ),
            exit=Exit(handover=str(self.cell.handover)),
            tokens=self.tokens,
            placeholders={TOKEN_REF: PLACEHOLDER},
        )
        with SidecarProcess(Command(argv=self.sidecar), start, log=self._log) as sidecar:
            yield sidecar.ready.trust_store


def pattern(text: str) -> str:
    """A quoted pattern for grep that neither is nor matches itself: command lines, requests are searched."""
    found = f"[{text[0]}]{text[1:]}"
    return f"\"$(printf %s '{found[::-1]}' | rev)\""


class MakeLab(Protocol):
    """Makes a lab for a provider, and the context of a launch in it. `auth` None: no credential."""

    def __call__(
        self, template: str, auth: Auth | None, script: Script | None = None
    ) -> tuple[ProviderLab, AgentContext]: ...


@contextmanager
def short_folder() -> Iterator[Path]:
    """A private folder whose name leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        yield Path(name)
