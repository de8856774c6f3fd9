"""From a plan and what was made for it to the request that brings a sandbox up."""

from pathlib import Path

from attrs import frozen

from bottle.backends.native import bwrap
from bottle.backends.native.bwrap import Sandbox
from bottle.backends.native.layer import owner_of
from bottle.backends.native.places import Places, Record
from bottle.backends.native.rootfs import HostLayout
from bottle.backends.native.venv import SidecarVenv
from bottle.jail.requests import Hold
from bottle.plan import AGENT_UID, PROXY_PORT, How, LaunchPlan

OOM_SCORE = 500
_LARGEST_TEMPORARY = 8 * 1024**3
_STAGE = "/tmp"  # noqa: S108 - of a private mount namespace


@frozen(kw_only=True)
class Blueprint:
    """`cli`: the folder of the agent's CLI, if it has one. `seccomp`: BPF in hexadecimal.

    Where root runs the program, the bottle's user may enter none of the host's folders: they are staged.
    """

    plan: LaunchPlan
    places: Places
    record: Record
    venv: SidecarVenv
    cli: Path | None
    seccomp: str

    def hold(self, how: How) -> Hold:
        """For a workspace that is in in this way."""
        workspace = self.plan.workspace if how is not How.COPY else None
        directory = self._shown(workspace.source, "directory") if workspace else None
        box, cli = self._shown(self.places.box, "box"), self._shown(self.cli, "cli") if self.cli else None
        sandbox = Sandbox(
            marker=self.places.marker,
            box=box,
            agent_cli=cli,
            how=how,
            directory=directory,
            host=HostLayout.detect(),
            temporary=min(self.plan.limits.disk, _LARGEST_TEMPORARY),
        )
        stage = ((str(self.places.box), box), *(((str(self.cli), cli),) if cli else ()))
        lent = ((str(workspace.source), directory, *owner_of(workspace)),) if workspace and directory else ()
        return Hold(
            program=str(self.venv.bwrap()),
            libraries=tuple(str(library) for library in self.venv.bwrap_libraries()),
            argv=tuple(bwrap.argv(sandbox)),
            options=tuple(bwrap.options(sandbox)),
            stage=stage if self._staged else (),
            lent=lent if self._staged else (),
            uid=self.record.uid,
            inner_uid=AGENT_UID,
            port=PROXY_PORT,
            cgroups=self.record.cgroups,
            seccomp=self.seccomp,
            oom_score=OOM_SCORE,
        )

    @property
    def _staged(self) -> bool:
        return self.record.uid is not None

    def _shown(self, folder: Path, name: str) -> str:
        """Where bwrap finds a folder of the host's."""
        return f"{_STAGE}/{name}" if self._staged else str(folder)
