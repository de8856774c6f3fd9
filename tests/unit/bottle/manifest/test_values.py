from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.manifest import values
from bottle.manifest.problems import Invalid
from bottle.manifest.schema import EnvLiteral, EnvPrompt, EnvTemplate, HostVariable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", EnvLiteral(value="")),
        ("plain $HOME $(x) $", EnvLiteral(value="plain $HOME $(x) $")),
        ("?Token", EnvPrompt(message="Token")),
        ("? Token ", EnvPrompt(message="Token")),
        ("?", EnvPrompt(message="")),
        ("??x", EnvLiteral(value="?x")),
        ("a?b", EnvLiteral(value="a?b")),
        ("${A}", EnvTemplate(parts=(HostVariable(name="A"),))),
        ("x${A}y${B}", EnvTemplate(parts=("x", HostVariable(name="A"), "y", HostVariable(name="B")))),
        ("${A}${A}", EnvTemplate(parts=(HostVariable(name="A"), HostVariable(name="A")))),
        ("$${A}", EnvLiteral(value="${A}")),
        ("x$${A}${B}", EnvTemplate(parts=("x${A}", HostVariable(name="B")))),
        ("$${", EnvLiteral(value="${")),
        ("${A}}", EnvTemplate(parts=(HostVariable(name="A"), "}"))),
    ],
)
def test_env_value(text: str, expected: object) -> None:
    assert values.env_value(text) == expected


@pytest.mark.parametrize(
    "text", ["${", "${A", "${}", "${A B}", "${A:-b}", "${1A}", "a\0b", "?a\nb", "${${A}}"]
)
def test_env_value_that_means_nothing(text: str) -> None:
    with pytest.raises(Invalid):
        values.env_value(text)


def test_a_template_renders_and_names_its_variables() -> None:
    template = values.env_value("${U}:${P}@${U}")

    assert isinstance(template, EnvTemplate)
    assert template.variables == ("U", "P")
    assert template.render({"U": "me", "P": "${X}"}) == "me:${X}@me"
    with pytest.raises(KeyError, match="P"):
        template.render({"U": "me"})


@given(st.text())
def test_doubling_the_dollar_makes_any_text_a_literal(text: str) -> None:
    """`$${` is the one escape; a text with no `$` before its `${` comes back whole."""
    wanted = text.replace("\0", "").replace("$", "${")
    written = wanted.replace("${", "$${")
    written = "?" + written if written.startswith("?") else written

    assert values.env_value(written) == EnvLiteral(value=wanted)


@pytest.mark.parametrize("name", ["A", "_a", "GITHUB_TOKEN", "TERM", "PYTHONPATH", "DOCKER_HOST", "LDFLAGS"])
def test_variables_that_a_manifest_may_set(name: str) -> None:
    assert values.agent_variable_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1A",
        "A-B",
        "A=B",
        "A B",
        "É",
        "A\n",
        "https_proxy",
        "Http_Proxy",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "NODE_EXTRA_CA_CERTS",
        "HOME",
        "PATH",
        "LD_PRELOAD",
        "LD_X",
        "DYLD_INSERT_LIBRARIES",
    ],
)
def test_variables_that_a_manifest_may_not_set(name: str) -> None:
    with pytest.raises(Invalid):
        values.agent_variable_name(name)


@pytest.mark.parametrize("text", ["a", "dev-2", "a-"])
def test_names(text: str) -> None:
    assert values.name(text) == text


@pytest.mark.parametrize("text", ["", "A", "2a", "-a", "a_b", "a/b", "..", "a\n", "a.md"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        values.name(text)


@pytest.mark.parametrize("text", ["..", ".", "", "a/b", "/etc", "~", "-x", "a\n"])
def test_a_skill_is_never_a_path(text: str) -> None:
    with pytest.raises(Invalid):
        values.skill_name(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64m", 64 << 20),
        ("512M", 512 << 20),
        ("4g", 4 << 30),
        ("4GB", 4 << 30),
        ("4GiB", 4 << 30),
        ("1.5g", 3 << 29),
        ("1t", 1 << 40),
        ("67108864", 64 << 20),
        ("67108864b", 64 << 20),
        ("65536k", 64 << 20),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert values.size(text) == size


@pytest.mark.parametrize(
    "text", ["", "g", "4 g", "-4g", "4e9", "0", "63m", "4x", "4gig", "1_000m", "٤g", ".5g"]
)
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        values.size(text)


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("0.5", 0.5), ("1024", 1024.0)])
def test_cpus(text: str, value: float) -> None:
    assert values.cpus(text) == value


@pytest.mark.parametrize("text", ["0", "0.001", "-1", "1025", ".inf", ".nan", "1e2", "0x2"])
def test_cpus_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        values.cpus(text)


def test_dollars_are_exact() -> None:
    assert values.dollars("0.10") == Decimal("0.10")
    with pytest.raises(Invalid):
        values.dollars("0.00")


@pytest.mark.parametrize("text", ["2.1.197", "0.0.1", "1.2.3-beta.1"])
def test_versions(text: str) -> None:
    assert values.version(text) == text


@pytest.mark.parametrize(
    "text", ["latest", "2.1", "v1.2.3", "^1.2.3", "1.2.3 || 2", "1.2.3/../x", "1.2.3-", "@x"]
)
def test_versions_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        values.version(text)


def test_lines_and_globs() -> None:
    assert values.line("  Ada  ") == "Ada"
    assert values.glob("refs/heads/*") == "refs/heads/*"
    for text in ("a\nb", "\x1b[0m"):
        with pytest.raises(Invalid):
            values.line(text)
    for text in ("", "a b", "a\tb"):
        with pytest.raises(Invalid):
            values.glob(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/abs/x", "/abs/x"),
        ("~/x", "/home/op/x"),
        ("~", "/home/op"),
        ("x/y", "/base/x/y"),
        ("./x", "/base/x"),
        ("a~b", "/base/a~b"),
    ],
)
def test_host_paths(text: str, path: str) -> None:
    parse = values.HostPaths(user_home=Path("/home/op")).below(Path("/base"))

    assert parse(text) == Path(path)


@pytest.mark.parametrize("text", ["", "~bob/x", "$HOME/x", "a\0b", "a\nb"])
def test_host_paths_that_are_none(text: str) -> None:
    with pytest.raises(Invalid):
        values.HostPaths(user_home=Path("/home/op")).below(Path("/base"))(text)
