"""How a child that did not answer ended, in words for the person whose model it was."""

from __future__ import annotations

import signal

from smokegate.lab.channel import Reply
from smokegate.policy import Limits

_CPU_SIGNALS = (signal.SIGXCPU, signal.SIGKILL)


def out_of_memory(limits: Limits) -> str:
    return (
        f"it ran out of the {limits.run_memory_mib} MiB it was given (on top of four times its size): "
        "raise limits.run_memory_mib if it is meant to need more"
    )


def mishap(reply: Reply, limits: Limits, *, wall_seconds: float, cpu_seconds: int) -> str:
    if reply.lost:
        return "it took down the process that looks at models, twice"
    if reply.flooded:
        return "what it says about itself is larger than smokegate is ready to read (16 MiB)"
    if reply.late:
        return f"it was stopped after {wall_seconds:.0f} s by the clock: {_raise_seconds(limits)}"
    if reply.signal in _CPU_SIGNALS and reply.cpu_seconds >= cpu_seconds - 0.5:
        return f"it used up the {cpu_seconds} CPU seconds it was given: {_raise_seconds(limits)}"
    if reply.signal == signal.SIGKILL:
        return "it was killed from outside, most likely because the machine ran out of memory"
    if reply.signal:
        return (
            f"it crashed the process that looked at it ({_signal_name(reply.signal)}), "
            f"which had {limits.run_memory_mib} MiB on top of four times its size"
        )
    return "the process that looked at it ended without a sensible answer"


def _raise_seconds(limits: Limits) -> str:
    return f"raise limits.run_seconds (now {limits.run_seconds}) if it is meant to take that long"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
