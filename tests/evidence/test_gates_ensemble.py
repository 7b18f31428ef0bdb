from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from evidence.specimens import ENSEMBLE, fold, loso, measured, seeds, subject
from smokegate.evidence.documents import subjects_of
from smokegate.evidence.gates import GateResult, evaluate
from smokegate.policy import Bound, Gate


def verdict(rows: Any, subjects: list[dict[str, Any]] | None = None, gate: Gate = ENSEMBLE) -> GateResult:
    return evaluate(gate, "ensemble-plcc", {"shape": "ensemble", "seeds": rows}, subjects_of(subjects or []))


def flat(*means: float | None) -> list[dict[str, Any]]:
    """Seeds whose every fold has one PLCC."""
    return [loso(seed, [fold(source, value) for source in "abc"]) for seed, value in enumerate(means)]


def single(result: GateResult) -> dict[str, float | None]:
    return {one.name: one.value for one in result.metrics if one.subject is None}


def test_a_thousand_random_ensembles_come_to_what_numpy_says() -> None:
    draw = random.Random(20261101)  # noqa: S311
    verdicts = set()
    for _ in range(1000):
        table = np.array([[draw.gauss(draw.choice([0.9525, 0.97]), 0.004) for _ in range(draw.choice([1, 6, 9]))] * 1])
        table = np.clip(np.repeat(table, 5, axis=0) + np.array([[draw.gauss(0, 0.0018)] for _ in range(5)]), -1, 1)
        match draw.randrange(8):
            case 0:
                table[draw.randrange(5), draw.randrange(table.shape[1])] = np.nan
            case 1:
                table[:] = 0.95
            case 2:
                table[:] = 0.95
                table[draw.randrange(5), :] = 0.955
        rows = [
            loso(seed, [fold(f"s{at}", None if np.isnan(value) else float(value)) for at, value in enumerate(row)])
            for seed, row in enumerate(table)
        ]
        result = verdict(rows)
        by_seed: np.ndarray[Any, np.dtype[np.float64]] = table.mean(axis=1, dtype=np.float64)
        overall, spread = float(np.mean(by_seed)), float(np.ptp(by_seed))
        ours = single(result)
        each = {one.subject: one.value for one in result.of("seed_plcc")}
        for seed in range(5):
            _same(each[str(seed)], float(by_seed[seed]))
        _same(ours["mean_plcc"], overall)
        _same(ours["plcc_spread"], spread)
        expected = bool(overall >= 0.95 - 1e-12 and spread <= 0.005 + 1e-12 and np.all(by_seed >= 0.95 - 1e-12))
        assert result.passed == expected, (result.reasons, overall, spread)
        verdicts.add((result.passed, bool(np.isnan(overall)), bool(abs(spread - 0.005) < 1e-12)))
    assert {(True, False, False), (True, False, True), (False, False, False), (False, True, False)} <= verdicts


def _same(ours: float | None, theirs: float) -> None:
    assert (ours is None) == bool(np.isnan(theirs))
    assert ours is None or abs(ours - theirs) <= 1e-12


@pytest.mark.parametrize(
    ("means", "passed"),
    [
        ((0.95,) * 5, True),
        ((0.95, 0.955, 0.95, 0.95, 0.95), True),  # 0.955 - 0.95 is 0.005000000000000004
        ((0.95, 0.9550001, 0.95, 0.95, 0.95), False),
        ((0.9499999, 0.952, 0.952, 0.952, 0.952), False),
        ((0.994, 0.999, 0.995, 0.995, 0.995), True),
        ((1.0, 1.0, 1.0, 1.0, 1.0), True),
    ],
)
def test_what_lies_on_a_bound_meets_it(means: tuple[float, ...], passed: bool) -> None:
    assert verdict(flat(*means)).passed == passed


@pytest.mark.parametrize("undefined", [None, float("nan"), float("inf"), "0.99", True, 10**400])
def test_an_undefined_fold_fails_and_does_not_vanish(undefined: Any) -> None:
    rows = seeds()
    rows[2]["folds"][1]["plcc"] = undefined
    result = verdict(rows)
    assert not result.passed
    assert single(result)["mean_plcc"] is single(result)["plcc_spread"] is None
    assert "the PLCC of seed 2 with ElFuente1 held out is undefined" in result.reasons
    assert {one.subject: one.passed for one in result.of("seed_plcc")}["2"] is False


@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        (lambda rows: rows.pop(3), "seed 3 is missing"),
        (lambda rows: rows.append(rows[1]), "seed 1 is there 2 times"),
        (lambda rows: rows[4].update(seed=7), "seed 7 is not one that the gate names"),
        (lambda rows: rows[4].update(seed="4"), "item 4 of the measurements says no seed"),
        (lambda rows: rows[0]["folds"].pop(), "seed 0 has no fold for Tennis"),
        (lambda rows: rows[0]["folds"].append(rows[0]["folds"][0]), "seed 0 holds out BigBuckBunny 2 times"),
        (lambda rows: rows[0]["folds"].clear(), "seed 0 has no folds"),
        (lambda rows: rows[0].update(note="dry-run"), "seed 0 is from a dry run"),
        (lambda rows: rows[0].update(note="a DRY_RUN, on two rows"), "seed 0 is from a dry run"),
        (lambda rows: rows[0]["folds"][0].update(held_out=3), "a fold of seed 0 does not say what it held out"),
        (
            lambda rows: rows[1]["folds"][0].update(n_val=2),
            "the PLCC of seed 1 with BigBuckBunny held out is of 2 rows, which can show nothing",
        ),
        (lambda rows: rows.clear(), "there are no numbers of any seed"),
    ],
)
def test_an_incomplete_set_never_passes(tamper: Any, why: str) -> None:
    rows = seeds()
    tamper(rows)
    result = verdict(rows)
    assert not result.passed
    assert why in result.reasons


@pytest.mark.parametrize("rows", [None, {}, "x", [None], [[]], [{"seed": 0, "folds": None}]])
def test_what_is_no_set_of_seeds_never_passes(rows: Any) -> None:
    assert not verdict(rows).passed


def test_a_spread_over_four_of_five_seeds_is_no_spread() -> None:
    assert single(verdict(flat(0.96, 0.961, 0.962, 0.963)))["plcc_spread"] is None


def test_the_exported_bytes_meet_the_bound_themselves() -> None:
    rows = [subject(f"m{seed}", seed) for seed in range(5)]
    assert verdict(seeds(), rows).passed
    rows[3]["measured"] = {"fp32": measured(0.91), "int8": None}
    assert "exported_plcc of m3 is 0.91, less than 0.95" in verdict(seeds(), rows).reasons
    rows[3]["measured"] = None
    assert "exported_plcc of m3 is undefined" in verdict(seeds(), rows).reasons


def test_what_the_twin_may_lose_can_be_bounded() -> None:
    gate = ENSEMBLE.model_copy(update={"bounds": {"int8_drop": Bound(max=0.004, over="each")}})
    rows = [subject("a", 0), subject("b", 1, int8_sha256=None), subject("c", 2)]
    rows[2]["measured"]["int8"] = None
    result = verdict(seeds(), rows, gate)
    assert [(one.subject, one.passed) for one in result.of("int8_drop")] == [("a", True), ("c", False)]


def test_other_metrics_of_the_shape() -> None:
    names = {"mean_srocc": Bound(min=0.9), "mean_rmse": Bound(max=2.0), "fold_plcc": Bound(min=0.971, over="each")}
    result = verdict(seeds(), gate=ENSEMBLE.model_copy(update={"bounds": names}))
    assert single(result)["mean_rmse"] == pytest.approx(1.5)
    assert sum(not one.passed for one in result.of("fold_plcc")) == 5
    assert "fold_plcc of seed 0, BigBuckBunny is 0.97, less than 0.971" in result.reasons


@pytest.mark.parametrize(
    ("bounds", "why"),
    [
        ({}, "has no bounds"),
        ({"mean_plcc": Bound()}, "has no bounds"),
        ({"mean_plcc": Bound(min=0.9), "latency": Bound(max=3)}, "latency is asked for, and the measurements have no"),
        ({"mean_plcc": Bound(max_drop=0.1)}, "against the incumbent, of which there is no such number"),
    ],
)
def test_a_gate_that_cannot_be_met_is_not(bounds: dict[str, Bound], why: str) -> None:
    result = verdict(seeds(), gate=ENSEMBLE.model_copy(update={"bounds": bounds}))
    assert not result.passed
    assert why in " ".join(result.reasons)


def test_measurements_of_another_shape_never_pass() -> None:
    result = evaluate(ENSEMBLE, "g", {"shape": "metrics", "entries": {"a": {"mean_plcc": 0.99}}}, ())
    assert not result.passed and "shape" in result.reasons[0]
