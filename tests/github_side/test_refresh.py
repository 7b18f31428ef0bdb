"""The refresh: a run for each manifest, coverage against the last time, and an issue where it fell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge import Forge
from github_side.composite import load
from github_side.hub import Plan
from github_side.promotions import Town, founded
from github_side.test_promotion_faults import Killed, Meanwhile, dying
from render.specimens import HOSTILE
from render.test_markdown import FOREIGN, PARSER, assert_harmless_in_a_log, columns, flat
from runners.saliency import batches
from smokegate.errors import SmokegateError
from smokegate.github.schedule import coverage
from smokegate.github.schedule.refresh import LABEL, Refresher, announced, run_name
from smokegate.review.check import Workbench

ROOT = Path(__file__).resolve().parents[2]
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


def said(town: Town, document: bytes | None, manifest: str = MANIFESTS[0]) -> Any:
    return Refresher(town.office()).reported(manifest, document)


def test_what_is_kept_changes_no_file(town: Town) -> None:
    """GitHub lets no App without the permission `workflows` push a commit that changes one."""
    said(town, report(10))
    (ref,) = town.refs("refs/smokegate/refresh/")
    town.forge.git("switch", "-q", "main")
    town.forge.write("/.github/workflows/other.yml", "jobs: {}\n")
    town.forge.commit("somebody's workflow", save=False)
    town.offices.clear()
    said(town, report(9, 1))
    assert town.forge.git("rev-parse", f"{ref}~1^{{tree}}") == town.forge.git("rev-parse", f"{ref}^{{tree}}")
    assert town.forge.git("rev-parse", f"{ref}^{{tree}}") != town.forge.git("rev-parse", "main^{tree}")


def test_one_run_for_each_manifest_however_often_it_is_attempted(town: Town) -> None:
    run = town.run()
    first = Refresher(town.office(run)).dispatched()
    again = Refresher(town.office(run, attempt=2)).dispatched()
    assert first == again and [manifest for manifest, _ in first] == MANIFESTS
    assert [dict(one.inputs)["manifest"] for one in town.hub.stub.dispatches] == MANIFESTS
    assert {one.workflow for one in town.hub.stub.dispatches} == {"saliency-refresh.yml"}
    Refresher(town.office()).dispatched()
    assert len(town.hub.stub.dispatches) == 4


def test_of_two_workers_at_once_one_starts_them_whenever_the_other_comes(town: Town) -> None:
    for at in range(1, 100):
        town.hub.stub.dispatches.clear()
        run = town.run()
        town.hub.before = other = Meanwhile(at, Refresher(town.office(run)).dispatched)
        Refresher(town.office(run)).dispatched()
        town.hub.before = lambda _: None
        assert len(town.hub.stub.dispatches) == len(MANIFESTS), at
        if not other.happened:
            break
    assert 5 < at < 30


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
    assert "first time" in first.text and "99.00 %" in first.text and not first.wanting
    better = said(town, report(100))
    assert "100 %" in better.text and "99.00 %" in better.text and not better.wanting
    worse = said(town, report(90, 10, model="6f" * 32))
    assert worse.wanting and "**fell**" in worse.text and "by another model" in worse.text
    assert "| `missing-source` |" in worse.text and worse.issue
    assert said(town, report(50), MANIFESTS[1]).wanting is False


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
    assert gone.wanting and "Gone since the last time: `chug`" in gone.text


def failed(table: str = "chug", error: str = "disk full") -> bytes:
    """As `smokegate batch` reports a table of which nothing was written."""
    one = {"id": table, "status": "failed", "total": 0, "by_status": None, "model": None, "error": error}
    return report(1, tables=[one])


def test_a_table_that_was_not_refreshed_is_told_each_time_and_not_forgotten(town: Town) -> None:
    """What it is compared with next is what was known of it, and not nothing."""
    said(town, report(100))
    for _ in range(2):
        told = said(town, failed())
        assert told.wanting and "- Not refreshed: `chug`, `disk full`." in told.text and "100 % of 100" in told.text
        assert "**fell**" not in told.text and len(town.hub.issues) == 1
    worse = said(town, report(90, 10))
    assert worse.wanting and "100 % of 100 **fell**" in worse.text


def test_a_first_refresh_that_fails_is_told(town: Town) -> None:
    told = said(town, failed())
    assert told.wanting and "first time" in told.text and told.issue
    assert not said(town, report(90, 10)).wanting


def test_a_batch_that_leaves_no_report_is_told(town: Town) -> None:
    said(town, report(100))
    told = said(town, None)
    (issue,) = town.hub.issues.values()
    assert told.wanting and "The batch left none" in told.text and told.text in issue["body"]
    assert said(town, report(90, 10)).wanting


def test_what_got_better_is_written_into_the_issue_that_is_open(town: Town) -> None:
    said(town, report(100))
    said(town, report(90, 10))
    better = said(town, report(95, 5))
    (issue,) = town.hub.issues.values()
    assert not better.wanting and better.issue == issue["html_url"] and better.text in issue["body"]
    assert "95 (+5)" in better.text and "5 (-5)" in better.text


def test_another_attempt_of_a_run_is_compared_with_the_run_before_it(town: Town) -> None:
    said(town, report(100))
    run = town.run()
    told = [
        Refresher(town.office(run, attempt=attempt)).reported(MANIFESTS[0], report(90, 10)) for attempt in (1, 2, 3)
    ]
    assert all(one.wanting and "100 % of 100 **fell**" in one.text for one in told) and len(town.hub.issues) == 1
    assert not said(town, report(90, 10)).wanting


def test_killed_after_any_request_it_is_told_by_the_next_attempt(town: Town) -> None:
    for after in range(1, 100):
        for ref in town.refs("refs/smokegate/"):
            town.hub.git.move(ref, None)
        town.hub.issues.clear()
        said(town, report(100))
        run = town.run()
        with suppress(Killed):
            Refresher(town.office(run, hub=dying(town, after))).reported(MANIFESTS[0], report(90, 10))
            break
        again = Refresher(town.office(run, attempt=2)).reported(MANIFESTS[0], report(90, 10))
        assert again.wanting and "**fell**" in again.text and len(town.hub.issues) == 1, after
        assert not said(town, report(90, 10)).wanting, after
    assert 5 < after < 30


def test_of_many_tables_the_one_that_fell_is_shown(town: Town) -> None:
    def many(last: int) -> bytes:
        tables = [json.loads(report(10, 0, table=f"{'t' * 60}{n:04}"))["tables"][0] for n in range(999)]
        return report(1, tables=[*tables, json.loads(report(last, 10 - last, table="the-last"))["tables"][0]])

    said(town, many(10))
    worse = said(town, many(9))
    assert worse.wanting and "| `the-last` |" in worse.text and "960 more tables" in worse.text
    (issue,) = town.hub.issues.values()
    assert len(issue["body"]) < 65_536


def test_reports_that_a_batch_wrote(town: Town, tmp_path: Path) -> None:
    """Three weeks: all is well, a table cannot be read and another lost a clip, and the first comes back with less."""
    for week, (clips, told) in enumerate(
        [
            ({"chug": ["c0.mp4", "c1.mp4"], "ugc": ["c2.mp4"]}, ["| `chug` | `ok` | 2 | 100 % | first time |"]),
            (
                {"chug": ["c0.mp4", "bad.mp4"], "ugc": []},
                [
                    "50.00 % | 100 % of 2 **fell** | 1 (+1) |",
                    "| `ugc` | `failed` |  |  | 100 % of 1 |",
                    "- Not refreshed: `ugc`, ",
                ],
            ),
            ({"chug": ["c0.mp4", "bad.mp4"], "ugc": ["c2.mp4", "bad.mp4"]}, ["50.00 % | 100 % of 1 **fell** |"]),
        ]
    ):
        manifest = batches.laid_out(tmp_path / f"week-{week}", **clips)
        if not clips["ugc"]:
            (manifest.parent / "ugc.jsonl").write_text("[1")
        document = json.dumps(batches.reported(batches.ran(manifest), manifest)).encode()
        text = said(town, document).text
        assert all(one in text for one in told), text


def test_the_report_is_told_of_whatever_became_of_the_batch() -> None:
    job = load(ROOT / ".github" / "workflows" / "saliency-refresh.yml")["jobs"]["report"]
    assert job["if"].startswith("always() &&") and job["steps"][0]["continue-on-error"] is True


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "cannot be read"),
        (report(1, tables=[{"id": "a", "status": "ok", "total": 1, "by_status": {}, "model": {"sha256": 1}}]), "sense"),
        (report(1, tables=[{"id": "a", "status": "ok", "total": 1, "by_status": []}]), "makes no sense"),
        (report(1, tables=[{"id": "a", "status": "x" * 501, "total": 1, "by_status": {}}]), "makes no sense"),
        (
            report(1, tables=[{"id": "a", "status": "ok", "total": 1, "by_status": {f"s{n}": 1 for n in range(11)}}]),
            "makes no sense",
        ),
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


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_names(text: str) -> None:
    one = coverage.Table(text, text, 3, {text: 3}, text)
    now = coverage.Coverage(text, (one, replace(one, id=f"{text}2", by_status=None, error=text)))
    shown = coverage.markdown(text, [replace(one, model="another"), replace(one, id=f"{text}3")], now)
    assert_harmless_in_a_log(shown)
    tokens = list(flat(PARSER.parse(shown)))
    assert not FOREIGN & {token.type for token in tokens}, shown
    assert "html_block" not in {token.type for token in tokens} and len(set(columns(PARSER.parse(shown)))) == 1
    for token in tokens:
        if token.type == "text":
            assert not re.search(r"@\w|#\w|//|www\.|\bGH-\d|\$|:\w+:", token.content), token.content


def test_what_is_announced() -> None:
    assert "No manifest is listed" in announced([])
    assert "[run](https://github.com/x/1)" in announced([("a.json", "https://github.com/x/1"), ("b.json", None)])
    assert run_name("0" * 32).startswith("smokegate refresh ")
