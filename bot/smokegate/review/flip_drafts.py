"""Files of a tree as a flip is to leave them, worked out in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from smokegate.errors import DocumentError
from smokegate.registry.document import DocumentFault, JsonDocument, Pointer, read_json
from smokegate.registry.edit import set_value
from smokegate.review.replacement import Draft

_LARGEST = 64 << 20
_DEEPEST = 512
_BESIDE = ("smoke", "sha256", "opset", "onnx_opset", "output_names", "input_names", "onnx")
"""What rows and sidecars have: a new member goes beside the first of these, so that no other line gets a comma."""

Current = Callable[[str], bytes | None]
"""What stands at a path, None where there is no file."""


class Drafts:
    """Paths are from the top of the tree."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._was: dict[str, bytes | None] = {}
        self._now: dict[str, bytes] = {}

    def there(self, path: str) -> bytes | None:
        """What lies there, as long as it is a plain file."""
        if path not in self._was:
            self._was[path] = self._current(path)
        return self._was[path]

    @property
    def now(self) -> Mapping[str, bytes]:
        """Everything that was put, whether it differs or not."""
        return dict(self._now)

    def data(self, path: str) -> bytes:
        data = self._now.get(path, self.there(path))
        if data is None:
            raise DocumentError(f"{path} is not in the working tree", fix=f"git checkout HEAD -- {path}")
        return data

    def put(self, path: str, data: bytes) -> None:
        self.there(path)
        self._now[path] = data

    def json(self, path: str) -> JsonDocument:
        found = read_json(self.data(path), path, max_bytes=_LARGEST, max_depth=_DEEPEST)
        if isinstance(found, DocumentFault):
            place = f"{path}:{found.line}:{found.column}" if found.line else path
            raise DocumentError(f"{place}: {found.message}", fix=f"mend {path} first")
        return found

    def set(self, path: str, pointer: Pointer, value: Any) -> None:
        """Change one value of a JSON document, and no line besides those that it takes."""
        self.put(path, set_value(self.json(path).text, pointer, value, beside=_BESIDE).encode())

    def changed(self, last: str) -> list[Draft]:
        """What differs from what lies there, in the order of its writing."""
        return sorted(self._differing(), key=lambda draft: (draft.path == last, draft.was is not None, draft.path))

    def _differing(self) -> Iterator[Draft]:
        for path, data in self._now.items():
            was = self._was[path]
            if was != data:
                yield Draft(path, was, data)
