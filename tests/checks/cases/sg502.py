"""SG502: its verdict is PROMOTE, and not from a dry run."""

from __future__ import annotations

import flips
from forge import Forge


def passing(forge: Forge) -> None:
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    passing(forge)
    flips.rewrite(forge, lambda value: value.update(note="dry-run"))
    forge.commit()
    return "model/tiny/PROMOTE.json"
