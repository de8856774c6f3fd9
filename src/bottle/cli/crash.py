"""The report file of a bug: the traceback, without secrets."""

import os
import platform
import re
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_SECRET_NAME = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL|AUTH|COOKIE|SESSION|DSN", re.IGNORECASE)
_USER_INFO = re.compile(r"://[^/@\s]+@")
_AUTHORIZATION = re.compile(r"\b(Bearer|Basic|token)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_SHORTEST = 5
"""Characters of the shortest value that is masked; shorter ones would turn the text to stars."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with every given secret, credential header and URL password masked. Errs towards masking."""
    for secret in sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True):
        for form in (secret, repr(secret)[1:-1]):
            text = text.replace(form, "***")
    return _AUTHORIZATION.sub(r"\1 ***", _USER_INFO.sub("://***@", text))


def secrets_of(environ: Mapping[str, str]) -> list[str]:
    """The values of the variables whose name says that they are secret."""
    return [value for name, value in environ.items() if _SECRET_NAME.search(name)]


def write_report(
    error: BaseException, folder: Path, *, version: str, argv: Sequence[str], secrets: Iterable[str]
) -> Path:
    """Writes `crash-*.txt` (0600) into `folder`, or where temporary files go if that cannot be written."""
    lines = (
        f"bottle {version}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {' '.join(argv[:2])}{' ...' if len(argv) > 2 else ''}",
        "",
        "".join(traceback.format_exception(error)),
    )
    report = redact("\n".join(lines), secrets)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _write(report, folder)
    except OSError:
        return _write(report, Path(tempfile.gettempdir()))


def _write(report: str, folder: Path) -> Path:
    path = folder / f"crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(report)
    return path
