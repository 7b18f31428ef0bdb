"""`smokegate github finish`: what the runner left is verified, said, and on PROMOTE proposed."""

from __future__ import annotations

import os
import sys

import click


@click.command("finish")
def command() -> int:
    """Verify what this run's harness left, sign it where a key is given, answer, and open the flip's pull request.

    The key is SMOKEGATE_SIGNING_KEY, with SMOKEGATE_SIGNING_PASSPHRASE where it has one. Exit code 0 once there is an
    answer. 2: what was left is not what was asked for, or there is nothing, or GitHub cannot be told.
    """
    from smokegate.github.flips import signing
    from smokegate.github.flips.finish import Finisher
    from smokegate.github.measuring import harness
    from smokegate.github.promotions import office
    from smokegate.github.step import runner_io, stepping
    from smokegate.github.verdicts import workplace

    place = workplace.opened(os.environ)
    with stepping.told(place.step):
        pen, event = signing.taken(os.environ), place.step.event()
        with office.opened(place, place.hub(), event.repository.default_branch) as opened:
            done = Finisher(opened, pen).finish(harness.requested(event, opened))
    if done.note:
        runner_io.annotate("notice", done.note, sys.stdout)
    runner_io.write_summary(place.step.summary, done.said + "\n" if done.said else "")
    runner_io.write_outputs(place.step.output, {"verdict": done.verdict or "none"})
    return 2 if done.failed else 0
