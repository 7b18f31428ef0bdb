"""From verified evidence to the pull request that flips: planned on git trees, judged, and proposed on one branch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smokegate.errors import SmokegateError
from smokegate.evidence.attestation import Kind
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.gates import GateResult
from smokegate.github.api.faults import passing
from smokegate.github.api.port import Pull
from smokegate.github.flips import flip_body, lfs_upload
from smokegate.github.flips.lfs_upload import Uploads
from smokegate.github.flips.signing import Pen
from smokegate.github.measuring.artifact import Artifact
from smokegate.github.measuring.exported import exports_of
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promotion import Request
from smokegate.github.promotions.proposal import Proposal, branch, written
from smokegate.github.promotions.proposal import propose as _propose
from smokegate.github.verdicts import approval
from smokegate.judge.groups import ensembles
from smokegate.policy import Gate, Policy
from smokegate.review.flip_desk import Desk, Flipped, Order
from smokegate.review.flip_evidence import Brought
from smokegate.review.law import effective_policy
from smokegate.review.registries import registries_of
from smokegate.review.replacement import Draft
from smokegate.review.sides import Sides
from smokegate.sources import lfs
from smokegate.sources.git import GitRepo
from smokegate.sources.git_tree import GitTree
from smokegate.sources.lfs import pointer_to
from smokegate.sources.tree import Kind as Node
from smokegate.sources.tree import Pointer

_LARGEST = 512 << 20
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Claim:
    """A PROMOTE that follows from its own numbers, and what came with it."""

    request: Request
    evidence: Evidence
    gate: Gate
    result: GateResult
    left: Artifact


@dataclass(frozen=True, slots=True)
class Plan:
    attested: str
    refused: tuple[str, ...] = ()
    """Why the judge would not take it."""
    flipped: Flipped | None = None
    tree: str = ""
    tip: str = ""
    several: bool = False
    objects: Mapping[Pointer, bytes] = field(default_factory=dict)
    """What goes to git-lfs before anything is proposed."""


def plan(office: Office, claim: Claim, pen: Pen | None) -> Plan:
    """By the desk of `smokegate flip`: nothing is proposed that `check` would block the evidence of."""
    request, store = claim.request, office.court.store
    tip = store.tip(request.base_ref)
    store.fetch(tip, request.head_sha)
    merged = store.merged(tip, request.head_sha)
    with office.repo() as repo:
        sides = Sides(repo.tree(tip), repo.tree(merged, request.head_sha[:_SHORT]), repo, tip)
        own = office.court.question.policy
        brought, attested = _brought(claim, pen, effective_policy(sides, request.registry, own).policy)
        exports = exports_of(claim.evidence, claim.left) if request.harness == "ensemble" else None
        order = Order(request.ids, lambda _: brought, request.registry, own, _superseded(claim), exports)
        try:
            flipped = _planned(order, sides, office)
        except SmokegateError as error:
            if passing(error):
                raise
            return Plan(attested, (error.message,))
        if flipped.refused:
            return Plan(attested, tuple(f"{one.code}: {one.message}" for one in flipped.report.blocking))
        objects = {pointer_to(data): data for data in flipped.objects.values()}
        files = {one.path: _stored(one, flipped) for one in flipped.drafts}
        tree = written(repo, repo.git.text("rev-parse", f"{merged}^{{tree}}"), files)
        several = len(registries_of(sides, None, None)) > 1
        return Plan(attested, (), flipped, tree, tip, several, objects)


def _stored(draft: Draft, flipped: Flipped) -> bytes:
    return lfs.written(pointer_to(draft.now)) if draft.path in flipped.objects else draft.now


def _planned(order: Order, sides: Sides, office: Office) -> Flipped:
    head = sides.head
    if not isinstance(head, GitTree):
        raise TypeError("a flip is planned on a git tree")

    def current(path: str) -> bytes | None:
        node = head.node(path)
        return head.read(path, _LARGEST) if node is not None and node.kind is Node.FILE else None

    return Desk(order, sides, head, office.court.bench, current).planned()


def _brought(claim: Claim, pen: Pen | None, policy: Policy) -> tuple[Brought, str]:
    """Signed over the very bytes, under the name by which they came."""
    name = "PROMOTE.json"
    data = claim.left.file(name)
    signatures = {Kind.KEY.value: pen.sign(data, name, policy)} if pen else {}
    attested = "signed here, by the job that verified it" if pen else "nobody signed it: self-attested"
    return Brought(Path(name), data, read(data, name), signatures), attested


def _superseded(claim: Claim) -> str | None:
    """Of a comparison with another entry: that one goes on under its own name, marked."""
    incumbent = claim.evidence.fields.get("incumbent")
    old = incumbent.get("id") if isinstance(incumbent, dict) else None
    return old if isinstance(old, str) and old not in claim.request.ids and claim.gate.shape == "comparison" else None


# -- the pull request --------------------------------------------------------------------------------------------------


def propose(office: Office, claim: Claim, made: Plan) -> Pull:
    """Starts at the judged head. Where the target branch went on meanwhile, its tip is merged in, as it was judged."""
    request, flipped = claim.request, made.flipped
    if flipped is None:
        raise AssertionError("what is refused is not proposed")
    _kept_in_lfs(office, made)
    original = office.hub.pull(request.pr)
    wrote = approval.authors(original, office.hub.pull_commits(request.pr), [request.actor])
    its_branch = branch(office, f"flip/{_name(request, several=made.several)}", request.base_ref)
    told = flip_body.Told(request, claim.evidence, claim.result, flipped, made.attested, made.tip, its_branch, wrote)
    with office.repo() as repo:
        parents = (request.head_sha,) if _contains(repo, request.head_sha, made.tip) else (request.head_sha, made.tip)
    return _propose(
        office,
        Proposal(
            branch=its_branch,
            base_ref=request.base_ref,
            title=f"Flip {_called(request)} to production",
            body=flip_body.body(office, told),
            message=flip_body.message(request, claim.evidence, flipped, office.step.run_url, _called(request)),
            key=request.nonce,
            start=parents[-1],
            tree=made.tree,
            parents=parents,
        ),
    )


def _kept_in_lfs(office: Office, made: Plan) -> None:
    """First of all: a branch whose objects are nowhere would be of no use to anybody."""
    if not made.objects:
        return
    if office.court.lfs is None:
        raise AssertionError("what is kept in git-lfs has a server")
    remote = office.court.lfs.remote
    with office.repo() as repo:
        lfs_upload.require_here(repo.git, made.tip, remote)
        lfs_upload.require_here(repo.git, made.tree, remote)
    Uploads(remote, office.clock).put(made.objects)


def _contains(repo: GitRepo, head: str, tip: str) -> bool:
    return repo.git.ask("merge-base", "--is-ancestor", tip, head).code == 0


def _called(request: Request) -> str:
    """The ensemble, or the entry."""
    return next(iter(ensembles(request.ids)), min(request.ids))


def _name(request: Request, *, several: bool) -> str:
    """With the registry's digest where there are several, lest they meet on one branch."""
    digest = hashlib.sha256(request.registry.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_called(request)}-{digest}" if several else _called(request)
