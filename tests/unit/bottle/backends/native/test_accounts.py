"""Host users are allocated once for each identity and shared by none."""

from pathlib import Path

from bottle.backends.native.accounts import FIRST_UID, Accounts


def test_an_identity_keeps_its_account_and_no_two_share_one(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "users")
    found = {name: accounts.allocate(name) for name in (f"agent-{number}" for number in range(200))}

    assert all(accounts.allocate(name) == account for name, account in found.items())
    uids = [uid for account in found.values() for uid in (account.sandbox, account.sidecar)]
    assert len(set(uids)) == 400
    assert min(uids) >= FIRST_UID


def test_a_taken_slot_is_passed_over(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    first = accounts.allocate("agent-abcde")
    accounts.release("agent-abcde")
    slot = (first.sandbox - FIRST_UID) // 2
    (tmp_path / str(slot)).symlink_to("someone-else")

    assert accounts.allocate("agent-abcde") != first
    assert accounts.holders() == {"agent-abcde", "someone-else"}


def test_release_is_idempotent(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "users")
    accounts.release("agent-abcde")
    accounts.allocate("agent-abcde")
    accounts.release("agent-abcde")

    assert accounts.holders() == set()


def test_who_comes_back_gets_the_users_that_its_files_have(tmp_path: Path) -> None:
    before = Accounts(tmp_path / "before").allocate("agent-abcde")
    anew = Accounts(tmp_path / "anew")
    other = anew.allocate("agent-zzzzz", before.sandbox)

    assert other == before, "a free one is given to whoever asks for it"
    assert anew.allocate("agent-abcde", before.sandbox) not in {before, other}
    assert Accounts(tmp_path / "third").allocate("agent-abcde", 0).sandbox >= FIRST_UID
