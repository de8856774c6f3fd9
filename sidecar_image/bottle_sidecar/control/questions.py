"""What the operator is asked while the bottle runs."""

import asyncio
from collections.abc import Callable

from bottle_sidecar.control.protocol import Ask, Decide, Notice

MOST_OPEN = 16


class TooManyQuestionsError(Exception):
    """So many wait for an answer that no more are put."""


class Questions:
    """What goes to the operator, by `put`: each question once; an answer counts as long as the sidecar lives.

    A question stays open when whoever asked it has gone away: the answer is there when they come back.
    """

    def __init__(self, put: Callable[[Ask | Notice], None]) -> None:
        self._put = put
        self._open: dict[str, asyncio.Future[Decide]] = {}
        self._answers: dict[str, Decide] = {}

    def tell(self, text: str) -> None:
        """Something that needs no answer."""
        self._put(Notice(text=text))

    async def ask(self, question: Ask) -> Decide:
        """Waits for the answer. Raises TooManyQuestionsError."""
        if answer := self._answers.get(question.key):
            return answer
        if question.key not in self._open:
            if len(self._open) >= MOST_OPEN:
                raise TooManyQuestionsError
            self._open[question.key] = asyncio.get_running_loop().create_future()
            self._put(question)
        return await asyncio.shield(self._open[question.key])

    def decided(self, answer: Decide) -> None:
        """The first answer to a question counts; it may come before the question."""
        answer = self._answers.setdefault(answer.key, answer)
        if (waiting := self._open.pop(answer.key, None)) is not None:
            waiting.set_result(answer)
