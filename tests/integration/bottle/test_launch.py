"""What a person who runs an agent relies on, on each back-end."""

import json
import os
from pathlib import Path

import pytest

from bottle.proc import Command, run
from support.certificates import CertificateAuthority
from support.project import BottleProject, shell_agent
from support.sites import route
from support.upstreams import Upstream

TOKEN = "tok-3f9a51c2d87e4b60"


def test_run_gives_the_agent_its_exit_status_and_streams(project: BottleProject) -> None:
    project.write(shell_agent())

    outcome = project.run("run", "shell", "echo to-stdout; echo to-stderr >&2; exit 37")

    assert outcome.code == 37
    assert outcome.out == "to-stdout\n"
    assert "to-stderr" in outcome.err


def test_agent_is_an_ordinary_user_with_its_own_home(project: BottleProject) -> None:
    project.write(shell_agent())

    outcome = project.run(
        "run", "shell", "id -u; id -un; pwd; echo $HOME; touch ~/a /workspace/b /tmp/c && echo ok"
    )

    assert outcome.out.splitlines() == ["1000", "agent", "/workspace", "/home/agent", "ok"]


def test_request_carries_the_token_that_the_agent_does_not_hold(
    project: BottleProject, upstream: Upstream, authority: CertificateAuthority
) -> None:
    granted = route(authority, upstream, auth="{scheme: Bearer, token_ref: API_TOKEN}")
    project.write(shell_agent([granted]))

    outcome = project.run("run", "shell", "curl -sS https://api.example.com/v1; env", API_TOKEN=TOKEN)

    assert outcome.code == 0, outcome.err
    (seen,) = upstream.requests
    assert seen.values("authorization") == [f"Bearer {TOKEN}"]
    assert TOKEN not in outcome.out
    assert "API_TOKEN=bottle-placeholder-" in outcome.out


def test_host_without_a_route_is_refused_with_the_reason(project: BottleProject) -> None:
    project.write(shell_agent())

    outcome = project.run("run", "shell", "curl -sS -w '%{http_code}' https://example.com/x")

    assert outcome.out.endswith("403")
    assert "No route of this bottle covers example.com." in outcome.out


def test_cwd_comes_in_as_a_private_copy(project: BottleProject) -> None:
    project.write(shell_agent())
    command = project.command()
    work = Path(str(command.cwd))
    (work / ".git").mkdir()
    (work / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (work / "tool.sh").write_text("#!/bin/sh\necho ran\n")
    (work / "tool.sh").chmod(0o755)
    (work / "link").symlink_to("tool.sh")

    task = "./tool.sh; cat .git/HEAD; readlink link; stat -c %U tool.sh; echo changed > tool.sh; rm link"
    outcome = project.run("run", "--cwd", "shell", task)

    assert outcome.out.splitlines() == ["ran", "ref: refs/heads/main", "tool.sh", "agent"]
    assert (work / "tool.sh").read_text() == "#!/bin/sh\necho ran\n"
    assert (work / "link").is_symlink()


@pytest.mark.parametrize("way", ["private", "copy"])
def test_git_in_the_workspace_need_not_read_every_file_anew(project: BottleProject, way: str) -> None:
    """What has the size and the time that the index of the host's knows counts as unchanged."""
    project.write(shell_agent())
    project.cwd.mkdir()
    (project.cwd / "old").write_text("as committed\n")
    (project.cwd / ".bottleignore").write_text("secrets\n")
    (project.cwd / "secrets").mkdir()
    (project.cwd / "secrets" / "key").write_text("not for agents\n")
    os.utime(project.cwd / "old", (1_700_000_000, 1_700_000_000))
    for words in ("init -q", "add old .bottleignore", "-c user.name=A -c user.email=a@b commit -qm x"):
        run(Command(argv=("git", *words.split()), cwd=str(project.cwd)))

    disguised = "echo AS COMMITTED > old; touch -d @1700000000 old"
    status = "git status --porcelain"
    script = f"{disguised}; {status}; echo more >> old; {status}; ls -A"
    outcome = project.run("run", "--workspace", way, "shell", script)

    assert outcome.out.splitlines() == [" M old", ".bottleignore", ".git", "old"], outcome.err
    assert (project.cwd / "old").read_text() == "as committed\n"


def test_dry_run_shows_the_plan_and_starts_nothing(project: BottleProject) -> None:
    project.write(shell_agent(env="{SHOWN: 'never-shown-value'}"))

    outcome = project.run("start", "--dry-run", "shell")

    assert outcome.code == 0
    assert "SHOWN" in outcome.err
    assert "never-shown-value" not in outcome.err + outcome.out
    assert not list((project.home / "state").glob("shell-*"))


def test_start_without_a_terminal_says_what_to_do(project: BottleProject) -> None:
    project.write(shell_agent())

    outcome = project.run("start", "shell")

    assert outcome.code == 2
    assert "hint: bottle run shell" in outcome.err


def test_a_running_bottle_is_listed_entered_copied_from_and_stopped(project: BottleProject) -> None:
    project.write(shell_agent(env="{WORD: 'from the manifest'}"))
    with project.terminal("start", "--yes", "shell", columns=200) as terminal:
        terminal.type(b"echo result > /workspace/out.txt; echo now-$((1+1))\n")
        terminal.expect(b"now-2\r")
        (row,) = json.loads(project.run("list", "--json").out)["data"]
        identity = row["identity"]

        entered = project.run("exec", identity, "--", "sh", "-c", "echo $WORD; id -u; exit 9")
        copied = project.run("cp", f"{identity}:/workspace/out.txt", ".")
        stopped = project.run("stop", identity)

        assert (row["agent"], row["interactive"]) == ("shell", True)
        assert (entered.code, entered.out) == (9, "from the manifest\n1000\n"), entered.err
        assert copied.code == 0, copied.err
        assert (project.cwd / "out.txt").read_text() == "result\n"
        assert stopped.code == 0, stopped.err
        assert terminal.wait() == 143
    assert json.loads(project.run("list", "--json").out)["data"] == []
    assert project.run("cleanup", "--yes").out == ""


def test_skills_and_prompt_are_the_agent_s_own_and_the_host_s_stay_untouched(project: BottleProject) -> None:
    user = project.folder / "user"
    folder = user / ".claude" / "skills" / "review"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text("how to")
    (folder / "host").symlink_to("/etc/hostname-of-the-host")
    (folder / "SKILL.md").chmod(0o444)
    folder.chmod(0o555)
    manifests = shell_agent()
    manifests["agents/shell.md"] = "---\nbottle: shell\nskills: [review]\n---\nBe kind.\n"
    project.write(manifests)
    cache = project.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    script = (
        "cd ~/.claude/skills/review; stat -c %U . SKILL.md; cat host; cat ~/.bot-bottle/prompt.md; echo; "
        "echo changed > SKILL.md && rm SKILL.md && echo gone"
    )

    outcome = project.run("run", "shell", script, HOME=str(user), XDG_CACHE_HOME=cache)
    missing = project.run("run", "shell", "true", HOME=str(project.folder), XDG_CACHE_HOME=cache)

    assert outcome.out.splitlines() == ["agent", "agent", "Be kind.", "gone"]
    assert (folder / "SKILL.md").read_text() == "how to"
    assert folder.stat().st_mode & 0o777 == 0o555
    assert missing.code == 3
    assert "skills[0]: there is no folder" in missing.err
    folder.chmod(0o755)
