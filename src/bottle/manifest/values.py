"""Texts of a manifest -> values: names, sizes, versions, paths. Each parser raises Invalid."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from attrs import frozen

from bottle.manifest.problems import Invalid, quoted
from bottle.manifest.schema import EnvLiteral, EnvPrompt, EnvTemplate, EnvValue, HostVariable

NAME = re.compile(r"[a-z][a-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SKILL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_REFERENCE = re.compile(r"\$(\$?)\{([^{}$]*)(\}?)")
_SIZE_FACTORS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SMALLEST = 64 << 20

_PROXY_NAMES = frozenset(
    {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY", "WS_PROXY", "WSS_PROXY"}
)
_TRUST_NAMES = frozenset(
    {
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "CODEX_CA_CERTIFICATE",
        "PIP_CERT",
    }
)
_LAYOUT_NAMES = frozenset({"HOME", "PATH", "USER", "LOGNAME", "PWD"})


def name(text: str) -> str:
    """The name of an agent, a bottle or a provider."""
    if not NAME.fullmatch(text):
        raise Invalid(
            f"{quoted(text)} is not a name", "use lower-case letters, digits and '-', a letter first"
        )
    return text


def skill_name(text: str) -> str:
    """The name of one folder: never a path."""
    if not _SKILL.fullmatch(text):
        raise Invalid(f"{quoted(text)} is not the name of a skill", "name a folder of ~/.claude/skills")
    return text


def variable_name(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        hint = "give the variable's name, not its value; letters, digits and '_' only"
        raise Invalid("not the name of an environment variable", hint)
    return text


def agent_variable_name(text: str) -> str:
    """A variable that a manifest may set inside the bottle; those the sandbox itself needs are refused."""
    if not _VARIABLE.fullmatch(text):
        raise Invalid("not a valid variable name", "use letters, digits and '_', no digit first")
    if text.upper() in _PROXY_NAMES:
        raise Invalid(
            "set by bottle: its proxy is the agent's only way out", "use egress.routes to allow a host"
        )
    if text in _TRUST_NAMES:
        raise Invalid(
            "set by bottle: it points at the bottle's own CA", "use ca_file on a route for another CA"
        )
    if text in _LAYOUT_NAMES:
        raise Invalid(
            "set by bottle: the agent's home and programs have fixed places", "change the dockerfile instead"
        )
    if text.startswith(("LD_", "DYLD_")):
        raise Invalid(
            "not allowed: it changes which code every program in the bottle loads", "change the dockerfile"
        )
    return text


def env_value(text: str) -> EnvValue:
    """`?message`, a text with `${VARIABLE}`, or a literal; `$${` is a literal `${`, `??` a literal `?`."""
    if "\0" in text:
        raise Invalid("a variable cannot hold a NUL character")
    if text.startswith("??"):
        text = text[1:]
    elif text.startswith("?"):
        return EnvPrompt(message=_prompt(text[1:].strip()))
    parts = _template(text)
    if any(isinstance(part, HostVariable) for part in parts):
        return EnvTemplate(parts=parts)
    return EnvLiteral(value="".join(part for part in parts if isinstance(part, str)))


def _prompt(message: str) -> str:
    if not message.isprintable():
        raise Invalid("a prompt must be one line of printable text")
    return message


def _template(text: str) -> tuple[str | HostVariable, ...]:
    parts: list[str | HostVariable] = []
    literal, end = "", 0
    for match in _REFERENCE.finditer(text):
        literal += text[end : match.start()]
        end = match.end()
        if match[1]:
            literal += match[0][1:]
            continue
        if literal:
            parts.append(literal)
        parts.append(_host_variable(match[2], closed=bool(match[3])))
        literal = ""
    literal += text[end:]
    return (*parts, literal) if literal else tuple(parts)


def _host_variable(inner: str, *, closed: bool) -> HostVariable:
    if not closed:
        raise Invalid("'${' without its '}'", "write '$${' for a literal '${'")
    if not _VARIABLE.fullmatch(inner):
        raise Invalid(
            f"{quoted('${' + inner + '}')} is not a host variable",
            "only ${NAME} is known, without defaults; write '$${' for a literal '${'",
        )
    return HostVariable(name=inner)


def version(text: str) -> str:
    """An exact version of an agent CLI."""
    if not _VERSION.fullmatch(text):
        raise Invalid(f"{quoted(text)} is not an exact version", "write one such as 2.1.197")
    return text


def line(text: str) -> str:
    """One printable line, stripped; may be empty."""
    if not text.isprintable():
        raise Invalid("must be one line of printable text")
    return text.strip()


def glob(text: str) -> str:
    """A pattern that is not empty and has no control characters or spaces."""
    if not text or not text.isprintable() or " " in text:
        raise Invalid(f"{quoted(text)} is not a pattern", "write a glob such as refs/heads/*")
    return text


def size(text: str) -> int:
    """Bytes: a number and an optional unit of 1024 (`512m`, `4g`, `1.5GiB`); at least 64m."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise Invalid(f"{quoted(text)} is not a size", "write a number and a unit, such as 512m or 4g")
    size_in_bytes = int(Decimal(match[1]) * _SIZE_FACTORS[match[2].lower()])
    if size_in_bytes < _SMALLEST:
        raise Invalid(
            f"{quoted(text)} is less than 64m", None if match[2] else "a number without a unit is in bytes"
        )
    return size_in_bytes


def cpus(text: str) -> float:
    value = _decimal(text)
    if not Decimal("0.01") <= value <= 1024:
        raise Invalid("must be between 0.01 and 1024")
    return float(value)


def dollars(text: str) -> Decimal:
    value = _decimal(text)
    if value <= 0:
        raise Invalid("must be more than 0")
    return value


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"[-+]?[0-9]{1,12}(\.[0-9]{1,12})?", text):
        raise Invalid(f"{quoted(text)} is not a plain decimal number", "write one such as 1.5")
    return Decimal(text)


@frozen(kw_only=True)
class HostPaths:
    """Turns a path of a manifest into an absolute one, without looking at the disk."""

    user_home: Path

    def below(self, base: Path) -> Callable[[str], Path]:
        """The parser for paths that are absolute, begin with `~/`, or are relative to `base`."""
        return lambda text: self._parse(text, base)

    def _parse(self, text: str, base: Path) -> Path:
        if not text or not text.isprintable():
            raise Invalid(f"{quoted(text)} is not a path")
        if text.startswith("$"):
            raise Invalid(
                f"{quoted(text)}: variables are not expanded in a path", "begin with ~/ for your home"
            )
        if text == "~" or text.startswith("~/"):
            return self.user_home / text[2:]
        if text.startswith("~"):
            raise Invalid(f"{quoted(text)}: only your own home (~/) is known", "write the absolute path")
        return base / text
