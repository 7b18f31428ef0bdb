from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render.attacks import hostile_text
from smokegate.github.verdicts.binding import Binding, policies_digest, read, registries_digest

PATHS = ["model/tiny/registry.json", "lab/registry.json"]
ONE = Binding(7, "a" * 40, "b" * 40, "c" * 64, registries_digest(PATHS))
NOW: dict[str, Any] = {"pr": 7, "base": "a" * 40, "head": "b" * 40, "policy": "c" * 64, "registries": PATHS}


def test_how_it_is_written() -> None:
    assert str(ONE) == f"smokegate:v1:7:{'a' * 40}:{'b' * 40}:{'c' * 64}:{registries_digest(PATHS)}"
    assert str(replace(ONE, pr=None)).startswith("smokegate:v1:queue:")


_sha = st.from_regex(r"[0-9a-f]{40}|[0-9a-f]{64}", fullmatch=True)
_bindings = st.builds(
    Binding,
    st.none() | st.integers(1, 10**10 - 1),
    _sha,
    _sha,
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.lists(hostile_text).map(registries_digest),
)


@given(_bindings)
def test_what_is_written_is_read_back(binding: Binding) -> None:
    assert read(str(binding)) == binding
    assert len(str(binding)) <= 255


def test_it_holds_for_what_was_judged() -> None:
    assert ONE.holds_for(**NOW)
    assert ONE.holds_for(**{**NOW, "registries": PATHS[::-1]})


@pytest.mark.parametrize(
    "moved",
    [
        {"pr": 8},
        {"pr": None},
        {"base": "d" * 40},
        {"head": "d" * 40},
        {"policy": "d" * 64},
        {"registries": PATHS[:1]},
        {"registries": []},
    ],
)
def test_whatever_moves_takes_it_away(moved: dict[str, Any]) -> None:
    assert not ONE.holds_for(**{**NOW, **moved})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "smokegate",
        str(ONE) + "\n",
        str(ONE) + "0",
        " " + str(ONE),
        str(ONE).upper(),
        str(ONE).replace(":7:", ":0:"),
        str(ONE).replace(":7:", ":-7:"),
        str(ONE).replace(":7:", ":07:"),
        str(ONE).replace(":7:", ":\u0667:"),
        str(ONE).replace("v1", "v2"),
        "x" * 100_000,
    ],
)
def test_what_is_not_ours_is_none(text: str) -> None:
    assert read(text) is None


@given(hostile_text)
def test_reading_never_fails(text: str) -> None:
    assert read(text) is None
    assert read(f"smokegate:v1:{text}") is None


@pytest.mark.parametrize("wrong", [{"head": "main"}, {"base": ""}, {"policy": "x"}, {"pr": 0}, {"registries": "x:y"}])
def test_what_could_not_be_read_back_is_not_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no verdict can belong"):
        replace(ONE, **wrong)


def test_no_two_sets_of_names_have_one_digest() -> None:
    sets = [[], [""], ["a"], ["a", "b"], ["ab"], ["a\nb"], ["a b"], ["b", ""], ["\udcff"], ["\ud800"]]
    assert len({registries_digest(one) for one in sets}) == len(sets)
    assert registries_digest(["b", "a", "b"]) == registries_digest(["a", "b"])


def test_one_policy_is_named_by_its_own_digest() -> None:
    assert policies_digest(["c" * 64, "c" * 64]) == "c" * 64
    assert policies_digest(["c" * 64, "d" * 64]) == policies_digest(["d" * 64, "c" * 64]) != "c" * 64
    assert len(policies_digest([])) == 64
