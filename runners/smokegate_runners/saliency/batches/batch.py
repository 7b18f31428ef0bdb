"""Tables one after another, on one engine and with one ledger. What a row means is `materialize`'s to say."""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from smokegate.errors import SmokegateError
from smokegate_runners.engine import Engine
from smokegate_runners.engine_turns import one_line, printable
from smokegate_runners.saliency.batches.batch_checks import Table
from smokegate_runners.saliency.chosen import Choosing, choose
from smokegate_runners.saliency.materialize import materialize
from smokegate_runners.saliency.order import Report
from smokegate_runners.saliency.progress import Journal


class Ended(StrEnum):
    OK = "ok"
    ROW_FAILURES = "row-failures"
    FAILED = "failed"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True)
class Done:
    table: Table
    ended: Ended = Ended.NOT_RUN
    report: Report | None = None
    error: str | None = None
    """Why the table failed: nothing of it was written."""
    fix: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    fail_fast: bool = False
    allow_row_failures: bool = False

    def stops(self, ended: Ended) -> bool:
        return self.fail_fast and self.code([ended]) != 0

    def code(self, ends: Sequence[Ended]) -> int:
        """0: all is fine, 1: rows failed, 2: a table is missing."""
        if {Ended.FAILED, Ended.NOT_RUN} & set(ends):
            return 2
        return 1 if Ended.ROW_FAILURES in ends and not self.allow_row_failures else 0


class Interrupted(Exception):
    """Carries what was done until then."""

    def __init__(self, done: list[Done]) -> None:
        super().__init__()
        self.done = done


def run(
    tables: Sequence[Table], engine: Engine, journal: Journal, rules: Rules, choosing: Choosing = choose
) -> list[Done]:
    """One end for each table, in order. A table that fails does not stop the others, unless it is to."""
    attempt = secrets.token_hex(8)
    done: list[Done] = []

    def worked(table: Table) -> Done:
        start = time.monotonic()
        order = replace(table.order, attempt=attempt)
        end = _worked(replace(table, order=order), engine, journal, choosing)
        return replace(end, seconds=time.monotonic() - start)

    try:
        _run(tables, done, worked, journal, rules)
    except KeyboardInterrupt:
        raise Interrupted(_with_the_rest(done, tables)) from None
    return _with_the_rest(done, tables)


def _with_the_rest(done: Sequence[Done], tables: Sequence[Table]) -> list[Done]:
    return [*done, *(Done(table) for table in tables[len(done) :])]


def _run(
    tables: Sequence[Table], done: list[Done], worked: Callable[[Table], Done], journal: Journal, rules: Rules
) -> None:
    for number, table in enumerate(tables, 1):
        at = f"[{number}/{len(tables)}] {table.id}"
        journal.say(f"{at}: {printable(str(table.order.input))} to {printable(str(table.order.output))}")
        done.append(worked(table))
        journal.say(f"{at}: {told(done[-1])}")
        if rules.stops(done[-1].ended):
            return


def _worked(table: Table, engine: Engine, journal: Journal, choosing: Choosing) -> Done:
    try:
        report = materialize(table.order, engine, journal, choosing)
    except SmokegateError as error:
        return Done(table, Ended.FAILED, error=error.message, fix=error.fix)
    except Exception as error:  # noqa: BLE001 - told as this table's end: a bug that one table meets costs that table
        traceback.print_exc()
        return Done(table, Ended.FAILED, error=f"{one_line(error)}: this is a bug of ours; please report it")
    return Done(table, Ended.ROW_FAILURES if report.failed else Ended.OK, report)


def told(done: Done) -> str:
    """In a line or few."""
    if done.report is None:
        fix = f"\n  fix: {printable(done.fix)}" if done.fix else ""
        return f"{done.ended}{f': {printable(done.error)}{fix}' if done.error else ''}"
    counts = ", ".join(f"{count:,} {status}" for status, count in done.report.by_status.items() if count)
    advice = "".join(f"\n  {printable(line)}" for line in done.report.advice)
    return f"{done.ended}: {done.report.total:,} rows{f': {counts}' if counts else ''}{advice}"
