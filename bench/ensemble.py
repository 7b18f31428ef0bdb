"""The ensemble: all folds as one program against one model after another, on one machine in one run.

    python bench/ensemble.py [--torch PYTHON] [--corpus FILE]

PYTHON is an interpreter that has torch. The plain loop would take half an hour and costs the same in every fold and
epoch, so a part of it is timed before and after the batched run, which is whole, and counted up.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path
from typing import Any

import jax
import numpy as np
from results import Row

from smokegate.evidence.corpus import FEATURES, NUMBERS, SCORE, CorpusTable
from smokegate_runners.ensemble import training
from smokegate_runners.ensemble.plan import leaving_one_out, plan
from smokegate_runners.ensemble.recipe import SEEDS, Recipe
from smokegate_runners.ensemble.rows import Rows, load, rows_of

LOOP = Path(__file__).with_name("torch_loop.py")
LEAST, MOST_SECONDS, MOST_MIB = 12.0, 60.0, 2048.0
_MODELS, _EPOCHS = 3, 5


def made_up(count: int = 5640, sources: int = 9) -> Rows:
    """Of the size of the reference: scores that follow the features, with noise."""
    random = np.random.default_rng(7)
    quality = random.uniform(0, 1, count)
    numbers = {
        name: array("d", quality * (0.5 + k / 10) + random.normal(0, 0.02, count)) for k, name in enumerate(FEATURES)
    }
    rates = array("d", np.choose((quality * 4).astype(int).clip(0, 3), (38.0, 32.0, 26.0, 20.0)))
    numbers |= {"cq": rates, "frame_index": array("d", range(count)), SCORE: array("d", 100 * quality)}
    src = [f"source{at % sources}" for at in range(count)]
    table = CorpusTable("made up", "0" * 64, src, ["h264_nvenc"] * count, {name: numbers[name] for name in NUMBERS})
    return rows_of(table, "made up")


def figures(corpus: Path | None, torch: str | None) -> list[Row]:
    rows = load(corpus) if corpus else made_up()
    work = plan(rows, leaving_one_out(rows, SEEDS))
    loops = [_loop(rows, torch, len(work.fits), threads) for threads in (1, 0)] if torch else []
    started = time.perf_counter()
    training.train(rows, work, Recipe())
    seconds = time.perf_counter() - started
    loops += [_loop(rows, torch, len(work.fits), threads) for threads in (1, 0)] if torch else []
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    device = jax.devices()[0]
    where = f"{len(work.fits)} models x {Recipe().epochs} epochs, {rows.count:,} rows, {device.platform}"
    found = [
        Row(f"all folds as one program, compiling included: {where}", f"{seconds:.1f} s"),
        Row("peak memory of it", f"{peak:.0f} MiB", f"<= {MOST_MIB:.0f} MiB", peak <= MOST_MIB),
    ]
    if device.platform == "gpu":
        found.append(Row("the same on a GPU", f"{seconds:.1f} s", f"< {MOST_SECONDS:.0f} s", seconds < MOST_SECONDS))
    if not loops:
        return [*found, Row("the plain PyTorch loop", "not run: name an interpreter with torch by --torch")]
    plain = min(statistics.median(loops[start::2]) for start in (0, 1))
    ratio = plain / seconds
    return [
        *found,
        Row(
            f"one model after another in PyTorch, counted up from {_MODELS} models x {_EPOCHS} epochs", f"{plain:.0f} s"
        ),
        Row("how many times faster", f"{ratio:.1f}x", f">= {LEAST:.0f}x", ratio >= LEAST),
    ]


def _loop(rows: Rows, python: str | None, models: int, threads: int) -> float:
    """Seconds that all of them would take; on one thread, and on as many as torch likes: the better one counts."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "rows.npz"
        np.savez(place, features=rows.features, codec=rows.codec, targets=rows.targets, src=rows.src)
        argv = [str(python), str(LOOP), str(place), "--models", str(_MODELS), "--epochs", str(_EPOCHS)]
        done = subprocess.run([*argv, "--threads", str(threads)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    said: dict[str, Any] = json.loads(done.stdout)
    seconds: float = said["seconds"] * models / said["models"] * Recipe().epochs / said["epochs"]
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--torch", metavar="PYTHON")
    options = parser.parse_args()
    found = figures(options.corpus, options.torch)
    for row in found:
        print(f"{row.what:<90} {row.measured:<12} {row.bound}")
    return 1 if any(row.met is False for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
