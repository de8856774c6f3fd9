"""More of a budget that is spent, where the operator agrees."""

import asyncio

from bottle_sidecar.control.protocol import Ask
from bottle_sidecar.control.questions import Questions, TooManyQuestionsError
from bottle_sidecar.egress.journal import Journal
from bottle_sidecar.policy.budget import Account, Level


class Allowance:
    """One bottle's. Each time that a limit is reached, the operator is asked once."""

    def __init__(self, account: Account, questions: Questions, journal: Journal) -> None:
        self._account = account
        self._questions = questions
        self._journal = journal
        self._asking: dict[str, asyncio.Task[None]] = {}

    def ask(self, level: Level) -> None:
        """Returns at once. A yes counts for the calls that come after it."""
        key = f"budget.{level.limit.value} {level.most}"
        if key not in self._asking:
            self._asking[key] = asyncio.get_running_loop().create_task(self._extend(key, level))

    async def _extend(self, key: str, level: Level) -> None:
        more = level.limit.text(self._account.granted(level.limit))
        question = Ask(
            key=key,
            what="budget",
            title=f"the budget is spent: {level}",
            text=f"A yes grants as much again as the manifest does: {more}, until the bottle is removed.\n",
        )
        try:
            answer = await self._questions.ask(question)
        except TooManyQuestionsError:
            del self._asking[key]  # the next call that is refused asks again
            return
        if answer.approved:
            self._account.extend(level.limit)
        self._journal.write(
            "budget",
            level="raised" if answer.approved else "declined",
            limit=level.limit.value,
            spent=level.spent,
            most=level.most,
            reason=answer.reason or None,
        )
