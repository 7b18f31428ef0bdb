"""Run a model over a whole corpus and hold its answers to the scores. Runs in a worker's child.

Rows are fed one by one, as they are in production: in a batch, a model may look at a row's neighbours or at its
place, and a dynamically quantised one does (its scale is drawn from the whole tensor).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from smokegate.apart.jail import Buffer
from smokegate.evidence.measure import measured
from smokegate.lab.session import REFUSALS, RefusedError, load, refusal


def perform(request: dict[str, Any], contents: Sequence[Buffer]) -> dict[str, Any]:
    fed = len(request["feeds"])
    model, *weights = contents[: -fed - 1]
    scores = np.frombuffer(contents[-1], dtype="<f8")
    blocks = [np.frombuffer(block, dtype="<f4").reshape(len(scores), -1) for block in contents[-fed - 1 : -1]]
    try:
        session = load(bytes(model), dict(zip(request["external"], weights, strict=True)))
        predicted = _predicted(session, dict(zip(request["feeds"], blocks, strict=True)), len(scores))
    except RefusedError as why:
        return {"refused": str(why)}
    return {"measured": measured(predicted.tolist(), scores.tolist()).value}


def _predicted(session: Any, blocks: dict[str, Any], rows: int) -> Any:
    names = [output.name for output in session.get_outputs()]
    found = np.empty(rows, dtype=np.float64)
    for row in range(rows):
        try:
            answers = session.run(names, {name: block[row : row + 1] for name, block in blocks.items()})
        except REFUSALS as error:
            raise refusal(f"ONNX Runtime cannot run it on row {row + 1}", error) from None
        found[row] = _score(answers, names)
    wrong = np.flatnonzero(~np.isfinite(found))
    if wrong.size:
        raise RefusedError(
            f"what it gives is not finite for {wrong.size:,} of {rows:,} rows, the first of them row {wrong[0] + 1}"
        )
    return found


def _score(answers: list[Any], names: list[str]) -> float:
    answer = answers[0] if len(answers) == 1 else None
    if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f" or answer.size != 1 or answer.ndim > 2:
        shown = ", ".join(
            f"'{name}' {a.dtype} {list(a.shape)}" if isinstance(a, np.ndarray) else f"'{name}' (no tensor)"
            for name, a in zip(names, answers, strict=True)
        )
        raise RefusedError(f"one score a row is due ([N] or [N,1], of floats), and for one row it gives {shown}")
    return float(answer.reshape(-1)[0])
