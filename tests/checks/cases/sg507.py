"""SG507: it is fresh: bound by identity, or pinned by base's policy."""

from __future__ import annotations

from pathlib import Path

import flips
from forge import Forge

V1 = Path(__file__).parents[2] / "data" / "evidence" / "v1"


def passing(forge: Forge) -> None:
    flips.saliency(forge)
    forge.evidence("saliency_v1")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("fr_ensemble_v1_seed0")
    forge.trust()
    forge.start()
    forge.write("PROMOTE.json", (V1 / "promote_corpus_digest.json").read_bytes())
    flips.flip(forge, "fr_ensemble_v1_seed0")
    return "fr_ensemble_v1_seed0"
