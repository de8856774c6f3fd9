"""A plain login shell: no account, no host of its own."""

from bottle.providers.base import AgentContext, AgentSetup, Provider, ProviderConfig
from bottle.providers.environment import common_environment, common_files
from bottle_sidecar.policy.document import Route


class ShellProvider(Provider):
    template = "shell"
    package = None
    converses = False

    def routes(self, config: ProviderConfig) -> tuple[Route, ...]:
        self.refuse(config, "auth_token", "forward_host_credentials")
        return ()

    def setup(self, context: AgentContext) -> AgentSetup:
        self.refuse_remote_control(context)
        prompt = context.prompt_file()
        return AgentSetup(
            argv=_argv(context),
            env=common_environment(context),
            files=(*common_files(context), *((prompt,) if prompt else ())),
            trees=context.skill_trees(".claude/skills"),
        )


def _argv(context: AgentContext) -> tuple[str, ...]:
    """Headless, the task is the script, and the operator's arguments are its $1, $2, ..."""
    if context.task is None:
        return ("bash", "--login", *context.arguments)
    return ("bash", "-c", "--", context.task, "bash", *context.arguments)
