"""A classic branch protection rule, said as a ruleset would say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smokegate.github.api.port import Classic, Rule
from smokegate.github.api.shapes import maybe, number, text, thing, things

_ANY_APP = -1
_SOURCE = "classic branch protection"


def of_branch(value: Any) -> Classic | None:
    """As whoever reads is told of it, with the branch: its checks alone. None where there is none."""
    held = thing(thing(value).get("protection") or {}, "protection")
    return Classic(tuple(_rules(held)), whole=False) if held.get("enabled") is True else None


def in_full(value: Any) -> Classic:
    """As an admin is told of it."""
    return Classic(tuple(_rules(thing(value))), whole=True)


def _rules(held: Mapping[str, Any]) -> Iterator[Rule]:
    if checks := held.get("required_status_checks"):
        named = [
            {"context": text(one, "context"), "integration_id": _app(maybe(number, one, "app_id"))}
            for one in things(checks.get("checks") or [], "checks")
        ]
        yield _rule(
            "required_status_checks",
            required_status_checks=named,
            strict_required_status_checks_policy=checks.get("strict") is True,
        )
    if reviews := held.get("required_pull_request_reviews"):
        yield _rule(
            "pull_request",
            dismiss_stale_reviews_on_push=reviews.get("dismiss_stale_reviews") is True,
            require_last_push_approval=reviews.get("require_last_push_approval") is True,
            required_approving_review_count=reviews.get("required_approving_review_count") or 0,
        )
    for kind, allowed in (("deletion", "allow_deletions"), ("non_fast_forward", "allow_force_pushes")):
        if thing(held.get(allowed) or {}, allowed).get("enabled") is False:
            yield _rule(kind)


def _rule(kind: str, **parameters: object) -> Rule:
    return Rule(kind, parameters, ruleset_id=None, source=_SOURCE)


def _app(found: int | None) -> int | None:
    return None if found == _ANY_APP else found
