"""SG103: ids are unique, and no two entries share a file."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("alpha_v2")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    forge.registry["models"].append({**forge.entry("alpha_v1"), "id": "alpha_v2"})
    forge.commit()
    return "alpha_v2"
