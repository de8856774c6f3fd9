"""The keys that a manifest may have, table by table: what is known, and what is refused with a reason."""

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from bottle.manifest.problems import did_you_mean, nearest_word


@frozen(kw_only=True)
class Keys:
    """The keys of one mapping. `path` is where it stands, `[]` for any index and `<name>` for a free key.

    `refused`: keys that are answered with a reason of their own.
    """

    path: str = ""
    names: tuple[str, ...]
    refused: Mapping[str, str] = field(factory=dict)

    def full(self) -> list[str]:
        return [f"{self.path}.{name}" if self.path else name for name in self.names]


BOTTLE = Keys(
    names=("extends", "env", "agent_provider", "git-gate", "egress", "supervise", "resources", "budget"),
)
AGENT_PROVIDER = Keys(
    path="agent_provider",
    names=("template", "version", "dockerfile", "auth_token", "forward_host_credentials"),
)
GIT_GATE = Keys(path="git-gate", names=("user", "repos"))
GIT_USER = Keys(path="git-gate.user", names=("name", "email"))
GIT_REPO = Keys(path="git-gate.repos.<name>", names=("url", "identity", "host_key", "push"))
PUSH = Keys(path="git-gate.repos.<name>.push", names=("refs", "force", "delete", "paths_ask"))
EGRESS = Keys(path="egress", names=("routes",))
ROUTE = Keys(
    path="egress.routes[]",
    names=(
        "host",
        "scheme",
        "path_allowlist",
        "methods",
        "query",
        "auth",
        "dlp",
        "pipelock",
        "address",
        "ca_file",
    ),
    refused={"role": "reserved, no value is valid; remove the key"},
)
AUTH = Keys(path="egress.routes[].auth", names=("scheme", "token_ref"))
PIPELOCK = Keys(path="egress.routes[].pipelock", names=("tls_passthrough", "ssrf_ip_allowlist"))
RESOURCES = Keys(path="resources", names=("cpus", "memory", "pids", "disk"))
BUDGET = Keys(path="budget", names=("usd", "tokens", "requests"))

BOTTLE_TABLES: Sequence[Keys] = (
    BOTTLE,
    AGENT_PROVIDER,
    GIT_GATE,
    GIT_USER,
    GIT_REPO,
    PUSH,
    EGRESS,
    ROUTE,
    AUTH,
    PIPELOCK,
    RESOURCES,
    BUDGET,
)

# Claude Code's own subagent fields: accepted so that one file serves both, and ignored.
SUBAGENT_FIELDS = ("name", "description", "model", "color", "memory", "tools")
_OF_THE_BOTTLE = "belongs to the bottle: an agent file, which any repository may bring, grants nothing"
AGENT = Keys(
    names=("bottle", "skills", "git-gate", *SUBAGENT_FIELDS),
    refused={name: _OF_THE_BOTTLE for name in BOTTLE.names if name != "git-gate"},
)
AGENT_GIT_GATE = Keys(
    path="git-gate",
    names=("user",),
    refused={
        "repos": "an agent cannot declare repositories: they carry keys and remotes, and any cloned "
        "repository may bring an agent file; declare them in the bottle"
    },
)
AGENT_TABLES: Sequence[Keys] = (AGENT, AGENT_GIT_GATE, GIT_USER)


def hint_for(unknown: str, keys: Keys, tables: Sequence[Keys]) -> str | None:
    """What an unknown key of `keys` was probably meant to be: a sibling, or a key of another table."""
    if (sibling := did_you_mean(unknown, keys.names)) is not None and _same(unknown, keys.names):
        return sibling
    paths = [path for table in tables if table is not keys for path in table.full()]
    for path in paths:
        if path.rsplit(".", 1)[-1] == unknown:
            return f"did you mean '{path}'?"
    if sibling is not None:
        return sibling
    return f"valid keys: {', '.join(keys.names)}" if len(keys.names) <= 10 else None


def _same(unknown: str, names: tuple[str, ...]) -> bool:
    nearest = nearest_word(unknown, names)
    return nearest is not None and nearest.casefold().replace("-", "_") == unknown.casefold().replace(
        "-", "_"
    )
