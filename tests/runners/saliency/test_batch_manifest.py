"""The manifest: what it means, and every mistake in it, told at once and with its line, before anything is run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from runners.saliency.stand_in import choosing
from smokegate.errors import DocumentError, UsageError
from smokegate_runners.saliency.batches.batch_checks import Asked, Table, ids, settled
from smokegate_runners.saliency.batches.batch_manifest import BrokenManifest, read
from smokegate_runners.saliency.chosen import Chosen, choose
from smokegate_runners.saliency.order import Order
from smokegate_runners.saliency.settings import Aggregator, Color, Settings, Size

TWO = """\
defaults: {model_path: stand_in.onnx}
tables:
  - id: a
    input: a.jsonl
    output: out_a.jsonl
  - id: b
    input: b.jsonl
    output: out_b.jsonl
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text('{"src": "a.mp4"}\n')
    return tmp_path


def written(place: Path, text: str, name: str = "batch.yml") -> Path:
    (place / name).write_text(text)
    return place / name


def orders(place: Path, text: str, **asked: Any) -> list[Table]:
    return settled(Asked(written(place, text), **asked), choosing(), 1)


def mistakes(place: Path, text: str, **asked: Any) -> list[str]:
    """Without the lines' common beginning."""
    with pytest.raises(BrokenManifest) as caught:
        orders(place, text, **asked)
    return [str(mistake).replace(f"{place}/", "") for mistake in caught.value.mistakes]


def test_a_table_takes_the_defaults_and_its_own_word_goes_first(place: Path) -> None:
    (place / "clips").mkdir()
    text = TWO.replace("stand_in.onnx}", "stand_in.onnx, max_frames: 64, root: clips, temporal_aggregator: ema}")
    text += "    max_frames: 16\n    ema_alpha: 1\n    color: container\n    audit_json: b.audit.json\n    root: null\n"
    text += "    status_column: ''\n    default_width: 64\n    default_height: 48.0\n    overwrite: true\n"
    first, second = (table.order for table in orders(place, text))
    assert first.settings == Settings(64, 8, Aggregator.EMA, 0.6, Color.BT709)
    assert (first.root, first.audit_json, first.overwrite) == (place / "clips", None, False)
    assert second.settings == Settings(16, 8, Aggregator.EMA, 1.0, Color.CONTAINER)
    assert (second.root, second.audit_json, second.overwrite) == (None, place / "b.audit.json", True)
    assert (second.columns.status, second.default_size) == ("", Size(64, 48))
    assert first.work_folder == second.work_folder == place / "batch.yml.work"
    assert first.ledger == second.ledger == place / "batch.yml.work" / "ledger.sqlite"
    assert second.args["table"] == "b"
    assert second.args["max_frames"] == 16


def test_relative_paths_start_at_the_manifest_or_where_it_is_said(place: Path) -> None:
    (place / "elsewhere").mkdir()
    (first, _) = orders(place, TWO)
    assert (first.order.input, first.order.model) == (place / "a.jsonl", place / "stand_in.onnx")
    written(place / "elsewhere", TWO)
    (first, _) = settled(Asked(place / "elsewhere" / "batch.yml", base=place), choosing(), 1)
    assert first.order.output == place / "out_a.jsonl"
    text = TWO.replace("input: a.jsonl", f"input: {place / 'a.jsonl'}")
    assert orders(place, text)[0].order.input == place / "a.jsonl"


def test_json_and_yaml_say_the_same(place: Path) -> None:
    from ruamel.yaml import YAML

    as_json = written(place, json.dumps(YAML(typ="safe").load(TWO), indent=1), "batch.json")
    work = place / "work"
    from_json = settled(Asked(as_json, work=work), choosing(), 1)
    assert [table.order.input for table in from_json] == [table.order.input for table in orders(place, TWO, work=work)]
    assert ids(as_json) == ["a", "b"]


def test_every_mistake_is_told_at_once(place: Path) -> None:
    text = """\
defaults:
  max_framez: 3
  temporal_aggregator: median
tables:
  - id: a
    input: none.jsonl
    output: nowhere/a.jsonl
  - id: a
    input: t.csv
    output: b.jsonl
    max_frames: 0
    ema_alpha: .nan
    default_width: 3
  - id: b c
    output: out.jsonl
    overwrite: yes
    colour: 3
  - {id: d, input: b.jsonl, output: a.jsonl, status_column: src, root: none}
  - 5
tabels: []
"""
    assert mistakes(place, text) == [
        "2: defaults: there is no such key as `max_framez`; is max_frames meant?",
        "3: defaults.temporal_aggregator: input should be 'mean', 'ema', 'max' or 'motion-weighted', and not `median`",
        "5: tables[0]: no model_path is given, here or in `defaults`",
        "6: tables[0].input: none.jsonl is no file",
        "7: tables[0].output: the folder of nowhere/a.jsonl is not there, or cannot be written to",
        "8: tables[1]: no model_path is given, here or in `defaults`",
        "8: tables[1].id: a is the id of another table, on line 5",
        "9: tables[1].input: t.csv is no file",
        "9: tables[1].input: t.csv: a table is a .jsonl, .ndjson or .parquet file",
        "11: tables[1].max_frames: input should be greater than or equal to 1, and not `0`",
        "12: tables[1].ema_alpha: input should be less than or equal to 1, and not `nan`",
        "13: tables[1].default_width: default_width and default_height are given together, or not at all",
        "14: tables[2]: input is missing",
        "14: tables[2].id: an id is letters, digits and _.-, and not `b c`",
        "16: tables[2].overwrite: true or false is due, and not `yes`",
        "17: tables[2]: there is no such key as `colour`; is color meant?",
        "18: tables[3]: no model_path is given, here or in `defaults`",
        "18: tables[3].input: b.jsonl is written as the output on line 10",
        "18: tables[3].path_column: path_column and status_column name one column, 'src'",
        "18: tables[3].root: none is no folder",
        "19: tables[4]: a mapping of keys is due, and not `5`",
        "20: there is no such key as `tabels`; is tables meant?",
    ]


def test_a_table_without_an_id_is_looked_at_too(place: Path) -> None:
    text = """\
defaults: {model_path: stand_in.onnx}
tables:
  - {input: none.jsonl, output: o.jsonl}
  - {id: b c, input: a.jsonl, output: p.csv}
  - {id: b c, input: a.jsonl, output: o.jsonl}
"""
    assert mistakes(place, text) == [
        "3: tables[0]: id is missing",
        "3: tables[0].input: none.jsonl is no file",
        "4: tables[1].id: an id is letters, digits and _.-, and not `b c`",
        "4: tables[1].output: p.csv: a table is a .jsonl, .ndjson or .parquet file",
        "5: tables[2].id: an id is letters, digits and _.-, and not `b c`",
        "5: tables[2].output: o.jsonl is also the output on line 3",
    ]


def test_mistakes_in_json_have_their_lines(place: Path) -> None:
    text = '{"tables": [\n {"id": "a",\n  "input": "a.jsonl",\n  "output": "o.jsonl",\n  "max_frames": true}\n]}'
    with pytest.raises(BrokenManifest) as caught:
        settled(Asked(written(place, text, "batch.json")), choosing(), 1)
    assert [(mistake.line, mistake.where) for mistake in caught.value.mistakes] == [
        (2, "tables[0]"),
        (5, "tables[0].max_frames"),
    ]


def test_no_file_is_written_by_two_or_read_while_another_writes_it(place: Path) -> None:
    (place / "link.jsonl").symlink_to(place / "out_a.jsonl")
    assert mistakes(place, TWO.replace("out_b.jsonl", "./out_a.jsonl")) == [
        "8: tables[1].output: out_a.jsonl is also the output on line 5"
    ]
    assert mistakes(place, TWO.replace("out_b.jsonl", "link.jsonl")) == [
        "8: tables[1].output: link.jsonl is also the output on line 5"
    ]
    assert mistakes(place, TWO.replace("out_a.jsonl", "b.jsonl")) == [
        "7: tables[1].input: b.jsonl is written as the output on line 5"
    ]
    audit = "    audit_json: "
    assert mistakes(place, f"{TWO}{audit}out_a.jsonl\n") == [
        "9: tables[1].audit_json: out_a.jsonl is also the output on line 5"
    ]
    assert mistakes(place, f"{TWO}{audit}a.jsonl\n") == [
        "4: tables[0].input: a.jsonl is written as the audit_json on line 9"
    ]
    assert mistakes(place, f"{TWO}{audit}stand_in.onnx\n") == [
        "1: defaults.model_path: stand_in.onnx is written as the audit_json on line 9"
    ]
    assert mistakes(place, f"{TWO}{audit}batch.yml\n") == ["9: tables[1].audit_json: batch.yml is the manifest"]
    reported = {"report_json": place / "out_a.jsonl", "report_md": place / "b.jsonl"}
    assert mistakes(place, TWO, **reported) == [
        "5: tables[0].output: out_a.jsonl is --report-json",
        "7: tables[1].input: b.jsonl is --report-md",
    ]


def test_a_table_may_be_enriched_in_place(place: Path) -> None:
    assert orders(place, TWO.replace("out_a.jsonl", "a.jsonl"))[0].order.output == place / "a.jsonl"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"report_json": "x.json", "report_md": "./x.json"}, "--report-md and --report-json are one file"),
        ({"report_json": "batch.yml"}, "--report-json and the manifest are one file"),
        ({"report_md": "none/x.md"}, "--report-md .*: its folder is not there"),
        ({"report_md": "."}, "--report-md .*: it is a folder"),
        ({"report_json": "/dev/null"}, "--report-json /dev/null: it is no regular file"),
        ({"only": ("a", "c")}, r"--table c: there is none in .*; it has a, b"),
    ],
)
def test_a_command_line_that_cannot_be(place: Path, asked: dict[str, Any], said: str) -> None:
    paths = {key: place / value if isinstance(value, str) else value for key, value in asked.items()}
    with pytest.raises(UsageError, match=said):
        orders(place, TWO, **paths)


def test_a_table_that_is_left_out_need_not_be_at_hand(place: Path) -> None:
    (place / "b.jsonl").unlink()
    assert [table.id for table in orders(place, TWO, only=("a",))] == ["a"]
    assert mistakes(place, TWO) == ["7: tables[1].input: b.jsonl is no file"]
    assert mistakes(place, TWO.replace("id: b", "id: a"), only=("a",))[0].startswith("6: tables[1].id: a is the id")


def test_models_are_looked_at_before_anything_is_run_and_each_once(place: Path) -> None:
    seen: list[Path] = []

    def looking(order: Order, threads: int) -> Chosen:
        seen.append(order.model)
        return choose(order, threads)

    with pytest.raises(BrokenManifest, match=r"batch\.yml:1: defaults\.model_path: .*stand_in\.onnx"):
        settled(Asked(written(place, TWO)), looking, 1)
    assert seen == [place / "stand_in.onnx"]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("tables: [\n", "b.yml", "is not YAML: .*line 2"),
        ("tables: []\ntables: []\n", "b.yml", "is not YAML: .*duplicate key"),
        ("a: !!python/object:os.system x\n", "b.yml", "is not YAML"),
        ("a: *nowhere\n", "b.yml", "is not YAML"),
        ("--- {}\n--- {}\n", "b.yml", "is not YAML"),
        ("a: \x00\n", "b.yml", "is not YAML"),
        ("\udcff", "b.yml", "is not YAML"),
        ('{"tables": [], "tables": []}', "b.json", "tables"),
        ('{"tables": NaN}', "b.json", "1:12|line 1"),
        ("", "b.json", "json"),
        ("[" * 1000, "b.yml", "is not YAML"),
    ],
)
def test_what_cannot_be_read_is_said(place: Path, text: str, name: str, said: str) -> None:
    path = place / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DocumentError, match=said) as caught:
        read(path)
    assert str(caught.value).replace("\n", "").isprintable()


@pytest.mark.parametrize("text", ["", "5\n", "[]\n", "tables: 5\n", "tables: []\n", "tables: [[]]\n", "defaults: []\n"])
def test_what_is_no_manifest_is_said(place: Path, text: str) -> None:
    assert mistakes(place, text)


def test_a_manifest_that_is_not_there(place: Path) -> None:
    with pytest.raises(DocumentError, match="No such file"):
        read(place / "none.yml")
    with pytest.raises(DocumentError, match="Is a directory"):
        read(place)


def test_aliases_do_not_multiply(place: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
        f"{after}: &{after} [{', '.join([f'*{before}'] * 8)}]\n"
        for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert len(mistakes(place, bomb)) == 10


def test_defaults_may_be_shared_by_anchors(place: Path) -> None:
    text = TWO.replace("defaults: {", "defaults: &shared {") + "    <<: *shared\n    max_frames: 3\n"
    assert [table.order.settings.max_frames for table in orders(place, text)] == [8, 3]


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_table_that_cannot_be_read(place: Path) -> None:
    (place / "a.jsonl").chmod(0)
    assert mistakes(place, TWO) == ["4: tables[0].input: a.jsonl cannot be read"]
