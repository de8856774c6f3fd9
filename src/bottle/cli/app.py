"""What every command works with, made from the environment at the program's border."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from bottle.backends import BACKENDS
from bottle.backends.base import Backend, BackendContext
from bottle.cache import BuildCache
from bottle.cli.border import Border
from bottle.cli.console import Console
from bottle.errors import EnvironmentLacksError
from bottle.launch.keeping import Kept
from bottle.launch.resolve import LaunchOptions, Resolved, Resolver
from bottle.launch.selection import BackendSelection, Choice
from bottle.manager import BottleManager
from bottle.manifest.catalog import Catalog
from bottle.paths import Paths
from bottle.providers import PROVIDERS
from bottle.sidecar.assets import SidecarAssets
from bottle.terminal import Terminal


class App:
    """The parts, each made when it is first asked for."""

    def __init__(self, environ: Mapping[str, str], console: Console, paths: Paths | None = None) -> None:
        self.environ = environ
        self.console = console
        self.paths = paths or Paths.from_environment(environ, uid=os.getuid(), cwd=_cwd())
        self.terminal = Terminal()

    @classmethod
    def of(cls, context: click.Context) -> "App":
        border = context.ensure_object(Border)
        return cls(border.environ, border.console)

    @cached_property
    def backends(self) -> Mapping[str, Backend]:
        context = BackendContext(paths=self.paths, environ=self.environ, uid=os.getuid())
        return {name: kind(context) for name, kind in BACKENDS.items()}

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(self.paths, templates=tuple(PROVIDERS))

    @cached_property
    def manager(self) -> BottleManager:
        resolver = Resolver(
            catalog=self.catalog,
            providers={name: provider() for name, provider in PROVIDERS.items()},
            paths=self.paths,
            environ=self.environ,
        )
        return BottleManager(
            paths=self.paths,
            environ=self.environ,
            backends=self.backends,
            catalog=self.catalog,
            resolver=resolver,
            progress=self.console,
            assets=lambda: SidecarAssets(BuildCache(self.paths.cache)).unpack(self.console),
        )

    def inspect(self, agent: str) -> Resolved:
        """What the agent would be given, for looking only: nothing needs to be installed or set."""
        try:
            choice = BackendSelection(self.backends).choose(None, self.environ)
        except EnvironmentLacksError as error:
            choice = Choice(name="none", reason=error.message)
        return self.manager.resolver.inspect(agent, choice)

    def resolve(self, agent: str, backend: str | None, options: LaunchOptions) -> Resolved:
        """The plan for an agent, its warnings shown."""
        choice = BackendSelection(self.backends).choose(backend, self.environ)
        return self._checked(self.manager.resolver.resolve(agent, choice, options))

    def resolve_kept(self, kept: Kept, options: LaunchOptions) -> Resolved:
        """The plan that goes on with a kept bottle, its warnings shown."""
        choice = BackendSelection(self.backends).again(kept.record.backend)
        return self._checked(self.manager.resolver.resume(kept, choice, options))

    def _checked(self, resolved: Resolved) -> Resolved:
        self.manager.selection.named(resolved.plan.backend).check(resolved.plan)
        for warning in resolved.warnings:
            self.console.warn(warning)
        return resolved


def _cwd() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise EnvironmentLacksError("the current directory does not exist any more", hint="cd ~") from None


def json_option(command: Any) -> Any:
    """The `--json` of every listing."""
    return click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")(command)
