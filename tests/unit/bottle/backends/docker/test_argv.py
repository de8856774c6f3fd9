"""Every option of every container, whole: a change in isolation must be a change here."""

from pathlib import Path

from attrs import evolve

from bottle.backends.base import ExecRequest
from bottle.backends.docker import argv
from bottle.backends.docker.names import Names
from bottle.plan import Limits
from bottle.proc import Command, run
from bottle.terminal import TerminalSize

NAMES = Names(identity="dev-abcde", operator="0123", backend="docker")
LABELS = ["bot-bottle.identity=dev-abcde", "bot-bottle.home=0123", "bot-bottle.backend=docker"]
LIMITS = Limits(cpus=1.5, memory=512 * 1024 * 1024, pids=100, disk=1000)
RUNC = argv.Isolation(seccomp="/cache/seccomp.json")
GVISOR = evolve(RUNC, runtime="runsc", unix_exit=True)
HARDENING = [
    *("--rm", "--pull", "never", "--log-driver", "none", "--init", "--read-only", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--security-opt", "seccomp=/cache/seccomp.json"),
    *("--ipc", "private", "--cgroupns", "private", "--ulimit", "core=0"),
]


def labels(part: str) -> list[str]:
    return [word for label in (*LABELS, f"bot-bottle.part={part}") for word in ("--label", label)]


def mount(name: str, target: str, *options: str) -> list[str]:
    volume_labels = [f"volume-label={label}" for label in LABELS]
    fields = ["type=volume", f"source=bot-bottle-dev-abcde-{name}", f"target={target}", *options]
    return ["--mount", ",".join([*fields, *volume_labels])]


def test_agent() -> None:
    built = argv.agent(NAMES, "image:1", LIMITS, RUNC)

    assert list(built) == [
        *("run", "--interactive", *HARDENING, "--name", "bot-bottle-dev-abcde", *labels("agent")),
        *("--hostname", "bottle", "--network", "none", "--dns", "192.0.2.53", "--user", "1000:1000"),
        *("--memory", "536870912", "--memory-swap", "536870912", "--cpus", "1.5", "--pids-limit", "100"),
        *("--ulimit", "fsize=1000"),
        *("--tmpfs", "/tmp:rw,exec,nosuid,nodev,mode=1777,size=256m"),
        *("--tmpfs", "/var/tmp:rw,exec,nosuid,nodev,mode=1777,size=256m"),
        *("--tmpfs", "/run:rw,noexec,nosuid,nodev,mode=0755,uid=1000,gid=1000,size=16m"),
        *mount("home", "/home/agent"),
        *mount("workspace", "/workspace"),
        *mount("trust", "/etc/ssl/certs", "readonly", "volume-nocopy"),
        *("--workdir", "/", "--entrypoint", "sh", "image:1", "-c", "echo up && exec cat >/dev/null"),
    ]


def test_agent_on_gvisor_sees_the_socket_but_cannot_replace_it() -> None:
    built = list(argv.agent(NAMES, "image:1", LIMITS, GVISOR))

    assert built[built.index("--runtime") + 1] == "runsc"
    assert mount("exit", "/run/bottle/exit", "readonly", "volume-nocopy")[1] in built


def test_a_runtimes_own_threads_are_added_to_the_process_limit() -> None:
    built = argv.agent(NAMES, "image:1", LIMITS, evolve(GVISOR, own_threads=256))

    assert built[built.index("--pids-limit") + 1] == "356"


def test_agent_on_the_engines_own_runtime_does_not_see_the_socket() -> None:
    assert not any("/run/bottle/exit" in word for word in argv.agent(NAMES, "image:1", LIMITS, RUNC))


def test_sidecar_begins_as_root_to_measure_what_it_cannot_write() -> None:
    built = argv.sidecar(NAMES, "sidecar:1", RUNC, 4711)

    assert list(built) == [
        *("run", "--interactive", *HARDENING, "--name", "bot-bottle-dev-abcde-sidecar", *labels("sidecar")),
        *("--hostname", "sidecar", "--memory", "768m", "--memory-swap", "768m", "--pids-limit", "256"),
        *("--tmpfs", "/tmp:rw,noexec,nosuid,nodev,mode=1777,size=64m"),
        *("--user", "0:0"),
        *("--cap-add", "SETUID", "--cap-add", "SETGID", "--cap-add", "DAC_READ_SEARCH"),
        *mount("exit", "/run/bottle/exit"),
        *mount("trust", "/run/bottle/trust"),
        *mount("home", "/run/bottle/home", "readonly", "volume-nocopy"),
        *mount("workspace", "/run/bottle/workspace", "readonly", "volume-nocopy"),
        *("--entrypoint", "python", "sidecar:1", "-m", "bottle_sidecar.metered"),
        *("65532", "4711", "/run/bottle/home", "/run/bottle/workspace"),
    ]


def test_sidecar_of_a_bottle_with_git_upstreams_has_two_folders_more() -> None:
    built = list(argv.sidecar(NAMES, "sidecar:1", RUNC, 4711, gate=True))
    shared = f"bot-bottle-git-{NAMES.operator}"
    label = f"volume-label=bot-bottle.home={NAMES.operator}"
    folders = [
        *mount("gate", "/run/bottle/gate"),
        *("--mount", f"type=volume,source={shared},target=/run/bottle/git,{label}"),
    ]

    at = built.index("--entrypoint")
    assert built[at - 4 : at] == folders
    assert [*built[: at - 4], *built[at:]] == list(argv.sidecar(NAMES, "sidecar:1", RUNC, 4711))


def test_companion_is_a_module_beside_the_sidecar() -> None:
    built = argv.companion(NAMES, "sidecar:1", RUNC, "bottle_sidecar.other")

    assert list(built) == [
        *(
            "run",
            "--interactive",
            *HARDENING,
            "--name",
            "bot-bottle-dev-abcde-companion",
            *labels("companion"),
        ),
        *("--hostname", "companion", "--memory", "768m", "--memory-swap", "768m", "--pids-limit", "256"),
        *("--tmpfs", "/tmp:rw,noexec,nosuid,nodev,mode=1777,size=64m"),
        *("--entrypoint", "python", "sidecar:1", "-m", "bottle_sidecar.other", "companion"),
    ]


def test_listener_stands_in_the_agents_network_and_nothing_else() -> None:
    built = argv.listener(NAMES, "sidecar:1", RUNC, ["192.0.2.1"])

    assert list(built) == [
        *("run", *HARDENING, "--name", "bot-bottle-dev-abcde-listener", *labels("listener")),
        *("--network", "container:bot-bottle-dev-abcde"),
        *("--memory", "768m", "--memory-swap", "768m", "--pids-limit", "256"),
        *mount("exit", "/run/bottle/exit"),
        *("--entrypoint", "python", "sidecar:1", "-m", "bottle_sidecar.listener"),
        *("--wait", "60", "--identity", "dev-abcde", "/run/bottle/exit/socket", "192.0.2.1"),
    ]


def test_take_over_has_the_one_capability_and_no_network() -> None:
    built = argv.take_over(NAMES, "sidecar:1", RUNC)

    assert list(built) == [
        *("run", *HARDENING, "--name", "bot-bottle-dev-abcde-owner", *labels("owner")),
        *("--network", "none", "--cap-add", "CHOWN", "--user", "0:0"),
        *mount("home", "/run/bottle/home", "volume-nocopy"),
        *mount("workspace", "/run/bottle/workspace", "volume-nocopy"),
        *("--entrypoint", "chown", "sidecar:1"),
        *("1000:1000", "/run/bottle/home", "/run/bottle/workspace"),
    ]


REQUEST = ExecRequest(argv=("claude", "--x"), env={"PATH": "/bin", "HOME": "/h"}, cwd="/workspace")


def test_changes_are_looked_for_without_a_network_and_without_writing() -> None:
    built = argv.changes(NAMES, "look-1", "sidecar:1", RUNC, 17)

    assert built == (
        *("run", "--interactive", *HARDENING),
        *("--name", "look-1", *NAMES.label_options("changes")),
        *("--network", "none"),
        *("--user", "0:0", "--cap-add", "DAC_READ_SEARCH"),
        *("--memory", "2g", "--memory-swap", "2g", "--pids-limit", "256"),
        *NAMES.volume(NAMES.workspace, "/run/bottle/workspace", "readonly", "volume-nocopy"),
        *("--entrypoint", "python", "sidecar:1", "-m", "bottle_sidecar.changes"),
        *("copy", "/run/bottle/workspace", "17"),
    )


def test_execute_takes_away_what_image_and_engine_add() -> None:
    built = argv.execute(
        NAMES, REQUEST, token="t1", env_path="/dev/fd/9", inherited=("ML",), image_env=("JAVA_HOME", "PATH")
    )

    assert list(built) == [
        *("exec", "--interactive", "--detach-keys", "ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^"),
        *("--workdir", "/workspace", "--env-file", "/dev/fd/9", "--env", "ML", "bot-bottle-dev-abcde"),
        *("sh", "-c", 'ulimit -n 65536 2>/dev/null; echo "$$" >"/run/bottle-$0" && exec env "$@"', "t1"),
        *(
            "-u",
            "HOSTNAME",
            "-u",
            "JAVA_HOME",
            "-u",
            "OLDPWD",
            "-u",
            "PWD",
            "-u",
            "SHLVL",
            "-u",
            "TERM",
            "-u",
            "_",
            "-u",
            "container",
        ),
        *("claude", "--x"),
    ]


def test_execute_on_a_terminal() -> None:
    request = evolve(REQUEST, terminal=TerminalSize(rows=24, columns=80))

    built = argv.execute(NAMES, request, token="t1", env_path="/dev/fd/9")
    script = built[built.index("-c") + 1]

    assert "--tty" in built
    assert "stty size" in script
    assert script.endswith('echo "$$" >"/run/bottle-$0" && exec env "$@"')


def test_no_value_of_the_environment_is_in_the_argv() -> None:
    request = evolve(REQUEST, env={"A": "s3cret", "B": "s3cret\nline"})
    built = argv.execute(NAMES, request, token="t", env_path="/dev/fd/9", inherited=("B",))

    assert not any("s3cret" in word for word in built)


def test_env_file_holds_plain_values_as_they_are() -> None:
    file = argv.env_file({"A": "  x y  ", "B": "'\"$(id)`#", "C": "", "D": "ü=é"})

    assert file.lines == "A=  x y  \nB='\"$(id)`#\nC=\nD=ü=é\n".encode()
    assert file.inherited == {}


def test_env_file_leaves_out_what_a_line_cannot_hold() -> None:
    odd = {"A": "a\nb", "B": "a\r", "C": "x" * 60_000, "D": "\udcff"}

    assert argv.env_file(odd) == argv.EnvFile(lines=b"", inherited=odd)


def test_unpack_and_kill() -> None:
    assert argv.unpack(NAMES, "/w") == (
        *("exec", "--interactive", "bot-bottle-dev-abcde", "tar", "-x", "-p", "-f", "-", "-C", "/w"),
    )
    assert argv.kill(NAMES, "t1")[-1] == "t1"


def test_what_proves_the_isolation_runs_nothing_that_lies_in_the_agent_s_home(tmp_path: Path) -> None:
    """The home of a resumed bottle is its agent's work, and Python runs modules from there by itself."""
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    where = ("python3", "-c", "import site; print(site.getusersitepackages())")
    places = run(Command(argv=where, env=env)).text
    Path(places).mkdir(parents=True)
    (Path(places) / "usercustomize.py").write_text("print('{\"findings\": []}')\nraise SystemExit\n")
    for words in (argv.probe(NAMES, "print('honest')", ()), argv.forwarder(NAMES, "print('honest')")):
        python = words[words.index("python3") :]
        done = run(Command(argv=python, env=env))

        assert done.text == "honest"
