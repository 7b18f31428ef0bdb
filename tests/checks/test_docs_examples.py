"""The example that docs/checks.md gives of a finding is one that the failing fixture of its check really gives."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from forge import Forge
from smokegate.judge.check import Check
from smokegate.judge.table import CHECKS
from smokegate.render.words import place

DOCS = Path(__file__).parents[2] / "docs" / "checks.md"
_SECTION = re.compile(r"^## (SG\d{3}) .*?(?=^<a id=|\Z)", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^```text\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_DIGEST = re.compile(r"[0-9a-f]{12,64}")
"""Commits differ from run to run, and the bytes of a model from one version of onnx to the next."""


def examples() -> dict[str, str]:
    sections = {found[1]: found[0] for found in _SECTION.finditer(DOCS.read_text(encoding="utf-8"))}
    return {code: found[1] for code, text in sections.items() if (found := _EXAMPLE.search(text))}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_the_example_is_real(check: Check, forge: Forge) -> None:
    importlib.import_module(f"checks.cases.{check.code.lower()}").failing(forge)
    found = next(f for f in forge.check().findings if f.code == check.code and f.introduced)
    real = f"{place(found)}  {found.subject}\n  {found.message}\n  fix: {found.fix}"
    assert _DIGEST.sub("<hex>", examples()[check.code]) == _DIGEST.sub("<hex>", real)


def test_every_link_within_the_page_leads_somewhere() -> None:
    text = DOCS.read_text(encoding="utf-8")
    headings = {f"{code}-{name}".lower() for code, name in re.findall(r"^## (SG\d{3}) (.+)$", text, re.MULTILINE)}
    anchors = {*re.findall(r'<a id="(\w+)">', text), *headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors
