"""Options that several commands share."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

import click

from smokegate.errors import UsageError


def _from_root(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """One spelling per registry: as git names it, from the root of the repo."""
    del context, parameter
    if value is None:
        return None
    path = posixpath.normpath(value)
    if path.startswith(("/", "..")) or path == ".":
        raise UsageError(
            f"{value!r} is not named from the root of the repository",
            fix="--registry model/tiny/registry.json, say: git ls-files '*registry.json' lists them",
        )
    return path


repo = click.option("--repo", default=".", show_default=True, help="A folder in the git repository.")
the_registry = click.option(
    "--registry",
    callback=_from_root,
    help="The registry, named from the root of the repo; needed where there are several.",
)


def judging(command: Callable[..., Any]) -> Callable[..., Any]:
    """What every judging command is told."""
    options = (
        repo,
        click.option(
            "--registry", callback=_from_root, help="Judge only this registry, named from the root of the repo."
        ),
        click.option("--policy", metavar="FILE", help="Judge by this policy of your own instead of base's."),
        click.option("--output", metavar="FILE", help="Write there instead of to standard output."),
    )
    for option in reversed(options):
        command = option(command)
    return command
