"""`make bench`: every figure, side by side in one run, written to bench/RESULTS.md.

make bench ARGS="--torch PYTHON"    PYTHON is an interpreter that has torch, for the loop that people run today
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import action
import figures
from results import PLACE, Row, write

REMARKS = Path(__file__).with_name("REMARKS.md")
CORPUS = Path(__file__).resolve().parents[1] / "model" / "corpora" / "synthetic.parquet"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each command")
    parser.add_argument("--no-memory", action="store_true", help="leave out the 2 GB file")
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has torch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smokegate-bench-") as name:
        scratch = Path(name)
        sections: dict[str, list[Row]] = {
            "The judge: one check": figures.embedded(scratch, options.runs),
            "The judge: growth with the registry": figures.growth(scratch, options.runs),
            "The judge: digests": figures.digests(scratch, options.runs),
            "The judge: history": figures.history(scratch, 3),
        }
        if not options.no_memory:
            sections["The judge: memory"] = figures.memory(scratch)
        sections["The action"] = action.figures(scratch, 3)
        sections["The ensemble"] = apart(partial(ensemble_figures, options.torch))
        sections["The materializer: one source"] = apart(partial(saliency_figures, scratch, options.runs))
        sections["The materializer: a million rows"] = apart(row_figures)
    write(sections, REMARKS.read_text(encoding="utf-8") if REMARKS.exists() else "")
    missed = [row.what for rows in sections.values() for row in rows if row.met is False]
    for title, rows in sections.items():
        print(f"\n{title}")
        for row in rows:
            print(f"  {row.what:<62} {row.measured:<45} {row.bound}")
    print(f"\nwritten to {PLACE.name}; missed: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


def apart(work: Callable[[], list[Row]]) -> list[Row]:
    """In a process of its own: its peak of memory is its own too."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work).result()


def ensemble_figures(torch: str | None) -> list[Row]:
    from ensemble import figures as of  # noqa: PLC0415 - in the process that needs jax

    return of(CORPUS, torch)


def saliency_figures(scratch: Path, runs: int) -> list[Row]:
    from saliency import figures as of  # noqa: PLC0415 - in the process that needs onnxruntime

    return of(scratch, runs)


def row_figures() -> list[Row]:
    from rows import figures as of  # noqa: PLC0415

    return of()


if __name__ == "__main__":
    sys.exit(main())
