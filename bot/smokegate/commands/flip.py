"""`smokegate flip`: verify evidence, then take entries to production on it, all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from smokegate.commands import options, terminal

if TYPE_CHECKING:
    from smokegate.review.flip import Flipped

EXIT_REFUSED = 1


@click.command("flip")
@click.argument("ids", nargs=-1, required=True, metavar="IDS...")
@click.option(
    "--evidence",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The PROMOTE.json that carries them.",
)
@click.option("--supersedes", metavar="ID", help="The entry that it takes over from; recorded on both sides.")
@click.option("--dry-run", is_flag=True, help="Print what would change as a diff, and write nothing.")
@options.repo
@options.the_registry
@click.option("--base", metavar="REV", help="Default: where HEAD left the default branch.")
@click.option("--policy", metavar="FILE", help="Judge by this policy of your own instead of base's.")
def command(
    ids: tuple[str, ...],
    evidence: Path,
    supersedes: str | None,
    dry_run: bool,
    repo: str,
    registry: str | None,
    base: str | None,
    policy: str | None,
) -> int:
    """Take entries from smoke to production on evidence that carries them.

    IDS are ids, globs on ids, ensembles or groups; a group flips as one. Nothing is written unless `smokegate check`
    would pass the evidence; then registry, evidence, sidecars, manifest and cards change together, or not at all.

    Exit code 0: flipped. 1: refused, or something else still blocks. 2: cannot judge.
    """
    from smokegate.review.flip import Asked, flip

    return told(flip(Asked(ids, evidence, repo, base, registry, policy, supersedes, dry_run)), dry_run=dry_run)


def told(done: Flipped, *, dry_run: bool) -> int:
    """The exit code, once what was done is said."""
    from smokegate.judge.report import Verdict
    from smokegate.render import diff

    if done.refused:
        _refuse(done)
        return EXIT_REFUSED
    if dry_run:
        for draft in done.drafts:
            click.echo(diff.unified(draft.path, draft.was, draft.now), nl=False)
    _conclude(done, dry_run=dry_run)
    return 0 if done.report.verdict is Verdict.PASS else EXIT_REFUSED


def _refuse(done: Flipped) -> None:
    from smokegate.render import text

    click.echo(text.render([done.report], width=terminal.width()), nl=False, err=True)
    for note in done.notes:
        _say(note)
    _say("nothing was written")


def _conclude(done: Flipped, *, dry_run: bool) -> None:
    """On standard output, unless that is the diff's."""
    from smokegate.judge.shell import pathspec
    from smokegate.render import text, words

    names = ", ".join(done.ids)
    lines = list(done.notes)
    if not done.drafts:
        lines.append(f"{names}: everything is written already")
    elif dry_run:
        lines.append(f"{names} would go to production; files that change: {len(done.drafts)}")
    else:
        lines.append(f"{names} went to production:")
        lines += [f"  {'changed' if draft.was is not None else 'wrote'} {draft.path}" for draft in done.drafts]
    _say(*lines, aside=dry_run)
    if done.report.blocking:
        click.echo(text.render([done.report], width=terminal.width()), nl=False, err=dry_run)
    else:
        attested = f" ({words.SELF_ATTESTED})" if done.report.self_attested else ""
        _say(f"{words.LABEL[done.report.verdict]}{attested}: {words.tally(done.report)}", aside=dry_run)
    if done.drafts and not dry_run:
        paths = " ".join(pathspec(draft.path) for draft in done.drafts)
        _say(f"next: git -C {pathspec(str(done.top))} add {paths}, commit, and open a pull request", aside=False)


def _say(*lines: str, aside: bool = True) -> None:
    from smokegate.render.escape import visible_lines

    for line in lines:
        click.echo("\n".join(visible_lines(line)), err=aside)
