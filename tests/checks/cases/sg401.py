"""SG401: no entry vanishes without a retirement record, and no record is taken back."""

from __future__ import annotations

from forge import Forge


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    gone = forge.add("beta_v1")
    forge.start()
    forge.drop("beta_v1")
    record = {"id": "beta_v1", "sha256": gone["sha256"], "reason": "never worked"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [record]})
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.add("beta_v1")
    forge.start()
    forge.drop("beta_v1")
    forge.commit()
    return "beta_v1"
