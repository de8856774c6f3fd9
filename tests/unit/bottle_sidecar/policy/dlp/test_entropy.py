"""Everyday URLs are no noise, and secrets in names are."""

import base64
import random

import pytest

from bottle_sidecar.policy.dlp.entropy import bits_per_byte, host_finding, target_finding

EVERYDAY = [
    "/@anthropic-ai/claude-code/-/claude-code-2.1.44.tgz",
    "/@babel%2fplugin-transform-modules-commonjs",
    "/@types/node/-/node-22.7.5-beta.20260101T120000Z.tgz",
    "/-/npm/v1/security/advisories/bulk",
    "/packages/3e/51/0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab/google_re2-1.1.20251105-1-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "/packages/ca/12/f8b4e0a9a0e1fd2f9a6ea3c4b6c6c9c2f84fcd5d0f8b3d6b2f1f1a2b3c4d5e/mitmproxy-11.0.2-py3-none-any.whl.metadata",
    "/simple/hyperscan/?format=application/vnd.pypi.simple.v1+json",
    "/api/v1/crates/serde_json/1.0.128/download",
    "/crates/tokio/tokio-1.40.0.crate",
    "/se/rd/serde_derive_internals",
    "/debian/pool/main/libs/libssl3/libssl3t64_3.5.1-1+deb13u1_amd64.deb",
    "/debian/dists/trixie/main/binary-amd64/by-hash/SHA256/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/owner/repo.git/info/refs?service=git-upload-pack",
    "/owner/repo/commit/da5c18f4b0e9a7c3d2e1f0a9b8c7d6e5f4a3b2c1",
    "/owner/repo/compare/392fe26da5c18f4b0e9a7c3d2e1f0a9b8c7d6e5f...941f0af4b0e9a7c3d2e1f0a9b8c7d6e5f4a3b2c1",
    "/repos/owner/repo/actions/runs/12345678901/jobs?per_page=100&page=2",
    "/owner/repo/releases/download/v2026.11.28-rc.1/tool-x86_64-unknown-linux-gnu.tar.gz",
    "/user/codeload/tar.gz/refs/heads/feature/very-long-branch-name-that-people-do-write-2026-11-28",
    "/v1/messages?beta=true",
    "/v1/messages/batches/msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d/results",
    "/v1/files/file_011CNha8iCJcU1wXNR6q4V8w/content",
    "/api/hello/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/sessions/f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "/oauth/authorize?client_id=9d1c250a-e61b-44d9-88ed-5944d1962f5e&response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=xyzABC123_randomStateValue-0987654321abcdefGHIJKL",
    "/callback?code=SplxlOBeZQQYbYS6WxSbIA0123456789abcdefghijklmn",
    "/v2/library/debian/manifests/sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/search?q=how+to+write+a+property+based+test+with+hypothesis+in+python+3.13&hl=en&num=20",
    "/statsig/v1/initialize?k=client-RRNS7R65EAtReO5XA4xDC3eU6ZdJQi6lLEP6b5j32Me&st=javascript-client&sv=3.12",
    "/watch?v=dQw4w9WgXcQ&list=PLrAXtmErZgOeiKm4sgNOknGvNjby9efdf",
    "/_next/static/chunks/app/layout-1f2e3d4c5b6a7980.js?dpl=dpl_8J6sV3nTfR2wQ1xYzAbCdEfGhIjK",
    "/maven2/org/apache/commons/commons-lang3/3.14.0/commons-lang3-3.14.0-sources.jar.sha512",
    "/github.com/!azure/azure-sdk-for-go/@v/v0.0.0-20240102150405-abcdef123456.zip",
    "/nix-cache/0c5kzph7l0dcb3g5aqmqbxwfwzjwcn8c.narinfo",
    "/?" + "&".join(f"filter{at}=value{at}" for at in range(30)),
]
HOSTS = [
    "api.anthropic.com", "registry.npmjs.org", "files.pythonhosted.org", "objects.githubusercontent.com",
    "static.crates.io", "deb.debian.org", "productionresultssa12.blob.core.windows.net",
    "d1a2b3c4d5e6f7.cloudfront.net", "ec2-203-0-113-25.eu-central-1.compute.amazonaws.com",
    "my-very-long-project-name-preview-2026-11-28.vercel.app", "xn--bcher-kva.example.com",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6.example.com",
    "da5c18f4b0e9a7c3d2e1f0a9b8c7d6e5f4a3b2c1.example.com",
]  # fmt: skip


@pytest.mark.parametrize("target", EVERYDAY)
def test_everyday_targets_are_no_noise(target: str) -> None:
    assert target_finding(target) is None


@pytest.mark.parametrize("host", HOSTS)
def test_everyday_hosts_are_no_noise(host: str) -> None:
    assert host_finding(host) is None


@pytest.mark.parametrize("seed", range(40))
def test_a_secret_in_a_name_is_noise(seed: int) -> None:
    secret = random.Random(seed).randbytes(48)
    base64url = base64.urlsafe_b64encode(secret).decode()
    base32 = base64.b32encode(secret[:38]).decode().rstrip("=").lower()

    for target in (f"/collect/{base64url}", f"/?q={base64url}", f"/?{base64url}", f"/x.gif/{base32}.png"):
        found = target_finding(target)
        assert found is not None
        assert (found.rule, found.place) == ("entropy", "url")
        assert base64url not in repr(found)
    assert host_finding(f"{base32}.example.com") is not None
    assert host_finding(f"{secret.hex()[:60]}.example.com") is not None


def test_many_short_labels_are_noise() -> None:
    labels = ".".join(random.Random(1).randbytes(8).hex() for _ in range(10))

    assert host_finding(f"{labels}.example.com") is not None


def test_a_parameter_that_is_opaque_by_nature_has_a_limit() -> None:
    noise = base64.urlsafe_b64encode(random.Random(2).randbytes(600)).decode()

    assert target_finding(f"/?state={noise[:200]}") is None
    assert target_finding(f"/?state={noise}") is not None


def test_entropy_of_known_texts() -> None:
    assert bits_per_byte(b"aaaa") == 0
    assert bits_per_byte(b"abcd") == 2
    assert bits_per_byte(bytes(range(256))) == 8
