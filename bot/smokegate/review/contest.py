"""Who is put to the test, by which gate and against whom: worked out as the judge does who is shown the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError
from smokegate.evidence.fault import Wanted, short
from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.dossier import gate_for
from smokegate.judge.incumbents import incumbents, wanted
from smokegate.judge.law import Law
from smokegate.judge.needs import Need
from smokegate.judge.ports import Laboratory
from smokegate.judge.shell import word
from smokegate.judge.side import Side
from smokegate.judge.supersession import predecessor
from smokegate.policy import Gate
from smokegate.policy_file import LoadedPolicy
from smokegate.registry.document import DocumentFault
from smokegate.registry.entry import Entry
from smokegate.review.check import Workbench
from smokegate.review.given_model import GivenModel, given, require_same_contract, require_sound, weights
from smokegate.review.law import effective_policy, law_of
from smokegate.review.past import lookup
from smokegate.review.sides import Sides, open_sides
from smokegate.sources.directory import DirectoryTree
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Tree

_REGISTRY = "registry.json"


@dataclass(frozen=True, slots=True)
class Asked:
    candidate: Path
    incumbent: Path | None
    registry: Path | None = None
    """Default: the nearest one above the candidate."""
    candidate_id: str | None = None
    base: str | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Contest:
    policy: LoadedPolicy
    gate_name: str
    gate: Gate
    candidate: Wanted
    incumbent: Wanted | None
    subject: Mapping[str, Any]
    """The candidate as evidence names it."""


def contest(asked: Asked) -> Contest:
    candidate = given(asked.candidate)
    with _opened(asked) as (sides, registry, top), Workbench() as bench:
        effective = effective_policy(sides, registry, asked.policy)
        graphs = bench.graphs(effective.policy.limits)

        def side_of(tree: Tree) -> Side:
            return Side(tree, registry, effective.policy, graphs)

        change = RegistryChange(side_of(sides.base), side_of(sides.head))
        for side in (change.base, change.head):
            _require_readable(side)
        past = lookup(sides, registry, side_of)
        law, _ = law_of(sides, registry, effective, registries=[registry], past=past, deep=False)
        entry = _entry(change.head, candidate, top, asked.candidate_id)
        name, gate = _gate(law, entry)
        found = wanted(change.head, entry, change.head.identity(entry))
        subject = _subject(found, candidate)
        require_sound(candidate, effective.policy, graphs.lab)
        against = _incumbent(_allowed(change, law, name, entry), asked.incumbent, graphs.lab, candidate)
        return Contest(effective.loaded, name, gate, found, against, subject)


# -- the registry ----------------------------------------------------------------------------------------------------


@contextmanager
def _opened(asked: Asked) -> Iterator[tuple[Sides, str, Path]]:
    """Of a plain folder, which has no base, what stands there is what is in use."""
    place = asked.registry or _above(asked.candidate)
    if not place.is_file():
        raise UsageError(f"the registry {place} is not a file", fix="name it with --registry PATH")
    real = place.parent.resolve() / place.name
    if not any((folder / ".git").exists() for folder in real.parents):
        tree = DirectoryTree(real.parent)
        yield Sides(tree, tree, None, None), real.name, real.parent
        return
    with GitRepo.discover(real.parent) as repo:
        top = (repo.top or real.parent).resolve()
    name = real.relative_to(top).as_posix()
    with open_sides(str(real.parent), asked.base, None, name) as sides:
        if sides.head.node(name) is None:
            raise UsageError(f"git ignores the registry {place}", fix=f"git check-ignore -v {word(name)}")
        yield sides, name, top


def _above(model: Path) -> Path:
    for folder in model.absolute().parents:
        if (folder / _REGISTRY).is_file():
            return folder / _REGISTRY
        if (folder / ".git").exists():
            break
    raise UsageError(
        f"no {_REGISTRY} lies beside {model} or above it, so nothing says what it would be in production",
        fix="add it to a registry as a smoke entry first, or name the registry with --registry PATH",
    )


def _require_readable(side: Side) -> None:
    fault = side.registry
    if isinstance(fault, DocumentFault):
        where = f"{fault.path}:{fault.line}:{fault.column}" if fault.line else fault.path
        raise UsageError(f"{where} at {side.tree.label}: {fault.message}", fix=f"mend {fault.path} first")


# -- the candidate ---------------------------------------------------------------------------------------------------


def _entry(side: Side, model: GivenModel, top: Path, entry_id: str | None) -> Entry:
    """The one that names this file, else the one that names its bytes: a harness may have them elsewhere."""
    real = model.path.parent.resolve() / model.path.name
    inside = real.relative_to(top).as_posix() if real.is_relative_to(top) else None
    entries = [e for e in side.entries.values() if entry_id in {None, e.id}]
    found = [e for e in entries if inside is not None and side.model_path(e) == inside]
    found = found or [e for e in entries if e.sha256 == model.sha256]
    if not found:
        named = f"`{entry_id}` of {side.registry_path} is not" if entry_id else f"no entry of {side.registry_path} is"
        raise UsageError(
            f"{named} the model {model.path} ({short(model.sha256)})",
            fix="add it as a smoke entry, with its digest, or name another registry with --registry PATH",
        )
    if len(found) > 1:
        names = ", ".join(e.key for e in found)
        raise UsageError(f"several entries are the model {model.path}: {names}", fix="name one with --candidate-id ID")
    (entry,) = found
    if not entry.named:
        raise UsageError(f"the entry `{entry.key}` has no id of its own", fix=f"give it one in {side.registry_path}")
    for said, digest in ((side.registry_path, entry.sha256), (entry.onnx, side.identity(entry).graph)):
        if digest != model.sha256:
            raise UsageError(
                f"`{entry.key}` is {short(digest)} by {said}, and {model.path} is {short(model.sha256)}",
                fix=f"give the model that the entry names, or mend the entry in {side.registry_path}",
            )
    return entry


def _gate(law: Law, entry: Entry) -> tuple[str, Gate]:
    name = gate_for(law, entry)
    if name is None:
        raise UsageError(
            f"no gate of the policy matches `{entry.key}`", fix="add one that does, in a change of its own"
        )
    gate = law.policy.gates[name]
    if gate.shape != "comparison":
        raise UsageError(
            f"`{entry.key}` is judged by the gate {name}, which compares nothing (shape: {gate.shape})",
            fix="choose an id that a gate with `shape: comparison` matches first",
        )
    return name, gate


def _subject(found: Wanted, model: GivenModel) -> dict[str, Any]:
    if found.int8_sha256 is not None:
        raise UsageError(
            f"`{found.id}` has an int8 twin, whose loss the judge asks for as a PLCC, which masks do not have",
            fix="take the twin out of the entry, or judge it as an entry of its own",
        )
    return {
        "id": found.id,
        "onnx": found.onnx,
        "sha256": found.sha256,
        "external_data": weights(found, model),
        "int8_sha256": None,
        "identity": found.identity,
        "seed": None,
        "measured": None,
    }


# -- the incumbent ---------------------------------------------------------------------------------------------------


def _allowed(change: RegistryChange, law: Law, gate_name: str, entry: Entry) -> tuple[Wanted, ...]:
    """Whom the judge takes as incumbent of this entry's flip."""
    before = change.base.entries.get(change.renames.get(entry.key, entry.key))
    step = change.steps.get(entry.key) or Step(entry.key, before, entry)
    need = Need(step, entry, "", at="smoke", otherwise="", over=predecessor(change, step))
    return incumbents(change, law, gate_name, need, [need])


def _incumbent(allowed: Sequence[Wanted], path: Path | None, lab: Laboratory, candidate: GivenModel) -> Wanted | None:
    names = ", ".join(f"`{one.id}` ({one.onnx}, {short(one.sha256)})" for one in allowed)
    if path is None:
        if allowed:
            raise UsageError(f"in production is {names}, which the candidate has to beat", fix="name it: --incumbent")
        return None
    model = given(path)
    found = next((one for one in allowed if one.sha256 == model.sha256), None)
    if found is None:
        said = f"which is {names}" if allowed else "and nothing that this gate judges is"
        raise UsageError(
            f"{path} ({short(model.sha256)}) is not in production, {said}",
            fix="give that model with --incumbent" if allowed else "smokegate saliency compare --incumbent none",
        )
    weights(found, model)
    require_same_contract(lab, model, candidate, found)
    return found
