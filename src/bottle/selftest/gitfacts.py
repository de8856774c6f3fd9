"""What the attacks on the git gate aim at, and what their controls aim at instead."""

import secrets
import string
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from bottle.plan import PROXY_HOST, PROXY_PORT
from bottle.selftest.facts import GRANTED, Untestable
from bottle.selftest.repositories import HOOK_WORDS, HOOKED, OWN, THEIRS, UNDECLARED, Repositories

_LETTERS = string.ascii_letters + string.digits
_GIT_PORT = 9418
_LARGE = 1280  # MiB, more than the gate lets an object take that git holds in memory
_FORBIDDEN, _PERMITTED = "refs/heads/forbidden-", "refs/heads/permitted-"
_BAD_NAMES = (
    "refs/heads/a\x1b[2J", "refs/heads/a\nb", "refs/heads/a\rb", "refs/heads/a\x7f",
    "refs/heads/../../config", "refs/heads/a b", "../hooks/pre-receive", "refs/heads/a.lock",
    "refs/heads/:main", "refs/heads/*", "--upload-pack=id", "HEAD", "refs/heads/a@{0}",
)  # fmt: skip
_DEFECTS = (
    "cut off", "wrong checksum", "too many announced", "no pack", "delta of nothing", "tree is missing",
    "other object", "not compressed",
)  # fmt: skip
_FILES = (
    ("GET", "objects/info/alternates"), ("GET", "objects/info/http-alternates"),
    ("PUT", "objects/info/alternates"), ("POST", "objects/info/http-alternates"),
    ("GET", "objects/info/packs"), ("GET", "config"), ("MKCOL", "objects/aa"), ("PROPFIND", ""),
    ("GET", "info/refs"), ("GET", "info/refs?service=git-upload-archive"),
)  # fmt: skip
_NAMES = (
    "git_declared", "git_undeclared", "git_spellings", "git_tricks", "git_hookless", "git_hooked",
    "git_bad_names", "git_good_names", "git_secret", "git_harmless", "git_files", "git_refs", "git_many_refs",
    "git_few_refs", "git_large", "git_small", "git_defects", "git_no_defect", "git_of_another",
    "git_of_its_own", "git_elsewhere", "git_somewhere",
)  # fmt: skip


def missing(why: Untestable) -> Mapping[str, Any]:
    """Where there are no repositories."""
    return dict.fromkeys(_NAMES, why)


@frozen(kw_only=True)
class GitScene:
    """`address`: of the sshd, as a sidecar reaches it."""

    repositories: Repositories
    address: str

    def facts(self) -> Mapping[str, Any]:
        def at(**more: object) -> dict[str, object]:
            return {"proxy": (PROXY_HOST, PROXY_PORT), "place": self._place(OWN), **more}

        heads = self.repositories.heads
        own, theirs = heads[OWN], heads[THEIRS]
        token = "ghp_" + "".join(secrets.choice(_LETTERS) for _ in range(36))
        return {
            "git_declared": at(places=[self._place(OWN)]),
            "git_undeclared": at(places=self._undeclared()),
            "git_spellings": at(places=self._spellings()),
            "git_tricks": at(places=self._tricks()),
            "git_hookless": at(ref=f"{_PERMITTED}without-hook", words=HOOK_WORDS),
            "git_hooked": at(ref=f"{_PERMITTED}{HOOKED}", words=HOOK_WORDS),
            "git_bad_names": at(head=own, names=_BAD_NAMES, suffixed=False),
            "git_good_names": at(head=own, names=[_PERMITTED], suffixed=True),
            "git_secret": at(text=token, ref=_FORBIDDEN),
            "git_harmless": at(text="nothing secret", ref=_PERMITTED),
            "git_files": at(requests=_FILES),
            "git_refs": at(requests=[("GET", "info/refs?service=git-upload-pack")]),
            "git_many_refs": at(head=own, count=10000, ref=_FORBIDDEN),
            "git_few_refs": at(head=own, count=3, ref=_PERMITTED),
            "git_large": at(size=_LARGE, ref=_FORBIDDEN),
            "git_small": at(size=1, ref=_PERMITTED),
            "git_defects": at(defects=_DEFECTS, ref=_FORBIDDEN),
            "git_no_defect": at(defects=["none"], ref=_PERMITTED),
            "git_of_another": at(other=self._place(THEIRS), head=theirs, ref=_FORBIDDEN),
            "git_of_its_own": at(other=self._place(OWN), head=own, ref=_PERMITTED),
            "git_elsewhere": at(direct=self._elsewhere(), tunnels=self._tunnels()),
            "git_somewhere": at(direct=[(PROXY_HOST, PROXY_PORT)], tunnels=[(GRANTED, 443, "https")]),
        }

    def _place(self, name: str) -> str:
        return self.repositories.place(name, self.address)

    def _undeclared(self) -> list[str]:
        own, host = self._place(OWN), self.address.partition(":")[0]
        return [
            self._place(UNDECLARED),
            own.replace(f"@{host}:", "@localhost:"),
            own.replace(f"@{host}:", f"@{host}:1"),
            own.replace(f"@{self.address}", f"@{host}"),
            own.replace("@", "x@"),
            own.partition("@")[2],
            own.replace(".git", "2.git"),
            own.partition("/")[0] + "/etc",
            "git@github.com/some/thing.git",
        ]

    def _spellings(self) -> list[str]:
        own, base = self._place(OWN), self._place(OWN).partition("/")[0]
        other = f"{UNDECLARED}.git"
        return [
            f"{own}/../{other}", f"{own}/%2e%2e/{other}", f"{own}/%252e%252e/{other}", f"{own}/..%2f{other}",
            f"{own}/..%5c{other}", f"{base}/../../../../etc", f"{own}/./../{other}", f"{own}%00", f"{own}%0a",
            f"{own}%00/../{other}", f"{own};/../{other}", f"../{self._place(UNDECLARED)}",
        ]  # fmt: skip

    def _tricks(self) -> list[str]:
        own, rest = self._place(OWN), self._place(OWN).partition("@")[2]
        return [
            f"--upload-pack=id/{own}", f"--receive-pack=id/{own}", f"-oProxyCommand=id@{rest}",
            f"{self.repositories.user}@-oProxyCommand=id/{rest.partition('/')[2]}",
            f"{own}%20--upload-pack=id", f"{own}%20--receive-pack=id", f"{own}';id;'", f"{own}%24(id)",
            "ext::sh%20-c%20id", "ext::sh%20-c%20id%25G", "fd::17", "file:///etc", f"file://{self.repositories.path(OWN)}",
            f"ssh://{own}", "etc/passwd",
        ]  # fmt: skip

    def _elsewhere(self) -> list[tuple[str, int]]:
        host, _, port = self.address.partition(":")
        places = [
            (host, int(port)),
            (host, 22),
            (host, _GIT_PORT),
            ("127.0.0.1", 22),
            ("127.0.0.1", _GIT_PORT),
        ]
        return list(dict.fromkeys(places))

    def _tunnels(self) -> list[tuple[str, int, str]]:
        places = [*self._elsewhere(), ("github.com", 22), ("gate.bottle", 22), ("gate.bottle", 9418)]
        return [(host, port, "git" if port == _GIT_PORT else "ssh") for host, port in places]
