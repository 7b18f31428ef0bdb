from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from github_side.payloads import BASE, HEAD
from render.attacks import hostile_text
from smokegate.github.promotions import locking
from smokegate.github.promotions.locking import ENDED_WITHIN, Fate, Lock, Seen, fate, lock_of, refs
from smokegate.github.promotions.promotion import (
    HARNESSES,
    RUN_NAME,
    Request,
    RequestError,
    differences,
    from_inputs,
    inputs,
    nonce_of,
    read,
    run_name,
    write,
)
from smokegate.policy_github import GitHub

SETTINGS = GitHub.model_construct()
NONCE = "0123456789abcdef" * 2
ONE = Request(
    repository="acme/models",
    pr=7,
    base_ref="main",
    base_sha=BASE,
    head_sha=HEAD,
    registry="model/tiny/registry.json",
    ids=("fr_tiny_v1_seed0", "fr_tiny_v1_seed1"),
    harness="ensemble",
    gate="ensemble-plcc",
    policy_sha256="9c" * 32,
    actor="ana",
    comment=99,
    nonce=NONCE,
    asked_at="2026-05-01T10:00:00Z",
)

_ids = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True)
_requests = st.builds(
    Request,
    repository=st.from_regex(r"[A-Za-z0-9_.-]{1,20}/[A-Za-z0-9_.-]{1,20}", fullmatch=True),
    pr=st.integers(1, 2**63 - 1),
    base_ref=st.sampled_from(["main", "release/1.0", "$(id)", "${{ github.token }}".replace(" ", ""), "\u00e9-x"]),
    base_sha=st.sampled_from([BASE, "a" * 64]),
    head_sha=st.sampled_from([HEAD, "b" * 64]),
    registry=st.sampled_from(["registry.json", "a b/$(id)/registry.json", "\u00e9/r.json", "a'\"`/r.json"]),
    ids=st.lists(_ids, min_size=1, max_size=50, unique=True).map(tuple),
    harness=st.sampled_from(HARNESSES),
    gate=st.sampled_from(["ensemble-plcc", "g.1"]),
    policy_sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    actor=st.sampled_from(["ana", "mona_acme", "renovate[bot]"]),
    comment=st.integers(1, 2**63 - 1),
    nonce=st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    asked_at=st.just("2026-05-01T10:00:00Z"),
)


@given(_requests)
def test_what_is_written_is_read_back(request: Request) -> None:
    assert read(write(request)) == request
    given_inputs = inputs(request, SETTINGS)
    assert from_inputs(given_inputs) == request
    assert len(given_inputs) <= 25
    assert sum(len(name) + len(value) for name, value in given_inputs.items()) <= 65_535
    assert write(request).isascii()
    assert "\n" not in write(request)


def test_what_the_workflow_is_given() -> None:
    settings = GitHub.model_validate({"runner_labels": ("self-hosted", "h100"), "harness_timeout_minutes": 30})
    given_inputs = inputs(ONE, settings)
    assert {name: value for name, value in given_inputs.items() if name != "request"} == {
        "nonce": NONCE,
        "harness": "ensemble",
        "runner_labels": '["self-hosted", "h100"]',
        "timeout_minutes": "60",
    }
    assert set(inputs_named_in(RUN_NAME)) <= set(given_inputs)


def inputs_named_in(expression: str) -> list[str]:
    return [part.split("}}")[0].strip().removeprefix("inputs.") for part in expression.split("${{")[1:]]


def test_the_run_is_found_by_its_name() -> None:
    assert run_name(ONE) == RUN_NAME.replace("${{ inputs.harness }}", "ensemble").replace("${{ inputs.nonce }}", NONCE)
    assert nonce_of(run_name(ONE)) == NONCE


@pytest.mark.parametrize(
    "title", ["", NONCE, f"smokegate {NONCE}", f"smokegate x {NONCE}", f"x smokegate ensemble {NONCE}", "@everyone"]
)
def test_a_run_of_another_name_is_no_promotion(title: str) -> None:
    assert nonce_of(title) is None
    assert nonce_of(run_name(ONE) + "\n") is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"repository": "acme/models/../other"}, "repository cannot be"),
        ({"repository": "acme"}, "repository cannot be"),
        ({"pr": 0}, "pr cannot be 0"),
        ({"pr": True}, "pr cannot be True"),
        ({"pr": "7"}, "pr cannot be '7'"),
        ({"base_ref": "a b"}, "base_ref cannot be"),
        ({"base_ref": "a\nb"}, "base_ref cannot be"),
        ({"head_sha": "main"}, "head_sha cannot be"),
        ({"head_sha": HEAD[:7]}, "head_sha cannot be"),
        ({"head_sha": None}, "head_sha cannot be None"),
        ({"registry": "/etc/passwd"}, "registry cannot be"),
        ({"registry": "a/../../b"}, "registry cannot be"),
        ({"registry": "a/\n"}, "registry cannot be"),
        ({"registry": "\udcff/registry.json"}, "registry cannot be"),
        ({"ids": ()}, "1 to 50 entries"),
        ({"ids": ("a", "a")}, "each once"),
        ({"ids": tuple(f"a{n}" for n in range(51))}, "1 to 50 entries"),
        ({"ids": ("$(id)",)}, "no entry's id can be"),
        ({"ids": (1,)}, "no entry's id can be 1"),
        ({"harness": "shell"}, "harness cannot be"),
        ({"harness": "ensemble; id"}, "harness cannot be"),
        ({"gate": ""}, "gate cannot be"),
        ({"actor": "ana\n"}, "actor cannot be"),
        ({"nonce": "x" * 32}, "nonce cannot be"),
        ({"nonce": NONCE + "\n"}, "nonce cannot be"),
        ({"asked_at": "yesterday"}, "asked_at cannot be"),
    ],
)
def test_what_no_request_can_say(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError) as caught:
        replace(ONE, **wrong)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    with pytest.raises(RequestError):
        read(json.dumps({"schema": "smokegate-promotion-v1", **asdict(ONE), **wrong}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\ud800", "not JSON"),
        ("[]", "a promotion's request has"),
        ("{}", "a promotion's request has"),
        (write(ONE)[:-1] + ',"pr":8}', "not JSON"),
        (write(ONE)[:-1] + ',"run":"id"}', "a promotion's request has"),
        (write(ONE).replace("promotion-v1", "promotion-v2"), "not of the form smokegate-promotion-v1"),
        (write(ONE).replace('["fr_tiny_v1_seed0","fr_tiny_v1_seed1"]', '"fr_tiny_v1_seed0"'), "ids cannot be"),
        (write(ONE) + " " * 70_000, "not JSON"),
        ("[" * 60_000, "not JSON"),
    ],
)
def test_what_is_no_request(text: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        read(text)


@given(hostile_text)
def test_nothing_else_is_raised(text: str) -> None:
    with pytest.raises(RequestError):
        read(text)
    with pytest.raises(RequestError):
        from_inputs({"request": text, "nonce": text})


@pytest.mark.parametrize("changed", [{"nonce": "f" * 32}, {"harness": "saliency"}, {"harness": "x\n::error::y"}])
def test_inputs_that_do_not_agree_are_refused(changed: dict[str, str]) -> None:
    with pytest.raises(RequestError, match=r"the input (nonce|harness) is") as caught:
        from_inputs({**inputs(ONE, SETTINGS), **changed})
    assert str(caught.value).isprintable()


def test_a_run_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(RequestError, match="without a request"):
        from_inputs({})


def test_what_moved_is_named() -> None:
    assert differences(ONE, {"repository": "acme/models", "head_sha": HEAD, "pr": 7}) == []
    assert differences(ONE, {"repository": "mallory/models", "head_sha": "c" * 40}) == [
        "repository is 'mallory/models', and was 'acme/models'",
        f"head sha is '{'c' * 40}', and was '{HEAD}'",
    ]


# Locks.

LOCK = lock_of(ONE, 1_000_000.5)


def test_every_entry_has_a_ref_of_its_own_in_one_order() -> None:
    one, other = refs("a/registry.json", ["b", "a", "b"]), refs("b/registry.json", ["a", "b"])
    assert [ref.rpartition("/")[2] for ref in one] == ["a", "b"]
    assert not set(one) & set(other)


@given(_ids, hostile_text)
def test_a_lock_is_a_ref_that_git_takes(one: str, registry: str) -> None:
    (ref,) = refs(registry, [one])
    assert ref.startswith("refs/smokegate/locks/")
    assert not any(part in ref for part in ("..", "@{", "//", ".lock", "\\", " ", "~", "^", ":", "?", "*", "["))


def test_git_agrees() -> None:
    for ref in refs("\ud800/$(id)", ["a", "0_-", "x" * 64, "lock"]):
        assert subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0


@pytest.mark.parametrize("wrong", ["", "../x", "a/b", "a.lock", "A", "a\n", "$(id)", "x" * 65])
def test_no_other_ref_can_be_asked_for(wrong: str) -> None:
    with pytest.raises(ValueError, match="no entry's id"):
        refs("registry.json", ["a", wrong])


@given(_requests, st.integers(1, 2**40))
def test_a_lock_is_read_back(request: Request, at: int) -> None:
    lock = lock_of(request, at)
    assert locking.read(locking.write(lock)) == lock
    assert locking.read(locking.write(lock).rstrip("\n")) == lock


@pytest.mark.parametrize(
    "message",
    [
        "",
        "smokegate lock",
        "smokegate lock\n\n{}",
        "smokegate lock\n\n[]",
        "Merge\n\n" + locking.write(LOCK).partition("\n\n")[2],
        locking.write(LOCK).replace("ana", "@everyone"),
        locking.write(LOCK).replace(NONCE, "x"),
        locking.write(LOCK).replace('"pr": 7', '"pr": "7"'),
        locking.write(LOCK).replace('"pr": 7', '"pr": 7, "pr": 8'),
        locking.write(LOCK).replace("fr_tiny_v1_seed0", "../x"),
        locking.write(LOCK).replace("1000000", "NaN"),
        "smokegate lock\n\n" + "[" * 10_000,
    ],
)
def test_what_is_no_lock_of_ours(message: str) -> None:
    assert locking.read(message) is None


@given(hostile_text)
def test_reading_a_lock_never_fails(text: str) -> None:
    assert locking.read(text) is None
    assert locking.read(f"smokegate lock\n\n{text}") is None


NOW = 1_000_000.0
MINUTE = 60.0


def seen(status: str, conclusion: str | None = None, *, waits: float = 0, runs: float | None = None) -> Seen:
    started = None if runs is None else NOW - runs * MINUTE
    return Seen(status, conclusion, NOW - waits * MINUTE, started, NOW - 1)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (seen("queued"), Fate.WAITING),
        (seen("queued", waits=60), Fate.WAITING),
        (seen("queued", waits=61), Fate.NO_RUNNER),
        (seen("in_progress", waits=61), Fate.NO_RUNNER),
        (seen("waiting", waits=59), Fate.WAITING),
        (seen("waiting", waits=61), Fate.NOT_APPROVED),
        (seen("in_progress", waits=500, runs=1), Fate.RUNNING),
        (seen("in_progress", waits=500, runs=135), Fate.RUNNING),
        (seen("in_progress", waits=500, runs=136), Fate.OVERDUE),
        (seen("in_progress", waits=-5, runs=-5), Fate.RUNNING),
        (seen("completed", "success", waits=500, runs=1), Fate.ENDING),
        (seen("completed", "cancelled"), Fate.CANCELLED),
        (seen("completed", "timed_out"), Fate.TIMED_OUT),
        (seen("completed", "failure"), Fate.DIED),
        (seen("completed", "startup_failure"), Fate.DIED),
        (seen("completed", "action_required"), Fate.DIED),
        (seen("completed", "skipped"), Fate.DIED),
        (seen("completed", None), Fate.DIED),
    ],
)
def test_what_became_of_it(run: Seen, expected: Fate) -> None:
    assert fate(LOCK, run, NOW, SETTINGS) is expected


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (0, Fate.WAITING),
        (600, Fate.WAITING),
        (601, Fate.NEVER_STARTED),
        (-600, Fate.WAITING),
        (-(9**9), Fate.NEVER_STARTED),
    ],
)
def test_a_promotion_without_a_run(taken: int, expected: Fate) -> None:
    assert fate(replace(LOCK, taken_at=int(NOW) - taken), None, NOW, SETTINGS) is expected


def test_a_run_that_ended_well_and_left_its_lock() -> None:
    run = replace(seen("completed", "success"), updated=NOW - ENDED_WITHIN - 1)
    assert fate(LOCK, run, NOW, SETTINGS) is Fate.UNFINISHED


@given(
    st.sampled_from(["queued", "in_progress", "waiting", "completed", "pending", "requested"]),
    st.sampled_from([None, "success", "failure", "cancelled", "neutral"]),
    st.floats(0, 10**6),
    st.none() | st.floats(0, 10**6),
)
def test_nothing_waits_for_ever(status: str, conclusion: str | None, created: float, started: float | None) -> None:
    run = Seen(status, conclusion, created, started, created)
    assert fate(LOCK, run, 10**6 + 10**7, SETTINGS).over
    assert not Fate.RUNNING.over


def test_a_lock_says_who_holds_it() -> None:
    assert Lock(NONCE, 7, ONE.ids, "ana", 1_000_000, ONE.comment) == LOCK
