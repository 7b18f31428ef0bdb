"""SG402: no entry is production by omission of `smoke`."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    if "smoke" not in entry.raw:
        yield Problem(
            subject=entry.key,
            path=side.registry_path,
            pointer=entry.pointer("smoke"),
            message="does not say `smoke`, and what does not say it counts as production",
            fix=f'write "smoke": true for `{entry.key}`, or "smoke": false if production is meant',
            cause=(),
        )
