"""One table: read what its rows want, compute each source once, and write the rows in order."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache
from io import BufferedReader, FileIO
from pathlib import Path

from smokegate.errors import DocumentError, UsageError
from smokegate_runners import provenance
from smokegate_runners.engine import Engine
from smokegate_runners.provenance import Artifact
from smokegate_runners.saliency import audit, output
from smokegate_runners.saliency.chosen import Choosing, Chosen, choose
from smokegate_runners.saliency.clips import ledger, roll, sources
from smokegate_runners.saliency.clips.ledger import Keys, Ledger
from smokegate_runners.saliency.clips.numbers import SKIPPED, Numbers
from smokegate_runners.saliency.clips.roll import Roll
from smokegate_runners.saliency.formats import tables
from smokegate_runners.saliency.formats.fill import Fill, Filling
from smokegate_runners.saliency.formats.tables import Table
from smokegate_runners.saliency.order import Order, Report
from smokegate_runners.saliency.places import settled
from smokegate_runners.saliency.progress import Journal, Phase
from smokegate_runners.saliency.work import FAILED, Job, Outcome, Status

_KNOWN = 1 << 16
_TOLD = 1 << 12
_BUFFER = 1 << 20


def materialize(order: Order, engine: Engine, journal: Journal, choosing: Choosing = choose) -> Report:
    """`engine` was entered by the caller. The output is there when this returns, and not before."""
    order, formats = settled(order)
    chosen = choosing(order, engine.threads)
    with ExitStack() as stack:
        stack.enter_context(output.held(order.output))
        scratch = output.folder(order.work_folder) / hashlib.sha256(os.fsencode(order.output)).hexdigest()[:16]
        output.folder(order.ledger_file.parent)
        book = stack.enter_context(ledger.opened(order.ledger_file, order.attempt))
        wishes = stack.enter_context(roll.opened(scratch.with_suffix(".roll")))
        stream = stack.enter_context(_input(order.input))
        table = tables.opened(order.input, stream, order.columns, formats)
        numbers = Numbers(scratch.with_suffix(".rows"), wishes)
        stack.callback(numbers.discard)
        run = _Run(order, chosen, journal, book, wishes, numbers)
        return run.done(engine, table, stream)


@dataclass
class _Run:
    order: Order
    chosen: Chosen
    journal: Journal
    book: Ledger
    roll: Roll
    numbers: Numbers
    timings: dict[str, float] = field(default_factory=dict)
    record: provenance.Run = field(init=False)

    def __post_init__(self) -> None:
        self.record = provenance.Run(Path(__file__), self.order.args, audit.PACKAGES)

    def done(self, engine: Engine, table: Table, stream: BufferedReader) -> Report:
        given = _artifact(self.order.input, stream)
        self._read(table)
        self._look_up()
        self._compute(engine)
        with output.draft(self.order.output) as draft:
            try:
                self._write(table, draft)
            except Exception:
                if _artifact(self.order.input, stream) != given:
                    raise _changed(self.order.input) from None
                raise
            if _artifact(self.order.input, stream) != given or self._would_bury(stream):
                raise _changed(self.order.input)
            written = replace(provenance.file("table", draft.path), name=provenance.named(self.order.output))
            report = self._report([given, self.chosen.file], [written])
            with audit.drafted(self.order.audit_json, report.audit) as publish:
                draft.publish()
                publish()
        return report

    def _would_bury(self, stream: BufferedReader) -> bool:
        """In place, a table that was put there meanwhile would be written over, and nobody has read it."""
        place = self.order.output
        if os.path.realpath(self.order.input) != str(place) or not place.exists():
            return False
        return not os.path.samestat(place.stat(), os.fstat(stream.fileno()))

    def _read(self, table: Table) -> None:
        phase = self.journal.phase("read", "rows")
        self.numbers.write(table.asks(), self.order.default_size, phase, overwrite=self.order.overwrite)
        self.timings["read_s"] = phase.end()

    def _look_up(self) -> None:
        """Which source each wish means, and what is known of it."""
        keys = Keys(self.chosen.digest, self.order.settings, self.chosen.multiple)
        phase = self.journal.phase("looked up", "clips")
        find = lru_cache(_TOLD)(sources.find)
        for number, wish in self.roll.open_wishes():
            phase.advance()
            try:
                found = find(self.order.root_folder, wish.path, by_content=self.order.hash_sources)
            except sources.SourceGone as gone:
                self.roll.refuse(number, Status.MISSING_SOURCE, str(gone))
                continue
            key = keys.key(found.identity, wish.raw)
            source = self.roll.assign(number, key, found, wish.raw)
            if source is not None and (outcome := self.book.find(key)):
                self.roll.settle(source, outcome, reused=True)
        self.timings["look_up_s"] = phase.end()

    def _compute(self, engine: Engine) -> None:
        pending = self.roll.sources()["pending"]
        phase = self.journal.phase("computed", "clips", pending)
        if pending:
            self._work(engine, phase)
        self.timings["compute_s"] = phase.end()

    def _work(self, engine: Engine, phase: Phase) -> None:
        flying: dict[Job, roll.Pending] = {}

        def jobs() -> Iterator[Job]:
            for one in self.roll.pending():
                flying[one.job] = one
                yield one.job

        for job, told in engine.run(self.chosen.factory, jobs()):
            one = flying.pop(job)
            if _unchanged(one):
                outcome = _plausible(told)
                self.book.keep(one.key, str(job.path), outcome)
            else:
                outcome = Outcome(Status.DECODE_FAILED, detail="the file changed while the run went on")
            self.roll.settle(one.source, outcome, reused=False)
            phase.advance()

    def _write(self, table: Table, draft: output.Draft) -> None:
        phase = self.journal.phase("written", "rows", self.numbers.total)
        with draft.opened() as target:
            rows = table.write(target, self._fills(phase))
        if rows != self.numbers.total:
            raise _changed(self.order.input)
        self.timings["write_s"] = phase.end()

    def _fills(self, phase: Phase) -> Iterator[Fill]:
        filling = Filling(self.order.columns, self.order.settings, self.chosen.id)
        known: dict[int, Fill] = {SKIPPED: filling.skipped}
        untold = 0
        for number in self.numbers:
            fill = known.get(number)
            if fill is None:
                if len(known) >= _KNOWN:
                    known = {SKIPPED: filling.skipped}
                fill = known[number] = filling.of(self.roll.answer(number))
            untold += 1
            if untold == _TOLD:
                phase.advance(untold)
                untold = 0
            yield fill
        phase.advance(untold)
        raise _changed(self.order.input)

    def _report(self, inputs: list[Artifact], outputs: list[Artifact]) -> Report:
        rows = {str(status): 0 for status in Status} | self.roll.rows_by_status()
        rows[Status.SKIPPED] = self.numbers.skipped
        failed = sum(count for status, count in rows.items() if status in FAILED)
        document = audit.document(
            order=self.order,
            model=self.chosen.value,
            rows=rows,
            roll=self.roll,
            timings=self.timings,
            record=self.record.document(inputs, outputs),
        )
        return Report(
            total=self.numbers.total,
            ok=rows[Status.OK],
            skipped_existing=self.numbers.skipped,
            failed=failed,
            by_status=rows,
            audit=document,
            advice=tuple(audit.advice(self.roll, rows, self.order)),
        )


def _input(path: Path) -> BufferedReader:
    try:
        return BufferedReader(FileIO(path), _BUFFER)
    except OSError as error:
        raise UsageError(f"--input {path}: {error.strerror}") from None


def _artifact(path: Path, stream: BufferedReader) -> Artifact:
    """Of the open file, whatever has come to stand under its name."""
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Artifact("table", provenance.named(path), os.fstat(stream.fileno()).st_size, digest)


def _changed(path: Path) -> DocumentError:
    return DocumentError(
        f"{path} was changed while it was read; nothing was written", fix="run again when it is at rest"
    )


def _unchanged(one: roll.Pending) -> bool:
    """A file that is gone by now failed as missing, and rightly."""
    try:
        return sources.stamp(one.job.path) == one.stamp
    except sources.SourceGone:
        return True


def _plausible(outcome: Outcome) -> Outcome:
    """What goes into tables as fine is a number."""
    if outcome.status is not Status.OK:
        return replace(outcome, mean=None, var=None)
    if all(value is not None and math.isfinite(value) for value in (outcome.mean, outcome.var)):
        return outcome
    return Outcome(Status.MODEL_FAILED, detail="its saliency is no finite number", facts=outcome.facts)
