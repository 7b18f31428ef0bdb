"""What a camera adds: uneven light, a vignette, a soft lens, noise."""

from __future__ import annotations

import numpy as np

from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.students.draws import Draws, Field
from smokegate_runners.saliency.students.textures import grid, turned


def all_over(draws: Draws, image: Field, size: Size) -> Field:
    if draws.chance(0.4):
        image = lit(draws.of(0), image, size)
    if draws.chance(0.3):
        image = vignetted(draws.of(1), image, size)
    for _ in range(draws.pick((0, 0, 1, 2, 4))):
        image = softened(image)
    if draws.chance(0.7):
        image = noisy(draws.of(2), image, size)
    return image


def lit(draws: Draws, image: Field, size: Size) -> Field:
    along, _ = turned(draws, size)
    middle = (along.min() + along.max()) / 2.0
    lit: Field = image * (1.0 + draws.between(0.0, 0.3) * (along - middle)[..., None] / (along.max() - middle))
    return lit


def vignetted(draws: Draws, image: Field, size: Size) -> Field:
    x, y = grid(size)
    dx, dy = 2.0 * x / size.width - 1.0, 2.0 * y / size.height - 1.0
    darker: Field = image * (1.0 - draws.between(0.1, 0.5) * (dx * dx + dy * dy)[..., None] / 2.0)
    return darker


def softened(image: Field) -> Field:
    """A quarter of each neighbour, half of itself, both ways."""
    for axis in (0, 1):
        before = np.concatenate([image.take([0], axis), image.take(range(image.shape[axis] - 1), axis)], axis)
        after = np.concatenate([image.take(range(1, image.shape[axis]), axis), image.take([-1], axis)], axis)
        image = 0.25 * before + 0.5 * image + 0.25 * after
    return image


def noisy(draws: Draws, image: Field, size: Size) -> Field:
    """The sum of three even draws is near enough to a bell."""
    strength, grey = draws.between(0.0, 0.12), draws.chance(0.5)
    columns = size.width * (1 if grey else 3)
    parts = [draws.field(size.height, columns) for _ in range(3)]
    noise = (parts[0] + parts[1] + parts[2] - 1.5).reshape(size.height, size.width, -1)
    return image + strength * noise
