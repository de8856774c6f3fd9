"""What is kept on disk about one bottle. Every shape that was ever released can be read."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import cattrs
from attrs import field, frozen
from attrs.validators import gt

from bottle.errors import BottleError

SCHEMA_VERSION = 2
_converter = cattrs.Converter(forbid_extra_keys=True)


class NewerSchemaError(BottleError):
    """The state was written by a later version; it is left untouched."""


class DamagedRecordError(BottleError):
    """The record is no record of any version."""


class Phase(StrEnum):
    """How far a bottle has come. Nothing can be done in it before it is RUNNING.

    KEPT: its agent has ended, nothing of it runs, and its home and workspace wait for a `resume`.
    """

    STARTING = "starting"
    RUNNING = "running"
    KEPT = "kept"


@frozen(kw_only=True)
class BottleRecord:
    """One launched bottle. `created` in seconds since the epoch; `owner_pid` is the `bottle` that owns it.

    `cwd`: the directory in which its agent file and workspace were looked for; None where an earlier version
    did not say. `workspace`: the mode in which that directory came in, if it did. `keep`: its operator asked
    for it to be kept. `status`: its agent's last exit status; None where nobody saw it end.
    """

    identity: str
    agent: str
    bottle: str
    backend: str
    provider: str
    created: float
    owner_pid: int = field(validator=gt(0))  # kill(2) takes the others for groups
    interactive: bool
    phase: Phase = Phase.STARTING
    cwd: str | None = None
    workspace: str | None = None
    keep: bool = False
    status: int | None = None

    def to_json(self) -> str:
        return json.dumps({"schema_version": SCHEMA_VERSION, **_converter.unstructure(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "BottleRecord":
        """Raises NewerSchemaError and DamagedRecordError."""
        try:
            document = json.loads(text)
            version = document.pop("schema_version")
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise DamagedRecordError("the state record cannot be read") from error
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise NewerSchemaError(
                f"the state has schema version {version!r}; this program knows up to {SCHEMA_VERSION}",
                hint="perhaps a later version of bottle wrote it; use that one",
            )
        if version < 1:
            raise DamagedRecordError("the state record cannot be read")
        return _structure(document if version == SCHEMA_VERSION else _from_1(document))


def _from_1(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Version 1 knew of no bottle that outlives its owner, and so of nothing that a resume needs."""
    unknown = document.keys() & {"cwd", "workspace", "keep", "status"}
    if unknown or document.get("phase") == Phase.KEPT:
        raise DamagedRecordError("the state record cannot be read")
    return {**document, "cwd": None, "workspace": None, "keep": False, "status": None}


def _structure(document: Mapping[str, Any]) -> BottleRecord:
    try:
        return _converter.structure(document, BottleRecord)
    except Exception as error:
        raise DamagedRecordError("the state record cannot be read") from error
