"""`retired.json`: the record that lets an entry leave a registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

RETIRED_NAME = "retired.json"


@dataclass(frozen=True, slots=True)
class Retirement:
    index: int
    raw: Mapping[str, Any]

    def text(self, field: str) -> str:
        value = self.raw.get(field)
        return value if isinstance(value, str) else ""

    @property
    def id(self) -> str:
        return self.text("id")

    @property
    def sha256(self) -> str:
        return self.text("sha256")

    @property
    def reason(self) -> str:
        return self.text("reason").strip()

    @property
    def superseded_by(self) -> str:
        return self.text("superseded_by")


def read_retirements(value: Any) -> list[Retirement]:
    return list(_rows(value))


def _rows(value: Any) -> Iterator[Retirement]:
    rows = value.get("retired") if isinstance(value, dict) else None
    for index, raw in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(raw, dict):
            yield Retirement(index, raw)
