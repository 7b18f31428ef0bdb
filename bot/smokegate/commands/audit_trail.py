"""`smokegate audit-trail`: who put these bytes in production, and on what numbers, from git alone."""

from __future__ import annotations

import click

from smokegate.commands import options, terminal

FORMATS = ("text", "json", "markdown")


@click.command("audit-trail")
@click.argument("entry_id", metavar="ID")
@options.repo
@options.the_registry
@click.option("--head", metavar="REV", default="HEAD", show_default=True, help="Tell what led here.")
@click.option("--policy", metavar="FILE", help="Hold evidence to this policy as well as to the one that stood on base.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
def command(entry_id: str, repo: str, registry: str | None, head: str, policy: str | None, format_: str) -> int:
    """Tell an entry's life from git alone, along first parents: added, flipped, by which commit, on which evidence.

    Exit code 0: told, whatever it says. 2: it cannot be told.
    """
    from smokegate.render import trail as pages
    from smokegate.render import trail_json
    from smokegate.review.audit import trail
    from smokegate.review.check import Question

    told = trail(Question(repo, None, head, registry, policy), entry_id)
    match format_:
        case "json":
            text = trail_json.render(told)
        case "markdown":
            text = pages.markdown(told)
        case _:
            text = pages.text(told, colour=terminal.colour(), width=terminal.width())
    terminal.write(text, None)
    return 0
