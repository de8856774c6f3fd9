"""A pair of virtual interfaces between this machine and an engine's network namespace.

The pair goes away with the namespace. What stays behind, the firewall rules and the forwarding switch,
is undone by `cut`.
"""

from pathlib import Path

from attrs import frozen

from bottle.proc import Command, run

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
PREFIX = "bbe"


@frozen(kw_only=True)
class Link:
    """`number` picks the interface names and the subnet. `forwarding`: the switch's value before."""

    number: int
    forwarding: str

    @property
    def outer(self) -> str:
        return f"{PREFIX}{self.number}h"

    @property
    def inner(self) -> str:
        return f"{PREFIX}{self.number}e"

    @property
    def outer_address(self) -> str:
        return f"10.213.{self.number}.1"

    @property
    def inner_address(self) -> str:
        return f"10.213.{self.number}.2"

    @property
    def rules(self) -> tuple[tuple[str, ...], ...]:
        """Table, chain, and match of every rule that lets the engine's packets out and back."""
        return (
            ("nat", "POSTROUTING", "-s", f"{self.inner_address}/32", "-j", "MASQUERADE"),
            ("filter", "FORWARD", "-i", self.outer, "-j", "ACCEPT"),
            ("filter", "FORWARD", "-o", self.outer, "-j", "ACCEPT"),
        )

    def cut(self) -> None:
        """Takes the rules back; the switch too, where no other engine's link is left."""
        for table, chain, *match in self.rules:
            run(Command(argv=("iptables", "-w", "-t", table, "-D", chain, *match)), check=False)
        run(Command(argv=("ip", "link", "delete", self.outer)), check=False)
        if not _links():
            FORWARDING.write_text(self.forwarding)


def lay(pid: int) -> Link:
    """Connects the network namespace of process `pid` with this machine, as its default route."""
    link = Link(number=_free_number(), forwarding=FORWARDING.read_text())
    inside = ("nsenter", "-t", str(pid), "-n")
    for argv in (
        ("ip", "link", "add", link.outer, "type", "veth", "peer", "name", link.inner),
        ("ip", "link", "set", link.inner, "netns", str(pid)),
        ("ip", "address", "add", f"{link.outer_address}/30", "dev", link.outer),
        ("ip", "link", "set", link.outer, "up"),
        (*inside, "ip", "address", "add", f"{link.inner_address}/30", "dev", link.inner),
        (*inside, "ip", "link", "set", "lo", "up"),
        (*inside, "ip", "link", "set", link.inner, "up"),
        (*inside, "ip", "route", "add", "default", "via", link.outer_address),
    ):
        run(Command(argv=argv))
    for table, chain, *match in link.rules:
        run(Command(argv=("iptables", "-w", "-t", table, "-I", chain, *match)))
    FORWARDING.write_text("1\n")
    return link


def _links() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").glob(f"{PREFIX}*h"))


def _free_number() -> int:
    taken = _links()
    return next(number for number in range(1, 255) if f"{PREFIX}{number}h" not in taken)
