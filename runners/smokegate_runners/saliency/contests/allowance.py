"""What a model that runs apart may take, and how it is said that it took more."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from smokegate.policy import Limits

_MIB = 1 << 20
_MODEL_SIZES = 8
"""Six were seen: parsed, written anew without its head, and in two sessions that pack their weights."""
_FOR_A_THREAD = 16 * _MIB
"""A stack, and what is worked with beside it."""
_FOR_A_PIXEL = 1024
"""Of address space, the students take 400 for a 720p picture."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """To load it, and then anew for each picture."""

    limits: Limits
    memory: int
    """In bytes, for all that it does; CUDA takes what it wants."""
    cpu_seconds: int
    cpu_seconds_in_all: int

    @property
    def wall_seconds(self) -> float:
        return 2.0 * self.limits.run_seconds + 10.0

    def late(self) -> str:
        return f"it was stopped after {self.wall_seconds:.0f} s by the clock: {self._raise_seconds()}"

    def starved(self) -> str:
        return f"it ran out of the {self.memory // _MIB:,} MiB it was given: {self._raise_memory()}"

    def ended(self, status: int) -> str:
        """`status` as `subprocess` has it."""
        if status == -signal.SIGXCPU:
            return f"it used up the {self.cpu_seconds} CPU seconds it was given: {self._raise_seconds()}"
        if status == -signal.SIGKILL:
            return "its process was killed from outside, most likely because the machine ran out of memory"
        if status < 0:
            return f"it crashed its process ({_named(-status)}): out of memory? If so, {self._raise_memory()}"
        return f"its process ended with exit code {status}, before it had answered"

    def _raise_seconds(self) -> str:
        return f"raise limits.run_seconds (now {self.limits.run_seconds}) if it is meant to take that long"

    def _raise_memory(self) -> str:
        return f"raise limits.run_memory_mib (now {self.limits.run_memory_mib:,}) if it is meant to need more"


def allowance(limits: Limits, *, model_bytes: int, threads: int, most_pixels: int, pictures: int) -> Allowance:
    """`limits.run_memory_mib` is what is left for the model's own ideas."""
    for_work = _MODEL_SIZES * model_bytes + _FOR_A_THREAD * threads + _FOR_A_PIXEL * most_pixels
    seconds = limits.run_seconds * threads
    return Allowance(limits, limits.run_memory_mib * _MIB + for_work, seconds, seconds * (pictures + 1))


def _named(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
