"""A container that differs from what was asked for, in anything that isolates it, is refused."""

import copy
from typing import Any

import pytest

from bottle.backends.docker.proof import problems

SECCOMP = '{"defaultAction": "SCMP_ACT_ERRNO"}'
SOUND: dict[str, Any] = {
    "Config": {"User": "1000:1000"},
    "HostConfig": {
        "NetworkMode": "none",
        "CapDrop": ["ALL"],
        "CapAdd": None,
        "ReadonlyRootfs": True,
        "Binds": None,
        "Privileged": False,
        "PidMode": "",
        "UTSMode": "",
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "UsernsMode": "",
        "Runtime": "runc",
        "SecurityOpt": ["no-new-privileges", 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}'],
    },
    "Mounts": [{"Type": "volume", "Source": "/var/lib", "Destination": "/home/agent"}],
    "NetworkSettings": {"Networks": {"none": {}}},
}


def found(**changes: Any) -> list[str]:
    container = copy.deepcopy(SOUND)
    container["HostConfig"].update(changes)
    return list(problems(container, seccomp=SECCOMP, runtime=None))


def test_a_sound_container_has_none() -> None:
    assert found() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"NetworkMode": "bridge"},
        {"NetworkMode": "host"},
        {"NetworkMode": None},
        {"CapDrop": []},
        {"CapDrop": None},
        {"CapDrop": ["CAP_NET_RAW"]},
        {"CapAdd": ["SYS_ADMIN"]},
        {"ReadonlyRootfs": False},
        {"Binds": ["/:/host"]},
        {"Privileged": True},
        {"PidMode": "host"},
        {"UTSMode": "host"},
        {"IpcMode": "host"},
        {"IpcMode": "shareable"},
        {"CgroupnsMode": "host"},
        {"UsernsMode": "host"},
        {"Devices": [{"PathOnHost": "/dev/kvm"}]},
        {"DeviceRequests": [{"Count": -1}]},
        {"GroupAdd": ["docker"]},
        {"ExtraHosts": ["host.docker.internal:host-gateway"]},
        {"VolumesFrom": ["other"]},
        {"PortBindings": {"80/tcp": []}},
        {"SecurityOpt": ["no-new-privileges"]},
        {"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]},
        {"SecurityOpt": ["no-new-privileges", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']},
        {"SecurityOpt": ["no-new-privileges", f"seccomp={SECCOMP}", "seccomp=unconfined"]},
        {"SecurityOpt": [f"seccomp={SECCOMP}"]},
        {"SecurityOpt": [f"seccomp={SECCOMP}", "no-new-privileges=false"]},
        {"SecurityOpt": [f"seccomp={SECCOMP}", "no-new-privileges:false"]},
        {"SecurityOpt": [f"seccomp={SECCOMP}", "no-new-privileges", "apparmor=unconfined"]},
        {"SecurityOpt": [f"seccomp={SECCOMP}", "no-new-privileges", "label:disable"]},
    ],
    ids=repr,
)
def test_each_weakening_is_found(changes: dict[str, Any]) -> None:
    assert len(found(**changes)) == 1


def test_no_security_options_at_all() -> None:
    assert found(SecurityOpt=None) == ["it may gain privileges", "its system-call filter is not ours"]


def test_a_user_of_its_own() -> None:
    container = {**copy.deepcopy(SOUND), "Config": {"User": "0"}}

    assert list(problems(container, seccomp=SECCOMP, runtime=None)) == ["it runs as the user '0'"]


def test_a_network_attached_later() -> None:
    container = {**copy.deepcopy(SOUND), "NetworkSettings": {"Networks": {"none": {}, "bridge": {}}}}

    assert list(problems(container, seccomp=SECCOMP, runtime=None)) == [
        "it is attached to the network bridge, none"
    ]


def test_a_mounted_host_folder() -> None:
    mount = {"Type": "bind", "Source": "/home", "Destination": "/x"}
    container = {**copy.deepcopy(SOUND), "Mounts": [mount]}

    assert list(problems(container, seccomp=SECCOMP, runtime=None)) == ["/home of the host is mounted at /x"]


def test_another_runtime_than_asked_for() -> None:
    assert list(problems(SOUND, seccomp=SECCOMP, runtime="runsc")) == ["its runtime is 'runc', not 'runsc'"]
