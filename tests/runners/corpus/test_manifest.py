"""The manifest, and the command line that goes before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smokegate.errors import DocumentError, UsageError
from smokegate_runners.corpus.order import Asked, settle

CLIPS = "clips: [{name: a, generator: testsrc2}]\n"
WHOLE = f"{CLIPS}encoders: [libx264]\ncq: [30]\nframes: 4\n"


def written(folder: Path, text: str, name: str = "corpus.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_json_and_yaml_say_the_same(tmp_path: Path) -> None:
    clip = {"name": "a", "generator": "testsrc2"}
    document = {"clips": [clip], "encoders": ["libx264"], "cq": [30], "frames": 4}
    as_json = settle(Asked(manifest=written(tmp_path, json.dumps(document), "corpus.json")))
    assert as_json == settle(Asked(manifest=written(tmp_path, WHOLE)))


def test_the_command_line_comes_first(tmp_path: Path) -> None:
    order = settle(Asked(manifest=written(tmp_path, WHOLE), encoders="libx265", cq="20,40", seconds=2.5, size="64x64"))
    assert [encoder.name for encoder in order.encoders] == ["libx265"]
    assert order.levels == [20, 40]
    assert (order.settings.frames, order.settings.seconds) == (None, 2.5)


def test_paths_count_from_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "one.mp4").write_bytes(b"x")
    text = "clips: [{path: clips/one.mp4}, {path: clips/one.mp4, name: other}]\nencoders: [libx264]\ncq: [30]\n"
    order = settle(Asked(manifest=written(tmp_path, text)))
    assert [clip.name for clip in order.clips] == ["one", "other"]
    assert [clip.path for clip in order.clips] == [tmp_path / "clips" / "one.mp4"] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clips: []\n", "clips"),
        ("encoders: [libx264]\n", "clips: Field required"),
        (f"{WHOLE}codec: x\n", "codec: Extra inputs are not permitted"),
        (f"{WHOLE}frames: 5\n", "frames"),
        (f"{CLIPS}cq: [true]\n", r"cq\.0"),
        (f"{CLIPS}frames: 0\n", "frames"),
        (f"{CLIPS}seconds: .inf\n", "seconds"),
        ("clips: [{name: a}]\n", "a `path` or a `generator`"),
        ("clips: [{name: a, path: x, generator: y}]\n", "a `path` or a `generator`"),
        ("clips: [{generator: y}]\n", "give the clip a `name`"),
        ("clips: [\n", "corpus.yml"),
        ("", "manifest"),
    ],
)
def test_a_manifest_that_means_nothing_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=message):
        settle(Asked(manifest=written(tmp_path, text), encoders="libx264", cq="30", frames=1))


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="No such file"):
        settle(Asked(manifest=tmp_path / "none.yml"))


def test_a_generator_has_to_end_somewhere(tmp_path: Path) -> None:
    path = written(tmp_path, f"{CLIPS}encoders: [libx264]\ncq: [30]\n")
    with pytest.raises(UsageError, match="draws frames without end"):
        settle(Asked(manifest=path))
    assert settle(Asked(manifest=path, seconds=0.5)).size == 1


@pytest.mark.parametrize("name", ["", "../a", "a\x1b[2J", "-a", "a" * 129])
def test_a_name_is_fit_for_a_row_and_a_terminal(name: str, tmp_path: Path) -> None:
    text = json.dumps({"clips": [{"name": name, "generator": "testsrc2"}]})
    with pytest.raises((UsageError, DocumentError), match="name"):
        settle(Asked(manifest=written(tmp_path, text, "corpus.json"), encoders="libx264", cq="30", frames=1))
