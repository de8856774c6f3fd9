"""The dialogue of `bottle init`: from nothing to a bottle and an agent."""

from collections.abc import Callable
from pathlib import Path

from attrs import define, evolve, field

from bottle.cli.app import App
from bottle.cli.findings import Findings
from bottle.errors import EnvironmentLacksError
from bottle.launch.selection import BackendSelection
from bottle.manifest import values
from bottle.manifest.first import ACCOUNTS, FirstManifests
from bottle.manifest.problems import Invalid, InvalidManifestError
from bottle.manifest.schema import GitUser

_NOTHING = "-"
_HINT = "bottle init --provider claude"
_GREETING = """\
This writes a first bottle (the sandbox, and what it may reach) and a first agent (who works in it).
Enter takes what stands in brackets. Ctrl-C leaves, and nothing is written."""


@define
class Wizard:
    """Asks on the terminal; every method raises InterruptedByUser at Ctrl-C and end of file.

    `replacing`: files that exist and that the operator agreed to overwrite.
    """

    app: App
    findings: Findings
    replacing: set[Path] = field(factory=set)

    def draft(self) -> FirstManifests:
        """What the operator wants."""
        self.app.terminal.require(hint=_HINT)
        self._greet()
        draft = FirstManifests.usual(self._provider())
        if ACCOUNTS[draft.provider].variables:
            draft = self._with_credential(draft)
        name = self._name("Name of the bottle", self.app.paths.bottles, draft.bottle)
        draft = evolve(draft, bottle=name)
        draft = evolve(draft, agent=self._name("Name of the agent", self.app.paths.agents, name))
        return self._with_hosts(self._with_git_user(draft))

    def agree(self, draft: FirstManifests) -> bool:
        """Shows what will be written, and asks."""
        for folder, name, text in (
            (self.app.paths.bottles, draft.bottle, draft.bottle_text()),
            (self.app.paths.agents, draft.agent, draft.agent_text()),
        ):
            self.app.console.info(f"\n{folder / name}.md:")
            self.app.console.info("\n".join(f"    {line}" for line in text.splitlines()))
        return self.app.terminal.confirm("\nwrite these two files?", default=True)

    def _greet(self) -> None:
        say = self.app.console.info
        say(_GREETING)
        found = list(self.findings.lines())
        say("\nFound on this machine:" if found else "\nFound on this machine: no agent and no credential.")
        for line in found:
            say(f"    {line}")
        try:
            backend = BackendSelection(self.app.backends).choose(None, self.app.environ)
            say(f"    a way to run bottles: {backend.name} ({backend.reason})\n")
        except EnvironmentLacksError as error:
            self.app.console.warn(f"{error.message}; `bottle doctor` says what mends that\n")

    def _provider(self) -> str:
        question, usual = f"Which agent ({', '.join(ACCOUNTS)})", self.findings.provider()
        while True:
            answer = self._line(question, usual)
            if answer in ACCOUNTS:
                return answer
            self.app.console.warn(f"'{answer}' is none of them")

    def _with_credential(self, draft: FirstManifests) -> FirstManifests:
        if self.findings.has_login(draft.provider):
            usual = not self.findings.has_variable(draft.provider)
            if self.app.terminal.confirm("Lend it your login on this machine?", default=usual):
                return evolve(draft, credential=None, host_login=True)
        first, *others = self.findings.credentials(draft.provider)
        also = f" (or {', '.join(others)})" if others else ""
        question = f"Which variable of your environment holds the credential{also}"
        return self._checked(question, first, lambda answer: evolve(draft, credential=_variable(answer)))

    def _name(self, question: str, folder: Path, usual: str) -> str:
        while True:
            try:
                name = values.name(self._line(question, usual))
            except Invalid as invalid:
                self._warn(invalid)
                continue
            file = folder / f"{name}.md"
            if not (file.exists() or file.is_symlink()):
                return name
            if self.app.terminal.confirm(f"{file} exists already; overwrite it?", option="--force"):
                self.replacing.add(file)
                return name

    def _with_git_user(self, draft: FirstManifests) -> FirstManifests:
        found = self.findings.git_user
        draft = self._checked(
            f"Name in git commits ({_NOTHING} for none)",
            found.name or _NOTHING,
            lambda answer: evolve(draft, git_user=GitUser(name=_unless_nothing(answer))),
        )
        return self._checked(
            f"E-mail in git commits ({_NOTHING} for none)",
            found.email or _NOTHING,
            lambda answer: evolve(
                draft, git_user=GitUser(name=draft.git_user.name, email=_unless_nothing(answer))
            ),
        )

    def _with_hosts(self, draft: FirstManifests) -> FirstManifests:
        question = f"Further hosts it may reach, such as pypi.org ({_NOTHING} for none)"
        return self._checked(question, _NOTHING, lambda answer: evolve(draft, hosts=_hosts(answer)))

    def _checked(self, question: str, usual: str, change: Callable[[str], FirstManifests]) -> FirstManifests:
        """Asks until the answer makes manifests that are valid."""
        while True:
            try:
                draft = change(self._line(question, usual))
                draft.check(self.app.catalog.structurer, self.app.paths)
            except Invalid as invalid:
                self._warn(invalid)
            except InvalidManifestError as error:
                for problem in error.problems:
                    self._warn(Invalid(problem.message, problem.hint))
            else:
                return draft

    def _line(self, question: str, usual: str) -> str:
        return self.app.terminal.line(f"{question} [{usual}]:", hint=_HINT) or usual

    def _warn(self, invalid: Invalid) -> None:
        self.app.console.warn(f"{invalid.message}; {invalid.hint}" if invalid.hint else invalid.message)


def _variable(answer: str) -> str:
    return values.variable_name(answer)


def _unless_nothing(answer: str) -> str | None:
    return None if answer == _NOTHING else answer


def _hosts(answer: str) -> tuple[str, ...]:
    return tuple(host for host in answer.replace(",", " ").split() if host != _NOTHING)
