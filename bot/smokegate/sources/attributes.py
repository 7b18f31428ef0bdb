"""What git makes of a tree's `.gitattributes`, in its own reading."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from smokegate.sources.command import Git, decoded, encoded


def having(git: Git, tree: str, paths: Iterable[str], attribute: str, value: str) -> frozenset[str]:
    """Those of these paths, there or not, whose attribute is this value."""
    asked = b"".join(encoded(path) + b"\0" for path in sorted(set(paths)))
    if not asked:
        return frozenset()
    with tempfile.TemporaryDirectory(prefix="smokegate-") as folder:
        # By an index of its own, as `check-attr --source` is younger (2.40) than the git of many a runner.
        aside = git.configured({}, {"GIT_INDEX_FILE": str(Path(folder, "index"))})
        aside.run("read-tree", tree)
        told = decoded(aside.run("check-attr", "--cached", "--stdin", "-z", attribute, stdin=asked)).split("\0")
    return frozenset(path for path, _, found in zip(told[::3], told[1::3], told[2::3], strict=False) if found == value)
