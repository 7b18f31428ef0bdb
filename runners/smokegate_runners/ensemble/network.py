"""The network as JAX sees it: one model at a time; the trainer maps it over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from smokegate_runners.ensemble.plan import Fit
from smokegate_runners.ensemble.recipe import Recipe

Layer = tuple[Any, Any]
"""Weights [in, out] and biases [out]."""
Params = tuple[Layer, ...]

_ROOT_HALF = 0.7071067811865476
_ROOT_OF_TAU = 2.5066282746310002
_GOLDEN = np.uint32(0x9E3779B9)


def initial(fit: Fit, recipe: Recipe) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
    """As torch.nn.Linear begins: weights and biases even between -1/sqrt(inputs) and 1/sqrt(inputs)."""
    random = fit.generator("weights")
    layers = []
    for wide, narrow in zip(recipe.widths[:-1], recipe.widths[1:], strict=True):
        edge = 1.0 / np.sqrt(wide)
        drawn = random.uniform(-edge, edge, (wide, narrow)), random.uniform(-edge, edge, narrow)
        layers.append((drawn[0].astype(np.float32), drawn[1].astype(np.float32)))
    return tuple(layers)


@jax.custom_vjp
def gelu(x: Any) -> Any:
    """The exact one, by the error function; its slope is made on the way, where both parts are at hand."""
    return x * _below(x)


def _below(x: Any) -> Any:
    return 0.5 * (1.0 + jax.lax.erf(x * _ROOT_HALF))


def _gelu_forward(x: Any) -> tuple[Any, Any]:
    below = _below(x)
    return x * below, below + x * jnp.exp(-0.5 * x * x) / _ROOT_OF_TAU


def _gelu_backward(slope: Any, cotangent: Any) -> tuple[Any]:
    return (slope * cotangent,)


gelu.defvjp(_gelu_forward, _gelu_backward)


def score(params: Params, scaler: Layer, features: Any, codec: Any, kept: Sequence[Any] = ()) -> Any:
    """Scores [N]. `kept` are the factors of each hidden layer's outputs while it is trained: 0, or 1/(1-p)."""
    mean, deviation = scaler
    x = jnp.concatenate([(features - mean) / deviation, codec], axis=1)
    for at, (weights, biases) in enumerate(params[:-1]):
        x = gelu(_linear(x, weights, biases))
        if kept:
            x = x * kept[at]
    weights, biases = params[-1]
    return _linear(x, weights, biases)[:, 0]


def _linear(x: Any, weights: Any, biases: Any) -> Any:
    """In whole float32: left to themselves, GPUs multiply in fewer bits than ONNX Runtime does."""
    return jnp.matmul(x, weights, precision=jax.lax.Precision.HIGHEST) + biases


def dropout_key(fit: Fit) -> NDArray[np.uint32]:
    return fit.generator("dropout").integers(0, 2**32, size=2, dtype=np.uint32)


def dropout(key: Any, epoch: Any, step: Any, batch_size: int, recipe: Recipe) -> list[Any]:
    """The factors of one step, drawn by counting: a hash of the model's key, the step, and the place.

    JAX's own generator costs more than the rest of the step on a CPU; what is asked here is evenness, not secrecy.
    """
    if recipe.dropout == 0:
        return []
    place = _mixed(key[0] ^ _mixed(epoch.astype(jnp.uint32) * _GOLDEN + step.astype(jnp.uint32)))
    other = _mixed(key[1] + place)
    keep, edge = np.float32(1.0 / (1.0 - recipe.dropout)), np.uint32(round(recipe.dropout * 2**32))
    factors = []
    for layer, width in enumerate(recipe.hidden):
        numbers = jnp.arange(batch_size * width, dtype=jnp.uint32) + np.uint32(layer) * _GOLDEN
        drawn = _mixed(_mixed(numbers ^ place) + other).reshape(batch_size, width)
        factors.append(jnp.where(drawn >= edge, keep, np.float32(0.0)))
    return factors


def _mixed(x: Any) -> Any:
    """Ellis's lowbias32: every bit of the input moves about half of the output's."""
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)
