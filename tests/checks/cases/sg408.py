"""SG408: supersession is recorded on both sides and in the model cards."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    failing(forge)
    forge.entry("alpha_v1")["superseded_by"] = "alpha_v2"
    forge.write("alpha_v1_card.md", "# alpha_v1\n\nSuperseded by alpha_v2.\n")
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.add("alpha_v2")
    forge.start()
    forge.entry("alpha_v2")["supersedes"] = "alpha_v1"
    forge.commit()
    return "alpha_v2"
