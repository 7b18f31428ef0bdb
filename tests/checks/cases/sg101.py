"""SG101: the registry fits the schema that stands on base."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", notes="fits")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", smok=True)
    forge.commit()
    return "beta_v1"
