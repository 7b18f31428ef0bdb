"""On the runner: what was asked for is held to GitHub, bytes are fetched, measured, and left for the job that finishes.

*ensemble*: the default branch's code trains on the corpus that the policy names; what it exports are the subjects.
*saliency*: the pull request's own bytes, against those that are in production.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from smokegate.errors import UsageError
from smokegate.github import laying_out, promotion, running
from smokegate.github.events import EventError, WorkflowDispatch
from smokegate.github.office import Office
from smokegate.github.promotion import Request
from smokegate.github.vetting import Void, moved, vet
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.review.policies import LONGEST_POLICY, place_of_policy
from smokegate.review.promotable import Lot, View, views
from smokegate.review.sides import Sides
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Pointer, Tree

VERDICTS = ("PROMOTE", "HOLD")
REQUEST = "request.json"
_BRANCH = "refs/heads/"
_LARGEST = 512 << 20
_ROUNDS = 4
_OUT = "out"
"""Evidence says where it was left: a name that means nothing elsewhere is better than a path of this machine."""


@dataclass(frozen=True, slots=True)
class Left:
    request: Request
    verdict: str
    evidence: Path


def requested(event: object, office: Office) -> Request:
    """From the inputs of a run on the default branch: any other branch's workflow is somebody's proposal."""
    if not isinstance(event, WorkflowDispatch):
        raise EventError("this event asks for no promotion", fix="run it on workflow_dispatch, as `/promote` has it")
    if event.ref != f"{_BRANCH}{office.branch}":
        raise EventError(
            f"this run is of {event.ref}, and promotions run by the code of {office.branch}",
            fix="ask with `/promote` on a pull request",
        )
    return promotion.from_inputs(event.inputs)


def measured(office: Office, request: Request, out: Path) -> Left:
    vetted = vet(office, request, verdict=False)
    with TemporaryDirectory(prefix="smokegate-") as folder, office.repo() as repo:
        place = Path(folder)
        said = place / "asked.json"
        said.write_text(json.dumps(_said(request, office.step.run_id)), encoding="utf-8")
        tip, merged = _fetched(office, request)
        work = _Work(office, repo, request, place, said)
        made = work.saliency(tip, merged) if request.harness == "saliency" else work.ensemble(tip)
        now = office.hub.pull(vetted.pull.number)
        if said_now := moved(office, request, now):
            raise Void(said_now, now)
        return _left(made, request, out)


def _said(request: Request, run: int) -> dict[str, Any]:
    """As evidence keeps it."""
    return {
        "repository": request.repository,
        "pr": request.pr,
        "head_sha": request.head_sha,
        "actor": request.actor,
        "comment": request.comment,
        "ids": list(request.ids),
        "run": run,
    }


def _fetched(office: Office, request: Request) -> tuple[str, str]:
    store = office.court.store
    tip = store.tip(request.base_ref)
    store.fetch(tip, request.head_sha)
    return tip, store.merged(tip, request.head_sha)


@dataclass(frozen=True, slots=True)
class _Contest:
    """What a comparison needs of two trees."""

    sides: Sides
    view: View
    model: str
    papers: frozenset[str]
    incumbent: str | None
    incumbents: frozenset[str]

    def missing(self) -> Iterator[Pointer]:
        for tree, paths in ((self.sides.head, self.papers), (self.sides.base, self.incumbents)):
            for path in sorted(paths):
                content = tree.content(path)
                if content.pointer is not None and not content.seen:
                    yield content.pointer


def _files(side: Side, entry: Entry) -> frozenset[str]:
    """A model's own, weights outside of it included."""
    outside = [one.path for one in (side.external(entry) or {}).values()]
    paths = (side.model_path(entry), side.sidecar_path(entry), *outside)
    return frozenset(path for path in paths if path is not None and side.is_file(path))


@dataclass(frozen=True, slots=True)
class _Work:
    office: Office
    repo: GitRepo
    request: Request
    place: Path
    said: Path

    def ensemble(self, tip: str) -> Path:
        tree = self.repo.tree(tip)
        told: list[str | Path] = ["--corpus", self._corpus(tree), "--out", _OUT, "--request", self.said]
        self._run("ensemble", "run", *told, *self._policy(tree))
        return self.place / _OUT

    def _policy(self, tree: Tree) -> list[str | Path]:
        """The target branch's, unless the operator's own holds; with neither, a harness has the default at hand."""
        if own := self.office.court.question.policy:
            return ["--policy", Path(own).absolute()]
        path = place_of_policy(tree, self.request.registry)
        if path is None:
            return []
        (self.place / "policy.yml").write_bytes(tree.read(path, LONGEST_POLICY))
        return ["--policy", self.place / "policy.yml"]

    def saliency(self, tip: str, merged: str) -> Path:
        """A graph may lead to weights that only it names, and what was looked for in vain is not looked for again:
        so all is read anew until nothing is missing."""
        lfs = self.office.court.lfs
        for _ in range(_ROUNDS):
            with self.office.repo() as repo:
                contest = self._contest(repo, tip, merged)
                missing = list(contest.missing())
                if not missing or lfs is None:
                    self._compare(repo, contest, merged)
                    return self.place / _OUT
            if failed := dict(lfs.bring(missing)):
                why = next(iter(failed.values()))
                raise UsageError(f"{len(failed)} LFS objects did not come: {why}", fix="see that they were pushed")
        raise UsageError("the models lead to ever more LFS objects", fix="keep a model's weights in one file")

    def _compare(self, repo: GitRepo, contest: _Contest, merged: str) -> None:
        lfs, base = self.office.court.lfs, contest.sides.base
        tree = laying_out.scratch(repo, merged, self.place / "tree", contest.papers, lfs)
        laying_out.lay_out(base, contest.incumbents, self.place / "incumbent", lfs)
        incumbent = self.place / "incumbent" / contest.incumbent if contest.incumbent else "none"
        told: list[str | Path] = ["--candidate", tree / contest.model, "--incumbent", incumbent]
        told += ["--items", self._corpus(base), "--out", _OUT, "--registry", tree / contest.view.registry]
        told += ["--candidate-id", self.request.ids[0], "--base", contest.sides.base_commit or ""]
        told += self._policy(base) if self.office.court.question.policy else []
        self._run("saliency", "compare", *told, "--request", self.said)

    def _contest(self, repo: GitRepo, tip: str, merged: str) -> _Contest:
        sides = Sides(repo.tree(tip), repo.tree(merged), repo, tip)
        view, lot, entry = self._candidate(sides)
        head, base = view.change.head, view.change.base
        against = view.incumbents(lot, entry)
        old = base.entries[against[0].id] if against else None
        return _Contest(
            sides,
            view,
            head.model_path(entry) or "",
            # No other model need be on this disk.
            _files(head, entry) | {path for path in head.files if path.endswith(".json")},
            base.model_path(old) if old else None,
            _files(base, old) if old else frozenset(),
        )

    def _candidate(self, sides: Sides) -> tuple[View, Lot, Entry]:
        own, bench = self.office.court.question.policy, self.office.court.bench
        found = views(sides, bench, registry=self.request.registry, policy=own)
        entries = found[0].named(self.request.ids) if found else []
        if len(entries) != 1 or not entries[0].onnx:
            raise UsageError(f"{', '.join(self.request.ids)} is no single entry of {self.request.registry} by now")
        lot = next(found[0].lots(entries), None)
        if lot is None or lot.gate_name != self.request.gate:
            raise UsageError(f"the gate {self.request.gate} does not judge {entries[0].key} any more")
        return found[0], lot, entries[0]

    def _corpus(self, tree: Tree) -> Path:
        named = self.office.settings.corpora.get(self.request.gate)
        if named is None:
            raise UsageError(f"`github.corpora` of the policy names nothing for the gate {self.request.gate} any more")
        data = os.environ.get(laying_out.DATA)
        found = laying_out.corpus(tree, named, data, self.place / "corpus", self.office.court.lfs)
        return found.relative_to(self.place) if found.is_relative_to(self.place) else found

    def _run(self, *arguments: str | Path) -> None:
        running.run([str(one) for one in arguments], self.place, self.office.settings.harness_timeout_minutes)


def _left(made: Path, request: Request, out: Path) -> Left:
    """Results alone, without what a run keeps for itself."""
    out.mkdir(parents=True, exist_ok=True)
    files = [one for one in sorted(made.iterdir()) if one.is_file() and not one.name.startswith(".")]
    if sum(one.stat().st_size for one in files) > _LARGEST:
        raise UsageError(f"the harness left more than {_LARGEST >> 20} MiB in {made}")
    for one in files:
        shutil.copyfile(one, out / one.name)
    (out / REQUEST).write_text(promotion.write(request) + "\n", encoding="utf-8")
    found = [name for name in VERDICTS if (out / f"{name}.json").is_file()]
    if len(found) != 1:
        raise running.HarnessError(f"the harness left {len(found)} verdicts, and one is wanted")
    return Left(request, found[0], out / f"{found[0]}.json")
