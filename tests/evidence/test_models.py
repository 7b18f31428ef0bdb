"""A document's JSON Schema and its pydantic model give one verdict on one input."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel, ValidationError

from evidence.generate import SCHEMAS, TITLES, schema
from evidence.specimens import REQUEST, comparison, digest, ensemble, fold, loso, metrics
from registry.test_models import STRANGE, mutated
from smokegate.evidence.models import LosoSeed, PromoteV1, PromoteV2
from smokegate.registry import schemas

HINT = "run: PYTHONPATH=bot:tests python -m evidence.generate"
V1 = {
    "schema_version": 1,
    "verdict": "HOLD",
    "generated_at_utc": "2026-05-06T11:10:09+00:00",
    "loso_dir": "runs",
    "seeds": [0],
    "gate": {
        "passed": False,
        "mean_plcc": 0.9,
        "mean_plcc_threshold": 0.95,
        "mean_plcc_pass": False,
        "plcc_spread": 0.1,
        "plcc_spread_max": 0.005,
        "plcc_spread_pass": False,
        "per_seed_plccs": {"0": 0.9},
        "per_seed_min": 0.95,
        "per_seed_pass": False,
        "failing_seeds": [0],
    },
    "corpus": {"present": True, "corpus_root": "x", "sha256": "0" * 64, "ref_count": 1, "dis_count": 1},
    "recommendation": "r",
    "adr": "a",
    "parent_adr": "p",
}


def small(document: dict[str, Any]) -> dict[str, Any]:
    """One item of each list, so that a mutation of every member stays a matter of seconds."""
    for place in (document["gate"]["metrics"], document["subjects"]):
        del place[1:]
    measurements = document["measurements"]
    for name in ("seeds", "items"):
        del measurements.get(name, [])[1:]
    if "seeds" in measurements:
        del measurements["seeds"][0]["folds"][1:]
    document["request"] = REQUEST
    return document


DOCUMENTS: dict[str, tuple[str, type[BaseModel], Any]] = {
    "version 1": ("promote-v1", PromoteV1, V1),
    "ensemble": ("promote-v2", PromoteV2, small(ensemble())),
    "comparison": ("promote-v2", PromoteV2, small(comparison())),
    "metrics": ("promote-v2", PromoteV2, small(metrics())),
    "loso": ("loso-seed", LosoSeed, loso(0, [fold("a", 0.9)], note="n")),
}
DATES = ["2026-05-06T11:10:09Z", "2026-05-06T11:10:09.123Z", "2026-05-06 11:10:09Z", "2026-05-06T11:10:09Z\n"]


@pytest.mark.parametrize("name", TITLES)
def test_the_schema_is_the_models(name: str) -> None:
    assert (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8") == schema(name), HINT


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema_and_model_are_of_one_mind(name: str) -> None:
    schema_name, model, sound = DOCUMENTS[name]
    validator = jsonschema_rs.validator_for(json.loads(schemas.load(schema_name)), offline=True)
    assert validator.is_valid(sound)
    assert admits(model, sound)
    dated = [{**sound, "generated_at_utc": date} for date in DATES] if "verdict" in sound else []
    verdicts = [
        (value, validator.is_valid(value), admits(model, value)) for value in [*mutated(sound), *dated, *STRANGE]
    ]
    assert {verdict for _, verdict, _ in verdicts} == {True, False}
    assert not [value for value, by_schema, by_model in verdicts if by_schema != by_model][:1]


def admits(model: type[BaseModel], value: Any) -> bool:
    try:
        model.model_validate(copy.deepcopy(value))
    except ValidationError:
        return False
    return True


def test_version_2_keeps_version_1_true() -> None:
    for document in (ensemble(), comparison(), metrics()):
        assert admits(PromoteV1, {**document, "schema_version": 1})
    gate = ensemble()["gate"]
    assert gate["per_seed_plccs"].keys() == {"0", "1", "2", "3", "4"}
    assert (gate["mean_plcc_threshold"], gate["plcc_spread_max"], gate["per_seed_min"]) == (0.95, 0.005, 0.95)
    assert digest("x") != digest("y")
