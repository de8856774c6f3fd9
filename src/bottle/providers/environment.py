"""What every agent finds in its bottle, whichever CLI it is: environment, shell profile, git identity."""

from bottle.plan import (
    AGENT_PATH,
    AGENT_USER,
    PROXY_HOST,
    PROXY_PORT,
    TRUST_STORE,
    GitIdentity,
    SeedFile,
)
from bottle.providers.base import AgentContext
from bottle_sidecar.policy.gate import GATE_HOST, SSH_PORT, GateRepo

_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
_NO_PROXY_VARIABLES = ("NO_PROXY", "no_proxy")
_TRUST_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CODEX_CA_CERTIFICATE",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
)
_GATE_SCHEMES = ("ssh", "git+ssh", "ssh+git", "git")
# In a workspace that came from the host, owners, inodes and, in a copy, ctimes are not those that git's index
# knows; by size and time of change alone it need not read every file anew.
_WORKSPACE_CONFIG = "[core]\n\tcheckStat = minimal\n\ttrustctime = false\n"
_DEFAULT_TERM = "xterm-256color"
_KNOWN_TERMS = frozenset(
    {
        _DEFAULT_TERM, "dumb", "linux", "rxvt", "screen", "screen-256color", "tmux", "tmux-256color",
        "vt100", "vt220", "xterm", "xterm-color",
    }
)  # fmt: skip


def common_environment(context: AgentContext) -> dict[str, str]:
    """Home, proxy and trust, as all clients known to us read them.

    Both cases of the proxy variables, since curl reads `http_proxy` and Claude Code `HTTPS_PROXY`; the
    trust variables name the whole store, since most of them replace a client's own. Loopback stays
    direct: servers that the agent itself starts live there.
    """
    proxy = f"http://{PROXY_HOST}:{PROXY_PORT}"
    return {
        "HOME": str(context.home),
        "USER": AGENT_USER,
        "LOGNAME": AGENT_USER,
        "SHELL": "/bin/bash",
        "PATH": AGENT_PATH,
        "LANG": "C.UTF-8",
        **dict.fromkeys(_PROXY_VARIABLES, proxy),
        **dict.fromkeys(_NO_PROXY_VARIABLES, "127.0.0.1,localhost,::1"),
        "NODE_USE_ENV_PROXY": "1",
        **dict.fromkeys(_TRUST_VARIABLES, str(TRUST_STORE)),
        "GIT_TERMINAL_PROMPT": "0",
        **_terminal(context),
    }


def common_files(context: AgentContext) -> tuple[SeedFile, ...]:
    git_config = _WORKSPACE_CONFIG + _git_config(context.git_identity) + _gate_config(context.git_upstreams)
    config = SeedFile(path=context.home / ".gitconfig", content=git_config.encode(), mode=0o644)
    return _profile(context), config


def _terminal(context: AgentContext) -> dict[str, str]:
    """The operator's terminal where the bottle's terminfo has it, else its nearest common relative."""
    term = context.terminal.get("TERM", "")
    chosen = {"TERM": term if term in _KNOWN_TERMS else _DEFAULT_TERM}
    if colors := context.terminal.get("COLORTERM"):
        chosen["COLORTERM"] = colors
    return chosen


def _profile(context: AgentContext) -> SeedFile:
    """Login shells, which the CLIs use for their tools too, get PATH reset by Debian's /etc/profile."""
    text = f'export PATH="{AGENT_PATH}"\nif [ -n "$BASH" ] && [ -f ~/.bashrc ]; then . ~/.bashrc; fi\n'
    return SeedFile(path=context.home / ".profile", content=text.encode(), mode=0o644)


def _git_config(identity: GitIdentity) -> str:
    fields = {"name": identity.name, "email": identity.email}
    lines = [f"\t{key} = {_git_quoted(entry.value)}" for key, entry in fields.items() if entry]
    return "\n".join(["[user]", *lines, ""]) if lines else ""


def _gate_config(upstreams: tuple[GateRepo, ...]) -> str:
    """Every ssh URL goes to the gate, which knows what is declared and says so where something is not."""
    if not upstreams:
        return ""
    gate = f"http://{GATE_HOST}/"
    lines = [f'[http "{gate}"]', f"\tproxy = http://{PROXY_HOST}:{PROXY_PORT}"]
    lines += [f'[url "{gate}"]', *(f"\tinsteadOf = {scheme}://" for scheme in _GATE_SCHEMES)]
    for login in dict.fromkeys(f"{up.user}@{up.host}" for up in upstreams if up.port == SSH_PORT):
        lines += [f'[url "{gate}{login}/"]', f"\tinsteadOf = {login}:"]
    return "\n".join([*lines, ""])


def _git_quoted(value: str) -> str:
    """A value in git's configuration syntax, where nothing but these five needs an escape."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\b": "\\b"}
    return '"' + "".join(escapes.get(character, character) for character in value) + '"'
