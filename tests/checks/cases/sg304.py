"""SG304: a production entry has its sidecar."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", sidecar=None)
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", sidecar=None, smoke=False)
    forge.commit()
    return "beta_v1"
