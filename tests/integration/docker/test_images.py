"""Images: built once, never half, and from the operator's own Dockerfile where there is one."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bottle import proc
from bottle.assets import Assets
from bottle.backends.docker.engine import Engine as DockerCli
from bottle.backends.docker.image import ImageBuilder, Recipe, build_arguments
from bottle.cache import BuildCache
from bottle.errors import BottleError
from bottle.plan import AgentProgram
from bottle.progress import Silent
from support.docker_lab import DockerLab, wait_for

PROGRAM = AgentProgram(template="shell", argv=("sh",))


class Steps:
    """A Progress that remembers the steps."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.titles.append(title)
        yield

    @contextmanager
    def counting(self, title: str, so_far: Callable[[], str]) -> Iterator[None]:
        yield

    def note(self, text: str) -> None: ...


@pytest.fixture
def cli(lab: DockerLab) -> DockerCli:
    return DockerCli(environ=lab.engine.environment())


@pytest.fixture
def small(tmp_path: Path, cli: DockerCli) -> Iterator[Assets]:
    """Assets whose images build in a moment, and are removed."""
    root = tmp_path / "small"
    root.mkdir()
    for name in ("sidecar", "agent"):
        (root / f"{name}.Dockerfile").write_text(
            f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\nLABEL test={tmp_path}/{name}\n"
        )
    yield Assets(root=root, digest=str(tmp_path))
    found = cli.run("image", "ls", "--quiet", "--filter", f"label=test={tmp_path}/sidecar").text.split()
    found += cli.run("image", "ls", "--quiet", "--filter", f"label=test={tmp_path}/agent").text.split()
    if found:
        cli.run("image", "rm", "--force", *dict.fromkeys(found))


def builder(cli: DockerCli, tmp_path: Path) -> ImageBuilder:
    return ImageBuilder(engine=cli, cache=BuildCache(tmp_path / "cache"), environ={})


def test_concurrent_first_starts_build_once(cli: DockerCli, small: Assets, tmp_path: Path) -> None:
    steps = Steps()
    build = builder(cli, tmp_path)
    threads = [
        threading.Thread(target=build.images, args=(small, PROGRAM, "x86_64", steps)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(steps.titles) == 2
    build.images(small, PROGRAM, "x86_64", steps)
    assert len(steps.titles) == 2


def test_a_build_that_is_cut_off_is_never_used(cli: DockerCli, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM debian:trixie-slim\nRUN true\nRUN sleep 300\n")
    recipe = Recipe(tag="bot-bottle-test:cut", title="", dockerfile=dockerfile, arguments={}, context=None)
    command = cli.command(*build_arguments(recipe, {}), "-", timeout=None)
    with dockerfile.open("rb") as source:
        process = proc.spawn(command, stdin=source, stdout=proc.PIPE, stderr=proc.DEVNULL, new_session=True)
    assert process.stdout is not None
    for line in process.stdout:
        if b"sleep 300" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()

    assert not cli.has_images("bot-bottle-test:cut")
    sleeping = ("ps", "--quiet", "--no-trunc", "--filter", "status=running")
    wait_for(
        lambda: (
            not any("sleep 300" in cli.run("inspect", name).text for name in cli.run(*sleeping).text.split())
        ),
        "the engine gives the build up",
    )


def test_a_custom_image_needs_nothing_of_ours(lab: DockerLab, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "greeting").write_text("hello\n")
    (folder / "Dockerfile").write_text(
        'FROM debian:trixie-slim\nENV JAVA_HOME=/java\nCOPY greeting /\nENTRYPOINT ["false"]\nUSER 0\n'
    )
    plan = lab.plan("own-aaaaa", dockerfile=folder / "Dockerfile")
    with lab.launched("own-aaaaa", plan=plan) as live:
        found = live.run("cat /greeting; id -u; echo x >~/x; echo x >/workspace/x; ls ~ /workspace; env")

        assert found.output.split()[:2] == ["hello", "1000"]
        assert "denied" not in found.output
        assert "JAVA_HOME" not in found.output


def test_a_custom_image_may_build_on_ours(lab: DockerLab, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        "ARG BOT_BOTTLE_AGENT_IMAGE\nFROM ${BOT_BOTTLE_AGENT_IMAGE}\nUSER 0\nRUN echo more >/more\n"
    )
    plan = lab.plan("more-aaaaa", dockerfile=folder / "Dockerfile")
    with lab.launched("more-aaaaa", plan=plan) as live:
        assert live.run("cat /more; git --version").output.startswith("more\ngit version")


def test_a_build_that_fails_says_why(lab: DockerLab, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:trixie-slim\nRUN echo the-reason >&2; exit 9\n")
    plan = lab.plan("bad-aaaaa", dockerfile=tmp_path / "Dockerfile")

    with pytest.raises(BottleError, match="the-reason") as caught:
        lab.backend().build(lab.assets(), plan, Silent())
    assert "Dockerfile" in str(caught.value)


def test_a_dockerfile_that_is_not_there(lab: DockerLab, tmp_path: Path) -> None:
    with pytest.raises(BottleError, match="does not exist"):
        lab.backend().build(lab.assets(), lab.plan("x", dockerfile=tmp_path / "none"), Silent())


def test_a_package_other_than_the_pinned_is_refused(lab: DockerLab, cli: DockerCli, tmp_path: Path) -> None:
    """With the real recipe and the real registry; the package is a small one."""
    arguments = {
        "BASE_IMAGE": "debian:trixie-slim",
        "PACKAGE": "is-number@7.0.0",
        "INTEGRITY": "sha512-wrong==",
    }
    recipe = Recipe(
        tag="bot-bottle-test:pinned",
        title="",
        dockerfile=lab.assets().root / "agent.Dockerfile",
        arguments=arguments,
        context=None,
    )
    done = cli.run(
        *build_arguments(recipe, {}), "-", stdin=recipe.dockerfile.read_bytes(), timeout=600, check=False
    )

    assert done.code != 0
    assert b"is not the package that was pinned" in done.stdout + done.stderr
    assert not cli.has_images(recipe.tag)
