"""`smokegate promote --local`: the whole of a promotion on this machine, without GitHub."""

from __future__ import annotations

from pathlib import Path

import click

from smokegate.commands import flip as flipping
from smokegate.commands import options

EXIT_HOLD = 1
_PATH = click.Path(path_type=Path)
OUT = Path("smokegate-promotion")


@click.command("promote")
@click.argument("ids", nargs=-1, metavar="[IDS...]")
@click.option("--local", is_flag=True, help="On this machine; on GitHub, write `/promote` on a pull request.")
@click.option("--corpus", type=_PATH, metavar="PATH", help="Measure on this. Default: what the policy names.")
@click.option(
    "--out", type=_PATH, default=OUT, show_default=True, metavar="DIR", help="Where the harness leaves things."
)
@click.option("--dry-run", is_flag=True, help="Measure, and print the flip as a diff; change nothing.")
@options.repo
@options.the_registry
@click.option("--base", metavar="REV", help="Default: where HEAD left the default branch.")
@click.option("--policy", metavar="FILE", help="Judge by this policy of your own instead of base's.")
def command(
    ids: tuple[str, ...],
    local: bool,
    corpus: Path | None,
    out: Path,
    dry_run: bool,
    repo: str,
    registry: str | None,
    base: str | None,
    policy: str | None,
) -> int:
    """Run the harness here, and on PROMOTE flip the entries in the working tree, with the evidence beside them.

    IDS are entries or ensembles; without, all that wait for evidence in this change. What is measured on is named by
    the policy (`github.corpora`) or by --corpus. A run that was killed goes on where it stood, with the same --out.

    Exit code 0: promoted. 1: HOLD, or the judge refuses. 2: cannot judge.
    """
    from smokegate.errors import UsageError
    from smokegate.github.measuring.local import Asked, promote

    if not local:
        raise UsageError(
            "on GitHub a promotion starts with `/promote` on a pull request; here it takes --local",
            fix="smokegate promote --local " + " ".join(ids),
        )
    codes = [0]
    for came in promote(Asked(ids, out, repo, registry, base, policy, corpus, dry_run)):
        if came.flipped is None:
            click.echo(f"{came.verdict}: {', '.join(came.ids)} stay as they are; {came.evidence} says why")
            codes.append(EXIT_HOLD)
        else:
            codes.append(flipping.told(came.flipped, dry_run=dry_run))
    return max(codes)
