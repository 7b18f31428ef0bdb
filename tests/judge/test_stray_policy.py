"""A policy where there is no registry governs nothing, and stops nothing."""

from __future__ import annotations

import pytest

from forge import Forge, passes
from smokegate.errors import PolicyError


def test_a_policy_in_a_folder_without_a_registry_stops_nothing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write("/.smokegate.yml", "schema_version: 1\n")
    forge.write("/docs/.smokegate.yml", "schema_version: 1\n")
    forge.start()
    forge.entry("alpha_v1")["notes"] = "Reworded."
    passes(forge.judged())


def test_a_second_policy_beside_the_registry_is_nobodys_to_settle(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write("/.smokegate.yml", "schema_version: 1\n")
    forge.write(".smokegate.yml", "schema_version: 1\n")
    forge.start()
    with pytest.raises(PolicyError, match="two policies"):
        forge.judged()
