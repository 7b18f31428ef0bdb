"""The audit and the record in it: what is written fits, and schema and model give one verdict on one input."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel, ValidationError

from registry.test_models import STRANGE, mutated
from runners.generate import SCHEMAS, TITLES, schema
from runners.saliency.stand_in import Inline, choosing, order
from smokegate.registry import schemas
from smokegate_runners.saliency.materialize import materialize
from smokegate_runners.saliency.progress import Journal
from smokegate_runners.saliency.settings import Aggregator, Settings

HINT = "run: PYTHONPATH=bot:runners:tests python -m runners.generate"
WORDS = ["ok", "row-failures", "skipped-existing", "mean", "ema", "2026-05-06T11:10:09Z", "2026-05-06T11:10:09Z\n"]


def audited(folder: Path) -> dict[str, Any]:
    if not (folder / "a.mp4").exists():
        (folder / "a.mp4").write_bytes(b"ok a")
    (folder / "t.jsonl").write_text('{"src": "a.mp4"}\n{"src": "x/none.mp4"}\n')
    wanted = order(
        folder / "t.jsonl",
        folder / "out.jsonl",
        audit_json=folder / "audit.json",
        settings=Settings(aggregator=Aggregator.EMA),
        args={"workers": 1},
    )
    report = materialize(wanted, Inline(), Journal(io.StringIO()), choosing())
    written: dict[str, Any] = json.loads((folder / "audit.json").read_text())
    assert written == report.audit
    return written


@pytest.fixture
def documents(tmp_path: Path) -> dict[str, Any]:
    audit = audited(tmp_path)
    record = copy.deepcopy(audit["run_provenance"])
    audit["run_provenance"] |= {"repo": {"commit": None, "dirty": True}, "packages": {"python": "3"}}
    return {"ai-run-provenance-v1": record, "saliency-materializer-audit-v1": audit}


@pytest.mark.parametrize("name", TITLES)
def test_the_schema_is_the_models(name: str) -> None:
    assert (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8") == schema(name), HINT


@pytest.mark.parametrize("name", TITLES)
def test_schema_and_model_are_of_one_mind(documents: dict[str, Any], name: str) -> None:
    model, sound = TITLES[name][0], documents[name]
    validator = jsonschema_rs.validator_for(json.loads(schemas.load(name)), offline=True)
    assert validator.is_valid(sound)
    assert admits(model, sound)
    worded = [{**sound, key: word} for key in sound for word in WORDS]
    inner = [
        {**sound, key: {**sound[key], k: w}}
        for key in sound
        if isinstance(sound[key], dict)
        for k in sound[key]
        for w in WORDS
    ]
    cases = [*mutated(sound), *worded, *inner, *STRANGE]
    verdicts = [(case, validator.is_valid(case), admits(model, case)) for case in cases]
    assert {verdict for _, verdict, _ in verdicts} == {True, False}
    assert not [case for case, by_schema, by_model in verdicts if by_schema != by_model][:1]


def admits(model: type[BaseModel], value: Any) -> bool:
    try:
        model.model_validate(copy.deepcopy(value))
    except ValidationError:
        return False
    return True


def test_an_audit_is_the_same_from_run_to_run_but_for_times_and_what_was_kept(tmp_path: Path) -> None:
    first, second = audited(tmp_path), audited(tmp_path)
    assert (first["sources"]["computed"], second["sources"]["computed"]) == (1, 0)
    for changing in ("timings", "sources", "run_provenance"):
        del first[changing], second[changing]
    assert first == second
    assert first["status"] == "row-failures"
    assert first["rows"] == {"total": 2, "ok": 1, "skipped_existing": 0, "failed": 1}
    assert first["failures"] == {
        "paths": 1,
        "listed": [{"path": "x/none.mp4", "status": "missing-source", "detail": "there is no such file", "rows": 1}],
        "unlisted": 0,
        "folders": [{"folder": "x", "paths": 1, "rows": 1}],
    }
    assert first["settings"]["ema_alpha"] == 0.6


def test_failures_are_listed_in_the_order_of_the_table_and_bounded(tmp_path: Path) -> None:
    names = [f"{'ab'[number % 2]}/{number}.mp4" for number in range(150)]
    (tmp_path / "t.jsonl").write_text(
        "".join(json.dumps({"src": name}) + "\n" for name in [*names, names[3], names[3]])
    )
    report = materialize(
        order(tmp_path / "t.jsonl", tmp_path / "o.jsonl"), Inline(), Journal(io.StringIO()), choosing()
    )
    failures = report.audit["failures"]
    assert [one["path"] for one in failures["listed"]] == names[:100]
    assert (failures["paths"], failures["unlisted"], failures["listed"][3]["rows"]) == (150, 50, 3)
    assert failures["folders"] == [{"folder": "b", "paths": 75, "rows": 77}, {"folder": "a", "paths": 75, "rows": 75}]


@pytest.mark.parametrize(
    ("names", "where"),
    [
        (["clips/ugc/a.mp4", "clips/ugc/b.mp4"], ", all under clips/ugc"),
        (["clips/ugc/a.mp4"], ", all under clips/ugc"),
        (["clips/ugc/a.mp4", "clips/ugc2/b.mp4"], ", all under clips"),
        (["/data/x/a.mp4", "/data/y/b.mp4", "/data/y/c/d.mp4"], ", all under /data"),
        (["clips/a.mp4", "b.mp4"], ""),
        (["a.mp4", "b.mp4"], ""),
        (["/a.mp4"], ""),
    ],
    ids=str,
)
def test_the_advice_names_what_the_failures_have_in_common(tmp_path: Path, names: list[str], where: str) -> None:
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"src": name}) + "\n" for name in names * 2))
    report = materialize(
        order(tmp_path / "t.jsonl", tmp_path / "o.jsonl"), Inline(), Journal(io.StringIO()), choosing()
    )
    count = 2 * len(names)
    assert report.advice == (f"{count} rows: missing-source{where}: is --root right? paths start at {tmp_path}",)


def test_the_advice_gives_an_example_of_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}\x1b.mp4").write_bytes(b"bad")
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"src": f"{name}\x1b.mp4"}) + "\n" for name in "nab"))
    wanted = order(tmp_path / "t.jsonl", tmp_path / "o.jsonl")
    report = materialize(wanted, Inline(), Journal(io.StringIO()), choosing())
    assert report.advice[1] == (
        '2 rows: decode-failed: "a\\u001b.mp4" for one: not a film (--audit-json lists the others)'
    )
