"""`python -m attacks.mutations [NAME...]`: weakens one rule at a time, and sees that attacks notice.

Each mutation changes one place in a copy of the sources, and runs `bottle selftest` on the native back-end
with the attacks that must then get through. Prints a table, as docs/security/mutations.md has it; exits with
1 where one stays unnoticed.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from attrs import frozen

from bottle.proc import Command, run
from support.engine.model import BUILD, REPOSITORY

_SOURCES = ("src", "sidecar_image")
_SECONDS = 300.0
_NOT_COPIED = shutil.ignore_patterns("__pycache__")
_POLICY, _EGRESS = "sidecar_image/bottle_sidecar/policy", "sidecar_image/bottle_sidecar/egress"
_DLP = f"{_POLICY}/dlp"
_GATE = "sidecar_image/bottle_sidecar/gate"
_NATIVE, _JAIL = "src/bottle/backends/native", "src/bottle/jail"


_HEAD = """\
# Mutations

What `make mutations` printed: one rule at a time is weakened in a copy of the sources, and
[`bottle selftest`](../reference/cli.md#bottle-selftest) is run on the native backend. *red*: exactly the
attacks that must notice got through. *refused to launch*: the proof of isolation found it before there was
anything to attack.

| rule that was weakened | file | outcome | attacks that got through, or what the launch said |
|---|---|---|---|"""


class Seen(StrEnum):
    """`REFUSED`: the launch itself found it, before any attack."""

    RED = "red"
    REFUSED = "refused to launch"
    UNNOTICED = "NOT NOTICED"
    FAILED = "DID NOT RUN"


@frozen(kw_only=True)
class Mutation:
    """In `file`, `old` becomes `new`; then each of `red` gets through.

    `refusal`: no bottle starts at all, and the launch says so with these words.
    """

    name: str
    file: str
    old: str
    new: str
    red: tuple[str, ...]
    refusal: str | None = None


MUTATIONS = (
    Mutation(
        name="a host without a route gets the first route",
        file=f"{_POLICY}/document.py",
        old="return self._table.find(host)",
        new="return self._table.find(host) or self.routes[0]",
        red=("proxy.hosts_without_a_route",),
    ),
    Mutation(
        name="names may disagree",
        file=f"{_POLICY}/decide.py",
        old="if len(hosts) > 1:",
        new="if not hosts:",
        red=("proxy.names_that_disagree",),
    ),
    Mutation(
        name="any port will do",
        file=f"{_POLICY}/decide.py",
        old="if ports != {default}:",
        new="if not ports:",
        red=("proxy.other_ports_of_a_granted_host",),
    ),
    Mutation(
        name="paths outside the allowlist pass",
        file=f"{_POLICY}/decide.py",
        old="if not target.is_under(route.prefixes):",
        new="if not target:",
        red=("requests.paths_around_the_allowlist", "proxy.redirects"),
    ),
    Mutation(
        name="dot segments pass",
        file=f"{_POLICY}/urls.py",
        old="if _DOT_SEGMENT.search(reading):",
        new="if not reading:",
        red=("requests.paths_around_the_allowlist",),
    ),
    Mutation(
        name="a path is decoded once and not again",
        file=f"{_POLICY}/urls.py",
        old="        levels.append(_decoded(levels[-1]))\n    return levels",
        new="        levels.append(_decoded(levels[-1]))\n        break\n    return levels",
        red=("requests.paths_around_the_allowlist",),
    ),
    Mutation(
        name="methods that a route does not list pass",
        file=f"{_POLICY}/decide.py",
        old="if route.methods and request.method not in route.methods:",
        new="if not request.method:",
        red=("requests.methods_around_the_rule",),
    ),
    Mutation(
        name="override headers pass",
        file=f"{_POLICY}/decide.py",
        old="    _allow_headers,\n",
        new="",
        red=("requests.methods_around_the_rule",),
    ),
    Mutation(
        name="https without a tunnel passes",
        file=f"{_POLICY}/decide.py",
        old="if request.connect_host is None and request.scheme == Scheme.HTTPS:",
        new="if not request.scheme:",
        red=("proxy.absolute_forms",),
    ),
    Mutation(
        name="the sidecar's own host answers anything",
        file=f"{_EGRESS}/guard.py",
        old='if asked.method == "GET" and asked.target == HEALTH_PATH:',
        new="if asked.method:",
        red=("proxy.the_sidecars_own_host",),
    ),
    Mutation(
        name="private addresses are dialled",
        file=f"{_EGRESS}/dial.py",
        old="allowed = [ip for ip, reason in verdicts if reason is None]",
        new="allowed = [ip for ip, _ in verdicts]",
        red=("proxy.names_of_private_addresses",),
    ),
    Mutation(
        name="servers' certificates are not verified",
        file=f"{_EGRESS}/upstream.py",
        old="context.set_verify(SSL.VERIFY_PEER)",
        new="context.set_verify(SSL.VERIFY_NONE)",
        red=("tls.unknown_authorities", "tls.wrong_names"),
    ),
    Mutation(
        name="a certificate for any name will do",
        file=f"{_EGRESS}/upstream.py",
        old="        _require_certificate_for(host, connection)\n",
        new="",
        red=("tls.wrong_names",),
    ),
    Mutation(
        name="a credential in an answer's headers is not masked",
        file=f"{_EGRESS}/mask.py",
        old="headers.fields = tuple((mask(name), mask(value)) for name, value in headers.fields)",
        new="headers.fields = tuple((mask(name), value) for name, value in headers.fields)",
        red=("credentials.echoed_credentials",),
    ),
    Mutation(
        name="a credential in an answer's body is not masked",
        file=f"{_EGRESS}/guard.py",
        old="response.stream = self._mask.body(response)",
        new="response.stream = True",
        red=("credentials.echoed_credentials",),
    ),
    Mutation(
        name="a tunnel carries requests of any scheme",
        file=f"{_EGRESS}/streams.py",
        old='request.scheme not in ("", self._spoken)',
        new='request.scheme not in ("", "http", "https")',
        red=("requests.http2_headers",),
    ),
    Mutation(
        name="HTTP/2 names hosts that do not count",
        file=f"{_EGRESS}/guard.py",
        old="claims = [absolute, *hosts] if request.is_http2 else [*hosts, absolute]",
        new="claims = [tunnel.host] if request.is_http2 and tunnel else [*hosts, absolute]",
        red=("requests.http2_headers", "requests.http2_streams", "tls.hellos"),
    ),
    Mutation(
        name="a body of HTTP/2 need not come",
        file=f"{_EGRESS}/streams.py",
        old='request.is_http2 and self._bodiless and length != "0"',
        new='request.is_http2 and self._bodiless and length == "x"',
        red=("requests.http2_streams",),
    ),
    Mutation(
        name="anything goes behind an upgrade",
        file=f"{_EGRESS}/streams.py",
        old="self.child_layer = BoundedWebsocketLayer(self.context, self.flow)",
        new="from mitmproxy.proxy.layers import TCPLayer as Raw; self.child_layer = Raw(self.context)",
        red=("requests.websockets",),
    ),
    Mutation(
        name="old TLS is spoken",
        file=f"{_EGRESS}/authority.py",
        old="context.set_min_proto_version(SSL.TLS1_2_VERSION)",
        new='context.set_min_proto_version(SSL.TLS1_VERSION); context.set_cipher_list(b"ALL:@SECLEVEL=0")',
        red=("tls.old_versions",),
    ),
    Mutation(
        name="a hundred idle connections use up the sidecar",
        file="sidecar_image/bottle_sidecar/egress/proxy.py",
        old="MAX_CONNECTIONS = 256",
        new="MAX_CONNECTIONS = 100",
        red=("floods.connections",),
    ),
    Mutation(
        name="the agent gets the credential itself",
        file="src/bottle/launch/resolve.py",
        old="placeholders = {name: before.get(name) or placeholder() for name in tokens}",
        new="placeholders = {name: token.reveal() for name, token in tokens.items()}",
        red=("credentials.environments_and_arguments", "credentials.memories"),
    ),
    Mutation(
        name="core dumps are allowed",
        file=f"{_NATIVE}/bottle.py",
        old='("RLIMIT_CORE", 0), ',
        new="",
        red=("credentials.core_dumps",),
    ),
    Mutation(
        name="files have no limit",
        file=f"{_NATIVE}/bottle.py",
        old=', ("RLIMIT_FSIZE", limits.disk)]',
        new="]",
        red=("resources.file_sizes",),
    ),
    Mutation(
        name="memory and processes have a limit that is too high",
        file=f"{_NATIVE}/bottle.py",
        old="self._limit(plan.limits, account)",
        new="self._limit(Limits(cpus=8.0, memory=1 << 36, pids=30000, disk=plan.limits.disk), account)",
        red=("resources.memory", "resources.processes"),
    ),
    Mutation(
        name="keys may be typed into terminals",
        file=f"{_NATIVE}/seccomp.py",
        old="_TERMINAL_INJECTION = (0x5412, 0x541C, 0x5423)",
        new="_TERMINAL_INJECTION = (0x5423,)",
        red=("kernel.terminal_requests",),
    ),
    Mutation(
        name="any personality may be taken on",
        file=f"{_NATIVE}/seccomp.py",
        old="(_PERSONALITY, [_argument(0), *_only(_PERSONALITIES, errno.EPERM)]),",
        new="(_PERSONALITY, []),",
        red=("kernel.personalities",),
    ),
    Mutation(
        name="one more system call is allowed",
        file=f"{_NATIVE}/seccomp.py",
        old='    "userfaultfd": _Call(323, 282),\n    "io_uring_setup": _Call(425, 425),\n',
        new='    "userfaultfd": _Call(323, 282),\n',
        red=("kernel.dangerous_calls",),
    ),
    Mutation(
        name="sockets of every family",
        file=f"{_NATIVE}/seccomp.py",
        old="    yield from _only((_UNIX,), errno.EAFNOSUPPORT)\n",
        new="",
        red=("addresses.other_socket_families",),
    ),
    Mutation(
        name="internet sockets of every protocol",
        file=f"{_NATIVE}/seccomp.py",
        old="        *_only(_PROTOCOLS, errno.EPROTONOSUPPORT),\n",
        new="",
        red=("addresses.rare_protocols",),
    ),
    Mutation(
        name="netlink of every protocol",
        file=f"{_NATIVE}/seccomp.py",
        old="netlink = [_argument(2), *_only((_NETLINK_ROUTE,), errno.EPROTONOSUPPORT), _return(ALLOW)]",
        new="netlink = [_return(ALLOW)]",
        red=("addresses.netlink_protocols",),
    ),
    Mutation(
        name="no system call filter at all",
        file=f"{_JAIL}/enter.py",
        old="    kernel.load_seccomp(bytes.fromhex(entry.seccomp))\n",
        new="",
        red=("kernel.dangerous_calls", "kernel.personalities"),
        refusal="not tight",
    ),
    Mutation(
        name="capabilities are kept",
        file=f"{_JAIL}/enter.py",
        old="    kernel.drop_capabilities(last_capability)\n    kernel.no_new_privileges()\n",
        new="    kernel.no_new_privileges()\n",
        red=("processes.capabilities",),
        refusal="not tight",
    ),
    Mutation(
        name="the root is writable",
        file=f"{_NATIVE}/bwrap.py",
        old='        *("--remount-ro", "/"),\n',
        new="",
        red=("files.writing_the_base",),
        refusal="not tight",
    ),
    Mutation(
        name="the host's processes are visible",
        file=f"{_NATIVE}/bwrap.py",
        old='"--unshare-ipc", "--unshare-pid", ',
        new='"--unshare-ipc", ',
        red=("processes.seeing_other_processes",),
        refusal="not tight",
    ),
    Mutation(
        name="shared memory is that of the host",
        file=f"{_NATIVE}/bwrap.py",
        old='"--unshare-user", "--unshare-ipc", ',
        new='"--unshare-user", ',
        red=("processes.shared_memory",),
    ),
    Mutation(
        name="the sandbox stays in the host's network",
        file=f"{_JAIL}/hold.py",
        old="kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)",
        new="kernel.unshare(kernel.CLONE_NEWUSER)",
        red=("addresses.tcp_to_services_of_the_host",),
        refusal="the sandbox did not start",
    ),
    Mutation(
        name="no amount on the disk is too much",
        file="sidecar_image/bottle_sidecar/disk.py",
        old="if used > limit:",
        new="if used < 0:",
        red=("resources.disk_in_many_files",),
    ),
    Mutation(
        name="empty files weigh nothing",
        file="sidecar_image/bottle_sidecar/disk.py",
        old="size = max(status.st_blocks * _BLOCK, SMALLEST)",
        new="size = status.st_blocks * _BLOCK",
        red=("resources.inode_flood",),
    ),
    Mutation(
        name="open files without a name are not counted",
        file=f"{_JAIL}/openfiles.py",
        old="not stat.S_ISREG(status.st_mode)",
        new="True",
        red=("resources.disk_without_names",),
    ),
    Mutation(
        name="folders without permissions are passed over",
        file=f"{_JAIL}/watch.py",
        old="_ABILITIES = (kernel.CAP_DAC_READ_SEARCH, kernel.CAP_SYS_PTRACE)",
        new="_ABILITIES = (kernel.CAP_SYS_PTRACE,)",
        red=("resources.disk_in_hidden_folders",),
    ),
    Mutation(
        name="base64 is not looked into",
        file=f"{_DLP}/layers.py",
        old="        yield from _from_base64(runs, is_open=is_open)\n",
        new="",
        red=("leaks.base64_encoded", "leaks.stacked_encodings"),
    ),
    Mutation(
        name="hexadecimal is not looked into",
        file=f"{_DLP}/layers.py",
        old='        yield from _from_hex(b" ".join(runs), is_open=is_open)\n',
        new="",
        red=("leaks.hexadecimal", "leaks.stacked_encodings"),
    ),
    Mutation(
        name="percents are not undone",
        file=f"{_DLP}/layers.py",
        old="    _unquoted,\n",
        new="",
        red=("leaks.percent_encoded", "leaks.stacked_encodings"),
    ),
    Mutation(
        name="string escapes are not undone",
        file=f"{_DLP}/layers.py",
        old="    _unescaped,\n",
        new="",
        red=("leaks.string_escapes", "leaks.stacked_encodings"),
    ),
    Mutation(
        name="entities are not undone",
        file=f"{_DLP}/layers.py",
        old="    _without_entities,\n",
        new="",
        red=("leaks.html_entities", "leaks.stacked_encodings"),
    ),
    Mutation(
        name="lists of numbers are not read",
        file=f"{_DLP}/scanner.py",
        old="            self._inside(layers.listed_bytes(last), nested - 1)\n",
        new="",
        red=("leaks.lists_of_numbers",),
    ),
    Mutation(
        name="UTF-16 is not read",
        file=f"{_DLP}/layers.py",
        old='    if b"\\0" in text:',
        new="    if not text:",
        red=("leaks.other_charsets",),
    ),
    Mutation(
        name="quoted-printable is not undone",
        file=f"{_DLP}/scanner.py",
        old="            self._inside(layers.quoted_printable_layers(last), nested - 1)\n",
        new="",
        red=("leaks.other_charsets",),
    ),
    Mutation(
        name="escapes are undone once",
        file=f"{_DLP}/layers.py",
        old="ROUNDS = 4",
        new="ROUNDS = 1",
        red=("leaks.percent_encoded",),
    ),
    Mutation(
        name="what is wrapped twice is not looked into",
        file=f"{_DLP}/scanner.py",
        old="_NESTED = 3",
        new="_NESTED = 1",
        red=("leaks.stacked_encodings",),
    ),
    Mutation(
        name="windows do not overlap",
        file=f"{_DLP}/scanner.py",
        old="self._tail = window[-OVERLAP:]",
        new='self._tail = b""',
        red=("leaks.cut_into_pieces", "leaks.http2_data", "leaks.websocket_messages"),
    ),
    Mutation(
        name="nothing is held back",
        file=f"{_POLICY}/screen.py",
        old="return held if held >= _TELLING else 0",
        new="return 0",
        red=("leaks.cut_into_pieces",),
    ),
    Mutation(
        name="a secret with signs between its parts is none",
        file=f"{_DLP}/scanner.py",
        old="        self._apart(last)\n",
        new="",
        red=("leaks.over_parameters",),
    ),
    Mutation(
        name="a query and its body are apart",
        file=f"{_EGRESS}/inspect.py",
        old="before=self._query(asked, verdict, route),",
        new="before=None,",
        red=("leaks.over_parameters",),
    ),
    Mutation(
        name="compressed bodies are not looked into",
        file=f"{_EGRESS}/scan.py",
        old="self._unpacker: Unpacker | None = Unpacker(undo)",
        new="self._unpacker: Unpacker | None = None",
        red=("leaks.compressed_bodies", "leaks.undeclared_compression", "leaks.bombs", "leaks.long_uploads"),
    ),
    Mutation(
        name="compression that is not declared is not seen",
        file=f"{_EGRESS}/decoding.py",
        old="            self._layers += _undeclared(data)\n",
        new="",
        red=("leaks.undeclared_compression",),
    ),
    Mutation(
        name="unknown encodings pass",
        file=f"{_EGRESS}/decoding.py",
        old='raise UnreadableBodyError("its content encoding is not known") from None',
        new="return []",
        red=("leaks.undeclared_compression",),
    ),
    Mutation(
        name="bodies are not scanned as they stand",
        file=f"{_EGRESS}/scan.py",
        old="        self._raw.feed(data)\n",
        new="",
        red=("leaks.plain_in_bodies", "leaks.undeclared_compression"),
    ),
    Mutation(
        name="headers are not scanned",
        file=f"{_POLICY}/screen.py",
        old="return found or self._in_headers(request, depth, own)",
        new="return found",
        red=("leaks.plain_in_headers", "leaks.http2_fields"),
    ),
    Mutation(
        name="names of headers are not scanned",
        file=f"{_POLICY}/screen.py",
        old='found = self._look("\\n".join(name for name, _ in headers), depth, "header name", own)',
        new="found = None",
        red=("leaks.plain_in_headers", "leaks.http2_fields"),
    ),
    Mutation(
        name="URLs are not scanned",
        file=f"{_POLICY}/screen.py",
        old='yield "url", request.target',
        new='yield "url", ""',
        red=("leaks.plain_in_urls", "leaks.http2_fields", "leaks.requests_in_a_row"),
    ),
    Mutation(
        name="host names are not scanned",
        file=f"{_POLICY}/screen.py",
        old="for name in dict.fromkeys(named) if name)",
        new="for name in dict.fromkeys(named) if not name)",
        red=("leaks.host_labels",),
    ),
    Mutation(
        name="noise in names passes",
        file=f"{_POLICY}/screen.py",
        old="return judge_names(verdict, evolve(request,",
        new="return (lambda verdict, _: verdict)(verdict, evolve(request,",
        red=("leaks.noise_in_names", "leaks.host_labels"),
    ),
    Mutation(
        name="no rules are looked for",
        file=f"{_DLP}/scanner.py",
        old="rules = self._rules if depth is Depth.FULL else None",
        new="rules = None",
        red=("leaks.plain_in_bodies", "leaks.plain_in_urls", "leaks.plain_in_headers"),
    ),
    Mutation(
        name="WebSocket messages are not scanned",
        file=f"{_EGRESS}/websockets.py",
        old="flow.metadata.get(MESSAGES)",
        new="None",
        red=("leaks.websocket_messages", "leaks.placeholders"),
    ),
    Mutation(
        name="each WebSocket message is scanned by itself alone",
        file=f"{_EGRESS}/scan.py",
        old="        self._connection.feed(data)\n",
        new="",
        red=("leaks.websocket_messages",),
    ),
    Mutation(
        name="pings and closes are not scanned",
        file=f"{_EGRESS}/scan.py",
        old="        self._control.feed(data)\n",
        new="        del data\n",
        red=("leaks.websocket_messages",),
    ),
    Mutation(
        name="a placeholder may leave for anywhere",
        file=f"{_POLICY}/screen.py",
        old="known = [*(KnownSecret(value=value) for value in cased), *self._known_bait]",
        new="known = [KnownSecret(value=value) for value in cased]",
        red=("leaks.placeholders", "credentials.placeholder_to_another_host"),
    ),
    Mutation(
        name="trailers leave",
        file=f"{_EGRESS}/streams.py",
        old="        if isinstance(event, RequestTrailers):\n            return\n",
        new="",
        red=("leaks.trailers",),
    ),
    Mutation(
        name="any repository is the declared one",
        file=f"{_POLICY}/gate.py",
        old="return next((repo for repo in repos if repo.address == wanted), None)",
        new="return next((repo for repo in repos if wanted is not repo), None)",
        red=("git.undeclared_repositories", "git.paths_around_the_repository", "git.options_and_transports"),
    ),
    Mutation(
        name="git may take any amount of memory for an object",
        file=f"{_GATE}/git.py",
        old="_MEMORY = 1024**3",
        new="_MEMORY = 1024**5",
        red=("git.bombs",),
    ),
    Mutation(
        name="a push is forwarded whatever is found in it",
        file=f"{_GATE}/receive.py",
        old="        if leaks:\n",
        new="        if not tips:\n",
        red=("git.replace_refs",),
    ),
)


@frozen(kw_only=True)
class Trial:
    """A mutated copy of the sources and an operator of its own, in `folder`."""

    folder: Path

    def run(self, mutation: Mutation) -> tuple[Seen, str]:
        """What was seen, and which attacks got through or what the launch said."""
        for name in _SOURCES:
            shutil.copytree(REPOSITORY / name, self.folder / name, ignore=_NOT_COPIED)
        path = self.folder / mutation.file
        path.write_text(path.read_text().replace(mutation.old, mutation.new, 1))
        only = [word for attack in mutation.red for word in ("--only", attack)]
        argv = (sys.executable, "-m", "bottle", "selftest", "--backend", "native", "--json", *only)
        done = run(
            Command(argv=argv, env=self._environ(), cwd=str(self.folder), timeout=_SECONDS), check=False
        )
        if done.stdout:
            return _judged(mutation, json.loads(done.stdout)["data"]["outcomes"])
        said = done.stderr.decode(errors="replace").strip().splitlines()
        error = next((line for line in said if line.startswith("error:")), said[-1] if said else "")
        refused = mutation.refusal is not None and mutation.refusal in error
        return (Seen.REFUSED if refused else Seen.FAILED), error.removeprefix("error: ")

    def _environ(self) -> Mapping[str, str]:
        """The packages of the sidecar are the tests'; what is built of the copy goes with it."""
        cache = self.folder / "cache" / "bot-bottle"
        cache.mkdir(parents=True)
        for built in (BUILD / "cache" / "bot-bottle").glob("native-packages-*"):
            (cache / built.name).symlink_to(built)
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("BOT_BOTTLE_")},
            "PYTHONPATH": os.pathsep.join(str(self.folder / name) for name in _SOURCES),
            "PYTHONDONTWRITEBYTECODE": "1",
            "BOT_BOTTLE_HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
        }


def _judged(mutation: Mutation, outcomes: list[Mapping[str, str]]) -> tuple[Seen, str]:
    through = [f"{row['claim']}.{row['attack']}" for row in outcomes if row["outcome"] == "passed through"]
    noticed = set(through) == set(mutation.red)
    return (Seen.RED if noticed else Seen.UNNOTICED), ", ".join(through)


def main(wanted: list[str]) -> int:
    print(_HEAD, flush=True)
    good = True
    for mutation in MUTATIONS:
        if wanted and mutation.name not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="bm-", dir="/tmp") as folder:
            seen, detail = Trial(folder=Path(folder)).run(mutation)
        file = mutation.file.rpartition("bottle_sidecar/")[2].removeprefix("src/bottle/")
        print(f"| {mutation.name} | `{file}` | {seen.value} | {detail} |", flush=True)
        good &= seen in {Seen.RED, Seen.REFUSED}
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
