from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from runners.saliency.students.small import QUICK, few, taught
from smokegate_runners.ensemble.checkpoint import Checkpoint
from smokegate_runners.saliency.students import network, sets, training
from smokegate_runners.saliency.students.recipe import SEEDS, STUDENTS, Decoder, Recipe
from smokegate_runners.saliency.students.training import Lessons, Trained

BOTH = pytest.mark.parametrize("decoder", list(Decoder))


class Killed(Exception):
    pass


def bytes_of(trained: Trained) -> dict[str, tuple[bytes, ...]]:
    return {name: tuple(part.tobytes() for part in layer) for name, layer in trained.params.items()}


def test_the_recipe() -> None:
    recipe = Recipe()
    assert (recipe.epochs, recipe.batch_size, recipe.lr, recipe.widths) == (3, 16, 3e-3, (8, 16, 32, 64))
    assert (sets.TRAINING.count, sets.HELD_OUT.count, sets.EVALUATION.count) == (7200, 400, 1800)
    assert SEEDS == (0, 1)
    assert [(name, one.id, one.decoder) for name, one in STUDENTS.items()] == [
        ("v1", "saliency_student_v1", Decoder.TRANSPOSED),
        ("v2", "saliency_student_v2", Decoder.RESIZED),
    ]


@BOTH
def test_it_learns(decoder: Decoder) -> None:
    """Ten pictures by heart: what comes out is close to their masks, with moments folded in."""
    pictures = taught(10)
    recipe = Recipe(epochs=60, batch_size=5, lr=1e-2, widths=(8, 8, 8, 8))
    done = training.train(pictures, recipe, decoder, 0)
    masks = training.masks(done.params, pictures.images, recipe, decoder)
    wanted = pictures.masks / 255
    ious = (masks * wanted).sum(axis=(1, 2)) / (masks + wanted - masks * wanted).sum(axis=(1, 2))
    assert done.loss < 0.5 and np.mean(ious) > 0.6


def test_one_seed_gives_one_network_and_another_another() -> None:
    first, again, other = (training.train(taught(), QUICK, Decoder.RESIZED, seed) for seed in (0, 0, 1))
    assert bytes_of(first) == bytes_of(again)
    assert all(bytes_of(first)[name] != bytes_of(other)[name] for name in first.params)


@BOTH
@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_killed_and_resumed_it_comes_to_the_same_weights(tmp_path: Path, killed_after: int, decoder: Decoder) -> None:
    whole = training.train(taught(), QUICK, decoder, 0)
    checkpoint = Checkpoint(tmp_path / "state.npz", training.key(taught(), QUICK, decoder, 0))

    def kill(done: int, *_: Any) -> None:
        if done == killed_after:
            raise Killed

    with pytest.raises(Killed):
        training.train(taught(), QUICK, decoder, 0, checkpoint=checkpoint, tell=kill)
    seen: list[int] = []
    resumed = training.train(
        taught(), QUICK, decoder, 0, checkpoint=checkpoint, tell=lambda done, *_: seen.append(done)
    )
    assert seen == list(range(killed_after + 1, 4)) and resumed.resumed_at == killed_after
    assert bytes_of(resumed) == bytes_of(whole)


@pytest.mark.parametrize("damage", ["cut", "other key", "other shapes", "no zip"])
def test_a_checkpoint_that_does_not_fit_is_no_checkpoint(tmp_path: Path, damage: str) -> None:
    checkpoint = Checkpoint(tmp_path / "state.npz", training.key(taught(), QUICK, Decoder.RESIZED, 0))
    training.train(taught(), QUICK, Decoder.RESIZED, 0, checkpoint=checkpoint)
    data, decoder = checkpoint.path.read_bytes(), Decoder.RESIZED
    if damage == "cut":
        checkpoint.path.write_bytes(data[: len(data) // 2])
    elif damage == "no zip":
        checkpoint.path.write_bytes(b"PK" + bytes(200))
    elif damage == "other key":
        checkpoint = Checkpoint(checkpoint.path, training.key(taught(), QUICK, Decoder.RESIZED, 1))
    else:
        decoder = Decoder.TRANSPOSED
    assert training.train(taught(), QUICK, decoder, 0, checkpoint=checkpoint).resumed_at == 0


def test_the_key_tells_runs_apart() -> None:
    lessons, other = taught(), taught(23)
    keys = [
        training.key(lessons, QUICK, Decoder.RESIZED, 0),
        training.key(lessons, QUICK, Decoder.RESIZED, 1),
        training.key(lessons, QUICK, Decoder.TRANSPOSED, 0),
        training.key(lessons, Recipe(), Decoder.RESIZED, 0),
        training.key(other, QUICK, Decoder.RESIZED, 0),
    ]
    assert len(set(keys)) == len(keys)
    assert training.key(taught(), QUICK, Decoder.RESIZED, 0) == keys[0]


def test_an_epoch_shows_every_scene_once_mirrored_with_its_mask() -> None:
    """Each picture tells its number, and its mask where it was brightest."""
    count = 21
    images = np.zeros((count, 8, 8, 3), dtype=np.uint8)
    images[np.arange(count), 1, 2] = np.arange(1, count + 1)[:, None]
    lessons = Lessons(images, images[..., 0] * 10, "0")
    orders, corners = [], []
    for epoch in (0, 1):
        drawn = list(training.batches(lessons, QUICK, 0, epoch))
        assert [len(one) for one, _ in drawn] == [8, 8, 8]
        shown, masks = (np.concatenate(side) for side in zip(*drawn, strict=True))
        np.testing.assert_array_equal(shown[..., 0] * 10, masks)
        numbers = shown.max(axis=(1, 2, 3)).tolist()
        assert sorted(numbers[:count]) == list(range(1, count + 1)) and numbers[count:] == numbers[:3]
        corners += [divmod(int(one[..., 0].argmax()), 8) for one in shown]
        orders.append(numbers)
    assert orders[0] != orders[1]
    assert set(corners) == {(1, 2), (1, 5), (6, 2), (6, 5)}
    assert images[0, 1, 2, 0] == 1  # the lessons themselves are as they were


def test_a_perfect_mask_costs_nothing_and_an_empty_one_is_no_fault() -> None:
    wanted = jnp.zeros((2, 16, 16)).at[0, 4:9, 4:9].set(1.0)
    assert float(training.loss((wanted - 0.5) * 60, wanted)) < 1e-4
    assert float(training.loss((0.5 - wanted) * 60, wanted)) > 20
    nothing = training.loss(jnp.full((2, 16, 16), -40.0), jnp.zeros((2, 16, 16)))
    assert float(nothing) < 1e-4


def test_lessons_are_known_by_the_digest_of_what_would_be_written() -> None:
    assert taught(5).digest == sets.digest(few(5).scenes())
    assert taught(5).images.shape == (5, 48, 64, 3) and taught(5).masks.shape == (5, 48, 64)


def test_masks_come_in_parts_and_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    params = network.folded(
        network.initial(0, QUICK, Decoder.RESIZED), dict.fromkeys(network.shapes(QUICK, Decoder.RESIZED), (0.0, 1.0))
    )
    whole = training.masks(params, taught().images, QUICK, Decoder.RESIZED)
    monkeypatch.setattr(training, "_AT_ONCE", 7)
    parts = training.masks(params, taught().images, QUICK, Decoder.RESIZED)
    assert whole.shape == (24, 48, 64)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-6)
