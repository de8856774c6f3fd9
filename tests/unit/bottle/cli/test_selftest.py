from support.command_line import CommandLine


def test_an_unknown_backend_is_a_usage_error(command_line: CommandLine) -> None:
    assert command_line.run("selftest", "--backend", "podman").code == 2


def test_a_page_needs_a_folder(command_line: CommandLine) -> None:
    outcome = command_line.run("selftest", "--html", "/nowhere/page.html")

    assert outcome.code == 2
    assert "/nowhere" in outcome.err


def test_an_unknown_attack_is_a_usage_error_that_names_the_claims(command_line: CommandLine) -> None:
    outcome = command_line.run("selftest", "--only", "magic")

    assert outcome.code == 2
    assert "'magic'" in outcome.err
    assert "proxy" in outcome.err
