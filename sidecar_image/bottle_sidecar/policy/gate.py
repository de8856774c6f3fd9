"""What the git gate serves: the declared upstreams, and what may be pushed to each.

A repository is named in a URL as `/<user>@<host>[:<port>]/<path>`, which is what the bottle's git makes of
`ssh://<user>@<host>[:<port>]/<path>`. The declared path is compared, never a path of the agent's used.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from urllib.parse import unquote

from attrs import frozen

GATE_HOST = "gate.bottle"
SSH_PORT = 22
NO_OBJECT = "0" * 40
_ADDRESS = re.compile(
    r"(?P<user>[^@/]+)@(?P<host>\[[^\]/]+\]|[^:/@\[\]]+)(?::(?P<port>[0-9]{1,5}))?/(?P<path>.+)", re.DOTALL
)
_OBJECT = re.compile(r"[0-9a-f]{40}\Z")
_BAD_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)|\.\Z|/\Z")


@frozen(kw_only=True)
class PushRules:
    """Narrows what may be pushed. `refs` None: any ref; empty: none. `paths_ask`: globs that need a yes."""

    refs: tuple[str, ...] | None = None
    force: bool = True
    delete: bool = True
    paths_ask: tuple[str, ...] = ()


@frozen(kw_only=True)
class GateRepo:
    """One declared upstream. `host_key` is `<type> <base64>`; `path` begins with `/`."""

    name: str
    user: str
    host: str
    port: int = SSH_PORT
    path: str
    host_key: str
    push: PushRules = PushRules()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == SSH_PORT else f":{self.port}"
        return f"ssh://{self.user}@{host}{port}{self.path}"

    @property
    def known_host(self) -> str:
        """The line of a known_hosts file."""
        name = self.host if self.port == SSH_PORT else f"[{self.host}]:{self.port}"
        return f"{name} {self.host_key}\n"

    @property
    def address(self) -> "Address":
        return Address(user=self.user, host=self.host.lower(), port=self.port, path=_plain(self.path))


@frozen(kw_only=True)
class Address:
    """What names an upstream, in one spelling."""

    user: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> "Address | None":
        """Of `<user>@<host>[:<port>]/<path>`; None where it is not of that form."""
        match = _ADDRESS.fullmatch(text)
        if match is None:
            return None
        host = match["host"].removeprefix("[").removesuffix("]").lower()
        port = int(match["port"] or SSH_PORT)
        return cls(user=match["user"], host=host, port=port, path=_plain(match["path"]))


@frozen(kw_only=True)
class Target:
    """What a request is for: `place` as it was named, `service` is what follows the repository."""

    place: str
    service: str

    @classmethod
    def parse(cls, path: str) -> "Target | None":
        """Of a URL's path, percent-encoded. None where it names no service of git's."""
        plain = unquote(path, errors="surrogateescape").removeprefix("/")
        for service in ("info/refs", "git-upload-pack", "git-receive-pack"):
            if plain.endswith(f"/{service}"):
                return cls(place=plain.removesuffix(f"/{service}"), service=service)
        place, lfs, _ = plain.partition("/info/lfs")
        return cls(place=place, service="info/lfs") if lfs else None


def find(repos: Iterable[GateRepo], place: str) -> GateRepo | None:
    """The declared upstream that `place` names; nothing but an exact match of the whole counts."""
    wanted = Address.parse(place)
    return next((repo for repo in repos if repo.address == wanted), None)


@frozen(kw_only=True)
class RefUpdate:
    """What a push asks for one ref: object ids before and after, `NO_OBJECT` for none."""

    old: str
    new: str
    ref: str

    @property
    def creates(self) -> bool:
        return self.old == NO_OBJECT

    @property
    def deletes(self) -> bool:
        return self.new == NO_OBJECT


def malformed(update: RefUpdate) -> str | None:
    """Why an update is no update at all."""
    if not _OBJECT.match(update.old) or not _OBJECT.match(update.new):
        return "not an object id"
    if not update.ref.startswith("refs/") or update.ref.count("/") < 2 or _BAD_IN_REF.search(update.ref):
        return "not a valid ref name"
    return None


def refusal(rules: PushRules, update: RefUpdate) -> str | None:
    """Why `rules` bar an update, as far as it can be told without looking at the commits."""
    if rules.refs is not None and not any(fnmatchcase(update.ref, glob) for glob in _globs(rules.refs)):
        return "push.refs of the manifest does not cover this ref"
    if update.deletes and not rules.delete:
        return "push.delete of the manifest forbids deletions"
    return None


def asks(rules: PushRules, path: str) -> bool:
    """Whether a push that touches `path` needs the operator's yes; `*` matches over slashes, too."""
    return any(fnmatchcase(path, glob) for glob in rules.paths_ask)


def shown(text: str) -> str:
    """A name of the agent's, with nothing in it that a terminal would act on."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter) & 0xFF:02x}" for letter in text)


def _globs(refs: Sequence[str]) -> Iterable[str]:
    """A glob without `refs/` in front means a branch or a tag, as git itself understands a short name."""
    for glob in refs:
        if glob.startswith("refs/"):
            yield glob
        else:
            yield from (f"refs/heads/{glob}", f"refs/tags/{glob}")


def _plain(path: str) -> str:
    return path.strip("/").removesuffix(".git")
