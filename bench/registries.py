"""Registries of any size, with real models and real git behind them."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FOLDER = "model/tiny"
_ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.invalid",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, env=_ENVIRONMENT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def model(seed: int, hidden: int = 4) -> bytes:
    """A small regressor; `hidden` sets its size (about 28 bytes each)."""
    rng = np.random.default_rng(seed)
    first = numpy_helper.from_array(rng.normal(size=(6, hidden)).astype(np.float32), "w1")
    second = numpy_helper.from_array(rng.normal(size=(hidden, 1)).astype(np.float32), "w2")
    nodes = [
        helper.make_node("MatMul", ["features", "w1"], ["h"]),
        helper.make_node("Relu", ["h"], ["a"]),
        helper.make_node("MatMul", ["a", "w2"], ["score"]),
    ]
    ports = [
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 6])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", 1])],
    ]
    graph = helper.make_graph(nodes, "g", ports[0], ports[1], [first, second])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


class Registry:
    """Entries are smoke; `touch` gives some of them other bytes, as a pull request would."""

    def __init__(self, root: Path, entries: int, *, hidden: int = 4) -> None:
        self.root = root
        self.hidden = hidden
        (root / FOLDER).mkdir(parents=True)
        git(root, "init", "-q", "-b", "main")
        self.document: dict[str, Any] = {"schema_version": 1, "models": []}
        shared = model(0, hidden)
        for number in range(entries):
            self.document["models"].append(self._entry(number, shared if entries > 1000 else model(number, hidden)))
        self.commit("base")

    def _entry(self, number: int, data: bytes) -> dict[str, Any]:
        name = f"model_{number:05d}"
        self._put(name, data)
        return {
            "id": name,
            "kind": "fr",
            "onnx": f"{name}.onnx",
            "sha256": hashlib.sha256(data).hexdigest(),
            "opset": 17,
            "smoke": True,
            "license": "Apache-2.0",
            "description": "A model of the benchmark.",
            "notes": "Nothing to see here. " * 5,
        }

    def _put(self, name: str, data: bytes) -> None:
        place = self.root / FOLDER / name
        place.with_suffix(".onnx").write_bytes(data)
        sidecar = {"input_names": ["features"], "output_names": ["score"], "opset": 17}
        place.with_suffix(".json").write_text(json.dumps(sidecar) + "\n")

    def touch(self, count: int, seed: int = 1000) -> None:
        rows = self.document["models"]
        for number in range(count):
            row = rows[number * len(rows) // count]
            data = model(seed + number, self.hidden)
            self._put(row["id"], data)
            row["sha256"] = hashlib.sha256(data).hexdigest()

    def commit(self, message: str) -> str:
        document = copy.deepcopy(self.document)
        (self.root / FOLDER / "registry.json").write_text(json.dumps(document, indent=2) + "\n")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", message)
        return git(self.root, "rev-parse", "HEAD")
