import pytest

from bottle.providers.login import HostLogin
from bottle.secret import Secret


def test_what_the_agent_gets_in_its_place_is_each_login_s_own() -> None:
    with pytest.raises(TypeError, match="abstract"):
        HostLogin(token=Secret("t"), account="a", expires=1)  # type: ignore[abstract]
