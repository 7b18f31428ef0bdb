"""What surfaces look like: fields of 0..1 over a picture. Some are learnt from, others are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.students.draws import Draws, Field

Texture = Callable[[Draws, Size], Field]


def grid(size: Size) -> tuple[Field, Field]:
    """x and y of each pixel's centre."""
    x = np.broadcast_to(np.arange(size.width, dtype=np.float64) + 0.5, (size.height, size.width))
    y = np.broadcast_to((np.arange(size.height, dtype=np.float64) + 0.5)[:, None], (size.height, size.width))
    return x, y


def turned(draws: Draws, size: Size) -> tuple[Field, Field]:
    """The same, turned by some angle."""
    x, y = grid(size)
    cos, sin = draws.turn()
    return x * cos + y * sin, y * cos - x * sin


def smooth(x: Field) -> Field:
    return x * x * (3.0 - 2.0 * x)


def wave(x: Field) -> Field:
    """0 to 1 and back in one unit, rounded at both ends."""
    return smooth(np.abs(2.0 * (x - np.floor(x)) - 1.0))


def lattice(draws: Draws, size: Size, cell: float) -> Field:
    """Value noise: random numbers `cell` pixels apart, and smooth ways between them."""
    x, y = grid(size)
    across, down = x / cell, y / cell
    values = draws.field(int(size.height / cell) + 2, int(size.width / cell) + 2)
    column, row = np.floor(across).astype(np.int64), np.floor(down).astype(np.int64)
    u, v = smooth(across - column), smooth(down - row)
    top = values[row, column] * (1.0 - u) + values[row, column + 1] * u
    bottom = values[row + 1, column] * (1.0 - u) + values[row + 1, column + 1] * u
    return top * (1.0 - v) + bottom * v


def noise(draws: Draws, size: Size) -> Field:
    cell, weight, total = draws.between(3.0, 40.0), 1.0, 0.0
    made = np.zeros((size.height, size.width))
    for _ in range(draws.whole(1, 4)):
        made = made + weight * lattice(draws, size, cell)
        total, weight, cell = total + weight, weight * 0.5, max(1.5, cell * 0.5)
    return made / total


def stripes(draws: Draws, size: Size) -> Field:
    along, _ = turned(draws, size)
    made = wave(along / draws.between(4.0, 36.0) + draws.unit())
    return np.where(made > draws.between(0.3, 0.7), 1.0, 0.0) if draws.chance(0.4) else made


def gradient(draws: Draws, size: Size) -> Field:
    if draws.chance(0.5):
        x, y = grid(size)
        dx, dy = x - draws.unit() * size.width, y - draws.unit() * size.height
        along = np.sqrt(dx * dx + dy * dy)
    else:
        along, _ = turned(draws, size)
    low, high = float(along.min()), float(along.max())
    return (along - low) / (high - low) * 0.9 + 0.1 * lattice(draws, size, draws.between(2.0, 12.0))


def tiles(draws: Draws, size: Size) -> Field:
    across, down = turned(draws, size)
    edge = draws.between(5.0, 24.0)
    column, row = np.floor(across / edge).astype(np.int64), np.floor(down / edge).astype(np.int64)
    own = draws.field(64, 64)[row % 64, column % 64]
    checked = ((row + column) % 2).astype(np.float64)
    share = draws.unit()
    return checked * share + own * (1.0 - share)


def spots(draws: Draws, size: Size) -> Field:
    x, y = grid(size)
    made = np.full((size.height, size.width), draws.unit())
    radius = draws.between(4.0, 14.0)
    for _ in range(draws.whole(12, 40)):
        dx, dy = x - draws.unit() * size.width, y - draws.unit() * size.height
        inside = np.clip((radius * draws.between(0.5, 1.5) - np.sqrt(dx * dx + dy * dy)) / 2.0, 0.0, 1.0)
        made = made * (1.0 - inside) + draws.unit() * inside
    return made


def bricks(draws: Draws, size: Size) -> Field:
    across, down = turned(draws, size)
    high, mortar = draws.between(6.0, 14.0), draws.between(0.8, 2.0)
    wide = high * draws.between(1.6, 3.0)
    row = np.floor(down / high)
    shifted = across / wide + 0.5 * (row - 2.0 * np.floor(row / 2.0))
    column = np.floor(shifted)
    to_edge = np.minimum((shifted - column) * wide, down - row * high)
    own = draws.field(64, 64)[row.astype(np.int64) % 64, column.astype(np.int64) % 64]
    return np.where(to_edge < mortar, draws.unit(), 0.3 + 0.7 * own)


def ripples(draws: Draws, size: Size) -> Field:
    x, y = grid(size)
    dx, dy = x - draws.between(-0.5, 1.5) * size.width, y - draws.between(-0.5, 1.5) * size.height
    stretch = draws.between(0.6, 1.6)
    return wave(np.sqrt(dx * dx + stretch * dy * dy) / draws.between(5.0, 30.0))


def cells(draws: Draws, size: Size) -> Field:
    """Distance to the nearest of some points, or the point's own shade."""
    x, y = grid(size)
    nearest = np.full((size.height, size.width), np.inf)
    shade = np.zeros((size.height, size.width))
    for _ in range(draws.whole(15, 60)):
        dx, dy = x - draws.between(-0.1, 1.1) * size.width, y - draws.between(-0.1, 1.1) * size.height
        distance = dx * dx + dy * dy
        closer = distance < nearest
        nearest, shade = np.where(closer, distance, nearest), np.where(closer, draws.unit(), shade)
    return shade if draws.chance(0.5) else np.minimum(np.sqrt(nearest) / draws.between(10.0, 24.0), 1.0)


def plaid(draws: Draws, size: Size) -> Field:
    across, down = turned(draws, size)
    share = draws.between(0.3, 0.7)
    one, other = wave(across / draws.between(6.0, 32.0)), wave(down / draws.between(6.0, 32.0))
    return one * share + other * (1.0 - share)


def marble(draws: Draws, size: Size) -> Field:
    along, _ = turned(draws, size)
    bent = along + draws.between(8.0, 40.0) * lattice(draws, size, draws.between(10.0, 32.0))
    return wave((bent + 6.0 * lattice(draws, size, draws.between(3.0, 9.0))) / draws.between(8.0, 32.0))


def grain(draws: Draws, size: Size) -> Field:
    """Wood: noise drawn out along one axis."""
    long, short = draws.between(16.0, 60.0), draws.between(1.5, 5.0)
    longer = Size(size.width, int(size.height * long / short) + 2) if draws.chance(0.5) else None
    if longer is not None:
        rows = np.minimum((np.arange(size.height) * (long / short)).astype(np.int64), longer.height - 1)
        return lattice(draws, longer, long)[rows]
    wider = Size(int(size.width * long / short) + 2, size.height)
    columns = np.minimum((np.arange(size.width) * (long / short)).astype(np.int64), wider.width - 1)
    return lattice(draws, wider, long)[:, columns]


LEARNT: Mapping[str, Texture] = MappingProxyType(
    {"noise": noise, "stripes": stripes, "gradient": gradient, "tiles": tiles, "spots": spots}
)
ASKED: Mapping[str, Texture] = MappingProxyType(
    {"bricks": bricks, "ripples": ripples, "cells": cells, "plaid": plaid, "marble": marble, "grain": grain}
)
