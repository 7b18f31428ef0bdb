from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given

from render.attacks import hostile_text, quick
from render.specimens import (
    BLOCKED,
    HEAD,
    HOSTILE,
    MANY,
    NEEDS_EVIDENCE,
    NEEDS_OWNER,
    PASSED,
    SELF_ATTESTED,
    finding,
    hostile,
    report,
)
from render.test_markdown import assert_only_ours
from smokegate.github.verdicts.check_run import CheckRun, cannot_judge, check_run, untouched
from smokegate.judge.report import Report, Verdict
from smokegate.render import markdown


def run_of(reports: list[Report], most: int = 200) -> CheckRun:
    return check_run(
        reports, name="smokegate", head_sha=HEAD, external_id="smokegate:v1:x", most_annotations=most, details_url="u"
    )


def notes_of(run: CheckRun) -> list[dict[str, Any]]:
    return [dict(one) for page in run.pages for one in page]


@pytest.mark.parametrize(
    ("reports", "conclusion", "title"),
    [
        ([PASSED], "success", "PASS: nothing blocks, 0 warnings, 1 standing"),
        ([BLOCKED], "failure", "BLOCK: 3 blocking, 1 warning, 3 standing"),
        ([NEEDS_EVIDENCE], "action_required", "NEEDS EVIDENCE: 1 blocking, 0 warnings, 0 standing"),
        ([NEEDS_OWNER], "action_required", "NEEDS OWNER: 1 blocking, 0 warnings, 0 standing"),
        ([SELF_ATTESTED], "success", "PASS (self-attested): nothing blocks, 0 warnings, 0 standing"),
        ([PASSED, BLOCKED], "failure", "BLOCK: 2 registries: 1 BLOCK, 1 PASS"),
        ([NEEDS_OWNER, PASSED], "action_required", "NEEDS OWNER: 2 registries: 1 NEEDS OWNER, 1 PASS"),
        ([], "failure", "Cannot be judged: no registry"),
    ],
)
def test_what_it_comes_to(reports: list[Report], conclusion: str, title: str) -> None:
    run = run_of(reports)
    assert (run.conclusion, run.title) == (conclusion, title)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_pass_is_green(verdict: Verdict) -> None:
    green = {"success", "neutral", "skipped"}
    assert (run_of([report(verdict)]).conclusion in green) is (verdict is Verdict.PASS)


def test_the_first_request_has_all_and_the_others_append() -> None:
    run = run_of([MANY], most=120)
    first, *further = run.created(), *run.further()
    assert {key: first[key] for key in first if key != "output"} == {
        "name": "smokegate",
        "head_sha": HEAD,
        "external_id": "smokegate:v1:x",
        "status": "completed",
        "conclusion": "failure",
        "details_url": "u",
    }
    assert [len(one["output"]["annotations"]) for one in (first, *further)] == [50, 50, 20]
    assert all(set(one) == {"output"} for one in further)
    assert {one["output"]["summary"] for one in (first, *further)} == {run.summary}
    assert run.summary.endswith("120 of 2,500 places are annotated, the worst ones.\n")


def test_without_annotations_there_is_one_request() -> None:
    for run in (run_of([BLOCKED], most=0), run_of([report()])):
        assert list(run.further()) == []
        assert "annotations" not in run.created()["output"]


def test_the_worst_come_first_over_all_registries() -> None:
    levels = [one["annotation_level"] for one in notes_of(run_of([PASSED, BLOCKED, BLOCKED]))]
    assert levels == ["failure"] * 6 + ["warning"] * 2 + ["notice"] * 7


def test_an_annotation_in_full() -> None:
    assert notes_of(run_of([BLOCKED]))[0] == {
        "path": "model/tiny/registry.json",
        "start_line": 12,
        "end_line": 12,
        "annotation_level": "failure",
        "title": "SG202 digest: vmaf_tiny_v2",
        "message": "`sha256` is not that of `vmaf_tiny_v2.onnx`: the entry says 5f0c9ab1..., the bytes are 77aa01cd..."
        "\nfix: smokegate pin vmaf_tiny_v2",
    }


@pytest.mark.parametrize(("line", "shown"), [(None, 1), (0, 1), (-3, 1), (7, 7), (10**12, 2**31 - 1)])
def test_lines_are_ones_that_github_takes(line: int | None, shown: int) -> None:
    (one,) = notes_of(run_of([report(findings=(finding(line=line),))]))
    assert one["start_line"] == one["end_line"] == shown


def test_a_finding_without_a_place_is_on_the_page_alone() -> None:
    run = run_of([report(Verdict.BLOCK, findings=(finding(path="", message="the registry vanished"),))])
    assert run.pages == ()
    assert "the registry vanished" in run.summary


def assert_taken(run: CheckRun) -> None:
    """What GitHub's limits ask of a request, and that nothing of it is obeyed or rendered."""
    assert len(run.summary.encode()) <= 65_535
    assert run.title.isprintable()
    assert len(run.title) <= 255
    assert all(0 < len(page) <= 50 for page in run.pages)
    for one in notes_of(run):
        assert one["start_line"] >= 1
        assert one["annotation_level"] in {"notice", "warning", "failure"}
        assert 0 < len(one["message"].encode()) <= 64 * 1024
        assert 0 < len(one["title"]) <= 255
        assert one["path"]
        for text in (one["path"], one["title"], *one["message"].split("\n")):
            assert text.isprintable()
            text.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_taken_and_inert(text: str) -> None:
    run = run_of([hostile(text)])
    assert_taken(run)
    assert_only_ours(run.summary)


@quick
@given(hostile_text)
def test_any_text_is_taken_and_inert(text: str) -> None:
    run = run_of([hostile(text), hostile(text * 3)])
    assert_taken(run)
    assert run.external_id == "smokegate:v1:x"


def test_long_texts_are_cut() -> None:
    long = "\u20ac`x" * 100_000
    assert_taken(run_of([hostile(long)]))
    assert_taken(run_of([report(Verdict.BLOCK, findings=(finding(code=long, check=long),))]))


def test_a_million_findings() -> None:
    findings = [finding(subject=f"m{number}", blocks=number % 2 == 0) for number in range(1_000)] * 1_000
    many = report(Verdict.BLOCK, findings=tuple(findings))
    begun = time.process_time()
    run = run_of([many])
    assert time.process_time() - begun < 30
    assert_taken(run)
    assert len(notes_of(run)) == 200
    assert "### Blocking (500,000)" in run.summary


def test_a_pull_request_that_touches_no_registry_passes_quietly() -> None:
    run = untouched(name="smokegate", head_sha=HEAD, external_id="e")
    assert (run.conclusion, run.pages, list(run.further())) == ("success", (), [])
    assert "details_url" not in run.created()
    assert markdown.MARKER not in run.summary


@pytest.mark.parametrize("text", HOSTILE)
def test_what_cannot_be_judged_does_not_pass(text: str) -> None:
    run = cannot_judge(f"no: {text}", fix=text, name="smokegate", head_sha=HEAD, external_id="e")
    assert run.conclusion == "failure"
    assert_taken(run)
    assert_only_ours(run.summary)
