"""What a start will do, as the operator reads it before saying yes. Names of variables, never values."""

from collections.abc import Iterator

from bottle.plan import EnvSource, GitIdentityField, LaunchPlan, Limits, Trust, Workspace, WorkspaceMode
from bottle.sizes import shown
from bottle_sidecar.policy.budget import Budget
from bottle_sidecar.policy.document import AuthScheme, Route

_WIDTH = 12
_GIVEN_UP = (
    "the agent changes and deletes your files at once, programs of yours will run what it wrote, "
    "and the disk limit does not count it"
)


def summary(plan: LaunchPlan) -> str:
    """Several lines, without a newline at the end."""
    return "\n".join(f"{label:<{_WIDTH}}{text}" for label, text in _rows(plan))


def _rows(plan: LaunchPlan) -> Iterator[tuple[str, str]]:
    yield "identity", f"{plan.identity}  (kept: goes on as it was left)" if plan.resume else plan.identity
    yield "agent", f"{plan.agent}  ({plan.agent_file}){_announced(plan.agent_trust)}"
    yield "provider", _provider(plan)
    yield "bottle", plan.bottle
    yield "backend", f"{plan.backend}  ({plan.backend_reason})"
    yield from _listed(
        "env", [variable.name for variable in plan.env if variable.source is not EnvSource.PROVIDER]
    )
    yield from _listed("skills", [tree.source.name for tree in plan.seed_trees])
    yield "git user", _git_identity(plan)
    yield from _many("git", [f"{up.name} -> {up.host}:{up.port}" for up in plan.git_upstreams])
    yield from _many("routes", [_route(route) for route in plan.policy.routes])
    yield "workspace", _workspace(plan.workspace)
    yield "limits", _limits(plan.limits)
    if plan.policy.budget.limits:
        yield "budget", _budget(plan.policy.budget)


def _announced(trust: Trust) -> str:
    return "  FROM THE CURRENT DIRECTORY, not from your home" if trust is Trust.CWD else ""


def _provider(plan: LaunchPlan) -> str:
    package = plan.program.package
    version = f" {package.version}" if package else ""
    dockerfile = f"  (image from {plan.program.dockerfile})" if plan.program.dockerfile else ""
    return f"{plan.program.template}{version}{dockerfile}"


def _listed(label: str, names: list[str]) -> Iterator[tuple[str, str]]:
    yield label, ", ".join(names) or "none"


def _many(label: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    yield label, lines[0] if lines else "none"
    for line in lines[1:]:
        yield "", line


def _git_identity(plan: LaunchPlan) -> str:
    def shown(field: GitIdentityField) -> str:
        return f"{field.value} ({field.provenance})"

    fields = [field for field in (plan.git_identity.name, plan.git_identity.email) if field]
    return ", ".join(map(shown, fields)) or "none"


def _route(route: Route) -> str:
    parts = [route.host if route.scheme == "https" else f"{route.scheme}://{route.host}"]
    if route.auth:
        header = route.auth.scheme is AuthScheme.HEADER
        parts.append(f"[auth:{f'header:{route.auth.header}' if header else route.auth.scheme}]")
    if route.methods:
        parts.append(" ".join(route.methods))
    parts += route.path_allowlist
    if route.query is not None:
        parts.append("?" + "&".join(f"{name}={pattern}" for name, pattern in route.query))
    if route.tls_passthrough:
        parts.append("[tls passthrough: not inspected]")
    if route.address:
        parts.append(f"at {route.address}")
    if route.ssrf_ip_allowlist:
        parts.append(f"may resolve to {', '.join(route.ssrf_ip_allowlist)}")
    parts.append(f"({route.origin})")
    return " ".join(parts)


def _workspace(workspace: Workspace | None) -> str:
    match workspace:
        case None:
            return "empty"
        case Workspace(mode=WorkspaceMode.MOUNT):
            return f"{workspace.source} ITSELF, no copy: {_GIVEN_UP}"
        case _:
            without = ", without what .bottleignore names" if workspace.excludes else ""
            return f"a private copy of {workspace.source}{without}"


def _limits(limits: Limits) -> str:
    return (
        f"{limits.cpus:g} cpus, {shown(limits.memory)} memory, "
        f"{limits.pids} processes, {shown(limits.disk)} disk"
    )


def _budget(budget: Budget) -> str:
    return ", ".join(limit.text(most) for limit, most in budget.limits.items())
