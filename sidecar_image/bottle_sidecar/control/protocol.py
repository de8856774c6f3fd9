"""Messages between `bottle` and its sidecar: one JSON object a line, host to stdin, sidecar to stdout.

The host sends `Start` first and may send `Renew`, `Remark`, `Decide` and `Shutdown`; end of file on stdin
means that the owner died, and the sidecar exits at once. The sidecar answers `Ready` once it holds the
bottle's listener's address, or `Failed`; it may say `Exceeded`, `Ask` and `Notice` later. Secrets travel in
`Start` and `Renew` only: never in argv, environment or a file.
"""

from collections.abc import Mapping
from typing import Any

import cattrs
from attrs import field, frozen

from bottle_sidecar.policy.budget import Spent
from bottle_sidecar.policy.chain import Head
from bottle_sidecar.policy.document import Policy
from bottle_sidecar.policy.gate import GateRepo

VERSION = 4


@frozen(kw_only=True)
class Exit:
    """Where the bottle's one exit comes in.

    `handover`: the sidecar listens on this unix socket, and whoever stands in the agent's network
    namespace sends it a listening TCP socket (SCM_RIGHTS). `unix`: the sidecar accepts the agent's
    connections on this unix socket itself (gVisor). Exactly one is set.
    """

    handover: str | None = None
    unix: str | None = None


@frozen(kw_only=True)
class GateStart:
    """What the git gate needs. `keys`: private keys by a repository's name.

    `scratch`: an empty folder of this bottle alone, removed with it. `sockets`: one with a path that is short
    enough for them. `cache`: a folder that outlives the bottle.
    """

    repos: tuple[GateRepo, ...]
    keys: Mapping[str, str] = field(repr=False)
    scratch: str
    sockets: str
    cache: str | None = None


@frozen(kw_only=True)
class Start:
    """Everything a sidecar needs. `upstream_proxy`: the host's own proxy as http://[user:pw@]host:port.

    `log_head`: where the bottle's audit log stands, if a sidecar wrote one before. `secrets`: what else must
    not leave the bottle. `decoys`: credentials that open nothing, by the place where they lie in it.
    `spent`: of the policy's budget, by sidecars of the same bottle before.
    """

    version: int = VERSION
    identity: str
    policy: Policy
    exit: Exit
    tokens: Mapping[str, str] = field(factory=dict, repr=False)
    placeholders: Mapping[str, str] = field(factory=dict, repr=False)
    upstream_proxy: str | None = field(default=None, repr=False)
    no_proxy: str | None = None
    log_head: Head | None = None
    secrets: tuple[str, ...] = field(factory=tuple, repr=False)
    decoys: Mapping[str, str] = field(factory=dict, repr=False)
    gate: GateStart | None = None
    spent: Spent = field(factory=Spent)


@frozen(kw_only=True)
class Ready:
    """`trust_store`: the CAs that the agent should trust, PEM, the bottle's own among them."""

    ca_certificate: str
    ca_fingerprint: str
    trust_store: str


@frozen(kw_only=True)
class Failed:
    """Why the sidecar could not start, in words for the operator."""

    message: str


@frozen(kw_only=True)
class Shutdown:
    """Close every connection and exit 0."""


@frozen(kw_only=True)
class Renew:
    """New values of tokens that the sidecar has. The old ones stay secrets."""

    tokens: Mapping[str, str] = field(repr=False)


@frozen(kw_only=True)
class Remark:
    """Something that the owner noticed, for the audit log."""

    reason: str


@frozen(kw_only=True)
class Exceeded:
    """The bottle holds `used` bytes of the disk, which is more than it may."""

    used: int


@frozen(kw_only=True)
class Ask:
    """Something that needs the operator's yes. `key`: what it is, so that asking again is no new question.

    `what`: one word for it. `title`: a line. `text`: what would happen, in lines that the agent wrote.
    """

    key: str
    what: str
    title: str
    text: str


@frozen(kw_only=True)
class Notice:
    """Something that the operator should know."""

    text: str


@frozen(kw_only=True)
class Decide:
    """What the operator says to the `Ask` with this key. `reason` is for the agent."""

    key: str
    approved: bool
    reason: str = ""


Message = Start | Ready | Failed | Shutdown | Renew | Remark | Exceeded | Ask | Notice | Decide
_KINDS: Mapping[str, type[Message]] = {
    "start": Start,
    "ready": Ready,
    "failed": Failed,
    "shutdown": Shutdown,
    "renew": Renew,
    "remark": Remark,
    "exceeded": Exceeded,
    "ask": Ask,
    "notice": Notice,
    "decide": Decide,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_converter = cattrs.Converter(forbid_extra_keys=True)


def to_json(message: Message) -> dict[str, Any]:
    return {"kind": _NAMES[type(message)], **_converter.unstructure(message)}


def from_json(document: object) -> Message:
    """The message behind a decoded line. Raises ValueError for an unknown kind or a wrong shape."""
    if not isinstance(document, Mapping):
        raise ValueError("a control message is a JSON object")  # noqa: TRY004 - one kind of error for any wrong line
    fields = dict(document)
    kind = _KINDS.get(str(fields.pop("kind", "")))
    if kind is None:
        raise ValueError("unknown control message")
    try:
        return _converter.structure(fields, kind)
    except Exception:  # noqa: BLE001 - whatever a converter raises; left out, since it may quote a secret
        raise ValueError(f"malformed {_NAMES[kind]} message") from None
