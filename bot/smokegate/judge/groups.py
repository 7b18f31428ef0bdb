"""Entries that flip as one: by a manifest's membership, a gate that judges groups, or the policy's own groups."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from smokegate.globs import matches
from smokegate.judge.change import RegistryChange
from smokegate.judge.side import Side
from smokegate.policy import Policy

_SEED = re.compile(r"[_-]?seed\d+")


@dataclass(frozen=True, slots=True)
class Group:
    """Members are the ids at base, at head and in manifests of either; a renamed member counts under its new id too."""

    name: str
    at_base: frozenset[str]
    at_head: frozenset[str]

    @property
    def members(self) -> frozenset[str]:
        return self.at_base | self.at_head


def groups(change: RegistryChange, policy: Policy) -> list[Group]:
    base, head = _on(change.base, policy), _on(change.head, policy)
    found = [Group(name, frozenset(base.get(name, ())), frozenset(head.get(name, ()))) for name in {*base, *head}]
    new_names = {old: new for new, old in change.renames.items()}
    found = [_with_renames(group, new_names) for group in found]
    return sorted(found, key=lambda group: group.name)


def _with_renames(group: Group, new_names: dict[str, str]) -> Group:
    """A member that was renamed out of the glob is still a member: its new id joins those at base."""
    renamed = frozenset(new_names[m] for m in group.at_base if m in new_names and new_names[m] not in group.at_base)
    return Group(group.name, group.at_base | renamed, group.at_head) if renamed else group


def _on(side: Side, policy: Policy) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    ids = [e.id for e in side.entries.values() if e.id]
    for name, globs in policy.groups.items():
        found[name] |= _matching(ids, globs)
    for glob in dict.fromkeys(glob for gate in policy.gates.values() if gate.group for glob in gate.match):
        for entry_id in _matching(ids, [glob]):
            found[_trunk(entry_id) or glob].add(entry_id)
    for manifest in side.manifests:
        found[manifest.id] |= manifest.member_ids()
    return found


def _matching(ids: Iterable[str], globs: Iterable[str]) -> set[str]:
    return {i for i in ids if any(matches(glob, i) for glob in globs)}


def _trunk(entry_id: str) -> str | None:
    """What the members of an ensemble share; None for an id without a seed, which goes with its glob."""
    trunk = _SEED.sub("", entry_id)
    return trunk if trunk != entry_id else None


def ensembles(ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids that differ only by their seed, by the trunk they share."""
    found: dict[str, list[str]] = defaultdict(list)
    for entry_id in ids:
        if trunk := _trunk(entry_id):
            found[trunk].append(entry_id)
    return {trunk: members for trunk, members in found.items() if len(members) > 1}
