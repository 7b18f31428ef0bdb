"""A Ray cluster of two nodes on this machine, one of which is killed half-way; and one that a run makes for itself."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from processes import PATIENCE, until
from runners.hands import PATH, Hands, Marked, jobs
from runners.saliency import films
from smokegate.errors import SmokegateError, UsageError
from smokegate_runners import engine, ray_cluster
from smokegate_runners.engine import Engine
from smokegate_runners.saliency.materialize import materialize
from smokegate_runners.saliency.order import Order
from smokegate_runners.saliency.progress import Journal
from smokegate_runners.saliency.work import Job, Outcome, Status, WorkerFactory

QUICK = {"health_check_period_ms": 500, "health_check_timeout_ms": 500, "health_check_failure_threshold": 2}
TOKEN = secrets.token_hex(32)
"""Ray reads it once in a process."""


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def commanded(mark: str) -> list[int]:
    """Processes that have it in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "cmdline").read_bytes().decode(errors="replace"):
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture(scope="module")
def session() -> Iterator[Path]:
    """Ray's files under a short name, as its sockets need it; a home folder in which nothing appears."""
    folder = Path(tempfile.mkdtemp(prefix="sg-test-", dir="/tmp"))
    (folder / "home").mkdir()
    (folder / "ray").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("RAY_TMPDIR", str(folder))
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        patch.delenv("RAY_ADDRESS", raising=False)
        try:
            yield folder
            until(lambda: not commanded(str(folder)))
            assert list((folder / "home").iterdir()) == []
        finally:
            for pid in commanded(str(folder)):
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Nodes:
    """Of one place each, so that two workers are on two nodes."""

    cluster: Any
    second: Any

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def on_second(self, pid: int) -> bool:
        return parent_of(pid) in [one.process.pid for one in self.second.all_processes["raylet"]]

    def lose_second(self) -> None:
        """As when its machine goes: raylet and workers at once."""
        workers = [pid for pid in commanded("ray::") + commanded("default_worker") if self.on_second(pid)]
        self.cluster.remove_node(self.second, allow_graceful=False)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def nodes(session: Path) -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", TOKEN)
        from ray.cluster_utils import Cluster

        place = {"num_cpus": 1, "temp_dir": str(session / "ray")}
        head = {**place, "include_dashboard": False, "include_log_monitor": False, "_system_config": QUICK}
        cluster: Any = Cluster(initialize_head=True, shutdown_at_exit=False, head_node_args=head)
        try:
            yield Nodes(cluster, cluster.add_node(**place))
        finally:
            cluster.shutdown()


def told(results: Iterable[tuple[Job, Outcome]]) -> dict[str, Outcome]:
    """All but who did it."""
    listed = list(results)
    found = {job.path.name: replace(outcome, facts={}) for job, outcome in listed}
    assert len(found) == len(listed)
    return found


def test_workers_that_die_are_replaced(nodes: Nodes, tmp_path: Path) -> None:
    given = [*jobs("clip-1", "deadly-1", "raises-1", "unseen-1"), Job(Path("clip-2"))]
    with engine.settle("ray", 2, nodes.address) as ray:
        results = list(ray.run(Hands(tmp_path), given))
    found = told(results)
    (here,) = (outcome.facts[PATH] for job, outcome in results if job == Job(Path("clip-2")))
    assert here == str(Path("clip-2").absolute())
    assert found["clip-1"].status is found["clip-2"].status is Status.OK
    assert found["unseen-1"].status is Status.MISSING_SOURCE
    assert found["deadly-1"].status is found["raises-1"].status is Status.DECODE_FAILED
    assert "the worker died 3 times on it: ActorDiedError on " in str(found["deadly-1"].detail)
    assert "LookupError" in str(found["raises-1"].detail)
    assert len(list(tmp_path.glob("deadly-1.*"))) == 3


def test_a_node_that_cannot_see_the_files_gives_no_rows(nodes: Nodes, tmp_path: Path) -> None:
    """Else it would be the fastest of all, and call every clip missing."""
    here = tmp_path / "unseen-here.mp4"
    here.write_bytes(b"x")
    with (
        engine.settle("ray", 2, nodes.address) as ray,
        pytest.raises(SmokegateError, match=r"is unfit: it does not see .*unseen-here\.mp4, which is here") as caught,
    ):
        list(ray.run(Hands(tmp_path), [Job(here)]))
    assert caught.value.message.count("is unfit") == 2


def test_what_nodes_lack_is_said_and_our_signals_stay_ours(
    nodes: Nodes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with engine.settle("ray", 2, nodes.address) as ray, pytest.raises(SmokegateError, match="is unfit: no such model"):
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
        list(ray.run(Hands(tmp_path, refusal="no such model"), jobs("clip-1")))
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    signal.signal(signal.SIGTERM, before)
    captured = capsys.readouterr()
    assert captured.err.count("is left out: no such model") >= 1
    assert captured.out == ""


@dataclass
class Losing:
    """Loses the second node as soon as both have a job, and is an engine otherwise."""

    inner: Engine
    nodes: Nodes
    marks: Path
    lost: str = ""

    @property
    def threads(self) -> int:
        return self.inner.threads

    def run(self, factory: WorkerFactory, given: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        killer = threading.Thread(target=self._lose, daemon=True)
        killer.start()
        yield from self.inner.run(Marked(factory, self.marks), given)
        killer.join()

    def _lose(self) -> None:
        until(lambda: len(self._begun()) == 2)
        (self.lost,) = (name for name, pid in self._begun().items() if self.nodes.on_second(pid))
        self.nodes.lose_second()
        (self.marks / "go").touch()

    def _begun(self) -> dict[str, int]:
        return {mark.stem: int(pid) for mark in self.marks.iterdir() if (pid := mark.read_text())}


def test_a_node_that_is_lost_half_way_changes_no_byte(nodes: Nodes, tmp_path: Path) -> None:
    """Real clips and a real model. It is the last test of the cluster, which has one node from here on."""
    films.shot(tmp_path / "0.mp4", *films.H264, frames=8)
    names = [f"{number}.mp4" for number in range(12)]
    for name in names[1:]:
        shutil.copy(tmp_path / "0.mp4", tmp_path / name)
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "m.onnx").write_bytes(onnx_models.saliency())
    (tmp_path / "t.jsonl").write_text("".join(f'{{"src": "{name}"}}\n' for name in [*names, "text.mp4", "none.mp4"]))
    (tmp_path / "marks").mkdir()

    def made(name: str, hands: Any) -> bytes:
        order = Order(tmp_path / "t.jsonl", tmp_path / f"{name}.jsonl", tmp_path / "m.onnx", allow_unregistered=True)
        report = materialize(order, hands, Journal(io.StringIO()))
        assert (report.ok, report.failed) == (12, 2)
        return order.output.read_bytes()

    with engine.settle("local", 1) as local:
        here = made("local", local)
    with engine.settle("ray", 2, nodes.address) as ray:
        losing = Losing(ray, nodes, tmp_path / "marks")
        there = made("ray", losing)
    assert there == here
    tries = Counter(mark.stem for mark in (tmp_path / "marks").glob("*.mp4.*"))
    assert tries == dict.fromkeys([*names, "text.mp4"], 1) | {losing.lost: 2}


SCRIPT = """
import sys
from pathlib import Path
from runners.hands import PATH, Hands, Marked, jobs
from smokegate_runners.engine import settle

with settle("ray", 1) as engine:
    for job, outcome in engine.run(Hands(Path(sys.argv[1])), jobs("clip-1", "once-1")):
        print(job.path.name, outcome.status, flush=True)
"""


def test_a_cluster_of_ones_own_is_gone_with_the_run(session: Path, tmp_path: Path) -> None:
    """Standard output is the program's, and nothing is left in the temporary folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert run.stdout.splitlines() == ["clip-1 ok", "once-1 ok"], run.stderr
    assert run.stderr.splitlines() == [run.stderr.strip()]
    assert run.stderr.startswith("smokegate: a worker was lost with /clips/once-1, which is tried again")
    assert not list(session.glob("sg-ray-*"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1: ConnectionRefusedError"),
        ("no host.invalid:6379", "no Ray cluster answers at"),
        ("ray://127.0.0.1:10001", "--address ray://127.0.0.1:10001: a cluster is named HOST:PORT"),
        ("head", "--address head: a cluster is named HOST:PORT"),
        ("head:99999999", "no Ray cluster answers at"),
    ],
)
def test_a_cluster_that_is_not_there_is_said_at_once(address: str, said: str) -> None:
    start = time.monotonic()
    with pytest.raises(UsageError, match=said), engine.settle("ray", address=address):
        pass
    assert time.monotonic() - start < 60


def test_where_ray_programs_look_is_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(UsageError, match=f"no Ray cluster answers at 127.0.0.1:{port}"), engine.settle("ray"):
        pass


def test_a_run_that_is_told_to_stop_while_ray_starts_is_interrupted() -> None:
    """Ray leaves the program by its own way then, with exit code 15."""
    with pytest.raises(KeyboardInterrupt), ray_cluster._terms_kept():
        sys.exit(15)


def test_ray_may_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="Ray is not installed") as caught, engine.settle("ray"):
        pass
    assert caught.value.fix == "python -m pip install 'smokegate[cluster]'"


@pytest.mark.parametrize("gpus", [-1.0, 1.5])
def test_a_gpu_is_shared_or_whole(gpus: float) -> None:
    with pytest.raises(UsageError, match="--gpus-per-worker"):
        engine.settle("ray", gpus_per_worker=gpus)
