from bottle.selftest.outcome import Results
from bottle.selftest.report import as_data, as_text
from support.attacks import results


def test_the_text_ends_with_the_sum() -> None:
    lines = as_text(results()).splitlines()

    assert lines[-1] == "3 attacks, 1 held, 1 passed through"
    assert lines[-2] == "1 not applicable on native: proxy.spared"
    assert lines[-3] == "1 broken: proxy.silent"


def test_a_claim_stands_above_its_attacks_with_reasons_below_them() -> None:
    claim, held, through, reason, *_ = as_text(results()).splitlines()

    assert claim.startswith("proxy: The sidecar reaches no host")
    assert held.split() == ["held", "tight", "Tries", "it."]
    assert through.split() == ["PASSED", "THROUGH", "leaky", "Tries", "it."]
    assert reason.strip() == "one: through: <b>\x1b[31mgained"


def test_data_counts_each_verdict() -> None:
    data = as_data(results())

    counts = [data[key] for key in ("attacks", "held", "through", "broken", "not_applicable")]
    assert counts == [3, 1, 1, 1, 1]
    assert [row["outcome"] for row in data["outcomes"]] == [
        "held", "passed through", "broken", "not applicable",
    ]  # fmt: skip
    assert data["outcomes"][0]["control"] == [{"attempt": "one", "outcome": "through", "detail": "gained"}]


def test_nothing_at_all_can_be_shown() -> None:
    assert as_text(Results(backend="native", outcomes=())).endswith("0 attacks, 0 held, 0 passed through")
