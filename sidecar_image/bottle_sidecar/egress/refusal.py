"""The answers that the sidecar gives in its own name: refusals, upstream failures, malformed requests.

All are JSON of one shape, given where the agent's client looks for an answer, so that the reason
reaches the person who reads the agent's output.
"""

import json
from collections.abc import Mapping
from typing import Any

from mitmproxy import http

from bottle_sidecar.policy.decide import Request, Rule, Verdict
from bottle_sidecar.policy.explain import refusal_body

_FORBIDDEN = 403
_STATUS: Mapping[Rule, int] = {Rule.BUDGET: 400, Rule.CROWD: 429}
_BAD_GATEWAY = 502


def status_of(verdict: Verdict) -> int:
    """403 for what a rule bars, but see docs/decisions/0132 for the budget."""
    return _STATUS.get(verdict.rule, _FORBIDDEN)


def refused(verdict: Verdict, request: Request, identity: str) -> http.Response:
    return _json(status_of(verdict), refusal_body(verdict, request, identity))


def refused_message(verdict: Verdict, request: Request, identity: str) -> str:
    """The same for a WebSocket message: an event as LLM APIs send it."""
    return json.dumps({**refusal_body(verdict, request, identity), "status": status_of(verdict)})


def upstream_failed(code: str, message: str, identity: str) -> http.Response:
    """502 for an upstream that cannot be reached or trusted. `message` names the cause, and no secret."""
    return _json(_BAD_GATEWAY, _body(code, f"The sidecar of bottle {identity} got no answer: {message}"))


def malformed(problem: str, *, status: int = 400) -> http.Response:
    """For what is not a well-formed request, before any rule is asked."""
    return _json(status, _body("request.malformed", f"Refused by the bot-bottle sidecar: {problem}."))


def plain(document: dict[str, Any]) -> http.Response:
    """200 from the sidecar itself."""
    return _json(200, document)


def _body(code: str, message: str) -> dict[str, Any]:
    return {
        "type": "error",
        "error": {"type": "refused_by_bot_bottle", "code": code, "message": message},
        "rule": code,
        "reason": message,
    }


def _json(status: int, document: dict[str, Any]) -> http.Response:
    content = json.dumps(document, ensure_ascii=True).encode() + b"\n"
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return http.Response.make(status, content, headers)
