"""The git program: how it is called, on a repository of the gate's own.

It reads no configuration but what is given here, runs no hook, and no program that a repository names.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import field, frozen

from bottle_sidecar.gate import children
from bottle_sidecar.gate.children import Call

PATH = "/usr/local/bin:/usr/bin:/bin"
_SETTINGS: Mapping[str, str] = {
    "advice.fetchShowForcedUpdates": "false",
    "core.bigFileThreshold": "16m",  # larger files stream through instead of lying in memory
    "core.deltaBaseCacheLimit": "64m",
    "core.fsyncMethod": "writeout-only",
    "core.hooksPath": "/dev/null",
    "core.packedGitLimit": "256m",
    "core.packedGitWindowSize": "16m",
    "core.quotePath": "false",
    "gc.auto": "0",
    "init.defaultBranch": "main",
    "maintenance.auto": "false",
    "pack.threads": "2",
    "pack.window": "0",  # deltas that were found before are used; looking for more takes longer than sending
    "pack.windowMemory": "64m",
    "receive.advertiseAtomic": "true",
    "receive.advertisePushOptions": "true",
    "safe.directory": "*",
    "transfer.fsckObjects": "false",
    "transfer.unpackLimit": "1",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
}
_MEMORY = 1024**3


@frozen(kw_only=True)
class Git:
    """A bare repository at `folder`. `ssh`: what reaches its upstream; without it nothing is reached."""

    folder: Path
    env: Mapping[str, str] = field(factory=dict, repr=False)
    settings: Mapping[str, str] = field(factory=dict)

    def call(self, *words: str, env: Mapping[str, str] | None = None, bounded: bool = False) -> Call:
        return Call(
            argv=("git", *words),
            env={**self._environment(), **self.env, **(env or {})},
            cwd=str(self.folder),
            memory=_MEMORY if bounded else None,
        )

    async def run(self, *words: str, stdin: bytes = b"", bounded: bool = False) -> bytes:
        """The output. Raises ChildError."""
        return await children.run(self.call(*words, bounded=bounded), stdin=stdin)

    async def init(self) -> None:
        """Makes the repository where there is none, or none that is whole; a second time does no harm."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "config").exists():  # what git makes last
            await self.run("init", "--quiet", "--bare", "--template=", str(self.folder))

    def borrow(self, objects: Path) -> None:
        """Reads what it does not have itself from another repository's object folder."""
        info = self.folder / "objects" / "info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "alternates").write_text(f"{objects}\n")

    async def refs(self) -> Mapping[str, str]:
        """Name -> object id; names are bytes that need not be UTF-8."""
        listed = await self.run("for-each-ref", "--format=%(objectname) %(refname)")
        return dict(_listed(listed.splitlines(), " "))

    def _environment(self) -> dict[str, str]:
        settings = {**_SETTINGS, **self.settings}
        counted = enumerate(settings.items())
        return {
            "PATH": PATH,
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "GIT_DIR": str(self.folder),
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{
                name: value
                for number, (key, setting) in counted
                for name, value in (
                    (f"GIT_CONFIG_KEY_{number}", key),
                    (f"GIT_CONFIG_VALUE_{number}", setting),
                )
            },
        }


def _listed(lines: Iterable[bytes], separator: str) -> Iterable[tuple[str, str]]:
    for line in lines:
        value, _, name = line.decode(errors="surrogateescape").partition(separator)
        yield name, value
