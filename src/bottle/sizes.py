"""Sizes in words."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def shown(count: int) -> str:
    """A number of bytes as people read it: `1.25 GiB`."""
    power = min((max(count, 1).bit_length() - 1) // 10, len(_UNITS) - 1)
    return f"{count / 1024**power:.5g} {_UNITS[power]}"
