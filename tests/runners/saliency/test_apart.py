"""A model in a process apart: the same masks, and whatever it tries, an error and never a number."""

from __future__ import annotations

import hashlib
import json
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smokegate
import smokegate_runners
from lab.test_jail import landlock
from processes import PATIENCE, alive, until
from runners.saliency import hostile, networks
from smokegate.errors import SmokegateError
from smokegate.evidence.fault import Wanted
from smokegate.policy import Limits
from smokegate_runners.saliency.contests import apart, handed
from smokegate_runners.saliency.contests.allowance import Allowance, allowance
from smokegate_runners.saliency.contests.apart import GaveNoMask, ModelApart, Refused
from smokegate_runners.saliency.network.model import SaliencyModel

ROOTS = [str(Path(package.__file__).parents[1]) for package in (smokegate, smokegate_runners) if package.__file__]
TESTS = Path(__file__).parents[2]
PICTURE = np.random.default_rng(0).integers(0, 256, (53, 75, 3), np.uint8)
LIMITS = Limits(run_seconds=2, run_memory_mib=256)

Start = Callable[..., ModelApart]


def handed_over(place: Path) -> handed.Files:
    outside = {
        one.relative_to(place.parent).as_posix(): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in place.parent.rglob("*.bin")
    }
    sha256 = hashlib.sha256(place.read_bytes()).hexdigest()
    return handed.files(place, Wanted("m", "i", sha256, external=outside), model_mib=LIMITS.model_mib)


def allowed(files: handed.Files, threads: int, limits: Limits = LIMITS) -> Allowance:
    return allowance(limits, model_bytes=files.size, threads=threads, most_pixels=1 << 16, pictures=20)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock on the wall decides where a test says so, and not where the machine is busy."""
    monkeypatch.setattr(Allowance, "wall_seconds", PATIENCE)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A model apart that has its files, closed in the end."""
    live: list[ModelApart] = []

    def started(model: bytes | Path, provider: str = apart.CPU, threads: int = 1) -> ModelApart:
        place = networks.written(tmp_path, model) if isinstance(model, bytes) else model
        live.append(ModelApart(provider, threads))
        files = handed_over(place)
        live[-1].load(files, allowed(files, threads))
        return live[-1]

    yield started
    for one in live:
        one.close()


def shown(model: ModelApart, picture: Any = PICTURE) -> Any:
    model.ask(picture)
    return model.mask()


# -- the same masks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "data",
    [
        networks.unet(),
        networks.half(),
        networks.brightness(),
        networks.brightness(flat=True),
        networks.brightness(shape=(1, 3, 32, 48)),
    ],
)
def test_to_the_last_bit(data: bytes, threads: int, start: Start, tmp_path: Path) -> None:
    live = start(data, threads=threads)
    live.loaded()
    plain = SaliencyModel(networks.written(tmp_path, data), provider="cpu", threads=threads)
    for picture in (PICTURE, PICTURE[:16, :16], PICTURE[::-1]):
        found = shown(live, picture)
        np.testing.assert_array_equal(found, plain.mask_rgb(picture))
        assert found.dtype == np.float32
    live.finish()


def test_with_weights_that_lie_outside(start: Start, tmp_path: Path) -> None:
    place = networks.external(tmp_path, "parts/weights.bin")
    live = start(place)
    live.loaded()
    np.testing.assert_array_equal(shown(live), SaliencyModel(place, provider="cpu", threads=1).mask_rgb(PICTURE))


def test_a_location_that_is_spelled_in_another_way(start: Start, tmp_path: Path) -> None:
    place = networks.external(tmp_path, "./parts//weights.bin")
    start(place).loaded()


def test_what_its_sidecar_says_counts(start: Start, tmp_path: Path) -> None:
    place = networks.written(tmp_path, networks.unet(2))
    place.with_suffix(".json").write_text('{"size_multiple": 2}')
    with pytest.raises(Refused, match="its sidecar has size_multiple 2, and on such a size"):
        start(place).loaded()


def test_a_large_picture_has_room(start: Start, tmp_path: Path) -> None:
    """More than a socket takes at once, both ways."""
    rgb = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    place = networks.written(tmp_path, networks.unet(width=16))
    files = handed_over(place)
    live = ModelApart(apart.CPU, 2)
    try:
        room = allowance(LIMITS, model_bytes=files.size, threads=2, most_pixels=1080 * 1920, pictures=1)
        live.load(files, room)
        live.loaded()
        plain = SaliencyModel(place, provider="cpu", threads=2)
        np.testing.assert_array_equal(shown(live, rgb), plain.mask_rgb(rgb))
    finally:
        live.close()


# -- models that are no use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not load"),
        (b"no model at all", "is no ONNX file"),
        (networks.many_channels(), r"is no saliency model .*: its output for \d+x\d+ is \[1, 3, "),
        (networks.unet().replace(b"Sigmoid", b"Sigmoit"), "does not load"),
    ],
)
def test_what_is_no_saliency_model_is_refused_in_a_line(data: bytes, why: str, start: Start) -> None:
    with pytest.raises(Refused, match=why) as refusal:
        start(data).loaded()
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (hostile.endless(), r"it used up the 2 CPU seconds it was given: raise limits\.run_seconds \(now 2\)"),
        (hostile.hungry(), r"it ran out of the 3\d\d MiB it was given: raise limits\.run_memory_mib \(now 256\)"),
        (hostile.undefined(), "values that are not finite"),
        (hostile.swelling(1), r"the model gives \[1, 1, 128, 96\] for a frame of 96x64"),
        (hostile.swelling(3000), r"the model gives \[1, 1, 192064, 96\] for a frame of 96x64"),
        (networks.root(), "values that are not finite"),
    ],
)
def test_a_hostile_model_gives_an_error_and_no_mask(data: bytes, why: str, start: Start) -> None:
    live = start(data)
    live.loaded()
    if data != networks.root():
        assert shown(live, hostile.DARK).shape == (64, 96)
        live.ask(hostile.BRIGHT)
    else:
        live.ask(hostile.DARK)
    with pytest.raises(GaveNoMask, match=why) as failure:
        live.mask()
    assert failure.value.message.isprintable()


@pytest.mark.parametrize("location", ["/etc/passwd", "../../../../../../../../etc/passwd", "weights.bin"])
def test_weights_that_the_judge_did_not_see_are_not_read(location: str, start: Start, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    place = networks.external(tmp_path / "model", location)
    kept = tmp_path / "model" / "weights.bin"
    kept.rename(tmp_path / "weights.bin") if kept.exists() else None
    with pytest.raises(Refused, match="which the judge did not see"):
        start(place).loaded()


# -- processes that were taken over ----------------------------------------------------------------------------------

ROGUE = """
import ctypes, errno, json, mmap, os, resource, signal, socket, sys, time

from smokegate.apart import wire
from smokegate_runners.saliency.contests import confined

LIBC = ctypes.CDLL(None, use_errno=True)

def tried(deed):
    try:
        deed()
    except OSError as refusal:
        return errno.errorcode[refusal.errno]
    return "done"

def looked_into(process):
    room = ctypes.create_string_buffer(8)
    place = (ctypes.c_size_t * 2)(ctypes.addressof(room), len(room))
    LIBC.process_vm_readv(process, place, 1, place, 1, 0)
    return errno.errorcode.get(ctypes.get_errno(), "done")

def dies_with_parent():
    signalled = ctypes.c_int()
    LIBC.prctl(2, ctypes.byref(signalled), 0, 0, 0)
    return signalled.value == signal.SIGKILL

def forked():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

def left_behind():
    room = LIBC.shmget(0, 4096, 0o600)
    if room < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    LIBC.shmctl(room, 0, None)

def rights():
    parent = os.getppid()
    return {
        "passwd": tried(lambda: open("/etc/passwd")),
        "environ": tried(lambda: open(f"/proc/{parent}/environ")),
        "socket": tried(socket.socket),
        "parent": looked_into(parent),
        "signal": tried(lambda: os.kill(parent, 0)),
        "limits of others": tried(lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE)),
        "process": tried(forked),
        "leavings": tried(left_behind),
        "memory": tried(lambda: mmap.mmap(-1, 4 << 30)),
        "descriptors": [number for number in range(64) if tried(lambda: os.fstat(number)) == "done"],
        "limits": [resource.getrlimit(one)[1] for one in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)],
        "environment": sorted(os.environ),
        "cpu_seconds": resource.getrlimit(resource.RLIMIT_CPU)[1],
        "dies_with_parent": dies_with_parent(),
        "folder": os.getcwd(),
        "path": sys.path,
    }

def answer(channel, order, seconds):
    asked, body = wire.receive_with_body(channel, 1 << 26)
    size = len(body) // 3
    item = {"item": asked["item"]}
    fine = bytes(4 * size)

    def gives(words, body=fine):
        wire.send_json(channel, words, body)

    if order.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, order))
    elif order == "rights":
        wire.send_json(channel, {"refused": json.dumps(rights())})
    elif order == "fine":
        gives(item)
    elif order == "print":
        for descriptor in (1, 2):
            tried(lambda: os.write(descriptor, b"::add-mask::x" * 10000))
        gives(item)
    elif order == "exit":
        os._exit(0)
    elif order == "hang":
        time.sleep(600)
    elif order == "drip":
        channel.sendall((4 * size).to_bytes(8, "big"))
        while True:
            channel.sendall(b"\\0")
            time.sleep(0.2)
    elif order == "hang up":
        channel.close()
        time.sleep(600)
    elif order == "spin":
        while True:
            pass
    elif order == "hog":
        hoard = []
        while True:
            hoard.append(bytearray(1 << 24))
    elif order == "bug":
        raise KeyError("\\x1b[31mred\\n")
    elif order == "flood":
        while True:
            channel.sendall(bytes(1 << 20))
    elif order == "long":
        gives(item, fine + b"\\0")
    elif order == "short":
        gives(item, fine[:-4])
    elif order == "empty":
        gives(item, b"")
    elif order == "nan":
        gives(item, b"\\0\\0\\xc0\\x7f" + fine[4:])
    elif order == "infinite":
        gives(item, b"\\0\\0\\x80\\x7f" + fine[4:])
    elif order == "above":
        gives(item, b"\\1\\0\\x80\\x3f" + fine[4:])
    elif order == "below":
        gives(item, fine[:-4] + b"\\x0a\\xd7\\x23\\xbc")
    elif order == "other":
        gives({"item": asked["item"] + 1})
    elif order == "more":
        gives({**item, "verdict": "PROMOTE"})
    elif order == "loaded":
        gives({"loaded": True})
    elif order == "list":
        wire.send(channel, b"[]\\n")
    elif order == "deep":
        wire.send(channel, b"[" * 16000 + b"\\n")
    elif order == "no json":
        wire.send(channel, b"\\xff\\n")
    elif order == "words":
        wire.send(channel, b"x" * (1 << 20))
    elif order == "no line":
        wire.send(channel, b"x" * 20000)
    elif order == "refused":
        wire.send_json(channel, {"refused": ["\\x1b[31m\\n::error::", 7], "fix": {}})
    elif order == "twice":
        gives(item)
        gives(item)

def loaded(order, graph, outside, provider):
    if graph == b"vague":
        wire.send_json = lambda channel, words: wire.send(channel, json.dumps({**words, "item": 1}).encode() + b"\\n")
    return graph.decode()

confined._answer, confined._loaded = answer, loaded
"""


@pytest.fixture
def rogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Start) -> Start:
    """Its model has taken it over, once all rights are gone; what the model's bytes spell is what it does."""
    (tmp_path / "rogue.py").write_text(ROGUE)
    hijack = f"sys.path.insert(0, {str(tmp_path)!r}); import rogue; from smokegate_runners"
    monkeypatch.setattr(apart, "_BOOT", apart._BOOT.replace("from smokegate_runners", hijack))

    def taken_over(order: str, provider: str = apart.CPU) -> ModelApart:
        live = start(order.encode(), provider)
        live.loaded()
        return live

    return taken_over


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("SIGSEGV", "it crashed its process (SIGSEGV): out of memory? If so, raise limits.run_memory_mib (now 256)"),
        ("SIGABRT", "it crashed its process (SIGABRT): out of memory?"),
        ("SIGKILL", "its process was killed from outside, most likely because the machine ran out of memory"),
        ("exit", "its process ended with exit code 0, before it had answered"),
        ("spin", "it used up the 2 CPU seconds it was given: raise limits.run_seconds"),
        ("hog", "it ran out of the 3"),
        ("bug", "which is a bug in smokegate: KeyError"),
        ("hang up", "no answer: it hung up"),
        ("flood", "no answer: it "),
        ("long", "no answer: it gives 15,901 bytes for a picture of 75x53"),
        ("short", "no answer: it gives 15,896 bytes for a picture of 75x53"),
        ("empty", "no answer: it gives 0 bytes for a picture of 75x53"),
        ("nan", "no answer: it gives values that are not within 0..1"),
        ("infinite", "no answer: it gives values that are not within 0..1"),
        ("above", "no answer: it gives values that are not within 0..1"),
        ("below", "no answer: it gives values that are not within 0..1"),
        ("other", "no answer: it speaks of another picture than it was shown"),
        ("more", "no answer: it speaks of another picture than it was shown"),
        ("loaded", "no answer: it speaks of another picture than it was shown"),
        ("list", "no answer: it answers with a frame that is not a JSON object"),
        ("deep", "no answer: it answers with a frame that is not JSON"),
        ("no json", "no answer: it answers with a frame that is not JSON"),
        ("words", "no answer: it answers with a frame of 1048576 bytes where at most 32284 are allowed"),
        ("no line", "no answer: it answers with a frame that begins with no line"),
        ("refused", "::error::"),
    ],
)
def test_whatever_it_does_there_is_an_error_and_no_mask(order: str, words: str, rogue: Start) -> None:
    live = rogue(order)
    with pytest.raises(GaveNoMask) as failure:
        shown(live)
    assert words in failure.value.message
    assert failure.value.message.isprintable() and len(failure.value.message) < 600
    until(lambda: order == "refused" or live._live.process.poll() is not None)


@pytest.mark.parametrize("order", ["hang", "drip"])
def test_it_has_so_much_time_on_the_wall(order: str, rogue: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    live = rogue(order)
    monkeypatch.setattr(Allowance, "wall_seconds", 2.0)
    started = time.monotonic()
    with pytest.raises(GaveNoMask, match="it was stopped after 2 s by the clock"):
        shown(live)
    assert time.monotonic() - started < 60
    assert live._live.process.poll() is not None


def test_one_that_will_not_listen_is_stopped_too(rogue: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    live = rogue("hang")
    monkeypatch.setattr(Allowance, "wall_seconds", 2.0)
    live.ask(PICTURE)
    with pytest.raises(GaveNoMask, match="it was stopped after 2 s by the clock"):
        live.ask(np.zeros((3000, 3000, 3), np.uint8))


def test_it_has_to_say_that_it_loaded_the_model(rogue: Start) -> None:
    with pytest.raises(GaveNoMask, match="it does not say what became of the model"):
        rogue("vague")


SLOW = """
import time

from smokegate_runners.saliency.contests import confined

quick = confined.SaliencyModel.mask_rgb

def slow(model, rgb):
    until = time.process_time() + 1.2
    while time.process_time() < until:
        pass
    return quick(model, rgb)

confined.SaliencyModel.mask_rgb = slow
"""


def test_time_is_given_anew_for_every_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Start) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    hijack = f"sys.path.insert(0, {str(tmp_path)!r}); import slow; from smokegate_runners"
    monkeypatch.setattr(apart, "_BOOT", apart._BOOT.replace("from smokegate_runners", hijack))
    live = start(networks.brightness())
    live.loaded()
    for _ in range(4):
        assert shown(live).shape == (53, 75)


def test_what_it_says_beyond_the_last_answer_is_held_against_it(rogue: Start) -> None:
    live = rogue("twice")
    shown(live)
    with pytest.raises(GaveNoMask, match="it says more than it was asked"):
        live.finish()
    live = rogue("twice")
    shown(live)
    with pytest.raises(GaveNoMask, match="another picture"):
        shown(live)


@pytest.mark.parametrize("provider", apart.PROVIDERS)
def test_what_it_prints_goes_nowhere(provider: str, rogue: Start, capfd: pytest.CaptureFixture[str]) -> None:
    assert not shown(rogue("print", provider)).any()
    assert capfd.readouterr() == ("", "")


def rights_of(live: ModelApart, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(apart, "one_line", lambda words: words)
    with pytest.raises(Refused) as told:
        shown(live)
    return json.loads(told.value.message)


@pytest.fixture
def with_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.chdir(tmp_path)


def test_it_has_no_rights(rogue: Start, with_secrets: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rights = rights_of(rogue("rights"), monkeypatch)
    assert {rights[one] for one in ("passwd", "environ", "socket")} <= {"EMFILE", "EACCES", "EPERM"}
    assert rights["parent"] == "EPERM"
    assert rights["signal"] == ("EPERM" if landlock() >= 6 else "done")
    assert rights["memory"] == "ENOMEM"
    if platform.machine() in {"x86_64", "aarch64"}:
        assert [rights[one] for one in ("limits of others", "process", "leavings")] == ["EPERM"] * 3
    assert len(rights["descriptors"]) == 1
    assert rights["limits"] == [0, 0]
    assert (rights["cpu_seconds"], rights["dies_with_parent"]) == (2 * 21 + 1, True)
    assert not {"GITHUB_TOKEN", "PYTHONPATH", "CUDA_VISIBLE_DEVICES", "HOME"} & set(rights["environment"])
    assert rights["folder"] == "/"
    assert str(tmp_path) not in rights["path"][1:]


def test_on_cuda_it_keeps_files_and_memory_and_has_no_secrets(
    rogue: Start, with_secrets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rights = rights_of(rogue("rights", apart.CUDA), monkeypatch)
    assert (rights["passwd"], rights["socket"], rights["memory"]) == ("done", "done", "done")
    assert (rights["cpu_seconds"], rights["dies_with_parent"]) == (2 * 21 + 1, True)
    assert "CUDA_VISIBLE_DEVICES" in rights["environment"]
    assert not {"GITHUB_TOKEN", "PYTHONPATH", "HOME"} & set(rights["environment"])


@pytest.mark.parametrize(("order", "words"), [("spin", "it used up the 2 CPU seconds"), ("nan", "not within 0..1")])
def test_on_cuda_time_is_bounded_and_answers_are_checked(order: str, words: str, rogue: Start) -> None:
    with pytest.raises(GaveNoMask, match=words):
        shown(rogue(order, apart.CUDA))


def test_cuda_where_there_is_none(start: Start) -> None:
    with pytest.raises(Refused, match=r"CUDA was asked for, and (the onnxruntime that is installed|its libraries)"):
        start(networks.unet(), apart.CUDA).loaded()


# -- the process itself ----------------------------------------------------------------------------------------------


def test_one_that_cannot_start_is_not_the_models_fault(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_BOOT", "raise SystemExit('no such luck')")
    with pytest.raises(SmokegateError, match="cannot start: no such luck") as failure:
        start(networks.unet())
    assert not isinstance(failure.value, GaveNoMask)


def in_a_fresh_process(code: str, *arguments: str, status: int = 0) -> str:
    prelude = f"import sys; sys.path[:0] = {[*ROOTS, str(TESTS)]!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return done.stdout


ASKED = """
import hashlib, numpy as np
from pathlib import Path
from smokegate.evidence.fault import Wanted
from smokegate.policy import Limits
from smokegate_runners.saliency.contests import compare, handed
from smokegate_runners.saliency.contests.allowance import allowance
from smokegate_runners.saliency.contests.apart import ModelApart
place = Path(sys.argv[1])
live = ModelApart("cpu", 1)
files = handed.files(place, Wanted("m", "i", hashlib.sha256(place.read_bytes()).hexdigest()), model_mib=512)
live.load(files, allowance(Limits(run_seconds=60), model_bytes=files.size, threads=1, most_pixels=1 << 16, pictures=1))
live.loaded()
live.ask(np.full((64, 96, 3), 255, np.uint8))
"""


def test_whoever_asks_loads_nothing_that_parses_models(tmp_path: Path) -> None:
    place = networks.written(tmp_path, networks.unet())
    heavy = ("onnx", "onnxruntime", "google.protobuf")
    code = f"{ASKED}live.mask()\nprint([name for name in {heavy!r} if name in sys.modules])"
    assert in_a_fresh_process(code, str(place)).strip() == "[]"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux sees to it")
def test_it_dies_with_whoever_started_it(tmp_path: Path) -> None:
    place = networks.written(tmp_path, hostile.endless())
    code = f"{ASKED}import os, signal\nprint(live._live.process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    pid = int(in_a_fresh_process(code, str(place), status=-signal.SIGKILL))
    until(lambda: not alive(pid))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc")
def test_it_has_one_thread_when_it_gives_up_its_rights(tmp_path: Path) -> None:
    """A second one would keep what the first has given up: Landlock and user namespaces are a thread's."""
    code = """
import os
from smokegate.apart import interpreter
os.environ.update(interpreter._ENVIRONMENT)
from smokegate_runners.saliency.contests import confined
confined._warm_up()
print(len(os.listdir("/proc/self/task")))
"""
    assert in_a_fresh_process(code).strip() == "1"


def test_files_that_are_others_than_the_judge_saw(tmp_path: Path) -> None:
    place = networks.external(tmp_path, "weights.bin")
    sha256 = hashlib.sha256(place.read_bytes()).hexdigest()
    weights = hashlib.sha256((tmp_path / "weights.bin").read_bytes()).hexdigest()
    wanted = Wanted("m", "i", sha256, external={"weights.bin": weights})
    assert handed.files(place, wanted, model_mib=1).outside.keys() == {"weights.bin"}
    (tmp_path / "weights.bin").write_bytes(b"other")
    with pytest.raises(SmokegateError, match="is another model now"):
        handed.files(place, wanted, model_mib=1)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(SmokegateError, match="cannot be read"):
        handed.files(place, wanted, model_mib=1)
    with pytest.raises(SmokegateError, match="outside its folder"):
        handed.files(place, Wanted("m", "i", sha256, external={"../x": "0"}), model_mib=1)
    with place.open("ab") as model:
        model.truncate(2 << 20)
    with pytest.raises(SmokegateError, match="is another model now"):
        handed.files(place, wanted, model_mib=1)


def test_a_process_is_closed_whatever_became_of_it(start: Start) -> None:
    live = start(networks.unet())
    live.loaded()
    pid = live._live.process.pid
    live.close()
    assert not Path(f"/proc/{pid}").exists() and live._live.process.returncode == -signal.SIGKILL
    live.close()
