"""What a mask's numbers should be, worked out from whole stacks: slow, plain, and sharing nothing with the runner."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

# Luma's shares of red, green and blue, and the code values of black, white and the largest chroma.
SHARES = {"bt709": (0.2126, 0.7152, 0.0722), "bt601": (0.299, 0.587, 0.114), "bt2020": (0.2627, 0.678, 0.0593)}


def rgb(y: Plane, u: Plane, v: Plane, matrix: str = "bt709", *, full: bool = False) -> NDArray[np.float64]:
    """[3,H,W] in 0..1."""
    red, green, blue = SHARES[matrix]
    height, width = y.shape
    rows, columns = np.arange(height) // 2, np.arange(width) // 2
    black, white, swing = (0, 255, 255) if full else (16, 235, 224)
    luma = (y.astype(np.float64) - black) / (white - black)
    cb, cr = ((plane[np.ix_(rows, columns)].astype(np.float64) - 128) / swing for plane in (u, v))
    r = luma + cr * 2 * (1 - red)
    b = luma + cb * 2 * (1 - blue)
    g = (luma - red * r - blue * b) / green
    return np.clip(np.stack([r, g, b]), 0, 1)


def normalised(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return np.asarray((picture - mean[:, None, None]) / deviation[:, None, None])


def fed(picture: NDArray[np.float64], multiple: int = 1) -> NDArray[np.float32]:
    """[1,3,H,W], its last row and column repeated up to the next multiple."""
    _, height, width = picture.shape
    wider = np.pad(normalised(picture), ((0, 0), (0, -height % multiple), (0, -width % multiple)), mode="edge")
    return wider[None].astype(np.float32)


def reduced(aggregator: str, masks: Sequence[Any], lumas: Sequence[Plane], alpha: float) -> NDArray[np.float64]:
    stack = np.stack([np.asarray(mask, dtype=np.float64) for mask in masks])
    if aggregator == "mean":
        return np.asarray(stack.mean(axis=0))
    if aggregator == "max":
        return np.asarray(stack.max(axis=0))
    if aggregator == "ema":
        held = stack[0]
        for mask in stack[1:]:
            held = alpha * mask + (1 - alpha) * held
        return np.asarray(held)
    changes = [abs(now.astype(int) - before.astype(int)).mean() / 255 for before, now in pairwise(lumas)]
    weights = np.array([1.0, *(max(change, 1e-6) for change in changes)])
    return np.asarray((stack * weights[:, None, None]).sum(axis=0) / weights.sum())


def chosen(total: int, samples: int) -> list[int]:
    step = max(1, total // samples)
    return [index for index in range(total) if index % step == 0][:samples]
