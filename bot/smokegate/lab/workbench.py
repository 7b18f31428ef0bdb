"""What the worker that holds ONNX Runtime does: a model run once, or over a whole corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smokegate.apart.jail import Buffer
from smokegate.lab import measuring, trial


def warm_up() -> None:
    trial.warm_up()


def perform(request: dict[str, Any], contents: Sequence[Buffer]) -> dict[str, Any]:
    if "feeds" in request:
        return measuring.perform(request, contents)
    return trial.perform(request, contents)
