"""What is out of reach by each layer alone: a second one that nobody misses is one that may be gone."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import smokegate
from processes import alive, until

SOURCE_ROOT = Path(smokegate.__file__).parents[1]
REACH = """
import ctypes, errno, os, resource, signal, sys, time
from smokegate.apart import jail

libc = ctypes.CDLL(None, use_errno=True)

def tried(deed):
    try:
        return deed() or "done"
    except OSError as refusal:
        return errno.errorcode[refusal.errno]

def looked_into(process):
    room = ctypes.create_string_buffer(8)
    place = (ctypes.c_size_t * 2)(ctypes.addressof(room), len(room))
    libc.process_vm_readv(process, place, 1, place, 1, 0)
    return errno.errorcode.get(ctypes.get_errno(), "done")

def reach():
    parent = os.getppid()
    return looked_into(parent), tried(lambda: os.kill(parent, 0)), tried(lambda: os.listdir("/"))
"""


def told(code: str, *, status: int = 0, before: Callable[[], None] | None = None) -> str:
    prelude = f"import sys; sys.path.insert(0, {str(SOURCE_ROOT)!r})\n{REACH}"
    command = [sys.executable, "-c", prelude + code]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, preexec_fn=before
    )
    assert done.returncode == status
    return done.stdout.strip()


def landlock() -> int:
    return int(told("print(libc.syscall(444, None, ctypes.c_size_t(0), 1))")) if sys.platform == "linux" else 0


def test_landlock_alone_keeps_other_processes_and_files_out_of_reach() -> None:
    if landlock() < 6:
        pytest.skip("the kernel has no Landlock that keeps signals in")
    assert told("print(reach()[1])") == "done", "a parent of one user is in reach without it"
    shut = "libc.prctl(jail._PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); jail._enclose(libc); print(*reach())"
    assert told(shut) == "EPERM EPERM EACCES"
    assert told(shut.replace("*reach()", "tried(lambda: os.kill(os.getpid(), 0))")) == "done"


def test_a_kernel_without_landlock_is_none_the_worse() -> None:
    assert told("jail._LANDLOCK_CREATE_RULESET = 9999; jail._enclose(libc); print(bool(reach()[2]))") == "True"


def test_processor_time_is_granted_piece_by_piece_and_ends_in_all() -> None:
    code = """
jail.leash(cpu_seconds=1, cpu_seconds_in_all=4)
jail.grant(3)
print(resource.getrlimit(resource.RLIMIT_CPU), flush=True)
jail.grant(1000)
print(resource.getrlimit(resource.RLIMIT_CPU), flush=True)
"""
    soft, hard = told(code).splitlines()
    assert soft == "(4, 5)"
    assert hard == "(5, 5)"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux sees to it")
def test_a_process_on_a_leash_dies_with_its_parent() -> None:
    """Its own group and session do not save it."""
    code = """
readable, writable = os.pipe()
child = os.fork()
if child == 0:
    jail.leash(cpu_seconds=60, cpu_seconds_in_all=60)
    os.write(writable, b"x")
    time.sleep(600)
os.read(readable, 1)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    pid = int(told(code, status=-signal.SIGKILL))
    until(lambda: not alive(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="address space is bounded on Linux alone")
def test_memory_is_bounded_where_nobody_tells_how_much_there_is() -> None:
    code = "jail.address_space = lambda: 0; jail.lock([1], memory=1 << 30, cpu_seconds=9)"
    assert told(f"{code}; print(resource.getrlimit(resource.RLIMIT_AS)[0])") == str(2 << 30)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's stacks")
def test_stacks_take_no_more_of_the_memory_than_they_need() -> None:
    """glibc looks at the limit as a program starts, so this is a program of its own."""
    code = """
import threading
jail.lock([1], memory=4 << 30, cpu_seconds=9)
done = threading.Barrier(17)
for _ in range(16):
    threading.Thread(target=done.wait, daemon=True).start()
done.wait(60)
print("all of them")
"""
    most = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if most != resource.RLIM_INFINITY and most < 1 << 30:
        pytest.skip("this machine allows no such stacks")
    assert told(code, before=_large_stacks) == "all of them"


def _large_stacks() -> None:
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 30, resource.getrlimit(resource.RLIMIT_STACK)[1]))
