"""`smokegate github command`: a comment is answered, and what it asks for is done."""

from __future__ import annotations

import os
import sys

import click


@click.command("command")
def command() -> int:
    """Answer the comment that the event is about: /promote, /hold, /status, /recheck, /retire, /help.

    Exit code 0 once it is answered, or is none of ours. 2: it could not be done; the answer, or this step's page, says
    why.
    """
    from smokegate.github import grammar, office, runner_io, stepping, workplace
    from smokegate.github.command import Clerk
    from smokegate.github.events import EventError, IssueComment

    place = workplace.opened(os.environ)
    event = place.step.event()
    if not isinstance(event, IssueComment):
        raise EventError("this event is no comment", fix="run `command` on issue_comment")
    if not grammar.read(event.body):
        click.echo("no command")
        return 0
    with stepping.told(place.step), office.opened(place, place.hub(), event.repository.default_branch) as opened:
        answered = Clerk(opened).handle(event)
    if answered.note:
        runner_io.plain([answered.note], sys.stdout)
    if answered.parts:
        runner_io.write_summary(place.step.summary, "\n\n---\n\n".join(answered.parts) + "\n")
    return 2 if answered.failed else 0
