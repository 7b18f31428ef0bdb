"""SG209: no oversized blob newly enters git."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "limits: {git_blob_mib: 1}\n")
    forge.add("alpha_v1")
    forge.start()
    forge.write("weights.bin", bytes(1 << 20))
    forge.commit()


def failing(forge: Forge) -> str:
    forge.write("/.smokegate.yml", "limits: {git_blob_mib: 1}\n")
    forge.add("alpha_v1")
    forge.start()
    forge.write("weights.bin", bytes((1 << 20) + 1))
    forge.commit()
    return f"{forge.folder}/weights.bin"
