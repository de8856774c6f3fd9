"""`git-gate`: commit identity, upstreams, push rules."""

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

from bottle.manifest import keys, values
from bottle.manifest.problems import Invalid, quoted, render_path
from bottle.manifest.reading import Cursor
from bottle.manifest.schema import GitGate, GitRepo, GitUser
from bottle_sidecar.policy.gate import SSH_PORT, PushRules
from bottle_sidecar.policy.hosts import HostError, normalise_host

_REPO_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SSH_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SSH_PATH = re.compile(r"/[A-Za-z0-9._~+@/-]+")
_SCP_FORM = re.compile(r"([^/@:]+@[^/:]+):([^0-9].*)")
_KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
_URL_FORM = "write ssh://user@host[:port]/path"
_KEY_FORM = "write '<type> <base64>' as ssh-keyscan prints it, such as 'ssh-ed25519 AAAAC3...'"


@frozen(kw_only=True)
class SshUrl:
    text: str
    user: str
    host: str
    port: int
    path: str

    @property
    def canonical(self) -> tuple[str, int, str]:
        """The same for two spellings of one upstream."""
        return self.host, self.port, self.path.removesuffix("/").removesuffix(".git")

    @property
    def known_as(self) -> frozenset[str]:
        """The names under which a known_hosts line may list this host."""
        bracketed = f"[{self.host}]:{self.port}"
        return frozenset({self.host, bracketed}) if self.port == SSH_PORT else frozenset({bracketed})


@frozen(kw_only=True)
class GitGateReader:
    """`identity` parses the path of a private key file."""

    identity: Callable[[str], Path]

    def git_gate(self, cursor: Cursor) -> GitGate | None:
        fields = cursor.fields(keys.GIT_GATE)
        if fields is None:
            return None
        return GitGate(
            user=fields.read("user", git_user) or GitUser(),
            repos=fields.read("repos", self._repos) or {},
        )

    def _repos(self, cursor: Cursor) -> dict[str, GitRepo]:
        found: dict[str, GitRepo] = {}
        first: dict[tuple[str, int, str], Cursor] = {}
        for entry in cursor.entries() or ():
            name = entry.key.text
            if not _REPO_NAME.fullmatch(name) or name in {".", ".."} or name.startswith("-"):
                message = "not a valid repository name"
                hint = "use letters, digits, '.', '_' and '-'"
                cursor.report.add(entry.key.position, message, path=entry.value.path, hint=hint)
            read = self._repo(entry.value, name)
            if read is None:
                continue
            repo, url = read
            if (earlier := first.setdefault(url.canonical, entry.value)) is not entry.value:
                entry.value.fail(f"the same upstream as {render_path(earlier.path)}", "remove one")
            found[name] = repo
        return found

    def _repo(self, cursor: Cursor, name: str) -> tuple[GitRepo, SshUrl] | None:
        fields = cursor.fields(keys.GIT_REPO, required=("url", "identity", "host_key"))
        if fields is None:
            return None
        url = fields.text("url", ssh_url)
        identity = fields.text("identity", self.identity)
        host_key = fields.text("host_key", lambda line: pinned_key(line, url))
        push = fields.read("push", _push)
        if url is None or identity is None or host_key is None:
            return None
        repo = GitRepo(
            name=name,
            url=url.text,
            user=url.user,
            host=url.host,
            port=url.port,
            path=url.path,
            identity=identity,
            host_key=host_key,
            push=push,
        )
        return repo, url


def git_user(cursor: Cursor) -> GitUser | None:
    fields = cursor.fields(keys.GIT_USER)
    if fields is None:
        return None
    name = fields.text("name", _identity_text)
    email = fields.text("email", _identity_text)
    if not fields.values:
        cursor.fail("needs a name or an email")
    return GitUser(name=name or None, email=email or None)


def _identity_text(text: str) -> str:
    """What git can store in a commit's author line."""
    if any(mark in text for mark in "<>"):
        raise Invalid(f"{quoted(text)}: '<' and '>' are not allowed")
    return values.line(text)


def _push(cursor: Cursor) -> PushRules | None:
    fields = cursor.fields(keys.PUSH)
    if fields is None:
        return None
    force = fields.read("force", Cursor.boolean)
    delete = fields.read("delete", Cursor.boolean)
    return PushRules(
        refs=fields.read("refs", lambda inner: inner.texts(values.glob)),
        force=force is not False,
        delete=delete is not False,
        paths_ask=fields.read("paths_ask", lambda inner: inner.texts(values.glob)) or (),
    )


def ssh_url(text: str) -> SshUrl:
    """`ssh://user@host[:port]/path`."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid(f"{quoted(text)} is not an ssh URL", _URL_FORM)
    if (scp := _SCP_FORM.fullmatch(text)) and "://" not in text:
        raise Invalid(f"{quoted(text)} is not a URL", f"write 'ssh://{scp[1]}/{scp[2].removeprefix('/')}'")
    parts = _split(text)
    if parts.password is not None:
        raise Invalid("a password in a URL is not allowed", "give the private key file as identity")
    if parts.scheme != "ssh":
        raise Invalid("only ssh upstreams are known", _URL_FORM)
    return SshUrl(
        text=text,
        user=_user(text, parts),
        host=_host(text, parts),
        port=_port(text, parts),
        path=_path(text, parts),
    )


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise Invalid(f"{quoted(text)} names no valid host", _URL_FORM) from None


def _user(text: str, parts: SplitResult) -> str:
    if parts.username is None or not _SSH_USER.fullmatch(parts.username):
        raise Invalid(f"{quoted(text)} names no user", _URL_FORM)
    return parts.username


def _host(text: str, parts: SplitResult) -> str:
    try:
        return normalise_host(parts.hostname or "")
    except HostError:
        raise Invalid(f"{quoted(text)} names no valid host", _URL_FORM) from None


def _port(text: str, parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise Invalid(f"{quoted(text)} has no valid port", _URL_FORM)
    return SSH_PORT if port is None else port


def _path(text: str, parts: SplitResult) -> str:
    segments = parts.path.split("/")
    if parts.query or parts.fragment or not _SSH_PATH.fullmatch(parts.path) or {".", ".."} & set(segments):
        raise Invalid(f"{quoted(text)} has no valid path", _URL_FORM)
    return parts.path


def pinned_key(text: str, url: SshUrl | None) -> str:
    """`<type> <base64>` out of a line as in known_hosts, in an id_*.pub file, or as ssh-keyscan prints it.

    A host field, where there is one, must name the host of `url`.
    """
    fields = text.split()
    if fields and fields[0].startswith("@"):
        raise Invalid(f"the marker {quoted(fields[0])} is not known here", _KEY_FORM)
    if fields and fields[0] not in _KEY_TYPES and len(fields) > 1 and fields[1] in _KEY_TYPES:
        _check_names(fields[0], url)
        fields = fields[1:]
    if len(fields) < 2 or fields[0] not in _KEY_TYPES or "\n" in text.strip():
        raise Invalid("not a line with an SSH host key", _KEY_FORM)
    kind, blob = fields[:2]
    if _kind_inside(blob) != kind:
        raise Invalid(
            f"the text after {quoted(kind)} is not such a key: it is cut off or mistyped", _KEY_FORM
        )
    return f"{kind} {blob}"


def _check_names(names: str, url: SshUrl | None) -> None:
    if names.startswith("|"):
        raise Invalid("the host's name is hashed and cannot be compared", "leave out the first field")
    if url is not None and not url.known_as & set(names.lower().split(",")):
        wanted = max(url.known_as) if url.port != SSH_PORT else url.host
        raise Invalid(f"the key is for {quoted(names)}, the url names {quoted(wanted)}")


def _kind_inside(blob: str) -> str | None:
    """The key type that a public key's own encoding starts with; None where the encoding is broken."""
    try:
        raw = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return None
    parts = []
    while raw:
        length = int.from_bytes(raw[:4], "big")
        if len(raw) < 4 + length:
            return None
        parts.append(raw[4 : 4 + length])
        raw = raw[4 + length :]
    return parts[0].decode("ascii", "replace") if len(parts) > 1 else None
