"""An operator whose build cache is warm, and the site that their bottles run on."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.project import BottleProject, operator_environment
from support.sites import Site


@contextmanager
def operator(site: Site) -> Iterator[BottleProject]:
    """Everything of theirs but the build cache is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as name:
        folder = Path(name)
        places = {"XDG_RUNTIME_DIR": folder / "run", "TMPDIR": folder / "tmp"}
        for place in places.values():
            place.mkdir(mode=0o700)
        settings = {variable: str(place) for variable, place in places.items()}
        environ = operator_environment({**site.environ, **settings})
        yield BottleProject(folder=folder, environ=_compiling_once(environ))


def _compiling_once(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Without what would have Python compile the program anew at each start."""
    return {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
