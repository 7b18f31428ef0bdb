"""What one job judged, the other one reads back; what somebody put in its place is not read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from render.specimens import finding, report
from smokegate.errors import DocumentError
from smokegate.github.verdicts.verdict import Asked, Judged, Part
from smokegate.github.verdicts.verdict_document import Docket, Run, handed_over, read, render
from smokegate.judge.report import Verdict
from smokegate.policy_github import GitHub as Settings

HEAD, TIP = "a" * 40, "b" * 40
BLOCKED = report(Verdict.BLOCK, findings=(finding(),))


def docket() -> Docket:
    passed = Judged(Asked(HEAD, "main", 7), TIP, True, (Part(report(), ("ana",), ("ben",)), Part(BLOCKED)))
    conflict = Judged(Asked(HEAD, "release/1", 8), TIP, False, cannot="conflicts\n  fix: merge")
    queued = Judged(Asked(HEAD, "main", None, TIP, 9), TIP, True, (Part(report()),), queued_head="c" * 40)
    return Docket(
        "acme/models",
        HEAD,
        Settings(annotations=50, custom_roles={"Steward": "maintain"}),
        (passed, conflict, queued),
        Run(7, 2),
    )


def written() -> Any:
    return json.loads(render(docket()))


def test_it_comes_back_as_it_was() -> None:
    assert read(render(docket()).encode(), "verdict.json") == docket()


def test_a_report_too_long_to_hand_over_is_said_and_is_not_green() -> None:
    """A million findings; the other job would not read them, and nobody would be told anything."""
    assert handed_over(docket()) == (docket(), render(docket()))
    short, text = handed_over(docket(), largest=1_000)
    assert read(text.encode(), "verdict.json") == short
    passed, conflict, _ = short.judged
    assert passed.cannot is not None and "its report has " in passed.cannot and "fix: " in passed.cannot
    assert (passed.asked, passed.base_tip, passed.protected) == (docket().judged[0].asked, TIP, True)
    assert conflict == docket().judged[1]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "smokegate-verdict-v2"),
        (("repository",), "acme"),
        (("head",), "HEAD"),
        (("judged", 0, "number"), 0),
        (("judged", 0, "protected"), 1),
        (("judged", 0, "base_tip"), "main"),
        (("judged", 0, "parts", 1, "report", "verdict"), "pass"),
        (("judged", 0, "parts", 1, "report", "findings"), []),
        (("judged", 0, "parts", 0, "owners"), "ana"),
        (("judged", 0, "parts", 0, "asked_on"), ["acme/models#0"]),
        (("judged", 1, "parts"), [{"report": {}, "owners": [], "asked_by": [], "asked_on": []}]),
        (("judged", 0, "cannot"), "and yet there are parts"),
        (("judged", 0, "parts", 0, "report"), {"schema": "smokegate-report-set-v1", "verdict": "pass", "reports": []}),
        (("settings", "check_name"), "a\nb"),
        (("settings", "custom_roles"), {"Steward": "god"}),
        (("settings", "roles"), {"promote": "read"}),
        (("run",), None),
        (("run", "attempt"), 0),
        (("run", "id"), "7"),
        (("extra",), 1),
    ],
)
def test_what_was_doctored_is_not_read(path: tuple[Any, ...], value: Any) -> None:
    document = at = written()
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(DocumentError):
        read(json.dumps(document).encode(), "verdict.json")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"schema": 1, "schema": 2}', b"NaN", b"\xff"])
def test_what_is_no_json_is_not_read(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"verdict\.json"):
        read(data, "verdict.json")


def test_a_verdict_touches_what_it_speaks_of() -> None:
    quiet = Judged(Asked(HEAD, "main", 7), TIP, True, (Part(report()),))
    assert not quiet.touches
    assert replace(quiet, cannot="conflict", parts=()).touches
    assert replace(quiet, parts=(Part(BLOCKED),)).touches
    assert replace(quiet, parts=(Part(report(findings=(finding(blocks=False),))),)).touches
