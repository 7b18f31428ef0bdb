"""The rules of turns: every job comes back once, a deadly one after three tries, the last of them alone."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from smokegate_runners.engine_turns import TRIES, Turn, Turns, attempt, printable
from smokegate_runners.saliency.work import Job, Outcome, Status

OK = Outcome(Status.OK, 0.5, 0.0)


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(1, 4), st.randoms(use_true_random=False))
def test_every_job_comes_back_once(deaths: list[int], workers: int, chance: object) -> None:
    """`deaths` is how often each job kills its worker."""
    jobs = [Job(Path(str(number))) for number in range(len(deaths))]
    turns, at_work, done = Turns(jobs), list[Turn](), dict[Job, Outcome]()
    tries = dict.fromkeys(jobs, 0)
    while True:
        while len(at_work) < workers and (turn := turns.next(len(at_work))):
            at_work.append(turn)
        assert len(at_work) == 1 or all(len(turn.losses) < TRIES - 1 for turn in at_work)
        if not at_work:
            break
        turn = at_work.pop(chance.randrange(len(at_work)))  # type: ignore[attr-defined]
        tries[turn.job] += 1
        dies = tries[turn.job] <= deaths[int(turn.job.path.name)]
        outcome = turns.lost(turn, "killed") if dies else OK
        if outcome:
            assert turn.job not in done
            done[turn.job] = outcome
    assert done.keys() == set(jobs)
    for job, count in zip(jobs, deaths, strict=True):
        assert tries[job] == min(count, TRIES - 1) + 1
        assert (done[job].status is Status.OK) == (count < TRIES)


def test_jobs_are_pulled_as_they_are_wanted() -> None:
    pulled = []

    def endless() -> object:
        number = 0
        while True:
            pulled.append(number)
            yield Job(Path(str(number)))
            number += 1

    turns = Turns(endless())  # type: ignore[arg-type]
    assert [str(turn.job.path) for _ in range(3) if (turn := turns.next(0))] == ["0", "1", "2"]
    assert pulled == [0, 1, 2]


def test_a_loss_that_was_no_fault_of_the_job_does_not_count() -> None:
    turns = Turns([Job(Path("a"))])
    for _ in range(2 * TRIES):
        turn = turns.next(0)
        assert turn is not None
        assert turn.losses == ()
        turns.back(turn)


def test_all_ends_are_told() -> None:
    outcome = Turns([]).lost(Turn(Job(Path("a")), ("killed by SIGKILL", "killed by SIGSEGV")), "killed by SIGKILL")
    assert outcome is not None
    assert outcome.status is Status.DECODE_FAILED
    assert outcome.detail == "the worker died 3 times on it: killed by SIGKILL; killed by SIGSEGV"


def test_a_worker_that_raises_costs_one_source() -> None:
    def worker(job: Job) -> Outcome:
        raise LookupError(f"{job.path}\x1b[2J\n" + "x" * 1000)

    outcome = attempt(worker, Job(Path("a")))
    assert outcome.status is Status.DECODE_FAILED
    assert outcome.detail is not None
    assert outcome.detail.startswith("the worker raised LookupError: a [2J xxx")
    assert outcome.detail.isprintable()
    assert "test_engine_turns.py:" in outcome.detail
    assert len(outcome.detail) < 400


def test_text_of_others_is_made_printable() -> None:
    assert printable("a\x1b[2J\nb\u202e  c") == "a [2J b c"
