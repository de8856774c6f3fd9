"""Secret values: held in memory, never shown.

A plan names its secrets; `SecretValues` carries them beside it, from the resolver to the two places
that use them: the sidecar's start message and the environment of the agent process.
"""

from collections.abc import Iterator, Mapping

from attrs import field, frozen


@frozen
class Secret:
    """A text that `repr`, `str` and `format` never show; `reveal` is called where it is handed over."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "Secret(***)"

    def __repr__(self) -> str:
        return "Secret(***)"

    def __bool__(self) -> bool:
        return bool(self._value)


@frozen(kw_only=True)
class SecretValues:
    """The values behind a plan's references.

    `tokens`: by `token_ref`, for the sidecar alone. `env`: by variable name, for the agent; those
    that came from the operator's environment or a prompt. `placeholders`: by `token_ref`, what the
    agent holds in place of the token; unique to the bottle. `sources`: the host variables that `env`
    was made of, by name. `decoys`: credentials that open nothing, by where they lie. `upstream_proxy`:
    the host's own proxy, whose URL may carry a password. `git_keys`: private keys, by the name of the
    git upstream.
    """

    tokens: Mapping[str, Secret] = field(factory=dict)
    env: Mapping[str, Secret] = field(factory=dict)
    sources: Mapping[str, Secret] = field(factory=dict)
    placeholders: Mapping[str, str] = field(factory=dict, repr=False)
    decoys: Mapping[str, str] = field(factory=dict, repr=False)
    upstream_proxy: Secret | None = None
    no_proxy: str | None = None
    git_keys: Mapping[str, Secret] = field(factory=dict)

    def texts(self) -> Iterator[str]:
        """Every value that no output may contain."""
        for group in (self.tokens, self.env, self.sources, self.git_keys):
            for secret in group.values():
                yield secret.reveal()
        if self.upstream_proxy:
            yield self.upstream_proxy.reveal()
