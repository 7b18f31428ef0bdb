"""The processes behind the laboratory: what they may do, what they may do to us, and what becomes of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

import smokegate
from lab.specimens import content, dense, outside
from processes import alive, until
from smokegate.errors import SmokegateError
from smokegate.judge.ports import Bytes
from smokegate.lab import channel
from smokegate.lab.client import Lab
from smokegate.policy import Limits
from smokegate.registry.graph import Graph, GraphFault, RunResult

SOURCE_ROOT = Path(smokegate.__file__).parents[1]

FILTERED = sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}
"""Whether no process can be started from within."""

ROGUE = """
import ctypes, errno, os, resource, signal, socket, time

def warm_up():
    pass

def tried(deed):
    try:
        deed()
    except Exception as refusal:
        return type(refusal).__name__
    return "done"

def looked_into(process):
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "process_vm_readv"):
        return "PermissionError"
    room = ctypes.create_string_buffer(8)
    place = (ctypes.c_size_t * 2)(ctypes.addressof(room), len(room))
    libc.process_vm_readv(process, place, 1, place, 1, 0)
    return errno.errorcode.get(ctypes.get_errno(), "done")

def rights(judge):
    return {
        "open": tried(lambda: open("/etc/passwd")),
        "socket": tried(socket.socket),
        "pipe": tried(os.pipe),
        "descriptors": sum(tried(lambda: os.fstat(number)) == "done" for number in range(100)),
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "memory": tried(lambda: bytearray(1 << 30)),
        "worker": looked_into(os.getppid()),
        "judge": looked_into(judge),
        "environment": sorted(os.environ),
        "folder": os.getcwd(),
        "path": __import__("sys").path,
    }

def perform(request, contents):
    order, _, more = bytes(contents[0]).decode().partition(" ")
    if order.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, order))
    if order == "parent":
        os.kill(os.getppid(), signal.SIGKILL)
    if order == "exit":
        os._exit(3)
    if order == "raise":
        raise KeyError("\\x1b[31mred\\n")
    if order == "sleep":
        time.sleep(60)
    if order == "spin":
        while True:
            pass
    if order == "hog":
        hoard = []
        while True:
            hoard.append(bytearray(1 << 20))
    if order == "flood":
        return {"fault": "x" * (20 << 20)}
    if order == "grandchild":
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    if order == "rights":
        return {"fault": "RIGHTS" + __import__("json").dumps(rights(int(more)))}
    lies = {
        "list": [], "two": {"fault": "a", "graph": {}}, "number": {"fault": 7}, "surrogate": {"fault": "\\ud800"},
        "empty": {"graph": {}}, "scaler": {"graph": dict(GRAPH, scaler="yes")}, "row": {"graph": dict(GRAPH, ops=[1])},
        "true": {"graph": dict(GRAPH, node_count=True)}, "fine": {"graph": GRAPH},
    }
    return lies[order]

GRAPH = {
    "ir_version": 8, "opsets": [["", 17]], "inputs": [["x", "float32", [1, "n", None]]], "outputs": [],
    "ops": [["", "Relu"]], "node_count": 1, "external": [["w", "w.bin", 0, None]], "scaler": "absent",
}
"""


@pytest.fixture
def rogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A laboratory whose every child has been taken over."""
    (tmp_path / "rogue.py").write_text(ROGUE)
    hijack = f"sys.path.insert(0, {str(tmp_path)!r}); from smokegate.lab import worker; worker._TASKS = dict.fromkeys("
    boot = channel._BOOT.replace("from smokegate", hijack + "worker._TASKS, 'rogue'); from smokegate")
    monkeypatch.setattr(channel, "_BOOT", boot)
    with Lab(Limits(run_seconds=1, run_memory_mib=256)) as taken:
        yield taken


@pytest.fixture
def without_landlock(rogue: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    blinded = "from smokegate.apart import jail; jail._enclose = lambda libc: None; from smokegate.lab.worker"
    monkeypatch.setattr(channel, "_BOOT", channel._BOOT.replace("from smokegate.lab.worker", blinded))
    return rogue


def reason(lab: Lab, order: str) -> str:
    found = lab.inspect(content(order.encode()))
    assert isinstance(found, GraphFault), found
    assert found.reason.isprintable()
    assert len(found.reason) <= 500
    return found.reason


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("SIGSEGV", "crashed the process that looked at it (SIGSEGV)"),
        ("SIGABRT", "SIGABRT"),
        ("SIGKILL", "killed from outside"),
        ("exit", "without a sensible answer"),
        ("raise", "bug in smokegate: KeyError"),
        ("sleep", "stopped after 1 s by the clock"),
        ("spin", "CPU seconds"),
        ("hog", "run_memory_mib"),
        ("flood", "larger than"),
        ("grandchild", "PermissionError" if FILTERED else "stopped after 1 s by the clock"),
    ],
)
def test_every_end_has_its_words_and_the_next_model_is_looked_at(rogue: Lab, order: str, words: str) -> None:
    if "by the clock" in words:
        rogue._wall_seconds = 1.0
    started = time.monotonic()
    assert words in reason(rogue, order)
    assert time.monotonic() - started < 50
    assert isinstance(rogue.inspect(content(b"fine")), Graph)


def test_a_child_that_kills_its_worker_is_tried_once_more(without_landlock: Lab) -> None:
    assert "twice" in reason(without_landlock, "parent")
    assert isinstance(without_landlock.inspect(content(b"fine")), Graph)


@pytest.mark.parametrize("lie", ["list", "two", "number", "surrogate", "empty", "scaler", "row", "true"])
def test_answers_are_not_taken_on_trust(rogue: Lab, lie: str) -> None:
    assert "sensible answer" in reason(rogue, lie)


def test_a_child_has_no_rights(rogue: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "rogue.py"))
    monkeypatch.chdir(tmp_path)
    told: list[str] = []

    def overheard(words: str) -> str:
        told.append(words)
        return words[:9]

    monkeypatch.setattr("smokegate.lab.client.one_line", overheard)
    reason(rogue, f"rights {os.getpid()}")
    rights = json.loads(told[0].removeprefix("RIGHTS"))
    assert (rights["open"], rights["socket"], rights["pipe"]) == ("OSError", "OSError", "OSError")
    assert rights["memory"] == "MemoryError"
    assert (rights["worker"], rights["judge"]) == ("EPERM", "EPERM")
    assert rights["descriptors"] <= 3  # the model, the map of it, the answer
    assert (rights["nofile"], rights["core"]) == ([0, 0], [0, 0])
    assert "GITHUB_TOKEN" not in rights["environment"]
    assert rights["folder"] == "/"
    assert str(tmp_path) not in rights["path"][1:]


@pytest.mark.parametrize("entry", ["here", "link", ".", ""])
def test_nothing_is_imported_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    """`python -m` puts it first on the path, and it may be a pull request's checkout."""
    for package in ("here/onnx", "here/google"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('owned')")
    (tmp_path / "link").symlink_to("here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [str(tmp_path / entry) if entry.isalpha() else entry, *sys.path])
    assert not [root for root in channel._roots("inspect") if str(tmp_path) in root]
    with Lab(Limits()) as lab:
        assert isinstance(lab.inspect(content(dense())), Graph)


def test_a_worker_that_dies_between_two_models_is_replaced(lab: Lab) -> None:
    assert isinstance(lab.inspect(content(dense() + b"\x12\x01a")), Graph)
    alive = lab._inspector._live
    assert alive is not None
    alive.process.kill()
    assert isinstance(lab.inspect(content(dense() + b"\x12\x01b")), Graph)


def test_a_sandbox_that_cannot_start_is_not_the_models_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_BOOT", "raise SystemExit('no such luck')")
    with Lab(Limits()) as broken, pytest.raises(SmokegateError, match="cannot start: no such luck") as error:
        broken.inspect(content(dense()))
    assert error.value.exit_code == 2


def test_an_interpreter_that_is_gone_is_not_the_models_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with Lab(Limits()) as broken, pytest.raises(SmokegateError, match="cannot start"):
        broken.inspect(content(dense()))


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_roots", lambda task: [str(SOURCE_ROOT)])
    with Lab(Limits()) as bare, pytest.raises(SmokegateError, match="onnx") as error:
        bare.inspect(content(dense()))
    assert error.value.fix is not None
    assert "pip install" in error.value.fix


def test_no_process_outlives_the_laboratory() -> None:
    lab = Lab(Limits())
    lab.start()
    processes = [c._live.process for c in (lab._inspector, lab._runner) if c._live]
    lab.close()
    assert [p.returncode is not None for p in processes] == [True, True]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc")
def test_no_process_outlives_a_judge_that_is_killed() -> None:
    code = """
import os, signal, threading, time
from lab.specimens import content, endless
from smokegate.lab.client import Lab
from smokegate.policy import Limits
lab = Lab(Limits(run_seconds=60))
lab.start()
workers = [c._live.process.pid for c in (lab._inspector, lab._runner)]
threading.Thread(target=lab.run, args=(content(endless()), {}), daemon=True).start()
def children():
    with open(f"/proc/{workers[1]}/task/{workers[1]}/children") as file:
        return file.read().split()
while not children():
    time.sleep(0.01)
print(*workers, *children(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    pids = in_a_fresh_process(code, status=-9).split()
    assert len(pids) == 3
    until(lambda: not any(alive(int(pid)) for pid in pids))


# --- the judge's own process

HEAVY = ("onnx", "onnxruntime", "numpy", "google.protobuf", "ml_dtypes")


def in_a_fresh_process(code: str, *arguments: str, status: int = 0) -> str:
    roots = [str(SOURCE_ROOT), str(Path(__file__).parents[1])]
    prelude = f"import sys; sys.path[:0] = {roots!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def test_the_judge_loads_nothing_heavy_and_holds_no_model(tmp_path: Path) -> None:
    large = tmp_path / "large.onnx"
    with large.open("wb") as file:
        file.truncate(100 << 20)
    code = """
import io, resource
from smokegate.judge.ports import Bytes
from smokegate.lab.client import Lab
from smokegate.policy import Limits
path, size = sys.argv[1], 100 << 20
with Lab(Limits()) as lab:
    lab.inspect(Bytes("warm", 3, lambda: io.BytesIO(b"abc")))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(lab.inspect(Bytes("a", size, lambda: open(path, "rb"))))
    print(lab.run(Bytes("b", size, lambda: open(path, "rb", buffering=0)), {}))
    print(lab.inspect(Bytes("c", size, lambda: io.BufferedRandom(io.FileIO(path, "r+b")))))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown, [name for name in HEAVY if name in sys.modules])
""".replace("HEAVY", repr(HEAVY))
    *answers, last = in_a_fresh_process(code, str(large)).splitlines()
    assert all("damaged" in a or "does not load" in a for a in answers), answers
    grown, _, heavy = last.partition(" ")
    assert int(grown) < 20_000  # KiB
    assert heavy == "[]"


# --- how bytes are handed over


def test_a_model_over_the_limit_is_not_even_opened(strict_lab: Lab) -> None:
    def never() -> BinaryIO:
        raise AssertionError("opened")

    found = strict_lab.inspect(Bytes("0" * 64, 5 << 20, never))
    assert isinstance(found, GraphFault)
    assert "limits.model_mib" in found.reason
    assert not strict_lab.run(Bytes("0" * 64, 5 << 20, never), {}).ok


def plain_file(path: Path) -> BinaryIO:
    return path.open("rb")


def half_read(path: Path) -> BinaryIO:
    stream = path.open("rb")
    stream.read(50)
    return stream


def unflushed(path: Path) -> BinaryIO:
    stream = tempfile.TemporaryFile()  # noqa: SIM115
    stream.write(path.read_bytes())
    return stream


def packed(path: Path) -> BinaryIO:
    return gzip.open(io.BytesIO(gzip.compress(path.read_bytes())))  # type: ignore[return-value]


def packed_file(path: Path) -> BinaryIO:
    zipped = path.with_suffix(".gz")
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    return gzip.open(zipped)  # type: ignore[return-value]


def in_memory(path: Path) -> BinaryIO:
    return io.BytesIO(path.read_bytes())


@pytest.mark.parametrize("opened", [plain_file, half_read, unflushed, packed, packed_file, in_memory])
def test_any_stream_will_do(lab: Lab, tmp_path: Path, opened: Callable[[Path], BinaryIO]) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(dense())
    model = Bytes(opened.__name__, path.stat().st_size, lambda: opened(path))
    assert isinstance(lab.inspect(model), Graph)
    assert lab.run(model, {}) == RunResult(ok=True)


def test_bytes_that_change_meanwhile_are_not_judged(lab: Lab) -> None:
    with pytest.raises(SmokegateError, match="changed while they were read"):
        lab.inspect(Bytes("changed", 10, lambda: io.BytesIO(b"only 9 by")))


def test_a_file_that_has_grown_meanwhile_is_not_judged(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(dense() + b"\x12\x01a")
    with pytest.raises(SmokegateError, match="changed while they were read"):
        lab.inspect(Bytes("grown", len(dense()), lambda: path.open("rb")))


def test_an_error_while_opening_is_the_callers_and_leaves_the_laboratory_whole(lab: Lab) -> None:
    def missing() -> BinaryIO:
        raise FileNotFoundError("gone")

    weights = content(np.eye(4, dtype=np.float32).tobytes())
    model = content(outside(location="w.bin", length=64))
    with pytest.raises(FileNotFoundError):
        lab.run(model, {"a.bin": weights, "w.bin": Bytes("gone", 64, missing)})
    assert lab.run(model, {"w.bin": weights}) == RunResult(ok=True)


def test_answers_are_remembered_under_all_digests(lab: Lab) -> None:
    data = outside(location="remembered.bin", length=64)
    opened: list[str] = []

    def counted(name: str, body: bytes) -> Bytes:
        def opening() -> BinaryIO:
            opened.append(name)
            return io.BytesIO(body)

        return Bytes(hashlib.sha256(body).hexdigest(), len(body), opening)

    good, bad = np.eye(4, dtype=np.float32).tobytes(), np.full(16, np.inf, dtype=np.float32).tobytes()
    for body, fine in ((good, True), (bad, False), (good, True), (bad, False)):
        assert lab.run(counted("m", data), {"remembered.bin": counted("w", body)}).ok is fine
    assert opened == ["m", "w"] * 2


def test_many_external_files_are_handed_over_and_too_many_are_refused(lab: Lab) -> None:
    weights = content(np.eye(4, dtype=np.float32).tobytes())
    model = content(outside(location="w.bin", length=64))
    assert lab.run(model, {"w.bin": weights, **{f"{n}.bin": weights for n in range(500)}}).ok
    assert "512" in lab.run(model, {f"{n}.bin": weights for n in range(513)}).reason


def test_weights_far_larger_than_the_limit_are_mapped_and_not_copied(
    strict_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "w.bin"
    with weights.open("wb") as file:
        file.truncate(600 << 20)
    large = Bytes("large", 600 << 20, lambda: weights.open("rb"))
    model = content(outside(location="w.bin", length=64))
    assert strict_lab.run(model, {"w.bin": large}).ok
    monkeypatch.setattr("smokegate.lab.client._MODEL_SIZES", 0)
    assert "run_memory_mib" in strict_lab.run(model, {"w.bin": large, "v.bin": large}).reason
