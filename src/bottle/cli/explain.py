"""`bottle why`: the proxy's own verdict, before anything runs."""

from urllib.parse import urlsplit

import click

from bottle.cli import complete
from bottle.cli.app import App, json_option
from bottle.cli.render import Result
from bottle.errors import UsageError
from bottle_sidecar.policy.decide import Request, decide
from bottle_sidecar.policy.document import Scheme
from bottle_sidecar.policy.explain import manifest_change, verdict_text
from bottle_sidecar.policy.leaks import judge_names


@click.command()
@click.option("--method", default="GET", show_default=True, help="The request's method.")
@json_option
@click.argument("agent", shell_complete=complete.agents)
@click.argument("url")
@click.pass_context
def why(context: click.Context, *, method: str, as_json: bool, agent: str, url: str) -> int:
    """Say whether AGENT may send a request to URL, by which rule, and what in the manifest would alter it.

    The answer is computed by the functions that the proxy calls. Of the scan for secrets it has the look
    at names that seem random; the rest needs a running bottle. Exit status 0: allowed, 1: refused.
    """
    app = App.of(context)
    request = _request(method, url)
    resolved = app.inspect(agent)
    verdict = judge_names(decide(resolved.plan.policy, request), request)
    data = {
        "allowed": verdict.allowed,
        "rule": verdict.rule.value,
        "reason": verdict.reason,
        "route": verdict.route.host if verdict.route else None,
        "origin": verdict.route.origin if verdict.route else None,
        "path": verdict.path,
        "finding": verdict.finding.rule if verdict.finding else None,
        "manifest_change": None if verdict.allowed else manifest_change(verdict, request),
    }
    result = Result(data=data, text=verdict_text(verdict, request), warnings=resolved.warnings)
    app.console.result(result, as_json=as_json)
    return 0 if verdict.allowed else 1


def _request(method: str, url: str) -> Request:
    """The request that a client makes for `url`. Raises UsageError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in set(Scheme) or not parts.hostname:
        raise UsageError(f"{url!r} is no http or https URL", hint="bottle why AGENT https://example.com/path")
    tunnel = parts.scheme == Scheme.HTTPS
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Request(
        method=method.upper(),
        scheme=parts.scheme,
        connect_host=parts.hostname if tunnel else None,
        connect_port=(port or Scheme.HTTPS.port) if tunnel else None,
        sni=parts.hostname if tunnel else None,
        authority=parts.netloc.rpartition("@")[2],  # a client sends user and password in a header, if at all
        target=target,
    )
