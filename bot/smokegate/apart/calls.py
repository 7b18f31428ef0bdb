"""System calls that a model needs for nothing, refused by a filter (seccomp): those that start a process, that leave
something behind in the kernel, or that change another process's limits. None of them takes a descriptor.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from dataclasses import dataclass

# linux/filter.h and linux/seccomp.h.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Where they are in what a filter is shown; of an argument, the lower half."""
_ALLOWED, _ERROR = 0x7FFF0000, 0x00050000
_SET_FILTER, _KEEP_SPECULATION = 1, 1 << 2
_PR_SET_SECCOMP, _BY_FILTER = 22, 2
_X32 = 1 << 30
"""From here on x86-64 has its calls a second time."""
_CLONE_THREAD = 0x00010000
_CLONE3 = 435

_Rule = tuple[int, int, int, int]
_ALLOW: _Rule = (_RETURN, 0, 0, _ALLOWED)
_REFUSE: _Rule = (_RETURN, 0, 0, _ERROR | errno.EPERM)
_UNKNOWN: _Rule = (_RETURN, 0, 0, _ERROR | errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class _Numbers:
    architecture: int
    seccomp: int
    clone: int
    prlimit: int
    others: tuple[int, ...]
    """shmget, shmat, semget, msgget, add_key, request_key, keyctl; fork and vfork where there are such."""


_KNOWN = {
    "x86_64": _Numbers(0xC000003E, 317, 56, 302, (29, 30, 64, 68, 248, 249, 250, 57, 58)),
    "aarch64": _Numbers(0xC00000B7, 277, 220, 261, (194, 196, 190, 186, 217, 218, 219)),
}


def refuse(libc: ctypes.CDLL) -> None:
    """For good, for this thread and all that it starts. On a processor that is not known here, nothing is refused."""
    numbers = _KNOWN.get(os.uname().machine)
    if numbers is None or sys.maxsize < 1 << 32:
        return
    rules = _rules(numbers)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code)))
    # Kernels before 5.16 would otherwise switch a mitigation on that costs a model a good part of its speed.
    if libc.syscall(numbers.seccomp, _SET_FILTER, _KEEP_SPECULATION, program) != 0:
        libc.prctl(_PR_SET_SECCOMP, _BY_FILTER, program, 0, 0)


def _rules(numbers: _Numbers) -> list[_Rule]:
    """A comparison jumps over as many rules as it says: first where it holds, then where it does not."""
    rules = [
        *((_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, numbers.architecture), _REFUSE),
        *((_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), _REFUSE),
    ]
    for one in numbers.others:
        rules += [(_EQUAL, 0, 1, one), _REFUSE]
    # What glibc does without clone3 it does by clone, whose flags can be looked at.
    rules += [(_EQUAL, 0, 1, _CLONE3), _UNKNOWN]
    rules += [(_EQUAL, 0, 4, numbers.clone), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 1, 0, _CLONE_THREAD)]
    rules += [_REFUSE, _ALLOW]
    rules += [(_EQUAL, 0, 3, numbers.prlimit), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 1, 0, 0)]
    rules += [_REFUSE, _ALLOW]
    return rules
