"""A launch plan as tests want it: complete, and only what matters spelled out."""

from pathlib import Path
from typing import Any

from bottle.plan import AgentProgram, GitIdentity, LaunchPlan, Limits, Trust
from bottle_sidecar.policy.document import Policy

IDENTITY = "dev-abcde"


def plan(**changes: Any) -> LaunchPlan:
    fields: dict[str, Any] = {
        "identity": IDENTITY,
        "agent": "dev",
        "agent_file": Path("/home/me/.bot-bottle/agents/dev.md"),
        "agent_trust": Trust.HOME,
        "bottle": "dev",
        "bottle_file": Path("/home/me/.bot-bottle/bottles/dev.md"),
        "backend": "fake",
        "backend_reason": "the only one",
        "program": AgentProgram(template="shell", argv=("bash", "--login")),
        "env": (),
        "seed_files": (),
        "seed_trees": (),
        "policy": Policy(),
        "git_identity": GitIdentity(),
        "git_upstreams": (),
        "workspace": None,
        "limits": Limits(cpus=2.0, memory=4 << 30, pids=1024, disk=20 << 30),
        "supervise": False,
        "interactive": True,
        "cwd": Path("/home/me/work"),
    }
    return LaunchPlan(**{**fields, **changes})
