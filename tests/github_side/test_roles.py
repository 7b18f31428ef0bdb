from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smokegate.github.comments.grammar import USAGE
from smokegate.github.comments.roles import counted, standing
from smokegate.policy_github import ROLES, GitHub, Roles

DEFAULT = GitHub.model_construct()
OWN = GitHub.model_validate({"custom_roles": {"Model steward": "maintain", "Guest": "triage"}})


def test_every_command_has_a_role() -> None:
    assert set(Roles.model_fields) == set(USAGE)


@pytest.mark.parametrize(
    ("command", "role", "suffices"),
    [
        ("promote", "admin", True),
        ("promote", "maintain", True),
        ("promote", "write", False),
        ("promote", "triage", False),
        ("promote", "read", False),
        ("promote", "none", False),
        ("promote", "", False),
        ("promote", "Admin", False),
        ("promote", "admin ", False),
        ("promote", "owner", False),
        ("hold", "write", True),
        ("hold", "triage", False),
        ("status", "read", True),
        ("status", "none", False),
        ("help", "read", True),
        ("help", "Guest", True),
        ("recheck", "triage", False),
        ("retire", "write", False),
    ],
)
def test_who_may(command: str, role: str, suffices: bool) -> None:
    assert standing(command, role, DEFAULT).suffices is suffices


def test_a_role_of_their_own_counts_as_the_policy_says() -> None:
    assert standing("promote", "Model steward", OWN).suffices
    assert not standing("promote", "Guest", OWN).suffices
    assert not standing("promote", "Guest", OWN).unnamed
    nobody = standing("promote", "model steward", OWN)
    assert (nobody.suffices, nobody.unnamed, nobody.counts_as, nobody.needs) == (False, True, "read", "maintain")
    assert not standing("promote", "read", OWN).unnamed
    assert not standing("help", "none", OWN).unnamed


@given(st.sampled_from(list(ROLES)), st.sampled_from(list(ROLES)), st.text(max_size=12))
def test_a_higher_role_may_whatever_a_lower_one_may(one: str, needed: str, own: str) -> None:
    policy = GitHub.model_validate({"roles": {"promote": needed}})
    assert standing("promote", one, policy).suffices == (ROLES.index(one) >= ROLES.index(needed))
    assert counted(own, policy) in ("none", "read") or own in ROLES
