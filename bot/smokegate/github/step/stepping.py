"""A step that ends in an error says so on its page as well: whoever looks for an answer looks there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from smokegate.errors import SmokegateError
from smokegate.github.step import runner_io
from smokegate.github.step.runner_io import Step
from smokegate.render.escape import clip, fence

_MESSAGE = 3_000


@contextmanager
def told(step: Step) -> Iterator[None]:
    try:
        yield
    except SmokegateError as error:
        runner_io.write_summary(step.summary, f"## Could not go on\n\n{fence(clip(str(error), _MESSAGE))}\n")
        runner_io.annotate("error", str(error), sys.stdout)
        raise
