"""The real Codex in real bottles, on a ChatGPT login that the operator has on the host."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen

from support import logins
from support.agent_apis import CHATGPT_HOST, AgentApis, agent_apis
from support.project import BottleProject
from support.scripts import RunShell, Say, Script, UseTool
from support.sites import Site

SHOWN = "cat ~/.codex/auth.json"
UNTIL_LET_IN = (
    f'token=$({SHOWN} | sed -n \'s/.*"access_token": "\\(.*\\)".*/\\1/p\'); '
    'until curl -sf -H "Authorization: Bearer $token" https://chatgpt.com/backend-api/codex/models; '
    "do sleep 1; done"
)
EXPIRED = "the login has expired; run codex login --device-auth on the host"
PATIENCE = 60.0  # seconds
SCRIPT = Script(
    turns=(Say("The command printed: {tool_result}"),),
    scenarios=(
        ("^show the login", (RunShell(f"{SHOWN} | base64 -w0"), Say("{tool_result}"))),
        (
            "^wait",
            (
                UseTool("exec_command", {"cmd": UNTIL_LET_IN, "yield_time_ms": 30_000}),
                Say("It said {tool_result}"),
            ),
        ),
    ),
)
pytestmark = pytest.mark.timeout(600)


@frozen(kw_only=True)
class Desk:
    """An operator with a login, a bottle that borrows it, and the API that knows the login."""

    project: BottleProject
    apis: AgentApis

    @property
    def login(self) -> Path:
        return self.project.folder / "codex-home" / "auth.json"

    def run(self, *words: str) -> tuple[int, str, str]:
        outcome = self.project.run("run", "coder", *words, CODEX_HOME=str(self.login.parent))
        return outcome.code, outcome.out, outcome.err

    def lend(self, access: str) -> None:
        """From now on this login alone is let in."""
        logins.write(self.login, logins.auth_json(access))
        self.apis.openai.required_token = access


@pytest.fixture
def desk(site: Site, project: BottleProject, tmp_path: Path) -> Iterator[Desk]:
    with agent_apis(tmp_path / "ca", required_token="", script=SCRIPT, host=site.host) as apis:
        address = f"{site.host}:{apis.server(CHATGPT_HOST).port}"
        project.write(
            {
                "agents/coder.md": "---\nbottle: coder\n---\n",
                "bottles/coder.md": "---\nagent_provider: {template: codex, forward_host_credentials: true}\n"
                "egress:\n  routes:\n"
                f"    - {{host: chatgpt.com, address: '{address}', ca_file: {apis.authority.certificate}}}\n"
                "---\n",
            }
        )
        yield Desk(project=project, apis=apis)


def test_codex_works_on_the_login_and_holds_none_of_it(desk: Desk) -> None:
    access = logins.access_token(expires=time.time() + 240 * logins.HOUR)
    desk.lend(access)

    code, out, err = desk.run("show", "the", "login")

    assert code == 0, err
    held = json.loads(base64.b64decode(out.split()[-1]))
    real = json.loads(desk.login.read_text())
    assert set(held["tokens"]) == set(real["tokens"])
    assert held["tokens"]["account_id"] == logins.ACCOUNT
    for name in ("id_token", "access_token", "refresh_token"):
        assert held["tokens"][name] != real["tokens"][name]
    requests = desk.apis.openai.recording.requests
    assert {request.headers["authorization"] for request in requests} == {f"Bearer {access}"}
    assert {request.headers["chatgpt-account-id"] for request in requests if request.method == "GET"} == {
        logins.ACCOUNT
    }
    assert any(request.path.startswith("/backend-api/codex/responses") for request in requests)
    assert access not in out + err


def test_expired_login_goes_on_once_it_is_renewed(desk: Desk, tmp_path: Path) -> None:
    """The bottle's `auth.json` stays as it is. Codex cannot renew it, and keeps sending what is in it."""
    second = logins.access_token(expires=time.time() + 240 * logins.HOUR)
    desk.lend(logins.access_token(expires=time.time() + 10))
    output = tmp_path / "output"

    with output.open("wb") as stdout:
        process = desk.project.spawn("run", "coder", "wait", stdout=stdout, CODEX_HOME=str(desk.login.parent))
        wait_for(desk.apis.openai.recording.model_calls, output)
        desk.apis.openai.required_token = second
        wait_for(lambda: EXPIRED in output.read_text(), output)
        desk.lend(second)
        assert process.wait(PATIENCE) == 0, output.read_text()

    shown = output.read_text()
    assert "ends in 0 min" in shown
    assert "It said" in shown
    assert second not in shown
    tokens = [r.headers["authorization"] for r in desk.apis.openai.recording.requests if r.method == "GET"]
    assert tokens[-1] == f"Bearer {second}"
    log = next((desk.project.home / "logs").glob("*.jsonl")).read_text()
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events.index("remark") < events.index("renewed")
    assert second not in log


def wait_for(happened: Callable[[], object], output: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
