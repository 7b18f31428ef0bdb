"""What examining evidence says, and what it is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from smokegate.registry.document import Pointer


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entry on its way to production, as it stands at head."""

    id: str
    identity: str
    sha256: str
    int8_sha256: str | None = None
    external: Mapping[str, str] = field(default_factory=dict)
    int8_budget: float = 0.01
    onnx: str | None = None
    """Where the model lies, from the registry's folder; None where the caller does not ask."""


@dataclass(frozen=True, slots=True)
class Fault:
    code: str
    pointer: Pointer
    """Where in the document; a place that is not there stands for its nearest ancestor."""
    message: str
    fix: str
    subject: str | None = None
    """The id of the entry that it is about, where it is about one."""


Faults = Iterator[Fault]

REWRITE = (
    "do not edit evidence: have it written anew from the measurements, for an ensemble with "
    "`smokegate gate LOSO_DIR --corpus FILE`"
)
MEASURE = "measure these very files again, on a corpus that the policy accepts, and commit the PROMOTE.json of that run"


def short(digest: object) -> str:
    return f"{digest[:12]}…" if isinstance(digest, str) and len(digest) > 12 else str(digest or "none")
