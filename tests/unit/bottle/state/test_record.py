import json
from typing import Any

import pytest
from attrs import evolve

from bottle.state.record import SCHEMA_VERSION, BottleRecord, DamagedRecordError, NewerSchemaError, Phase

RECORD = BottleRecord(
    identity="dev-abcde",
    agent="dev",
    bottle="dev",
    backend="native",
    provider="shell",
    created=1.5,
    owner_pid=4321,
    interactive=True,
)


VERSION_1 = """\
{
 "schema_version": 1,
 "identity": "shell-imlol",
 "agent": "shell",
 "bottle": "work",
 "backend": "native",
 "provider": "shell",
 "created": 1795457267.5010629,
 "owner_pid": 26850,
 "interactive": true,
 "phase": "running"
}"""


def document(**changes: Any) -> str:
    return json.dumps({**json.loads(RECORD.to_json()), **changes})


def test_a_record_comes_back_as_it_was() -> None:
    assert BottleRecord.from_json(RECORD.to_json()) == RECORD
    assert BottleRecord.from_json(evolve(RECORD, interactive=False).to_json()).interactive is False


def test_its_keys_on_disk_are_pinned() -> None:
    """Who renames one must raise SCHEMA_VERSION and still read the old shape."""
    assert SCHEMA_VERSION == 2
    assert set(json.loads(RECORD.to_json())) == {
        "schema_version", "identity", "agent", "bottle", "backend", "provider", "created", "owner_pid",
        "interactive", "phase", "cwd", "workspace", "keep", "status",
    }  # fmt: skip


def test_a_record_of_version_1_means_what_it_meant() -> None:
    assert BottleRecord.from_json(VERSION_1) == BottleRecord(
        identity="shell-imlol",
        agent="shell",
        bottle="work",
        backend="native",
        provider="shell",
        created=1795457267.5010629,
        owner_pid=26850,
        interactive=True,
        phase=Phase.RUNNING,
        cwd=None,
        workspace=None,
        keep=False,
        status=None,
    )


@pytest.mark.parametrize(
    "text",
    [
        VERSION_1.replace('"phase": "running"', '"phase": "kept"'),
        VERSION_1.replace('"phase"', '"cwd": "/", "phase"'),
    ],
)
def test_a_record_of_version_1_has_nothing_of_a_later_one(text: str) -> None:
    with pytest.raises(DamagedRecordError):
        BottleRecord.from_json(text)


@pytest.mark.parametrize("version", [3, 99, "2", None, [1]])
def test_a_later_schema_is_refused_with_advice(version: object) -> None:
    with pytest.raises(NewerSchemaError, match="schema version") as caught:
        BottleRecord.from_json(document(schema_version=version, something="new"))

    assert "later version" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "", "nonsense", "[]", "3", "null", '"text"', "{}", '{"schema_version": 1}', "[" * 100_000,
        document(surplus=1), document(schema_version=0), document(schema_version=-1),
        document(created="yesterday"), document(owner_pid=None), document(owner_pid=0),
        document(owner_pid=-1), RECORD.to_json()[:-20],
    ],
)  # fmt: skip
def test_a_damaged_record_is_refused(text: str) -> None:
    with pytest.raises(DamagedRecordError, match="cannot be read"):
        BottleRecord.from_json(text)
