"""Looking an entry up in first-parent history."""

from __future__ import annotations

from collections.abc import Callable

from smokegate.judge.law import HistoryLookup, PastEntry
from smokegate.judge.side import Side
from smokegate.registry.paths import join, parent
from smokegate.registry.retirement import RETIRED_NAME
from smokegate.review.sides import Sides
from smokegate.sources.tree import Tree


def lookup(sides: Sides, registry: str, side_of: Callable[[Tree], Side]) -> HistoryLookup:
    """Walks back from base only when somebody asks, and no further than it must."""

    def past(entry_id: str) -> PastEntry | None:
        if sides.repo is None or sides.base_commit is None:
            return None
        places = [registry, join(parent(registry), RETIRED_NAME)]
        retired = False
        for commit in sides.repo.first_parents(sides.base_commit, places):
            side = side_of(sides.repo.tree(commit.oid))
            retired = retired or any(r.id == entry_id for r in side.retirements)
            entry = side.entries.get(entry_id)
            if entry is not None:
                return PastEntry(commit.oid, entry.stage, side.identity(entry).digest, retired)
        return None

    return past
