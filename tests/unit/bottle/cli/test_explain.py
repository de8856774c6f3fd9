import json

import pytest

from support.command_line import CommandLine
from support.project import shell_agent

ROUTES = [
    "{host: api.example.com, path_allowlist: [/v1], methods: [GET]}",
    "{host: plain.example.com, scheme: http}",
    "{host: '[2001:db8::1]'}",
]


@pytest.fixture
def agent(command_line: CommandLine) -> CommandLine:
    command_line.write(shell_agent(ROUTES[:2]))
    return command_line


def verdict(agent: CommandLine, *arguments: str) -> tuple[int, str]:
    outcome = agent.run("why", "--json", *arguments)
    return outcome.code, json.loads(outcome.out)["data"]["rule"]


@pytest.mark.parametrize(
    ("url", "code", "rule"),
    [
        ("https://api.example.com/v1/x?q=1", 0, "route.allowed"),
        ("https://API.example.com:443/v1", 0, "route.allowed"),
        ("https://me:pw@api.example.com/v1", 0, "route.allowed"),
        ("https://api.example.com/v2", 1, "route.path"),
        ("https://api.example.com/v1/../v2", 1, None),
        ("https://api.example.com/v1/%2e%2e/v2", 1, None),
        ("https://api.example.com:8443/v1", 1, None),
        ("http://api.example.com/v1", 1, None),
        ("http://plain.example.com/", 0, "route.allowed"),
        ("https://plain.example.com/", 1, None),
        ("https://other.example.com/", 1, "route.unknown-host"),
        ("https://127.0.0.1/", 1, None),
    ],
)
def test_the_proxy_s_own_verdict_and_its_exit_status(
    agent: CommandLine, url: str, code: int, rule: str | None
) -> None:
    found, by = verdict(agent, "shell", url)

    assert found == code
    if rule == "route.allowed":
        assert code == 0
    elif rule:
        assert by == rule


def test_the_method_counts(agent: CommandLine) -> None:
    assert verdict(agent, "--method", "post", "shell", "https://api.example.com/v1")[0] == 1
    assert verdict(agent, "--method", "get", "shell", "https://api.example.com/v1")[0] == 0


def test_the_keys_are_pinned(agent: CommandLine) -> None:
    for url in ("https://api.example.com/v1", "https://other.example.com/"):
        data = json.loads(agent.run("why", "shell", url, "--json").out)["data"]
        keys = {"allowed", "rule", "reason", "route", "origin", "path", "finding", "manifest_change"}
        assert set(data) == keys
        assert data["allowed"] is (data["manifest_change"] is None)


def test_the_change_that_it_prints_is_the_one_that_allows_it(agent: CommandLine) -> None:
    change = json.loads(agent.run("why", "shell", "https://other.example.com/", "--json").out)["data"][
        "manifest_change"
    ]
    agent.write({"bottles/shell.md": f"---\nagent_provider: {{template: shell}}\n{change}---\n"})

    assert agent.run("why", "shell", "https://other.example.com/").code == 0


def test_names_that_look_random(agent: CommandLine) -> None:
    noise = "q7Xw2Lm9Kt4Rv8Bn3Pd6Hs1Gj5Fc0Ya2Te4Zu7Io9Vb3Nx6Cy8Qs1Wd5Mk0Rp2"
    outcome = agent.run("why", "shell", f"https://api.example.com/v1?q={noise}", "--json")
    data = json.loads(outcome.out)["data"]

    assert (outcome.code, data["rule"], data["finding"]) == (1, "dlp.secret", "entropy")
    assert "dlp: warn" in data["manifest_change"]
    assert noise not in outcome.out


def test_it_needs_no_token_and_starts_nothing(command_line: CommandLine) -> None:
    command_line.write(shell_agent(["{host: a.b, auth: {scheme: Bearer, token_ref: NOT_SET}}"]))
    outcome = command_line.run("why", "shell", "https://a.b/")

    assert outcome.code == 0
    assert "NOT_SET is not set" in outcome.err
    assert not command_line.paths.state.exists()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://a.b/",
        "https://",
        "https://a.b:99999/",
        "https://[::1/",
        "https:///x",
        "ssh://git@a.b/x",
    ],
)
def test_what_is_no_url_is_a_usage_error(agent: CommandLine, url: str) -> None:
    outcome = agent.run("why", "shell", url)

    assert (outcome.code, outcome.out) == (2, "")
    assert "no http or https URL" in outcome.err or "is no URL" in outcome.err


def test_an_unknown_agent_is_told_as_everywhere(agent: CommandLine) -> None:
    assert agent.run("why", "nobody", "https://a.b/").code == 3
