"""Where base's own document cannot be read, the last readable one among its first-parent ancestors stands in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from smokegate.errors import RepositoryError
from smokegate.review.sides import Sides
from smokegate.sources.tree import Tree

T = TypeVar("T")


def last_readable(sides: Sides, path: str, what: str, why: str, read: Callable[[Tree], T | None]) -> tuple[T, str]:
    """The document as `read` last gave it, and the note that says so. Exit 2 where there never was a readable one."""
    if sides.repo is not None and sides.base_commit is not None:
        for commit in sides.repo.first_parents(sides.base_commit, [path]):
            tree = sides.repo.tree(commit.oid)
            found = read(tree)
            if found is not None:
                return found, f"{what} {path} cannot be read at base ({why}); it stands in as of {tree.label}"
    raise RepositoryError(
        f"{what} {path} cannot be read at base ({why}), and no readable ancestor of it is in this clone",
        fix=f"mend {path} on the base branch, or name a sound base with --base REV",
    )
