"""What sidecars and cards say of a promotion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from smokegate.evidence.documents import Evidence
from smokegate.render.escape import code

_SCORES = (
    "mean_plcc",
    "mean_plcc_threshold",
    "mean_plcc_pass",
    "plcc_spread",
    "plcc_spread_max",
    "plcc_spread_pass",
    "per_seed_min",
    "per_seed_pass",
    "per_seed_plccs",
    "failing_seeds",
)
_OURS = frozenset({"verdict", "passed", "name", "metrics", "evidence", "evidence_sha256", "generated_at_utc", *_SCORES})
_TIME = re.compile(r"[0-9TZ:.+-]{10,40}")


def gate_record(old: Mapping[str, Any], evidence: Evidence, place: str, entry_id: str) -> dict[str, Any]:
    """The verdict and its numbers as version 1 has them, and the digest of the file that says the rest."""
    gate = evidence.gate
    metrics = _metrics(gate.get("metrics"), entry_id)
    said = {
        "verdict": evidence.verdict,
        "passed": gate.get("passed"),
        "name": gate.get("name"),
        **{name: gate[name] for name in _SCORES if gate.get(name) not in (None, {}, [])},
        "metrics": metrics or None,
        "generated_at_utc": evidence.fields.get("generated_at_utc"),
        "evidence": place,
        "evidence_sha256": evidence.sha256,
    }
    kept = {name: value for name, value in old.items() if name not in _OURS}
    return {**kept, **{name: value for name, value in said.items() if value is not None}}


def _metrics(rows: object, entry_id: str) -> dict[str, Any]:
    """Of what a gate without version 1's fields measured: all of it that is not about another entry."""
    found = {}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("name"), str) and row.get("subject") in (None, entry_id):
            found[row["name"]] = row.get("value")
    return {name: value for name, value in found.items() if name not in _SCORES}


def production(gate: str, evidence: Evidence, place: str, over: str | None) -> str:
    time = evidence.fields.get("generated_at_utc")
    when = f", {time}" if isinstance(time, str) and _TIME.fullmatch(time) else ""
    took = f" It supersedes `{over}`." if over else ""
    return f"is in **production**: gate `{gate}`, evidence {code(place)} (SHA-256 `{evidence.sha256}`{when}).{took}"


def superseded(heir: str) -> str:
    return f"is **superseded** by `{heir}`. It stays in the registry for whoever asks for it by name."
