"""What goes wrong between a back-end and its sandbox."""

from bottle.errors import BottleError


class IsolationError(BottleError):
    """The proof that the agent has no other way out failed; the launch is refused."""


class NotRunningError(BottleError):
    """The sandbox of this identity is not running."""
