"""`make bench`: every figure, side by side in one run, written to bench/RESULTS.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import figures
from results import PLACE, Row, write

REMARKS = Path(__file__).with_name("REMARKS.md")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each command")
    parser.add_argument("--no-memory", action="store_true", help="leave out the 2 GB file")
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
    write(sections, REMARKS.read_text(encoding="utf-8") if REMARKS.exists() else "")
    missed = [row.what for rows in sections.values() for row in rows if row.met is False]
    for title, rows in sections.items():
        print(f"\n{title}")
        for row in rows:
            print(f"  {row.what:<62} {row.measured:<45} {row.bound}")
    print(f"\nwritten to {PLACE.name}; missed: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
