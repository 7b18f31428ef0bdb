"""One creation, though the network may lose the answer to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from smokegate.github.api.clock import Clock
from smokegate.github.api.faults import Uncertain

T = TypeVar("T")

LOOKS = (2.0, 5.0)
"""Seconds before each look at what may have happened: GitHub may be doing it still, or not show it yet. What the last
look does not find counts as not done."""
ACTS = 5


def once(look: Callable[[], T | None], act: Callable[[], T], clock: Clock, *, looked: bool = False) -> T:
    """What `look` finds, else what `act` makes: one of them, never two.

    `looked` where the flow has just seen for itself that there is none yet.
    """
    if not looked and (found := look()) is not None:
        return found
    for left in reversed(range(ACTS)):
        try:
            return act()
        except Uncertain:
            if (found := _find(look, clock)) is not None:
                return found
            if not left:
                raise
    raise AssertionError("the last act returns or raises")


def _find(look: Callable[[], T | None], clock: Clock) -> T | None:
    for pause in LOOKS:
        clock.sleep(pause)
        if (found := look()) is not None:
            return found
    return None
