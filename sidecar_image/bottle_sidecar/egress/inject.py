"""Puts a route's credential into a request's headers; which ones, `policy.credentials` says."""

from collections.abc import Mapping

from attrs import evolve, field, frozen
from mitmproxy import http

from bottle_sidecar.policy import credentials
from bottle_sidecar.policy.document import Policy, Route


class MissingTokenError(Exception):
    """A route's token is absent or cannot be sent; the text names its reference, never its value."""


@frozen(kw_only=True)
class Injector:
    """The bottle's secrets, held in memory and given to the routes that own them.

    `retired`: values that were replaced.
    """

    tokens: Mapping[str, str] = field(repr=False)
    retired: tuple[str, ...] = field(default=(), repr=False)
    placeholders: Mapping[str, str] = field(repr=False)

    def check(self, policy: Policy) -> None:
        """Raises MissingTokenError where a route could not be served; called once, at start."""
        for route in policy.routes:
            if route.auth is None:
                continue
            try:
                credentials.check_secret(route.auth, self.tokens.get(route.auth.token_ref, ""))
            except credentials.CredentialError as error:
                raise MissingTokenError(f"route {route.host}: {error}") from None

    def secrets(self) -> tuple[str, ...]:
        """What neither the agent nor a log may show: tokens, and passwords within them."""
        tokens = (*self.tokens.values(), *self.retired)
        return tuple(text for text in (*tokens, *(token.partition(":")[2] for token in tokens)) if text)

    def renewed(self, tokens: Mapping[str, str], policy: Policy) -> "Injector":
        """The same with new values of some tokens; the old ones stay secrets.

        Raises MissingTokenError for a value that cannot be sent, and for a token that there was not before.
        """
        if strange := sorted(set(tokens) - set(self.tokens)):
            raise MissingTokenError(f"there is no token {strange[0]} to renew")
        replaced = tuple(self.tokens[name] for name in tokens)
        renewed = evolve(self, tokens={**self.tokens, **tokens}, retired=(*self.retired, *replaced))
        renewed.check(policy)
        return renewed

    def apply(self, route: Route, request: http.Request) -> None:
        """Rewrites the request's credential headers for this route."""
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.fields]
        if route.auth is None:
            kept = credentials.strip(fields)
        else:
            ref = route.auth.token_ref
            kept = credentials.inject(fields, route.auth, self.tokens[ref], self.placeholders.get(ref))
        request.headers = http.Headers(
            [(_name(name, lower=request.is_http2), value.encode("latin-1")) for name, value in kept]
        )


def _name(name: str, *, lower: bool) -> bytes:
    return (name.lower() if lower else name).encode("latin-1")
