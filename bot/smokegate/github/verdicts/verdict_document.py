"""`smokegate-verdict-v1`: what the job that judges hands to the job that publishes.

The first one parses models and may only read; the second one may write, and believes nothing but what fits the schema.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from smokegate import __version__
from smokegate.errors import DocumentError, SmokegateError
from smokegate.github.verdicts.verdict import Asked, Judged, Part
from smokegate.judge.report import Report
from smokegate.policy_github import GitHub as Settings
from smokegate.registry import schemas
from smokegate.registry.document import DocumentFault, read_json
from smokegate.registry.json_schema import CompiledSchema
from smokegate.render import json_report, report_reader

SCHEMA = "smokegate-verdict-v1"
LARGEST = 256 << 20
_DEPTH = 32
_NEEDED = {"check_name", "annotations", "custom_roles"}
_SHOWN = 3
_AGAIN = "run the job that judges once more"


@dataclass(frozen=True, slots=True)
class Run:
    """The workflow run that judged, and which of its attempts: what an earlier one found may not hold any more."""

    id: int = 1
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Docket:
    """One head, and what was found of it for each base that it wants to go to."""

    repository: str
    head: str
    settings: Settings
    """The default branch's word on how this repository uses GitHub; of them, those that publishing needs."""
    judged: tuple[Judged, ...]
    run: Run = Run()


def render(docket: Docket, *, version: str = __version__) -> str:
    return json_report.strict(
        {
            "schema": SCHEMA,
            "repository": docket.repository,
            "head": docket.head,
            "run": {"id": docket.run.id, "attempt": docket.run.attempt},
            "settings": docket.settings.model_dump(mode="json", include=_NEEDED),
            "judged": [_judged(one, version) for one in docket.judged],
            "tool": {"name": "smokegate", "version": version},
        }
    )


def handed_over(docket: Docket, largest: int = LARGEST) -> tuple[Docket, str]:
    """A docket that the other job will read, and its text. Of a report beyond that it is told that there is one."""
    text = render(docket)
    if len(text.encode()) <= largest:
        return docket, text
    told = sum(len(report.findings) for one in docket.judged for report in one.reports)
    why = SmokegateError(
        f"its report has {told:,} findings, and takes more than the {largest:,} bytes that are handed on",
        fix="see what is wrong with `smokegate check` in a clone, or split the pull request",
    )
    short = replace(
        docket, judged=tuple(replace(one, parts=(), cannot=one.cannot or str(why)) for one in docket.judged)
    )
    return short, render(short)


def _judged(judged: Judged, version: str) -> dict[str, Any]:
    return {
        "number": judged.asked.number,
        "base_ref": judged.asked.base_ref,
        "base_tip": judged.base_tip,
        "queue_base": judged.asked.queue_base,
        "queued": judged.asked.queued,
        "queued_head": judged.queued_head,
        "protected": judged.protected,
        "cannot": judged.cannot,
        "parts": [
            {
                "report": json.loads(json_report.render([part.report], version=version)),
                "owners": list(part.owners),
                "asked_by": list(part.asked_by),
                "asked_on": list(part.asked_on),
            }
            for part in judged.parts
        ],
    }


def read(data: bytes, name: str) -> Docket:
    document = read_json(data, name, max_bytes=LARGEST, max_depth=_DEPTH)
    if isinstance(document, DocumentFault):
        raise DocumentError(f"{name}: {document.message}", fix=_AGAIN)
    value = document.value
    if wrong := _wrong(value):
        raise DocumentError(f"{name} is no verdict: {'; '.join(wrong)}", fix=_AGAIN)
    head: str = value["head"]
    judged = tuple(_read(one, head) for one in value["judged"])
    return Docket(value["repository"], head, _settings(value["settings"]), judged, Run(**value["run"]))


def _settings(value: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(value)
    except ValidationError:
        raise DocumentError("a verdict's settings are none that a policy could have", fix=_AGAIN) from None


def _wrong(value: Any) -> Sequence[str]:
    schema = CompiledSchema(json.loads(schemas.load("verdict")), "the verdict's schema")
    return [f"{'/'.join(map(str, fault.pointer)) or '.'}: {fault.message}" for fault in schema.faults(value)][:_SHOWN]


def _read(value: dict[str, Any], head: str) -> Judged:
    asked = Asked(head, value["base_ref"], value["number"], value["queue_base"], value["queued"])
    parts = tuple(
        Part(_report(part["report"]), tuple(part["owners"]), tuple(part["asked_by"]), tuple(part["asked_on"]))
        for part in value["parts"]
    )
    return Judged(asked, value["base_tip"], value["protected"], parts, value["cannot"], value["queued_head"])


def _report(value: Any) -> Report:
    found = report_reader.read(value)
    if len(found) != 1:
        raise DocumentError(f"a verdict's part holds {len(found)} reports, and not one", fix=_AGAIN)
    return found[0]
