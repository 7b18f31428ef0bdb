"""The refresh: a run for each manifest, coverage against the last time, and an issue where it fell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.hub import Plan
from github_side.promotions import Town, founded
from smokegate.errors import SmokegateError
from smokegate.github.refresh import LABEL, Refresher, announced, run_name
from smokegate.review.check import Workbench

MANIFESTS = ["batches/corpora.json", "batches/$(id).json"]


@pytest.fixture
def town(forge: Forge, tmp_path: Path, bench: Workbench) -> Iterator[Town]:
    town = founded(forge, tmp_path, bench, github={"refresh": MANIFESTS})
    yield town
    assert town.hub.faults == []


def report(ok: int, failed: int = 0, *, table: str = "chug", model: str = "5f" * 32, **fields: Any) -> bytes:
    total = ok + failed
    one = {
        "id": table,
        "status": "ok" if not failed else "row-failures",
        "total": total,
        "by_status": {"ok": ok, "missing-source": failed, "skipped-existing": 0},
        "model": {"id": "students_v2", "sha256": model},
    }
    return json.dumps({"schema": "saliency-materializer-batch-v1", "status": "ok", "tables": [one], **fields}).encode()


def said(town: Town, document: bytes, manifest: str = MANIFESTS[0]) -> Any:
    return Refresher(town.office()).reported(manifest, document)


def test_one_run_for_each_manifest_however_often_it_is_attempted(town: Town) -> None:
    run = town.run()
    first = Refresher(town.office(run)).dispatched()
    again = Refresher(town.office(run, attempt=2)).dispatched()
    assert first == again and [manifest for manifest, _ in first] == MANIFESTS
    assert [dict(one.inputs)["manifest"] for one in town.hub.stub.dispatches] == MANIFESTS
    assert {one.workflow for one in town.hub.stub.dispatches} == {"saliency-refresh.yml"}
    Refresher(town.office()).dispatched()
    assert len(town.hub.stub.dispatches) == 4


def test_through_faults_it_is_one_run_each(town: Town) -> None:
    for seed in range(30):
        town.hub.stub.dispatches.clear()
        town.hub.plan = Plan(rate=0.2, seed=seed)
        run = town.run()
        for attempt in range(1, 6):
            try:
                Refresher(town.office(run, attempt=attempt)).dispatched()
            except SmokegateError:
                continue
            break
        town.hub.plan = Plan()
        assert len(town.hub.stub.dispatches) == len(MANIFESTS), seed


def test_coverage_is_compared_with_the_last_time(town: Town) -> None:
    first = said(town, report(99, 1))
    assert "first time" in first.text and "99.00 %" in first.text and not first.fell
    better = said(town, report(100))
    assert "100 %" in better.text and "99.00 %" in better.text and not better.fell
    worse = said(town, report(90, 10, model="6f" * 32))
    assert worse.fell and "**fell**" in worse.text and "by another model" in worse.text
    assert "| `missing-source` |" in worse.text and worse.issue
    assert said(town, report(50), MANIFESTS[1]).fell is False


def test_one_issue_however_often_it_falls(town: Town) -> None:
    for ok in (100, 90, 80, 70):
        found = said(town, report(ok, 100 - ok))
    (issue,) = town.hub.issues.values()
    assert found.issue == issue["html_url"] and "70.00 %" in issue["body"]
    assert [label["name"] for label in issue["labels"]] == [LABEL]
    issue["state"] = "closed"
    said(town, report(60, 40))
    assert len(town.hub.issues) == 2


def test_an_issue_that_somebody_else_wrote_with_our_marker_is_not_ours(town: Town) -> None:
    said(town, report(100))
    said(town, report(90, 10))
    (issue,) = town.hub.issues.values()
    issue["user"] = town.hub.user("mallory")
    said(town, report(80, 20))
    assert len(town.hub.issues) == 2


def test_a_table_that_is_gone_fell(town: Town) -> None:
    said(town, report(100))
    gone = said(town, report(100, table="konvid"))
    assert gone.fell and "Gone since the last time: `chug`" in gone.text


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "cannot be read"),
        (b"[]", "not of the form"),
        (b'{"schema": "other"}', "not of the form"),
        (report(1, tables=None), "lists no tables"),
        (report(1, tables=[{}]), "makes no sense"),
        (report(1, tables=[{"id": 1, "status": "ok", "total": 1, "by_status": {}}]), "makes no sense"),
        (report(1, tables=[{"id": "a", "status": "ok", "total": -1, "by_status": {}}]), "makes no sense"),
        (report(1, tables=[{"id": "a", "status": "ok", "total": 1, "by_status": {"ok": 1e400}}]), "cannot be read"),
        (report(1, status=7), "makes no sense"),
    ],
)
def test_what_is_no_report_is_refused(town: Town, document: bytes, told: str) -> None:
    with pytest.raises(SmokegateError, match=told):
        said(town, document)
    assert town.refs("refs/smokegate/refresh/") == []


def test_a_manifest_that_the_policy_does_not_name(town: Town) -> None:
    with pytest.raises(SmokegateError, match="refreshes no manifest"):
        said(town, report(1), "other.json")


def test_what_was_kept_and_makes_no_sense_counts_as_the_first_time(town: Town) -> None:
    said(town, report(100))
    (ref,) = town.refs("refs/smokegate/refresh/")
    tree = town.forge.git("rev-parse", "main^{tree}")
    for message in ("smokegate refresh\n\n{}", "smokegate refresh\n\n[1", "another thing"):
        town.hub.git.move(ref, town.hub.git.commit(message, tree, [], "mallory"))
        assert "first time" in said(town, report(90, 10)).text


def test_hostile_names_stay_names(town: Town) -> None:
    text = said(town, report(3, table="`x` | @everyone\n<script>", status="::error::")).text
    assert "\n<script>" not in text and "`@everyone" not in text
    assert not any(line.startswith("::") for line in text.splitlines())


def test_what_is_announced() -> None:
    assert "No manifest is listed" in announced([])
    assert "[run](https://github.com/x/1)" in announced([("a.json", "https://github.com/x/1"), ("b.json", None)])
    assert run_name("0" * 32).startswith("smokegate refresh ")
