"""The JSON beside a model: what a runtime must know to feed it. Field names differ in the wild; meanings do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smokegate.registry.identity import canonical

_NAMES = {"inputs": ("input_names", "input_name"), "outputs": ("output_names", "output_name")}
_ALIASES = {
    "feature_order": ("feature_order", "features"),
    "feature_mean": ("feature_mean", "input_mean"),
    "feature_std": ("feature_std", "input_std"),
    "codec_block_layout": ("codec_block_layout",),
    "encoder_vocab": ("encoder_vocab",),
    "cq_min": ("cq_min",),
    "cq_max": ("cq_max",),
}


class Sidecar:
    """A view over the sidecar's value; an empty one stands for a missing file."""

    def __init__(self, value: Any) -> None:
        self.value: Mapping[str, Any] = value if isinstance(value, dict) else {}

    def names(self, side: str) -> tuple[list[str], bool] | None:
        """(`inputs` | `outputs`) -> the names, and whether the list claims to be complete; None when unsaid."""
        plural, singular = _NAMES[side]
        names = self.value.get(plural)
        if isinstance(names, list) and all(isinstance(n, str) for n in names):
            return list(names), True
        name = self.value.get(singular)
        return ([name], False) if isinstance(name, str) else None

    def names_field(self, side: str) -> str:
        plural, singular = _NAMES[side]
        return singular if plural not in self.value and singular in self.value else plural

    @property
    def opset(self) -> int | None:
        for field in ("opset", "onnx_opset"):
            value = self.value.get(field)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        return None

    @property
    def opset_field(self) -> str:
        return "opset" if "opset" in self.value else "onnx_opset"

    @property
    def sha256(self) -> str | None:
        value = self.value.get("sha256")
        return value if isinstance(value, str) else None

    @property
    def has_scaler(self) -> bool | None:
        value = self.value.get("onnx_has_scaler")
        return value if isinstance(value, bool) else None

    def runtime(self) -> dict[str, Any]:
        """The fields that change what the model computes, under one name each. No word of a scaler means none."""
        found: dict[str, Any] = {}
        for meaning, spellings in _ALIASES.items():
            said = [v for place in (self.value, self._corpus()) for s in spellings if (v := place.get(s)) is not None]
            if said:
                found[meaning] = said[0] if _all_alike(said) else {"contradictory": said}
        if self.value.get("onnx_has_scaler") not in (None, False):
            found["onnx_has_scaler"] = self.value["onnx_has_scaler"]
        return found

    def _corpus(self) -> Mapping[str, Any]:
        corpus = self.value.get("corpus")
        return corpus if isinstance(corpus, dict) else {}


def _all_alike(values: list[Any]) -> bool:
    """Which of two spellings a runtime reads is not ours to know, so both count where they differ."""
    return all(canonical(value) == canonical(values[0]) for value in values)
