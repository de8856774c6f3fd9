"""Secrets on their way out: wherever they stand in a request, however they are encoded and cut."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from attrs import frozen

from bottle_sidecar.policy.document import Auth, AuthScheme, Dlp, Route, Scheme
from support.certificates import CertificateAuthority
from support.http2_client import Http2Client
from support.sidecar import Reply, Sidecar, read_all, read_reply
from support.upstreams import Upstream

TOKEN = "tok-7Qz9mT4vXb2LpR8sWd6K"
SECRET = "pA55-gK3tYw8ZuN5hJ1cEr7V"
PLACEHOLDER = "bottle-placeholder-5f1e8c2a9b7d4036"
DECOY = "kX8vQ2mZr5Tn9LbW4cJ7hYp3Ds6Gf1Ae0UoViNtB"
PAT = "ghp_" + "Zq7Xw2Lm9Kt4Rv8Bn3Pd6Hs1Gj5Fc0Ya2Te4"
BEARER = Auth(scheme=AuthScheme.BEARER, token_ref="T")
HOSTS = ("api.test", "warn.test", "off.test", "own.test", "llm.test", "a.wild.test")
CHUNKED = {"Transfer-Encoding": "chunked"}


@frozen(kw_only=True)
class World:
    """A sidecar with a route of each kind, and the one upstream behind all of them."""

    sidecar: Sidecar
    upstream: Upstream
    plain: Upstream

    def post(self, body: bytes, host: str = "api.test", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.sidecar.request(host, "/in", method="POST", headers=named, body=body)

    def seen(self) -> int:
        return len(self.upstream.requests)

    def event(self, kind: str) -> dict[str, object]:
        """The latest of a kind."""
        return [event for event in self.sidecar.events if event["event"] == kind][-1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> Iterator[World]:
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(authority, *HOSTS, "*.wild.test"))
        plain = stack.enter_context(Upstream(None))

        def route(host: str, **keys: Any) -> Route:
            return Route(host=host, address=upstream.address, ca_pem=authority.pem, **keys)

        routes = [
            route("api.test"),
            route("warn.test", dlp=Dlp.WARN),
            route("off.test", dlp=Dlp.OFF),
            route("own.test", auth=BEARER),
            route("llm.test", auth=BEARER, provider_api=True),
            route("*.wild.test"),
            Route(host="plain.test", scheme=Scheme.HTTP, address=plain.address),
        ]
        sidecar = stack.enter_context(
            Sidecar(
                tmp_path_factory.mktemp("leaks"),
                routes=routes,
                tokens={"T": TOKEN},
                placeholders={"T": PLACEHOLDER, "OTHER": PLACEHOLDER[::-1]},
                secrets=(SECRET,),
                decoys={"~/.aws/credentials": DECOY},
            )
        )
        yield World(sidecar=sidecar, upstream=upstream, plain=plain)


def hidden(reply: Reply, *texts: str) -> bool:
    """Whether an answer shows none of these texts."""
    everything = reply.body + json.dumps(dict(reply.headers)).encode()
    return not any(text.encode() in everything for text in texts)


def multipart(value: bytes) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\n'
    return part + b"harmless\r\n" + part + value + b"\r\n--x--\r\n"


SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "base64": lambda text: base64.b64encode(f"x{text}yz".encode()),
    "base64 shifted": lambda text: base64.urlsafe_b64encode(f"xy{text}z".encode()),
    "hex": lambda text: text.encode().hex().encode(),
    "percent": lambda text: "".join(f"%{ord(letter):02x}" for letter in text).encode(),
    "json": lambda text: json.dumps({"a": [{"b": text}]}).encode(),
    "json in json": lambda text: json.dumps({"a": json.dumps({"b": f"\n{text}\n"})}).encode(),
    "multipart": lambda text: multipart(text.encode()),
    "form": lambda text: f"a=1&b={text}&c=2".encode(),
}
PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.compress),
    "stacked": ("gzip, br, zstd", lambda data: zstandard.compress(brotli.compress(gzip.compress(data)))),
    "undeclared gzip": ("", gzip.compress),
    "undeclared zstd": ("", zstandard.compress),
    "undeclared in declared": ("br", lambda data: brotli.compress(gzip.compress(data))),
}


class TestBodies:
    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_no_spelling_leaves(self, world: World, spelling: str) -> None:
        before = world.seen()
        for secret in (TOKEN, SECRET):
            reply = world.post(b"some text " + SPELLINGS[spelling](secret) + b" more text")
            assert (reply.status, reply.rule) == (403, "dlp.secret")
            assert "body" in reply.document["reason"]
            assert hidden(reply, secret)
        assert world.seen() == before

    @pytest.mark.parametrize("packing", PACKED)
    def test_no_compression_hides_it(self, world: World, packing: str) -> None:
        name, pack = PACKED[packing]
        before = world.seen()
        headers = {"Content_Encoding": name} if name else {}
        assert world.post(pack(b"text " * 5000 + SECRET.encode()), **headers).rule == "dlp.secret"
        assert world.seen() == before
        clean = pack(b"text " * 5000)
        assert world.post(clean, **headers).status == 200
        assert world.upstream.requests[-1].body == clean

    @pytest.mark.parametrize("size", [1, 7, len(SECRET) - 1])
    def test_it_is_found_across_chunks(self, world: World, size: int) -> None:
        text = b"text " + SECRET.encode() + b" text"
        chunks = [text[start : start + size] for start in range(0, len(text), size)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        before = world.seen()
        assert world.sidecar.request("api.test", method="POST", headers=CHUNKED, body=body).status == 403
        assert world.seen() == before

    def test_the_beginning_of_a_secret_passes_when_it_was_none(self, world: World) -> None:
        body = SECRET[:-1].encode()
        assert world.post(body).status == 200
        assert world.upstream.requests[-1].body == body
        chunks = b"%x\r\n%s\r\n" % (len(body), body) + b"3\r\nend\r\n0\r\n\r\n"
        assert world.sidecar.request("api.test", method="POST", headers=CHUNKED, body=chunks).status == 200
        assert world.upstream.requests[-1].body == body + b"end"

    def test_patterns(self, world: World) -> None:
        reply = world.post(f"see {PAT} there".encode())
        assert (reply.status, reply.rule) == (403, "dlp.secret")
        assert "github-pat" in reply.document["reason"]
        assert hidden(reply, PAT)
        event = world.event("leak")
        assert (event["rule"], event["place"], event["outcome"]) == ("github-pat", "body", "blocked")
        assert len(str(event["digest"])) == 12

    def test_a_secret_in_url_and_body_together(self, world: World) -> None:
        half = len(SECRET) // 2
        for body in (SECRET[half:], f"b={SECRET[half:]}&c=1"):
            reply = world.sidecar.request(
                "api.test", f"/in?a={SECRET[:half]}", method="POST", body=body.encode()
            )
            assert (reply.status, reply.rule) == (403, "dlp.secret")

    def test_what_cannot_be_read_does_not_leave(self, world: World) -> None:
        before = world.seen()
        assert world.post(b"anything", Content_Encoding="x-own").rule == "dlp.unreadable"
        assert world.post(b"anything", Content_Encoding="gzip").rule == "dlp.unreadable"
        assert world.seen() == before
        assert world.post(b"anything", "warn.test", Content_Encoding="x-own").status == 200
        assert world.post(b"anything", "off.test", Content_Encoding="gzip").status == 200

    @pytest.mark.parametrize(
        ("encoding", "bomb"),
        [
            ("gzip", gzip.compress(bytes(80_000_000))),
            ("br", brotli.compress(bytes(80_000_000), quality=5)),
            ("zstd", zstandard.compress(bytes(80_000_000))),
            ("gzip, gzip", gzip.compress(gzip.compress(bytes(80_000_000)))),
        ],
        ids=["gzip", "br", "zstd", "stacked"],
    )
    def test_bombs(self, world: World, encoding: str, bomb: bytes) -> None:
        reply = world.post(bomb, Content_Encoding=encoding)
        assert (reply.status, reply.rule) == (403, "dlp.unreadable")

    def test_trailers_do_not_leave(self, world: World) -> None:
        body = f"3\r\nabc\r\n0\r\nX-Late: {SECRET}\r\n\r\n".encode()
        reply = world.sidecar.request("api.test", method="POST", headers=CHUNKED, body=body)
        assert reply.status == 200
        assert SECRET not in str(world.upstream.requests[-1])

    def test_the_next_request_of_the_connection_is_served(self, world: World) -> None:
        secret = SECRET.encode()
        head = b"POST /in HTTP/1.1\r\nHost: api.test\r\nContent-Length: %d\r\n\r\n"
        with world.sidecar.secure("api.test") as connection:
            for body, status in ((b"clean", 200), (secret, 403), (b"clean", 200)):
                connection.sendall(head % len(body) + body)
                assert read_reply(connection).status == status

    def test_expect_continue(self, world: World) -> None:
        with world.sidecar.secure("api.test") as connection:
            connection.sendall(
                b"POST /in HTTP/1.1\r\nHost: api.test\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
                % len(SECRET)
            )
            assert connection.recv(25).startswith(b"HTTP/1.1 100")
            connection.sendall(SECRET.encode())
            assert b" 403 " in connection.recv(4096)

    def test_plain_http(self, world: World) -> None:
        with world.sidecar.connect() as connection:
            connection.sendall(
                f"POST http://plain.test/ HTTP/1.1\r\nHost: plain.test\r\nContent-Length: {len(SECRET)}\r\n"
                f"Connection: close\r\n\r\n{SECRET}".encode()
            )
            assert b"dlp.secret" in read_all(connection)
        assert not world.plain.requests

    def test_http2(self, world: World) -> None:
        with world.sidecar.secure("api.test", alpn=["h2"]) as connection:
            client = Http2Client(connection)
            before = world.seen()
            refused = client.request("api.test", "/in", method="POST", body=b"x" * 100_000 + SECRET.encode())
            assert (refused.status, json.loads(refused.body)["rule"]) == (403, "dlp.secret")
            assert world.seen() == before
            assert client.request("api.test", "/in", method="POST", body=b"clean").status == 200


class TestHeads:
    @pytest.mark.parametrize("spelling", ["plain", "base64", "base64 shifted", "hex", "percent"])
    def test_url_and_headers(self, world: World, spelling: str) -> None:
        before = world.seen()
        spelled = SPELLINGS[spelling](SECRET).decode()
        for target, headers, place in [
            (f"/a?b={spelled}", {}, "URL"),
            (f"/{spelled}/x", {}, "URL"),
            ("/", {"X-Note": f"a {spelled}"}, "header x-note"),
            ("/", {"Cookie": f"a={spelled}"}, "header cookie"),
        ]:
            reply = world.sidecar.request("api.test", target, headers=headers)
            assert (reply.status, reply.rule) == (403, "dlp.secret")
            assert place in reply.document["reason"]
            assert hidden(reply, SECRET, spelled)
        assert world.seen() == before
        assert SECRET not in world.sidecar.log.read_text()
        assert spelled not in world.sidecar.log.read_text()

    def test_headers_that_carry_credentials_are_not_guessed_at(self, world: World) -> None:
        for name in ("Authorization", "Cookie", "X-Api-Key"):
            assert world.sidecar.request("api.test", headers={name: f"Bearer {PAT}"}).status == 200
            assert world.sidecar.request("api.test", headers={name: f"a {SECRET}"}).rule == "dlp.secret"
        assert world.sidecar.request("api.test", headers={"X-Note": PAT}).rule == "dlp.secret"

    def test_the_name_of_a_header(self, world: World) -> None:
        assert world.sidecar.request("api.test", headers={SECRET: "1"}).rule == "dlp.secret"

    def test_a_name_below_a_wildcard(self, world: World) -> None:
        assert world.sidecar.request("a.wild.test").status == 200
        before = world.seen()
        for label in (SECRET.encode().hex(), SECRET.lower()):
            reply = world.sidecar.request(f"{label}.wild.test")
            assert (reply.status, reply.rule) == (403, "dlp.secret")
            assert hidden(reply, label)
            assert (world.seen(), reply.document["host"]) == (before, "*.wild.test")

    def test_http2(self, world: World) -> None:
        with world.sidecar.secure("api.test", alpn=["h2"]) as connection:
            client = Http2Client(connection)
            head = [(":method", "GET"), (":scheme", "https"), (":authority", "api.test")]
            path = (":path", "/")
            for rest in (
                [(":path", f"/?a={SECRET}")],
                [path, ("x-note", SECRET)],
                [path, (SECRET.lower(), "1")],
            ):
                assert client.finish(client.begin([*head, *rest])).status == 403


class TestHoneytokens:
    @pytest.mark.parametrize("host", ["api.test", "warn.test", "off.test"])
    @pytest.mark.parametrize("bait", [PLACEHOLDER, DECOY])
    def test_they_leave_nowhere(self, world: World, host: str, bait: str) -> None:
        before = world.seen()
        replies = [
            world.post(f"x {bait} y".encode(), host),
            world.post(gzip.compress(bait.encode()), host, Content_Encoding="gzip"),
            world.sidecar.request(host, f"/?a={base64.b64encode(bait.encode()).decode().rstrip('=')}"),
            world.sidecar.request(host, headers={"X": bait}),
        ]
        assert [(reply.status, reply.rule) for reply in replies] == [(403, "dlp.honeytoken")] * 4
        assert all(hidden(reply, bait) for reply in replies)
        assert world.seen() == before
        assert world.event("alarm")["outcome"] == "blocked"
        assert bait not in world.sidecar.log.read_text()

    def test_also_for_a_host_without_a_route(self, world: World) -> None:
        assert world.sidecar.request("nowhere.test", f"/{PLACEHOLDER}").rule == "dlp.honeytoken"

    def test_on_their_own_route_they_pass(self, world: World) -> None:
        assert world.post(PLACEHOLDER.encode(), "own.test").status == 200
        assert world.sidecar.request("own.test", f"/{PLACEHOLDER}").status == 200
        assert world.post(PLACEHOLDER[::-1].encode(), "own.test").rule == "dlp.honeytoken"
        assert world.post(DECOY.encode(), "own.test").rule == "dlp.honeytoken"

    def test_the_agent_may_speak_of_them_with_its_own_provider(self, world: World) -> None:
        for bait in (PLACEHOLDER, PLACEHOLDER[::-1], DECOY):
            assert world.post(bait.encode(), "llm.test").status == 200
        assert world.sidecar.request("llm.test", f"/{DECOY}").rule == "dlp.honeytoken"


class TestHandling:
    def test_warn_passes_and_says_so(self, world: World) -> None:
        assert world.post(SECRET.encode(), "warn.test").status == 200
        event = world.event("leak")
        assert (event["rule"], event["place"], event["outcome"]) == ("known-secret", "body", "passed")
        assert world.sidecar.request("warn.test", f"/{SECRET}").status == 200
        assert world.event("leak")["place"] == "url"
        assert SECRET not in world.sidecar.log.read_text()

    def test_a_honeytoken_behind_a_secret_is_seen_on_warn(self, world: World) -> None:
        assert world.post(f"{SECRET} {PLACEHOLDER}".encode(), "warn.test").rule == "dlp.honeytoken"

    def test_off_passes_in_silence(self, world: World) -> None:
        before = [event for event in world.sidecar.events if event["event"] == "leak"]
        assert world.post(SECRET.encode(), "off.test").status == 200
        assert world.sidecar.request("off.test", f"/{SECRET}").status == 200
        assert [event for event in world.sidecar.events if event["event"] == "leak"] == before

    def test_the_provider_hears_patterns_but_no_known_secret(self, world: World) -> None:
        assert world.post(f"a test key: {PAT}".encode(), "llm.test").status == 200
        assert world.post(f"a real key: {SECRET}".encode(), "llm.test").rule == "dlp.secret"
        assert world.post(f"the key itself: {TOKEN}".encode(), "llm.test").rule == "dlp.secret"
