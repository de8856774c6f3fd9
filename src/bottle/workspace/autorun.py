"""Files that run by themselves on the host: when a folder is entered or opened, or when a commit arrives.

Not among them is what runs only where its user asks for it: sources, tests, Makefiles.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

RULES: Mapping[str, str] = {
    "git or a hook manager runs it at the next commit, checkout or push": """
        **/.githooks/** **/git-hooks/** **/.git-hooks/** **/.husky/** **/.huskyrc* **/.lintstagedrc*
        **/lint-staged.config.* lefthook.* .lefthook.* lefthook-local.* .lefthook-local.* **/.lefthook/**
        **/.lefthook-local/** **/.config/lefthook* .pre-commit-config.y*ml .pre-commit-hooks.y*ml
        prek.toml .overcommit.yml .git-hooks.* captainhook.json grumphp.y*ml*
    """,
    "git takes filters, programs or addresses from it": """
        **/.gitattributes **/.gitmodules **/.gitconfig **/.lfsconfig
    """,
    "a CI system runs it once it is pushed, often with the project's secrets": """
        **/.github/workflows/** **/.github/actions/** **/action.y*ml **/.gitlab-ci.y*ml
        **/*.gitlab-ci.y*ml .gitlab/** .circleci/** **/jenkinsfile* azure-pipelines* .azure-pipelines/**
        .azuredevops/** bitbucket-pipelines.y*ml .travis.y*ml appveyor.y*ml .appveyor.y*ml .drone.*
        .woodpecker* .woodpecker/** .buildkite/** cloudbuild.* buildspec.* .forgejo/** .gitea/** .cirrus.*
        .teamcity/** .semaphore/** .tekton/** .builds/** .build.y*ml .ci/** netlify.toml vercel.json
        .readthedocs.y*ml
    """,
    "a service changes or merges the repository by its rules": """
        **/dependabot.y*ml **/renovate.json* **/.renovaterc* **/.mergify.y*ml **/.github/mergify.yml
        **/codeowners
    """,
    "a shell or a version manager takes it in when the folder is entered": """
        **/.envrc **/mise.toml **/.mise.toml **/mise.*.toml **/.mise.*.toml **/mise/** **/.mise/**
        **/.tool-versions **/.nvmrc **/.node-version **/.python-version **/.ruby-version **/.rtx.toml
        **/.sdkmanrc **/.autoenv* **/devenv.nix **/devenv.y*ml **/flake.nix **/shell.nix **/devbox.json
        **/.bashrc **/.bash_profile **/.bash_login **/.profile **/.zshrc **/.zshenv **/.zprofile
        **/.zlogin **/.inputrc
    """,
    "an editor takes settings, tasks or extensions from it when the folder is opened": """
        **/.vscode/** **/*.code-workspace **/.idea/** **/.run/** **/.fleet/** **/.zed/** **/.vs/**
        **/.theia/** **/.nova/** **/.helix/** **/*.sublime-project **/.vimrc **/.nvimrc **/.gvimrc
        **/.exrc **/.nvim.lua **/.lvimrc **/.local.vimrc **/.vim/** **/.nvim/** **/.dir-locals*.el
        **/.kakrc **/.gdbinit **/.lldbinit **/.settings/** **/.externaltoolbuilders/**
    """,
    "an editor or a service builds and starts a container from it": """
        **/.devcontainer/** **/.devcontainer.json **/.gitpod.* **/.idx/**
    """,
    "an AI agent on the host takes instructions, hooks or programs to start from it": """
        **/.claude/** **/.claude.json **/.mcp.json **/mcp.json **/.codex/** **/agents.md
        **/agents.override.md **/claude.md **/claude.local.md **/gemini.md **/.gemini/** **/.agents/**
        **/.cursor/** **/.cursorrules **/.windsurf/** **/.windsurfrules **/.aider* **/.continue/**
        **/.continuerc.json **/.clinerules **/.clinerules/** **/.roo/** **/.roomodes **/.roorules*
        **/.opencode/** **/opencode.json* **/.amazonq/** **/.kiro/** **/.junie/** **/.goosehints
        **/.qwen/** **/.crush.json **/crush.json **/.github/copilot-instructions.md
        **/.github/instructions/** **/.github/prompts/** **/.github/agents/**
    """,
    "bottle offers the agents in it in this directory": """
        **/.bot-bottle/** **/bot-bottle.json
    """,
    "a package manager runs programs that it names, or takes settings from it": """
        **/package.json **/.npmrc **/.yarnrc* **/.yarn/** **/.pnpmfile.* **/pnpm-workspace.y*ml
        **/bunfig.toml **/.cargo/config **/.cargo/config.toml **/rust-toolchain **/rust-toolchain.toml
        **/pip.conf **/uv.toml **/.bundle/config **/.gemrc **/.mvn/** **/gradle/wrapper/** **/nuget.config
        **/directory.build.*
    """,
    "Python runs it whenever it starts": """
        **/*.pth **/sitecustomize.py **/usercustomize.py **/.pdbrc
    """,
    "a tool that watches the folder runs programs that it names": """
        **/.watchmanconfig **/.tmux.conf **/.screenrc
    """,
}
"""Patterns by what they have in common, against whole paths in lower case.

`*` fits within a name, `**/` any folders above or none, `/**` all that is in a folder, and itself.
"""


def why(path: PurePosixPath) -> str | None:
    """What it is that runs by itself, None for an ordinary file."""
    text = str(path).casefold()
    return next((reason for reason, pattern in _COMPILED.items() if pattern.fullmatch(text)), None)


def _compiled(patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(_translated(pattern) for pattern in patterns.split()), re.DOTALL)


def _translated(pattern: str) -> str:
    meaning = {"**/": "(?:.*/)?", "/**": "(?:/.*)?", "*": "[^/]*"}
    return "".join(meaning.get(part, re.escape(part)) for part in re.split(r"(\*\*/|/\*\*|\*)", pattern))


_COMPILED = {reason: _compiled(patterns) for reason, patterns in RULES.items()}
