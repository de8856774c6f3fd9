import pytest

from bottle.backends.docker.engine import EngineError
from bottle.backends.docker.exits import read_findings
from bottle.backends.errors import IsolationError
from bottle.proc import Completed


def test_findings() -> None:
    assert read_findings(Completed(code=0, stdout=b'{"findings": []}\n', stderr=b"")) == []
    assert read_findings(Completed(code=0, stdout=b'{"findings": ["x"]}', stderr=b"")) == ["x"]


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b"null", b'{"findings": 1}', b"fine"])
def test_no_answer_is_no_proof(answer: bytes) -> None:
    with pytest.raises(IsolationError):
        read_findings(Completed(code=0, stdout=answer, stderr=b""))


def test_a_listener_that_failed() -> None:
    with pytest.raises(EngineError, match="No such container"):
        read_findings(Completed(code=125, stdout=b"", stderr=b"docker: No such container"))
