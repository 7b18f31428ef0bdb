"""What a run asks of the judge's side: put together by the command line, as runners know nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from smokegate.errors import UsageError
from smokegate.evidence.corpus import CorpusTable
from smokegate.evidence.remeasure import Outcome
from smokegate.globs import matches
from smokegate.policy import Gate
from smokegate.policy_file import LoadedPolicy
from smokegate_runners.ensemble.recipe import member_id


class Judge(Protocol):
    def measure(self, model: bytes, sidecar: Mapping[str, Any], corpus: CorpusTable) -> Outcome:
        """What these very bytes, fed as this sidecar says, give: in the laboratory, away from everything."""
        ...

    def policy(self, file: str | None) -> LoadedPolicy:
        """The one in a file, or the one in force here."""
        ...

    def corpus(self, place: Path) -> dict[str, Any]:
        """What evidence says of a corpus."""
        ...


def gate_of(loaded: LoadedPolicy, name: str) -> tuple[str, Gate]:
    """The first that matches, as the judge takes it for each member."""
    for gate_name, gate in loaded.policy.gates.items():
        ids = [member_id(name, seed) for seed in gate.seeds]
        if any(matches(glob, ids[0]) for glob in gate.match):
            if gate.shape != "ensemble":
                raise UsageError(
                    f"{ids[0]} is judged by the gate {gate_name}, which judges no ensembles",
                    fix="choose a name that a gate with `shape: ensemble` matches first, with --name",
                )
            return gate_name, gate
    globs = ", ".join(glob for gate in loaded.policy.gates.values() for glob in gate.match) or "none"
    raise UsageError(
        f"no gate of the policy ({loaded.source}) matches {name}_seed0; there is {globs}",
        fix="choose a name that one matches with --name, or write a gate for it",
    )
