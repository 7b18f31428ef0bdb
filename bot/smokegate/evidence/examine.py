"""What is wrong with evidence, all of it: recomputed from its raw numbers, by the policy's bounds, about these bytes.

Signatures (SG508) and measuring again (SG510) are the business of others.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from smokegate.evidence import binding, hollow, legacy, recomputed
from smokegate.evidence.documents import Evidence
from smokegate.evidence.ensemble import is_dry
from smokegate.evidence.fault import MEASURE, REWRITE, Fault, Faults, Wanted
from smokegate.evidence.gates import evaluate
from smokegate.evidence.models import VERSIONS, misfits
from smokegate.policy import Gate, Policy
from smokegate.policy_mistakes import dotted, excerpt

__all__ = ["Fault", "Wanted", "examine"]

_MOST_MISFITS = 20


def examine(
    evidence: Evidence,
    gate: Gate,
    gate_name: str,
    policy: Policy,
    wanted: Sequence[Wanted],
    *,
    incumbent: Wanted | None = None,
    unopposed: bool = False,
) -> list[Fault]:
    """Every fault, SG501 to SG507 and SG509. Empty: these numbers carry all that is wanted to production.

    `incumbent` is the production entry that a comparison must be against, where the caller knows of one;
    `unopposed` says that it knows of none there could be.
    """
    model = VERSIONS.get(evidence.version or 0)
    if model is None:
        return [_unknown_version(evidence)]
    faults = [*_misfits(evidence, model), *_verdict(evidence)]
    if evidence.version == 1:
        return [*faults, *legacy.faults(evidence, gate, gate_name, policy, wanted)]
    result = evaluate(gate, gate_name, evidence)
    return [
        *faults,
        *recomputed.faults(evidence, gate, gate_name, result),
        *hollow.faults(evidence, policy),
        *binding.faults(evidence, gate, result, wanted, incumbent, unopposed=unopposed),
    ]


def _unknown_version(evidence: Evidence) -> Fault:
    said = evidence.fields.get("schema_version")
    what = "says no schema_version" if said is None else f"is of schema_version {excerpt(str(said))}"
    return Fault("SG501", ("schema_version",), f"the evidence {what}; versions 1 and 2 are read", REWRITE)


def _misfits(evidence: Evidence, model: type[BaseModel]) -> Faults:
    version = evidence.version
    found = list(misfits(evidence.raw, model))
    for place, why in found[:_MOST_MISFITS]:
        yield Fault("SG501", place, f"`{dotted(place) or 'the document'}` {why} (version {version})", REWRITE)
    if len(found) > _MOST_MISFITS:
        more = len(found) - _MOST_MISFITS
        yield Fault("SG501", (), f"{more} more places do not fit version {version}", REWRITE)


def _verdict(evidence: Evidence) -> Faults:
    if evidence.verdict != "PROMOTE":
        said = f"is {excerpt(evidence.verdict)}" if evidence.verdict else "is not there"
        yield Fault("SG502", ("verdict",), f"the verdict {said}, and only PROMOTE promotes", MEASURE)
    if is_dry(evidence.fields):
        yield Fault("SG502", ("note",), "the evidence is of a dry run, which measures nothing", MEASURE)
    rows = evidence.measurements.get("seeds")
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict) and is_dry(row):
            place = ("measurements", "seeds", index, "note")
            yield Fault("SG502", place, f"the numbers of seed {row.get('seed')} are of a dry run", MEASURE)
