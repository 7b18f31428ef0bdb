"""What the sidecar of a saliency model says of the pictures that it is to be fed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError
from smokegate.registry.document import DocumentFault, read_json
from smokegate.registry.sidecar import Sidecar
from smokegate_runners.saliency.network import pixels

SIZE_MULTIPLE = "size_multiple"
_LARGEST = 256
_MOST_BYTES = 16 << 20
_LONGEST = 100


def size_multiple(path: Path) -> int | None:
    """Of the model there. Refuses one that wants other pictures than ours."""
    found = _read(path)
    _require_imagenet(found, path)
    return _said_multiple(found, path)


def _read(path: Path) -> Mapping[str, Any]:
    for place in _places(path):
        if not place.is_file():
            continue
        with place.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        document = read_json(data, str(place), max_bytes=_MOST_BYTES, max_depth=32)
        if isinstance(document, DocumentFault):
            raise UsageError(f"{place.name}:{document.line or 1}: {document.message}", fix="mend the model's sidecar")
        return Sidecar(document.value).value
    return {}


def _places(path: Path) -> Iterator[Path]:
    yield path.with_suffix(".json")
    if path.name.endswith(".int8.onnx"):
        yield path.with_suffix("").with_suffix(".json")


def _said_multiple(found: Mapping[str, Any], path: Path) -> int | None:
    said = found.get(SIZE_MULTIPLE)
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int) or not 1 <= said <= _LARGEST:
        raise UsageError(f"the sidecar of {path.name} has no whole number 1..{_LARGEST} in {SIZE_MULTIPLE}")
    return said


def _require_imagenet(found: Mapping[str, Any], path: Path) -> None:
    """A model that was trained on other numbers gives masks too, and nobody would see that they are wrong."""
    says = Sidecar(found).runtime()
    for field, ours in (("feature_mean", pixels.MEAN), ("feature_std", pixels.DEVIATION)):
        if field in says and not _alike(says[field], ours):
            said = repr(says[field])[:_LONGEST]
            raise UsageError(
                f"the sidecar of {path.name} has {field} {said}, and models are fed what {list(ours)} normalises"
            )
    if "onnx_has_scaler" in says:
        raise UsageError(f"the sidecar of {path.name} says that it normalises its input itself: it would be done twice")


def _alike(said: Any, ours: tuple[float, ...]) -> bool:
    if not isinstance(said, list) or len(said) != len(ours):
        return False
    return all(
        isinstance(one, int | float) and math.isclose(one, other, abs_tol=1e-4)
        for one, other in zip(said, ours, strict=True)
    )
