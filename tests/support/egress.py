"""The kinds of fixture that egress tests take."""

from collections.abc import Callable

from bottle_sidecar.policy.document import Route
from support.sidecar import Sidecar
from support.upstreams import Upstream

Begin = Callable[..., Sidecar]
Serve = Callable[..., Upstream]
MakeRoute = Callable[..., Route]
Shared = tuple[Sidecar, Upstream]
