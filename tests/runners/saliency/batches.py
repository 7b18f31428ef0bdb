"""A batch of tables over a few stand-in clips.

`python -m runners.saliency.batches MANIFEST SECONDS` runs one with slow workers, in a process that may be killed.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

from runners.saliency.stand_in import Inline, choosing
from smokegate_runners import provenance
from smokegate_runners.engine import Engine
from smokegate_runners.engine_local import LocalEngine
from smokegate_runners.saliency.batches import batch, batch_report
from smokegate_runners.saliency.batches.batch_checks import Asked, settled
from smokegate_runners.saliency.chosen import Choosing
from smokegate_runners.saliency.progress import Journal

CLIPS = 6


def laid_out(folder: Path, **tables: list[str]) -> Path:
    """A manifest of tables by the names of their clips. `c0.mp4` to `c5.mp4` are fine, and `bad.mp4` is none."""
    folder.mkdir(exist_ok=True)
    for number in range(CLIPS):
        (folder / f"c{number}.mp4").write_bytes(b"ok %d" % number)
    (folder / "bad.mp4").write_bytes(b"text")
    listed = []
    for name, clips in tables.items():
        rows = [{"src": clip, "n": number} for number, clip in enumerate(clips)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        paths = {"input": f"{name}.jsonl", "output": f"out_{name}.jsonl", "audit_json": f"{name}.audit.json"}
        listed.append({"id": name, **paths})
    manifest = folder / "batch.json"
    manifest.write_text(json.dumps({"defaults": {"model_path": "stand_in.onnx"}, "tables": listed}))
    return manifest


def ran(
    manifest: Path, rules: batch.Rules | None = None, engine: Engine | None = None, choose: Choosing | None = None
) -> list[batch.Done]:
    choose = choose or choosing()
    tables = settled(Asked(manifest), choose, 1)
    return batch.run(tables, engine or Inline(), Journal(io.StringIO()), rules or batch.Rules(), choose)


def reported(done: list[batch.Done], manifest: Path) -> dict[str, Any]:
    record = provenance.Run(Path(__file__), {"manifest": manifest.name}, ("smokegate",))
    return batch_report.document(done, provenance.file("manifest", manifest), record)


if __name__ == "__main__":
    path, seconds = Path(sys.argv[1]), float(sys.argv[2])
    with LocalEngine(1) as local:
        ran(path, engine=local, choose=choosing(seconds))
