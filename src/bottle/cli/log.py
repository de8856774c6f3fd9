"""`bottle log`: the audit log of a bottle, its check, and what the bottle used."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import click

from bottle.cli import complete
from bottle.cli.app import App, json_option
from bottle.cli.console import Console, Tone
from bottle.cli.render import Json, Result
from bottle.errors import UsageError
from bottle.state.audit import AuditLog, entry_of
from bottle.state.usage import Usage, number_of

_TONES = {"refused": Tone.BAD, "failed": Tone.BAD, "fault": Tone.BAD, "allowed": Tone.FAINT}
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with the lines that come, until the bottle ends.")
@click.option("--verify", is_flag=True, help="Check that no line was changed, removed, put in or moved.")
@click.option("--usage", is_flag=True, help="Sum up by host and model instead.")
@json_option
@click.argument("identity", shell_complete=complete.logged_bottles)
@click.pass_context
def log(
    context: click.Context, *, follow: bool, verify: bool, usage: bool, as_json: bool, identity: str
) -> int:
    """Show the audit log of the bottle IDENTITY, running or ended; the beginning of its name is enough.

    With --verify, exit status 1 where something is wrong. With --follow --json, lines as they are in the log.
    """
    app = App.of(context)
    if follow + verify + usage > 1:
        raise UsageError("--follow, --verify and --usage exclude each other")
    found = app.manager.logs.find(identity)
    if verify:
        return _verify(app, found, as_json=as_json)
    if usage:
        app.console.result(_usage(found), as_json=as_json)
    elif follow:
        _follow(app, found, as_json=as_json)
    elif as_json:
        app.console.result(Result(data=list(found.entries())), as_json=True)
    else:
        _show(app.console, found)
    return 0


def _verify(app: App, log: AuditLog, *, as_json: bool) -> int:
    live = app.manager.store.entry(log.identity).live
    found = log.verify()
    state = "open" if live else "closed" if found.closed else "cut off"
    warnings: tuple[str, ...] = ()
    if state == "cut off":
        warnings = ("it was not closed: the sidecar was killed, and what it did last may be missing",)
    text = "".join(f"line {flaw.line}: {flaw.what}\n" for flaw in found.flaws)
    verdict = f"{len(found.flaws)} wrong" if found.flaws else "all in order"
    data: Json = {
        "identity": log.identity,
        "ok": not found.flaws,
        "lines": found.lines,
        "state": state,
        "flaws": [attrs.asdict(flaw) for flaw in found.flaws],
    }
    summary = f"{text}{log.identity}: {found.lines} lines, {verdict}, {state}"
    app.console.result(Result(data=data, text=summary, warnings=warnings), as_json=as_json)
    return 1 if found.flaws else 0


def _usage(log: AuditLog) -> Result:
    usage = Usage.of(log.entries())
    rows = [["HOST", "REQUESTS", "BLOCKED", "SENT", "RECEIVED"]]
    for host, used in sorted(usage.hosts.items()):
        counts = [str(used.requests), str(used.blocked)]
        rows.append([host, *counts, _size(used.sent), _size(used.received)])
    text = _aligned(rows)
    if usage.models:
        rows = [["MODEL", "CALLS", "INPUT", "OUTPUT", "CACHED", "TO CACHE", "USD"]]
        for model, spent in sorted(usage.models.items()):
            tokens = (spent.input_tokens, spent.output_tokens)
            cached = (spent.cache_read_tokens, spent.cache_write_tokens)
            numbers = map(str, (spent.calls, *tokens, *cached))
            rows.append([model, *numbers, f"{spent.usd:.4f}"])
        text += "\n" + _aligned(rows)
    data = {"identity": log.identity, **attrs.asdict(usage)}
    return Result(data=data, text=text)


def _aligned(rows: list[list[str]]) -> str:
    """A table: the first column to the left, the others, numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        + "\n"
        for row in rows
    )


def _follow(app: App, log: AuditLog, *, as_json: bool) -> None:
    for line in log.follow(lambda: app.manager.store.entry(log.identity).live):
        if as_json:
            app.console.line(line.decode("ascii", "replace"))
        else:
            _show_line(app.console, line)


def _show(console: Console, log: AuditLog) -> None:
    """A request's end says all that its beginning does, so that is left out where there is one."""
    ended = {entry.get("id") for entry in log.entries() if entry.get("event") == "done"}
    for line in log.lines():
        entry = entry_of(line)
        if entry is None or entry.get("event") not in ("allowed", "tunnel") or entry.get("id") not in ended:
            _show_line(console, line)


def _show_line(console: Console, line: bytes) -> None:
    entry = entry_of(line)
    if entry is None:
        console.line(f"{'?':19}  {line.decode(errors='replace')}", Tone.BAD)
        return
    event = str(entry.get("event"))
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(number_of(entry, "time")))
    columns = (f"{event:10}", f"{entry.get('status', '-')!s:>3}", f"{entry.get('method', '-')!s:7}")
    said = " ".join(part for part in (_place(entry), *_remarks(event, entry)) if part)
    tone = Tone.BAD if entry.get("verdict") == "refused" else _TONES.get(event, Tone.PLAIN)
    console.line("  ".join((when, *columns, said)).rstrip().replace("\n", "\\n"), tone)


def _place(entry: Mapping[str, Any]) -> str:
    if "repo" in entry:
        return " ".join(str(entry[key]) for key in ("repo", "ref", "verdict") if key in entry)
    return f"{entry.get('host', '')}{entry.get('path', '')}"


def _remarks(event: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """What else is worth a reader's while; `--json` has it all."""
    if event == "done":
        yield f"sent {_size(number_of(entry, 'sent'))}, received {_size(number_of(entry, 'received'))}"
        yield f"in {entry.get('seconds')} s"
        if entry.get("outcome") != "complete":
            yield f"[{entry.get('outcome')}]"
    elif event == "suppressed":
        yield f"{entry.get('lines')} more lines '{entry.get('of')}' were not written"
    elif event == "usage":
        yield ", ".join(f"{name} {entry[name]}" for name in _USED if name in entry)
    elif event not in ("allowed", "tunnel") and entry.get("rule"):
        yield f"[{entry['rule']}]"
    if entry.get("reason"):
        yield str(entry["reason"])


_USED = ("model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "usd_micro")


def _size(count: float) -> str:
    """In units of thousands: 999 B, 1.2 kB."""
    size = float(count)
    for unit in _UNITS:
        if size < _THOUSAND or unit == _UNITS[-1]:
            break
        size /= _THOUSAND
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
