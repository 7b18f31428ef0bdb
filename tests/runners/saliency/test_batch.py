"""Tables one after another: one that fails, one that stops the rest, one clip in two tables, a run that is killed."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from runners.saliency.batches import laid_out, ran, reported
from runners.saliency.stand_in import LOG, Inline, choosing, values
from smokegate.errors import SmokegateError
from smokegate_runners.saliency.batches import batch
from smokegate_runners.saliency.batches.batch import Ended, Rules
from smokegate_runners.saliency.batches.batch_checks import Asked, settled
from smokegate_runners.saliency.chosen import Chosen
from smokegate_runners.saliency.order import Order
from smokegate_runners.saliency.progress import Journal
from smokegate_runners.saliency.work import Job, Outcome, WorkerFactory

PATIENCE = 120.0


def worked(folder: Path) -> list[str]:
    log = folder / LOG
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def ends(done: list[batch.Done]) -> list[str]:
    return [str(one.ended) for one in done]


def test_a_clip_in_two_tables_is_computed_once(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, a=["c0.mp4", "bad.mp4"], b=["c1.mp4", "c0.mp4", "bad.mp4"])
    done = ran(manifest)
    assert ends(done) == ["row-failures", "row-failures"]
    assert sorted(worked(tmp_path)) == ["bad.mp4", "c0.mp4", "c1.mp4"]
    rows = [json.loads(line) for line in (tmp_path / "out_b.jsonl").read_text().splitlines()]
    assert [row["saliency_mean"] for row in rows] == [values(b"ok 1")[0], values(b"ok 0")[0], None]
    report = reported(done, manifest)
    assert [table["sources"] for table in report["tables"]] == [
        {"distinct": 2, "computed": 2, "reused": 0, "failed": 1},
        {"distinct": 3, "computed": 1, "reused": 2, "failed": 1},
    ]


def test_the_report_counts(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, a=["c0.mp4", "c0.mp4", "bad.mp4", "gone.mp4"], b=["c1.mp4"], none=[])
    report = reported(ran(manifest), manifest)
    assert report["status"] == "row-failures"
    assert report["summary"] == {
        "tables": 3, "failed_tables": 0, "total": 5, "ok": 3, "skipped_existing": 0, "failed": 2,
    }  # fmt: skip
    assert [table["coverage"] for table in report["tables"]] == [0.5, 1.0, None]
    assert report["tables"][0]["by_status"] == {
        "ok": 2, "skipped-existing": 0, "missing-source": 1, "missing-geometry": 0, "decode-failed": 1,
        "model-failed": 0,
    }  # fmt: skip
    assert report["tables"][0]["advice"][0].startswith("1 row: missing-source")
    audit = json.loads((tmp_path / "a.audit.json").read_text())
    assert audit["rows"]["failed"] == 2
    assert audit["run_provenance"]["args"]["table"] == "a"
    assert audit["run_provenance"]["outputs"][0] in report["run_provenance"]["outputs"]
    kinds = [one["kind"] for one in report["run_provenance"]["inputs"]]
    assert kinds == ["manifest", "table", "model", "table", "table"]

    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_bytes((tmp_path / f"out_{name}.jsonl").read_bytes())
    again = reported(ran(manifest), manifest)
    assert again["summary"] | {"ok": 3, "skipped_existing": 0} == report["summary"]
    assert (again["summary"]["ok"], again["summary"]["skipped_existing"]) == (0, 3)
    assert [table["coverage"] for table in again["tables"]] == [0.5, 1.0, None]


def breaking(what: str, error: Exception) -> object:
    """Choosing that fails for one table, once the checks are over."""
    sound = choosing()
    asked: list[str] = []

    def chosen(order: Order, threads: int) -> Chosen:
        name = order.input.stem
        asked.append(name)
        if name == what and len(asked) > 1:
            raise error
        return sound(order, threads)

    return chosen


@pytest.mark.parametrize(
    ("error", "said"),
    [(SmokegateError("no room", fix="make some"), "no room"), (LookupError("x"), "LookupError: x: this is a bug")],
    ids=["error", "bug"],
)
def test_a_table_that_fails_does_not_stop_the_others(tmp_path: Path, error: Exception, said: str) -> None:
    manifest = laid_out(tmp_path, a=["c0.mp4"], b=["c1.mp4"], c=["c2.mp4"])
    done = ran(manifest, choose=breaking("b", error))  # type: ignore[arg-type]
    assert ends(done) == ["ok", "failed", "ok"]
    assert said in str(done[1].error)
    assert not (tmp_path / "out_b.jsonl").exists()
    assert (tmp_path / "out_c.jsonl").exists()
    report = reported(done, manifest)
    assert (report["status"], report["summary"]["failed_tables"], report["summary"]["total"]) == ("failed", 1, 2)
    assert Rules(allow_row_failures=True).code([one.ended for one in done]) == 2


def test_a_table_that_is_damaged_after_the_checks_costs_itself_alone(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, a=["c0.mp4"], b=["c1.mp4"])
    (tmp_path / "a.jsonl").write_text('{"src": "c0.mp4"}\n{"src": \n')
    done = ran(manifest)
    assert ends(done) == ["failed", "ok"]
    assert "a.jsonl:2" in str(done[0].error)


def test_fail_fast_says_what_was_not_run(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, a=["c0.mp4"], b=["bad.mp4"], c=["c2.mp4"], d=["c3.mp4"])
    done = ran(manifest, Rules(fail_fast=True))
    assert ends(done) == ["ok", "row-failures", "not-run", "not-run"]
    report = reported(done, manifest)
    assert (report["status"], report["summary"]["tables"]) == ("failed", 4)
    assert [table["status"] for table in report["tables"]] == ends(done)
    assert not (tmp_path / "out_c.jsonl").exists()
    assert ends(ran(manifest, Rules(fail_fast=True, allow_row_failures=True))) == ["ok", "row-failures", "ok", "ok"]


@pytest.mark.parametrize(
    ("ended", "strict", "lenient"),
    [
        ([Ended.OK], 0, 0),
        ([], 0, 0),
        ([Ended.OK, Ended.ROW_FAILURES], 1, 0),
        ([Ended.ROW_FAILURES, Ended.FAILED], 2, 2),
        ([Ended.OK, Ended.NOT_RUN], 2, 2),
    ],
)
def test_exit_codes(ended: list[Ended], strict: int, lenient: int) -> None:
    assert Rules().code(ended) == strict
    assert Rules(allow_row_failures=True).code(ended) == lenient


class Impatient(Inline):
    """Interrupted as the second table is worked."""

    def run(self, factory: WorkerFactory, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        for result in super().run(factory, jobs):
            if self.runs == 2:
                raise KeyboardInterrupt
            yield result


def test_an_interrupt_tells_what_was_done_until_then(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, a=["c0.mp4"], b=["c1.mp4"], c=["c2.mp4"])
    tables = settled(Asked(manifest), choosing(), 1)
    with pytest.raises(batch.Interrupted) as caught:
        batch.run(tables, Impatient(), Journal(io.StringIO()), Rules(), choosing())
    assert ends(caught.value.done) == ["ok", "not-run", "not-run"]
    assert reported(caught.value.done, manifest)["status"] == "failed"


def test_what_is_said_cannot_command_a_terminal_or_a_runner(tmp_path: Path) -> None:
    manifest = laid_out(tmp_path, a=["\x1b[2J\n::error::x/y.mp4"])
    root = tmp_path / "\x1b[2J\n::error::root"
    root.mkdir()
    manifest.write_text(
        manifest.read_text().replace("stand_in.onnx", 'stand_in.onnx", "root": ' + json.dumps(str(root))[:-1])
    )
    said = io.StringIO()
    done = batch.run(settled(Asked(manifest), choosing(), 1), Inline(), Journal(said, live=False), Rules(), choosing())
    assert ends(done) == ["row-failures"]
    assert "\x1b" not in said.getvalue()
    assert not [line for line in said.getvalue().splitlines() if line.strip().startswith("::")]


def killed(manifest: Path, after: int) -> bool:
    """Whether the run was killed, by its whole group, once so many clips had been worked."""
    run = subprocess.Popen(
        [sys.executable, "-m", "runners.saliency.batches", str(manifest), "0.03"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + PATIENCE
    before = len(worked(manifest.parent))
    while run.poll() is None and len(worked(manifest.parent)) < before + after:
        assert time.monotonic() < until
        time.sleep(0.002)
    if run.poll() is None:
        os.kill(run.pid, signal.SIGKILL)
    return run.wait(PATIENCE) == -signal.SIGKILL


def test_a_batch_that_is_killed_goes_on_where_it_stood(tmp_path: Path) -> None:
    tables = {"a": ["c0.mp4", "c1.mp4", "c2.mp4"], "b": ["c3.mp4", "bad.mp4", "c0.mp4"], "c": ["c4.mp4", "c5.mp4"]}
    whole, broken = laid_out(tmp_path / "whole", **tables), laid_out(tmp_path / "broken", **tables)
    ran(whole)
    kills = sum(killed(broken, after) for after in (1, 3, 2))
    assert kills == 3
    assert ends(ran(broken)) == ["ok", "row-failures", "ok"]
    for name in tables:
        assert (broken.parent / f"out_{name}.jsonl").read_bytes() == (whole.parent / f"out_{name}.jsonl").read_bytes()
    fine = [name for name in worked(broken.parent) if name != "bad.mp4"]
    assert set(fine) == {f"c{number}.mp4" for number in range(6)}
    assert len(fine) <= 6 + 2 * kills, fine  # with each kill, at most what was in hand and what had not been told
