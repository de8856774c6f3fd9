"""What happens to a bottle that takes more than its manifest grants, on each back-end."""

from support.project import BottleProject, shell_agent

HIDING = """
mkdir -p ~/hidden/deeper && chmod 700 ~ ~/hidden
for n in 1 2 3; do head -c 30M /dev/zero > ~/hidden/deeper/$n; done
chmod 0 ~/hidden/deeper ~/hidden
sleep 60
echo not ended
"""


def test_too_much_on_the_disk_ends_the_bottle_and_says_what_to_change(project: BottleProject) -> None:
    project.write(shell_agent(resources="{disk: 64m}"))

    outcome = project.run("run", "shell", HIDING)

    assert outcome.code == 1
    assert "not ended" not in outcome.out
    assert "MiB of its 64 MiB of disk" in outcome.err
    assert f"hint: raise resources.disk in {project.home / 'bottles' / 'shell.md'}" in outcome.err
    assert project.run("cleanup", "--yes").out == ""
