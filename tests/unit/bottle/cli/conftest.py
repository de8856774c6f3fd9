from pathlib import Path

import pytest

from support.command_line import CommandLine


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """A home of the test's own, with the manifests that the test writes."""
    return CommandLine(folder=tmp_path)
