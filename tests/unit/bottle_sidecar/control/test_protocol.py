import json
import traceback

import pytest

from bottle_sidecar.control.protocol import (
    VERSION,
    Ask,
    Decide,
    Exceeded,
    Exit,
    Failed,
    GateStart,
    Message,
    Notice,
    Ready,
    Remark,
    Renew,
    Shutdown,
    Start,
    from_json,
    to_json,
)
from bottle_sidecar.policy.budget import Spent
from bottle_sidecar.policy.document import Auth, AuthScheme, Policy, Route
from bottle_sidecar.policy.gate import GateRepo, PushRules

ROUTE = Route(
    host="*.example.com",
    path_allowlist=("/v1",),
    methods=("GET",),
    query=(("name", "a*"),),
    auth=Auth(scheme=AuthScheme.HEADER, token_ref="TOKEN", header="X-Key"),
    ssrf_ip_allowlist=("10.0.0.0/8",),
    address="127.0.0.1:1",
    ca_pem="PEM",
)
UPSTREAM = GateRepo(
    name="a", user="git", host="h.example", path="/a", host_key="k K", push=PushRules(refs=("x",))
)
START = Start(
    identity="dev-abcde",
    policy=Policy(routes=(ROUTE, Route(host="a.b"))),
    exit=Exit(handover="/run/exit"),
    tokens={"TOKEN": "token-value\udcff"},
    placeholders={"TOKEN": "placeholder-value"},
    upstream_proxy="http://me:proxy-value@proxy:1",
    no_proxy="localhost",
    secrets=("typed-value",),
    decoys={"~/.aws/credentials": "decoy-value"},
    gate=GateStart(
        repos=(UPSTREAM,),
        keys={"a": "private-key-value"},
        scratch="/scratch",
        sockets="/sockets",
    ),
    spent=Spent(usd_micro=1, tokens=2, requests=3),
)


@pytest.mark.parametrize(
    "message",
    [
        START,
        Start(identity="x", policy=Policy(), exit=Exit(unix="/run/u")),
        Ready(ca_certificate="C", ca_fingerprint="F", trust_store="T"),
        Failed(message="no"),
        Shutdown(),
        Renew(tokens={"T": "token-value"}),
        Remark(reason="why"),
        Exceeded(used=1 << 40),
        Ask(key="k", what="push", title="one\ud800", text="two\n"),
        Notice(text="t"),
        Decide(key="k", approved=False, reason="no"),
    ],
)
def test_a_message_comes_over_the_line_as_it_was(message: Message) -> None:
    assert from_json(json.loads(json.dumps(to_json(message)))) == message


def test_the_keys_of_each_message_are_pinned() -> None:
    """Who changes them must raise VERSION: the two ends may come from two builds."""
    assert VERSION == 4
    assert set(to_json(START)) == {
        "kind", "version", "identity", "policy", "exit", "tokens", "placeholders", "upstream_proxy",
        "no_proxy", "log_head", "secrets", "decoys", "gate", "spent",
    }  # fmt: skip
    assert set(to_json(Ready(ca_certificate="", ca_fingerprint="", trust_store=""))) == {
        "kind", "ca_certificate", "ca_fingerprint", "trust_store"
    }  # fmt: skip
    assert to_json(Failed(message="m")) == {"kind": "failed", "message": "m"}
    assert to_json(Shutdown()) == {"kind": "shutdown"}
    assert to_json(Renew(tokens={"T": "v"})) == {"kind": "renew", "tokens": {"T": "v"}}
    assert to_json(Remark(reason="r")) == {"kind": "remark", "reason": "r"}
    assert set(to_json(Ask(key="k", what="push", title="", text=""))) == {
        "kind",
        "key",
        "what",
        "title",
        "text",
    }
    assert to_json(Notice(text="t")) == {"kind": "notice", "text": "t"}
    assert set(to_json(Decide(key="k", approved=True))) == {"kind", "key", "approved", "reason"}


def test_a_start_can_be_printed() -> None:
    assert "-value" not in repr(START)
    assert "-value" not in repr(Renew(tokens={"T": "token-value"}))
    assert "PEM" not in repr(START)


@pytest.mark.parametrize(
    "document",
    [
        None, 3, "start", [], [1], [["kind", "start"]], {}, {"kind": None}, {"kind": ["start"]}, {"kind": {}},
        {"kind": "begin"}, {"kind": "start"}, {"kind": "failed"}, {"kind": "failed", "message": "m", "x": 1},
        {"kind": "shutdown", "x": 1}, {**to_json(START), "surplus": 1}, {**to_json(START), "policy": None},
        {**to_json(START), "tokens": "token-value"}, {**to_json(START), "version": "token-value"},
        {**to_json(START), "exit": {"handover": "/x", "port": 3}},
        {**to_json(START), "policy": {"routes": [{"host": "A.B"}]}},
    ],
)  # fmt: skip
def test_anything_else_is_refused_without_a_secret_in_the_error(document: object) -> None:
    with pytest.raises(ValueError, match="message") as caught:
        from_json(document)

    assert "-value" not in "".join(traceback.format_exception(caught.value))
