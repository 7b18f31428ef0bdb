"""What an ONNX file says about itself, as plain values. Extracted by `smokegate.lab`, judged by the judge."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Scaler(enum.Enum):
    """Whether the graph itself standardises its input features."""

    BAKED = "baked"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Port:
    """A graph input or output. A dimension is a size, a symbol, or None when unknown; shape None: no rank."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True, slots=True)
class ExternalTensor:
    """A tensor whose bytes live in another file, as the graph declares it (nothing checked yet)."""

    tensor: str
    location: str
    offset: int
    length: int | None


@dataclass(frozen=True, slots=True)
class Graph:
    ir_version: int
    opsets: tuple[tuple[str, int], ...]
    """(domain, version), the default domain as `""`, sorted."""
    inputs: tuple[Port, ...]
    """Inputs that a caller must feed: declared inputs that no initializer covers, in graph order."""
    outputs: tuple[Port, ...]
    ops: tuple[tuple[str, str], ...]
    """Distinct (domain, op type) through subgraphs and functions, sorted; calls of model-local functions left out."""
    node_count: int
    external: tuple[ExternalTensor, ...]
    scaler: Scaler

    @property
    def opset(self) -> int | None:
        """The version of the default operator set."""
        return dict(self.opsets).get("")


@dataclass(frozen=True, slots=True)
class GraphFault:
    """Why a file is not a model that can be looked at."""

    reason: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """What happened when the model was loaded and run once; `reason` is empty when all went well."""

    ok: bool
    reason: str = ""
