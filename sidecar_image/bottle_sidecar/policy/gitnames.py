"""Which names git, or a file system that it may be carried to, takes for git's own folder."""

import re

_IGNORABLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
"""Code points that HFS+ leaves out when it compares names."""
_GIT = re.compile(r"(?:\.git|git~1)[ .]*(?:[:\\/].*)?\Z", re.IGNORECASE | re.DOTALL)
"""Windows drops blanks and dots at the end, names streams behind a colon, and knows `.git` as `git~1`."""


def is_git(name: str) -> bool:
    r"""Whether one component of a path stands for `.git` anywhere; `\` separates components on Windows."""
    return any(_GIT.match(_IGNORABLE.sub("", part)) for part in name.split("\\"))
