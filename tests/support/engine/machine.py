"""How this machine reaches the package registries, read from its own configuration.

Containers are given the same: mirrors, certificates and client settings, as far as they mean
something outside this machine (a find-links folder or a file:// index does not).
"""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from bottle.proc import Command, run

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PUBLIC_CERTIFICATES = Path("/usr/share/ca-certificates")
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@frozen(kw_only=True)
class Machine:
    """`mirror`, `security`: addresses of the Debian archives; no `security` where apt knows none.

    `files`: absolute path to content.
    """

    mirror: str
    security: str | None
    files: Mapping[str, bytes]

    def apt_sources(self, release: str) -> str:
        archives = [(self.mirror, f"{release} {release}-updates")]
        if self.security:
            archives.append((self.security, f"{release}-security"))
        return "\n".join(
            f"Types: deb\nURIs: {address}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n"
            for address, suites in archives
        )


def inspect() -> Machine:
    """Raises RuntimeError where apt knows no Debian archive, from which a base image could be made."""
    mirrors = _mirrors()
    if "Debian" not in mirrors:
        raise RuntimeError(
            "apt knows no Debian archive here; start a container engine that has the base image"
        )
    files = {
        "/etc/apt/apt.conf.d/90machine": "".join(_apt_settings()).encode(),
        "/etc/pip.conf": _pip_configuration().encode(),
        "/root/.npmrc": "".join(f"{line}\n" for line in _npm_settings()).encode(),
        **_certificates(),
    }
    return Machine(
        mirror=mirrors["Debian"],
        security=mirrors.get("Debian-Security"),
        files=files,
    )


def architecture() -> str:
    """Debian's name for this machine's processor."""
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    return names.get(platform.machine(), platform.machine())


def _mirrors() -> dict[str, str]:
    """Archive label -> base address, for the archives of Debian that apt uses here."""
    listed = run(
        Command(
            argv=(
                *("apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"),
                "Created-By: Packages",
            )
        )
    )
    rows = (line.split("|", 2) for line in listed.text.splitlines())
    return {label: uri.rstrip("/") for origin, label, uri in rows if origin == "Debian"}


def _apt_settings() -> Iterator[str]:
    """Proxies and checks; they are as true for a container as for this machine."""
    for line in run(Command(argv=("apt-config", "dump"))).text.splitlines():
        if line.startswith(("Acquire::http::", "Acquire::https::", "Acquire::Check-")):
            yield f"{line}\n"


def _pip_configuration() -> str:
    lines = ["[global]", f"cert = {BUNDLE}"]
    for name, value in _pip_settings().items():
        if name in {"index-url", "extra-index-url"}:
            remote = [address for address in value.split() if not address.startswith("file:")]
            lines += [f"{name} = {' '.join(remote)}"] if remote else []
        elif name in {"trusted-host", "default-timeout", "timeout", "disable-pip-version-check"}:
            lines.append(f"{name} = {value}")
    return "\n".join(lines) + "\n"


def _pip_settings() -> dict[str, str]:
    """The settings of this machine's pip, environment variables last because they win."""
    listed = run(Command(argv=(sys.executable, "-m", "pip", "config", "list"))).text.splitlines()
    settings = {}
    for line in sorted(listed, key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        settings[key.rpartition(".")[2]] = value.strip("'\"").replace("\\n", " ")
    return settings


def _npm_settings() -> Iterator[str]:
    yield f"cafile={BUNDLE}"
    own = Path(os.environ.get("NPM_CONFIG_USERCONFIG", Path("~/.npmrc").expanduser()))
    for line in own.read_text().splitlines() if own.is_file() else ():
        if line.startswith(("registry", "strict-ssl", "@", "//", "fund", "audit", "update-notifier")):
            yield line


def _certificates() -> dict[str, bytes]:
    """The machine's bundle, and its private certificates where update-ca-certificates finds them."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or BUNDLE)
    if not bundle.is_file():
        return {}
    public = {
        block
        for path in PUBLIC_CERTIFICATES.rglob("*.crt")
        for block in _blocks(path.read_text(errors="replace"))
    }
    private = [block for block in _blocks(bundle.read_text(errors="replace")) if block not in public]
    files = {
        f"/usr/local/share/ca-certificates/machine-{number}.crt": block.encode()
        for number, block in enumerate(private)
    }
    return {BUNDLE: bundle.read_bytes(), **files}


def _blocks(text: str) -> Iterator[str]:
    for part in text.split(BEGIN)[1:]:
        yield f"{BEGIN}{part.partition(END)[0]}{END}\n"
