"""The border of the program: environment in, exit status out, every error in words."""

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from bottle import VERSION
from bottle.cli.border import Border
from bottle.cli.console import Console
from bottle.cli.crash import secrets_of, write_report
from bottle.cli.group import LazyGroup
from bottle.errors import BottleError, UsageError
from bottle.launch.signals import Terminated
from bottle.paths import Paths

_MACHINE_ERRORS = frozenset(
    {
        errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ELOOP, errno.EMFILE,
        errno.ENAMETOOLONG, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
    }
)  # fmt: skip
"""What the operator's machine may answer at any time, wherever files are written or processes started."""


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        click.echo(f"bottle {VERSION}")
        context.exit()


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
def cli() -> None:
    """Run AI coding agents with full permissions in a sandbox that holds no secret and has one way out."""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit status: see docs/reference/exit-codes.md."""
    console = Console.from_environment(environ, stdout=sys.stdout, stderr=sys.stderr)
    try:
        return _run(arguments, environ, console)
    except BottleError as error:
        console.error(error)
        return error.exit_code
    except Terminated as ended:
        return 128 + ended.signum
    except (KeyboardInterrupt, click.Abort):
        return 130
    except Exception as error:  # noqa: BLE001 - a bug gets a report instead of a traceback
        if isinstance(error, OSError) and error.errno in _MACHINE_ERRORS:
            console.error(_machine_error(error))
        else:
            _report(error, arguments, environ, console)
        return BottleError.exit_code


def _run(arguments: Sequence[str], environ: Mapping[str, str], console: Console) -> int:
    border = Border(environ=environ, console=console)
    try:
        status = cli.main(list(arguments), prog_name="bottle", standalone_mode=False, obj=border)
    except click.exceptions.NoArgsIsHelpError as help_:
        click.echo(help_.format_message(), err=True)
        return UsageError.exit_code
    except click.ClickException as error:
        usage = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "bottle"
        raise UsageError(error.format_message(), hint=f"{usage} --help") from None
    return int(status or 0)


def _report(error: Exception, arguments: Sequence[str], environ: Mapping[str, str], console: Console) -> None:
    try:
        folder = Paths.from_environment(environ, uid=os.getuid(), cwd=Path()).state
        secrets = secrets_of(environ)
        report = write_report(error, folder, version=VERSION, argv=arguments, secrets=secrets)
    except Exception as failure:  # noqa: BLE001 - there is nobody behind us who would say it in words
        console.bug(error, f"not there, for it could not be written: {failure}")
    else:
        console.bug(error, str(report))


def _machine_error(error: OSError) -> BottleError:
    """In words: what the machine refused, which is no bug."""
    message = os.strerror(error.errno or 0)
    return BottleError(message, location=os.fsdecode(error.filename) if error.filename else None)
