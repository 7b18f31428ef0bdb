"""Registries full of faults, for property tests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import onnx_models
from forge import Forge, sha256

Spoil = Callable[[Forge, dict[str, Any], random.Random], None]


def _sidecar(**fields: Any) -> Spoil:
    def spoil(forge: Forge, entry: dict[str, Any], _: random.Random) -> None:
        forge.write_json(entry["onnx"].removesuffix(".onnx") + ".json", fields)

    return spoil


def _field(name: str, value: Any) -> Spoil:
    def spoil(forge: Forge, entry: dict[str, Any], _: random.Random) -> None:
        del forge
        entry[name] = value

    return spoil


def _twin(forge: Forge, entry: dict[str, Any], dice: random.Random) -> None:
    twin = onnx_models.mlp(dice.randrange(4))
    forge.write(entry["onnx"].removesuffix(".onnx") + ".int8.onnx", twin)
    entry |= {"quant_mode": "dynamic", "int8_sha256": sha256(twin)}


def _no_model(forge: Forge, entry: dict[str, Any], _: random.Random) -> None:
    forge.path(entry["onnx"]).unlink(missing_ok=True)


def _no_sidecar(forge: Forge, entry: dict[str, Any], _: random.Random) -> None:
    forge.path(entry["onnx"].removesuffix(".onnx") + ".json").unlink(missing_ok=True)


def _garbage(forge: Forge, entry: dict[str, Any], _: random.Random) -> None:
    forge.write(entry["onnx"], b"\xff\xff\xff")


def _pointer(forge: Forge, entry: dict[str, Any], dice: random.Random) -> None:
    if forge.path(entry["onnx"]).is_file():
        forge.to_lfs(entry["onnx"], at_hand=dice.random() < 0.5)


def _external(forge: Forge, entry: dict[str, Any], dice: random.Random) -> None:
    location = f"{entry['id']}.onnx.data"
    graph, weights = onnx_models.with_external(3, location)
    forge.write(entry["onnx"], graph)
    if dice.random() < 0.8:
        forge.write(location, weights)
    if dice.random() < 0.5:
        entry["external_data"] = [{"path": location, "sha256": sha256(weights), "size": len(weights)}]


def _link(forge: Forge, entry: dict[str, Any], _: random.Random) -> None:
    forge.write("store/shared.onnx", onnx_models.mlp(1))
    forge.link(entry["onnx"], "store/shared.onnx")


def _card(forge: Forge, entry: dict[str, Any], _: random.Random) -> None:
    forge.write(f"{entry['id']}_card.md", "# a card\n\nSuperseded. Is now the default.\n")


def _member(forge: Forge, entry: dict[str, Any], _: random.Random) -> None:
    row = {"id": entry["id"], "onnx": entry["onnx"], "sha256": "0" * 64, "seed": 0}
    forge.write_json(f"ens_{entry['id']}.json", {"id": "ens", "smoke": True, "ensemble_size": 3, "members": [row]})


SPOILS: dict[str, Spoil] = {
    "no model": _no_model,
    "no sidecar": _no_sidecar,
    "garbage": _garbage,
    "pointer": _pointer,
    "external": _external,
    "link": _link,
    "card": _card,
    "member": _member,
    "twin": _twin,
    "names": _sidecar(input_names=["nowhere"], output_name="score", opset=13, onnx_has_scaler=False),
    "spellings": _sidecar(input_name="features", features=["a"], input_mean=[0, 1.0], corpus={"cq_min": 3}),
    "contradiction": _sidecar(feature_std=[1.0], input_std=[2.0], sha256="0" * 64),
    "list": lambda forge, entry, _: forge.write_json(entry["onnx"].removesuffix(".onnx") + ".json", []),
    "production": _field("smoke", False),
    "omission": lambda _, entry, __: entry.pop("smoke", None),
    "almost smoke": _field("smoke", 1),
    "digest": _field("sha256", "0" * 64),
    "licence": _field("license", "Proprietary"),
    "quantised": _field("quant_mode", "static"),
    "successor": _field("supersedes", "nobody_v1"),
    "release": _field("release_url", "https://example.invalid/x.onnx"),
    "opset": _field("opset", 13),
    "kind": _field("kind", ["fr"]),
    "odd path": lambda _, entry, __: entry.update(onnx=f"./{entry['onnx'].removeprefix('./')}"),
    "unknown field": _field("colour", {"deep": [1, True, 1.0]}),
}


def build(forge: Forge, plan: list[tuple[list[str], int]]) -> None:
    """An entry per row of the plan: what is wrong with it, and the seed of what is left to chance."""
    for number, (faults, seed) in enumerate(plan):
        entry = forge.add(f"m{number}_v1", onnx_models.mlp(seed % 4))
        spoil(forge, entry, faults, seed)


def spoil(forge: Forge, entry: dict[str, Any], faults: list[str], seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's
    for fault in faults:
        SPOILS[fault](forge, entry, dice)
