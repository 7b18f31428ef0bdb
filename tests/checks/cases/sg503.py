"""SG503: its verdict and means follow from its own raw numbers."""

from __future__ import annotations

import flips
from forge import Forge


def passing(forge: Forge) -> None:
    flips.ensemble(forge)
    forge.evidence(*flips.ENSEMBLE)
    forge.commit()


def failing(forge: Forge) -> str:
    passing(forge)
    flips.rewrite(forge, lambda value: value["gate"].update(mean_plcc=0.999))
    forge.commit()
    return "model/tiny/PROMOTE.json"
