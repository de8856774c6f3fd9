from collections.abc import Mapping
from pathlib import Path

import pytest

from bottle.errors import EnvironmentLacksError, ManifestError
from bottle.manifest.catalog import Catalog
from bottle.manifest.problems import InvalidManifestError
from bottle.paths import Paths
from bottle.plan import Trust

AGENT = "---\nbottle: dev\n---\nFrom {}.\n"
BOTTLE = "---\nsupervise: true\n---\n"


class Machine:
    """An operator's home and a current directory, both below one temporary folder."""

    def __init__(self, root: Path, *, cwd: str = "repo") -> None:
        self.root = root
        self.home = root / "op" / ".bot-bottle"
        self.home.mkdir(parents=True)
        self.cwd = root / cwd
        self.cwd.mkdir(exist_ok=True)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def catalog(self, environ: Mapping[str, str] | None = None) -> Catalog:
        home = {"HOME": str(self.root / "op"), **(environ or {})}
        paths = Paths.from_environment(home, uid=1000, cwd=self.cwd)
        return Catalog(paths, templates=("claude", "codex", "shell"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def home_agent(name: str = "helper") -> dict[str, str]:
    return {f"op/.bot-bottle/agents/{name}.md": AGENT.format("home")}


def home_bottle(name: str = "dev", text: str = BOTTLE) -> dict[str, str]:
    return {f"op/.bot-bottle/bottles/{name}.md": text}


def cwd_agent(name: str = "helper") -> dict[str, str]:
    return {f"repo/.bot-bottle/agents/{name}.md": AGENT.format("repo")}


def test_an_agent_of_the_home_directory(machine: Machine) -> None:
    machine.write(home_agent())

    agent = machine.catalog().agent("helper")

    assert agent.trust is Trust.HOME
    assert agent.file == machine.home / "agents" / "helper.md"
    assert agent.manifest.prompt == "From home."
    assert agent.warnings == ()


def test_an_agent_of_the_current_directory_is_marked(machine: Machine) -> None:
    machine.write(cwd_agent())

    agent = machine.catalog().agent("helper")

    assert agent.trust is Trust.CWD
    assert agent.file == machine.cwd / ".bot-bottle" / "agents" / "helper.md"


def test_the_current_directory_wins(machine: Machine) -> None:
    machine.write(home_agent() | cwd_agent())

    assert machine.catalog().agent("helper").manifest.prompt == "From repo."


def test_the_home_agent_is_not_used_where_the_current_directorys_is_broken(machine: Machine) -> None:
    machine.write(home_agent() | {"repo/.bot-bottle/agents/helper.md": "---\n---\n"})

    with pytest.raises(InvalidManifestError, match="the key 'bottle' is missing"):
        machine.catalog().agent("helper")


def test_bottles_come_from_the_home_directory_only(machine: Machine) -> None:
    machine.write(home_agent() | {"repo/.bot-bottle/bottles/dev.md": BOTTLE})
    catalog = machine.catalog()

    with pytest.raises(ManifestError) as raised:
        catalog.bottle_of(catalog.agent("helper"))

    ignored = machine.cwd / ".bot-bottle/bottles/dev.md"
    assert str(raised.value) == (
        f"{machine.home}/agents/helper.md:2:9  bottle: unknown bottle 'dev'; "
        f"{ignored} is ignored: bottles come from {machine.home}/bottles only"
    )


def test_a_bottles_folder_in_the_current_directory_is_ignored_with_a_warning(machine: Machine) -> None:
    stolen = "---\nenv: {A: '${SECRET}'}\n---\n"
    machine.write(home_bottle() | {"repo/.bot-bottle/bottles/dev.md": stolen})
    catalog = machine.catalog()

    bottle = catalog.bottle("dev")

    assert bottle.manifest.env == {}
    assert bottle.file == machine.home / "bottles" / "dev.md"
    (warning,) = bottle.warnings
    assert str(warning) == (
        f"{machine.cwd}/.bot-bottle/bottles  ignored: bottles come from {machine.home}/bottles only, "
        "never from the current directory"
    )
    assert catalog.bottles().warnings == bottle.warnings


def test_a_parent_cannot_come_from_the_current_directory(machine: Machine) -> None:
    machine.write(
        home_bottle(text="---\nextends: base\n---\n") | {"repo/.bot-bottle/bottles/base.md": BOTTLE}
    )

    with pytest.raises(InvalidManifestError, match="unknown bottle 'base'"):
        machine.catalog().bottle("dev")


def test_an_agent_of_the_current_directory_cannot_lead_out_of_it(machine: Machine) -> None:
    machine.write({"op/notes.md": AGENT.format("private notes")})
    (machine.cwd / ".bot-bottle/agents").mkdir(parents=True)
    (machine.cwd / ".bot-bottle/agents/helper.md").symlink_to(machine.root / "op/notes.md")

    with pytest.raises(InvalidManifestError, match="leads out of the current directory"):
        machine.catalog().agent("helper")


def test_in_the_home_directory_itself_agents_are_the_operators_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cwd="op")
    machine.write(home_agent() | home_bottle())
    catalog = machine.catalog()

    assert catalog.agent("helper").trust is Trust.HOME
    assert catalog.bottle("dev").warnings == ()
    assert [(entry.name, entry.trust) for entry in catalog.agents().entries] == [("helper", Trust.HOME)]


def test_a_link_to_the_operators_folder_is_the_operators_own(machine: Machine) -> None:
    machine.write(home_agent() | home_bottle())
    (machine.cwd / ".bot-bottle").symlink_to(machine.home)
    catalog = machine.catalog()

    assert catalog.agent("helper").trust is Trust.HOME
    assert catalog.bottle("dev").warnings == ()


def test_a_home_that_was_moved_leaves_the_old_one_untrusted(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cwd="op")
    machine.write(home_agent() | home_bottle() | {"moved/bottles/dev.md": BOTTLE})
    catalog = machine.catalog({"BOT_BOTTLE_HOME": str(tmp_path / "moved")})

    assert catalog.agent("helper").trust is Trust.CWD
    assert catalog.bottle("dev").file == tmp_path / "moved/bottles/dev.md"
    assert len(catalog.bottle("dev").warnings) == 1


@pytest.mark.parametrize("name", ["../agents/helper", "/etc/passwd", "Helper", "", "helper.md", "helper\n"])
def test_a_name_is_never_a_path(machine: Machine, name: str) -> None:
    machine.write(home_agent() | home_bottle("helper"))
    catalog = machine.catalog()

    with pytest.raises(ManifestError, match="unknown agent"):
        catalog.agent(name)
    with pytest.raises(ManifestError, match="unknown bottle"):
        catalog.bottle(name)


def test_an_unknown_agent_has_a_nearest_name(machine: Machine) -> None:
    machine.write(home_agent("reviewer") | home_agent("writer"))

    with pytest.raises(ManifestError) as raised:
        machine.catalog().agent("reviwer")
    assert (raised.value.message, raised.value.hint) == (
        "unknown agent 'reviwer'",
        "did you mean 'reviewer'?",
    )
    with pytest.raises(ManifestError) as raised:
        machine.catalog().agent("zzz")
    assert raised.value.hint == "known agents: reviewer, writer"


def test_without_any_manifest_the_hint_is_to_make_one(machine: Machine) -> None:
    with pytest.raises(ManifestError) as raised:
        machine.catalog().agent("helper")
    assert raised.value.hint == "there is no agent yet; run `bottle init`"
    with pytest.raises(ManifestError, match="there is no bottle yet; run `bottle init`"):
        machine.catalog().bottle("dev")


def test_an_unknown_bottle_named_by_nobody_points_at_the_folder(machine: Machine) -> None:
    machine.write(home_bottle())

    with pytest.raises(InvalidManifestError) as raised:
        machine.catalog().bottle("devv")

    assert str(raised.value) == f"{machine.home}/bottles  unknown bottle 'devv'; did you mean 'dev'?"


def test_a_bottle_is_merged_and_names_every_file(machine: Machine) -> None:
    machine.write(
        home_bottle(text="---\nextends: base\negress: {routes: [{host: '*.com'}]}\n---\n")
        | home_bottle("base", "---\nenv: {A: b}\negress: {routes: [{host: '*.org'}]}\n---\n")
        | {"op/.bot-bottle/bottles/README.md": "x"}
    )

    bottle = machine.catalog().bottle("dev")

    assert set(bottle.manifest.env) == {"A"}
    assert [file.name for file in bottle.chain] == ["dev.md", "base.md"]
    assert [warning.location.file.name for warning in bottle.warnings] == ["README.md", "dev.md", "base.md"]


def test_a_bottle_whose_parent_is_broken_is_broken_there(machine: Machine) -> None:
    machine.write(home_bottle(text="---\nextends: base\n---\n") | home_bottle("base", "---\nx: 1\n---\n"))

    with pytest.raises(InvalidManifestError) as raised:
        machine.catalog().bottle("dev")

    assert str(raised.value).startswith(f"{machine.home}/bottles/base.md:2:1  x: unknown key")


def test_templates_are_those_that_are_known(machine: Machine) -> None:
    machine.write(home_bottle(text="---\nagent_provider: {template: codx}\n---\n"))

    with pytest.raises(InvalidManifestError, match="did you mean 'codex'"):
        machine.catalog().bottle("dev")


def test_skipped_files_are_told_with_the_agent(machine: Machine) -> None:
    machine.write(
        home_agent() | {"repo/.bot-bottle/agents/My Agent.md": "x", "op/.bot-bottle/agents/X.md": "x"}
    )
    catalog = machine.catalog()

    names = [warning.location.file.name for warning in catalog.agent("helper").warnings]

    assert names == ["X.md", "My Agent.md"]
    assert catalog.agents().warnings == catalog.agent("helper").warnings


def test_listings_carry_broken_files_with_their_error(machine: Machine) -> None:
    machine.write(
        home_agent("good")
        | home_bottle()
        | home_bottle("torn", "---\nx: 1\n---\n")
        | {
            "op/.bot-bottle/agents/broken.md": "no frontmatter",
            "op/.bot-bottle/agents/lost.md": "---\nbottle: dvv\n---\n",
            "repo/.bot-bottle/agents/mine.md": AGENT.format("repo"),
        }
    )
    catalog = machine.catalog()

    agents = {entry.name: entry for entry in catalog.agents().entries}
    bottles = {entry.name: entry for entry in catalog.bottles().entries}

    assert list(agents) == ["broken", "good", "lost", "mine"]
    assert agents["good"].error is None
    assert agents["good"].loaded is not None
    assert agents["mine"].trust is Trust.CWD
    assert agents["broken"].loaded is None
    assert "the first line must be '---'" in str(agents["broken"].error)
    assert "unknown bottle 'dvv'; did you mean 'dev'?" in str(agents["lost"].error)
    assert list(bottles) == ["dev", "torn"]
    assert bottles["dev"].loaded is not None
    assert bottles["dev"].error is None
    assert "unknown key" in str(bottles["torn"].error)
    assert bottles["torn"].file == machine.home / "bottles" / "torn.md"


@pytest.mark.parametrize("call", ["agents", "bottles"])
def test_without_a_home_everything_points_at_init(tmp_path: Path, call: str) -> None:
    machine = Machine(tmp_path)
    machine.home.rmdir()

    with pytest.raises(EnvironmentLacksError) as raised:
        getattr(machine.catalog(), call)()

    assert str(machine.home) in raised.value.message
    assert raised.value.hint == "run `bottle init`"
    with pytest.raises(EnvironmentLacksError):
        machine.catalog().agent("helper")
    with pytest.raises(EnvironmentLacksError):
        machine.catalog().bottle("dev")


def test_the_old_format_in_the_current_directory_is_an_error_that_says_how_to_move(machine: Machine) -> None:
    machine.write(home_agent() | {"repo/bot-bottle.json": "{}"})

    with pytest.raises(ManifestError) as raised:
        machine.catalog().agent("helper")

    assert str(raised.value).startswith(f"{machine.cwd}/bot-bottle.json  bot-bottle.json is of an old format")
    assert "`bottle init`" in str(raised.value)


def test_the_old_format_beside_the_new_one_is_no_matter(machine: Machine) -> None:
    machine.write(home_agent() | cwd_agent() | {"repo/bot-bottle.json": "{}", "op/bot-bottle.json": "{}"})

    assert machine.catalog().agent("helper").trust is Trust.CWD


def test_the_old_format_in_the_home_directory_comes_before_a_missing_home(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.home.rmdir()
    machine.write({"op/bot-bottle.json": "{}"})

    with pytest.raises(ManifestError, match="old format"):
        machine.catalog().agents()


def test_a_catalog_is_one_look_at_the_disk(machine: Machine) -> None:
    machine.write(home_agent())
    catalog = machine.catalog()
    catalog.agents()
    machine.write(home_agent("later"))

    assert [entry.name for entry in catalog.agents().entries] == ["helper"]
    assert [entry.name for entry in machine.catalog().agents().entries] == ["helper", "later"]
