"""SG303: every operator is on the allowlist, through subgraphs, functions and custom domains."""

from __future__ import annotations

from smokegate.judge.checks.models import models
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.policy import Policy
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph

_LONGEST_NAME = 100
_MOST_NAMED = 8


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    for path, field in models(side, entry):
        graph = side.graph(path)
        if not isinstance(graph, Graph):
            continue
        if found := foreign(graph, law.policy):
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer(field),
                message=f"`{path}` uses operators that are not on the allowlist: {told(found)}",
                fix=f"export it without them, or add them to `ops.extra` in {law.policy_path or '.smokegate.yml'} by a "
                "pull request of its own",
                cause=(path, side.digest(path), tuple(found)),
            )


def foreign(graph: Graph, policy: Policy) -> list[str]:
    """Operators that the policy does not allow."""
    allowed = {*policy.ops.allow, *policy.ops.extra}
    names = [f"{domain}:{op}" if domain else op for domain, op in graph.ops]
    return [name for name in names if name not in allowed]


def told(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(name[:_LONGEST_NAME] for name in names[:_MOST_NAMED]) + more
