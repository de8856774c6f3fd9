"""From nothing to a running agent: `init`, `edit` and `start` in one go."""

from pathlib import Path

import pytest

from support.agent_apis import ANTHROPIC_HOST, agent_apis
from support.operator_terminal import OperatorTerminal
from support.project import BottleProject
from support.scripts import RunShell, Say, Script
from support.sites import Site

TOKEN = "sk-ant-oat01-real-token-0d1c7be2f4a94c5e"
QUESTION = rb"(\]:|\?.* \[[Yy]/[Nn]\]) \Z"
START = 60.0
pytestmark = pytest.mark.timeout(600)


def answer(at: OperatorTerminal, *answers: bytes) -> None:
    for each in answers:
        at.expect(QUESTION)
        at.type(each + b"\r")


def test_one_dialogue_ends_in_the_sandbox(project: BottleProject) -> None:
    with project.terminal("init", columns=200) as at:
        answer(at, b"shell", b"", b"", b"Ada", b"-", b"", b"y", b"")
        at.expect(rb"/workspace\$ ", START)
        at.type(b"git config user.name; exit 7\n")

        assert at.wait() == 7
        assert b"Ada\r\n" in at.output


def test_claude_code_runs_with_what_was_written(site: Site, project: BottleProject, tmp_path: Path) -> None:
    """The mock API's address is put in with the editor, as a company's would be."""
    script = Script(turns=(RunShell("id -un"), Say("The command printed: {tool_result}")))
    with agent_apis(tmp_path / "ca", required_token=TOKEN, script=script, host=site.host) as apis:
        with project.terminal("init", columns=200, CLAUDE_CODE_OAUTH_TOKEN=TOKEN) as at:
            answer(at, b"claude", b"", b"", b"", b"-", b"-", b"", b"", b"no")

            assert at.wait() == 0
            assert TOKEN.encode() not in at.output
        address = f"{site.host}:{apis.anthropic.port}"
        route = (
            f"    - {{host: {ANTHROPIC_HOST}, address: '{address}', ca_file: {apis.authority.certificate}}}"
        )
        editor = tmp_path / "editor"
        editor.write_text(f'#!/bin/sh\nsed -i "s|  routes: .*|  routes:\\n{route}|" "$1"\n')
        editor.chmod(0o755)
        edited = project.run("edit", "bottle", "claude", EDITOR=str(editor))
        outcome = project.run("run", "claude", "run id", CLAUDE_CODE_OAUTH_TOKEN=TOKEN)

        assert edited.code == 0, edited.err
        assert outcome.code == 0, outcome.err
        assert outcome.out == "The command printed: agent\n"
        for request in apis.anthropic.recording.requests:
            assert request.headers.get("authorization") == f"Bearer {TOKEN}"
