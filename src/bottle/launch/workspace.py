"""Which directory comes into a bottle, and which never does."""

from bottle.errors import BottleError
from bottle.ignore import read_patterns
from bottle.paths import Paths
from bottle.plan import Workspace, WorkspaceMode


def workspace_of(paths: Paths, mode: WorkspaceMode) -> Workspace:
    """The current directory. Raises BottleError where the operator's secrets or other bottles are in it."""
    source, user_home = paths.cwd.resolve(), paths.user_home.resolve()
    if user_home.is_relative_to(source):
        what = "is your home" if source == user_home else "has your home in it"
        raise BottleError(f"{source} {what}, which no agent is given", hint="cd to the folder of one project")
    written = (paths.cache, paths.runtime) if mode is WorkspaceMode.MOUNT else ()  # programs of ours, sockets
    for ours in (paths.home, paths.manifests, *written):
        place = ours.resolve()
        if place.is_relative_to(source) or source.is_relative_to(place):
            raise BottleError(
                f"{source} and {ours}, which is bottle's own, lie within each other",
                hint="cd to the folder of one project",
            )
    return Workspace(source=source, mode=mode, excludes=read_patterns(source))
