from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.manifest.extends import flatten, lineage, merge, overlay
from bottle.manifest.problems import InvalidManifestError
from bottle.manifest.schema import BottleManifest, EnvLiteral, GitUser
from bottle.manifest.structure import Structurer

STRUCTURER = Structurer(user_home=Path("/home/op"), cwd=Path("/cwd"))
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def bottle(name: str, *lines: str) -> BottleManifest:
    manifest, _ = STRUCTURER.bottle(name, Path(f"{name}.md"), "\n".join(["---", *lines, "---", ""]).encode())
    return manifest


def repos(**hosts: str) -> list[str]:
    lines = ["git-gate:", "  repos:"]
    for name, host in hosts.items():
        lines += [f"    {name}:", f"      url: ssh://git@{host}/{name}.git", "      identity: ~/key"]
        lines += [f"      host_key: {KEY}"]
    return lines


def merged(parent: list[str], child: list[str]) -> BottleManifest:
    return merge(bottle("parent", *parent), bottle("child", "extends: parent", *child))


class Home:
    """Bottles by name, and what was loaded."""

    def __init__(self, files: Mapping[str, str | None]) -> None:
        self.files = files
        self.loaded: list[str] = []

    def load(self, name: str) -> BottleManifest:
        self.loaded.append(name)
        parent = self.files[name]
        return bottle(name, *([f"extends: {parent}"] if parent else []), "env:", f"  {name.upper()}: x")

    def lineage(self, name: str) -> tuple[BottleManifest, ...]:
        return lineage(name, self.load, self.files)


def failure_of(home: Home, name: str) -> str:
    with pytest.raises(InvalidManifestError) as raised:
        home.lineage(name)
    return str(raised.value)


def test_a_lineage_is_child_first() -> None:
    home = Home({"a": "b", "b": "c", "c": None, "d": None})

    assert [each.name for each in home.lineage("a")] == ["a", "b", "c"]
    assert home.loaded == ["a", "b", "c"]


def test_a_bottle_cannot_extend_itself() -> None:
    assert failure_of(Home({"a": "a"}), "a") == "a.md:2:10  extends: the bottle 'a' extends itself"


def test_a_cycle_is_printed_whole_where_it_closes() -> None:
    home = Home({"a": "b", "b": "c", "c": "a"})

    assert failure_of(home, "a") == "c.md:2:10  extends: a cycle: a -> b -> c -> a"


def test_a_cycle_further_up_leaves_out_what_only_leads_there() -> None:
    home = Home({"start": "a", "a": "b", "b": "a"})

    assert failure_of(home, "start") == "b.md:2:10  extends: a cycle: a -> b -> a"


def test_an_ancestor_that_extends_itself_is_named() -> None:
    assert failure_of(Home({"a": "b", "b": "b"}), "a") == "b.md:2:10  extends: the bottle 'b' extends itself"


def test_an_unknown_parent_has_a_nearest_name() -> None:
    home = Home({"a": "bsae", "base": None})

    assert failure_of(home, "a") == "a.md:2:10  extends: unknown bottle 'bsae'; did you mean 'base'?"


def test_an_unknown_parent_that_resembles_none() -> None:
    home = Home({"a": "zzz", "base": None})

    assert failure_of(home, "a") == "a.md:2:10  extends: unknown bottle 'zzz'; known bottles: a, base"


@given(st.dictionaries(st.sampled_from("abcde"), st.one_of(st.none(), st.sampled_from("abcdef")), min_size=1))
def test_any_set_of_bottles_ends(files: dict[str, str | None]) -> None:
    home = Home(files)
    for name in files:
        try:
            names = [each.name for each in home.lineage(name)]
        except InvalidManifestError:
            continue
        assert len(names) == len(set(names))
        assert files[names[-1]] is None


def test_flatten_lets_the_nearest_win() -> None:
    chain = (
        bottle("a", "extends: b", "env: {X: a}"),
        bottle("b", "extends: c", "env: {X: b, Y: b}"),
        bottle("c", "env: {X: c, Y: c, Z: c}"),
    )

    flat = flatten(chain)

    assert (flat.name, flat.extends) == ("a", "b")
    assert flat.env == {"X": EnvLiteral(value="a"), "Y": EnvLiteral(value="b"), "Z": EnvLiteral(value="c")}
    assert [str(flat.places.at("env", key)) for key in "XYZ"] == ["a.md:3:10", "b.md:3:16", "c.md:2:22"]


def test_a_lone_bottle_is_itself() -> None:
    lone = bottle("a", "env: {X: a}")

    assert flatten((lone,)) == lone


def test_an_empty_env_takes_nothing_away() -> None:
    assert set(merged(["env: {X: a}"], ["env: {}"]).env) == {"X"}


def test_git_user_merges_by_field_and_an_empty_one_does_not_win() -> None:
    parent = ["git-gate: {user: {name: Parent, email: p@x}}"]

    child = merged(parent, ["git-gate: {user: {name: '', email: c@x}}"])

    assert child.git_gate.user == GitUser(name="Parent", email="c@x")
    assert str(child.places.at("git-gate", "user", "email")).startswith("child.md")


def test_the_place_of_an_inherited_field_is_in_the_parents_file() -> None:
    child = merged(["git-gate: {user: {name: Parent}}"], ["git-gate: {user: {email: c@x}}"])

    assert str(child.places.at("git-gate", "user", "name")) == "parent.md:2:25"
    assert str(child.places.at("git-gate", "user", "email")) == "child.md:3:26"


def test_overlay() -> None:
    below = GitUser(name="a", email="b")

    assert overlay(below, GitUser(email="c")) == GitUser(name="a", email="c")
    assert overlay(below, GitUser(name="c")) == GitUser(name="c", email="b")
    assert overlay(below, GitUser()) == below


def test_repos_merge_by_host() -> None:
    child = merged(repos(one="a.example", two="a.example", three="b.example"), repos(own="A.example"))

    assert {name: repo.host for name, repo in child.git_gate.repos.items()} == {
        "three": "b.example",
        "own": "a.example",
    }
    assert str(child.places.at("git-gate", "repos", "three", "url")).startswith("parent.md:")
    assert str(child.places.at("git-gate", "repos", "own", "url")).startswith("child.md:")
    assert ("git-gate", "repos", "one") not in child.places.locations


def test_a_name_that_both_use_is_the_childs() -> None:
    child = merged(repos(app="a.example"), repos(app="b.example"))

    assert {name: repo.host for name, repo in child.git_gate.repos.items()} == {"app": "b.example"}
    assert str(child.places.at("git-gate", "repos", "app")).startswith("child.md:")


def test_an_explicit_empty_mapping_clears_the_repos() -> None:
    child = merged(repos(one="a.example"), ["git-gate: {repos: {}}"])

    assert child.git_gate.repos == {}
    assert ("git-gate", "repos", "one") not in child.places.locations


@pytest.mark.parametrize("lines", [[], ["git-gate: {}"], ["git-gate: {user: {name: x}}"]])
def test_repos_that_are_not_mentioned_are_inherited(lines: list[str]) -> None:
    assert set(merged(repos(one="a.example"), lines).git_gate.repos) == {"one"}


WHOLE = {
    "agent_provider": (
        "agent_provider: {template: codex, version: 1.2.3}",
        "agent_provider: {version: 2.0.0}",
    ),
    "egress": ("egress: {routes: [{host: a.example}]}", "egress: {routes: [{host: b.example}]}"),
    "supervise": ("supervise: true", "supervise: false"),
    "resources": ("resources: {cpus: 1, pids: 5}", "resources: {cpus: 2}"),
    "budget": ("budget: {usd: 1, tokens: 5}", "budget: {usd: 2}"),
}


@pytest.mark.parametrize("key", WHOLE)
def test_a_section_is_inherited_whole_where_the_child_is_silent(key: str) -> None:
    above, _ = WHOLE[key]
    parent, child = bottle("parent", above), bottle("child", "extends: parent")

    both = merge(parent, child)

    assert getattr(both, key) == getattr(parent, key) != getattr(child, key)
    assert str(both.places.at(key)).startswith("parent.md:")


@pytest.mark.parametrize("key", WHOLE)
def test_a_section_is_replaced_whole_where_the_child_declares_it(key: str) -> None:
    above, below = WHOLE[key]
    parent, child = bottle("parent", above), bottle("child", "extends: parent", below)

    both = merge(parent, child)

    assert getattr(both, key) == getattr(child, key) != getattr(parent, key)
    assert {str(location.file) for path, location in both.places.locations.items() if path[:1] == (key,)} == {
        "child.md"
    }


@pytest.mark.parametrize("key", sorted(set(WHOLE) - {"supervise"}))
def test_an_empty_section_clears_what_the_parent_has(key: str) -> None:
    above, _ = WHOLE[key]

    assert getattr(merged([above], [f"{key}: {{}}"]), key) == getattr(bottle("none"), key)


def test_the_place_of_extends_is_never_the_parents() -> None:
    chain = (bottle("a", "extends: b"), bottle("b", "env: {A: x}", "extends: c"), bottle("c"))

    assert str(flatten(chain).places.at("extends")) == "a.md:2:10"


def test_what_was_declared_anywhere_is_declared() -> None:
    assert merged(["egress: {}"], ["supervise: true"]).declared == {"egress", "supervise", "extends"}
