"""The materializer's way with rows: a table of a million of them, whose clips are few, or as many as the rows.

    python bench/rows.py [--rows N]

Clips are tiny, so that what is measured is reading, looking up and writing.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from results import Row
from timing import peak_mib

MOST_MIB = 500.0
CLIPS = 50
_SIDES = (64, 48)


def figures(rows: int = 1_000_000) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="smokegate-rows-") as name:
        place = Path(name)
        model = _model(place / "model.onnx")
        _clips(place)
        few, many = _table(place / "few.jsonl", rows, CLIPS), _table(place / "many.jsonl", rows, rows)
        return [
            _measured("JSONL to JSONL, 50 clips", rows, model, few, place / "out.jsonl"),
            _measured("JSONL to parquet, 50 clips", rows, model, few, place / "out.parquet"),
            _measured("parquet to parquet, all computed", rows, model, place / "out.parquet", place / "back.parquet"),
            _measured("JSONL to JSONL, as many clips as rows", rows, model, many, place / "many_out.jsonl"),
        ]


def _measured(what: str, rows: int, model: Path, given: Path, out: Path) -> Row:
    argv = [sys.executable, "-m", "smokegate", "materialize", "--allow-unregistered", "--model-path", str(model)]
    argv += ["--input", str(given), "--output", str(out), "--workers", "1"]
    start = time.perf_counter()
    peak = peak_mib(argv)
    seconds = time.perf_counter() - start
    measured = f"{seconds:.1f} s, {rows / seconds:,.0f} rows a second, {peak:.0f} MiB"
    return Row(f"{rows:,} rows: {what}", measured, f"< {MOST_MIB:.0f} MiB", peak < MOST_MIB)


def _table(path: Path, rows: int, clips: int) -> Path:
    chance = random.Random(0)  # noqa: S311
    width, height = _SIDES
    with path.open("w", encoding="ascii") as stream:
        for number in range(rows):
            features = {f"vif_scale{scale}": chance.random() for scale in range(4)}
            row = {"src": f"c{chance.randrange(clips)}.yuv", "encoder": "libx264", "cq": number % 51, **features}
            stream.write(json.dumps(row | {"width": width, "height": height, "frame_index": number}) + "\n")
    return path


def _clips(place: Path) -> None:
    random_bytes = np.random.default_rng(0)
    width, height = _SIDES
    for number in range(CLIPS):
        frames = random_bytes.integers(16, 235, 2 * width * height * 3 // 2, np.uint8)
        (place / f"c{number}.yuv").write_bytes(frames.tobytes())


def _model(path: Path) -> Path:
    weights = numpy_helper.from_array(np.full((1, 3, 3, 3), 0.05, np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["input", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c"], ["saliency_map"]),
    ]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "H", "W"])
    mask = helper.make_tensor_value_info("saliency_map", TensorProto.FLOAT, [1, 1, "H", "W"])
    graph = helper.make_graph(nodes, "tiny", [given], [mask], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    found = figures(parser.parse_args(arguments).rows)
    for row in found:
        print(f"{row.what:<62} {row.measured:<55} {row.bound}")
    return 0 if all(row.met for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
