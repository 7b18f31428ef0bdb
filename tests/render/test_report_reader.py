"""A report that was written is read back as the same value, and a doctored one is not read at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from render.specimens import finding, report
from smokegate.errors import DocumentError
from smokegate.judge.report import Change, Report, Verdict, What
from smokegate.render import json_report
from smokegate.render.report_reader import read


def specimens() -> list[Report]:
    flip = Change("m_v1", What.FLIPPED, ("smoke",), None, "smoke", "production", "a" * 64, "b" * 64, True)
    return [
        report(),
        replace(blocked(), changes=(flip, Change("n", What.RENAMED, was="o")), notes=("a note",)),
        report(Verdict.NEEDS_OWNER, self_attested=True, findings=(finding("SG701"),)),
    ]


def blocked() -> Report:
    debt = finding("SG601", blocks=False, introduced=False, line=None, column=None)
    return report(Verdict.BLOCK, findings=(finding(), debt))


def written(*reports: Report) -> Any:
    return json.loads(json_report.render(reports))


@pytest.mark.parametrize("one", specimens(), ids=lambda one: one.verdict.value)
def test_read_back_it_is_the_same(one: Report) -> None:
    assert read(written(one)) == [replace(one, findings=tuple(replace(f, curable=True) for f in one.findings))]


def test_a_set_comes_back_in_order() -> None:
    assert [one.verdict for one in read(written(*specimens()))] == [one.verdict for one in specimens()]
    assert read(written()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict",), "pass"),
        (("findings",), []),
        (("findings", 0, "severity"), "warn"),
        (("findings", 0, "introduced"), False),
        (("summary", "blocking"), 0),
        (("schema",), "smokegate-report-v2"),
        (("findings", 0, "line"), "12"),
        (("extra",), 1),
    ],
)
def test_what_was_doctored_is_not_read(path: tuple[Any, ...], value: Any) -> None:
    document = written(blocked())
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(DocumentError):
        read(document)


def test_no_json_value_is_taken_for_one() -> None:
    values: tuple[Any, ...] = (None, [], {}, "pass", {"schema": "smokegate-report-set-v1"})
    for value in values:
        with pytest.raises(DocumentError):
            read(value)
