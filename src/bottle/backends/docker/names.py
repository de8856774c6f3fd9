"""What a bottle's things on an engine are called, and the labels that they carry."""

import hashlib
import os
import platform

from attrs import frozen

from bottle.paths import Paths

IDENTITY_LABEL = "bot-bottle.identity"
OPERATOR_LABEL = "bot-bottle.home"
BACKEND_LABEL = "bot-bottle.backend"
PART_LABEL = "bot-bottle.part"


def operator_of(paths: Paths) -> str:
    """Tells the operators that share an engine apart: a hash of this machine's name and the home's path."""
    return hashlib.sha256(os.fsencode(f"{platform.node()}\0{paths.home}")).hexdigest()[:16]


@frozen(kw_only=True)
class Names:
    """All follow from the identity, so a handle needs no record of what was made."""

    identity: str
    operator: str
    backend: str

    @property
    def agent(self) -> str:
        return f"bot-bottle-{self.identity}"

    @property
    def sidecar(self) -> str:
        return f"{self.agent}-sidecar"

    @property
    def companion(self) -> str:
        return f"{self.agent}-companion"

    @property
    def listener(self) -> str:
        return f"{self.agent}-listener"

    @property
    def home(self) -> str:
        return f"{self.agent}-home"

    @property
    def workspace(self) -> str:
        return f"{self.agent}-workspace"

    @property
    def kept(self) -> tuple[str, ...]:
        """The volumes that a suspended bottle still has."""
        return self.home, self.workspace

    @property
    def trust(self) -> str:
        """The volume with the trust store: written through the sidecar's container, read by the agent."""
        return f"{self.agent}-trust"

    @property
    def exit(self) -> str:
        """The volume with the sidecar's socket."""
        return f"{self.agent}-exit"

    @property
    def gate(self) -> str:
        """The volume with the git gate's own files."""
        return f"{self.agent}-gate"

    @property
    def mirrors(self) -> str:
        """The volume with the copies of git upstreams: the operator's bottles share it, none removes it."""
        return f"bot-bottle-git-{self.operator}"

    @property
    def labels(self) -> tuple[str, ...]:
        """As `key=value`: what everything of this bottle carries, and a listing filters by."""
        return (
            f"{IDENTITY_LABEL}={self.identity}",
            f"{OPERATOR_LABEL}={self.operator}",
            f"{BACKEND_LABEL}={self.backend}",
        )

    def label_options(self, part: str) -> tuple[str, ...]:
        return tuple(word for label in (*self.labels, f"{PART_LABEL}={part}") for word in ("--label", label))

    def shared_volume(self, name: str, target: str) -> tuple[str, str]:
        """One that belongs to no bottle, and so is no bottle's to remove."""
        label = f"volume-label={OPERATOR_LABEL}={self.operator}"
        return "--mount", f"type=volume,source={name},target={target},{label}"

    def volume(self, name: str, target: str, *options: str) -> tuple[str, str]:
        """`--mount` of a named volume; the engine makes it, with our labels, where it does not exist."""
        labels = (f"volume-label={label}" for label in self.labels)
        fields = ("type=volume", f"source={name}", f"target={target}", *options, *labels)
        return "--mount", ",".join(fields)
