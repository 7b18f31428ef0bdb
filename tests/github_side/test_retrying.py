"""What is done after an answer, and after none: a table, and laws that hold for any answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from github_side.still_clock import StillClock
from smokegate.github.api.faults import GitHubError, Uncertain
from smokegate.github.api.once import ACTS, LOOKS, once
from smokegate.github.api.retrying import Answer, Limits, Outcome, Past, Silence, Step, Verdict, step

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
DATE = "Mon, 21 Sep 2026 14:13:20 GMT"
LATER = "Mon, 21 Sep 2026 14:13:50 GMT"
AN_HOUR_ON = "Mon, 21 Sep 2026 15:13:20 GMT"
LIMITS = Limits()
FIRST = Past(1)


def after(outcome: Outcome, *, repeatable: bool = True, past: Past = FIRST, dice: float = 1.0) -> Step:
    return step(outcome, repeatable=repeatable, past=past, limits=LIMITS, now=NOW, dice=dice)


def said(status: int, message: str = "", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, message)


TAKE, FAIL, UNCERTAIN = Step(Verdict.TAKE), Step(Verdict.FAIL), Step(Verdict.UNCERTAIN)


def again(pause: float) -> Step:
    return Step(Verdict.AGAIN, pause)


def limited(pause: float) -> Step:
    return Step(Verdict.LIMITED, pause)


@pytest.mark.parametrize(
    ("outcome", "repeated", "created"),
    [
        (said(200), TAKE, TAKE),
        (said(201), TAKE, TAKE),
        (said(204), TAKE, TAKE),
        (said(302), TAKE, TAKE),
        (said(400), FAIL, FAIL),
        (said(401), FAIL, FAIL),
        (said(403, "Resource not accessible by integration"), FAIL, FAIL),
        (said(403, "Must have admin rights to Repository."), FAIL, FAIL),
        (said(404), FAIL, FAIL),
        (said(409), FAIL, FAIL),
        (said(422), FAIL, FAIL),
        # A 5xx proves nothing about what was done.
        (said(500), again(1), UNCERTAIN),
        (said(502), again(1), UNCERTAIN),
        (said(503), again(1), UNCERTAIN),
        (said(503, retry_after="7"), again(7), UNCERTAIN),
        (said(503, retry_after="0"), again(1), UNCERTAIN),
        (said(503, retry_after="121"), FAIL, UNCERTAIN),
        (said(503, retry_after="soon"), again(1), UNCERTAIN),
        (said(504), again(1), UNCERTAIN),
        (Silence.NOT_SENT, again(1), again(1)),
        (Silence.LOST, again(1), UNCERTAIN),
        (Silence.REFUSED, FAIL, FAIL),
        # A limit does: it is said before anything is done.
        (said(429), again(60), again(60)),
        (said(429, retry_after="5"), again(5), again(5)),
        (said(403, retry_after="5"), again(5), again(5)),
        (said(403, retry_after="120"), again(120), again(120)),
        (said(403, retry_after="121"), limited(121), limited(121)),
        (said(403, retry_after="3600"), limited(3600), limited(3600)),
        (said(403, retry_after=LATER), again(30), again(30)),
        (said(403, retry_after=LATER, date="Mon, 21 Sep 2026 14:13:40 GMT"), again(10), again(10)),
        (said(403, retry_after="Mon, 21 Sep 2020 14:13:50 GMT"), again(0), again(0)),
        (said(403, x_ratelimit_remaining="0", x_ratelimit_reset="1790000040"), again(41), again(41)),
        (said(429, x_ratelimit_remaining="0", x_ratelimit_reset="1790000040"), again(41), again(41)),
        (said(403, x_ratelimit_remaining="0", x_ratelimit_reset="1790000040.5"), again(41.5), again(41.5)),
        # This machine's clock is an hour slow; the server's is what its reset is told by.
        (said(403, x_ratelimit_remaining="0", x_ratelimit_reset="1790003640", date=AN_HOUR_ON), again(41), again(41)),
        (said(403, x_ratelimit_remaining="0", x_ratelimit_reset="1790003000"), limited(3001), limited(3001)),
        (said(403, x_ratelimit_remaining="0", x_ratelimit_reset="1789999000"), again(1), again(1)),
        (said(403, x_ratelimit_remaining="0"), again(60), again(60)),
        (said(403, x_ratelimit_remaining="0", x_ratelimit_reset="never"), again(60), again(60)),
        (said(403, x_ratelimit_remaining="0", x_ratelimit_reset="1790003000", retry_after="9"), again(9), again(9)),
        (said(403, "You have exceeded a secondary rate limit. Please wait a few minutes."), again(60), again(60)),
        (said(403, "API rate limit exceeded for user ID 1."), again(60), again(60)),
        (said(403, "You have triggered an abuse detection mechanism."), again(60), again(60)),
        (said(403, "Please retry your request again later."), again(60), again(60)),
        # Headers that only tell how much is left limit nothing.
        (said(403, "No.", x_ratelimit_remaining="4999", x_ratelimit_reset="1790000040"), FAIL, FAIL),
        (said(404, "rate limit", x_ratelimit_remaining="0"), FAIL, FAIL),
        (said(200, x_ratelimit_remaining="0", retry_after="9"), TAKE, TAKE),
    ],
)  # fmt: skip
def test_the_table(outcome: Outcome, repeated: Step, created: Step) -> None:
    assert after(outcome) == repeated
    assert after(outcome, repeatable=False) == created


def test_pauses_grow_and_are_thrown_for() -> None:
    assert [after(said(502), past=Past(n)).pause for n in range(1, 6)] == [1, 2, 4, 8, 16]
    assert [after(said(502), past=Past(3), dice=dice).pause for dice in (0.0, 0.5, 1.0)] == [2.0, 3.0, 4.0]


def test_attempts_are_counted() -> None:
    assert after(said(502), past=Past(5)).verdict is Verdict.AGAIN
    assert after(said(502), past=Past(6)) == FAIL
    assert after(said(429), past=Past(6)).verdict is Verdict.LIMITED
    assert after(Silence.NOT_SENT, past=Past(6), repeatable=False) == FAIL


def test_waiting_is_bounded_as_a_whole() -> None:
    assert after(said(502), past=Past(1, 119.0)) == again(1)
    assert after(said(502), past=Past(1, 119.5)) == FAIL
    assert after(said(429), past=Past(2, 60.0)) == limited(120)
    assert after(said(429, retry_after="60"), past=Past(2, 60.0)) == again(60)


_WORDS = st.sampled_from(
    ["", "0", "1", "60", "-5", "1e9", "9" * 400, "nan", DATE, "1790000040", "soon", "\u0661", "12 "]
)
_HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "date", "server"]), _WORDS
)
_MESSAGES = st.one_of(st.text(max_size=40), st.just("You have exceeded a secondary rate limit"))
OUTCOMES = st.one_of(st.sampled_from(Silence), st.builds(Answer, st.integers(100, 599), _HEADERS, _MESSAGES))
PASTS = st.builds(Past, st.integers(1, 8), st.floats(0, 120))


@settings(deadline=None)
@given(OUTCOMES, st.booleans(), PASTS, st.floats(0, 1))
def test_no_answer_makes_it_wait_or_send_without_bound(
    outcome: Outcome, repeatable: bool, past: Past, dice: float
) -> None:
    found = step(outcome, repeatable=repeatable, past=past, limits=LIMITS, now=NOW, dice=dice)
    assert found.pause >= 0
    if found.verdict is Verdict.AGAIN:
        assert past.sent < LIMITS.attempts
        assert past.waited + found.pause <= LIMITS.wait


@settings(deadline=None)
@given(OUTCOMES, PASTS, st.floats(0, 1))
def test_a_creation_is_sent_again_on_proof_alone(outcome: Outcome, past: Past, dice: float) -> None:
    found = step(outcome, repeatable=False, past=past, limits=LIMITS, now=NOW, dice=dice)
    if found.verdict is Verdict.AGAIN:
        assert outcome is Silence.NOT_SENT or (isinstance(outcome, Answer) and outcome.status in {403, 429})
    if outcome is Silence.LOST or (isinstance(outcome, Answer) and outcome.status >= 500):
        assert found.verdict is Verdict.UNCERTAIN


@settings(deadline=None)
@given(OUTCOMES, PASTS, st.floats(0, 1))
def test_what_may_be_repeated_is_never_left_uncertain(outcome: Outcome, past: Past, dice: float) -> None:
    found = step(outcome, repeatable=True, past=past, limits=LIMITS, now=NOW, dice=dice)
    assert found.verdict is not Verdict.UNCERTAIN
    assert (found.verdict is Verdict.TAKE) == (isinstance(outcome, Answer) and outcome.status < 400)


class Shelf:
    """Creations whose answers get lost: each script entry is whether it is made, and whether that is said."""

    def __init__(self, *script: tuple[bool, bool]) -> None:
        self.script = list(script)
        self.made = 0
        self.looks = 0

    def look(self) -> int | None:
        self.looks += 1
        return self.made or None

    def act(self) -> int:
        makes, says = self.script.pop(0)
        self.made += makes
        if not says:
            raise Uncertain("it may have happened")
        return self.made


def test_once_looks_before_it_acts() -> None:
    shelf = Shelf((True, True))
    assert once(shelf.look, shelf.act, StillClock()) == 1
    assert once(shelf.look, shelf.act, StillClock()) == 1
    assert (shelf.made, shelf.looks) == (1, 2)


def test_once_takes_the_flows_word_that_there_is_none() -> None:
    shelf = Shelf((True, True))
    once(shelf.look, shelf.act, StillClock(), looked=True)
    assert shelf.looks == 0


def test_once_finds_what_was_made_and_not_said() -> None:
    shelf, clock = Shelf((False, False), (True, False)), StillClock()
    assert once(shelf.look, shelf.act, clock) == 1
    assert shelf.made == 1
    assert clock.slept == [*LOOKS, LOOKS[0]]


def test_once_gives_up_and_says_so() -> None:
    shelf = Shelf(*[(False, False)] * ACTS)
    with pytest.raises(Uncertain):
        once(shelf.look, shelf.act, StillClock())
    assert shelf.script == []


def test_once_does_not_hide_a_refusal() -> None:
    def refuse() -> int:
        raise GitHubError("403", status=403)

    with pytest.raises(GitHubError, match="403"):
        once(lambda: None, refuse, StillClock())


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()).filter(lambda one: one[0] or not one[1]), min_size=ACTS))
def test_once_never_makes_two(script: list[tuple[bool, bool]]) -> None:
    shelf = Shelf(*script)
    try:
        once(shelf.look, shelf.act, StillClock())
    except Uncertain:
        assert shelf.made == 0
    else:
        assert shelf.made == 1
