"""Throw-away certificates, made by openssl."""

from pathlib import Path

from attrs import frozen

from bottle.proc import Command, run


@frozen(kw_only=True)
class ServerCertificate:
    chain: Path
    key: Path


@frozen
class CertificateAuthority:
    """A CA whose files live in `folder`."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def pem(self) -> str:
        return self.certificate.read_text()

    @classmethod
    def create(cls, folder: Path, name: str = "test CA") -> "CertificateAuthority":
        folder.mkdir(parents=True, exist_ok=True)
        _openssl(
            folder, "req", "-x509", *_new_key("ca.key"), "-days", "2", "-subj", f"/CN={name}",
            "-out", "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
        return cls(folder)

    def issue(self, *names: str) -> ServerCertificate:
        """A server certificate for DNS names and `IP:` addresses."""
        stem = names[0].replace("*", "any").replace(":", "_")
        subjects = ",".join(name if name.startswith("IP:") else f"DNS:{name}" for name in names)
        extensions = self.folder / f"{stem}.ext"
        extensions.write_text(f"subjectAltName={subjects}\nextendedKeyUsage=serverAuth\n")
        _openssl(self.folder, "req", *_new_key(f"{stem}.key"), "-subj", f"/CN={stem}", "-out", f"{stem}.csr")
        _openssl(
            self.folder, "x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", extensions.name, "-out", f"{stem}.pem",
        )  # fmt: skip
        return ServerCertificate(chain=self.folder / f"{stem}.pem", key=self.folder / f"{stem}.key")


def _new_key(name: str) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name)


def _openssl(folder: Path, *arguments: str) -> None:
    run(Command(argv=("openssl", *arguments), cwd=str(folder)))
