"""What is said to the operator while an agent runs."""

from collections.abc import Callable
from types import TracebackType
from typing import Self


class Asides:
    """Says each text by `say`: at once, or, where it `waits`, when the block ends.

    It waits where the agent has the operator's screen, which a line of ours would spoil. From any thread.
    """

    def __init__(self, say: Callable[[str], None], *, waits: bool) -> None:
        self._say = say
        self._waits = waits
        self._waiting: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for text in self._waiting:
            self._say(text)

    def __call__(self, text: str) -> None:
        if self._waits:
            self._waiting.append(text)
        else:
            self._say(text)
