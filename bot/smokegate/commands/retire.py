"""`smokegate retire`: take an entry out of the registry."""

from __future__ import annotations

import click

from smokegate.commands import options
from smokegate.commands.terminal import shown


@click.command("retire")
@click.argument("entry_id", metavar="ID")
@click.option("--reason", required=True, help="Why it goes; kept in retired.json for ever.")
@click.option("--superseded-by", metavar="ID", help="The entry that takes its place.")
@options.repo
@options.the_registry
def command(entry_id: str, reason: str, superseded_by: str | None, repo: str, registry: str | None) -> int:
    """Take an entry out of the registry and record why, as SG401 wants it."""
    from smokegate.review.locate import last_known, working_registry
    from smokegate.review.retire import plan

    working = working_registry(repo, registry)
    retiring = plan(working.path, entry_id, reason, superseded_by, lambda gone: last_known(repo, working.name, gone))
    retiring.write()
    click.echo(f"{entry_id} is retired: {retiring.record.name} says why.")
    click.echo(f"next: git add {shown(retiring.registry)} {shown(retiring.record)} && smokegate check")
    return 0
