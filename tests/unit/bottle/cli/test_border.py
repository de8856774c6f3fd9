import io

from bottle.cli.border import Border
from bottle.cli.console import Console


def test_it_can_be_printed_though_it_holds_the_environment() -> None:
    console = Console.from_environment({}, stdout=io.StringIO(), stderr=io.StringIO())

    assert "the-value" not in repr(Border(environ={"TOKEN": "the-value"}, console=console))
