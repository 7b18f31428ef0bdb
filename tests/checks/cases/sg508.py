"""SG508: it is signed by a key or identity in base's policy, or the policy allows what nobody signed."""

from __future__ import annotations

import flips
from forge import Forge


def passing(forge: Forge) -> None:
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    flips.saliency(forge)
    forge.evidence("saliency_v1", sign=False)
    forge.commit()
    return "model/tiny/PROMOTE.json"
