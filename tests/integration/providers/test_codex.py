"""The real Codex with what its provider makes, and nothing else."""

from pathlib import Path

from attrs import evolve

from bottle.providers.codex import CodexProvider
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.document import Auth, AuthScheme
from support.provider_lab import PLACEHOLDER, TOKEN, TOKEN_REF, MakeLab, pattern
from support.scripts import Fail, RunCode, RunShell, Say, Script

AUTH = Auth(scheme=AuthScheme.BEARER, token_ref=TOKEN_REF)
READ_PROMPT = "Read and follow the instructions in /home/agent/.bot-bottle/prompt.md"
QUESTIONS = ("Sign in", "Do you trust", "Update available", "Press enter to continue")
SEARCH = RunShell(
    f"grep -rl {pattern(TOKEN)} ~ /workspace /proc/[0-9]*/environ; "
    f"grep -rl {pattern(PLACEHOLDER)} ~/.codex/auth.json"
)


def test_task_with_a_tool_completes(make_lab: MakeLab, skill: Path) -> None:
    lab, context = make_lab("codex", AUTH)
    setup = CodexProvider().setup(
        evolve(context, task="-run id", prompt="Answer like a cat.", skills=(skill,))
    )
    lab.cell.furnish(setup)

    completed = lab.run(setup)

    assert completed.code == 0
    assert completed.text.startswith("The command printed: ")
    assert completed.text.endswith("agent")
    first, second = lab.apis.openai.recording.model_calls()
    assert first.progress
    assert first.progress.prompt == f"{READ_PROMPT}\n\n-run id"
    assert second.progress
    assert second.progress.turn == 1
    assert "Use for purl stitch questions" in str(first.body["input"])
    for request in lab.apis.openai.recording.requests:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert PLACEHOLDER not in str(request.headers)


def test_conversation_goes_over_a_websocket(make_lab: MakeLab) -> None:
    lab, context = make_lab("codex", AUTH)
    setup = CodexProvider().setup(evolve(context, task="run id"))
    lab.cell.furnish(setup)

    lab.run(setup)

    methods = [request.method for request in lab.apis.openai.recording.requests]
    assert (methods.count("GET"), methods.count("POST")) == (1, 0)
    assert {call.method for call in lab.apis.openai.recording.model_calls()} == {"MESSAGE"}


def test_session_asks_nothing_and_completes(make_lab: MakeLab) -> None:
    lab, context = make_lab(
        "codex", AUTH, Script(scenarios=(("^Read and follow", (Say("I have read it"),)),))
    )
    setup = CodexProvider().setup(evolve(context, prompt="Answer like a cat."))
    lab.cell.furnish(setup)

    with lab.at_terminal(setup) as terminal:
        screen = terminal.wait_for("I have read it")
        assert [question for question in QUESTIONS if question in screen] == []
        terminal.say("run id")
        terminal.wait_for("The command printed: ")
        terminal.say("/quit")

        assert terminal.status() == 0

    assert not (lab.cell.home / ".codex/packages").exists()  # where its daemon would live
    for request in lab.apis.openai.recording.requests:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_agent_can_read_only_the_placeholder(make_lab: MakeLab) -> None:
    lab, context = make_lab("codex", AUTH, Script(turns=(SEARCH, Say("{tool_result}"))))
    setup = CodexProvider().setup(evolve(context, task="search"))
    lab.cell.furnish(setup)

    output = lab.run(setup).text.split("Output:\n")[1]

    assert output.strip() == "/home/agent/.codex/auth.json"


def test_conversation_continues(make_lab: MakeLab) -> None:
    lab, context = make_lab("codex", AUTH, Script(turns=(Say("hello"),)))
    first = CodexProvider().setup(evolve(context, task="first question"))
    lab.cell.furnish(first)
    lab.run(first)

    completed = lab.run(CodexProvider().setup(evolve(context, task="second question", resume=True)))

    assert completed.code == 0
    call = lab.apis.openai.recording.model_calls()[-1]
    assert "first question" in str(call.body["input"])


def test_search_program_is_on_the_tools_path(make_lab: MakeLab) -> None:
    lab, context = make_lab("codex", AUTH, Script(turns=(RunShell("rg --version"), Say("{tool_result}"))))
    setup = CodexProvider().setup(evolve(context, task="which"))
    lab.cell.furnish(setup)

    assert "ripgrep" in lab.run(setup).text


def test_code_mode_works(make_lab: MakeLab) -> None:
    """The default model's own tool runs in a second program, which must stand beside the first."""
    code = 'const done = await tools.exec_command({cmd: "id -un"}); text(done.output);'
    lab, context = make_lab("codex", AUTH, Script(turns=(RunCode(code), Say("It said {tool_result}"))))
    setup = CodexProvider().setup(evolve(context, task="run code"))
    lab.cell.furnish(setup)

    assert "agent" in lab.run(setup).text


def test_refused_call_ends_with_an_error(make_lab: MakeLab) -> None:
    refusal = Fail(status=400, kind="invalid_request_error", message="not for you")
    lab, context = make_lab("codex", AUTH, Script(turns=(refusal,)))
    setup = CodexProvider().setup(evolve(context, task="anything"))
    lab.cell.furnish(setup)

    completed = lab.run(setup)

    assert completed.code == 1
    assert b"not for you" in completed.stderr


def test_spent_budget_ends_the_task_with_the_reason(make_lab: MakeLab) -> None:
    """The first call sets the conversation up, the second asks for the tool, the third is refused."""
    lab, context = make_lab("codex", AUTH)
    lab = evolve(lab, budget=Budget(requests=2))
    setup = CodexProvider().setup(evolve(context, task="run id"))
    lab.cell.furnish(setup)

    completed = lab.run(setup)

    assert completed.code == 1
    assert b"The budget of this bottle is spent: 2 of 2 requests" in completed.stderr
    assert len(lab.apis.openai.recording.model_calls()) == 1
    used = [line for line in lab.journal() if line["event"] == "usage"]
    assert [(line["input_tokens"], line["output_tokens"], line["basis"]) for line in used] == [
        (10, 20, "told"),
        (10, 20, "told"),
    ]
    refused = [line for line in lab.journal() if line.get("rule") == "budget.spent"]
    assert len(refused) <= 2


def test_task_asks_for_no_other_host(make_lab: MakeLab) -> None:
    """Also since a placeholder that turns up elsewhere is an alarm."""
    lab, context = make_lab("codex", AUTH)
    setup = CodexProvider().setup(evolve(context, task="run id"))
    lab.cell.furnish(setup)

    lab.run(setup)

    assert {event.get("host") for event in lab.journal()} == {"api.openai.com"}
