"""Prices: the table that comes with the program, and how it is applied."""

from importlib.resources import files

import pytest

from bottle_sidecar.policy.prices import PriceTable
from bottle_sidecar.policy.usage import Api, Usage

SHIPPED = PriceTable.parse(files("bottle_sidecar.policy").joinpath("prices.json").read_text())
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("api", "usage", "usd_micro"),
    [
        (Api.MESSAGES, Usage(model="claude-opus-4-6", input_tokens=1000, output_tokens=100), 7_500),
        (Api.MESSAGES, Usage(model="claude-opus-4-6", cache_read_tokens=1000), 500),
        (Api.MESSAGES, Usage(model="claude-opus-4-6", cache_write_tokens=1000), 6_250),
        (
            Api.MESSAGES,
            Usage(model="claude-opus-4-6", cache_write_tokens=1000, cache_write_long_tokens=600),
            8_500,
        ),
        (Api.MESSAGES, Usage(model="claude-opus-4-6", tier="fast", input_tokens=1000), 30_000),
        (Api.MESSAGES, Usage(model="claude-opus-4-6", tier="standard", input_tokens=1000), 5_000),
        (Api.RESPONSES, Usage(model="gpt-6.1-sol", input_tokens=10, output_tokens=20), 220),
        (Api.RESPONSES, Usage(model="gpt-6.1-sol", tier="priority", input_tokens=10, output_tokens=20), 440),
        (Api.RESPONSES, Usage(model="gpt-6.1-sol", input_tokens=300_000, output_tokens=1000), 1_215_000),
        (Api.CHAT, Usage(model="gpt-4.1", input_tokens=1), 2),
        (Api.CHAT, Usage(model="gpt-4.1-nano", input_tokens=1), 1),  # rounded up
        (Api.CHAT, Usage(), 0),
    ],
)
def test_costs(api: Api, usage: Usage, usd_micro: int) -> None:
    assert SHIPPED.cost(api, usage) == usd_micro


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("claude-opus-4-5", True),
        ("claude-opus-4-5-20251101", True),
        ("claude-3-5-haiku-latest", True),
        ("claude-opus-4-5-20251101-huge", False),
        ("claude-opus-4-5-huge", False),
        ("claude-opus-4", True),
        ("claude-opus-49", False),
        ("gpt-5", False),  # another maker's
        ("", False),
        ("\n", False),
    ],
)
def test_only_a_date_may_follow_a_model_s_name(model: str, known: bool) -> None:  # noqa: FBT001
    assert SHIPPED.knows(Api.MESSAGES, model) is known


def test_the_dated_price_of_a_model_goes_before_its_general_one() -> None:
    dated = Usage(model="gpt-4o-2024-05-13", input_tokens=MILLION)
    other = Usage(model="gpt-4o-2024-08-06", input_tokens=MILLION)

    assert SHIPPED.cost(Api.CHAT, dated) == 5 * MILLION
    assert SHIPPED.cost(Api.CHAT, other) == 2.5 * MILLION


@pytest.mark.parametrize("api", Api)
def test_an_unknown_model_costs_no_less_than_any_known_one(api: Api) -> None:
    maker = SHIPPED._makers["anthropic" if api is Api.MESSAGES else "openai"]
    counts = {
        "input_tokens": 500_000,
        "output_tokens": 1000,
        "cache_read_tokens": 10,
        "cache_write_tokens": 10,
    }
    unknown = SHIPPED.cost(api, Usage(model="nobody-knows", **counts))  # type: ignore[arg-type]

    assert all(SHIPPED.cost(api, Usage(model=model, **counts)) <= unknown for model in maker.models)  # type: ignore[arg-type]


def test_the_shipped_table_is_sound() -> None:
    assert SHIPPED.as_of == "2026-11-06"
    for maker in SHIPPED._makers.values():
        assert all(factor >= 1 for factor in maker.tiers.values())
        for name, price in maker.models.items():
            assert 0 < price.cache_read <= price.input <= price.cache_write <= price.cache_write_long, name
            assert price.input < price.output, name
            assert min(price.long_prompt, price.long_output) >= 1, name


@pytest.mark.parametrize("text", ["{}", "[]", "no", '{"as_of": "x", "makers": {"m": {"models": {"a": {}}}}}'])
def test_what_is_no_table(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        PriceTable.parse(text)
