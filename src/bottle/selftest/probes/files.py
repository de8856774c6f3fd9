"""Files by path; goes into a bottle beside the attacks."""

import os


def read_file(path: str) -> str | None:
    with open(path, "rb") as file:
        return f"{len(content)} bytes read" if (content := file.read(64)) else None


def mounts() -> list[str]:
    with open("/proc/self/mounts") as file:
        return sorted({line.split()[1] for line in file})


def opened(path: str, how: int) -> str:
    os.close(os.open(path, how))
    return "opened"
