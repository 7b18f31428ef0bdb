"""`smokegate github doctor`: whether a repository's settings hold what a verdict promises."""

from __future__ import annotations

import os

import click

from smokegate.commands import options

_TOKENS = ("SMOKEGATE_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")


@click.command("doctor")
@options.repo
@click.option("--repository", metavar="OWNER/NAME", help="On GitHub. Default: GITHUB_REPOSITORY, else origin's.")
@click.option("--app-id", type=click.IntRange(min=1), help="The App whose verdict is to be required.")
def command(repo: str, repository: str | None, app_id: int | None) -> int:
    """Ask GitHub how the repository is set up, and say what is missing, each with what mends it.

    Reads alone. The token is GH_TOKEN or GITHUB_TOKEN; the workflows and the policy are those of this clone's default
    branch.

    Exit code 0: nothing is missing. 1: something is, or GitHub does not tell this token. 2: GitHub cannot be asked.
    """
    from smokegate.errors import UsageError
    from smokegate.github.adoption import doctor
    from smokegate.github.adoption.doctor import Patient, State
    from smokegate.github.api.client import Client, api_url
    from smokegate.github.api.credentials import Token
    from smokegate.github.api.sending import Settings
    from smokegate.github.step import whereabouts
    from smokegate.render.escape import visible
    from smokegate.review.policies import policy_at
    from smokegate.sources.git import GitRepo

    secret = next((os.environ[name] for name in _TOKENS if os.environ.get(name)), None)
    if secret is None:
        raise UsageError(
            "there is no token to ask GitHub with", fix="GH_TOKEN=$(gh auth token) smokegate github doctor"
        )
    name = whereabouts.checked(repository or os.environ.get("GITHUB_REPOSITORY") or whereabouts.origin(repo))
    hub = Client(Settings(name, Token(secret), api=api_url(os.environ)))
    branch = hub.repository().default_branch
    with GitRepo.discover(repo) as opened:
        tree = opened.tree(whereabouts.as_cloned(opened, branch))
        patient = Patient(hub, branch, tree, policy_at(tree, "").policy, app_id)
        found = list(doctor.examine(patient))
    for one in found:
        click.echo(f"{one.state.value:<8}{visible(one.what)}")
        if one.fix and one.state is not State.OK:
            click.echo(f"        fix: {visible(one.fix)}")
    missing = sum(one.state is State.MISSING for one in found)
    unknown = sum(one.state is State.UNKNOWN for one in found)
    click.echo(f"\n{missing} missing, {unknown} not known" if missing or unknown else "\nnothing is missing")
    return 1 if missing or unknown else 0
