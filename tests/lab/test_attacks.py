"""Whatever bytes come, the judge's process gets an answer, and so does the next model."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.specimens import branching, content, convolution, dense, outside
from smokegate.lab.client import Lab
from smokegate.registry.graph import Graph, GraphFault, RunResult

SPECIMENS = (convolution(), branching(), outside(location="w.bin", offset=0, length=64))


def survives(lab: Lab, data: bytes) -> None:
    assert isinstance(lab.inspect(content(data)), Graph | GraphFault)
    assert isinstance(lab.run(content(data), {}), RunResult)


@pytest.mark.parametrize("specimen", SPECIMENS, ids=["convolution", "branching", "outside"])
def test_a_file_cut_short_is_no_model(lab: Lab, specimen: bytes) -> None:
    for eighth in range(1, 8):
        short = specimen[: len(specimen) * eighth // 8]
        assert isinstance(lab.inspect(content(short)), GraphFault)
        assert not lab.run(content(short), {}).ok


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(specimen=st.sampled_from(SPECIMENS), chance=st.randoms(use_true_random=False), count=st.integers(1, 12))
def test_damaged_bytes_are_survived(lab: Lab, specimen: bytes, chance: random.Random, count: int) -> None:
    damaged = bytearray(specimen)
    for _ in range(count):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    survives(lab, bytes(damaged))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_survived(lab: Lab, data: bytes) -> None:
    survives(lab, data)


def test_several_threads_may_ask_at_once(lab: Lab) -> None:
    answers: list[object] = []

    def ask(number: int) -> None:
        answers.append(lab.inspect(content(dense() + b"\x1a\x01" + bytes([97 + number]))))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(answer) for answer in answers] == [Graph] * 6
