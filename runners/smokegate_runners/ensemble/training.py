"""All models at once: one program that trains them side by side, an epoch at each call.

Mapped over models, scanned over steps, compiled once. A step in which all batches are full needs no weights; in the
last few of an epoch each model has weights of its own, and one that has run out of rows keeps still.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from smokegate import __version__
from smokegate_runners.ensemble import network
from smokegate_runners.ensemble.checkpoint import Checkpoint, State, key_of
from smokegate_runners.ensemble.plan import Epoch, Plan, epoch_of
from smokegate_runners.ensemble.recipe import Recipe
from smokegate_runners.ensemble.rows import Rows

_ROWS_AT_ONCE = 2048
_PACKAGES = ("jax", "jaxlib", "optax", "numpy")
Told = Callable[[int, int, float, float], None]
"""Epochs done, epochs in all, the mean loss of the last one, and seconds so far."""
_Handed = tuple[Any, Any, Any]
"""Row numbers of full batches, of the rest, and the weights of the rest: [step, model, place]."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Weights [model, in, out] and biases [model, out] of each layer, and each model's scaler [model, feature]."""

    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    seconds: float
    loss: float
    resumed_at: int

    def one(self, at: int) -> tuple[network.Params, network.Layer]:
        return tuple((w[at], b[at]) for w, b in self.layers), (self.mean[at], self.deviation[at])


def scalers(rows: Rows, plan: Plan) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each model's own training rows, and no others; a feature that never moves is left as it is."""
    means, deviations = [], []
    for train in plan.train:
        seen = rows.features[train].astype(np.float64)
        deviation = seen.std(axis=0)
        means.append(seen.mean(axis=0))
        deviations.append(np.where(deviation > 1e-8 * np.maximum(1.0, np.abs(means[-1])), deviation, 1.0))
    return np.asarray(means, dtype=np.float32), np.asarray(deviations, dtype=np.float32)


def key(rows: Rows, plan: Plan, recipe: Recipe) -> str:
    """Everything that the numbers hang on."""
    return key_of(
        {
            "corpus": rows.table.digest,
            "recipe": recipe.value,
            "fits": [[fit.seed, fit.held_out] for fit in plan.fits],
            "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
            "smokegate": __version__,
            "device": [jax.devices()[0].platform, jax.devices()[0].device_kind],
        }
    )


def train(
    rows: Rows,
    plan: Plan,
    recipe: Recipe,
    *,
    checkpoint: Checkpoint | None = None,
    every: int = 10,
    tell: Told | None = None,
    resumed: Callable[[int, int], None] | None = None,
) -> Trained:
    """`every` so many epochs the state is written down, and at the end."""
    mean, deviation = scalers(rows, plan)
    state, fixed = _begun(plan, recipe), _fixed(rows, plan, mean, deviation)
    past = _resumed(checkpoint, state)
    if past is not None:
        state = jax.tree.unflatten(jax.tree.structure(state), [jnp.asarray(leaf) for leaf in past.leaves])
    if past is not None and resumed is not None:
        resumed(past.epochs, recipe.epochs)
    done, before, loss = (past.epochs, past.seconds, past.loss) if past is not None else (0, 0.0, float("nan"))
    started, first, seconds = time.perf_counter(), done, before
    program = _program(replace(recipe, epochs=0))
    ahead = epoch_of(plan, done, recipe.batch_size) if done < recipe.epochs else None
    while ahead is not None:
        state, losses = program(state, fixed, _handed(ahead), jnp.uint32(done))
        done += 1
        ahead = epoch_of(plan, done, recipe.batch_size) if done < recipe.epochs else None  # while the device works
        loss = float(np.mean(losses))
        seconds = before + time.perf_counter() - started
        if checkpoint is not None and (done % every == 0 or done == recipe.epochs):
            checkpoint.save(State(done, seconds, loss, [np.asarray(leaf) for leaf in jax.tree.leaves(state)]))
        if tell is not None:
            tell(done, recipe.epochs, loss, seconds)
    layers = tuple((np.asarray(weights), np.asarray(biases)) for weights, biases in state[0])
    return Trained(layers, mean, deviation, seconds, loss, first)


def predicted(rows: Rows, trained: Trained, wanted: Mapping[int, NDArray[np.int32]]) -> dict[int, NDArray[np.float32]]:
    """By number of the model, its scores of the rows that are wanted of it."""
    chosen = np.asarray(sorted(wanted), dtype=np.int32)
    longest = max(len(one) for one in wanted.values())
    padded = np.zeros((len(chosen), longest), dtype=np.int32)
    for place, at in enumerate(chosen):
        padded[place, : len(wanted[at])] = wanted[at]
    params = tuple((jnp.asarray(weights[chosen]), jnp.asarray(biases[chosen])) for weights, biases in trained.layers)
    scaler = jnp.asarray(trained.mean[chosen]), jnp.asarray(trained.deviation[chosen])
    features, codec = jnp.asarray(rows.features), jnp.asarray(rows.codec)

    @jax.jit
    def scores(which: Any) -> Any:
        return jax.vmap(network.score)(params, scaler, features[which], codec[which])

    parts = [np.asarray(scores(padded[:, at : at + _ROWS_AT_ONCE])) for at in range(0, longest, _ROWS_AT_ONCE)]
    joined = np.concatenate(parts, axis=1)
    return {int(at): joined[place, : len(wanted[at])] for place, at in enumerate(chosen)}


def _resumed(checkpoint: Checkpoint | None, state: Any) -> State | None:
    """Leaves of any other shape are no state of ours, whatever key they lie under."""
    past = checkpoint.load() if checkpoint is not None else None
    shapes = [leaf.shape for leaf in jax.tree.leaves(state)]
    return past if past is not None and [leaf.shape for leaf in past.leaves] == shapes else None


def _begun(plan: Plan, recipe: Recipe) -> Any:
    drawn = [network.initial(fit, recipe) for fit in plan.fits]
    layers = range(len(recipe.widths) - 1)
    params = tuple(tuple(jnp.asarray(np.stack([one[at][part] for one in drawn])) for part in (0, 1)) for at in layers)
    return params, jax.vmap(_optimiser(recipe).init)(params)


def _fixed(rows: Rows, plan: Plan, mean: Any, deviation: Any) -> _Fixed:
    keys = np.stack([network.dropout_key(fit) for fit in plan.fits])
    shared = jnp.asarray(rows.features), jnp.asarray(rows.codec), jnp.asarray(rows.targets)
    return _Fixed(shared, (jnp.asarray(mean), jnp.asarray(deviation)), jnp.asarray(keys))


def _handed(epoch: Epoch) -> _Handed:
    return jnp.asarray(epoch.rows[: epoch.full]), jnp.asarray(epoch.rows[epoch.full :]), jnp.asarray(epoch.weights)


def _optimiser(recipe: Recipe) -> Any:
    return optax.chain(
        optax.add_decayed_weights(recipe.weight_decay),
        optax.scale_by_adam(b1=recipe.b1, b2=recipe.b2, eps=recipe.eps),
        optax.scale(-recipe.lr),
    )


class _Fixed(NamedTuple):
    """What no step changes."""

    shared: tuple[Any, Any, Any]
    """Features, codec block and targets of all rows."""
    scaler: tuple[Any, Any]
    keys: Any


class _Batch(NamedTuple):
    features: Any
    codec: Any
    targets: Any
    scaler: Any
    key: Any
    epoch: Any
    step: Any
    weights: Any = None
    """None where every row counts."""


@cache
def _program(recipe: Recipe) -> Any:
    """(state, fixed, batches, epoch) -> (state, mean loss of each model)."""
    optimiser = _optimiser(recipe)
    with_gradient = jax.value_and_grad(partial(_loss, recipe=recipe))

    def learnt(params: Any, memory: Any, batch: _Batch) -> Any:
        loss, gradient = with_gradient(params, batch)
        update, moved = optimiser.update(gradient, memory, params)
        now = optax.apply_updates(params, update), moved
        if batch.weights is None:
            return now, loss
        running = batch.weights.sum() > 0
        return jax.tree.map(partial(jnp.where, running), now, (params, memory)), jnp.where(running, loss, 0.0)

    def epoch(state: Any, fixed: _Fixed, batches: _Handed, number: Any) -> Any:
        def step(carried: Any, given: Any) -> Any:
            (params, memory), total = carried
            rows, at, *weights = given
            features, codec, targets = (column[rows] for column in fixed.shared)
            batch = _Batch(features, codec, targets, fixed.scaler, fixed.keys, number, at, *weights)
            mapped = batch._replace(
                features=0, codec=0, targets=0, scaler=0, key=0, epoch=None, step=None, weights=0 if weights else None
            )
            state, loss = jax.vmap(learnt, in_axes=(0, 0, mapped))(params, memory, batch)
            return (state, total + loss), None

        full, rest, weights = batches
        steps = jnp.arange(len(full) + len(rest), dtype=jnp.uint32)
        carried = state, jnp.zeros(len(fixed.keys), dtype=jnp.float32)
        if len(full):
            carried, _ = jax.lax.scan(step, carried, (full, steps[: len(full)]))
        if len(rest):
            carried, _ = jax.lax.scan(step, carried, (rest, steps[len(full) :], weights))
        state, total = carried
        return state, total / (len(full) + (weights.sum(axis=2) > 0).sum(axis=0))

    return jax.jit(epoch, donate_argnums=0)


def _loss(params: Any, batch: _Batch, *, recipe: Recipe) -> Any:
    kept = network.dropout(batch.key, batch.epoch, batch.step, len(batch.targets), recipe)
    scores = network.score(params, batch.scaler, batch.features, batch.codec, kept)
    squares = (scores - batch.targets) ** 2
    if batch.weights is None:
        return squares.mean()
    return (squares * batch.weights).sum() / jnp.maximum(batch.weights.sum(), 1.0)
