"""The two images of a bottle: built once per content, under a lock, and used by tag."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from bottle.assets import Assets
from bottle.backends.docker.engine import Engine, EngineError, last_lines
from bottle.cache import BuildCache
from bottle.errors import BottleError
from bottle.plan import AgentProgram
from bottle.progress import Progress

BASE_IMAGE = "BOT_BOTTLE_BASE_IMAGE"
AGENT_IMAGE = "BOT_BOTTLE_AGENT_IMAGE"
IMAGE_LABEL = "bot-bottle.image"
_DEFAULT_BASE = "debian:trixie-slim"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_BUILD_SECONDS = 3600.0


@frozen(kw_only=True)
class Images:
    """What a bottle's containers are made from: tags, or the id of an image of the operator's own."""

    sidecar: str
    agent: str


@frozen(kw_only=True)
class Recipe:
    """A build of ours. The tag holds a hash of all that goes in, and appears when the build has ended."""

    tag: str
    title: str
    dockerfile: Path
    arguments: Mapping[str, str]
    context: Path | None


def sidecar_recipe(assets: Assets, base: str) -> Recipe:
    return Recipe(
        tag=f"bot-bottle-sidecar:{_digest(assets.digest, base)}",
        title="the sidecar's image",
        dockerfile=assets.root / "sidecar.Dockerfile",
        arguments={"BASE_IMAGE": base},
        context=assets.root,
    )


def agent_recipe(assets: Assets, base: str, program: AgentProgram, machine: str) -> Recipe:
    """Keyed by its own Dockerfile, not by all assets: a change in the sidecar fetches no agent again."""
    dockerfile = assets.root / "agent.Dockerfile"
    arguments = {"BASE_IMAGE": base, **_package_arguments(program, machine)}
    parts = (dockerfile.read_text(), *(f"{name}={value}" for name, value in arguments.items()))
    return Recipe(
        tag=f"bot-bottle-agent-{program.template}:{_digest(*parts)}",
        title=f"the agent's image ({arguments.get('PACKAGE', 'no agent CLI')})",
        dockerfile=dockerfile,
        arguments=arguments,
        context=None,
    )


def _package_arguments(program: AgentProgram, machine: str) -> Mapping[str, str]:
    package = program.package
    if package is None:
        return {}
    return {
        "NPM": "yes",
        "PACKAGE": package.spec(machine),
        "INTEGRITY": package.integrity.get(machine, ""),
        "BINARIES": " ".join(f"{path}={name}" for path, name in package.executables(machine).items()),
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def build_arguments(recipe: Recipe, environ: Mapping[str, str]) -> tuple[str, ...]:
    """`docker build`, without its context. Proxies go by name: their values may hold a password."""
    return (
        "build",
        "--force-rm",
        "--tag", recipe.tag,
        "--label", f"{IMAGE_LABEL}={recipe.tag.partition(':')[0]}",
        *(word for name, value in recipe.arguments.items() for word in ("--build-arg", f"{name}={value}")),
        *proxy_arguments(environ),
    )  # fmt: skip


def proxy_arguments(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Docker's predefined build arguments, which leave no trace in the image's history."""
    return tuple(word for name in _PROXIES if environ.get(name) for word in ("--build-arg", name))


@frozen(kw_only=True)
class ImageBuilder:
    engine: Engine
    cache: BuildCache
    environ: Mapping[str, str] = field(repr=False)

    def sidecar(self, assets: Assets, progress: Progress) -> str:
        """The tag of the sidecar's image, built where the engine does not have it. Raises BottleError."""
        recipe = sidecar_recipe(assets, self.environ.get(BASE_IMAGE) or _DEFAULT_BASE)
        self._ensure((recipe,), progress)
        return recipe.tag

    def images(self, assets: Assets, program: AgentProgram, machine: str, progress: Progress) -> Images:
        """Builds what the engine does not have. Raises BottleError with the build's last lines."""
        base = self.environ.get(BASE_IMAGE) or _DEFAULT_BASE
        sidecar = sidecar_recipe(assets, base)
        ours = agent_recipe(assets, base, program, machine)
        own = program.dockerfile
        wanted = (sidecar, ours) if own is None or _extends_ours(own) else (sidecar,)
        self._ensure(wanted, progress)
        agent = ours.tag if own is None else self._custom(own, ours.tag, progress)
        return Images(sidecar=sidecar.tag, agent=agent)

    def _ensure(self, recipes: tuple[Recipe, ...], progress: Progress) -> None:
        if self.engine.has_images(*(recipe.tag for recipe in recipes)):
            return
        for recipe in recipes:
            with self.cache.lock(recipe.tag.replace(":", "-"), progress):
                if not self.engine.has_images(recipe.tag):
                    self._build(recipe, progress)

    def _build(self, recipe: Recipe, progress: Progress) -> None:
        """Without a context the Dockerfile goes in by standard input, and nothing else is sent."""
        arguments = build_arguments(recipe, self.environ)
        with progress.step(f"building {recipe.title}"):
            if recipe.context is None:
                done = self.engine.run(
                    *arguments, "-", stdin=recipe.dockerfile.read_bytes(), timeout=_BUILD_SECONDS, check=False
                )
            else:
                file = ("--file", str(recipe.dockerfile))
                done = self.engine.run(
                    *arguments, *file, str(recipe.context), timeout=_BUILD_SECONDS, check=False
                )
        if done.code:
            raise EngineError(
                f"{recipe.title} does not build:\n{last_lines(done)}",
                hint="mend what the last lines say and run `bottle build`",
            )

    def _custom(self, dockerfile: Path, ours: str, progress: Progress) -> str:
        """The id of the image from the operator's Dockerfile, whose folder is the build's context.

        Built at each start: what its context holds is the engine's to compare, and its cache is quick.
        """
        if not dockerfile.is_file():
            raise BottleError(f"{dockerfile} does not exist", hint="agent_provider.dockerfile names it")
        offered = ("--build-arg", f"{AGENT_IMAGE}={ours}") if _extends_ours(dockerfile) else ()
        with progress.step(f"building the agent's image from {dockerfile}"):
            done = self.engine.run(
                "build", "--quiet", "--force-rm",
                "--file", str(dockerfile),
                "--label", f"{IMAGE_LABEL}=bot-bottle-custom",
                *offered, *proxy_arguments(self.environ), str(dockerfile.parent),
                timeout=_BUILD_SECONDS, check=False,
            )  # fmt: skip
        if done.code:
            raise EngineError(
                f"the image from {dockerfile} does not build:\n{last_lines(done)}",
                hint=f"mend it; `docker build -f {dockerfile} {dockerfile.parent}` repeats the build",
            )
        return done.text.splitlines()[-1]


def _extends_ours(dockerfile: Path) -> bool:
    """Whether it asks, by that build argument, for our agent image to build on."""
    return dockerfile.is_file() and AGENT_IMAGE in dockerfile.read_text(errors="replace")
