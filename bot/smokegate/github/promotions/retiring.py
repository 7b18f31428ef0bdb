"""`/retire`: a pull request that takes an entry out of the registry, with the reason on record."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from smokegate.errors import UsageError
from smokegate.github.comments.reply import link, name
from smokegate.github.promotions import answers, remarks
from smokegate.github.promotions.acts import Act
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promote import Asked
from smokegate.github.promotions.proposal import Proposal, branch, propose, written
from smokegate.registry.paths import join, parent
from smokegate.registry.retirement import RETIRED_NAME
from smokegate.render.escape import clip, fence
from smokegate.review import retire as retirement
from smokegate.review.promotable import View, views
from smokegate.review.sides import Sides
from smokegate.sources.git import GitRepo
from smokegate.sources.tree import Kind

_LARGEST = 64 << 20


def retire(office: Office, asked: Asked) -> Act:
    """Of the target branch as it is now; whatever the pull request changes is its own affair."""
    command, pull = asked.command, asked.pull
    entry, reason = command.ids[0], command.reason or ""
    tip = office.court.store.tip(pull.base_ref)
    with office.repo() as repo:
        tree = repo.tree(tip)
        there = views(Sides(tree, tree, repo, tip), office.court.bench)
        found = [one for one in there if entry in _ids(one)]
        if not found:
            known = [one for view in there for one in _ids(view)]
            return Act(answers.unknown(command, [entry], known, where=f"on {name(pull.base_ref)}"))
        if len(found) > 1:
            return Act(remarks.retire_by_hand(command, [one.registry for one in found]))
        files = _files(repo, tip, found[0].registry, entry, reason)
        proposal = Proposal(
            branch=branch(office, f"retire/{entry}", pull.base_ref),
            base_ref=pull.base_ref,
            title=f"Retire {entry}",
            body=_body(asked, found[0].registry, entry, reason),
            # Without the reason: in a commit's message GitHub obeys `fixes #1`, and tells whom it names.
            message=f"Registry: {entry} is retired",
            key=hashlib.sha256(f"{office.hub.repository_name}:{asked.comment.id}:{entry}".encode()).hexdigest()[:32],
            start=tip,
            tree=written(repo, repo.git.text("rev-parse", f"{tip}^{{tree}}"), files),
            parents=(tip,),
        )
    return Act(answers.retired(command, propose(office, proposal).url))


def _ids(view: View) -> list[str]:
    return [entry.id for entry in view.change.base.entries.values() if entry.id]


def _files(repo: GitRepo, tip: str, registry: str, entry: str, reason: str) -> Mapping[str, bytes]:
    """By the very plan of `smokegate retire`, on copies of the two files that it changes."""
    tree, folder = repo.tree(tip), parent(registry)
    with tempfile.TemporaryDirectory(prefix="smokegate-") as place:
        for path in (registry, join(folder, RETIRED_NAME)):
            node = tree.node(path)
            if node is not None and node.kind is not Kind.FILE:
                raise UsageError(f"{path} is not a plain file", fix=f"make {path} one first")
            if node is not None:
                Path(place, path.rpartition("/")[2]).write_bytes(tree.read(path, _LARGEST))
        plan = retirement.plan(Path(place, registry.rpartition("/")[2]), entry, reason, None, lambda _: None)
        return {join(folder, draft.path): draft.now for draft in plan.drafts}


def _body(asked: Asked, registry: str, entry: str, reason: str) -> str:
    return "\n\n".join(
        (
            f"{name(asked.comment.author.login)} asked for this in {link('a comment', asked.comment.url)} on "
            f"#{asked.pull.number}.",
            f"It takes {name(entry)} out of {name(registry)} and puts the reason on record:",
            fence(clip(reason, 2_000)),
            "Its files stay in git's history. The verdict says whether anything still rests on it.",
        )
    )
