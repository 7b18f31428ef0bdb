"""Corpora and runs that take a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence import corpora
from smokegate_runners.ensemble import rows
from smokegate_runners.ensemble.harness import Order
from smokegate_runners.ensemble.recipe import Recipe
from smokegate_runners.ensemble.rows import Rows

QUICK = Recipe(epochs=3)
Row = dict[str, Any]


def uneven(count: int = 150) -> list[Row]:
    """Sources of unequal size, none of them a multiple of a batch."""
    found = corpora.rows(count, sources=4)
    for at, row in enumerate(found):
        row["src"] = ("ash.mp4", "birch.mp4", "cedar.mp4")[min(at % 7 // 2, 2)]
    return found


def taught(found: Sequence[Row] | None = None) -> Rows:
    return rows.rows_of(corpora.table(uneven() if found is None else found), "corpus.jsonl")


def written(path: Path, found: Sequence[Row] | None = None) -> Path:
    path.write_bytes(corpora.jsonl(uneven() if found is None else found))
    return path


def order(folder: Path, *, seeds: tuple[int, ...] = (0, 1), recipe: Recipe = QUICK, **fields: Any) -> Order:
    corpus = written(folder / "corpus.jsonl")
    return Order(rows.load(corpus), corpus, folder / "out", seeds, recipe, **fields)
