"""`smokegate retire`: take an entry out of the registry."""

from __future__ import annotations

import click

from smokegate.commands import options
from smokegate.commands.terminal import shown


@click.command("retire")
@click.argument("entry_id", metavar="ID")
@click.option("--reason", required=True, help="Why it goes; kept in retired.json for ever.")
@click.option("--superseded-by", metavar="ID", help="The entry that takes its place.")
@click.option("--dry-run", is_flag=True, help="Print what would change as a diff, and write nothing.")
@options.repo
@options.the_registry
def command(
    entry_id: str, reason: str, superseded_by: str | None, dry_run: bool, repo: str, registry: str | None
) -> int:
    """Take an entry out of the registry and record why, as SG401 wants it."""
    from smokegate.registry.paths import join, parent
    from smokegate.render import diff
    from smokegate.review.locate import last_known, working_registry
    from smokegate.review.retire import plan

    working = working_registry(repo, registry)
    retiring = plan(working.path, entry_id, reason, superseded_by, lambda gone: last_known(repo, working.name, gone))
    if dry_run:
        for draft in retiring.drafts:
            click.echo(diff.unified(join(parent(working.name), draft.path), draft.was, draft.now), nl=False)
        return 0
    retiring.write()
    click.echo(f"{entry_id} is retired: {retiring.record.name} says why.")
    click.echo(f"next: git add {shown(retiring.registry)} {shown(retiring.record)} && smokegate check")
    return 0
