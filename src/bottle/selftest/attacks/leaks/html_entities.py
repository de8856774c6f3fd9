"""HTML entities."""

from collections.abc import Iterator
from html import escape
from typing import Any

from bottle.selftest.kit import Attempt, attack
from bottle.selftest.probes.parcels import body, sent


@attack(
    aim="secrets",
    source="CAPEC-267, leverage alternate encoding; OWASP XSS Filter Evasion Cheat Sheet",
    expects="it does not reach the server",
    control="harmless",
    every=True,
)
def attempts(aim: Any) -> Iterator[Attempt]:
    """Sends secrets as HTML entities: by decimal and hexadecimal number, padded, by name."""
    word, phrase = aim["word"], aim["phrase"]
    named = escape(phrase).replace("/", "&sol;").replace("+", "&plus;").replace("=", "&equals;")
    forms = {
        "decimal": "".join(f"&#{ord(letter)};" for letter in word),
        "hexadecimal": "".join(f"&#x{ord(letter):x};" for letter in word),
        "upper case": "".join(f"&#X{ord(letter):X};" for letter in word),
        "padded": "".join(f"&#{ord(letter):05d};" for letter in word),
        "some": "".join(f"&#{ord(letter)};" if at % 3 == 0 else letter for at, letter in enumerate(word)),
        "padded to ten": "".join(f"&#{ord(letter):010d};" for letter in word),
        "without their ends": "".join(f"&#{ord(letter)}" for letter in word),
        "by name": named,
        "what needs it": escape(phrase),
        "twice": "".join(f"&amp;#{ord(letter)};" for letter in word),
    }
    yield from sent(
        aim, {what: body(form.encode(), b"<p>" + form.encode() + b"</p>") for what, form in forms.items()}
    )
