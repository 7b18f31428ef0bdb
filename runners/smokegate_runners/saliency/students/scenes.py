"""One scene: a textured ground, what stands out from it, and what only seems to. The mask is what stands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.students import effects
from smokegate_runners.saliency.students.draws import Draws, Field
from smokegate_runners.saliency.students.shapes import Shape, covered, frame
from smokegate_runners.saliency.students.textures import Texture, grid

BLOCK = 16
_LEAST_SEEN, _MOST_SEEN = 0.02, 0.45
_TRIES = 24

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Kinds:
    """What a set of scenes is made of, by name."""

    textures: Mapping[str, Texture]
    shapes: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class Scene:
    source: str
    """The kind of ground."""
    objects: tuple[str, ...]
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Ground:
    texture: str
    low: Colour
    high: Colour

    @property
    def middle(self) -> Colour:
        return _blend(self.low, self.high, 0.5)

    @property
    def contrast(self) -> float:
        return apart(self.low, self.high)


def scene(draws: Draws, kinds: Kinds, source: str, size: Size) -> Scene:
    """Drawn again where next to nothing stands out, or nearly everything does."""
    attempt = 0
    while True:
        made = _drawn(draws.of(attempt), kinds, source, size)
        if _fair(made.mask):
            return made
        attempt += 1


def _fair(mask: NDArray[np.uint8]) -> bool:
    """A block at least is mostly object; sums are of whole numbers, so no platform sees it otherwise."""
    height, width = (side // BLOCK * BLOCK for side in mask.shape)
    blocks = mask[:height, :width].astype(np.int64).reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    share = int(mask.astype(np.int64).sum()) / (255 * mask.size)
    return bool((blocks.sum(axis=(1, 3)) * 2 >= 255 * BLOCK * BLOCK).any()) and _LEAST_SEEN <= share <= _MOST_SEEN


def _drawn(draws: Draws, kinds: Kinds, source: str, size: Size) -> Scene:
    ground, image = _laid(draws.of(0), kinds, source, size)
    image = _seeming(draws.of(1), ground, image, size)
    mask = np.zeros((size.height, size.width))
    names = []
    count = draws.pick((1, 1, 1, 1, 2, 2, 3))
    for at in range(count):
        name, cover, surface = _thing(draws.of(2, at), kinds, ground, size)
        image = image * (1.0 - cover[..., None]) + surface * cover[..., None]
        mask = np.maximum(mask, cover)
        names.append(name)
    if draws.chance(0.2):
        image, mask = _barred(draws.of(3), ground, image, mask, size)
    image = effects.all_over(draws.of(4), image, size)
    return Scene(source, tuple(names), _bytes(image), _bytes(mask))


def _laid(draws: Draws, kinds: Kinds, source: str, size: Size) -> tuple[_Ground, Field]:
    low = _colour(draws)
    ground = _Ground(source, low, _near(draws, low, draws.between(0.05, 0.7)))
    image = _painted(kinds.textures[source](draws.of(0), size), ground.low, ground.high)
    if draws.chance(0.3):
        second = kinds.textures[draws.pick(sorted(kinds.textures))](draws.of(1), size)
        image = image + draws.between(0.03, 0.12) * (second[..., None] - 0.5)
    return ground, image


def _seeming(draws: Draws, ground: _Ground, image: Field, size: Size) -> Field:
    """Stains that hardly differ, specks and threads that differ and are nothing: none of it is an object."""
    x, y = grid(size)
    for at in range(draws.whole(0, 2)):
        own = draws.of(0, at)
        place = frame(own, size, own.between(14.0, 40.0), own.unit() * size.width, own.unit() * size.height)
        far = np.sqrt(place.u * place.u + 2.0 * place.v * place.v) / place.radius
        image = image * (1.0 + own.between(-0.12, 0.12) * np.clip(2.0 - 2.0 * far, 0.0, 1.0)[..., None])
    for at in range(draws.pick((0, 0, 1, 2, 4, 8))):
        own = draws.of(1, at)
        dx, dy = x - own.unit() * size.width, y - own.unit() * size.height
        cover = covered(np.sqrt(dx * dx + dy * dy) - own.between(0.8, 2.6))[..., None]
        image = image * (1.0 - cover) + np.asarray(_colour(own)) * cover
    for at in range(draws.pick((0, 0, 0, 1, 2))):
        own = draws.of(2, at)
        place = frame(own, size, 1.0, own.unit() * size.width, own.unit() * size.height)
        cover = covered(np.abs(place.v) - own.between(0.4, 1.3))[..., None]
        image = image * (1.0 - cover) + np.asarray(_away(own, ground.middle, 0.2)) * cover
    return image


def _thing(draws: Draws, kinds: Kinds, ground: _Ground, size: Size) -> tuple[str, Field, Field]:
    """An object: its name, what it covers, and its surface."""
    name = draws.pick(sorted(kinds.shapes))
    radius = draws.between(0.11, 0.34) * size.height
    x, y = draws.between(0.08, 0.92) * size.width, draws.between(0.08, 0.92) * size.height
    cover = covered(kinds.shapes[name](draws.of(0), frame(draws.of(1), size, radius, x, y)))
    textures = sorted(set(kinds.textures) - {ground.texture})
    texture = kinds.textures[draws.pick(textures)](draws.of(2), size)
    if ground.contrast > 0.2 and draws.chance(0.12):
        return name, cover, _painted(texture, ground.high, ground.low)  # told by its texture alone
    first = _away(draws, ground.middle, max(0.2, 0.75 * ground.contrast))
    return name, cover, _painted(texture, first, _near(draws, first, draws.between(0.0, 0.25)))


def _barred(draws: Draws, ground: _Ground, image: Field, mask: Field, size: Size) -> tuple[Field, Field]:
    """Something of the ground's colour stands before it all."""
    x, y = draws.between(0.2, 0.8) * size.width, draws.between(0.2, 0.8) * size.height
    place = frame(draws.of(0), size, 1.0, x, y)
    cover = covered(np.abs(place.v) - draws.between(1.0, 4.0))
    colour = np.asarray(_blend(ground.low, ground.high, draws.unit()))
    return image * (1.0 - cover[..., None]) + colour * cover[..., None], mask * (1.0 - cover)


def apart(one: Colour, other: Colour) -> float:
    """How different two colours look, roughly: green counts most."""
    weights = (0.3, 0.5, 0.2)
    red, green, blue = (weight * (a - b) * (a - b) for weight, a, b in zip(weights, one, other, strict=True))
    return float(np.sqrt(red + green + blue))


def _colour(draws: Draws) -> Colour:
    if draws.chance(0.2):
        grey = draws.between(0.05, 0.95)
        return grey, grey, grey
    return draws.between(0.03, 0.97), draws.between(0.03, 0.97), draws.between(0.03, 0.97)


def _away(draws: Draws, ground: Colour, least: float) -> Colour:
    """A colour that far from the ground's, or the farthest of some."""
    tried = []
    for _ in range(_TRIES):
        colour = _colour(draws)
        if apart(colour, ground) >= least:
            return colour
        tried.append(colour)
    return max(tried, key=lambda colour: apart(colour, ground))


def _near(draws: Draws, colour: Colour, share: float) -> Colour:
    """On the way from a colour to another one."""
    return _blend(colour, _colour(draws), share)


def _blend(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def _painted(field: Field, low: Colour, high: Colour) -> Field:
    painted: Field = np.asarray(low) + (np.asarray(high) - np.asarray(low)) * field[..., None]
    return painted


def _bytes(field: Field) -> NDArray[np.uint8]:
    return np.floor(np.clip(field, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
