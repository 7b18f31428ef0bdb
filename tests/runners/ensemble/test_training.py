from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from runners.ensemble.one_at_a_time import OneModel
from runners.ensemble.small import QUICK, taught, uneven
from smokegate.evidence.measure import pearson
from smokegate_runners.ensemble import network, training
from smokegate_runners.ensemble.checkpoint import Checkpoint
from smokegate_runners.ensemble.plan import Fit, epoch_of, leaving_one_out, on_everything, plan, shape_of
from smokegate_runners.ensemble.recipe import SEEDS, Recipe


def test_all_together_come_to_what_each_comes_to_alone() -> None:
    """The acceptance bound is 1e-4 in PLCC; what is held here is the scores themselves.

    With a decay that is felt: the recipe's own is too small to tell a gradient's decay from a weight's.
    """
    rows, recipe = taught(), Recipe(epochs=12, weight_decay=0.05)
    work = plan(rows, leaving_one_out(rows, (0, 1)) + on_everything((0,)))
    together = training.train(rows, work, recipe)
    every = np.arange(rows.count, dtype=np.int32)
    found = training.predicted(rows, together, dict.fromkeys(range(len(work.fits)), every))
    for at, fit in enumerate(work.fits):
        alone = OneModel(rows, fit, work.train[at], recipe)
        key = jnp.asarray(network.dropout_key(fit))

        def masks(epoch: int, step: int, key: Any = key) -> Sequence[Any]:
            return network.dropout(key, jnp.uint32(epoch), jnp.uint32(step), recipe.batch_size, recipe)

        for number in range(recipe.epochs):
            alone.epoch(number, fit.generator("order", number).permutation(work.train[at]), masks)
        scores = alone.scores(every)
        assert np.max(np.abs(scores - found[at])) < 2e-3, fit
        held_out = work.held_out[at]
        if len(held_out):
            targets = rows.targets[held_out].tolist()
            one, other = (pearson(side[held_out].tolist(), targets) for side in (scores, found[at]))
            assert one is not None and other is not None and abs(one - other) <= 1e-4, fit


def test_the_recipe() -> None:
    recipe = Recipe()
    assert recipe.widths == (20, 64, 64, 1)
    assert (recipe.epochs, recipe.batch_size, recipe.lr, recipe.weight_decay) == (200, 32, 5e-4, 1e-5)
    assert (recipe.dropout, recipe.b1, recipe.b2, recipe.eps) == (0.1, 0.9, 0.999, 1e-8)
    assert SEEDS == (0, 1, 2, 3, 4)


def test_a_model_is_the_same_whatever_is_trained_beside_it() -> None:
    rows = taught()
    many = plan(rows, leaving_one_out(rows, (0, 1)))
    lone = plan(rows, many.fits[4:5])
    among = training.train(rows, many, QUICK).one(4)
    alone = training.train(rows, lone, QUICK).one(0)
    for (weights, biases), (others, other_biases) in zip(among[0], alone[0], strict=True):
        np.testing.assert_allclose(weights, others, rtol=0, atol=1e-5)
        np.testing.assert_allclose(biases, other_biases, rtol=0, atol=1e-5)


def test_every_row_is_seen_once_an_epoch_and_no_other() -> None:
    rows = taught()
    work = plan(rows, leaving_one_out(rows, (0,)))
    steps, full = shape_of(work, 32)
    assert len({len(train) for train in work.train}) > 1 and full < steps
    one, other = epoch_of(work, 0, 32), epoch_of(work, 1, 32)
    for at, train in enumerate(work.train):
        counted = np.ones(one.rows[:, at].shape)
        counted[full:] = one.weights[:, at]
        assert sorted(one.rows[:, at][counted > 0].tolist()) == train.tolist()
        assert one.rows[:, at].tolist() != other.rows[:, at].tolist()
        assert not set(train.tolist()) & set(work.held_out[at].tolist())


def test_a_scaler_sees_its_training_rows_alone() -> None:
    rows = taught()
    work = plan(rows, leaving_one_out(rows, (0,)))
    mean, deviation = training.scalers(rows, work)
    for at, train in enumerate(work.train):
        np.testing.assert_allclose(mean[at], rows.features[train].mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(deviation[at], rows.features[train].std(axis=0), rtol=1e-4)
    assert not np.allclose(mean[0], mean[1])


def test_dropout_leaves_out_one_in_ten_anew_each_step_and_layer() -> None:
    recipe = Recipe()
    keys = [jnp.asarray(network.dropout_key(fit)) for fit in (Fit(0, "a"), Fit(0, "b"), Fit(0))]
    drawn = [
        np.asarray(mask)
        for key in keys
        for step in range(40)
        for mask in network.dropout(key, jnp.uint32(3), jnp.uint32(step), 32, recipe)
    ]
    dropped = np.stack(drawn) == 0
    assert abs(dropped.mean() - 0.1) < 0.002
    assert np.abs(dropped.mean(axis=0) - 0.1).max() < 0.1  # no unit is favoured
    assert len({mask.tobytes() for mask in dropped}) == len(dropped)
    together = np.corrcoef(dropped.reshape(len(dropped), -1).astype(float))
    assert np.abs(together - np.eye(len(dropped))).max() < 0.12  # 4.5 sigma of 2,048 draws, of 28,000 pairs
    assert set(np.unique(np.stack(drawn))) == {np.float32(0), np.float32(1 / 0.9)}


def test_a_feature_that_never_moves() -> None:
    """It is fed as it is, and nothing is divided by zero."""
    found = [{**row, "motion2": 0.0} for row in uneven()]
    rows = taught(found)
    done = training.train(rows, plan(rows, on_everything((0,))), QUICK)
    assert done.deviation[0][-1] == 1.0 and np.isfinite(done.layers[0][0]).all()


def test_fewer_rows_than_a_batch() -> None:
    rows = taught(uneven()[:20])
    work = plan(rows, leaving_one_out(rows, (0,)))
    assert shape_of(work, 32) == (1, 0)
    assert np.isfinite(training.train(rows, work, QUICK).loss)


def test_scores_come_in_parts_and_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = taught()
    work = plan(rows, leaving_one_out(rows, (0,)))
    trained = training.train(rows, work, QUICK)
    wanted = {2: work.held_out[2], 0: work.held_out[0]}
    whole = training.predicted(rows, trained, wanted)
    monkeypatch.setattr(training, "_ROWS_AT_ONCE", 7)
    parts = training.predicted(rows, trained, wanted)
    assert set(parts) == {0, 2}
    for at, held_out in wanted.items():
        assert len(parts[at]) == len(held_out)
        np.testing.assert_allclose(parts[at], whole[at], rtol=1e-5, atol=1e-5)


class Killed(Exception):
    pass


@pytest.mark.parametrize("killed_after", [1, 2, 5, 6])
def test_killed_and_resumed_it_comes_to_the_same_weights(tmp_path: Path, killed_after: int) -> None:
    rows, recipe = taught(), Recipe(epochs=7)
    work = plan(rows, leaving_one_out(rows, (0,)))
    whole = training.train(rows, work, recipe)
    checkpoint = Checkpoint(tmp_path / "state.npz", training.key(rows, work, recipe))

    def kill(done: int, *_: Any) -> None:
        if done == killed_after:
            raise Killed

    with pytest.raises(Killed):
        training.train(rows, work, recipe, checkpoint=checkpoint, every=2, tell=kill)
    seen: list[int] = []
    resumed = training.train(
        rows, work, recipe, checkpoint=checkpoint, every=2, tell=lambda done, *_: seen.append(done)
    )
    kept = killed_after // 2 * 2
    assert seen == list(range(kept + 1, 8)) and resumed.resumed_at == kept
    for mine, theirs in zip(resumed.layers, whole.layers, strict=True):
        assert all(one.tobytes() == other.tobytes() for one, other in zip(mine, theirs, strict=True))


@pytest.mark.parametrize("damage", ["cut", "other key", "other shapes", "no zip"])
def test_a_checkpoint_that_does_not_fit_is_no_checkpoint(tmp_path: Path, damage: str) -> None:
    rows = taught()
    work = plan(rows, on_everything((0,)))
    checkpoint = Checkpoint(tmp_path / "state.npz", training.key(rows, work, QUICK))
    training.train(rows, work, QUICK, checkpoint=checkpoint)
    data = checkpoint.path.read_bytes()
    if damage == "cut":
        checkpoint.path.write_bytes(data[: len(data) // 2])
    elif damage == "no zip":
        checkpoint.path.write_bytes(b"PK" + bytes(200))
    elif damage == "other key":
        checkpoint = Checkpoint(checkpoint.path, training.key(rows, work, Recipe(epochs=4)))
    else:
        work = plan(rows, on_everything((0, 1)))
    assert training.train(rows, work, QUICK, checkpoint=checkpoint).resumed_at == 0


def test_the_key_tells_runs_apart() -> None:
    rows, other = taught(), taught(uneven()[:-1])
    fits = on_everything((0,))
    keys = [
        training.key(rows, plan(rows, fits), QUICK),
        training.key(other, plan(other, fits), QUICK),
        training.key(rows, plan(rows, on_everything((1,))), QUICK),
        training.key(rows, plan(rows, leaving_one_out(rows, (0,))), QUICK),
        training.key(rows, plan(rows, fits), Recipe(epochs=3, lr=1e-3)),
    ]
    assert len(set(keys)) == len(keys)
    assert training.key(rows, plan(rows, fits), QUICK) == keys[0]
