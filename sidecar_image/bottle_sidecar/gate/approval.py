"""A push of which the operator wants to see what it does to some files, before it leaves."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

from attrs import field, frozen

from bottle_sidecar.control.protocol import Ask, Decide
from bottle_sidecar.control.questions import Questions, TooManyQuestionsError
from bottle_sidecar.policy.gate import GateRepo, RefUpdate, shown

TEXT = 256 * 1024  # bytes of what the operator is shown
_PULSE = 1.0  # seconds between signs of life to a git that waits
_PATIENCE = 1800.0
_NAMED = 5


class Terminal(Protocol):
    """The agent's, while its push is under way."""

    async def say(self, text: str) -> None: ...

    async def pulse(self) -> None:
        """Says nothing. Raises OSError where nobody is there any more."""
        ...


class NotApproved(Exception):  # noqa: N818 - not an error of ours
    """There is no yes. `text`: what the agent is told, lines."""

    def __init__(self, reason: str, *text: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


@frozen(kw_only=True)
class Covered:
    """A push, and those `paths` in its commits that need a yes. `history`: what it does to them."""

    repo: GateRepo
    updates: Sequence[RefUpdate]
    paths: Sequence[str]
    history: str = field(repr=False)

    def question(self) -> Ask:
        """The same push asks the same; one with other commits, or onto others, asks anew."""
        lines = [f"{update.old} {update.new} {update.ref}" for update in self.updates]
        named = "\n".join((self.repo.name, *sorted(lines), *self.paths))
        refs = ", ".join(shown(update.ref) for update in self.updates[:_NAMED])
        more = f" and {len(self.updates) - _NAMED} more" if len(self.updates) > _NAMED else ""
        return Ask(
            key=sha256(named.encode(errors="surrogateescape")).hexdigest(),
            what="push",
            title=f"push to {self.repo.name} ({refs}{more}) touches {self._files()}",
            text=self.history,
        )

    def _files(self) -> str:
        more = f" and {len(self.paths) - _NAMED} more" if len(self.paths) > _NAMED else ""
        return ", ".join(map(shown, self.paths[:_NAMED])) + more


class Approval:
    """One bottle's. One push at a time is held open; the others are told to come back."""

    def __init__(self, questions: Questions, identity: str) -> None:
        self._questions = questions
        self._identity = identity
        self._turn = asyncio.Lock()

    async def of(self, covered: Covered, terminal: Terminal, note: Callable[[str, str | None], None]) -> None:
        """Returns with the operator's yes. Raises NotApproved, and OSError where the agent's git went away.

        `note` is told each verdict, and the operator's reason.
        """
        waiting = asyncio.create_task(self._questions.ask(covered.question()))
        try:
            answer = await self._answer(waiting, terminal, note)
        except TooManyQuestionsError:
            raise NotApproved(
                "too many pushes wait for the operator",
                "Push again once they have decided on those that wait.",
            ) from None
        finally:
            waiting.cancel()
        note("approved" if answer.approved else "declined", answer.reason or None)
        if not answer.approved:
            said = (f"They say: {shown(answer.reason)}",) if answer.reason else ()
            raise NotApproved("the operator said no", "The operator said no to this push.", *said)

    async def _answer(
        self, waiting: "asyncio.Task[Decide]", terminal: Terminal, note: Callable[[str, str | None], None]
    ) -> Decide:
        await asyncio.sleep(0)  # an answer that is there already needs no waiting
        if waiting.done():
            return waiting.result()
        note("held", None)
        if not self._turn.locked():
            async with self._turn:
                await terminal.say("bot-bottle: this push touches files of push.paths_ask, so it waits for")
                await terminal.say(f"the operator, who decides with `bottle approve {self._identity}`.")
                for _ in range(int(_PATIENCE / _PULSE)):
                    if (await asyncio.wait([waiting], timeout=_PULSE))[0]:
                        return waiting.result()
                    await terminal.pulse()
        raise NotApproved(
            "the operator has not decided yet",
            "It touches files of push.paths_ask, and the operator, who was asked, has not decided yet.",
            "Push the same commits again later; they decide with `bottle approve`.",
        )
