"""The model files that an entry stands for, with the registry field that each is named by."""

from __future__ import annotations

from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def models(side: Side, entry: Entry) -> list[tuple[str, str]]:
    named = ((side.model_path(entry), "onnx"), (side.twin_path(entry), "int8_sha256"))
    return [(path, field) for path, field in named if path is not None and side.is_file(path)]
