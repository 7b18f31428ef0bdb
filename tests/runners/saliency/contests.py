"""Evaluation sets, models that are known to be good or bad at them, and registries with those in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from forge import Forge
from runners.saliency.pictures import RGB, png, put
from smokegate.commands import exported
from smokegate.review.flip import Asked, Flipped, flip
from smokegate_runners.commands.judges_side import JUDGE
from smokegate_runners.commands.saliency import command
from smokegate_runners.saliency.agreement.block_iou import Rule
from smokegate_runners.saliency.contests import evaluation

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COUNT, SOURCES = 64, 6


def saliency(*arguments: object) -> Result:
    said = [str(one) for one in arguments]
    return CliRunner().invoke(command, said, standalone_mode=False, obj={JUDGE: exported.opened})


def brighter_than(level: float, *, feed: str = "input", output: str = "saliency_map", weights: str = "") -> bytes:
    """A model whose mask is the pixels above a gray level of 0..255; with `weights`, they lie in that file."""
    kernel = np.reshape([40 * deviation / 3 for deviation in DEVIATION], (1, 3, 1, 1)).astype(np.float32)
    bias = np.array([40 * (sum(MEAN) / 3 - level / 255)], dtype=np.float32)
    held = [numpy_helper.from_array(kernel, "w"), numpy_helper.from_array(bias, "b")]
    if weights:
        held[0].ClearField("raw_data")
        held[0].data_location = TensorProto.EXTERNAL
        for key, value in (("location", weights), ("offset", "0"), ("length", str(kernel.nbytes))):
            held[0].external_data.add(key=key, value=value)
    nodes = [helper.make_node("Conv", [feed, "w", "b"], ["logit"]), helper.make_node("Sigmoid", ["logit"], [output])]
    ports = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "H", "W"])]
        for name, channels in ((feed, 3), (output, 1))
    ]
    graph = helper.make_graph(nodes, "saliency", ports[0], ports[1], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def kernel() -> bytes:
    return np.array([40 * deviation / 3 for deviation in DEVIATION], dtype=np.float32).tobytes()


def scenes(folder: Path, count: int = COUNT, *, seed: int = 0) -> Path:
    """Some blocks of each picture are salient, and are brighter than 100; the rest is darker than 80."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        mask = rng.random((4, 6)) < 0.4
        gray: NDArray[Any] = np.where(mask, rng.integers(100, 250, mask.shape), rng.integers(0, 80, mask.shape))
        picture = np.kron(gray, np.ones((16, 16), dtype=np.int64))
        rgb = np.stack([picture, picture + 2, picture + 1], axis=2)
        put(folder / f"images/{number:04}.png", png(rgb, RGB))
        put(folder / f"masks/{number:04}.png", png(np.kron(mask, np.full((16, 16), 255))))
        row = {"id": f"item-{number:04}", "source": f"kind-{number % SOURCES}"}
        rows.append({**row, "image": f"images/{number:04}.png", "mask": f"masks/{number:04}.png"})
    return index(folder, rows)


def index(folder: Path, rows: Sequence[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    put(folder / evaluation.INDEX, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"))
    return folder


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / evaluation.INDEX).read_text().splitlines()]


def digest(folder: Path) -> str:
    return evaluation.read(folder, Rule()).digest


def entry(forge: Forge, name: str, level: float, **fields: Any) -> Path:
    """A smoke entry with its card."""
    forge.add(name, brighter_than(level), kind="filter", **fields)
    forge.write(f"{name}_card.md", f"# {name}\n\nTells bright from dark.\n")
    return forge.path(f"{name}.onnx")


def lenient(forge: Forge, items: Path, **policy: Any) -> None:
    """What nobody signed passes, on this set."""
    forge.write_json("/.smokegate.yml", {"unattested": "allow", "corpora": {"digests": [digest(items)]}, **policy})


def flipped(forge: Forge, name: str, evidence: Path, **asked: Any) -> Flipped:
    done = flip(Asked((name,), evidence, str(forge.root), **asked), forge.bench)
    assert not done.refused, [(one.code, one.message) for one in done.report.findings]
    forge.commit(save=False)
    forge.registry = forge.read_json("registry.json")
    return done
