import pytest

from bottle.errors import ManifestError, UsageError
from bottle.proc import Command, run
from bottle.providers.base import AgentContext, ProviderConfig
from bottle.providers.shell import ShellProvider


def test_needs_no_host() -> None:
    assert ShellProvider().routes(ProviderConfig()) == ()


@pytest.mark.parametrize(
    "config", [ProviderConfig(auth_token="X"), ProviderConfig(forward_host_credentials=True)]
)
def test_account_keys_are_refused(config: ProviderConfig) -> None:
    with pytest.raises(ManifestError, match="not for the provider 'shell'"):
        ShellProvider().routes(config)


def test_remote_control_is_refused() -> None:
    with pytest.raises(UsageError, match="no --remote-control"):
        ShellProvider().setup(AgentContext(remote_control=True))


def test_session_is_a_login_shell() -> None:
    assert ShellProvider().setup(AgentContext()).argv == ("bash", "--login")


@pytest.mark.parametrize(
    ("task", "arguments", "output", "code"),
    [
        ('echo "$1|$2|$#"', ("a b", "c"), "a b|c|2", 0),
        ("for x in 1 2; do\n  echo $x\ndone\nexit 7", (), "1\n2", 7),
        ("-x", (), "", 127),
        ("true", (), "", 0),
    ],
)
def test_task_runs_as_a_script(task: str, arguments: tuple[str, ...], output: str, code: int) -> None:
    setup = ShellProvider().setup(AgentContext(task=task, arguments=arguments))

    completed = run(Command(argv=setup.argv), check=False)

    assert (completed.text, completed.code) == (output, code)
