"""SG104: the schema does not change together with entries."""

from __future__ import annotations

import json

from forge import Forge
from smokegate.registry import schemas

SCHEMA = json.loads(schemas.load("registry"))


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write_json("registry.schema.json", SCHEMA)
    forge.start()
    forge.write_json("registry.schema.json", {**SCHEMA, "title": "Ours"})
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.write_json("registry.schema.json", SCHEMA)
    forge.start()
    forge.write_json("registry.schema.json", {**SCHEMA, "title": "Ours"})
    forge.entry("alpha_v1")["notes"] = "and an entry too"
    forge.commit()
    return f"{forge.folder}/registry.schema.json"
