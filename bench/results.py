"""bench/RESULTS.md: what was measured, when and on what."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLACE = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    measured: str
    bound: str = ""
    met: bool | None = None


def write(sections: Mapping[str, Sequence[Row]], remarks: str) -> None:
    lines = [
        "# Results",
        "",
        f"Measured on {datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d} by `make bench`, on {machine()}. "
        "Figures are whole-process wall times, medians of interleaved runs; the machine is shared, read ratios first.",
        "",
    ]
    for title, rows in sections.items():
        lines += [f"## {title}", "", "| what | measured | bound | met |", "| --- | --- | --- | --- |"]
        lines += [f"| {r.what} | {r.measured} | {r.bound} | {_met(r.met)} |" for r in rows]
        lines.append("")
    PLACE.write_text("\n".join(lines) + remarks, encoding="utf-8")


def _met(met: bool | None) -> str:
    return "" if met is None else "yes" if met else "**no**"


def machine() -> str:
    """In words, and without a name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"a virtual machine with {os.cpu_count()} cores of a {processor()} and {memory:.0f} GiB of memory "
        f"({platform.system()}, Python {platform.python_version()})"
    )


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
