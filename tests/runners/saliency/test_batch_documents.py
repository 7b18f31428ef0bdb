"""The manifest's and the report's schemas and models give one verdict on one input; what is written fits."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from markdown_it import MarkdownIt
from pydantic import BaseModel, ValidationError

from registry.test_models import STRANGE, mutated
from runners.generate import SCHEMAS, schema
from runners.saliency.batch_documents import TITLES
from runners.saliency.batches import laid_out, ran, reported
from smokegate.registry import schemas
from smokegate_runners.saliency.batches import batch_report
from smokegate_runners.saliency.batches.batch import Rules
from smokegate_runners.saliency.batches.batch_document import BatchReport

HINT = "run: PYTHONPATH=bot:runners:tests python -m runners.saliency.batch_documents"
TABLE = {"id": "a", "input": "a.jsonl", "output": "b.jsonl", "audit_json": None, "max_frames": 8, "ema_alpha": 0.5}
TABLE |= {"frame_samples": 4, "color": "bt709", "overwrite": False, "root": "clips", "default_width": 64}
MANIFEST = {"defaults": {"model_path": "m.onnx", "temporal_aggregator": "ema", "default_height": 48}, "tables": [TABLE]}
NUMBERS = [0, 1, 1.0, 0.5, 1.5, 4096, 4097, 65536, 65537, 10**30, -1, True]
WORDS = ["ok", "mean", "", "a\x00b", "a" * 257, "a\n", "-a", None]


@pytest.fixture
def documents(tmp_path: Path) -> dict[str, Any]:
    manifest = laid_out(tmp_path, a=["c0.mp4", "gone.mp4"], b=["c1.mp4"])
    report = reported(ran(manifest, Rules(fail_fast=True)), manifest)
    report["run_provenance"] |= {"repo": {"commit": None, "dirty": True}}
    return {"batch-manifest": MANIFEST, "saliency-materializer-batch-v1": report}


@pytest.mark.parametrize("name", TITLES)
def test_the_schema_is_the_models(name: str) -> None:
    assert (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8") == schema(name, TITLES), HINT


@pytest.mark.parametrize("name", TITLES)
def test_schema_and_model_are_of_one_mind(documents: dict[str, Any], name: str) -> None:
    model, sound = TITLES[name][0], documents[name]
    validator = jsonschema_rs.validator_for(json.loads(schemas.load(name)), offline=True)
    assert validator.is_valid(sound)
    assert admits(model, sound)
    tables = [
        {**sound, "tables": [{**sound["tables"][0], key: value}]}
        for key in sound["tables"][0]
        for value in [*NUMBERS, *WORDS]
    ]
    cases = [*mutated(sound), *tables, *STRANGE]
    verdicts = [(case, validator.is_valid(case), admits(model, case)) for case in cases]
    assert {verdict for _, verdict, _ in verdicts} == {True, False}
    assert not [case for case, by_schema, by_model in verdicts if by_schema != by_model][:1]


def admits(model: type[BaseModel], value: Any) -> bool:
    try:
        model.model_validate(copy.deepcopy(value))
    except ValidationError:
        return False
    return True


HOSTILE = "<img src=x onerror=1>`|``|\n# @everyone https://e.test #1 \x1b[31m\u202e"


def test_what_is_written_fits_and_is_read_by_people(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, a=["c0.mp4", f"{HOSTILE}/gone.mp4"], b=["bad.mp4"], c=["c1.mp4"])
    report = reported(ran(manifest, Rules()), manifest)
    report["tables"][1] |= {"status": "failed", "error": HOSTILE, "by_status": None, "coverage": None}
    BatchReport.model_validate(report)
    as_json, as_markdown = tmp_path / "r.json", tmp_path / "r.md"
    batch_report.write(report, as_json, as_markdown)
    assert json.loads(as_json.read_text()) == report
    assert as_json.read_text().endswith("}\n")
    text = as_markdown.read_text()
    lines = text.splitlines()
    assert lines[0] == "# Saliency batch: row-failures"
    assert lines[2] == "3 tables, 0 failed. 4 rows: 2 computed, 0 had values before, 2 failed."
    head, rule, *rows = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in (head, rule, *rows)} == {head.count("|")}
    assert rows[0].startswith("| `a` | row-failures | 2 | 50.00 % | 1 | 0 | 1 |")
    assert rows[1].startswith("| `b` | failed |  |  |")
    assert "| `c` | ok | 1 | 100 % | 1 |" in rows[2]
    rendered = MarkdownIt("commonmark", {"linkify": True}).enable(["table", "linkify"]).render(text)
    assert "<img" not in rendered
    assert "<a " not in rendered
    assert rendered.count("<h1>") == 1
    assert rendered.count("<table>") == 1
    assert "@everyone" not in _outside_of_code(rendered)
    assert all(line.isprintable() for line in lines)
    batch_report.write(report, None, None)


def _outside_of_code(rendered: str) -> str:
    return "".join(part.partition("</code>")[2] if at else part for at, part in enumerate(rendered.split("<code>")))


def test_all_rows_is_said_of_all_rows_alone(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, a=["c0.mp4"])
    report = reported(ran(manifest), manifest)
    report["tables"][0] |= {"coverage": 0.999999}
    assert "| 99.99 % |" in batch_report.markdown(report)
