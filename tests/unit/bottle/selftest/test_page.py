import re
from html.parser import HTMLParser

from bottle.selftest.page import html
from support.attacks import results


class Tags(HTMLParser):
    """All that opens and closes, and every attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    page = html(results())
    tags = Tags(page)

    assert page.startswith("<!doctype html>")
    assert tags.open == []
    assert {"script", "link", "img", "iframe"} & set(tags.seen) == set()
    assert [name for name, _ in tags.attributes if name in {"src", "href"} or name.startswith("on")] == []
    assert "url(" not in page
    assert "@import" not in page


def test_what_comes_from_a_bottle_is_text() -> None:
    page = html(results())

    assert "&lt;b&gt;\\x1b[31mgained" in page
    assert "\x1b" not in page
    assert not re.search(r"<b>\S*gained", page)


def test_what_was_not_held_is_open_and_the_sum_is_on_top() -> None:
    page = html(results())

    assert page.count("<details open>") == 2
    assert page.index("3 attacks, 1 held, 1 passed through") < page.index("<details")


def test_a_phone_and_the_dark_are_thought_of() -> None:
    page = html(results())

    assert 'name=viewport content="width=device-width' in page
    assert "prefers-color-scheme: dark" in page
