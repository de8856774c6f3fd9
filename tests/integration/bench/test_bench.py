"""What `make bench` runs still measures something."""

from bench.memory import Memory
from bench.traffic import Traffic
from bench.workspace import Workspaces
from support.engine.model import Engine
from support.sites import site_of


def test_traffic() -> None:
    rows = list(Traffic(rounds=1, scale=0.01).rows())

    assert len(rows) == 6
    assert all(sample > 0 for row in rows for sample in row.samples)
    assert all(row.baseline and row.baseline.samples for row in rows)


def test_memory(engine: Engine) -> None:
    alone, whole = Memory().native(site_of("native", lambda: engine))

    assert 0 < alone.samples[0] < whole.samples[0]


def test_workspace(engine: Engine) -> None:
    (row,) = Workspaces(rounds=1, scale=0.001).native(site_of("native", lambda: engine))

    assert row.samples[0] > 0
    assert row.baseline
    assert row.baseline.samples[0] > 0
