"""What a comparison needs of two trees: the candidate as the pull request has it, and what is in production."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from smokegate.errors import UsageError
from smokegate.github.measuring import laying_out
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promotion import Request
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.review.promotable import Lot, View, views
from smokegate.review.sides import Sides
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Pointer

_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Contest:
    sides: Sides
    view: View
    model: str
    papers: frozenset[str]
    """Of the head: the candidate's files, and every document beside them."""
    incumbent: str | None
    incumbents: frozenset[str]
    """Of the target branch."""

    def missing(self) -> Iterator[Pointer]:
        for tree, paths in ((self.sides.head, self.papers), (self.sides.base, self.incumbents)):
            for path in sorted(paths):
                content = tree.content(path)
                if content.pointer is not None and not content.seen:
                    yield content.pointer


def found(office: Office, repo: GitRepo, request: Request, tip: str, merged: str) -> Contest:
    sides = Sides(repo.tree(tip), repo.tree(merged), repo, tip)
    view, lot, entry = _candidate(office, request, sides)
    head, base = view.change.head, view.change.base
    against = view.incumbents(lot, entry)
    old = base.entries[against[0].id] if against else None
    return Contest(
        sides,
        view,
        head.model_path(entry) or "",
        # No other model need be on this disk.
        _files(head, entry) | {path for path in head.files if path.endswith(".json")},
        base.model_path(old) if old else None,
        _files(base, old) if old else frozenset(),
    )


def bring(office: Office, request: Request, tip: str, merged: str) -> None:
    """All of it into the store. A graph may lead to weights that only it names, and what was looked for in vain is
    not looked for again: so all is read anew until nothing is missing."""
    if office.court.lfs is None:
        return
    for _ in range(_ROUNDS):
        with office.repo() as repo:
            missing = list(found(office, repo, request, tip, merged).missing())
        if not missing:
            return
        laying_out.bring(missing, office.court.lfs)
    raise UsageError("the models lead to ever more LFS objects", fix="keep a model's weights in one file")


def _files(side: Side, entry: Entry) -> frozenset[str]:
    """A model's own, weights outside of it included."""
    outside = [one.path for one in (side.external(entry) or {}).values()]
    paths = (side.model_path(entry), side.twin_path(entry), side.sidecar_path(entry), *outside)
    return frozenset(path for path in paths if path is not None and side.is_file(path))


def _candidate(office: Office, request: Request, sides: Sides) -> tuple[View, Lot, Entry]:
    views_ = views(sides, office.court.bench, registry=request.registry, policy=office.court.question.policy)
    entries = views_[0].named(request.ids) if views_ else []
    if len(entries) != 1 or not entries[0].onnx:
        raise UsageError(f"{', '.join(request.ids)} is no single entry of {request.registry} by now")
    lot = next(views_[0].lots(entries), None)
    if lot is None or lot.gate_name != request.gate:
        raise UsageError(f"the gate {request.gate} does not judge {entries[0].key} any more")
    return views_[0], lot, entries[0]
