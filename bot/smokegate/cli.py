"""The command line: the one place where everything is put together, and where every error becomes an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from smokegate import __version__
from smokegate.commands import audit_trail, check, evidence, evidence_show, flip, gate, history, policy, retire
from smokegate.errors import SmokegateError

EXIT_CANNOT_JUDGE = 2
EXIT_BUG = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="smokegate")
def smokegate() -> None:
    """Nothing leaves smoke without proof: judge changes to a registry of models kept in git."""


for _module in (audit_trail, check, evidence, flip, gate, history, policy, retire):
    smokegate.add_command(_module.command)
evidence.command.add_command(evidence_show.command)


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line; every error ends here and nowhere else."""
    try:
        code = smokegate.main(args=arguments, prog_name="smokegate", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("smokegate: interrupted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return EXIT_CANNOT_JUDGE
    except SmokegateError as error:
        click.echo(f"smokegate: {_inert(str(error))}", err=True)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception:  # noqa: BLE001 - the last line of defence: a bug is exit 3, never a verdict
        traceback.print_exc()
        click.echo(f"smokegate {__version__}: this is a bug of ours, not a verdict; please report it", err=True)
        return EXIT_BUG
    return code if isinstance(code, int) else 0


def _inert(text: str) -> str:
    """Names in errors come from repositories: nothing of theirs commands the terminal, or the runner that reads it."""
    from smokegate.render.escape import visible_lines

    return "\n".join(visible_lines(text))


def main() -> None:
    sys.exit(run())
