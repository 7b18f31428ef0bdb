"""SG505: the corpus behind it is there, accepted, and whole."""

from __future__ import annotations

import flips
from forge import Forge


def passing(forge: Forge) -> None:
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    passing(forge)
    flips.rewrite(forge, lambda value: value["corpus"].update(rows=600))
    forge.commit()
    return "model/tiny/PROMOTE.json"
