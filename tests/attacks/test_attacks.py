"""Every attack of `bottle selftest`, on every back-end."""

import pytest

from attacks.conftest import Outcomes
from bottle.selftest.catalogue import Assault, assaults
from support.sites import Site


@pytest.mark.parametrize("assault", assaults(), ids=str)
def test_attack_is_held_off(assault: Assault, selftest: Outcomes, site: Site) -> None:
    row = selftest[str(assault)]

    if site.backend in assault.attack.spared:
        assert (row["outcome"], row["reason"]) == ("not applicable", assault.attack.spared[site.backend])
    else:
        assert row["outcome"] == "held", f"{row['says']} But {row['tried']} {row['reason']}"
        assert row["attempts"]
