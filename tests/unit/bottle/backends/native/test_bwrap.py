"""bwrap's arguments, whole."""

import pytest
from attrs import evolve

from bottle.backends.native.bwrap import Sandbox, argv, options
from bottle.backends.native.rootfs import HostLayout
from bottle.plan import How

HOST = HostLayout(
    links=(("bin", "usr/bin"), ("lib64", "usr/lib64")),
    folders=("/usr", "/lib"),
    etc=("alternatives", "ssl/openssl.cnf"),
    masked_files=("/proc/kcore",),
    masked_folders=("/proc/acpi",),
)
SANDBOX = Sandbox(
    marker="mark",
    box="/b",
    agent_cli="/c/claude",
    how=How.COPY,
    directory=None,
    host=HOST,
    temporary=1000,
)

EXPECTED = """
--unshare-user --unshare-ipc --unshare-pid --unshare-uts --unshare-cgroup-try
--disable-userns --cap-drop ALL --new-session --die-with-parent --clearenv
--uid 1000 --gid 1000 --hostname bottle --info-fd 10 --seccomp 11
--perms 0755 --dir /etc --perms 0755 --dir /home --perms 0755 --dir /opt --perms 0755 --dir /var
--ro-bind /usr /usr --ro-bind /lib /lib
--symlink usr/bin /bin --symlink usr/lib64 /lib64
--proc /proc
--ro-bind /proc/sys /proc/sys
--size 4096 --tmpfs /proc/acpi --remount-ro /proc/acpi
--ro-bind /dev/null /proc/kcore
--dev /dev
--perms 1777 --size 536870912 --tmpfs /dev/shm
--perms 0755 --size 67108864 --tmpfs /run
--perms 1777 --size 1000 --tmpfs /tmp
--perms 1777 --size 1000 --tmpfs /var/tmp
--symlink /run /var/run
--ro-bind /etc/alternatives /etc/alternatives
--ro-bind /etc/ssl/openssl.cnf /etc/ssl/openssl.cnf
--ro-bind /b/etc/passwd /etc/passwd
--ro-bind /b/etc/group /etc/group
--ro-bind /b/etc/hosts /etc/hosts
--ro-bind /b/etc/hostname /etc/hostname
--ro-bind /b/etc/host.conf /etc/host.conf
--ro-bind /b/etc/nsswitch.conf /etc/nsswitch.conf
--ro-bind /b/etc/resolv.conf /etc/resolv.conf
--ro-bind /b/etc/profile /etc/profile
--ro-bind /b/etc/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
--symlink /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem
--symlink /etc/ssl/certs/ca-certificates.crt /etc/ssl/ca-bundle.pem
--symlink /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/cert.pem
--symlink /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt
--symlink /etc/ssl/certs/ca-certificates.crt /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem
--bind /b/home /home/agent
--bind /b/workspace /workspace
--ro-bind /c/claude /opt/agent
--remount-ro /dev
--remount-ro /
--chdir /
"""


def test_the_options_whole() -> None:
    assert list(options(SANDBOX)) == EXPECTED.split()


@pytest.mark.parametrize(
    ("how", "shown"),
    [
        (How.OVERLAY, "--overlay-src /d --overlay /b/upper /b/work /workspace"),
        (How.MOUNT, "--bind /d /workspace"),
    ],
)
def test_a_directory_of_the_host_s_is_shown_in_the_place_of_the_empty_one(how: How, shown: str) -> None:
    expected = " ".join(EXPECTED.split()).replace("--bind /b/workspace /workspace", shown)

    assert " ".join(options(evolve(SANDBOX, how=how, directory="/d"))) == expected


def test_the_arguments_that_everyone_can_read_name_no_path_of_the_host() -> None:
    assert list(argv(SANDBOX)) == ["mark", "--args", "12", "--", "/bin/cat"]


def test_the_network_is_not_unshared_because_it_is_a_new_one_already() -> None:
    assert "--unshare-net" not in options(SANDBOX)
    assert "--share-net" not in options(SANDBOX)
