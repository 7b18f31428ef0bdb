from __future__ import annotations

import math
import random
import statistics
import time
from typing import Any

import pytest

from evidence.specimens import SALIENCY, items
from smokegate.evidence import comparison
from smokegate.evidence.gates import GateResult, evaluate
from smokegate.policy import Bound, Gate

MASK = (1 << 64) - 1


def verdict(rows: Any, gate: Gate = SALIENCY, **fields: Any) -> GateResult:
    return evaluate(gate, "saliency-iou", {"shape": "comparison", "metric": "iou", "items": rows, **fields}, ())


def pairs(differences: list[float]) -> list[dict[str, Any]]:
    return [{"id": str(at), "candidate": 0.5 + one, "incumbent": 0.5} for at, one in enumerate(differences)]


def scrambled(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def plainly(differences: list[float], gate: Gate) -> tuple[float, float]:
    """The bootstrap in plain Python, one draw at a time."""
    count, gamma = len(differences), 0x9E3779B97F4A7C15
    start = scrambled((gate.bootstrap_seed * gamma + gamma) & MASK)
    means = []
    for resample in range(gate.resamples):
        first = start + resample * count
        drawn = [((scrambled(((first + j) * gamma) & MASK) >> 32) * count) >> 32 for j in range(count)]
        means.append(math.fsum(differences[at] for at in drawn) / count)
    means.sort()
    cut = math.floor((1 - gate.confidence) / 2 * gate.resamples + 1e-12)
    return means[cut], means[-1 - cut]


@pytest.mark.parametrize("seed", [0, 1, 2**53 - 1])
@pytest.mark.parametrize("count", [2, 3, 17])
def test_the_interval_is_that_of_a_plain_bootstrap(seed: int, count: int) -> None:
    gate = SALIENCY.model_copy(update={"resamples": 1000, "bootstrap_seed": seed})
    draw = random.Random(count)  # noqa: S311
    differences = [draw.gauss(0.01, 0.05) for _ in range(count)]
    assert comparison.interval(differences, gate) == pytest.approx(plainly(differences, gate), abs=1e-15)


def test_the_interval_says_the_same_for_ever() -> None:
    low, high = comparison.interval([0.01 * (at % 7) - 0.02 for at in range(50)], SALIENCY)
    assert (low.hex(), high.hex()) == ("0x1.f212d77318fc4p-9", "0x1.eb851eb851eb8p-7")


def test_the_interval_is_what_theory_expects() -> None:
    draw = random.Random(5)  # noqa: S311
    differences = [draw.gauss(0.02, 0.1) for _ in range(400)]
    low, high = comparison.interval(differences, SALIENCY)
    error = statistics.stdev(differences) / 20
    assert low == pytest.approx(statistics.fmean(differences) - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(statistics.fmean(differences) + 1.96 * error, abs=0.1 * error)


def test_a_clear_gain_promotes() -> None:
    result = verdict(items())
    assert result.passed and not result.inconclusive
    assert result.rule is not None and result.rule.low is not None and result.rule.low > 0
    assert [one.name for one in result.metrics] == ["difference", "difference_low"]


def test_an_interval_that_holds_zero_is_inconclusive() -> None:
    result = verdict(pairs([0.3, -0.28] * 30))
    assert not result.passed and result.inconclusive
    assert any(reason.startswith("inconclusive: ") for reason in result.reasons)


def test_the_same_model_twice_is_inconclusive() -> None:
    assert verdict(pairs([0.0] * 50)).inconclusive


def test_a_loss_is_called_one() -> None:
    result = verdict(pairs([-0.1, -0.11, -0.12] * 9))
    assert not result.passed and not result.inconclusive
    assert "the incumbent is better" in " ".join(result.reasons)


def test_a_gain_below_the_margin_holds() -> None:
    gate = SALIENCY.model_copy(update={"margin": 0.05})
    result = verdict(pairs([0.04, 0.045, 0.05] * 9), gate)
    assert not result.passed and not result.inconclusive
    assert "less than the margin of 0.05" in " ".join(result.reasons)
    assert verdict(pairs([0.05] * 9), gate).passed


@pytest.mark.parametrize("rows", [[], items(1), items(1, incumbent=False), None, "x", {}])
def test_fewer_than_two_items_never_promote(rows: Any) -> None:
    result = verdict(rows)
    assert not result.passed
    assert "at least two" in " ".join(result.reasons)


@pytest.mark.parametrize(("confidence", "least"), [(0.9, 5), (0.95, 6), (0.99, 8)])
def test_so_few_items_that_chance_alone_favours_one_side_never_promote(confidence: float, least: int) -> None:
    """By the sign test: no interval of two equal gains is wider than nothing."""
    gate = SALIENCY.model_copy(update={"confidence": confidence})
    assert verdict(pairs([0.01] * least), gate).passed
    result = verdict(pairs([0.01] * (least - 1)), gate)
    assert not result.passed
    assert f"at least {least} are needed" in " ".join(result.reasons)


@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        (lambda rows: rows[3].update(candidate=float("nan")), "candidate's number of item item-3 is undefined"),
        (lambda rows: rows[3].update(candidate="0.9"), "candidate's number of item item-3 is undefined"),
        (lambda rows: rows[3].update(incumbent=float("inf")), "incumbent's number of item item-3 is undefined"),
        (lambda rows: rows[3].update(incumbent=None), "1 of 40 items have no number of the incumbent"),
        (lambda rows: rows.append(rows[0]), "item item-0 is there 2 times"),
        (lambda rows: rows[3].pop("id"), "item 3 has no id"),
        (lambda rows: rows.__setitem__(0, None), "item 0 has no id"),
        (lambda rows: rows[3].update(candidate=1.7e308, incumbent=-1.7e308), "beyond what float64 holds"),
    ],
)
def test_items_that_cannot_be_compared_never_promote(tamper: Any, why: str) -> None:
    rows = items()
    tamper(rows)
    result = verdict(rows)
    assert not result.passed
    assert why in " ".join(result.reasons)


def test_without_an_incumbent_the_minimum_decides() -> None:
    assert verdict(items(incumbent=False)).passed
    low = verdict(items(gain=-0.2, incumbent=False))
    assert not low.passed and "candidate is" in low.reasons[0]
    unbound = SALIENCY.model_copy(update={"bounds": {}})
    result = verdict(items(incumbent=False), unbound)
    assert not result.passed and "no `min` for `candidate`" in " ".join(result.reasons)
    assert verdict(items(), unbound).passed


def test_the_pooled_numbers_can_be_bounded_too() -> None:
    gate = SALIENCY.model_copy(update={"bounds": {"micro_difference": Bound(min=0.02)}})
    assert verdict(items(), gate, micro={"candidate": 0.7, "incumbent": 0.65}).passed
    assert not verdict(items(), gate, micro={"candidate": 0.66, "incumbent": 0.65}).passed
    assert not verdict(items(), gate).passed


def test_another_metric_is_another_comparison() -> None:
    result = verdict(items(), metric="psnr")
    assert not result.passed and "compares iou" in result.reasons[0]


def test_too_many_items_are_refused_at_once() -> None:
    started = time.process_time()
    assert "group them" in " ".join(verdict(items(comparison.MOST_ITEMS + 1)).reasons)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_fixed_point_holds_at_every_scale(scale: float) -> None:
    differences = [scale * (at % 5 - 1) for at in range(20)]
    gate = SALIENCY.model_copy(update={"resamples": 1000})
    low, high = comparison.interval(differences, gate)
    expected = comparison.interval([one / scale for one in differences], gate)
    assert (low / scale, high / scale) == pytest.approx(expected, rel=1e-9)
