"""Who may ask for what: a collaborator's `role_name` against the least role that the policy asks for a command.

The older `permission` field takes maintain for write and triage for read, so nothing here is ever given that.
"""

from __future__ import annotations

from dataclasses import dataclass

from smokegate.policy_github import ROLES, GitHub

_NOBODY = ("none", "")


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody's role is, what it counts as, and what the command asks for."""

    has: str
    counts_as: str
    needs: str
    unnamed: bool = False
    """Whether it is a role of the organisation's own that the policy gives no meaning."""

    @property
    def suffices(self) -> bool:
        return self.counts_as in ROLES and ROLES.index(self.counts_as) >= ROLES.index(self.needs)


def standing(command: str, role_name: str, policy: GitHub) -> Standing:
    """`command` is one of the grammar's; `role_name` as GitHub says it."""
    unnamed = role_name not in (*ROLES, *_NOBODY) and role_name not in policy.custom_roles
    return Standing(role_name, counted(role_name, policy), str(getattr(policy.roles, command)), unnamed)


def counted(role_name: str, policy: GitHub) -> str:
    """One of GitHub's five, or `none`. A role of their own lets its bearers read at least, or it would be none."""
    if role_name in ROLES:
        return role_name
    if role_name in _NOBODY:
        return "none"
    return policy.custom_roles.get(role_name, ROLES[0])
