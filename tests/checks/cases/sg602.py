"""SG602: the licence does not change under unchanged bytes."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.add("alpha_v1", license=None)
    forge.start()
    forge.entry("alpha_v1")["license"] = "MIT"
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1", license="MIT")
    forge.start()
    forge.entry("alpha_v1")["license"] = "GPL-3.0-only"
    forge.commit()
    return "alpha_v1"
