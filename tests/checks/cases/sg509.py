"""SG509: it covers every entry that goes up, and the seeds the policy names."""

from __future__ import annotations

import flips
from forge import Forge


def passing(forge: Forge) -> None:
    flips.ensemble(forge)
    forge.evidence(*flips.ENSEMBLE)
    forge.commit()


def failing(forge: Forge) -> str:
    passing(forge)
    flips.rewrite(forge, lambda value: value["measurements"]["seeds"].pop())
    forge.commit()
    return "model/tiny/PROMOTE.json"
