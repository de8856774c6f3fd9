"""The table of providers, by the name that manifests give them."""

from collections.abc import Mapping

from bottle.providers.base import Provider
from bottle.providers.claude import ClaudeProvider
from bottle.providers.codex import CodexProvider
from bottle.providers.shell import ShellProvider

PROVIDERS: Mapping[str, type[Provider]] = {
    provider.template: provider for provider in (ClaudeProvider, CodexProvider, ShellProvider)
}
