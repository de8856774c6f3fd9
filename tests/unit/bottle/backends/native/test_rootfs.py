"""What of the host is shown."""

import os
from pathlib import Path

import pytest

from bottle.backends.native import rootfs
from bottle.backends.native.rootfs import HostLayout


def test_links_stay_links_and_folders_are_shown(tmp_path: Path) -> None:
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "lib").mkdir()
    (tmp_path / "etc").mkdir()
    for name in ("shadow", "passwd", "ld.so.cache"):
        (tmp_path / "etc" / name).touch()
    (tmp_path / "proc" / "acpi").mkdir(parents=True)
    (tmp_path / "proc" / "kcore").touch()

    layout = HostLayout.detect(tmp_path)

    assert layout == HostLayout(
        links=(("bin", "usr/bin"),),
        folders=("/usr", "/lib"),
        etc=("ld.so.cache",),
        masked_files=("/proc/kcore",),
        masked_folders=("/proc/acpi",),
    )


def test_a_bottles_etc_knows_the_agent_and_no_resolver(tmp_path: Path) -> None:
    rootfs.fill(tmp_path, trust_store="CA")

    assert (tmp_path / "etc" / "ca-certificates.crt").read_text() == "CA"
    assert "agent:x:1000:1000::/home/agent:/bin/bash" in (tmp_path / "etc" / "passwd").read_text()
    assert (tmp_path / "etc" / "resolv.conf").read_text() == ""
    assert "hosts: files\n" in (tmp_path / "etc" / "nsswitch.conf").read_text()
    assert set(rootfs.synthetic_etc()) == {path.name for path in (tmp_path / "etc").iterdir()}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_box_is_given_whole_and_what_is_the_users_already_is_not_looked_through(tmp_path: Path) -> None:
    rootfs.fill(tmp_path, trust_store="CA")
    (tmp_path / "home" / "link").symlink_to("/etc/passwd")
    rootfs.give(tmp_path, 4321)
    left = tmp_path / "home" / "left"
    left.touch()
    rootfs.fill(tmp_path, trust_store="CB")
    rootfs.give(tmp_path, 4321)

    everything = [tmp_path, *tmp_path.rglob("*")]
    assert {path for path in everything if path.lstat().st_uid != 4321} == {left}
    assert Path("/etc/passwd").stat().st_uid == 0
    rootfs.give(tmp_path, 4322)
    assert {path.lstat().st_uid for path in everything} == {4322}
