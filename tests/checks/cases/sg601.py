"""SG601: a licence is present, and is an SPDX expression or one the policy names."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.start()
    forge.add("alpha_v1", license="MIT OR Apache-2.0")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.start()
    forge.add("alpha_v1", license=None)
    forge.commit()
    return "alpha_v1"
