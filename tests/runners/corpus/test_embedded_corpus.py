"""model/corpora: the table is what its card says, comes from its manifest, and can be learnt from."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from smokegate.evidence import corpus
from smokegate.evidence.corpus import FEATURES, CorpusTable
from smokegate_runners.corpus.build import encode
from smokegate_runners.corpus.ffmpeg import Ffmpeg
from smokegate_runners.corpus.order import Asked, Order, settle
from smokegate_runners.corpus.reference import prepare
from smokegate_runners.corpus.score import score

FOLDER = Path(__file__).resolve().parents[3] / "model" / "corpora"
TABLE = FOLDER / "synthetic.parquet"


@pytest.fixture(scope="module")
def table() -> CorpusTable:
    with TABLE.open("rb") as stream:
        found = corpus.read(stream, TABLE.name)
    assert isinstance(found, CorpusTable), found
    return found


@pytest.fixture(scope="module")
def order() -> Order:
    return settle(Asked(manifest=FOLDER / "synthetic.yml"))


def test_the_card_says_what_is_there(table: CorpusTable) -> None:
    card = (FOLDER / "README.md").read_text("utf-8")
    assert f"`{table.digest}`" in card
    assert f"{table.rows:,}" in card
    for name in (*table.sources, *table.encoders):
        assert f"`{name}`" in card
    assert re.search(r"small and synthetic", card)
    said = json.loads((FOLDER / "synthetic.parquet.provenance.json").read_text("utf-8"))
    assert said["packages"]["ffmpeg"] in card


def test_it_is_small_enough_for_git_and_large_enough_for_the_gate(table: CorpusTable) -> None:
    assert TABLE.stat().st_size < 1 << 20
    assert 4000 <= table.rows <= 8000
    assert (len(table.sources), len(table.encoders)) == (9, 5)


def test_it_holds_what_the_manifest_asks_for(table: CorpusTable, order: Order) -> None:
    asked = [
        (clip.name, encoder.name, cq, frame)
        for clip, encoder, cq in product(order.clips, order.encoders, order.levels)
        for frame in range(order.settings.frames or 0)
    ]
    levels, frames = table.numbers["cq"], table.numbers["frame_index"]
    assert list(zip(table.src, table.encoder, levels, frames, strict=True)) == asked


def test_an_encode_of_it_can_be_made_again(table: CorpusTable, order: Order, program: Ffmpeg, tmp_path: Path) -> None:
    """The same numbers with the same ffmpeg; with another, nearly so."""
    clip = next(clip for clip in order.clips if clip.name == "grain")
    unit = next(unit for unit in order.units(clip) if (unit.encoder.name, unit.cq) == ("libx264", 36))
    reference = prepare(program, clip, order.settings, tmp_path / "reference.nut")
    encode(program, unit, reference, tmp_path / "encoded.mkv")
    made = score(program, reference, tmp_path / "encoded.mkv", unit.encoder.pixels, tmp_path)
    at = [
        row
        for row, key in enumerate(zip(table.src, table.encoder, table.numbers["cq"], strict=True))
        if key == (clip.name, unit.encoder.name, unit.cq)
    ]
    kept = [{name: table.numbers[name][row] for name in ("vmaf", *FEATURES)} for row in at]
    said = json.loads((FOLDER / "synthetic.parquet.provenance.json").read_text("utf-8"))
    if said["packages"]["ffmpeg"] == program.version:
        assert made == kept
    else:
        assert [row["vmaf"] for row in made] == pytest.approx([row["vmaf"] for row in kept], abs=3)


def test_every_source_can_be_foretold_from_the_others(table: CorpusTable) -> None:
    """A ridge regression does it; what a network does on top is the gate's business."""
    features = np.column_stack([table.numbers[name] for name in FEATURES])
    scores, sources = np.array(table.numbers["vmaf"]), np.array(table.src)
    found = {name: _correlation(features, scores, sources == name) for name in table.sources}
    assert min(found.values()) > 0.95, found
    for name in table.sources:
        assert scores[sources == name].std() > 15


def _correlation(features: NDArray[np.float64], scores: NDArray[np.float64], held: NDArray[np.bool_]) -> float:
    mean, spread = features[~held].mean(0), features[~held].std(0)
    block = np.column_stack([(features - mean) / spread, np.ones(len(scores))])
    square = block[~held].T @ block[~held] + np.eye(block.shape[1])
    weights = np.linalg.solve(square, block[~held].T @ scores[~held])
    return float(np.corrcoef(block[held] @ weights, scores[held])[0, 1])
