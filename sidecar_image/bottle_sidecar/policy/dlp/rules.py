"""The rules of `Depth.FULL`: their data, and the judgement of what they match."""


class RuleSet:
    """Rules and their compiled search. `document`: the data as JSON; `database`: what `compiled` made of it."""

    def __init__(self, document: bytes, database: bytes) -> None:
        self._document = document
        self._database = database
