"""Which registry vouches for a model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from smokegate.errors import UsageError
from smokegate_runners.saliency.registered import Standing, standing


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def written(folder: Path, *entries: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "registry.json"
    path.write_text(json.dumps({"schema_version": 1, "models": list(entries)}))
    return path


def entry(onnx: str, data: bytes = b"graph", **fields: Any) -> dict[str, Any]:
    return {"id": "s_v1", "kind": "filter", "onnx": onnx, "sha256": digest(data)} | fields


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "s.onnx").write_bytes(b"graph")
    return tmp_path


def test_the_nearest_registry_that_names_it_counts(place: Path) -> None:
    written(place, entry("m/s.onnx", id="above"))
    near = written(place / "m", entry("other.onnx", id="other"))
    model = place / "m" / "s.onnx"
    assert standing(model, unregistered=False) == Standing("above", place / "registry.json", digest(b"graph"))
    written(place / "m", entry("other.onnx", id="other"), entry("s.onnx"))
    assert standing(model, unregistered=False) == Standing("s_v1", near, digest(b"graph"))


def test_a_registry_outside_of_the_repository_says_nothing(place: Path) -> None:
    (place / "m" / ".git").mkdir()
    written(place, entry("m/s.onnx"))
    with pytest.raises(UsageError, match=r"no registry\.json beside .* names this model"):
        standing(place / "m" / "s.onnx", unregistered=False)
    assert standing(place / "m" / "s.onnx", unregistered=True) == Standing("s", None)


def test_other_bytes_have_no_name_of_the_registry(place: Path) -> None:
    written(place / "m", entry("s.onnx", b"graph of yesterday"))
    with pytest.raises(UsageError, match=r"entry 's_v1' of .* pins other bytes: s\.onnx is .*, and the entry says"):
        standing(place / "m" / "s.onnx", unregistered=False)
    assert standing(place / "m" / "s.onnx", unregistered=True) == Standing("s", None)


def test_a_name_is_reached_by_any_way(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = written(place / "m", entry("s.onnx"))
    monkeypatch.chdir(place)
    assert standing(Path("m/../m/./s.onnx"), unregistered=False).registry == registry
    (place / "elsewhere").mkdir()
    (place / "elsewhere" / "link.onnx").symlink_to(place / "m" / "s.onnx")
    assert standing(place / "elsewhere" / "link.onnx", unregistered=False).id == "s_v1"
    (place / "m" / "s.onnx").rename(place / "elsewhere" / "0123")
    (place / "m" / "s.onnx").symlink_to(place / "elsewhere" / "0123")
    assert standing(place / "m" / "s.onnx", unregistered=False).registry == registry


def test_the_int8_twin_has_a_digest_of_its_own(place: Path) -> None:
    (place / "m" / "s.int8.onnx").write_bytes(b"small")
    registry = written(place / "m", entry("s.onnx", int8_sha256=digest(b"small")))
    assert standing(place / "m" / "s.int8.onnx", unregistered=False) == Standing("s.int8", registry, digest(b"small"))
    written(place / "m", entry("s.onnx"))
    with pytest.raises(UsageError, match="pins other bytes"):
        standing(place / "m" / "s.int8.onnx", unregistered=False)


@pytest.mark.parametrize("where", ["entry", "sidecar"])
def test_weights_outside_of_the_graph_are_held_to_their_pins(place: Path, where: str) -> None:
    (place / "m" / "w.bin").write_bytes(b"weights")
    pins = [{"path": "w.bin", "sha256": digest(b"weights"), "size": 7}]
    fields: dict[str, Any] = {"external_data": pins} if where == "entry" else {}
    written(place, entry("m/s.onnx", **fields))
    if where == "sidecar":
        (place / "m" / "s.json").write_text(json.dumps({"external_data": pins}))
    assert standing(place / "m" / "s.onnx", unregistered=False).id == "s_v1"
    (place / "m" / "w.bin").write_bytes(b"weightz")
    with pytest.raises(UsageError, match=r"pins other bytes: w\.bin is"):
        standing(place / "m" / "s.onnx", unregistered=False)
    (place / "m" / "w.bin").unlink()
    with pytest.raises(UsageError, match=r"w\.bin is not there"):
        standing(place / "m" / "s.onnx", unregistered=False)


def test_what_is_no_model_or_no_registry_is_said(place: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        standing(place / "m" / "none.onnx", unregistered=True)
    with pytest.raises(UsageError, match="there is no such file"):
        standing(place / "m", unregistered=True)
    (place / "m" / "registry.json").write_text("{")
    with pytest.raises(UsageError, match=r"registry\.json:1: "):
        standing(place / "m" / "s.onnx", unregistered=False)
