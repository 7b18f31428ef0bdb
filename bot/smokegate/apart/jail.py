"""Rights given up before untrusted bytes are looked at. Resource limits carry it; the rest is a second layer.

In this order: `isolate` once the imports are done, then `lock`, and `seal` when the last file has been read. What
cannot live without files or with bounded memory keeps to `leash` alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import os
import resource
import signal
import sys
from collections.abc import Iterable

from smokegate.apart import calls

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_STACK = 8 << 20
_UNTOLD = 1 << 30
"""Where no /proc tells how much there is: more than an interpreter has with all its imports."""
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
# Landlock, linux/landlock.h. These two calls have the same numbers on every architecture that Python knows.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_TELL_VERSION = 1
_LANDLOCK_FILES = (1 << 13) - 1
_LANDLOCK_TCP, _LANDLOCK_TCP_SINCE = 3, 4
_LANDLOCK_SIGNALS_AND_SOCKETS, _LANDLOCK_SCOPES_SINCE = 3, 6

Buffer = mmap.mmap | bytes

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def open_files_to_the_full() -> None:
    """A model may keep its weights in hundreds of files, each of which arrives as a descriptor."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def isolate() -> None:
    """What a process gives up for good once its imports are done: network, capabilities, new privileges."""
    _limit(resource.RLIMIT_CORE, 0)
    if _LIBC is None:
        return
    # The kernel's first choice when memory runs out must be this process, not the one that judges.
    with contextlib.suppress(OSError):
        _write("/proc/self/oom_score_adj", b"1000")
    # Hosted runners refuse user namespaces; then RLIMIT_NOFILE alone keeps sockets away.
    _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    _drop_capabilities(_LIBC)
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Siblings of one user may otherwise ptrace each other.
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def leash(*, cpu_seconds: int, cpu_seconds_in_all: int) -> None:
    """It dies with the thread that started it, and has the processor for `cpu_seconds` until `grant` gives it more."""
    with contextlib.suppress(PermissionError):  # who leads a session leads its group already
        os.setpgid(0, 0)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds_in_all + 1)


def lock(keep: Iterable[int], *, memory: int, cpu_seconds: int, cpu_seconds_in_all: int = 0) -> None:
    """What a child gives up at once: every file but `keep`, and memory and time without bound."""
    leash(cpu_seconds=cpu_seconds, cpu_seconds_in_all=max(cpu_seconds, cpu_seconds_in_all))
    _close_all_but(sorted(keep))
    base = address_space() or (_UNTOLD if _LIBC is not None else 0)
    _small_stacks()
    if base:
        _limit(resource.RLIMIT_AS, base + memory)
    _limit(resource.RLIMIT_FSIZE, 0)


def grant(cpu_seconds: int) -> None:
    """So much processor time from now on, for the next piece of work."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = math.ceil(used.ru_utime + used.ru_stime) + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def mapped(descriptor: int) -> Buffer:
    """The bytes of a file without a copy of them. (An empty file cannot be mapped.)"""
    size = os.fstat(descriptor).st_size
    try:
        return mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) if size else b""
    except OSError as error:
        raise MemoryError(str(error)) from None


def seal() -> None:
    """No further file or socket, ever. Comes after `mapped`, which duplicates its descriptor."""
    if _LIBC is not None:
        _enclose(_LIBC)
        calls.refuse(_LIBC)
    _limit(resource.RLIMIT_NOFILE, 0)


def address_space() -> int:
    """Bytes of address space this process has; 0 where nobody tells (and RLIMIT_AS is not honoured either)."""
    try:
        descriptor = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(descriptor, 256).split()[0]) * resource.getpagesize()
    finally:
        os.close(descriptor)


def _write(path: str, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, body)
    finally:
        os.close(descriptor)


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    _, ceiling = resource.getrlimit(which)
    wanted = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        wanted = min(wanted, ceiling)
    resource.setrlimit(which, (min(soft, wanted), wanted))


def _close_all_but(keep: list[int]) -> None:
    start = 0
    for descriptor in keep:
        os.closerange(start, descriptor)
        start = descriptor + 1
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.closerange(start, min(hard, 1 << 20) if hard != resource.RLIM_INFINITY else 1 << 20)


def _enclose(libc: ctypes.CDLL) -> None:
    """Where the kernel has Landlock, no process outside is traced, read or signalled: that takes no descriptor."""
    call = libc.syscall
    call.restype = ctypes.c_long
    version = call(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_LANDLOCK_TELL_VERSION))
    if version < 1:
        return
    refused = (ctypes.c_uint64 * 3)(
        _LANDLOCK_FILES,
        _LANDLOCK_TCP if version >= _LANDLOCK_TCP_SINCE else 0,
        _LANDLOCK_SIGNALS_AND_SOCKETS if version >= _LANDLOCK_SCOPES_SINCE else 0,
    )
    size = ctypes.c_size_t(ctypes.sizeof(refused))
    rules = call(_LANDLOCK_CREATE_RULESET, refused, size, ctypes.c_uint32(0))
    if rules >= 0:
        call(_LANDLOCK_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
        os.close(rules)


def _small_stacks() -> None:
    """`ulimit -s` is what glibc sets aside for every thread: 64 MiB on 64 cores is more than all that is given here."""
    if _LIBC is not None and hasattr(_LIBC, "pthread_setattr_default_np"):
        attributes = ctypes.create_string_buffer(256)
        _LIBC.pthread_attr_init(attributes)
        _LIBC.pthread_attr_setstacksize(attributes, ctypes.c_size_t(_STACK))
        _LIBC.pthread_setattr_default_np(attributes)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if hasattr(libc, "capset"):
        libc.capset(header, nothing)
