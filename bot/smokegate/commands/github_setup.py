"""`smokegate github setup`: what to commit and what to set, so that a verdict counts."""

from __future__ import annotations

import os

import click

from smokegate.commands import options


@click.command("setup")
@options.repo
@click.option("--repository", metavar="OWNER/NAME", help="On GitHub. Default: GITHUB_REPOSITORY, else origin's.")
@click.option(
    "--source",
    "told",
    metavar="OWNER/smokegate@COMMIT",
    help="Where smokegate is. Default: what this one was installed from.",
)
@click.option("--app-id", type=click.IntRange(min=1), help="The App whose verdict is required.")
@click.option(
    "--owner", "owners", multiple=True, metavar="LOGIN|ORG/TEAM", help="Named in a new policy; may be repeated."
)
@click.option("--branch", help="The default branch. Default: origin's.")
@options.the_registry
@click.option("--call", is_flag=True, help="Workflows of a few lines, which call those of a source of the same owner.")
@click.option("--write", is_flag=True, help="Write the files; none that is there is touched.")
def command(
    repo: str,
    repository: str | None,
    told: str | None,
    app_id: int | None,
    owners: tuple[str, ...],
    branch: str | None,
    registry: str | None,
    call: bool,
    write: bool,
) -> int:
    """List the files that are to be committed, and print the settings as commands for an admin.

    What is printed is a shell script. With --write, the files are written. Nothing is asked of GitHub. Exit code 0.
    """
    from smokegate import __version__
    from smokegate.github.adoption import callers, setup
    from smokegate.github.step import whereabouts

    source = callers.source(told or whereabouts.installed_from(), __version__)
    name = repository or os.environ.get("GITHUB_REPOSITORY") or whereabouts.origin(repo)
    wish = setup.Wish(source, app_id, registry, owners, call)
    plan = setup.plan(setup.target(repo, whereabouts.checked(name), branch), wish)
    written = setup.write(plan) if write else []
    for file in plan.files:
        if file.path in written:
            click.echo(f"# wrote {file.path}")
        elif file.there:
            click.echo(f"# {file.path} is there already, and was left as it is")
        elif file.same:
            click.echo(f"# {file.path} is as it should be")
        else:
            click.echo(f"# --write would write {file.path}: {len(file.text.splitlines())} lines")
    click.echo("\n# Settings, for an admin of the repository:")
    for one in plan.calls:
        click.echo(f"\n# {one.why}\n{one.command()}")
    if plan.missing_owners:
        click.echo("\n# The policy names no owners: nobody could approve a change of it, once the verdict is required.")
        click.echo("# Write `owners: [LOGIN, ORGANISATION/TEAM]` into it, two people at least, before it is merged.")
    if plan.missing_app:
        click.echo("\n# Without --app-id nothing can be required: any workflow could write a check of the same name.")
        click.echo("# docs/github-app.md makes an App in five minutes; then run this again.")
    else:
        place = f"--repo {plan.target.repository} --env smokegate"
        click.echo("\n# the App's key\n" + f"gh secret set SMOKEGATE_PRIVATE_KEY {place} < app.private-key.pem")
    click.echo("\n# then: smokegate github doctor")
    return 0
