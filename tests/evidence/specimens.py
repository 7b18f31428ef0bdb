"""Sound evidence of every shape, made by the writer from raw numbers, and what it is wanted for."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from smokegate.evidence import write
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.fault import Wanted
from smokegate.policy import BUILT_IN_GATES, Gate, Policy

SOURCES = ("BigBuckBunny", "ElFuente1", "FoxBird", "OldTownCross", "Seeking", "Tennis")
ENSEMBLE = BUILT_IN_GATES["ensemble-plcc"]
SALIENCY = BUILT_IN_GATES["saliency-iou"]
SPEED = Gate.model_validate(
    {
        "match": ["dehaze_*"],
        "bounds": {"psnr": {"min": 30.0, "max_drop": 0.5, "over": "each"}, "latency_ms": {"max": 40.0}},
    }
)
POLICY = Policy()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def fold(source: str, plcc: float | None, **fields: Any) -> dict[str, Any]:
    score = {"plcc": plcc, "srocc": None if plcc is None else plcc - 0.01, "rmse": 1.5}
    return {"held_out": source, "n_train": 1000, "n_val": 200, **score, **fields}


def loso(seed: int, folds: Sequence[Mapping[str, Any]], **fields: Any) -> dict[str, Any]:
    """A `loso_seed{N}.json`, its statistics by the standard library."""

    def over(score: str, statistic: Any) -> float | None:
        values = [one[score] for one in folds]
        return None if None in values or not values else float(statistic(values))

    return {
        "seed": seed,
        "corpus": "corpus.jsonl",
        "n_folds": len(folds),
        "folds": list(folds),
        "mean_plcc": over("plcc", statistics.fmean),
        "std_plcc": over("plcc", statistics.pstdev),
        "min_plcc": over("plcc", min),
        "max_plcc": over("plcc", max),
        "mean_srocc": over("srocc", statistics.fmean),
        "mean_rmse": over("rmse", statistics.fmean),
        "epochs": 200,
        "batch_size": 32,
        "lr": 5e-4,
        "weight_decay": 1e-5,
        "num_codecs": 14,
        "encoder_vocab_version": 2,
        "wall_time_s": 12.5,
        **fields,
    }


def seeds(count: int = 5) -> list[dict[str, Any]]:
    return [
        loso(seed, [fold(source, 0.97 + 0.001 * at + 0.0002 * seed) for at, source in enumerate(SOURCES)])
        for seed in range(count)
    ]


def measured(plcc: float = 0.981, rows: int = 1200) -> dict[str, Any]:
    return {"rows": rows, "plcc": plcc, "srocc": 0.97, "rmse": 1.4}


def subject(name: str, seed: int | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "onnx": f"{name}.onnx",
        "sha256": digest(f"{name} bytes"),
        "external_data": [{"path": f"{name}.onnx.data", "sha256": digest(f"{name} data"), "size": 4096}],
        "int8_sha256": digest(f"{name} int8"),
        "identity": digest(f"{name} identity"),
        "seed": seed,
        "measured": {"fp32": measured(), "int8": measured(0.978)},
        **fields,
    }


def corpus(**fields: Any) -> dict[str, Any]:
    return {
        "present": True,
        "corpus_root": "corpus",
        "sha256": digest("corpus"),
        "ref_count": len(SOURCES),
        "dis_count": 24,
        "path": "model/corpus.jsonl",
        "rows": 1200,
        "sources": sorted(SOURCES),
        "encoders": ["h264_nvenc"],
        "format": "jsonl",
        **fields,
    }


RUNNER = {
    "commit": "0" * 40,
    "packages": {"onnxruntime": "1.20.0"},
    "host_class": "gpu-large",
    "gpu": "one",
    "driver": "550",
    "execution_provider": "CPUExecutionProvider",
    "wall_time_s": 61.5,
}
REQUEST = {"repository": "acme/models", "pr": 7, "head_sha": "1" * 40, "comment": 3, "actor": "ana", "run": 9}
INCUMBENT = {"id": "saliency_v1", "sha256": digest("v1 bytes"), "identity": digest("v1 identity")}


def document(gate: Gate, name: str, measurements: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "corpus": corpus(),
        "policy_sha256": digest("policy"),
        "generated_at_utc": "2026-11-01T10:00:00Z",
        "loso_dir": "runs/loso",
        "runner": RUNNER,
        "request": REQUEST,
        "adr": "0319",
        "parent_adr": "0303",
        **fields,
    }
    return write.promote(gate=gate, gate_name=name, measurements=measurements, **said)


IDS = tuple(f"fr_v1_ensemble_v2_seed{seed}" for seed in range(5))


def ensemble(**fields: Any) -> dict[str, Any]:
    subjects = [subject(name, seed) for seed, name in enumerate(IDS)]
    said = {"subjects": subjects, **fields}
    return document(ENSEMBLE, "ensemble-plcc", {"shape": "ensemble", "seeds": said.pop("seeds", seeds())}, **said)


def items(count: int = 40, gain: float = 0.05, incumbent: bool = True) -> list[dict[str, Any]]:
    return [
        {
            "id": f"item-{at}",
            "candidate": 0.6 + gain + 0.003 * (at % 7),
            "incumbent": 0.6 + 0.004 * (at % 5) if incumbent else None,
            "weight": 256,
        }
        for at in range(count)
    ]


def comparison(**fields: Any) -> dict[str, Any]:
    rows = fields.pop("items", items())
    measurements = {
        "shape": "comparison",
        "metric": "iou",
        "items": rows,
        "micro": {"candidate": 0.66, "incumbent": 0.61 if rows and rows[0]["incumbent"] is not None else None},
    }
    incumbent = INCUMBENT if measurements["micro"]["incumbent"] is not None else None
    said = {"subjects": [subject("saliency_v2")], "incumbent": incumbent, **fields}
    return document(SALIENCY, "saliency-iou", measurements, **said)


def metrics(**fields: Any) -> dict[str, Any]:
    measurements = {
        "shape": "metrics",
        "entries": {"dehaze_a": {"psnr": 31.0, "latency_ms": 35.0}, "dehaze_b": {"psnr": 33.5, "latency_ms": 41.0}},
        "incumbent": {"psnr": 31.2, "latency_ms": 50.0},
    }
    said = {
        "subjects": [subject("dehaze_a"), subject("dehaze_b")],
        "incumbent": {**INCUMBENT, "id": "dehaze_0"},
        **fields,
    }
    return document(SPEED, "speed", measurements, **said)


GATES: dict[str, tuple[Gate, str]] = {
    "ensemble": (ENSEMBLE, "ensemble-plcc"),
    "comparison": (SALIENCY, "saliency-iou"),
    "metrics": (SPEED, "speed"),
}
SOUND = {"ensemble": ensemble, "comparison": comparison, "metrics": metrics}


def wanted_of(document: Mapping[str, Any]) -> list[Wanted]:
    return [
        Wanted(
            one["id"],
            one["identity"],
            one["sha256"],
            one["int8_sha256"],
            {row["path"]: row["sha256"] for row in one["external_data"]},
            0.01,
            one["onnx"],
        )
        for one in document["subjects"]
    ]


def wanted_incumbent(document: Mapping[str, Any]) -> Wanted | None:
    one = document["incumbent"]
    return Wanted(one["id"], one["identity"], one["sha256"]) if one else None


def evidence(document: Mapping[str, Any]) -> Evidence:
    found = read(write.to_bytes(document), "PROMOTE.json")
    assert isinstance(found, Evidence)
    return found
