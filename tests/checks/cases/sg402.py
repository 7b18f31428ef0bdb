"""SG402: no entry is production by omission of `smoke`."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.start()
    forge.add("alpha_v1", smoke=True)
    forge.commit()


def failing(forge: Forge) -> str:
    forge.start()
    forge.add("alpha_v1", smoke=None)
    forge.commit()
    return "alpha_v1"
