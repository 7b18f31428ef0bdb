"""The network as JAX sees it: a U-Net with three poolings.

While it learns, each layer but the last normalises over its batch. What that comes to over many batches is folded into
weights and biases, and the network that is shipped knows nothing of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from smokegate_runners.saliency.students.recipe import Decoder, Recipe

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""ImageNet's, of RGB in 0..1."""
COLOURS = 3
HEAD = "head"
_HEAD_START = -1.7
"""Scenes are about a sixth object: the network begins by saying so."""

_LEAST_VARIANCE = 1e-5

Layer = tuple[Any, ...]
"""Weights [high, wide, in, out], biases [out], and of a layer that learns the gains [out]."""
Params = Mapping[str, Layer]
Moments = Mapping[str, tuple[Any, Any]]
"""Mean and variance [out] of what each layer sums up."""
Settle = Callable[[str, Any, Layer], Any]
"""By name and layer, what becomes of its sums."""
Shape = tuple[int, int, int, int]


def shapes(recipe: Recipe, decoder: Decoder) -> dict[str, Shape]:
    """Of each layer's weights, in the order that a picture meets them."""
    *down, bottom = recipe.widths
    found: dict[str, Shape] = {}
    before = COLOURS
    for level, width in enumerate((*down, bottom)):
        found[f"down{level}_first"] = (3, 3, before, width)
        found[f"down{level}_second"] = (3, 3, width, width)
        before = width
    kernel = 2 if decoder is Decoder.TRANSPOSED else 3
    for level in reversed(range(len(down))):
        width = down[level]
        found[f"up{level}"] = (kernel, kernel, before, width)
        found[f"up{level}_first"] = (3, 3, 2 * width, width)
        if level == 1:
            found[f"up{level}_second"] = (3, 3, width, width)
        before = width
    found[HEAD] = (1, 1, before, 1)
    return found


def initial(seed: int, recipe: Recipe, decoder: Decoder) -> dict[str, tuple[NDArray[np.float32], ...]]:
    """As a learner begins. Layers that two students share begin alike."""
    layers = {}
    for name, shape in shapes(recipe, decoder).items():
        high, wide, before, after = shape
        weights = _generator(seed, name).standard_normal(shape) * np.sqrt(2.0 / (high * wide * before))
        others = [np.full(after, _HEAD_START)] if name == HEAD else [np.zeros(after), np.ones(after)]
        layers[name] = tuple(part.astype(np.float32) for part in (weights, *others))
    return layers


def _generator(seed: int, name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.PCG64([seed, int.from_bytes(digest[:8], "big")]))


def parameters(params: Params) -> int:
    return sum(part.size for layer in params.values() for part in layer)


def normalised(images: Any) -> Any:
    """[N,H,W,3], 0..255."""
    return (images.astype(jnp.float32) / 255.0 - jnp.asarray(MEAN)) / jnp.asarray(DEVIATION)


def biased(name: str, sums: Any, layer: Layer) -> Any:
    del name
    return sums + layer[1]


def learning(seen: dict[str, tuple[Any, Any]]) -> Settle:
    """By the batch's own mean and variance, which are left in `seen`."""

    def settle(name: str, sums: Any, layer: Layer) -> Any:
        if name == HEAD:
            return biased(name, sums, layer)
        mean = sums.mean(axis=(0, 1, 2))
        variance = jnp.square(sums - mean).mean(axis=(0, 1, 2))
        seen[name] = mean, variance
        return (sums - mean) * jax.lax.rsqrt(variance + _LEAST_VARIANCE) * layer[2] + layer[1]

    return settle


def folded(learnt: Params, moments: Moments) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The same network with weights and biases alone."""
    made = {}
    for name, layer in learnt.items():
        weights, biases, *gains = (np.asarray(part, dtype=np.float64) for part in layer)
        if gains:
            mean, variance = (np.asarray(part, dtype=np.float64) for part in moments[name])
            factor = gains[0] / np.sqrt(variance + _LEAST_VARIANCE)
            weights, biases = weights * factor, biases - mean * factor
        made[name] = weights.astype(np.float32), biases.astype(np.float32)
    return made


def logits(params: Params, x: Any, recipe: Recipe, decoder: Decoder, settle: Settle = biased) -> Any:
    """[N,H,W,3], normalised, H and W multiples of 8 -> [N,H,W]; the mask is their sigmoid."""

    def layer(x: Any, name: str, sums: Callable[[Any, Any], Any] = _conv) -> Any:
        return jax.nn.relu(settle(name, sums(x, params[name][0]), params[name]))

    rise = _transposed if decoder is Decoder.TRANSPOSED else _resized
    levels = len(recipe.widths) - 1
    kept = []
    for level in range(levels + 1):
        x = layer(layer(_pooled(x) if level else x, f"down{level}_first"), f"down{level}_second")
        kept.append(x)
    for level in reversed(range(levels)):
        x = jnp.concatenate([layer(x, f"up{level}", rise), kept[level]], axis=-1)
        for part in ("first", "second"):
            if f"up{level}_{part}" in params:
                x = layer(x, f"up{level}_{part}")
    head = params[HEAD]
    return settle(HEAD, jnp.matmul(x, head[0][0, 0], precision=jax.lax.Precision.HIGHEST), head)[..., 0]


def _conv(x: Any, weights: Any) -> Any:
    """In whole float32: left to themselves, GPUs multiply in fewer bits than ONNX Runtime does."""
    return jax.lax.conv_general_dilated(
        x, weights, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), precision=jax.lax.Precision.HIGHEST
    )


def _pooled(x: Any) -> Any:
    """The largest of each 2x2."""
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def _transposed(x: Any, weights: Any) -> Any:
    """Each pixel becomes a 2x2 of its own; no two overlap."""
    n, height, width, before = x.shape
    after = weights.shape[-1]
    spread = weights.transpose(2, 0, 1, 3).reshape(before, 4 * after)
    risen = jnp.matmul(x, spread, precision=jax.lax.Precision.HIGHEST).reshape(n, height, width, 2, 2, after)
    return risen.transpose(0, 1, 3, 2, 4, 5).reshape(n, 2 * height, 2 * width, after)


def _resized(x: Any, weights: Any) -> Any:
    return _conv(_doubled(_doubled(x, 1), 2), weights)


def _doubled(x: Any, axis: int) -> Any:
    """Bilinear, by half pixels: each new pixel is three quarters of one and a quarter of its neighbour."""
    size = x.shape[axis]
    first, last = (jax.lax.slice_in_dim(x, at, at + 1, axis=axis) for at in (0, size - 1))
    before = jnp.concatenate([first, jax.lax.slice_in_dim(x, 0, size - 1, axis=axis)], axis=axis)
    after = jnp.concatenate([jax.lax.slice_in_dim(x, 1, size, axis=axis), last], axis=axis)
    pair = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
    shape = list(x.shape)
    shape[axis] = 2 * size
    return pair.reshape(shape)
