import os
from pathlib import Path

import pytest

from bottle.cli.crash import redact, secrets_of, write_report

SECRET = "sk-ant-0123456789"


def crash(message: str) -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        fail(message)
    return caught.value


def fail(message: str) -> None:
    raise RuntimeError(message)


def test_the_report_holds_the_traceback_and_no_secret(tmp_path: Path) -> None:
    error = crash(
        f"cannot send {SECRET!r} to https://user:pa55word@proxy:3128, Authorization: Bearer abcdefghijkl"
    )

    path = write_report(
        error, tmp_path / "state", version="0.1.0", argv=["bottle", "start", SECRET], secrets=[SECRET]
    )

    report = path.read_text()
    assert "RuntimeError: cannot send '***' to https://***@proxy:3128, Authorization: Bearer ***" in report
    assert "in fail" in report
    assert "bottle start ..." in report
    assert "0.1.0" in report
    assert path.parent == tmp_path / "state"
    assert path.name.startswith("crash-")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [SECRET, f"x{SECRET}y", repr(SECRET + "\n"), f"token={SECRET}&"],
)
def test_secrets_are_masked_wherever_they_stand(text: str) -> None:
    assert SECRET not in redact(text, [SECRET])


def test_a_secret_with_special_characters_is_masked_in_its_quoted_form() -> None:
    secret = "line one\nline two\\x"

    assert "line two" not in redact(repr(secret), [secret])


def test_the_longer_of_two_overlapping_secrets_goes_first() -> None:
    assert redact("abcdefgh", ["abcde", "abcdefgh"]) == "***"


def test_short_values_do_not_turn_the_text_to_stars() -> None:
    assert redact("a plain text", ["a", "", "x"]) == "a plain text"


def test_secret_variables_are_known_by_their_names() -> None:
    environ = {"GH_TOKEN": "1", "HOME": "2", "api_key": "3", "DB_PASSWORD": "4", "LANG": "5"}

    assert secrets_of(environ) == ["1", "3", "4"]


def test_an_unwritable_folder_does_not_lose_the_report(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = write_report(crash("boom"), tmp_path / "file" / "state", version="0", argv=["bottle"], secrets=[])
    try:
        assert "boom" in path.read_text()
    finally:
        os.unlink(path)  # noqa: PTH108
