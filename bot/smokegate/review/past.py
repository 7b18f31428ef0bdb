"""Looking an entry up in first-parent history."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from smokegate.judge.law import History, PastEntry
from smokegate.judge.side import Side
from smokegate.registry.paths import join, parent
from smokegate.registry.retirement import RETIRED_NAME
from smokegate.review.sides import Sides
from smokegate.sources.tree import Tree


def lookup(sides: Sides, registry: str, side_of: Callable[[Tree], Side]) -> History:
    """Walks back from base only when somebody asks, no further than it must, and once for all who ask."""
    return _Walk(sides, registry, side_of)


class _Walk:
    def __init__(self, sides: Sides, registry: str, side_of: Callable[[Tree], Side]) -> None:
        self._side_of = side_of
        self._sides_at_hand, self._registry = sides, registry
        self._known: dict[str, PastEntry] = {}
        """Each id as the newest commit that has it knew it."""
        self._retired: set[str] = set()
        self._to_come = self._sides([registry, join(parent(registry), RETIRED_NAME)])

    def _sides(self, places: list[str]) -> Iterator[Side]:
        """The registry after and before each commit that touched it: a sidecar may have changed in between."""
        sides = self._sides_at_hand
        if sides.repo is None or sides.base_commit is None:
            return
        for commit in sides.repo.first_parents(sides.base_commit, places):
            yield from (self._side_of(sides.repo.tree(oid)) for oid in (commit.oid, commit.parent) if oid)

    def __call__(self, entry_id: str) -> PastEntry | None:
        while entry_id not in self._known:
            side = next(self._to_come, None)
            if side is None:
                return None
            self._retired |= {r.id for r in side.retirements}
            for key, entry in side.entries.items():
                self._known.setdefault(key, PastEntry(side, entry, key in self._retired))
        return self._known[entry_id]

    def once_in_production(self, entry_id: str, identity: str) -> bool:
        """All that touched the registry's folder: an identity may change while the registry stays as it is."""
        return any(
            (entry := side.entries.get(entry_id)) is not None
            and entry.production
            and side.identity(entry).digest == identity
            for side in self._sides([parent(self._registry) or "."])
        )
