"""One student, one seed: a compiled step, called for one batch after another."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from smokegate import __version__
from smokegate_runners.ensemble.checkpoint import Checkpoint, State, key_of
from smokegate_runners.saliency.students import network, sets
from smokegate_runners.saliency.students.recipe import Decoder, Recipe
from smokegate_runners.saliency.students.sets import SceneSet

_PACKAGES = ("jax", "jaxlib", "optax", "numpy")
_AT_ONCE = 32
_BATCHES_WATCHED = 128
_WEIGHT_OF_A_PIXEL = 1.0 / 255.0
Told = Callable[[int, int, float, float], None]
"""Epochs done, epochs in all, the mean loss of the last one, and seconds so far."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """A set of scenes as it is learnt: images [N,H,W,3] and masks [N,H,W], 0..255."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    digest: str

    @property
    def count(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True)
class Trained:
    params: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    seconds: float
    loss: float
    resumed_at: int


def lessons(scenes: SceneSet) -> Lessons:
    drawn = list(scenes.scenes())
    images, masks = np.stack([one.image for one in drawn]), np.stack([one.mask for one in drawn])
    return Lessons(images, masks, sets.digest(drawn))


def key(taught: Lessons, recipe: Recipe, decoder: Decoder, seed: int) -> str:
    """Everything that the weights hang on."""
    return key_of(
        {
            "scenes": taught.digest,
            "recipe": recipe.value,
            "decoder": str(decoder),
            "seed": seed,
            "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
            "smokegate": __version__,
            "device": [jax.devices()[0].platform, jax.devices()[0].device_kind],
        }
    )


def train(
    taught: Lessons,
    recipe: Recipe,
    decoder: Decoder,
    seed: int,
    *,
    checkpoint: Checkpoint | None = None,
    tell: Told | None = None,
    resumed: Callable[[int, int], None] | None = None,
) -> Trained:
    """The state is written down after each epoch."""
    steps = -(-taught.count // recipe.batch_size)
    state: Any = jax.tree.map(jnp.asarray, network.initial(seed, recipe, decoder))
    state = state, _optimiser(recipe, steps).init(state)
    past = _resumed(checkpoint, state)
    if past is not None:
        state = jax.tree.unflatten(jax.tree.structure(state), [jnp.asarray(leaf) for leaf in past.leaves])
    if past is not None and resumed is not None:
        resumed(past.epochs, recipe.epochs)
    first, before, loss = (past.epochs, past.seconds, past.loss) if past is not None else (0, 0.0, float("nan"))
    started, seconds = time.perf_counter(), before
    program = _program(recipe, decoder, steps)
    for done in range(first + 1, recipe.epochs + 1):
        losses = []
        for batch in batches(taught, recipe, seed, done - 1):
            state, lost = program(state, *batch)
            losses.append(lost)
        loss = float(np.mean([float(lost) for lost in losses]))
        seconds = before + time.perf_counter() - started
        if checkpoint is not None:
            checkpoint.save(State(done, seconds, loss, [np.asarray(leaf) for leaf in jax.tree.leaves(state)]))
        if tell is not None:
            tell(done, recipe.epochs, loss, seconds)
    return Trained(network.folded(state[0], _moments(state[0], taught, recipe, decoder)), seconds, loss, first)


def batches(
    taught: Lessons, recipe: Recipe, seed: int, epoch: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Every scene once, in an order of this seed and epoch, half of them mirrored each way; the last batch is filled
    up with scenes from the beginning of the order, so that one compiled step does for all."""
    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = random.permutation(taught.count)
    order = np.resize(order, -(-taught.count // recipe.batch_size) * recipe.batch_size)
    across, down = random.integers(0, 2, (2, len(order)), dtype=np.int8).astype(bool)
    for at in range(0, len(order), recipe.batch_size):
        chosen = slice(at, at + recipe.batch_size)
        rows, turned = order[chosen], (across[chosen], down[chosen])
        yield _mirrored(taught.images[rows], *turned), _mirrored(taught.masks[rows], *turned)


def _mirrored(pictures: NDArray[np.uint8], across: NDArray[np.bool_], down: NDArray[np.bool_]) -> NDArray[np.uint8]:
    turned = pictures.copy()
    turned[across] = turned[across][:, :, ::-1]
    turned[down] = turned[down][:, ::-1]
    return turned


def masks(params: network.Params, images: NDArray[np.uint8], recipe: Recipe, decoder: Decoder) -> NDArray[np.float32]:
    """[N,H,W,3] of 0..255 -> [N,H,W] of 0..1."""
    program = _forward(recipe, decoder)
    parts = [program(params, images[at : at + _AT_ONCE]) for at in range(0, len(images), _AT_ONCE)]
    return np.concatenate([np.asarray(part) for part in parts])


def _moments(params: Any, taught: Lessons, recipe: Recipe, decoder: Decoder) -> network.Moments:
    """Of what each layer sums up, over the first batches of the lessons as they lie."""
    program = _watched(recipe, decoder)
    ends = range(recipe.batch_size, taught.count + 1, recipe.batch_size)[:_BATCHES_WATCHED]
    found = [program(params, taught.images[end - recipe.batch_size : end]) for end in ends]
    return {
        name: tuple(np.mean([np.asarray(one[name][at], dtype=np.float64) for one in found], axis=0) for at in (0, 1))
        for name in found[0]
    }


def _resumed(checkpoint: Checkpoint | None, state: Any) -> State | None:
    """Leaves of any other shape are no state of ours, whatever key they lie under."""
    past = checkpoint.load() if checkpoint is not None else None
    wanted = [leaf.shape for leaf in jax.tree.leaves(state)]
    return past if past is not None and [leaf.shape for leaf in past.leaves] == wanted else None


def _optimiser(recipe: Recipe, steps: int) -> Any:
    falling = optax.cosine_decay_schedule(recipe.lr, recipe.epochs * steps)
    return optax.adam(falling, b1=recipe.b1, b2=recipe.b2, eps=recipe.eps)


@cache
def _forward(recipe: Recipe, decoder: Decoder) -> Any:
    def forward(params: Any, images: Any) -> Any:
        return jax.nn.sigmoid(network.logits(params, network.normalised(images), recipe, decoder))

    return jax.jit(forward)


@cache
def _watched(recipe: Recipe, decoder: Decoder) -> Any:
    def watched(params: Any, images: Any) -> Any:
        seen: dict[str, tuple[Any, Any]] = {}
        network.logits(params, network.normalised(images), recipe, decoder, network.learning(seen))
        return seen

    return jax.jit(watched)


@cache
def _program(recipe: Recipe, decoder: Decoder, steps: int) -> Any:
    """(state, images, masks) -> (state, loss)."""
    optimiser = _optimiser(recipe, steps)

    def lost(params: Any, images: Any, wanted: Any) -> Any:
        made = network.logits(params, network.normalised(images), recipe, decoder, network.learning({}))
        return loss(made, wanted)

    def step(state: Any, images: Any, wanted: Any) -> Any:
        params, memory = state
        value, gradient = jax.value_and_grad(lost)(params, images, wanted * _WEIGHT_OF_A_PIXEL)
        update, memory = optimiser.update(gradient, memory, params)
        return (optax.apply_updates(params, update), memory), value

    return jax.jit(step, donate_argnums=0)


def loss(logits: Any, wanted: Any) -> Any:
    """Cross-entropy of the pixels, and what each picture's soft IoU lacks of one."""
    entropy = optax.sigmoid_binary_cross_entropy(logits, wanted).mean()
    mask = jax.nn.sigmoid(logits)
    both = (mask * wanted).sum(axis=(1, 2))
    either = (mask + wanted - mask * wanted).sum(axis=(1, 2))
    return entropy + (1.0 - (both + 1.0) / (either + 1.0)).mean()
