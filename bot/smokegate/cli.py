"""The command line: the one place where everything is put together, and where every error becomes an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import click

from smokegate import __version__
from smokegate.commands import (
    audit_trail,
    check,
    evidence,
    evidence_show,
    flip,
    gate,
    github,
    history,
    policy,
    promote,
    retire,
)
from smokegate.errors import SmokegateError

EXIT_CANNOT_JUDGE = 2
EXIT_BUG = 3


class _WithRunners(click.Group):
    """The runners' commands are loaded when one of them is called, or listed: a judge needs none of them."""

    runners: ClassVar[tuple[str, ...]] = ("batch", "block-iou", "corpus", "ensemble", "materialize", "saliency")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.runners])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.runners:
            return super().get_command(ctx, cmd_name)
        module = cmd_name.replace("-", "_")
        command: click.Command = importlib.import_module(f"smokegate_runners.commands.{module}").command
        return command


@click.group(cls=_WithRunners, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="smokegate")
def smokegate() -> None:
    """Nothing leaves smoke without proof: judge changes to a registry of models kept in git."""


for _module in (audit_trail, check, evidence, flip, gate, github, history, policy, promote, retire):
    smokegate.add_command(_module.command)
evidence.command.add_command(evidence_show.command)


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line; every error ends here and nowhere else."""
    try:
        code = smokegate.main(args=arguments, prog_name="smokegate", standalone_mode=False, obj={"judge": _judges_side})
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


def _judges_side() -> AbstractContextManager[Any]:
    """What a runner asks of the judge, which it may not import."""
    from smokegate.commands import exported

    return exported.opened()


def _inert(text: str) -> str:
    """Names in errors come from repositories: nothing of theirs commands the terminal, or the runner that reads it."""
    from smokegate.render.escape import visible_lines

    return "\n".join(visible_lines(text))


def main() -> None:
    sys.exit(run())
