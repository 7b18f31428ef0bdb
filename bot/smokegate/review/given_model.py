"""A model file as it was handed in: what it is, what lies beside it, and whether it may be run here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError
from smokegate.evidence.fault import Wanted, short
from smokegate.judge.checks.sg303_operators import foreign, told
from smokegate.judge.checks.sg307_contract import departures
from smokegate.judge.ports import Bytes, Laboratory
from smokegate.policy import Policy
from smokegate.registry.graph import GraphFault

_POINTER = b"version https://git-lfs"


@dataclass(frozen=True, slots=True)
class GivenModel:
    """A model file as it was given, and what it is."""

    path: Path
    sha256: str
    size: int

    def bytes(self) -> Bytes:
        return Bytes(self.sha256, self.size, lambda: self.path.open("rb"))


def given(path: Path) -> GivenModel:
    if path.exists() and not path.is_file():
        raise UsageError(f"the model {path} is not a file", fix="name an .onnx file")
    try:
        with path.open("rb") as stream:
            if stream.read(len(_POINTER)) == _POINTER:
                raise UsageError(f"{path} is a git-lfs pointer, and no model", fix="git lfs pull")
            stream.seek(0)
            return GivenModel(path, hashlib.file_digest(stream, "sha256").hexdigest(), path.stat().st_size)
    except OSError as error:
        raise UsageError(f"the model {path} cannot be read: {error.strerror}", fix="name an .onnx file") from None


def weights(found: Wanted, model: GivenModel) -> list[dict[str, Any]]:
    """What lies beside the model that is run is what its identity is drawn from."""
    rows = []
    for place, digest in sorted(found.external.items()):
        outside = beside(model, place)
        if outside.sha256 != digest:
            raise UsageError(
                f"{outside.path} is {short(outside.sha256)}, and the weights of `{found.id}` are {short(digest)}",
                fix=f"put the weights of `{found.id}` beside {model.path}",
            )
        rows.append({"path": place, "sha256": digest, "size": outside.size})
    return rows


def beside(model: GivenModel, place: str) -> GivenModel:
    """A graph of somebody else's does not choose what else of this machine is read."""
    folder = model.path.parent.resolve()
    path = (folder / place).resolve()
    if not path.is_relative_to(folder):
        raise UsageError(f"{model.path} keeps weights in {place!r}, outside its folder")
    return given(path)


def require_sound(model: GivenModel, policy: Policy, lab: Laboratory) -> None:
    """It may be anybody's: before it is run for long and in the open, it has run once in the laboratory."""
    graph = lab.inspect(model.bytes())
    if isinstance(graph, GraphFault):
        raise UsageError(f"{model.path} is no model: {graph.reason}", fix="export it again")
    if names := foreign(graph, policy):
        raise UsageError(
            f"{model.path} uses operators that are not on the allowlist: {told(names)}",
            fix="export it without them, or add them to `ops.extra` in the policy, in a change of its own",
        )
    external = {tensor.location: beside(model, tensor.location).bytes() for tensor in graph.external}
    result = lab.run(model.bytes(), external)
    if not result.ok:
        raise UsageError(f"{model.path} does not run in ONNX Runtime: {result.reason}", fix="mend its export")


def require_same_contract(lab: Laboratory, old: GivenModel, new: GivenModel, incumbent: Wanted) -> None:
    graphs = []
    for model in (old, new):
        graph = lab.inspect(model.bytes())
        if isinstance(graph, GraphFault):
            raise UsageError(f"{model.path} is no model: {graph.reason}")
        graphs.append(graph)
    if broken := departures(graphs[0], graphs[1]):
        raise UsageError(
            f"{new.path} cannot take the place of `{incumbent.id}`: {'; '.join(broken)}",
            fix=f"export it with the inputs and outputs of `{incumbent.id}`",
        )
