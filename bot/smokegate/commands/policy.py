"""`smokegate policy`: write a starter, or show what is in force."""

from __future__ import annotations

import click

from smokegate.commands import options
from smokegate.commands.terminal import shown
from smokegate.errors import UsageError


@click.group("policy")
def command() -> None:
    """Write a starter policy, or show the one in force."""


@command.command("init")
@options.repo
@options.the_registry
@click.option("--stdout", is_flag=True, help="Print it instead of writing the file.")
def init(repo: str, registry: str | None, stdout: bool) -> int:
    """Write a commented .smokegate.yml for the registry that is found."""
    from smokegate.review.locate import start_policy

    path, text = start_policy(repo, registry)
    if stdout:
        click.echo(text, nl=False)
        return 0
    if path.exists():
        fix = "smokegate policy show; or --stdout to see the starter"
        raise UsageError(f"{shown(path)} is there already", fix=fix)
    path.write_text(text, encoding="utf-8")
    click.echo(f"wrote {shown(path)}: every key is in it, commented out at its default.")
    click.echo(f"next: read it, then git add {shown(path)}; it judges once it is on the base branch")
    return 0


@command.command("show")
@options.repo
@click.option("--registry", help="The registry, named from the root of the repo.")
@click.option("--base", metavar="REV", help="Default: where HEAD left the default branch.")
@click.option("--policy", "override", metavar="FILE", help="Show this file's effect instead of base's.")
def show(repo: str, registry: str | None, base: str | None, override: str | None) -> int:
    """Print the policy that would judge a change, defaults written out."""
    from smokegate import policy_starter
    from smokegate.review.locate import policy_in_force

    click.echo(policy_starter.show(policy_in_force(repo, registry, base, override)), nl=False)
    return 0
