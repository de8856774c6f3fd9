import pytest

from bottle.sizes import shown


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (512 << 20, "512 MiB"),
        ((64 << 20) + 4096, "64.004 MiB"),
        (1023 << 30, "1023 GiB"),
        (5 << 50, "5120 TiB"),
    ],
)
def test_a_size_in_words(count: int, text: str) -> None:
    assert shown(count) == text
