"""Fixtures of every test: the engine, and the guards that no test leaves anything behind."""

import os
from collections.abc import Iterator

import pytest

from support.engine.model import Engine
from support.engine.open import opened
from support.leaks import EngineState, ProcessState


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A container engine that answers and has the base image. Fails, never skips, where none can be had."""
    with opened() as found:
        yield found


@pytest.fixture(autouse=True)
def leaves_nothing_in_the_process() -> Iterator[None]:
    before = ProcessState.now()
    yield
    _fail_for(ProcessState.now().left_since(before))


@pytest.fixture(autouse=True)
def leaves_nothing_in_the_engine(request: pytest.FixtureRequest) -> Iterator[None]:
    # With other processes on the same engine, tests/run looks once at the end.
    if "engine" not in request.fixturenames or "PYTEST_XDIST_WORKER" in os.environ:
        yield
        return
    found: Engine = request.getfixturevalue("engine")
    before = EngineState.now(found)
    yield
    _fail_for(EngineState.now(found).left_since(before))


def _fail_for(left: list[str]) -> None:
    if left:
        pytest.fail("the test leaves behind: " + "; ".join(left))
