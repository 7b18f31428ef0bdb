"""Trails told in this process, with the laboratory that all tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forge import Forge
from smokegate.render.life import Trail
from smokegate.review.audit import trail
from smokegate.review.check import Question, Workbench

Golden = Callable[[str, str], None]
Told = Callable[..., Trail]


@pytest.fixture
def told(forge: Forge, bench: Workbench) -> Told:
    def ask(entry_id: str, **question: Any) -> Trail:
        return trail(Question(**{"repo": str(forge.root), **question}), entry_id, bench)

    return ask


@pytest.fixture
def promoted(forge: Forge) -> Forge:
    """A saliency model: added as smoke, flipped on signed evidence."""
    return promote(forge)


def promote(forge: Forge, entry_id: str = "saliency_v1", **policy: Any) -> Forge:
    forge.trust(**policy)
    forge.add(entry_id)
    forge.start("add")
    flip(forge, entry_id)
    return forge


def flip(forge: Forge, entry_id: str, message: str = "flip", **evidence: Any) -> str:
    """The evidence names the entry as the commit leaves it, so the commit is made twice."""
    forge.entry(entry_id)["smoke"] = False
    forge.commit(message)
    forge.evidence(entry_id, **evidence)
    forge.git("add", "-A")
    forge.git("commit", "-q", "--amend", "-m", message)
    forge.base = forge.git("rev-parse", "HEAD")
    return forge.base


def whats(told: Trail) -> list[str]:
    return [event.what for stage in told.stages for event in stage.events]
