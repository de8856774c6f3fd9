"""Operators of the native back-end: each test runs as root and as an ordinary user."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.native_operator import Common, NativeOperator, Role


@pytest.fixture(scope="session")
def common() -> Iterator[Common]:
    folder = Path(tempfile.mkdtemp(prefix="bb-common"))
    try:
        yield Common(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=list(Role), ids=str)
def operator(request: pytest.FixtureRequest, common: Common) -> Iterator[NativeOperator]:
    role: Role = request.param
    if not role.possible():
        pytest.skip("only root can be root")
    with common.operator(role) as found:
        yield found


@pytest.fixture
def bottle(operator: NativeOperator) -> Iterator[str]:
    """The identity of a running bottle."""
    identity = "agent-abcde"
    answer = operator.ask("create", identity=identity)
    assert answer.get("running"), answer
    yield identity
    operator.ask("remove", identity=identity)
