"""Whether a changed policy is provably at least as strict as the one it replaces.

Only what is provable passes: whatever no rule vouches for counts as a loosening, which costs an owner's
approval (SG701) and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smokegate import globs
from smokegate.policy import Bound, Gate, Level, Policy
from smokegate.policy_github import ROLES, Roles


@dataclass(frozen=True, slots=True)
class Loosening:
    key: str
    before: str
    after: str
    why: str
    """In words, complete by itself: `SG202 from block to warn`."""


@dataclass(frozen=True, slots=True)
class Sides:
    base: Policy
    head: Policy
    defaults: Mapping[str, Level]
    registries: Collection[str]


Rule = Callable[[Sides], Iterator[Loosening]]

_RANK = {Level.OFF: 0, Level.WARN: 1, Level.BLOCK: 2}

_BY_CASE = {"SG201", "SG204", "SG510"}
"""Checks that by themselves warn in some cases and block in others; a level in the policy sets both."""


def loosenings(
    base: Policy, head: Policy, *, defaults: Mapping[str, Level], registries_known: Collection[str]
) -> list[Loosening]:
    """Empty: head is provably at least as strict as base.

    `defaults` are the checks' own levels, `registries_known` the registries that exist on either side.
    """
    sides = Sides(base, head, defaults, registries_known)
    return [one for rule in RULES for one in rule(sides)]


def _same(field: str, why: str, *, key: str | None = None) -> Rule:
    """No change of this field can be judged by itself."""

    def rule(sides: Sides) -> Iterator[Loosening]:
        before, after = _value(sides.base, field), _value(sides.head, field)
        if _as_set(before) != _as_set(after):
            was, now = _text(before), _text(after)
            yield Loosening(key or field, was, now, f"{key or field} from {was} to {now}: {why}")

    return rule


def _only_grows(field: str, why: str) -> Rule:
    def rule(sides: Sides) -> Iterator[Loosening]:
        before, after = _value(sides.base, field), _value(sides.head, field)
        for gone in sorted(_as_set(before) - _as_set(after)):
            yield Loosening(field, _text(before), _text(after), f"`{gone}` {why}")

    return rule


def _only_shrinks(field: str, why: str) -> Rule:
    def rule(sides: Sides) -> Iterator[Loosening]:
        before, after = _value(sides.base, field), _value(sides.head, field)
        for new in sorted(_as_set(after) - _as_set(before)):
            yield Loosening(field, _text(before), _text(after), f"`{new}` {why}")

    return rule


def _only_falls(field: str, *, guard: str | None = None) -> Rule:
    """`guard` is the check that stands in for all others where the limit keeps a file from being read."""

    def rule(sides: Sides) -> Iterator[Loosening]:
        before, after = _number(sides.base, field), _number(sides.head, field)
        if after > before:
            yield Loosening(field, str(before), str(after), f"{field} from {before} to {after}")
        if after < before and guard and not _blocks(guard, sides):
            why = f"{field} from {before} to {after}: {guard} does not block, so what is left unread passes"
            yield Loosening(field, str(before), str(after), why)

    return rule


def _only_rises(field: str) -> Rule:
    def rule(sides: Sides) -> Iterator[Loosening]:
        before, after = _number(sides.base, field), _number(sides.head, field)
        if after < before:
            yield Loosening(field, str(before), str(after), f"{field} from {before} to {after}")

    return rule


def _blocks(code: str, sides: Sides) -> bool:
    return sides.head.checks.get(code, sides.defaults.get(code)) is Level.BLOCK


def _registries(sides: Sides) -> Iterator[Loosening]:
    before, after = sides.base.registries, sides.head.registries
    gone = set(before) - set(after)
    if not gone:
        return
    if not sides.registries:
        why = f"`{min(gone)}` is gone, and no registry is known to tell what it governed"
        yield Loosening("registries", _text(before), _text(after), why)
    for path in sorted(sides.registries):
        if globs.matches_any(before, path) and not globs.matches_any(after, path):
            yield Loosening("registries", _text(before), _text(after), f"`{path}` is no longer governed")


def _checks(sides: Sides) -> Iterator[Loosening]:
    codes = {*sides.defaults, *sides.base.checks, *sides.head.checks}
    for code in sorted(codes):
        before, after = sides.base.checks.get(code), sides.head.checks.get(code)
        if before is after:
            continue
        low, high = _span(code, before, sides.defaults)
        new_low, new_high = _span(code, after, sides.defaults)
        if new_low < low or new_high < high:
            was, now = _level(code, before, sides.defaults), _level(code, after, sides.defaults)
            yield Loosening(f"checks.{code}", was, now, f"{code} from {was} to {now}")


def _span(code: str, level: Level | None, defaults: Mapping[str, Level]) -> tuple[float, float]:
    """The least and the most that a check may come to; wider than any level where its default is not known."""
    if level:
        return _RANK[level], _RANK[level]
    if code in _BY_CASE:
        return _RANK[Level.WARN], _RANK[Level.BLOCK]
    own = defaults.get(code)
    return (_RANK[own], _RANK[own]) if own else (-1, len(_RANK))


def _level(code: str, level: Level | None, defaults: Mapping[str, Level]) -> str:
    if level:
        return level.value
    if code in _BY_CASE:
        return "its default (warn or block, by the case)"
    own = defaults.get(code)
    return own.value if own else "its default"


def _ops(sides: Sides) -> Iterator[Loosening]:
    before, after = _allowed(sides.base), _allowed(sides.head)
    for name in sorted(after - before):
        yield Loosening("ops", "not allowed", "allowed", f"the operator {name} is newly allowed")


def _allowed(policy: Policy) -> set[str]:
    return {name.removeprefix("ai.onnx:") for name in (*policy.ops.allow, *policy.ops.extra)}


def _gates(sides: Sides) -> Iterator[Loosening]:
    before, after = sides.base.gates, sides.head.gates
    for name in sorted({*before, *after}):
        if name not in after:
            yield Loosening(f"gates.{name}", "a gate", "none", f"the gate {name} is gone")
        elif name not in before:
            yield Loosening(f"gates.{name}", "none", "a gate", f"the gate {name} is new: what it matches can flip")
        else:
            yield from _gate(name, sides)
    stay, now = [n for n in before if n in after], [n for n in after if n in before]
    if stay != now:
        why = "the gates change places, and the first one that matches an entry judges it"
        yield Loosening("gates", ", ".join(stay), ", ".join(now), why)


def _gate(name: str, sides: Sides) -> Iterator[Loosening]:
    before, after = sides.base.gates[name], sides.head.gates[name]
    changed = _text(before.match), _text(after.match)
    for gone in sorted(set(before.match) - set(after.match)):
        yield Loosening(f"gates.{name}.match", *changed, f"the gate {name} no longer judges `{gone}`")
    for new in sorted(set(after.match) - set(before.match)):
        yield Loosening(f"gates.{name}.match", *changed, f"the gate {name} now lets `{new}` flip")
    if before.group and not after.group:
        yield Loosening(f"gates.{name}.group", "true", "false", f"what the gate {name} judges need not flip as one")
    yield from _measure(name, before, after)
    if before.shape == after.shape:
        yield from _bounds(name, before, after)


_UNLIKE = {
    "shape": "judges other measurements",
    "metric": "compares another metric",
    "seeds": "wants other seeds",
    "resamples": "draws another bootstrap",
    "bootstrap_seed": "draws another bootstrap",
}


def _measure(name: str, before: Gate, after: Gate) -> Iterator[Loosening]:
    """How a gate measures: what cannot be compared, and the two that only rise."""
    for field, why in _UNLIKE.items():
        was, now = getattr(before, field), getattr(after, field)
        if _as_set(was) != _as_set(now):
            yield Loosening(f"gates.{name}.{field}", _text(was), _text(now), f"the gate {name} {why}")
    for field in ("margin", "confidence"):
        low, high = getattr(before, field), getattr(after, field)
        if high < low:
            why = f"{field} of the gate {name} from {low} to {high}"
            yield Loosening(f"gates.{name}.{field}", str(low), str(high), why)


def _bounds(name: str, before: Gate, after: Gate) -> Iterator[Loosening]:
    if not _can_pass(before) and _can_pass(after):
        why = f"the gate {name} had no bound that anything could meet, and now has one"
        yield Loosening(f"gates.{name}.bounds", "none", ", ".join(after.bounds), why)
    for metric, bound in before.bounds.items():
        now = after.bounds.get(metric)
        if now is None:
            key = f"gates.{name}.bounds.{metric}"
            yield Loosening(key, "a bound", "none", f"the gate {name} asks nothing of {metric} any more")
        else:
            yield from _bound(f"gates.{name}.bounds.{metric}", bound, now)


def _can_pass(gate: Gate) -> bool:
    """Without limits, nothing passes; a comparison without an incumbent passes by the candidate's own `min`."""
    if gate.shape == "comparison":
        candidate = gate.bounds.get("candidate")
        return candidate is not None and candidate.min is not None
    return any(limit is not None for one in gate.bounds.values() for limit in (one.min, one.max, one.max_drop))


def _bound(key: str, before: Bound, after: Bound) -> Iterator[Loosening]:
    for field in ("min", "max", "max_drop"):
        was, now = getattr(before, field), getattr(after, field)
        stricter = was is None or (now is not None and (now >= was if field == "min" else now <= was))
        if not stricter:
            yield Loosening(f"{key}.{field}", _text(was), _text(now), f"{key}.{field} from {was} to {_text(now)}")
    if before.over == "each" and after.over == "all":
        yield Loosening(f"{key}.over", "each", "all", f"{key} holds for the mean and no longer for each")


def _unattested(sides: Sides) -> Iterator[Loosening]:
    before, after = sides.base.unattested, sides.head.unattested
    if before == "deny" and after == "allow":
        yield Loosening("unattested", before, after, "evidence without a signature now counts")


def _signers(field: str, what: str) -> Rule:
    """Whoever is named can promote: free only where anybody could before, as nobody was named and `allow` stood."""

    def rule(sides: Sides) -> Iterator[Loosening]:
        before: tuple[Any, ...] = getattr(sides.base.signatures, field)
        after: tuple[Any, ...] = getattr(sides.head.signatures, field)
        named = sides.base.signatures.keys or sides.base.signatures.identities
        if set(before) != set(after) and (named or sides.base.unattested == "deny"):
            was, now = _count(before, what), _count(after, what)
            key = f"signatures.{field}"
            yield Loosening(key, was, now, f"who may sign evidence changes: from {was} to {now}")

    return rule


def _count(signers: tuple[Any, ...], what: str) -> str:
    return ", ".join(sorted(getattr(one, what) for one in signers)) or "none"


def _legacy(sides: Sides) -> Iterator[Loosening]:
    before, after = sides.base.legacy_evidence, sides.head.legacy_evidence
    for one in after:
        if one not in before:
            why = f"evidence that names no bytes now counts for `{one.id}`"
            yield Loosening("legacy_evidence", f"{len(before)} pinned", f"{len(after)} pinned", why)


def _groups(sides: Sides) -> Iterator[Loosening]:
    for name, before in sorted(sides.base.groups.items()):
        after = sides.head.groups.get(name, ())
        for gone in sorted(set(before) - set(after)):
            yield Loosening(f"groups.{name}", _text(before), _text(after), f"`{gone}` leaves the group {name}")


def _owners(sides: Sides) -> Iterator[Loosening]:
    before, after = sides.base.owners, sides.head.owners
    if before and {one.casefold() for one in before} != {one.casefold() for one in after}:
        yield Loosening(
            "owners", _text(before), _text(after), f"who may approve changes: from {_text(before)} to {_text(after)}"
        )


def _role(command: str) -> Rule:
    def rule(sides: Sides) -> Iterator[Loosening]:
        key = f"github.roles.{command}"
        before, after = str(_value(sides.base, key)), str(_value(sides.head, key))
        if ROLES.index(after) < ROLES.index(before):
            yield Loosening(key, before, after, f"/{command} is open to {after}, and was to {before}")

    return rule


def _custom_roles(sides: Sides) -> Iterator[Loosening]:
    """A role that is not named counts as the lowest."""
    before, after = sides.base.github.custom_roles, sides.head.github.custom_roles
    for name, role in sorted(after.items()):
        was = before.get(name, ROLES[0])
        if ROLES.index(role) > ROLES.index(was):
            yield Loosening(
                f"github.custom_roles.{name}", was, role, f"the role {name} counts as {role}, and was {was}"
            )


_roles: Mapping[Rule, tuple[str, ...]] = {
    _role(command): (f"github.roles.{command}",) for command in Roles.model_fields
}


def _value(policy: Policy, key: str) -> object:
    value: object = policy
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _number(policy: Policy, key: str) -> int | float:
    value = _value(policy, key)
    if not isinstance(value, int | float):
        raise TypeError(f"{key} is no number")
    return value


def _as_set(value: object) -> set[str]:
    return set(value) if isinstance(value, tuple) else {repr(value)}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "unset" if value is None else str(value)


RULES: Mapping[Rule, tuple[str, ...]] = {
    _same("schema_version", "the format changes"): ("schema_version",),
    _registries: ("registries",),
    _same("schema_path", "another schema is the law", key="schema"): ("schema_path",),
    _same("evidence", "evidence is looked for elsewhere"): ("evidence",),
    _same("cards", "model cards are looked for elsewhere"): ("cards",),
    _only_grows("workflows", "is no longer watched"): ("workflows",),
    _checks: ("checks",),
    _ops: ("ops.allow", "ops.extra"),
    _only_rises("opset.min"): ("opset.min",),
    _only_falls("opset.max"): ("opset.max",),
    _only_falls("limits.document_mib", guard="SG102"): ("limits.document_mib",),
    _only_falls("limits.document_depth", guard="SG102"): ("limits.document_depth",),
    _only_falls("limits.model_mib", guard="SG301"): ("limits.model_mib",),
    _only_falls("limits.model_nodes", guard="SG301"): ("limits.model_nodes",),
    _only_falls("limits.git_blob_mib"): ("limits.git_blob_mib",),
    _only_falls("limits.run_seconds"): ("limits.run_seconds",),
    _only_falls("limits.run_memory_mib"): ("limits.run_memory_mib",),
    _only_shrinks("licenses.extra", "is newly accepted as a licence"): ("licenses.extra",),
    _gates: (
        "gates.*.match",
        "gates.*.group",
        "gates.*.shape",
        "gates.*.bounds.*.min",
        "gates.*.bounds.*.max",
        "gates.*.bounds.*.max_drop",
        "gates.*.bounds.*.over",
        "gates.*.seeds",
        "gates.*.metric",
        "gates.*.margin",
        "gates.*.confidence",
        "gates.*.resamples",
        "gates.*.bootstrap_seed",
    ),
    _groups: ("groups",),
    _unattested: ("unattested",),
    _signers("keys", "id"): ("signatures.keys",),
    _signers("identities", "identity"): ("signatures.identities",),
    _legacy: ("legacy_evidence",),
    _only_shrinks("corpora.digests", "is newly accepted as a corpus"): ("corpora.digests",),
    _only_rises("corpora.min_rows"): ("corpora.min_rows",),
    _only_rises("corpora.min_sources"): ("corpora.min_sources",),
    _only_rises("corpora.min_encoders"): ("corpora.min_encoders",),
    _only_falls("remeasure_tolerance"): ("remeasure_tolerance",),
    _owners: ("owners",),
    **_roles,
    _custom_roles: ("github.custom_roles",),
    _same("github.check_name", "a ruleset that requires the old name no longer has a verdict"): ("github.check_name",),
    _same("github.protected_bases", "which branches get a verdict that counts changes"): ("github.protected_bases",),
    _only_rises("github.annotations"): ("github.annotations",),
    _same("github.workflows.harness", "another workflow makes evidence"): ("github.workflows.harness",),
    _same("github.workflows.refresh", "another workflow is dispatched"): ("github.workflows.refresh",),
    _same("github.runner_labels", "evidence is made on other machines"): ("github.runner_labels",),
    _only_falls("github.queue_timeout_minutes"): ("github.queue_timeout_minutes",),
    _only_falls("github.harness_timeout_minutes"): ("github.harness_timeout_minutes",),
    _same("github.refresh", "other manifests are dispatched"): ("github.refresh",),
    _same("github.corpora", "evidence is measured on something else"): ("github.corpora",),
}
"""Every rule, with the fields of the policy that it answers for."""
