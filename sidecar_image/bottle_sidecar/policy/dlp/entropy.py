"""How random a text looks."""

from collections import Counter
from math import log2


def bits_per_byte(text: bytes) -> float:
    """Shannon's entropy of the bytes, between 0 and 8."""
    total = len(text)
    return -sum(count / total * log2(count / total) for count in Counter(text).values())
