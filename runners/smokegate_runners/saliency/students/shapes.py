"""Silhouettes: how much of each pixel an object covers. As with textures, what is asked is not what was learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.students.draws import Draws, Field
from smokegate_runners.saliency.students.textures import grid


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an object stands: places seen from its centre, turned with it, in pixels."""

    u: Field
    v: Field
    radius: float


Shape = Callable[[Draws, Frame], Field]
"""How far each place lies outside the object, in pixels; less than nothing inside."""


def frame(draws: Draws, size: Size, radius: float, x: float, y: float) -> Frame:
    across, down = grid(size)
    cos, sin = draws.turn()
    dx, dy = across - x, down - y
    return Frame(dx * cos + dy * sin, dy * cos - dx * sin, radius)


def covered(outside: Field) -> Field:
    return np.clip(0.5 - outside, 0.0, 1.0)


def _disc(place: Frame, u: float, v: float, radius: float) -> Field:
    du, dv = place.u - u, place.v - v
    return np.sqrt(du * du + dv * dv) - radius


def _box(place: Frame, u: float, v: float, wide: float, high: float) -> Field:
    """`wide` and `high` are halves."""
    return np.maximum(np.abs(place.u - u) - wide, np.abs(place.v - v) - high)


def ellipse(draws: Draws, place: Frame) -> Field:
    flat = draws.between(0.5, 1.0)
    stretched = place.v / flat
    return (np.sqrt(place.u * place.u + stretched * stretched) - place.radius) * flat


def box(draws: Draws, place: Frame) -> Field:
    return _box(place, 0.0, 0.0, place.radius * draws.between(0.7, 0.95), place.radius * draws.between(0.45, 0.95))


def polygon(draws: Draws, place: Frame) -> Field:
    """As many cuts as it takes to close it, from all sides."""
    made = _disc(place, 0.0, 0.0, place.radius)
    for _ in range(draws.whole(3, 7)):
        cos, sin = draws.turn()
        side = 1.0 if draws.chance(0.5) else -1.0
        made = np.maximum(made, side * (place.u * cos + place.v * sin) - place.radius * draws.between(0.5, 0.8))
    return made


def capsule(draws: Draws, place: Frame) -> Field:
    thick = place.radius * draws.between(0.35, 0.6)
    reach = place.radius - thick
    along = place.u - np.clip(place.u, -reach, reach)
    return np.sqrt(along * along + place.v * place.v) - thick


def crescent(draws: Draws, place: Frame) -> Field:
    bite = _disc(place, place.radius * draws.between(0.45, 0.7), 0.0, place.radius * draws.between(0.7, 0.9))
    return np.maximum(_disc(place, 0.0, 0.0, place.radius), -bite)


def cross(draws: Draws, place: Frame) -> Field:
    thick = place.radius * draws.between(0.28, 0.45)
    return np.minimum(_box(place, 0.0, 0.0, place.radius, thick), _box(place, 0.0, 0.0, thick, place.radius))


def star(draws: Draws, place: Frame) -> Field:
    """Four points; with a second one across it, eight."""
    made = _points(place.u, place.v, place.radius)
    if draws.chance(0.5):
        half = 0.7071067811865476
        other = _points((place.u + place.v) * half, (place.v - place.u) * half, place.radius)
        made = np.minimum(made, other)
    return made


def _points(u: Field, v: Field, radius: float) -> Field:
    near = np.minimum(np.abs(u), np.abs(v))
    return 0.5 * (np.abs(u) + np.abs(v) + 1.4 * near - radius)


def cluster(draws: Draws, place: Frame) -> Field:
    made = _disc(place, 0.0, 0.0, place.radius * draws.between(0.4, 0.6))
    for _ in range(draws.whole(2, 5)):
        cos, sin = draws.turn()
        side = 1.0 if draws.chance(0.5) else -1.0
        far, part = place.radius * draws.between(0.35, 0.6) * side, place.radius * draws.between(0.25, 0.45)
        made = np.minimum(made, _disc(place, far * cos, far * sin, part))
    return made


def glyph(draws: Draws, place: Frame) -> Field:
    """Letters of no alphabet: a stem, and bars that leave it."""
    edge = place.radius * 0.25
    stem = draws.pick((-2.0, 0.0)) * edge
    made = _box(place, stem, 0.0, edge, place.radius)
    for row in (-3.0, 0.0, 3.0):
        if draws.chance(0.7):
            centre, half = (0.0, 3.0) if draws.chance(0.5) else (0.5 * edge, 2.0)
            made = np.minimum(made, _box(place, centre, row * edge, half * edge, edge))
    return made


def ring(draws: Draws, place: Frame) -> Field:
    thick = place.radius * draws.between(0.2, 0.32)
    return np.abs(_disc(place, 0.0, 0.0, place.radius - thick)) - thick


LEARNT: Mapping[str, Shape] = MappingProxyType({"ellipse": ellipse, "box": box, "polygon": polygon, "capsule": capsule})
ASKED: Mapping[str, Shape] = MappingProxyType(
    {"crescent": crescent, "cross": cross, "star": star, "cluster": cluster, "glyph": glyph, "ring": ring}
)
