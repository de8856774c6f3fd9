"""The shell provider, whose common environment every agent gets: do ordinary clients work with it?"""

import pytest
from attrs import evolve

from bottle.plan import GitIdentity, GitIdentityField, Provenance
from bottle.proc import Completed
from bottle.providers.shell import ShellProvider
from bottle_sidecar.policy.document import Auth, AuthScheme, Route
from support.agent_apis import OPENAI_HOST
from support.provider_lab import PLACEHOLDER, TOKEN, TOKEN_REF, MakeLab

ROUTE = Route(host=OPENAI_HOST, auth=Auth(scheme=AuthScheme.BEARER, token_ref=TOKEN_REF))
IDENTITY = GitIdentity(
    name=GitIdentityField(value="Ada", provenance=Provenance.AGENT),
    email=GitIdentityField(value="ada@example.com", provenance=Provenance.AGENT),
)
URL = f"https://{OPENAI_HOST}/v1/models"
PYTHON = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).status)"


def _shell(make_lab: MakeLab, task: str, *arguments: str) -> Completed:
    lab, context = make_lab("shell", None)
    lab = evolve(lab, routes=(ROUTE,))
    context = evolve(context, task=task, arguments=arguments, git_identity=IDENTITY)
    setup = ShellProvider().setup(context)
    lab.cell.furnish(setup)
    completed = lab.run(setup)
    for request in lab.apis.openai.recording.requests:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
    return completed


@pytest.mark.parametrize(
    "client",
    [
        'curl -sS -o /dev/null -w "%{http_code}" "$1"',
        f'curl -sS -o /dev/null -w "%{{http_code}}" -H "Authorization: Bearer {PLACEHOLDER}" "$1"',
        f"python3 -c '{PYTHON}' \"$1\"",
    ],
    ids=["curl", "curl with placeholder", "python"],
)
def test_clients_reach_an_allowed_host_without_options(make_lab: MakeLab, client: str) -> None:
    completed = _shell(make_lab, client, URL)

    assert (completed.text, completed.stderr, completed.code) == ("200", b"", 0)


def test_git_talks_to_an_allowed_host(make_lab: MakeLab) -> None:
    """It gets as far as the mock's own answer: proxy and trust are right."""
    completed = _shell(make_lab, f"git ls-remote https://{OPENAI_HOST}/x.git")

    assert b"not found" in completed.stderr
    assert completed.code == 128


def test_commits_carry_the_identity(make_lab: MakeLab) -> None:
    script = "git init -q && git commit -q --allow-empty -m x && git log --format='%an <%ae>'"
    assert _shell(make_lab, script).text == "Ada <ada@example.com>"


def test_status_of_the_script_is_the_status(make_lab: MakeLab) -> None:
    assert _shell(make_lab, 'exit "$1"', "23").code == 23


def test_session_is_a_shell_with_the_whole_path(make_lab: MakeLab) -> None:
    lab, context = make_lab("shell", None)
    setup = ShellProvider().setup(context)
    lab.cell.furnish(setup)

    with lab.at_terminal(setup) as terminal:
        terminal.say("echo $PATH | tr : + && id -un")
        terminal.wait_for("/home/agent/.local/bin+/opt/agent/bin+")
        terminal.say("exit 3")

        assert terminal.status() == 3
