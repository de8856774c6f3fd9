"""Which requests are calls of an LLM API: by host and path, as `decide` has judged them.

At the makers' own hosts everything that may cost something is either understood or, where a budget is to
be kept, refused: an odd path or a batch must not be a way around the count. Elsewhere the path alone tells.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from attrs import frozen

from bottle_sidecar.policy.hosts import HostPattern
from bottle_sidecar.policy.usage import Api

HOSTS = ("api.anthropic.com", "api.openai.com", "chatgpt.com")
_CALLS: Mapping[str, Api] = {
    "/v1/messages": Api.MESSAGES,
    "/v1/responses": Api.RESPONSES,
    "/v1/responses/compact": Api.RESPONSES,
    "/v1/chat/completions": Api.CHAT,
    "/backend-api/codex/responses": Api.RESPONSES,
    "/backend-api/codex/responses/compact": Api.RESPONSES,
}
_FREE = frozenset({"/v1/messages/count_tokens", "/v1/responses/input_tokens"})
_READING = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


class Cost(StrEnum):
    """Whether a request costs something, and whether its answer will tell how much."""

    NONE = "none"
    TOLD = "told"
    UNTOLD = "untold"


@frozen(kw_only=True)
class Charge:
    """What is known of a request's cost beforehand. `at_maker`: the host is one of the makers' own."""

    cost: Cost
    api: Api | None = None
    at_maker: bool = False


def is_maker(host: str) -> bool:
    """Whether a normalised host is a maker's own API, or a regional one of it."""
    return any(host == known or host.endswith(f".{known}") for known in HOSTS)


def may_cover_maker(route_host: str) -> bool:
    """Whether a route's host, exact or with a wildcard, takes in a maker's API."""
    pattern = HostPattern(route_host)
    bare = route_host.removeprefix("*.")
    return is_maker(bare) or any(pattern.matches(host) for host in HOSTS)


def charge(host: str, path: str, method: str, headers: Iterable[tuple[str, str]]) -> Charge:
    """`path` without its query."""
    upgrade = any(name.lower() == "upgrade" for name, _ in headers)
    at_maker = is_maker(host)
    api = _CALLS.get(path) if at_maker else _by_ending(path)
    if api is not None and (method == "POST" or (method == "GET" and upgrade and api is Api.RESPONSES)):
        return Charge(cost=Cost.TOLD, api=api, at_maker=at_maker)
    free = (method in _READING and not upgrade) or (method == "POST" and path in _FREE)
    return Charge(cost=Cost.NONE if free or not at_maker else Cost.UNTOLD, at_maker=at_maker)


def _by_ending(path: str) -> Api | None:
    return next((api for ending, api in _CALLS.items() if path.endswith(ending)), None)
