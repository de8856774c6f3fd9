"""`make detection`: measures, and writes the report."""

import sys

from bottle_sidecar.policy.dlp.findings import Depth, KnownSecret
from bottle_sidecar.policy.dlp.scanner import Scanner
from corpus import clean, examples
from corpus.conversations import Conversation, recorded
from corpus.forms import PLAIN
from corpus.measure import Rules, alarms, own_results, sent, total
from corpus.report import Measured, Spoken
from support.provider_lab import PLACEHOLDER, TOKEN, TOKEN_REF

PAGE = clean.ROOT / "docs/security/detection.md"


def spoken(rules: Rules, conversation: Conversation) -> Spoken:
    secrets = [
        KnownSecret(value=TOKEN),
        KnownSecret(value=PLACEHOLDER, honeytoken=True, owner=TOKEN_REF),
    ]
    scanner = Scanner(known=secrets, rules=rules.set)
    calls = [(str(number), body) for number, body in enumerate(conversation.calls)]
    return Spoken(
        agent=f"{conversation.agent} {conversation.version}",
        known=alarms(scanner, calls, Depth.KNOWN, own=TOKEN_REF),
        full=alarms(scanner, calls, Depth.FULL, own=TOKEN_REF),
    )


def main() -> None:
    rules = Rules.served()
    given = list(examples.load())
    served = [rule for rule in given if rule.rule not in rules.left_out]
    conversations = [spoken(rules, one) for one in recorded()]
    measured = Measured(
        source=rules.source,
        results=list(own_results(rules, served)),
        left_out=rules.left_out,
        together=total(sent(rules.all, rule.positives, PLAIN) for rule in given),
        code=alarms(rules.all, ((file.name, file.read()) for file in clean.files()), Depth.FULL),
        packages=clean.packages(),
        spoken=conversations,
    )
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(measured.page())
    print(f"wrote {PAGE.relative_to(clean.ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
