"""What the rows of one answer are given: the same cells in every format."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from smokegate_runners.saliency.clips.roll import Answer
from smokegate_runners.saliency.columns import MEAN, VAR, Columns
from smokegate_runners.saliency.settings import Settings
from smokegate_runners.saliency.work import FAILED, Status


class Edit(NamedTuple):
    """A cell as a member of a JSON object, in UTF-8."""

    key: bytes
    value: bytes
    needed: bool
    """Whether a row that has no such member gets it."""


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    values: Mapping[str, Any]
    cleared: tuple[str, ...]
    """What an earlier run wrote here is of no value now: null where the row has it, and left out where it has not."""
    cells: Mapping[str, Any]
    """Both, for formats in which every row has every column."""
    edits: tuple[Edit, ...]
    tail: bytes
    """What is needed, each member after a comma."""

    def patch(self, row: dict[str, Any]) -> dict[str, Any]:
        row.update(self.values)
        for name in self.cleared:
            if name in row:
                row[name] = None
        return row


class Filling:
    """There may be as many answers as rows: of a computed one, only the two values are its own."""

    def __init__(self, columns: Columns, settings: Settings, model_id: str) -> None:
        written = {
            columns.model_id: model_id,
            columns.aggregator: str(settings.aggregator),
            columns.ema_alpha: settings.ema_alpha,
        }
        self._status = columns.status
        self._rest = self._said(Status.OK) | {name: written[name] for name in columns.metadata}
        self._edits = _edits(self._rest)
        self.skipped = _fill(self._said(Status.SKIPPED))
        nothing = {MEAN: None, VAR: None}
        self._failed = {status: _fill(nothing | self._said(status), columns.metadata) for status in FAILED}

    def of(self, answer: Answer) -> Fill:
        if answer.status is not Status.OK:
            return self._failed[answer.status]
        values = {MEAN: answer.mean, VAR: answer.var}
        return _fill(values | self._rest, own=_edits(values) + self._edits)

    def _said(self, status: Status) -> dict[str, Any]:
        return {self._status: str(status)} if self._status else {}


def _fill(values: dict[str, Any], cleared: tuple[str, ...] = (), own: tuple[Edit, ...] = ()) -> Fill:
    cells = dict.fromkeys(cleared) | values if cleared else values
    edits = own or _edits(cells, values)
    tail = b"".join([b", " + edit.key + b": " + edit.value for edit in edits if edit.needed])
    return Fill(values, cleared, cells, edits, tail)


def _edits(cells: Mapping[str, Any], values: Container[str] | None = None) -> tuple[Edit, ...]:
    return tuple([Edit(_text(name), _text(value), values is None or name in values) for name, value in cells.items()])


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _text(value: Any) -> bytes:
    return _encode(value).encode("utf-8")
