"""Random JSON documents in random layouts, for property tests."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
keys = st.one_of(st.sampled_from(["id", "onnx", "sha256", "smoke", "a", "b", "b_c", "é", "", '"', "\\"]), words)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    words,
    st.sampled_from(["—", "😀", "[x, {", "\\u2014", "\x7f", "a/b", "\u2028"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=14,
)
containers = st.lists(values, max_size=4) | st.dictionaries(keys, values, max_size=4)
randoms = st.randoms(use_true_random=False)


@dataclass(frozen=True)
class Layout:
    newline: str
    unit: str
    colon: str
    comma_first: bool
    ascii: bool
    odd: float
    """How often a gap is something that no formatter would write."""


def layout(rng: random.Random) -> Layout:
    return Layout(
        newline=rng.choice(["\n", "\r\n"]),
        unit=rng.choice(["  ", "    ", "\t", " ", ""]),
        colon=rng.choice([": ", ":", " : "]),
        comma_first=rng.random() < 0.15,
        ascii=rng.random() < 0.5,
        odd=rng.choice([0, 0, 0.2, 0.6]),
    )


def written(value: Any, rng: random.Random, how: Layout | None = None) -> str:
    how = how or layout(rng)
    ends = ["", how.newline, how.newline * 2, " "]
    lead = rng.choice(["", "", "", how.newline, "  "])
    return lead + _written(value, rng, how, "") + rng.choice(ends)


def _written(value: Any, rng: random.Random, how: Layout, indent: str) -> str:
    if not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=how.ascii)
    opener, closer = "{}" if isinstance(value, dict) else "[]"
    if not value:
        return opener + _gap(rng, how, rng.choice(["", "", " ", how.newline + indent])) + closer
    tall = rng.random() < 0.6
    inner = indent + how.unit
    fresh = how.newline + inner if tall else rng.choice(["", " "])
    between = fresh if tall else rng.choice(["", " "])
    rows = []
    for key in value if isinstance(value, dict) else range(len(value)):
        name = _written(key, rng, how, "") + how.colon if isinstance(value, dict) else ""
        rows.append(name + _written(value[key], rng, how, inner))
    text = opener + _gap(rng, how, fresh) + rows[0]
    for row in rows[1:]:
        gap = _gap(rng, how, between)
        text += (f"{gap}, " if how.comma_first else f",{gap}") + row
    return text + _gap(rng, how, how.newline + indent if tall else "") + closer


def _gap(rng: random.Random, how: Layout, gap: str) -> str:
    odd = ["", " ", how.newline, how.newline * 2 + " ", "\t", f" {how.newline}   "]
    return rng.choice(odd) if rng.random() < how.odd else gap


def paths(value: Any, base: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path that exists in a value, the root's first."""
    found = [base]
    if isinstance(value, dict | list):
        for step in value if isinstance(value, dict) else range(len(value)):
            found += paths(value[step], (*base, step))
    return found


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value
