"""What each renderer writes, in full. Read the files; they are what people see."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from render import specimens
from smokegate.render import github, json_report, markdown, sarif, text

WAYS: dict[str, Callable[..., str]] = {
    "txt": lambda reports: text.render(reports, width=100),
    "colour.txt": lambda reports: text.render(reports, colour=True, verbose=True, width=80),
    "json": lambda reports: json_report.render(reports, version="0.0.0"),
    "md": lambda reports: markdown.render(reports, version="0.0.0"),
    "sarif": lambda reports: sarif.render(reports, docs_url="https://smokegate.example/checks", version="0.0.0"),
    "annotations": github.render,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", specimens.GOLDEN)
def test_golden(name: str, way: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.{way}", WAYS[way](specimens.GOLDEN[name]))


@pytest.mark.parametrize("way", ["txt", "annotations"])
def test_golden_many(way: str, golden: Callable[[str, str], None]) -> None:
    rendered = WAYS[way]([specimens.MANY])
    golden(f"many.{way}", "\n".join((*rendered.split("\n")[:20], "...", *rendered.split("\n")[-20:])))


def test_golden_many_cut(golden: Callable[[str, str], None]) -> None:
    """With little room, so that a person can read where it was cut."""
    golden("many.md", markdown.render([specimens.MANY], limit=6_000, version="0.0.0"))


@pytest.mark.parametrize("way", WAYS)
def test_rendering_is_a_function_of_the_reports(way: str) -> None:
    reports = [specimens.BLOCKED, specimens.hostile("x")]
    assert WAYS[way](reports) == WAYS[way](tuple(reports))
