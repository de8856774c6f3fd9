"""What calls cost: the makers' list prices, applied to counts of tokens.

Prices are in USD per million tokens, which is micro-dollars per token. The table is data (`prices.json`);
its reader is whoever holds the file.
"""

import json
import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from typing import Any

from attrs import field, frozen

from bottle_sidecar.policy.usage import Api, Usage

_MAKERS: Mapping[Api, str] = {Api.MESSAGES: "anthropic", Api.RESPONSES: "openai", Api.CHAT: "openai"}
_DATED = re.compile(r"(?P<name>.+?)(?:-\d{8}|-\d{4}-\d{2}-\d{2}|-latest)?")


@frozen(kw_only=True)
class Price:
    """A model's prices.

    Where the prompt has more than `long_over` tokens, it costs `long_prompt` times as much, and the output
    `long_output` times.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    cache_write_long: Decimal
    long_over: int | None = None
    long_prompt: Decimal = Decimal(1)
    long_output: Decimal = Decimal(1)

    def of(self, usage: Usage) -> Decimal:
        """Micro-dollars."""
        is_long = self.long_over is not None and usage.prompt_tokens > self.long_over
        prompt = (
            self.input * usage.input_tokens
            + self.cache_read * usage.cache_read_tokens
            + self.cache_write * (usage.cache_write_tokens - usage.cache_write_long_tokens)
            + self.cache_write_long * usage.cache_write_long_tokens
        )
        output = self.output * usage.output_tokens
        return prompt * self.long_prompt + output * self.long_output if is_long else prompt + output


@frozen(kw_only=True)
class _Maker:
    models: Mapping[str, Price]
    tiers: Mapping[str, Decimal]

    @cached_property
    def dearest(self) -> Price:
        """For a model that is not in the table: of each kind of token the dearest."""
        prices = self.models.values()
        return Price(
            input=max(price.input * price.long_prompt for price in prices),
            output=max(price.output * price.long_output for price in prices),
            cache_read=max(price.cache_read * price.long_prompt for price in prices),
            cache_write=max(price.cache_write * price.long_prompt for price in prices),
            cache_write_long=max(price.cache_write_long * price.long_prompt for price in prices),
        )


@frozen(kw_only=True)
class PriceTable:
    """`as_of`: the day of the list prices."""

    as_of: str
    _makers: Mapping[str, _Maker] = field(alias="makers")

    @classmethod
    def parse(cls, text: str) -> "PriceTable":
        """Raises ValueError, KeyError or TypeError for what is no price table."""
        document = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        makers = {name: _maker(maker) for name, maker in document["makers"].items()}
        return cls(as_of=document["as_of"], makers=makers)

    def knows(self, api: Api, model: str) -> bool:
        return self._price(api, model) is not None

    def cost(self, api: Api, usage: Usage) -> int:
        """Micro-dollars, rounded up. An unknown model costs the dearest price of its maker."""
        maker = self._makers[_MAKERS[api]]
        price = self._price(api, usage.model) or maker.dearest
        cost = price.of(usage) * maker.tiers.get(usage.tier, Decimal(1))
        return int(cost.to_integral_value(rounding=ROUND_CEILING))

    def _price(self, api: Api, model: str) -> Price | None:
        """By the model's whole name, or by the name before its date: `gpt-5-something` is not `gpt-5`."""
        models = self._makers[_MAKERS[api]].models
        dated = _DATED.fullmatch(model)
        return models.get(model) or (models.get(dated["name"]) if dated else None)


def _maker(document: Mapping[str, Any]) -> _Maker:
    models = {name: _model(prices) for name, prices in document["models"].items()}
    return _Maker(models=models, tiers=document["tiers"])


def _model(prices: Mapping[str, Any]) -> Price:
    long = prices.get("long_prompts")
    usual = {
        "input": prices["input"],
        "output": prices["output"],
        "cache_read": prices.get("cache_read", prices["input"]),
        "cache_write": prices.get("cache_write", prices["input"]),
        "cache_write_long": prices.get("cache_write_long", prices.get("cache_write", prices["input"])),
    }
    if long is None:
        return Price(**usual)
    return Price(
        **usual,
        long_over=int(long["over"]),
        long_prompt=long["prompt_factor"],
        long_output=long["output_factor"],
    )
