"""Every check has its file, its row, its docs section, and a case that passes and one that fails."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import smokegate.judge.checks
from checks import cases
from forge import Forge
from smokegate.judge.check import Check
from smokegate.judge.table import CHECKS

DOCS = Path(__file__).parents[2] / "docs" / "checks.md"
_CODE = re.compile(r"sg\d{3}")


def cases_of(check: Check) -> ModuleType:
    return importlib.import_module(f"checks.cases.{check.code.lower()}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_sound_change_is_not_complained_of(check: Check, forge: Forge) -> None:
    cases_of(check).passing(forge)
    found = [f for f in forge.check().findings if f.code == check.code]
    assert not found, found


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_an_unsound_change_is_found_and_the_fix_is_told(check: Check, forge: Forge) -> None:
    subject = cases_of(check).failing(forge)
    found = [f for f in forge.check().findings if f.code == check.code and f.introduced]
    assert [f.subject for f in found] == [subject], found
    assert found[0].severity is check.severity
    assert found[0].message and found[0].fix and found[0].path


def test_the_table_the_files_and_the_cases_agree() -> None:
    codes = {check.code.lower() for check in CHECKS}
    files = {m.name[:5] for m in pkgutil.iter_modules(smokegate.judge.checks.__path__) if _CODE.match(m.name)}
    told = {m.name for m in pkgutil.iter_modules(cases.__path__)}
    assert codes == files == told
    assert [check.code for check in CHECKS] == sorted(check.code for check in CHECKS)


def test_the_docs_have_a_section_for_each_check_and_say_what_the_table_says() -> None:
    text = DOCS.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (SG\d{3}) (.+)$", text, re.MULTILINE))
    assert sections == {check.code: check.name for check in CHECKS}
    rows = re.findall(r"^\| \[(SG\d{3})\]\(#(.+?)\) \| (\w+) \| (.+?) \|$", text, re.MULTILINE)
    assert [(code, level, holds) for code, _, level, holds in rows] == [
        (check.code, check.severity.value, check.holds) for check in CHECKS
    ]
    assert all(anchor == f"{code}-{sections[code]}".lower() for code, anchor, _, _ in rows)
