"""One table from end to end, with a worker whose values are known."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from runners.saliency.stand_in import LOG, Inline, choosing, order, values
from smokegate.errors import DocumentError, SmokegateError, UsageError
from smokegate_runners.saliency import materialize as module
from smokegate_runners.saliency import output
from smokegate_runners.saliency.chosen import Choosing
from smokegate_runners.saliency.columns import Columns
from smokegate_runners.saliency.materialize import materialize
from smokegate_runners.saliency.order import Order, Report
from smokegate_runners.saliency.progress import Journal
from smokegate_runners.saliency.settings import Aggregator, Settings, Size

OURS = [
    "saliency_mean",
    "saliency_var",
    "saliency_status",
    "saliency_model_id",
    "saliency_aggregator",
    "saliency_ema_alpha",
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a few sources, good and bad."""
    for name, data in {"a.mp4": b"ok a", "b.mp4": b"ok hdr b", "bad.mp4": b"text", "r.yuv": b"ok raw"}.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def table(place: Path, rows: list[Any], name: str = "t.jsonl") -> Path:
    path = place / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(wanted: Order, choose: Choosing | None = None, engine: Inline | None = None) -> Report:
    return materialize(wanted, engine or Inline(), Journal(io.StringIO()), choose or choosing())


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def statuses(path: Path) -> list[str]:
    return [row["saliency_status"] for row in rows_of(path)]


def worked(place: Path) -> list[str]:
    return (place / LOG).read_text().splitlines() if (place / LOG).exists() else []


def test_rows_are_filled_in_order_and_each_source_is_worked_once(place: Path) -> None:
    names = ["a.mp4", "bad.mp4", "b.mp4", "gone.mp4", "a.mp4", "./a.mp4", "bad.mp4"]
    given = table(place, [{"n": n, "src": name} for n, name in enumerate(names)])
    report = run(order(given, place / "out.jsonl"))
    rows = rows_of(place / "out.jsonl")
    assert [row["n"] for row in rows] == list(range(7))
    assert [row["saliency_status"] for row in rows] == [
        "ok", "decode-failed", "ok", "missing-source", "ok", "ok", "decode-failed",
    ]  # fmt: skip
    mean, var = values(b"ok a")
    for number in (0, 4, 5):
        assert [rows[number][name] for name in OURS] == [mean, var, "ok", "stand_in_v1", "mean", 0.6]
    assert list(rows[1]) == ["n", "src", *OURS[:3]]
    assert (rows[1]["saliency_mean"], rows[1]["saliency_var"]) == (None, None)
    assert sorted(worked(place)) == ["a.mp4 None", "b.mp4 None", "bad.mp4 None"]
    assert (report.total, report.ok, report.skipped_existing, report.failed) == (7, 4, 0, 3)
    assert report.by_status["missing-source"] == 1
    assert sum(report.by_status.values()) == 7


@pytest.mark.parametrize("given", ["jsonl", "parquet"])
@pytest.mark.parametrize("wanted", ["jsonl", "parquet"])
def test_every_pair_of_formats(place: Path, given: str, wanted: str) -> None:
    rows: list[dict[str, Any]] = [
        {"src": "a.mp4", "n": 2**60 + 1},
        {"src": "bad.mp4", "n": None},
        {"src": None, "n": 3},
    ]
    source, out = place / f"t.{given}", place / f"out.{wanted}"
    if given == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), source)
    else:
        table(place, rows)
    run(order(source, out))
    found = parquet.read_table(out).to_pylist() if wanted == "parquet" else rows_of(out)
    assert [(row["src"], row["n"]) for row in found] == [(row["src"], row["n"]) for row in rows]
    assert [row["saliency_status"] for row in found] == ["ok", "decode-failed", "missing-source"]
    assert (found[0]["saliency_mean"], found[0]["saliency_var"]) == values(b"ok a")
    assert [row.get("saliency_model_id") for row in found] == ["stand_in_v1", None, None]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_row_that_has_values_is_skipped_and_keeps_what_it_says(place: Path, kind: str) -> None:
    done = {
        "src": "a.mp4",
        "saliency_mean": 0.5,
        "saliency_var": 0,
        "saliency_model_id": "older",
        "saliency_status": "ok",
    }
    half = {**done, "saliency_var": None}
    given = place / f"t.{kind}"
    if kind == "jsonl":
        table(place, [done, half])
    else:
        parquet.write_table(pa.Table.from_pylist([done, half]), given)
    report = run(order(given, place / f"out.{kind}"))
    out = place / f"out.{kind}"
    first, second = rows_of(out) if kind == "jsonl" else parquet.read_table(out).to_pylist()
    blank = {} if kind == "jsonl" else {"saliency_aggregator": None, "saliency_ema_alpha": None}
    assert first == {**done, "saliency_status": "skipped-existing", **blank}
    assert (second["saliency_mean"], second["saliency_model_id"]) == (values(b"ok a")[0], "stand_in_v1")
    assert (report.ok, report.skipped_existing) == (1, 1)
    run(order(given, place / f"out.{kind}", overwrite=True))
    again = rows_of(out) if kind == "jsonl" else parquet.read_table(out).to_pylist()
    assert [row["saliency_status"] for row in again] == ["ok", "ok"]
    assert again[0]["saliency_model_id"] == "stand_in_v1"


@pytest.mark.parametrize("value", ["NaN", "0.5", True, None, [0.5], 10**310], ids=lambda value: str(value)[:9])
def test_only_finite_numbers_are_values(place: Path, value: Any) -> None:
    given = table(place, [{"src": "a.mp4", "saliency_mean": value, "saliency_var": 0.5}])
    assert run(order(given, place / "out.jsonl")).ok == 1


def test_paths_that_are_none(place: Path) -> None:
    (place / "folder.mp4").mkdir()
    os.mkfifo(place / "pipe.mp4")
    (place / "loop.mp4").symlink_to("loop.mp4")
    paths = [
        None,
        "",
        3,
        True,
        ["a.mp4"],
        {"a": 1},
        "a\0b.mp4",
        "\ud800",
        "x" * 300,
        "folder.mp4",
        "pipe.mp4",
        "loop.mp4",
        "a.mp4/x",
    ]
    given = table(place, [{"src": path} for path in paths] + [{"n": 1}])
    report = run(order(given, place / "out.jsonl"))
    assert set(statuses(place / "out.jsonl")) == {"missing-source"}
    told = [failure["detail"] for failure in report.audit["failures"]["listed"]]
    assert told == [
        "the row has no path",
        "the path is empty",
        "the path is a number and no text",
        "the path is true or false and no text",
        "the path is a list and no text",
        "the path is an object and no text",
        "no file can have this name",
        "no file can have this name",
        "File name too long",
        "it is a directory",
        "it is no regular file",
        "Too many levels of symbolic links",
        "Not a directory",
    ]
    assert report.audit["failures"]["listed"][0]["rows"] == 2
    assert worked(place) == []


def test_names_are_what_the_file_system_has(place: Path) -> None:
    names = ["line\nbreak.mp4", "tab\t.mp4", " space .mp4", "écran.mp4", "-dash.mp4", "a b;$(x).mp4", "\udcff.mp4"]
    for name in names:
        (place / name).write_bytes(b"ok " + os.fsencode(name))
    given = table(place, [{"src": name} for name in names])
    run(order(given, place / "out.jsonl"))
    assert [row["saliency_mean"] for row in rows_of(place / "out.jsonl")] == [
        values(b"ok " + os.fsencode(name))[0] for name in names
    ]


def test_paths_start_at_the_root_or_are_whole(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("tables")
    given = table(elsewhere, [{"src": "a.mp4"}, {"src": str(place / "a.mp4")}, {"src": "../" + place.name + "/a.mp4"}])
    run(order(given, elsewhere / "out.jsonl"))
    assert statuses(elsewhere / "out.jsonl")[:2] == ["missing-source", "ok"]
    run(order(given, elsewhere / "out.jsonl", root=place))
    assert statuses(elsewhere / "out.jsonl") == ["ok", "ok", "ok"]
    assert worked(place) == ["a.mp4 None"]


def test_raw_files_need_a_size(place: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"width": 64, "height": 48},
        {"width": 48.0, "height": "64"},
        {"width": 64, "height": None},
        {"width": 0, "height": 48},
        {"width": -64, "height": 48},
        {"width": 64.5, "height": 48},
        {"width": True, "height": 48},
        {"width": 10**30, "height": 48},
        {"width": "wide", "height": 48},
        {},
    ]
    given = table(place, [{"src": "r.yuv", **row} for row in rows])
    report = run(order(given, place / "out.jsonl"))
    assert statuses(place / "out.jsonl") == ["ok", "ok", *["missing-geometry"] * 8]
    means = [row["saliency_mean"] for row in rows_of(place / "out.jsonl")]
    assert means[:2] == [values(b"ok raw", "64x48")[0], values(b"ok raw", "48x64")[0]]
    assert "raw files need width and height" in report.advice[0]
    run(order(given, place / "out.jsonl", default_size=Size(32, 16)))
    found = statuses(place / "out.jsonl")
    assert found == ["ok", "ok", *["missing-geometry"] * 7, "ok"]
    again = [row["saliency_mean"] for row in rows_of(place / "out.jsonl")]
    assert [again[0], again[1], again[-1]] == [*means[:2], values(b"ok raw", "32x16")[0]]
    assert sorted(worked(place)) == ["r.yuv 32x16", "r.yuv 48x64", "r.yuv 64x48"]


def test_a_default_size_does_not_overrule_the_one_side_that_a_row_says(place: Path) -> None:
    sides = [(32, None), (None, 16), (None, 17), (33, None), ("", 16.0)]
    given = table(place, [{"src": "r.yuv", "width": width, "height": height} for width, height in sides])
    report = run(order(given, place / "out.jsonl", default_size=Size(32, 16)))
    assert statuses(place / "out.jsonl") == ["ok", "ok", "missing-geometry", "missing-geometry", "ok"]
    assert "the row says one side of the size" in report.audit["failures"]["listed"][0]["detail"]


def test_sizes_and_values_may_be_decimals(place: Path) -> None:
    number = pa.decimal128(10, 2)
    given = pa.table(
        {
            "src": ["a.mp4", "r.yuv", "r.yuv", "a.mp4"],
            "width": pa.array([None, Decimal(64), Decimal("64.5"), None], number),
            "height": pa.array([None, Decimal(48), Decimal(48), None], number),
            "saliency_mean": pa.array([Decimal("0.5"), None, None, None], number),
            "saliency_var": pa.array([Decimal("0.25"), None, None, None], number),
        }
    )
    parquet.write_table(given, place / "t.parquet")
    run(order(place / "t.parquet", place / "out.parquet"))
    rows = parquet.read_table(place / "out.parquet").to_pylist()
    assert [row["saliency_status"] for row in rows] == ["skipped-existing", "ok", "missing-geometry", "ok"]
    assert (rows[0]["saliency_mean"], rows[0]["saliency_var"]) == (0.5, 0.25)
    assert rows[1]["saliency_mean"] == values(b"ok raw", "64x48")[0]


def test_a_raw_file_behind_a_link_is_told_by_the_name_that_rows_have(place: Path) -> None:
    (place / "store").mkdir()
    (place / "r.yuv").rename(place / "store" / "0123abcd")
    (place / "r.yuv").symlink_to("store/0123abcd")
    given = table(place, [{"src": "r.yuv", "width": 64, "height": 48}])
    run(order(given, place / "out.jsonl"))
    assert rows_of(place / "out.jsonl")[0]["saliency_mean"] == values(b"ok raw", "64x48")[0]


def test_containers_know_their_size_and_columns_that_disagree_are_counted(place: Path) -> None:
    sizes: list[Any] = [(64, 48), (48, 64), (None, 48), ("64", "48"), (1920, 1080), ("wide", 1), (64.0, 48.0), (64, 50)]
    given = table(place, [{"src": "a.mp4", "width": w, "height": h} for w, h in sizes])
    report = run(order(given, place / "out.jsonl"))
    assert set(statuses(place / "out.jsonl")) == {"ok"}
    assert report.audit["geometry_disagreements"] == 3
    assert worked(place) == ["a.mp4 None"]
    assert any("3 rows: width and height say another size" in line for line in report.advice)
    unread = run(order(given, place / "out.jsonl", columns=Columns(width="", height="")))
    assert unread.audit["geometry_disagreements"] == 0


def test_links_and_spellings_of_one_file_are_one_source(place: Path) -> None:
    (place / "link.mp4").symlink_to("a.mp4")
    (place / "copy.mp4").write_bytes(b"ok a")
    given = table(place, [{"src": name} for name in ("a.mp4", "link.mp4", "./a.mp4", "copy.mp4")])
    assert run(order(given, place / "out.jsonl")).audit["sources"]["distinct"] == 2
    assert worked(place) == ["a.mp4 None", "copy.mp4 None"]
    hashed = run(order(given, place / "out2.jsonl", hash_sources=True))
    assert hashed.audit["sources"]["distinct"] == 1


class TestOnce:
    def test_a_second_run_computes_nothing_and_writes_the_same_bytes(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4"}, {"src": "b.mp4"}])
        run(order(given, place / "out.jsonl"))
        before, engine = (place / "out.jsonl").read_bytes(), Inline()
        report = run(order(given, place / "out.jsonl"), engine=engine)
        assert (place / "out.jsonl").read_bytes() == before
        assert engine.runs == 0
        assert report.audit["sources"] == {"distinct": 2, "computed": 0, "reused": 2, "failed": 0}

    def test_tables_may_share_a_ledger(self, place: Path) -> None:
        for number in range(2):
            given = table(place, [{"src": "a.mp4"}], f"t{number}.jsonl")
            run(order(given, place / f"out{number}.jsonl", ledger=place / "state" / "deep" / "ledger.sqlite"))
        assert worked(place) == ["a.mp4 None"]

    def test_a_failure_is_tried_again_by_another_attempt_alone(self, place: Path) -> None:
        given = table(place, [{"src": "bad.mp4"}])
        for attempt in ("one", "one", "two", "", ""):
            run(order(given, place / "out.jsonl", attempt=attempt))
        assert len(worked(place)) == 4
        (place / "bad.mp4").write_bytes(b"ok now")
        run(order(given, place / "out.jsonl", attempt="two"))
        assert statuses(place / "out.jsonl") == ["ok"]

    def test_a_missing_source_is_looked_for_again(self, place: Path) -> None:
        given = table(place, [{"src": "late.mp4"}])
        assert run(order(given, place / "out.jsonl", attempt="one")).failed == 1
        (place / "late.mp4").write_bytes(b"ok late")
        assert run(order(given, place / "out.jsonl", attempt="one")).ok == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"settings": Settings(max_frames=9)},
            {"settings": Settings(aggregator=Aggregator.EMA)},
            {"hash_sources": True},
        ],
        ids=["frames", "aggregator", "hashed"],
    )
    def test_what_values_hang_on_is_in_the_key(self, place: Path, change: dict[str, Any]) -> None:
        given = table(place, [{"src": "a.mp4"}])
        run(order(given, place / "out.jsonl"))
        run(order(given, place / "out.jsonl", **change))
        assert len(worked(place)) == 2

    def test_another_model_or_another_file_is_computed_anew(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4"}])
        run(order(given, place / "out.jsonl"))
        run(order(given, place / "out.jsonl"), choosing(digest="d2"))
        (place / "a.mp4").write_bytes(b"ok changed")
        run(order(given, place / "out.jsonl"))
        assert len(worked(place)) == 3
        assert rows_of(place / "out.jsonl")[0]["saliency_mean"] == values(b"ok changed")[0]

    def test_an_alpha_that_is_not_used_changes_nothing(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4"}])
        run(order(given, place / "out.jsonl"))
        run(order(given, place / "out.jsonl", settings=Settings(ema_alpha=0.3)))
        assert len(worked(place)) == 1
        assert rows_of(place / "out.jsonl")[0]["saliency_ema_alpha"] == 0.3

    def test_content_is_known_under_any_name(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4"}])
        run(order(given, place / "out.jsonl", hash_sources=True))
        os.utime(place / "a.mp4", ns=(1, 1))
        run(order(given, place / "out.jsonl", hash_sources=True))
        assert len(worked(place)) == 1


def test_a_source_that_changes_while_it_is_read_has_no_value(place: Path) -> None:
    class Meddling(Inline):
        def run(self, factory: Any, jobs: Any) -> Iterator[Any]:
            for job, outcome in super().run(factory, jobs):
                job.path.write_bytes(b"ok another film")
                yield job, outcome

    given = table(place, [{"src": "a.mp4"}])
    report = run(order(given, place / "out.jsonl"), engine=Meddling())
    assert statuses(place / "out.jsonl") == ["decode-failed"]
    assert report.audit["failures"]["listed"][0]["detail"] == "the file changed while the run went on"
    run(order(given, place / "out.jsonl"))
    assert rows_of(place / "out.jsonl")[0]["saliency_mean"] == values(b"ok another film")[0]


def test_a_value_that_is_no_number_is_a_failure_of_the_model(place: Path) -> None:
    (place / "n.mp4").write_bytes(b"nan")
    given = table(place, [{"src": "n.mp4"}])
    assert run(order(given, place / "out.jsonl")).by_status["model-failed"] == 1
    assert b"NaN" not in (place / "out.jsonl").read_bytes()


def test_columns_of_other_names_and_none(place: Path) -> None:
    given = table(place, [{"clip": "a.mp4", "saliency_status": "theirs"}])
    columns = Columns(path="clip", status="", model_id="who", aggregator="", ema_alpha="alpha")
    run(order(given, place / "out.jsonl", columns=columns, model_id="m1"))
    (row,) = rows_of(place / "out.jsonl")
    mean, var = values(b"ok a")
    given_row = {"clip": "a.mp4", "saliency_status": "theirs"}
    assert row == given_row | {"saliency_mean": mean, "saliency_var": var, "who": "m1", "alpha": 0.6}


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (Columns(path=""), "the path column has no name"),
        (Columns(status="a\udcff"), "--status-column 'a.udcff' is no name for a column"),
        (Columns(path="x", status="x"), "--path-column and --status-column name one column, 'x'"),
        (Columns(model_id="m", aggregator="m"), "--model-id-column and --aggregator-column name one column"),
        (Columns(ema_alpha="saliency_mean"), "--ema-alpha-column and the column of means name one column"),
        (Columns(width="saliency_var"), "--width-column and the column of variances name one column"),
    ],
)
def test_columns_do_not_collide(place: Path, columns: Columns, why: str) -> None:
    given = table(place, [{"src": "a.mp4"}])
    with pytest.raises(UsageError, match=why):
        run(order(given, place / "out.jsonl", columns=columns))
    assert not (place / "out.jsonl").exists()


class TestPlaces:
    def test_the_output_may_be_the_input(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4", "n": 1}])
        given.chmod(0o640)
        run(order(given, given))
        assert statuses(given) == ["ok"]
        assert given.stat().st_mode & 0o777 == 0o640
        before = given.read_bytes()
        assert run(order(given, given)).skipped_existing == 1
        assert given.read_bytes() == before.replace(b'"ok"', b'"skipped-existing"')

    def test_a_link_as_output_stays_one(self, place: Path) -> None:
        (place / "real").mkdir()
        (place / "real" / "t.jsonl").write_text('{"src": "../a.mp4"}\n')
        (place / "link.jsonl").symlink_to("real/t.jsonl")
        (place / "audit.json").symlink_to("real/audit.json")
        wanted = order(place / "link.jsonl", place / "link.jsonl", root=place / "real", audit_json=place / "audit.json")
        run(wanted)
        assert (place / "link.jsonl").is_symlink()
        assert json.loads((place / "real" / "audit.json").read_text())["rows"]["ok"] == 1
        assert statuses(place / "real" / "t.jsonl") == ["ok"]

    def test_nothing_but_the_ledger_is_left_over(self, place: Path) -> None:
        before = {path.name for path in place.iterdir()}
        run(order(table(place, [{"src": "a.mp4"}]), place / "out.jsonl", audit_json=place / "audit.json"))
        made = {path.name for path in place.iterdir()} - before
        assert made == {"t.jsonl", "out.jsonl", "audit.json", "out.jsonl.work", LOG}
        assert [path.name for path in (place / "out.jsonl.work").iterdir()] == ["ledger.sqlite"]

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"input": "none.jsonl"}, r"--input .*none\.jsonl: there is no such file"),
            ({"input": "."}, "--input .*: it is a directory"),
            ({"input": "/dev/stdin"}, "--input /dev/stdin: .* none that can be read twice"),
            ({"input": "a.mp4"}, r"--input .*: a table is a \.jsonl, \.ndjson or \.parquet file"),
            ({"output": "out.csv"}, "--output .*: a table is a"),
            ({"output": "none/out.jsonl"}, "--output .*: its folder is not there"),
            ({"output": "folder"}, "--output .*folder: it is a folder"),
            ({"audit_json": "none/audit.json"}, "--audit-json .*: its folder is not there"),
            ({"ledger": "folder"}, "--ledger .*folder: it is a folder"),
            ({"audit_json": "pipe"}, "--audit-json .*pipe: it is no regular file"),
            ({"output": "pipe"}, "--output .*pipe: it is no regular file"),
            ({"root": "none"}, "--root .*none: there is no such folder"),
            ({"audit_json": "out.jsonl"}, "--output and --audit-json are one file"),
            ({"audit_json": "t.jsonl"}, "--audit-json and --input are one file"),
            ({"ledger": "t.jsonl"}, "--ledger and --input are one file"),
        ],
        ids=str,
    )  # fmt: skip
    def test_places_that_will_not_do(self, place: Path, fields: dict[str, str], why: str) -> None:
        (place / "folder").mkdir()
        os.mkfifo(place / "pipe")
        given = table(place, [{"src": "a.mp4"}])
        before = given.read_bytes()
        wanted = {"input": given, "output": place / "out.jsonl"} | {name: place / at for name, at in fields.items()}
        with pytest.raises(UsageError, match=why):
            run(Order(model=Path("m.onnx"), **wanted))  # type: ignore[arg-type]
        assert given.read_bytes() == before
        assert not (place / "out.jsonl").exists()

    def test_an_output_of_the_model_or_of_ourselves_is_refused(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4"}])
        with pytest.raises(UsageError, match="--output and --model-path are one file"):
            run(Order(input=given, output=place / "m.jsonl", model=place / "m.jsonl"))

    def test_a_ledger_that_is_none(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4"}])
        with pytest.raises(UsageError, match="is no ledger of finished clips") as caught:
            run(order(given, place / "out.jsonl", ledger=place / "a.mp4"))
        assert caught.value.fix == f"rm {place / 'a.mp4'}"
        assert (place / "a.mp4").read_bytes() == b"ok a"


class TestWholeOrNothing:
    def test_a_line_that_is_no_row_leaves_no_output(self, place: Path) -> None:
        given = place / "t.jsonl"
        given.write_text('{"src": "a.mp4"}\n{"src": \n')
        (place / "out.jsonl").write_text("before\n")
        with pytest.raises(DocumentError, match=r"t\.jsonl:2: "):
            run(order(given, place / "out.jsonl"))
        assert (place / "out.jsonl").read_text() == "before\n"
        assert worked(place) == []

    @pytest.mark.parametrize("kind", ["jsonl", "parquet"])
    @pytest.mark.parametrize("how", ["grown", "edited", "cut"])
    def test_an_input_that_changes_meanwhile_is_said(
        self, place: Path, kind: str, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [{"src": "a.mp4", "n": n} for n in range(50)]
        given = table(place, rows)
        if kind == "parquet":
            given = place / "t.parquet"
            parquet.write_table(pa.Table.from_pylist(rows), given)
        changed = given.read_bytes()
        changed = {"grown": changed * 2, "edited": changed.replace(b"a.mp4", b"b.mp4"), "cut": changed[:200]}[how]
        compute = module._Run._compute

        def meddling(self: Any, engine: Any) -> None:
            compute(self, engine)
            given.write_bytes(changed)

        monkeypatch.setattr(module._Run, "_compute", meddling)
        with pytest.raises(DocumentError, match="was changed while it was read; nothing was written"):
            run(order(given, place / f"out.{kind}"))
        assert not (place / f"out.{kind}").exists()

    def test_an_input_that_is_replaced_meanwhile_is_read_as_it_was(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = table(place, [{"src": "a.mp4"}])
        compute = module._Run._compute

        def replacing(self: Any, engine: Any) -> None:
            compute(self, engine)
            table(place, [{"src": "b.mp4"}] * 3, "new.jsonl").replace(given)

        monkeypatch.setattr(module._Run, "_compute", replacing)
        run(order(given, place / "out.jsonl"))
        assert [row["src"] for row in rows_of(place / "out.jsonl")] == ["a.mp4"]

    @pytest.mark.parametrize("name", ["t.jsonl", "link.jsonl"])
    def test_a_table_that_was_put_in_its_own_place_meanwhile_is_not_written_over(
        self, place: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = table(place, [{"src": "a.mp4"}])
        (place / "link.jsonl").symlink_to("t.jsonl")
        compute = module._Run._compute

        def replacing(self: Any, engine: Any) -> None:
            compute(self, engine)
            table(place, [{"src": "b.mp4"}] * 3, "new.jsonl").replace(given)

        monkeypatch.setattr(module._Run, "_compute", replacing)
        with pytest.raises(DocumentError, match="was changed while it was read; nothing was written"):
            run(order(place / name, given))
        assert rows_of(given) == [{"src": "b.mp4"}] * 3

    def test_a_folder_that_cannot_be_written_to_is_said_first(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = table(place, [{"src": "a.mp4"}])
        monkeypatch.setattr(os, "access", lambda at, how: Path(at) != place / "sealed")
        (place / "sealed").mkdir()
        with pytest.raises(UsageError, match=r"--audit-json .*a\.json: its folder cannot be written to"):
            run(order(given, place / "out.jsonl", audit_json=place / "sealed" / "a.json"))
        assert worked(place) == []

    def test_a_draft_that_cannot_be_removed_is_no_bug(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on a file system that has become read-only."""

        def sealed(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        given = table(place, [{"src": "a.mp4"}])
        write = module._Run._write

        def writing(self: Any, *arguments: Any) -> None:
            write(self, *arguments)
            monkeypatch.setattr(output.Draft, "opened", sealed)
            monkeypatch.setattr(Path, "unlink", lambda path, **_: sealed() if ".part" in path.name else None)

        monkeypatch.setattr(module._Run, "_write", writing)
        with pytest.raises(SmokegateError, match=r"cannot write .*: Read-only file system"):
            run(order(given, place / "out.jsonl", audit_json=place / "a.json"))

    @pytest.mark.parametrize(
        ("given_kind", "kind"), [("jsonl", "jsonl"), ("jsonl", "parquet"), ("parquet", "parquet"), ("parquet", "jsonl")]
    )
    def test_a_disk_that_is_full(self, place: Path, given_kind: str, kind: str) -> None:
        rows = [{"src": "a.mp4", "n": n, "x": os.urandom(600).hex()} for n in range(8000)]
        given = table(place, rows)
        if given_kind == "parquet":
            given = place / "t.parquet"
            parquet.write_table(pa.Table.from_pylist(rows), given)
        (place / f"out.{kind}").write_bytes(b"before")
        script = (
            "import resource, sys, runpy, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY));"
            "sys.argv = ['x', *sys.argv[1:]]; runpy.run_module('runners.saliency.stand_in', run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(given), str(place / f"out.{kind}")],
            capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert done.returncode == 1
        assert f"cannot write {place / f'out.{kind}'}: File too large" in done.stderr
        assert "fix: make room" in done.stderr
        assert (place / f"out.{kind}").read_bytes() == b"before"
        assert not list(place.glob(".*"))
        assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY

    def test_two_runs_on_one_output(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4"}])
        other = table(place, [{"src": "b.mp4"}], "other.jsonl")

        class Second(Inline):
            said = ""

            def run(self, factory: Any, jobs: Any) -> Iterator[Any]:
                with pytest.raises(UsageError) as caught:
                    run(order(other, place / "out.jsonl", work=place / "elsewhere"))
                self.said = str(caught.value)
                yield from super().run(factory, jobs)

        engine = Second()
        run(order(given, place / "out.jsonl"), engine=engine)
        assert f"out.jsonl is being written by process {os.getpid()} on " in engine.said
        assert [row["src"] for row in rows_of(place / "out.jsonl")] == ["a.mp4"]
        run(order(other, place / "out.jsonl"))
        assert [row["src"] for row in rows_of(place / "out.jsonl")] == ["b.mp4"]

    def test_a_lock_whose_file_was_removed_meanwhile_is_none(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its owner ended between our opening it and our locking it, and a third run made another."""
        lock, flock = place / ".out.jsonl.lock", fcntl.flock
        third = place / "third"
        third.write_text("process 3")
        asked: list[int] = []

        def slow(descriptor: int, how: int) -> None:
            if not asked:
                third.replace(lock)
            asked.append(descriptor)
            flock(descriptor, how)

        monkeypatch.setattr("smokegate_runners.saliency.output.fcntl.flock", slow)
        with output.held(place / "out.jsonl"):
            assert len(asked) == 2
            assert os.path.samestat(lock.stat(), os.fstat(asked[1]))
        assert not lock.exists()

    def test_what_a_killed_run_left_is_no_hindrance(self, place: Path) -> None:
        given = table(place, [{"src": "a.mp4"}])
        (place / ".out.jsonl.lock").write_text("process 1 on elsewhere")
        (place / ".out.jsonl.part").write_text("half a row")
        run(order(given, place / "out.jsonl"))
        assert statuses(place / "out.jsonl") == ["ok"]
        assert not list(place.glob(".out*"))

    def test_an_error_of_the_engine_leaves_what_is_finished(self, place: Path) -> None:
        class Breaking(Inline):
            def run(self, factory: Any, jobs: Any) -> Iterator[Any]:
                for number, done in enumerate(super().run(factory, jobs)):
                    if number:
                        raise SmokegateError("the cluster is gone")
                    yield done

        given = table(place, [{"src": "a.mp4"}, {"src": "b.mp4"}])
        with pytest.raises(SmokegateError, match="the cluster is gone"):
            run(order(given, place / "out.jsonl"), engine=Breaking())
        assert not (place / "out.jsonl").exists()
        assert run(order(given, place / "out.jsonl")).audit["sources"]["reused"] == 1


def test_many_distinct_sources_are_more_than_the_memory_of_them(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches that hold four of them give the same table."""
    for name in (
        "clips.numbers._KNOWN",
        "clips.numbers._CHUNK",
        "clips.roll._KNOWN",
        "clips.roll._PAGE",
        "materialize._KNOWN",
    ):
        monkeypatch.setattr(f"smokegate_runners.saliency.{name}", 4)
    for number in range(30):
        (place / f"c{number}.mp4").write_bytes(b"ok %d" % number)
    names = [f"c{number * 7 % 31}.mp4" for number in range(100)]
    given = table(place, [{"src": name} for name in names])
    report = run(order(given, place / "out.jsonl"))
    found = [row["saliency_mean"] for row in rows_of(place / "out.jsonl")]
    assert found == [values(b"ok " + name[1:-4].encode())[0] if name != "c30.mp4" else None for name in names]
    assert report.audit["sources"]["distinct"] == 30
    assert sum(report.by_status.values()) == report.total == 100
    assert len(worked(place)) == 30
