"""`smokegate github command`: a comment is answered, and what it asks for is done."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import click


@click.command("command")
def command() -> int:
    """Answer the comment that the event is about: /promote, /hold, /status, /recheck, /retire, /help.

    Exit code 0 once it is answered, or is none of ours. 2: it could not be done; the answer, or this step's page, says
    why.
    """
    from smokegate.errors import SmokegateError
    from smokegate.github.api.faults import passing
    from smokegate.github.comments import grammar
    from smokegate.github.promotions import office, remarks
    from smokegate.github.promotions.command import Clerk, acknowledge, give_up
    from smokegate.github.step import runner_io, stepping
    from smokegate.github.step.events import EventError, IssueComment
    from smokegate.github.verdicts import workplace

    place = workplace.opened(os.environ)
    event = place.step.event()
    if not isinstance(event, IssueComment):
        raise EventError("this event is no comment", fix="run `command` on issue_comment")
    if not grammar.read(event.body):
        click.echo("no command")
        return 0
    with stepping.told(place.step):
        hub = place.hub()
        try:
            heard = acknowledge(hub, event)
            with office.opened(place, hub, event.repository.default_branch) as opened:
                answered = Clerk(opened).handle(event, heard=heard)
        except SmokegateError as error:
            if not passing(error):
                with suppress(SmokegateError):
                    give_up(hub, place.clock, event, remarks.gave_up(error.message, error.fix, place.step.run_url))
            raise
    if answered.note:
        runner_io.plain([answered.note], sys.stdout)
    if answered.parts:
        runner_io.write_summary(place.step.summary, "\n\n---\n\n".join(answered.parts) + "\n")
    return 2 if answered.failed else 0
