"""What enters the program at its border, for commands that are loaded later."""

from collections.abc import Mapping

from attrs import field, frozen

from bottle.cli.console import Console


@frozen(kw_only=True)
class Border:
    """The operator's environment and where to speak to the operator."""

    environ: Mapping[str, str] = field(repr=False)
    console: Console
