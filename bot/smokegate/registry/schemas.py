"""The JSON Schemas of our documents, as shipped."""

from __future__ import annotations

import re
from pathlib import Path

from smokegate.errors import UsageError

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PACKAGE = Path(__file__).resolve().parents[1]


def load(name: str) -> bytes:
    """The schema of a document by its short name: `registry`, `sidecar`, `ensemble-manifest`, `retired`, ..."""
    folder = _folder()
    path = folder / f"{name}.schema.json"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise UsageError(f"there is no schema called {name!r}; there are: {', '.join(names())}")
    return path.read_bytes()


def names() -> tuple[str, ...]:
    return tuple(sorted(path.name.removesuffix(".schema.json") for path in _folder().glob("*.schema.json")))


def _folder() -> Path:
    """Inside the package as installed from a wheel; at the root of the checkout in an editable install."""
    shipped = _PACKAGE / "schemas"
    return shipped if shipped.is_dir() else _PACKAGE.parents[1] / "schemas"
