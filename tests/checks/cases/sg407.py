"""SG407: no field is lost."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.add("alpha_v1", description="an estimator")
    forge.start()
    forge.entry("alpha_v1")["description"] = "an estimator of quality"
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1", description="an estimator")
    forge.start()
    del forge.entry("alpha_v1")["description"]
    forge.commit()
    return "alpha_v1"
