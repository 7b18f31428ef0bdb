"""SG701: a looser policy or schema, or another governing workflow, comes alone and is approved by an owner."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    _governed(forge)
    forge.write("/.smokegate.yml", "schema_version: 1\nlimits:\n  git_blob_mib: 5\n")
    forge.commit()


def failing(forge: Forge) -> str:
    _governed(forge)
    forge.write("/.smokegate.yml", "schema_version: 1\nlimits:\n  git_blob_mib: 50\n")
    forge.commit()
    return ".smokegate.yml"


def _governed(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write("/.smokegate.yml", "schema_version: 1\nlimits:\n  git_blob_mib: 10\n")
    forge.start()
