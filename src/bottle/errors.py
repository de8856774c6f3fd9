"""Every error that a user can cause, and the exit code each one ends the program with.

BottleError                 1  the operation failed
├── UsageError              2  the command line is wrong
├── ManifestError           3  a manifest is invalid
├── EnvironmentLacksError   4  the machine lacks something; the hint is the command that mends it
└── InterruptedByUser     130  Ctrl-C, or "no" at the prompt's end of file
"""

from typing import ClassVar


class BottleError(Exception):
    """What happened (`message`), where (`location`, as file:line:col), and what mends it (`hint`)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, location: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.location = location

    def __str__(self) -> str:
        return f"{self.location}: {self.message}" if self.location else self.message


class UsageError(BottleError):
    exit_code = 2


class ManifestError(BottleError):
    exit_code = 3


class EnvironmentLacksError(BottleError):
    exit_code = 4


class InterruptedByUser(BottleError):  # noqa: N818 - an interruption, not a fault
    exit_code = 130
