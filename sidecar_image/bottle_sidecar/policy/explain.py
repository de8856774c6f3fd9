"""Verdicts put into words: the body of a refusal, the manifest change that would allow it, `bottle why`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bottle_sidecar.policy.decide import Request, Rule, Verdict
from bottle_sidecar.policy.document import Route, Scheme
from bottle_sidecar.policy.urls import parameters

_LONGEST = 512
_BUDGET = (Rule.BUDGET, Rule.CROWD, Rule.UNCOUNTED)


def refusal_body(verdict: Verdict, request: Request, identity: str) -> dict[str, Any]:
    """The JSON body of a 403. `error.message` stands where API clients look for a text to show."""
    who = f"bot-bottle sidecar of bottle {identity}"
    ask = _how_to_ask(verdict, request)
    return {
        "type": "error",
        "error": {
            "type": "refused_by_bot_bottle",
            "code": verdict.rule.value,
            "message": f"Refused by the {who}: {verdict.reason} {ask}",
        },
        "refused_by": who,
        "host": verdict.host,
        "method": _printable(request.method),
        "path": None if _names_secret(verdict) else _printable(request.target.partition("?")[0]),
        "rule": verdict.rule.value,
        "reason": verdict.reason,
        "how_to_ask": ask,
    }


def manifest_change(verdict: Verdict, request: Request) -> str | None:
    """YAML for the bottle's manifest that takes this refusal away; None where no manifest can, or need to.

    It shows the route with the keys that matter; an existing route keeps its other keys. Values of
    query parameters never appear in it.
    """
    keys = _CHANGES.get(verdict.rule)
    if keys is None or verdict.host is None:
        return None
    host = verdict.host if verdict.route is None else verdict.route.host
    changed = keys(verdict, request)
    if changed is None:
        return None
    lines = ("egress:", "  routes:", f"    - host: {_scalar(host)}", *(f"      {line}" for line in changed))
    return "\n".join(lines) + "\n"


def verdict_text(verdict: Verdict, request: Request) -> str:
    """The lines of `bottle why`: verdict, rule, who granted the route, and the change that would alter it."""
    lines = [
        f"{'allowed' if verdict.allowed else 'refused'}: {verdict.reason}",
        f"rule: {verdict.rule.value}",
    ]
    if verdict.route is not None:
        lines.append(f"route: {verdict.route.host} (from {verdict.route.origin})")
    if verdict.allowed and verdict.finding is not None:
        lines.append(f"noticed in its {verdict.finding.place}, but let pass: {verdict.finding.rule}")
    if verdict.path is not None:
        lines.append(f"path judged: {_printable(verdict.path)}")
    change = manifest_change(verdict, request)
    if change is not None:
        lines.append(f"to allow it, the bottle's manifest needs:\n{change.rstrip()}")
    elif not verdict.allowed:
        lines.append(_without_change(verdict))
    return "\n".join(lines)


def _names_secret(verdict: Verdict) -> bool:
    """Whether the path would show what was found."""
    return verdict.finding is not None and verdict.finding.place == "url"


def _how_to_ask(verdict: Verdict, request: Request) -> str:
    change = manifest_change(verdict, request)
    if change is None:
        return _without_change(verdict)
    return f"{verdict.hint or ''} Ask the operator to put this into the bottle's manifest:\n{change}".lstrip()


def _without_change(verdict: Verdict) -> str:
    if verdict.rule in _BUDGET:
        return verdict.hint or ""
    if verdict.rule is Rule.ADDRESS:
        return "The operator may list the address under pipelock.ssrf_ip_allowlist of the host's route."
    if verdict.rule is Rule.HONEYTOKEN:
        return "Nothing allows it: this credential is of no use there, and the operator was alarmed."
    if verdict.rule is Rule.UNREADABLE:
        return "Send the body as it is, or compressed with gzip, deflate, br or zstd."
    return "No manifest entry allows it; the request itself must change."


def _new_route(_: Verdict, request: Request) -> Sequence[str]:
    return _scheme_line(request) if request.scheme == Scheme.HTTP else ()


def _new_scheme(_: Verdict, request: Request) -> Sequence[str]:
    return _scheme_line(request)


def _scheme_line(request: Request) -> Sequence[str]:
    return (f"scheme: {request.scheme}",)


def _new_method(verdict: Verdict, request: Request) -> Sequence[str]:
    return (f"methods: {_sequence((*_route(verdict).methods, request.method))}",)


def _new_path(verdict: Verdict, _: Request) -> Sequence[str] | None:
    """The path itself; of an overlong one its beginning, where that is a prefix of whole segments."""
    path = verdict.path or "/"
    wanted = path if len(path) <= _LONGEST else path[:_LONGEST].rpartition("/")[0]
    return (f"path_allowlist: {_sequence((*_route(verdict).path_allowlist, wanted))}",) if wanted else None


def _new_query(verdict: Verdict, request: Request) -> Sequence[str] | None:
    """The request's parameters, each with its pattern where that matches; None where that cannot help."""
    rule = _route(verdict).query_rule
    globs = dict(_route(verdict).query or ())
    found = parameters(request.target.partition("?")[2])
    if rule is None or len({name for name, _ in found}) < len(found):
        return None
    wanted = {
        name: globs[name] if name in globs and rule.matches(name, values) else "*" for name, values in found
    }
    line = f"query: {_mapping(wanted)}"
    return (line,) if len(line) <= _LONGEST else None


def _new_dlp(_: Verdict, __: Request) -> Sequence[str]:
    return ("dlp: warn",)


def _new_address(verdict: Verdict, _: Request) -> Sequence[str] | None:
    if verdict.address is None:
        return None
    listed = (*(_route(verdict).ssrf_ip_allowlist), verdict.address)
    return ("pipelock:", f"  ssrf_ip_allowlist: {_sequence(listed)}")


_CHANGES: Mapping[Rule, Callable[[Verdict, Request], Sequence[str] | None]] = {
    Rule.UNKNOWN_HOST: _new_route,
    Rule.SCHEME: _new_scheme,
    Rule.METHOD: _new_method,
    Rule.PATH: _new_path,
    Rule.QUERY: _new_query,
    Rule.ADDRESS: _new_address,
    Rule.SECRET: _new_dlp,
}


def _route(verdict: Verdict) -> Route:
    assert verdict.route is not None, "a refusal by a route's rule names the route"
    return verdict.route


def _printable(text: str) -> str:
    """A text of the agent's as ASCII without control characters, cut where it is overlong."""
    shown = "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in text[:_LONGEST])
    return shown + "..." * (len(text) > _LONGEST)


def _scalar(text: str) -> str:
    """A YAML 1.2 scalar that is certainly a string, in printable ASCII."""
    escaped = (c if " " <= c <= "~" and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return f'"{"".join(escaped)}"'


def _sequence(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_scalar, texts))}]"


def _mapping(texts: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_scalar(key)}: {_scalar(value)}" for key, value in texts.items()) + "}"
