"""Which entries a flip is about, from what its command line names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from smokegate.errors import UsageError
from smokegate.globs import fault, matches
from smokegate.judge.change import RegistryChange
from smokegate.judge.groups import groups
from smokegate.policy import Policy
from smokegate.registry.entry import Entry

_GLOB = re.compile(r"[*?\[]")
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


def named(change: RegistryChange, policy: Policy, words: Sequence[str]) -> list[Entry]:
    """An id, a glob on ids, or a group that stands for its members; in the order of the registry."""
    entries = change.head.entries
    known = _groups(change, policy)
    found: set[str] = set()
    for word in words:
        found |= _meant(word, entries.keys(), known)
    if lost := sorted(found - entries.keys()):
        raise UsageError(
            f"the group has members that are not in the registry: {', '.join(lost)}",
            fix=f"add them, or take them out of the group, in {change.head.registry_path} or its manifest",
        )
    chosen = [entry for key, entry in entries.items() if key in found]
    if nameless := [entry.key for entry in chosen if not entry.named]:
        raise UsageError(
            f"{nameless[0]} has no id of its own, so no evidence can speak for it",
            fix=f"give it one in {change.head.registry_path}",
        )
    return chosen


def title(change: RegistryChange, policy: Policy, ids: Iterable[str]) -> str:
    """What all of them go by, as part of a file's name."""
    going = set(ids)
    over = [group.name for group in groups(change, policy) if going <= group.members and len(group.members) > 1]
    name = _UNFIT.sub("_", over[0].removesuffix(".json")).strip("_") if over and len(going) > 1 else min(going)
    return name or min(going)


def _groups(change: RegistryChange, policy: Policy) -> dict[str, set[str]]:
    """By the names that SG409 gives them, and by that of a gate which judges groups."""
    found = {
        name: {i for i in change.head.entries if any(matches(glob, i) for glob in gate.match)}
        for name, gate in policy.gates.items()
        if gate.group
    }
    return {**found, **{group.name: set(group.members) for group in groups(change, policy)}}


def _meant(word: str, ids: Iterable[str], known: dict[str, set[str]]) -> set[str]:
    ids = list(ids)
    if word in ids:
        return {word}
    if found := known.get(word):
        return found
    if _GLOB.search(word) and not fault(word):
        if found := {i for i in ids if matches(word, i)}:
            return found
        raise UsageError(f"no entry matches {word!r}", fix=f"one of: {', '.join(sorted(ids)[:20]) or 'none'}")
    near = difflib.get_close_matches(word, [*ids, *known], n=1)
    hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(sorted(ids)[:20]) or 'none'}"
    raise UsageError(f"{word!r} is no entry, ensemble or group of this registry", fix=hint)
