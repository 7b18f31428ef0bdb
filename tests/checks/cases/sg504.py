"""SG504: the thresholds it was judged with are not weaker than the policy's."""

from __future__ import annotations

import flips
from forge import Forge


def passing(forge: Forge) -> None:
    flips.ensemble(forge)
    forge.evidence(*flips.ENSEMBLE)
    forge.commit()


def failing(forge: Forge) -> str:
    passing(forge)
    flips.rewrite(forge, lambda value: value["gate"]["metrics"][0].update(min=0.9))
    forge.commit()
    return "model/tiny/PROMOTE.json"
