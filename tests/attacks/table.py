"""`python -m attacks.table native.json docker.json ...`: docs/security/attacks.md, from selftests' output."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from bottle.selftest.catalogue import Assault, assaults

_INTRODUCTION = """\
# Attacks

What [`bottle selftest`](../reference/cli.md#bottle-selftest) tries, and what came of it on {backends}. An
attack holds where every attempt fails *and* its control succeeds: the same probe, aimed at something that is
allowed, or run without a bottle. Attempts are counted in brackets. *n/a*: the attack says nothing about that
backend; the selftest prints why. This page is written by
`cd tests && ../.venv/bin/python -m attacks.table FILE...`, from what `bottle selftest --json` printed.
"""

Result = Mapping[str, Any]


def main(files: Sequence[str]) -> int:
    results = [json.loads(Path(file).read_text())["data"] for file in files]
    print("\n".join(document(results)))
    return 0


def document(results: Sequence[Result]) -> Iterator[str]:
    backends = [f"`{result['backend']}`" for result in results]
    yield _INTRODUCTION.format(backends=" and ".join(filter(None, (", ".join(backends[:-1]), backends[-1]))))
    for result in results:
        yield f"- `{result['backend']}`: {result['summary']}"
    rows = [{(row["claim"], row["attack"]): row for row in result["outcomes"]} for result in results]
    for claim, found in groupby(assaults(), key=lambda one: one.claim):
        members = list(found)
        yield f"\n## {claim}\n\n{members[0].says}\n"
        yield f"| attack | tried | source | {' | '.join(result['backend'] for result in results)} |"
        yield "|---|---|---|" + "---|" * len(results)
        for one in members:
            yield _row(one, [row.get((one.claim, one.name)) for row in rows])


def _row(assault: Assault, outcomes: Sequence[Result | None]) -> str:
    cells = (f"`{assault.name}`", assault.attack.tries, assault.attack.source, *map(_outcome, outcomes))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _outcome(row: Result | None) -> str:
    if row is None:
        return "not run"
    if row["outcome"] == "not applicable":
        return "n/a"
    return f"{row['outcome']} ({len(row['attempts'])})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
