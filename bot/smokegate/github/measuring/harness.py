"""On the runner: what was asked for is held to GitHub, bytes are fetched, measured, and left for the job that finishes.

*ensemble*: the default branch's code trains on the corpus that the policy names; what it exports are the subjects.
*saliency*: the pull request's own bytes, against those that are in production.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from smokegate.errors import UsageError
from smokegate.github.measuring import artifact, contest, laying_out, running
from smokegate.github.measuring.contest import Contest
from smokegate.github.measuring.vetting import Void, moved, vet
from smokegate.github.promotions import promotion
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promotion import Request
from smokegate.github.step.events import EventError, WorkflowDispatch
from smokegate.review.policies import LONGEST_POLICY, place_of_policy
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Tree

VERDICTS = ("PROMOTE", "HOLD")
REQUEST = "request.json"
_BRANCH = "refs/heads/"
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
    _clear(out)
    vetted = vet(office, request, verdict=False)
    with TemporaryDirectory(prefix="smokegate-") as folder, office.repo() as repo:
        place = Path(folder)
        said = place / "asked.json"
        said.write_text(json.dumps(_said(request, office.step.run_id)), encoding="utf-8")
        tip, merged = fetched(office, request)
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


def _clear(out: Path) -> None:
    """On a machine that stays, what the last promotion left is still there, and would go along with this one's."""
    if not out.exists() or not any(out.iterdir()):
        return
    if not (out / REQUEST).is_file():
        raise UsageError(f"{out} has files in it that no promotion left", fix="name an empty folder with --out")
    shutil.rmtree(out)


def fetched(office: Office, request: Request) -> tuple[str, str]:
    """The target's tip, and what merging the judged head into it gives."""
    store = office.court.store
    tip = store.tip(request.base_ref)
    store.fetch(tip, request.head_sha)
    return tip, store.merged(tip, request.head_sha)


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
        contest.bring(self.office, self.request, tip, merged)
        with self.office.repo() as repo:
            self._compare(repo, contest.found(self.office, repo, self.request, tip, merged), merged)
        return self.place / _OUT

    def _compare(self, repo: GitRepo, between: Contest, merged: str) -> None:
        lfs, base = self.office.court.lfs, between.sides.base
        tree = laying_out.scratch(repo, merged, self.place / "tree", between.papers, lfs)
        laying_out.lay_out(base, between.incumbents, self.place / "incumbent", lfs)
        incumbent = self.place / "incumbent" / between.incumbent if between.incumbent else "none"
        told: list[str | Path] = ["--candidate", tree / between.model, "--incumbent", incumbent]
        told += ["--items", self._corpus(base), "--out", _OUT, "--registry", tree / between.view.registry]
        told += ["--candidate-id", self.request.ids[0], "--base", between.sides.base_commit or ""]
        told += self._policy(base) if self.office.court.question.policy else []
        # A stranger's bytes: on CUDA they would run with files, sockets and memory within reach.
        told += ["--provider", "cpu"]
        self._run("saliency", "compare", *told, "--request", self.said)

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
    if sum(one.stat().st_size for one in files) > artifact.LARGEST:
        raise UsageError(f"the harness left more than {artifact.LARGEST >> 20} MiB, which is more than `finish` reads")
    # First, so that what is left half-way is known for ours.
    (out / REQUEST).write_text(promotion.write(request) + "\n", encoding="utf-8")
    for one in files:
        shutil.copyfile(one, out / one.name)
    found = [name for name in VERDICTS if (out / f"{name}.json").is_file()]
    if len(found) != 1:
        raise running.HarnessError(f"the harness left {len(found)} verdicts, and one is wanted")
    return Left(request, found[0], out / f"{found[0]}.json")
