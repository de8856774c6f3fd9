"""A look again and again, while something lasts."""

from abc import ABC, abstractmethod
from threading import Event, Thread
from types import TracebackType
from typing import Self


class Watch(ABC):
    """Calls `look` every `interval` seconds from a thread called `name`, while the `with` block lasts."""

    def __init__(self, name: str, interval: float) -> None:
        self._interval = interval
        self._ending = Event()
        self._thread = Thread(target=self._watch, name=name, daemon=True)

    @abstractmethod
    def look(self) -> None: ...

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ending.wait(self._interval):
            self.look()
