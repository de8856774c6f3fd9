"""The real Claude Code with what its provider makes, and nothing else."""

import json
from pathlib import Path

import pytest
from attrs import evolve

from bottle.proc import Completed
from bottle.providers.claude import ClaudeProvider
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.document import Auth, AuthScheme
from support.api_server import ApiServer, SeenRequest
from support.provider_lab import PLACEHOLDER, TOKEN, TOKEN_REF, MakeLab, pattern
from support.scripts import Fail, RunShell, Say, Script

SUBSCRIPTION = Auth(scheme=AuthScheme.BEARER, token_ref=TOKEN_REF)
API_KEY = Auth(scheme=AuthScheme.HEADER, header="x-api-key", token_ref=TOKEN_REF)
BOTH_KINDS = pytest.mark.parametrize("auth", [SUBSCRIPTION, API_KEY], ids=["subscription", "api key"])
QUESTIONS = ("Yes, I trust", "Yes, I accept", "custom API key", "Select login", "text style", "Welcome")
SEARCH = RunShell(
    f"env | grep -c {pattern(TOKEN)}; grep -rl {pattern(TOKEN)} ~ /workspace /proc/[0-9]*/environ; "
    f"env | grep -c {pattern(PLACEHOLDER)}"
)


def assert_right_credential(request: SeenRequest, auth: Auth) -> None:
    """The real one, in the one header of its kind, and no trace of the placeholder."""
    is_key = auth is API_KEY
    assert request.headers.get("x-api-key") == (TOKEN if is_key else None)
    assert request.headers.get("authorization") == (None if is_key else f"Bearer {TOKEN}")
    assert PLACEHOLDER not in str(request.headers)
    if request.progress:
        assert ("oauth-2025-04-20" in request.headers["anthropic-beta"]) is not is_key


def assert_two_turns(server: ApiServer, prompt: str, result: str) -> None:
    first, second = (call.progress for call in server.recording.model_calls())
    assert first
    assert second
    assert (first.turn, first.prompt) == (0, prompt)
    assert (second.turn, second.result) == (1, result)


@BOTH_KINDS
def test_task_with_a_tool_completes(make_lab: MakeLab, auth: Auth, skill: Path) -> None:
    lab, context = make_lab("claude", auth)
    context = evolve(context, task="-run id", prompt="Answer like a cat.", skills=(skill,))
    setup = ClaudeProvider().setup(context)
    lab.cell.furnish(setup)

    completed = lab.run(setup)

    assert completed == Completed(code=0, stdout=b"The command printed: agent\n", stderr=b"")
    assert_two_turns(lab.apis.anthropic, "-run id", "agent")
    for request in lab.apis.anthropic.recording.requests:
        assert_right_credential(request, auth)
    (call, _) = lab.apis.anthropic.recording.model_calls()
    assert "Answer like a cat." in str(call.body["system"])
    assert "Use for purl stitch questions" in str(call.body["messages"])


@BOTH_KINDS
def test_session_asks_nothing_and_completes(make_lab: MakeLab, auth: Auth) -> None:
    lab, context = make_lab("claude", auth)
    setup = ClaudeProvider().setup(context)
    lab.cell.furnish(setup)

    with lab.at_terminal(setup) as terminal:
        screen = terminal.wait_for("bypass permissions on")
        assert [question for question in QUESTIONS if question in screen] == []
        terminal.say("run id")
        terminal.wait_for("The command printed: agent")
        terminal.say("/exit")

        assert terminal.status() == 0

    assert_two_turns(lab.apis.anthropic, "run id", "agent")
    for request in lab.apis.anthropic.recording.requests:
        assert_right_credential(request, auth)


def test_agent_can_read_only_the_placeholder(make_lab: MakeLab) -> None:
    """An API key's variable reaches the agent's tools, so there the search has something to find."""
    lab, context = make_lab("claude", API_KEY, Script(turns=(SEARCH, Say("{tool_result}"))))
    setup = ClaudeProvider().setup(evolve(context, task="search"))
    lab.cell.furnish(setup)

    assert lab.run(setup).text.splitlines() == ["0", "1"]


def test_conversation_continues(make_lab: MakeLab) -> None:
    lab, context = make_lab("claude", SUBSCRIPTION, Script(turns=(Say("hello"),)))
    context = evolve(context, task="first question", prompt="Answer like a cat.")
    first = ClaudeProvider().setup(context)
    lab.cell.furnish(first)
    lab.run(first)

    lab.run(ClaudeProvider().setup(evolve(context, task="second question", resume=True)))

    call = lab.apis.anthropic.recording.model_calls()[-1]
    assert "first question" in str(call.body["messages"])
    assert "Answer like a cat." in str(call.body["system"])


def test_words_arrive_while_the_answer_is_still_being_written(make_lab: MakeLab) -> None:
    """The agent says of its first word how long it took; the mock, how long the whole answer did."""
    lab, context = make_lab(
        "claude", SUBSCRIPTION, Script(turns=(Say("one two three four five"),), chunk_delay=0.8)
    )
    arguments = ("--output-format", "stream-json", "--verbose", "--include-partial-messages")
    setup = ClaudeProvider().setup(evolve(context, task="count", arguments=arguments))
    lab.cell.furnish(setup)

    lines = [json.loads(line) for line in lab.run(setup).stdout.splitlines()]

    result = next(line for line in lines if line["type"] == "result")
    events = lab.apis.anthropic.recording.events
    assert result["result"] == "one two three four five"
    assert result["ttft_ms"] / 1000 < events[-1].at - events[0].at


def test_refused_call_ends_with_its_reason(make_lab: MakeLab) -> None:
    refusal = Fail(status=403, kind="permission_error", message="not for you")
    lab, context = make_lab("claude", SUBSCRIPTION, Script(turns=(refusal,)))
    setup = ClaudeProvider().setup(evolve(context, task="anything"))
    lab.cell.furnish(setup)

    completed = lab.run(setup)

    assert completed.code == 1
    assert "not for you" in completed.text


def test_spent_budget_ends_the_task_with_the_reason(make_lab: MakeLab) -> None:
    lab, context = make_lab("claude", SUBSCRIPTION)
    lab = evolve(lab, budget=Budget(requests=1))
    setup = ClaudeProvider().setup(evolve(context, task="run id"))
    lab.cell.furnish(setup)

    completed = lab.run(setup)

    assert completed.code == 1
    assert "The budget of this bottle is spent: 1 of 1 requests (budget.requests)" in completed.text
    assert len(lab.apis.anthropic.recording.model_calls()) == 1
    (used,) = (line for line in lab.journal() if line["event"] == "usage")
    assert (used["input_tokens"], used["output_tokens"], used["basis"]) == (10, 20, "told")
    refused = [line for line in lab.journal() if line.get("rule") == "budget.spent"]
    assert len(refused) <= 2


def test_without_a_credential_it_says_so(make_lab: MakeLab) -> None:
    lab, context = make_lab("claude", None)
    setup = ClaudeProvider().setup(evolve(context, task="anything"))
    lab.cell.furnish(setup)

    completed = lab.run(setup)

    assert completed.code == 1
    assert "Not logged in" in completed.text
    assert lab.apis.anthropic.recording.model_calls() == []


def test_task_asks_for_no_other_host(make_lab: MakeLab) -> None:
    """Also since a placeholder that turns up elsewhere is an alarm."""
    lab, context = make_lab("claude", SUBSCRIPTION)
    setup = ClaudeProvider().setup(evolve(context, task="run id"))
    lab.cell.furnish(setup)

    lab.run(setup)

    assert {event.get("host") for event in lab.journal()} == {"api.anthropic.com"}
