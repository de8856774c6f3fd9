"""A token that is renewed while the sidecar serves."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from attrs import frozen

from bottle_sidecar.control.protocol import Remark, Renew
from bottle_sidecar.policy.document import Auth, AuthScheme, Route
from support.certificates import CertificateAuthority
from support.sidecar import Reply, Sidecar
from support.upstreams import Answer, Seen, Upstream

OLD = "old-7Qz9mT4vXb2LpR8sWd6Kq1"
NEW = "new-3Hc5nY8wFj6TkU1gZv9Ax2"
PLACEHOLDER = "bottle-placeholder-5f1e8c2a9b7d4036"
BEARER = Auth(scheme=AuthScheme.BEARER, token_ref="T")


async def tells(_: Seen) -> Answer:
    """Answers with both values."""
    return Answer(headers=[("x-token", NEW)], body=f"{OLD} and {NEW}".encode())


@frozen(kw_only=True)
class World:
    sidecar: Sidecar
    upstream: Upstream

    def get(self, host: str, target: str = "/", credential: str = PLACEHOLDER) -> Reply:
        return self.sidecar.request(host, target, headers={"Authorization": f"Bearer {credential}"})

    def sent(self) -> str:
        """The credential of the last request that got out."""
        (value,) = self.upstream.requests[-1].values("authorization")
        return value


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[World]:
    """A sidecar whose token was renewed after a first request."""
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(authority, "own.test", "api.test", handler=tells))
        own, other = (
            Route(host=host, auth=auth, address=upstream.address, ca_pem=authority.pem)
            for host, auth in (("own.test", BEARER), ("api.test", None))
        )
        sidecar = stack.enter_context(
            Sidecar(
                tmp_path_factory.mktemp("renewal"),
                routes=[own, other],
                tokens={"T": OLD},
                placeholders={"T": PLACEHOLDER},
            )
        )
        made = World(sidecar=sidecar, upstream=upstream)
        assert made.get("own.test").status == 200
        assert made.sent() == f"Bearer {OLD}"
        sidecar.tell(Renew(tokens={"T": NEW}))
        sidecar.told("renewed")
        yield made


def test_next_request_leaves_with_the_new_value(world: World) -> None:
    assert world.get("own.test").status == 200
    assert world.sent() == f"Bearer {NEW}"


def test_both_values_are_masked_in_answers(world: World) -> None:
    reply = world.get("own.test")

    assert reply.body == b"*" * len(OLD) + b" and " + b"*" * len(NEW)
    assert reply.headers["x-token"] == "*" * len(NEW)


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("token", [OLD, NEW])
def test_both_values_may_not_leave(world: World, token: str, *, encoded: bool) -> None:
    spelled = base64.b64encode(token.encode()).decode() if encoded else token
    before = len(world.upstream.requests)

    assert world.get("api.test", f"/?q={spelled}", credential="none").status == 403
    assert world.sidecar.request("api.test", method="POST", body=spelled.encode()).status == 403
    assert len(world.upstream.requests) == before


@pytest.mark.parametrize("tokens", [{"U": NEW}, {"T": "line\nbreak"}, {"T": ""}, {"T": OLD, "U": OLD}])
def test_what_cannot_be_used_changes_nothing(world: World, tokens: dict[str, str]) -> None:
    world.sidecar.tell(Renew(tokens=tokens))
    world.sidecar.told("fault")

    assert world.get("own.test").status == 200
    assert world.sent() == f"Bearer {NEW}"


def test_log_names_the_token_and_masks_both_values(world: World) -> None:
    world.sidecar.tell(Remark(reason=f"seen {OLD} and {NEW}, \x1b[31m"))
    world.sidecar.told("remark")
    log = world.sidecar.log.read_text()

    assert world.sidecar.told("renewed")["owner"] == "T"
    assert OLD not in log
    assert NEW not in log
    assert "\x1b" not in log
