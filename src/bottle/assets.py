"""Where a back-end finds what it builds the sidecar and the agent's image from."""

from pathlib import Path

from attrs import frozen


@frozen(kw_only=True)
class Assets:
    """The unpacked sidecar sources, Dockerfiles and locks. `digest` is a hash of their content."""

    root: Path
    digest: str
