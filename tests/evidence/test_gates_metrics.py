from __future__ import annotations

from typing import Any

import pytest

from evidence.specimens import SPEED, subject
from smokegate.evidence.documents import subjects_of
from smokegate.evidence.gates import GateResult, evaluate

GOOD = {"a": {"psnr": 31.0, "latency_ms": 35.0}, "b": {"psnr": 33.0, "latency_ms": 41.0}}
BEFORE = {"psnr": 31.2, "latency_ms": 50.0}


def verdict(entries: Any, incumbent: Any = BEFORE, names: str = "ab") -> GateResult:
    measurements = {"shape": "metrics", "entries": entries, "incumbent": incumbent}
    return evaluate(SPEED, "speed", measurements, subjects_of([subject(name) for name in names]))


def test_each_and_all() -> None:
    result = verdict(GOOD)
    assert result.passed
    told = {(one.name, one.subject): (one.value, one.margin) for one in result.metrics}
    assert told["latency_ms", None] == (38.0, 2.0)
    assert told["psnr", "a"][1] == pytest.approx(0.3)  # the drop of 0.2 is nearer to its limit than 31 is to 30


@pytest.mark.parametrize(
    ("entries", "incumbent", "why"),
    [
        ({**GOOD, "a": {"psnr": 29.9, "latency_ms": 1}}, {"psnr": 30}, "psnr of a is 29.9, less than 30"),
        (GOOD, {"psnr": 31.6}, "psnr of a is 31, 0.6 below the incumbent's, and may be 0.5"),
        (GOOD, None, "of which there is no such number"),
        (GOOD, {"psnr": "31"}, "of which there is no such number"),
        ({"a": GOOD["a"]}, BEFORE, "there are no numbers of b"),
        ({**GOOD, "c": GOOD["a"]}, BEFORE, "there are numbers of c, which is none of the subjects"),
        ({**GOOD, "b": {"psnr": 33.0}}, BEFORE, "latency_ms is undefined"),
        ({**GOOD, "b": {"psnr": None, "latency_ms": 3}}, BEFORE, "psnr of b is undefined"),
        ({**GOOD, "b": {"psnr": True, "latency_ms": 3}}, BEFORE, "psnr of b is undefined"),
        ({}, BEFORE, "there are no numbers of any entry"),
        (None, BEFORE, "there are no numbers of any entry"),
        ({"a": {}, "b": {}}, BEFORE, "psnr is asked for, and the measurements have no such number"),
    ],
)
def test_what_does_not_pass_says_why(entries: Any, incumbent: Any, why: str) -> None:
    result = verdict(entries, incumbent)
    assert not result.passed
    assert why in " ".join(result.reasons)


def test_a_drop_of_exactly_what_may_be_passes() -> None:
    assert verdict(GOOD, {"psnr": 31.5}).passed
