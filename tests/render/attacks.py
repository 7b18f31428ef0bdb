"""Strings that an enemy would choose: single ones, and whatever hypothesis makes of them."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from render.specimens import HOSTILE

quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

_CHARACTERS = st.one_of(
    st.sampled_from("`|\\<>[]()!*_~#@:&$%,;'\"+-=.\n\r\t \u202e\u200b\x1b\x00\udcff\ud800"),
    st.characters(exclude_categories=()),
)
hostile_text = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(_CHARACTERS, max_size=6)), max_size=5).map("".join)
