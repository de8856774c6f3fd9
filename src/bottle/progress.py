"""How slow steps tell the operator what they are doing."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Reports on stderr. `step` shows that something slow is under way and how long it took."""

    def step(self, title: str) -> AbstractContextManager[None]: ...

    def note(self, text: str) -> None: ...


class Silent:
    """A Progress that says nothing."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:  # noqa: ARG002
        yield

    def note(self, text: str) -> None: ...
