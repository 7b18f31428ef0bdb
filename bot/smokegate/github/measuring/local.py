"""The path of a promotion with this machine as the runner: the same choice of entries, the same harnesses, the same
flip, into the working tree. Nobody is asked who may; whoever merges the result is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from smokegate.errors import UsageError
from smokegate.evidence.documents import Evidence, read
from smokegate.github.measuring import laying_out, running
from smokegate.github.measuring.artifact import Artifact
from smokegate.github.measuring.exported import exports_of
from smokegate.github.measuring.harness import VERDICTS
from smokegate.github.promotions.promote import HARNESS_OF
from smokegate.judge.groups import ensembles
from smokegate.policy_file import default_policy
from smokegate.registry.entry import Entry
from smokegate.review import flip
from smokegate.review.check import Workbench
from smokegate.review.flip import Flipped
from smokegate.review.policies import LONGEST_POLICY, place_of_policy
from smokegate.review.promotable import Lot, View, views
from smokegate.review.sides import Sides, open_sides

_LONGEST_DAY = 7 * 24 * 60
"""Minutes: here whoever waits can stop it."""


@dataclass(frozen=True, slots=True)
class Asked:
    ids: Sequence[str]
    """None of them: every entry of the change that waits for evidence."""
    out: Path
    repo: str = "."
    registry: str | None = None
    base: str | None = None
    policy: str | None = None
    corpus: Path | None = None
    """In place of what the policy names."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Came:
    """What one lot came to."""

    ids: tuple[str, ...]
    verdict: str
    evidence: Path
    flipped: Flipped | None = None
    """None where nothing is flipped: HOLD."""


def promote(asked: Asked) -> Iterator[Came]:
    """Each lot in its turn; what is wrong with the asking is said before anything is measured."""
    with Workbench() as bench:
        with open_sides(asked.repo, asked.base, None, asked.registry) as sides:
            if sides.repo is None or sides.repo.top is None:
                raise UsageError("this needs a git repository with a working tree", fix="run it in a clone")
            view, lots = _meant(asked, views(sides, bench, registry=asked.registry, policy=asked.policy))
            measured = [(lot, _measured(asked, sides, view, lot)) for lot in lots]
            registry, over = view.registry, {lot.ids: _superseded(view, lot) for lot in lots}
        for lot, out in measured:
            yield _came(asked, lot, out, registry=registry, over=over[lot.ids], bench=bench)


def _meant(asked: Asked, found: Sequence[View]) -> tuple[View, list[Lot]]:
    if asked.ids:
        knowing = [view for view in found if set(asked.ids) <= set(view.known())]
    else:
        knowing = [view for view in found if view.waiting()]
    if len(knowing) != 1:
        known = sorted({one for view in found for one in view.known()})
        what = ", ".join(asked.ids) or "an entry that waits for evidence"
        raise UsageError(
            f"{'several registries have' if knowing else 'no registry has'} {what}",
            fix=f"name entries of one registry: {', '.join(known[:20]) or 'none'}",
        )
    view = knowing[0]
    entries = view.named(asked.ids) if asked.ids else view.waiting()
    if done := [entry.key for entry in entries if view.stands(entry)]:
        raise UsageError(f"in production already: {', '.join(done)}", fix="name entries whose stage is smoke")
    lawless = [entry.key for entry in entries if view.gate_of(entry) is None]
    if lawless:
        raise UsageError(f"no gate of the policy judges {', '.join(lawless)}", fix="write one under `gates`")
    lots = list(view.lots(entries))
    for lot in lots:
        kind = HARNESS_OF.get(lot.gate.shape)
        if kind is None or (kind == "saliency" and len(lot.ids) > 1):
            raise UsageError(
                f"the gate {lot.gate_name} judges numbers that no harness of smokegate measures",
                fix="measure them with your own tools, then: smokegate flip IDS --evidence FILE",
            )
    return view, lots


def _measured(asked: Asked, sides: Sides, view: View, lot: Lot) -> Path:
    out = (asked.out / _called(lot)).absolute()
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="smokegate-") as folder:
        place = Path(folder)
        policy = _policy(asked, sides, view, place)
        corpus = asked.corpus or _corpus(sides, view, lot, place)
        if HARNESS_OF[lot.gate.shape] == "ensemble":
            told = ["ensemble", "run", "--corpus", corpus.absolute(), "--out", out, "--name", _called(lot), *policy]
        else:
            told = [*_comparison(sides, view, lot, place), "--items", corpus.absolute(), "--out", out, *policy]
        running.run([str(one) for one in told], place, _LONGEST_DAY)
    return out


def _called(lot: Lot) -> str:
    """The ensemble, or the entry."""
    return next(iter(ensembles(lot.ids)), min(lot.ids))


def _policy(asked: Asked, sides: Sides, view: View, place: Path) -> list[str | Path]:
    """The one that judges, wherever the harness runs."""
    if asked.policy is not None:
        return ["--policy", Path(asked.policy).absolute()]
    path = place_of_policy(sides.base, view.registry)
    if path is None:
        return []
    (place / "policy.yml").write_bytes(sides.base.read(path, LONGEST_POLICY))
    return ["--policy", place / "policy.yml"]


def _corpus(sides: Sides, view: View, lot: Lot, place: Path) -> Path:
    policy = view.loaded.policy if place_of_policy(sides.base, view.registry) else default_policy().policy
    named = policy.github.corpora.get(lot.gate_name)
    if named is None:
        raise UsageError(
            f"the policy does not say what the gate {lot.gate_name} is measured on",
            fix="name it with --corpus, or under `github.corpora` in the policy",
        )
    try:
        return laying_out.corpus(sides.base, named, os.environ.get(laying_out.DATA), place / "corpus", None)
    except UsageError as error:
        raise UsageError(error.message, fix=f"{error.fix}, or name one with --corpus") from None


def _comparison(sides: Sides, view: View, lot: Lot, place: Path) -> list[str | Path]:
    (entry,) = lot.entries
    top = sides.repo.top if sides.repo else None
    model = view.change.head.model_path(entry)
    if top is None or model is None:
        raise UsageError(f"{entry.key} names no model", fix="give it a path in `onnx`")
    told: list[str | Path] = ["saliency", "compare", "--candidate", top / model, "--registry", top / view.registry]
    told += ["--candidate-id", entry.key, "--incumbent", _incumbent(sides, view, lot, entry, place)]
    return [*told, *(["--base", sides.base_commit] if sides.base_commit else [])]


def _incumbent(sides: Sides, view: View, lot: Lot, entry: Entry, place: Path) -> str | Path:
    found = view.incumbents(lot, entry)
    if not found:
        return "none"
    side = view.change.base
    old = side.entries[found[0].id]
    outside = [one.path for one in (side.external(old) or {}).values()]
    paths = [one for one in (side.model_path(old), side.sidecar_path(old), *outside) if one is not None]
    laying_out.lay_out(sides.base, paths, place / "incumbent", None)
    return place / "incumbent" / (side.model_path(old) or "")


def _superseded(view: View, lot: Lot) -> str | None:
    if lot.gate.shape != "comparison":
        return None
    return next((one.id for one in view.incumbents(lot, lot.entries[0]) if one.id not in lot.ids), None)


def _came(asked: Asked, lot: Lot, out: Path, *, registry: str, over: str | None, bench: Workbench) -> Came:
    verdict = next((name for name in VERDICTS if (out / f"{name}.json").is_file()), None)
    if verdict is None:
        raise running.HarnessError(f"the harness left no verdict in {out}")
    evidence = out / f"{verdict}.json"
    if verdict == "HOLD":
        return Came(lot.ids, verdict, evidence)
    found = read(evidence.read_bytes(), evidence.name)
    exports = None
    if HARNESS_OF[lot.gate.shape] == "ensemble" and isinstance(found, Evidence):
        exports = exports_of(found, Artifact(_files(out)))
    order = flip.Asked(
        lot.ids,
        evidence,
        asked.repo,
        asked.base,
        registry,
        asked.policy,
        supersedes=over,
        dry_run=asked.dry_run,
        exports=exports,
    )
    return Came(lot.ids, verdict, evidence, flip.flip(order, bench))


def _files(out: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in out.iterdir() if one.is_file() and not one.name.startswith(".")}
