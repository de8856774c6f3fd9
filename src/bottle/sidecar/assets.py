"""Unpacks what travels inside the program: the sidecar's sources, the Dockerfiles, the locks."""

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from attrs import frozen

from bottle.assets import Assets
from bottle.cache import BuildCache
from bottle.errors import BottleError
from bottle.progress import Progress

SIDECAR_PACKAGE = "bottle_sidecar"
RECIPES = ("agent.Dockerfile", "native.lock", "requirements.lock", "sidecar.Dockerfile")
DIGEST_LENGTH = 24
_KINDS = (".py", ".json", "LICENSE")  # of the files in the package; what is compiled from them is not sent


@frozen
class SidecarAssets:
    """Writes the assets to a folder of `cache`, once for each content."""

    cache: BuildCache

    def unpack(self, progress: Progress) -> Assets:
        """The finished folder: the recipes, and beside them the `bottle_sidecar` package.

        Raises BottleError where the installation lacks one of the recipes.
        """
        contents = bundled()
        digest = content_digest(contents)
        root = self.cache.folder("assets", digest, lambda folder: write(contents, folder), progress)
        return Assets(root=root, digest=digest)


def bundled() -> Mapping[str, bytes]:
    """Relative path to content, in the order of the paths; the same from a checkout, a wheel or a zipapp."""
    found = dict(_sources(files(SIDECAR_PACKAGE), SIDECAR_PACKAGE))
    recipes = _recipe_folder()
    for name in RECIPES:
        recipe = recipes.joinpath(name)
        if not recipe.is_file():
            raise BottleError(
                f"the installation is damaged: '{name}' is missing", hint="install bot-bottle again"
            )
        found[name] = recipe.read_bytes()
    return dict(sorted(found.items()))


def content_digest(contents: Mapping[str, bytes]) -> str:
    """Depends on names and contents alone: not on the order, times, modes or place of the files."""
    digest = hashlib.sha256()
    for path, content in sorted(contents.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:DIGEST_LENGTH]


def write(contents: Mapping[str, bytes], folder: Path) -> None:
    """Modes are set, not left to the umask: an image built from the folder must not depend on it."""
    for path, content in contents.items():
        target = folder / path
        for parent in reversed(target.relative_to(folder).parents[:-1]):
            (folder / parent).mkdir(exist_ok=True)
            (folder / parent).chmod(0o755)
        target.write_bytes(content)
        target.chmod(0o644)


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        path = f"{prefix}/{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry, path)
        elif entry.name.endswith(_KINDS):
            yield path, entry.read_bytes()


def _recipe_folder() -> Traversable:
    """In a wheel and a zipapp they lie in this package; in a checkout, beside the sidecar's package."""
    packaged = files("bottle.sidecar").joinpath("image")
    return packaged if packaged.is_dir() else files(SIDECAR_PACKAGE).joinpath("..")
