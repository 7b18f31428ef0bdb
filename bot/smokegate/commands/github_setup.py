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
@click.option("--branch", help="The default branch. Default: origin's.")
@options.the_registry
@click.option("--write", is_flag=True, help="Write the files; none that is there is touched.")
def command(
    repo: str,
    repository: str | None,
    told: str | None,
    app_id: int | None,
    branch: str | None,
    registry: str | None,
    write: bool,
) -> int:
    """Print the workflows, the policy, and the settings as commands for an admin; with --write, write the files.

    Nothing is asked of GitHub. Exit code 0.
    """
    from smokegate import __version__
    from smokegate.github import callers, setup, whereabouts

    source = callers.source(told or whereabouts.installed_from(), __version__)
    name = repository or os.environ.get("GITHUB_REPOSITORY") or whereabouts.origin(repo)
    plan = setup.plan(setup.target(repo, whereabouts.checked(name), branch), source, app_id, registry)
    written = setup.write(plan) if write else []
    for file in plan.files:
        if file.path in written:
            click.echo(f"wrote {file.path}")
        elif file.there:
            click.echo(f"{file.path} is there already, and was left as it is")
        elif write:
            click.echo(f"{file.path} is as it should be")
        else:
            click.echo(f"# {file.path}\n{file.text}")
    click.echo("\n# Settings, for an admin of the repository:")
    for call in plan.calls:
        click.echo(f"\n# {call.why}\n{call.command()}")
    if plan.missing_app:
        click.echo("\n# Without --app-id nothing can be required: any workflow could write a check of the same name.")
        click.echo("# docs/github-app.md makes an App in five minutes; then run this again.")
    else:
        place = f"--repo {plan.target.repository} --env smokegate"
        click.echo("\n# the App's key\n" + f"gh secret set SMOKEGATE_PRIVATE_KEY {place} < app.private-key.pem")
    click.echo("\n# then: smokegate github doctor")
    return 0
