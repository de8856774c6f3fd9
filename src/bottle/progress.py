"""How slow steps tell the operator what they are doing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Reports on stderr. `step` shows that something slow is under way and how long it took.

    `counting` is for what is mostly quick: on a terminal alone it shows `so_far`, asked for in a thread.
    """

    def step(self, title: str) -> AbstractContextManager[None]: ...

    def counting(self, title: str, so_far: Callable[[], str]) -> AbstractContextManager[None]: ...

    def note(self, text: str) -> None: ...


class Silent:
    """A Progress that says nothing."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:  # noqa: ARG002
        yield

    @contextmanager
    def counting(self, title: str, so_far: Callable[[], str]) -> Iterator[None]:  # noqa: ARG002
        yield

    def note(self, text: str) -> None: ...
