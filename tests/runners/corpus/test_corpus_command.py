"""`smokegate corpus`, on real clips, with real encoders and the real libvmaf."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from smokegate.errors import UsageError
from smokegate.evidence import corpus
from smokegate.evidence.corpus import NUMBERS, TEXTS, CorpusTable
from smokegate_runners.commands.corpus import command, progress
from smokegate_runners.corpus.build import CorpusUnfinished
from smokegate_runners.corpus.ffmpeg import Ffmpeg
from smokegate_runners.corpus.order import Asked, settle

LEVELS = (20, 45)


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def read(path: Path) -> CorpusTable:
    with path.open("rb") as stream:
        table = corpus.read(stream, path.name)
    assert isinstance(table, CorpusTable), table
    return table


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def made(clips: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one corpus in it, as JSONL."""
    folder = tmp_path_factory.mktemp("made")
    levels = ",".join(map(str, LEVELS))
    asked = ("--encoders", "libx264,libx265", "--cq", levels, "--work", folder / "work")
    assert run(*clips, *asked, "--out", folder / "corpus.jsonl").exit_code == 0
    return folder


def test_every_frame_of_every_encode_has_its_row(made: Path) -> None:
    rows = rows_of(made / "corpus.jsonl")
    expected = [
        (src, encoder, cq, frame)
        for src in ("card", "fractal")
        for encoder in ("libx264", "libx265")
        for cq in LEVELS
        for frame in range(8)
    ]
    assert [(row["src"], row["encoder"], row["cq"], row["frame_index"]) for row in rows] == expected
    assert all(list(row) == [*TEXTS, *NUMBERS] for row in rows)


def test_the_numbers_are_those_of_real_encodes(made: Path) -> None:
    rows = rows_of(made / "corpus.jsonl")
    mean = {}
    for src in ("card", "fractal"):
        for encoder in ("libx264", "libx265"):
            for cq in LEVELS:
                scores = [row["vmaf"] for row in rows if (row["src"], row["encoder"], row["cq"]) == (src, encoder, cq)]
                mean[src, encoder, cq] = sum(scores) / len(scores)
            assert mean[src, encoder, LEVELS[0]] > mean[src, encoder, LEVELS[1]] + 10
    assert len({round(score, 3) for score in mean.values()}) == len(mean)


def test_jsonl_and_parquet_are_one_corpus(made: Path, clips: tuple[Path, Path]) -> None:
    """And the second table comes from what the first run finished."""
    finished = {path: path.stat().st_mtime_ns for path in (made / "work" / "units").iterdir()}
    asked = ("--encoders", "libx264,libx265", "--cq", "20,45", "--work", made / "work")
    result = run(*clips, *asked, "--out", made / "corpus.parquet")
    jsonl, parquet = read(made / "corpus.jsonl"), read(made / "corpus.parquet")
    assert jsonl.digest == parquet.digest
    assert f"corpus digest: {parquet.digest}" in result.output
    assert finished == {path: path.stat().st_mtime_ns for path in (made / "work" / "units").iterdir()}


def test_a_pipe_sees_no_progress(made: Path, clips: tuple[Path, Path]) -> None:
    result = run(*clips, "--encoders", "libx264", "--cq", "45", "--frames", "2", "--out", made / "few.jsonl")
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 3
    assert read(made / "few.jsonl").rows == 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_each_encode_once(monkeypatch: pytest.MonkeyPatch, clips: tuple[Path, Path]) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    order = settle(Asked(clips, encoders="libx264", cq="45"))
    tell = progress(order.size)
    for clip, before in zip(order.clips, (True, False), strict=True):
        tell(order.units(clip)[0], before)
    assert terminal.getvalue() == (
        "\r\x1b[2K1/2 encodes (1 found finished): card libx264 cq 45"
        "\r\x1b[2K2/2 encodes (1 found finished): fractal libx264 cq 45\n"
    )


def test_a_cover_picture_is_no_clip(program: Ffmpeg, clips: tuple[Path, Path], tmp_path: Path) -> None:
    cover, album = tmp_path / "cover.png", tmp_path / "album.mp4"
    program.run(("-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1", str(cover)))
    maps = ("-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic")
    program.run(("-i", str(clips[0]), "-i", str(cover), *maps, str(album)))
    assert run(album, "--encoders", "libx264", "--cq", "45", "--out", tmp_path / "out.jsonl").exit_code == 0
    assert read(tmp_path / "out.jsonl").rows == 8


def test_who_made_it_from_what_is_written_beside(made: Path, clips: tuple[Path, Path]) -> None:
    said = json.loads((made / "corpus.jsonl.provenance.json").read_text())
    assert said["schema"] == "ai-run-provenance-v1"
    assert [(given["kind"], given["sha256"]) for given in said["inputs"]] == [
        ("clip", hashlib.sha256(clip.read_bytes()).hexdigest()) for clip in clips
    ]
    (table,) = said["outputs"]
    assert table["sha256"] == hashlib.sha256((made / "corpus.jsonl").read_bytes()).hexdigest()
    assert said["args"]["encoders"] == "libx264,libx265"
    assert {"ffmpeg", "python"} <= said["packages"].keys()
    assert said["started_at_utc"] <= said["ended_at_utc"]


def test_a_manifest_draws_its_own_clips(tmp_path: Path) -> None:
    manifest = tmp_path / "small.yml"
    manifest.write_text(
        "frames: 3\nsize: 96x64\nencoders: [libvpx-vp9]\ncq: [30]\n"
        "clips:\n  - {name: card, generator: 'testsrc2=size=192x108:rate=24'}\n"
    )
    run("--manifest", manifest, "--out", tmp_path / "out.jsonl")
    table = read(tmp_path / "out.jsonl")
    assert (table.rows, table.sources, table.encoders) == (3, ("card",), ("libvpx-vp9",))
    run("--manifest", manifest, "--frames", "2", "--cq", "31,50", "--out", tmp_path / "other.jsonl")
    assert [row["cq"] for row in rows_of(tmp_path / "other.jsonl")] == [31, 31, 50, 50]


def test_a_changed_clip_is_measured_anew(film: Any, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", "testsrc2=size=96x64:rate=24", 3)
    asked = (clip, "--encoders", "libx264", "--cq", "40", "--work", tmp_path / "work")
    run(*asked, "--out", tmp_path / "before.jsonl")
    film(clip, "mandelbrot=size=96x64:rate=24", 3)
    run(*asked, "--out", tmp_path / "after.jsonl")
    assert read(tmp_path / "before.jsonl").digest != read(tmp_path / "after.jsonl").digest


def test_one_bad_clip_costs_no_other_clip_its_work(clips: tuple[Path, Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clips[0].read_bytes()[:4000])
    out = tmp_path / "out.jsonl"
    with pytest.raises(CorpusUnfinished, match=r"clip cut: .*cannot be read to its end: .*moov atom not found") as said:
        run(cut, clips[1], "--encoders", "libx264", "--cq", "45", "--frames", "2", "--out", out)
    assert said.value.exit_code == 1
    assert not out.exists()
    assert len(list((tmp_path / "out.jsonl.work" / "units").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x.jsonl"], "no encoder to run"),
        (["--encoders", "libx264", "--out", "x.jsonl"], "no cq to run"),
        (["--encoders", "libx264", "--cq", "52", "--out", "x.jsonl"], "takes a cq of 0 to 51"),
        (["--encoders", "libx264", "--cq", "a", "--out", "x.jsonl"], "whole numbers"),
        (["--encoders", "libx264", "--cq", "30,30", "--out", "x.jsonl"], "twice"),
        (["--encoders", "x264", "--cq", "30", "--out", "x.jsonl"], "there are libx264, libx265"),
        (["--encoders", "libx264", "--cq", "30", "--out", "x.csv"], "a corpus is a .parquet or .jsonl file"),
        (["--encoders", "libx264", "--cq", "30", "--out", "no/x.jsonl"], "its folder is not there"),
        (["--encoders", "libx264", "--cq", "30", "--size", "95x64", "--out", "x.jsonl"], "even sides"),
        (["--encoders", "libx264", "--cq", "3", "--frames", "1", "--seconds", "1", "--out", "x.jsonl"], "both say"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_before_any_work(
    arguments: list[str], message: str, clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        run(clips[0], *arguments)
    assert list(tmp_path.iterdir()) == []


def test_two_clips_of_one_name_are_refused(clips: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two clips are called 'card'"):
        run(clips[0], clips[0], "--encoders", "libx264", "--cq", "30", "--out", tmp_path / "x.jsonl")
