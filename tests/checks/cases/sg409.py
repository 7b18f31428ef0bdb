"""SG409: a group flips as one, and its membership does not change in the change that flips."""

from __future__ import annotations

from forge import Forge

IDS = [f"fr_ensemble_v1_seed{n}" for n in range(3)]


def passing(forge: Forge) -> None:
    _ensemble(forge)
    for entry_id in IDS:
        forge.entry(entry_id)["smoke"] = False
    forge.commit()


def failing(forge: Forge) -> str:
    _ensemble(forge)
    forge.entry(IDS[1])["smoke"] = False
    forge.commit()
    return IDS[1]


def _ensemble(forge: Forge) -> None:
    for entry_id in IDS:
        forge.add(entry_id)
    forge.start()
