"""What a mock model says: a script of turns, the same for every API."""

import re

from attrs import frozen


@frozen
class Say:
    """A final message. `{tool_result}` and `{prompt}` are filled in."""

    text: str


@frozen
class RunShell:
    """Asks the client to run a command with its own shell tool."""

    command: str


@frozen
class UseTool:
    """Asks the client to call any of its tools."""

    name: str
    arguments: dict[str, object]


@frozen
class RunCode:
    """Asks Codex to run JavaScript that calls its other tools ("code mode")."""

    code: str


@frozen
class Fail:
    """Answers with an HTTP error instead."""

    status: int
    kind: str
    message: str


Turn = Say | RunShell | UseTool | RunCode | Fail


@frozen(kw_only=True)
class Progress:
    """Where a conversation stands: worked out from the request alone, so that retries need no memory.

    `turn`: how many tool results came after the last typed prompt. `result`: the newest tool result.
    """

    turn: int = 0
    prompt: str = ""
    result: str = ""


@frozen(kw_only=True)
class Script:
    """`turns`, or those of the first scenario whose pattern is found in the typed prompt.

    `chunk_delay`: seconds between two streamed events.
    """

    turns: tuple[Turn, ...] = (RunShell("id -un"), Say("The command printed: {tool_result}"))
    scenarios: tuple[tuple[str, tuple[Turn, ...]], ...] = ()
    chunk_delay: float = 0.01

    def due(self, progress: Progress) -> Turn:
        matching = (turns for pattern, turns in self.scenarios if re.search(pattern, progress.prompt))
        turns = next(matching, self.turns)
        turn = turns[progress.turn] if progress.turn < len(turns) else Say("script is over")
        if isinstance(turn, Say):
            text = turn.text.replace("{tool_result}", progress.result).replace("{prompt}", progress.prompt)
            return Say(text)
        return turn


def words(text: str) -> list[str]:
    """The pieces in which a text is streamed."""
    return re.findall(r"\s*\S+\s*", text) or [""]
