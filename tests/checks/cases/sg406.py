"""SG406: a demotion says why."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    failing(forge)
    forge.entry("alpha_v1")["notes"] = "drifts on film grain"
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1", smoke=False, notes="trained on four corpora")
    forge.start()
    forge.entry("alpha_v1")["smoke"] = True
    forge.commit()
    return "alpha_v1"
