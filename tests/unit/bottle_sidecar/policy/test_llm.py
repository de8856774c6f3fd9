"""Which requests are calls. First come the ways around the count."""

import pytest

from bottle_sidecar.policy.llm import Charge, Cost, charge, is_maker, may_cover_maker
from bottle_sidecar.policy.usage import Api

UPGRADE = (("Upgrade", "websocket"),)


def of(host: str, path: str, method: str = "POST", headers: tuple[tuple[str, str], ...] = ()) -> Charge:
    return charge(host, path, method, headers)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages/",
        "//v1/messages",
        "/v1//messages",
        "/v1/%6Dessages",
        "/V1/messages",
        "/v1/messages;x",
        "/v1/./messages",
        "/v1/messages/batches",
        "/v1/batches",
        "/v1/complete",
        "/v1/embeddings",
        "/v1/responses/resp_1/cancel",
        "/backend-api/conversation",
        "/",
    ],
)
@pytest.mark.parametrize("host", ["api.anthropic.com", "eu.api.openai.com", "chatgpt.com"])
def test_at_a_maker_what_is_not_understood_is_not_free(host: str, path: str) -> None:
    assert of(host, path).cost is Cost.UNTOLD


@pytest.mark.parametrize("method", ["PUT", "PATCH", "post", "SEARCH"])
def test_at_a_maker_no_other_method_is_free(method: str) -> None:
    assert of("api.anthropic.com", "/v1/messages", method).cost is Cost.UNTOLD


def test_at_a_maker_another_connection_is_not_free() -> None:
    assert of("api.openai.com", "/v1/realtime", "GET", UPGRADE).cost is Cost.UNTOLD
    assert of("api.anthropic.com", "/v1/messages", "GET", UPGRADE).cost is Cost.UNTOLD
    assert of("api.openai.com", "/v1/responses", "PUT", UPGRADE).cost is Cost.UNTOLD


@pytest.mark.parametrize(
    ("host", "path", "api"),
    [
        ("api.anthropic.com", "/v1/messages", Api.MESSAGES),
        ("api.openai.com", "/v1/responses", Api.RESPONSES),
        ("api.openai.com", "/v1/chat/completions", Api.CHAT),
        ("chatgpt.com", "/backend-api/codex/responses", Api.RESPONSES),
        ("us.api.openai.com", "/v1/responses", Api.RESPONSES),
    ],
)
def test_calls_at_their_makers(host: str, path: str, api: Api) -> None:
    assert of(host, path) == Charge(cost=Cost.TOLD, api=api, at_maker=True)


def test_a_websocket_of_responses_is_a_call() -> None:
    assert of("api.openai.com", "/v1/responses", "GET", UPGRADE).api is Api.RESPONSES


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/models", "GET"),
        ("/v1/messages", "GET"),
        ("/v1/responses/resp_1", "DELETE"),
        ("/v1/messages/count_tokens", "POST"),
        ("/v1/responses/input_tokens", "POST"),
    ],
)
def test_what_costs_nothing(path: str, method: str) -> None:
    assert of("api.openai.com", path, method).cost is Cost.NONE


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/v1/messages", Api.MESSAGES),
        ("/anthropic/v1/messages", Api.MESSAGES),
        ("/openai/v1/responses", Api.RESPONSES),
        ("/api/v1/chat/completions", Api.CHAT),
    ],
)
def test_elsewhere_the_path_tells(path: str, api: Api) -> None:
    assert of("llm.example.com", path) == Charge(cost=Cost.TOLD, api=api)


@pytest.mark.parametrize("path", ["/", "/v1/things", "/v1/messages/batches", "/xv1/messagesx"])
def test_elsewhere_other_paths_are_none_of_our_business(path: str) -> None:
    assert of("llm.example.com", path).cost is Cost.NONE


@pytest.mark.parametrize(
    "host", ["notapi.openai.com", "api.openai.com.example.com", "openai.com", "chatgpt.co"]
)
def test_who_is_no_maker(host: str) -> None:
    assert not is_maker(host)


@pytest.mark.parametrize(
    ("route_host", "covers"),
    [
        ("api.anthropic.com", True),
        ("*.anthropic.com", True),
        ("*.com", True),
        ("*.api.openai.com", True),
        ("*.chatgpt.com", True),
        ("*.example.com", False),
        ("anthropic.com", False),
        ("10.0.0.1", False),
    ],
)
def test_which_routes_take_in_a_maker(route_host: str, covers: bool) -> None:  # noqa: FBT001
    assert may_cover_maker(route_host) is covers
