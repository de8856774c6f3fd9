import pytest

from bottle.backends.docker.running import refuse_steering
from bottle.errors import BottleError


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "DOCKER_HOST", "LD_PRELOAD", "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE", "MINE"],
)
def test_a_value_that_would_steer_the_cli_is_refused(name: str) -> None:
    with pytest.raises(BottleError, match=name):
        refuse_steering({name: "a\nb"}, {"MINE": "operator's own"})


def test_any_other_passes() -> None:
    refuse_steering({"CA_PEM": "a\nb", "GREETING": "x\ny"}, {"MINE": "1"})
