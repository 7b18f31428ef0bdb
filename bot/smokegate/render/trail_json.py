"""An entry's life for programs: `smokegate-audit-trail-v1`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from smokegate import __version__
from smokegate.render.json_report import strict
from smokegate.render.life import Event, Proof, Stage, Trail

SCHEMA = "smokegate-audit-trail-v1"


def render(trail: Trail, *, version: str = __version__) -> str:
    now = trail.standing
    return strict(
        {
            "schema": SCHEMA,
            "id": trail.asked,
            "ids": list(trail.ids),
            "registry": trail.registry,
            "head": trail.head,
            "commits": [_stage(one) for one in trail.stages],
            "now": {
                "id": now.id,
                "stage": now.stage,
                "in_production": now.in_production,
                "sha256": now.sha256,
                "identity": now.identity,
                "proven": now.proven,
                "failed_by": list(now.failed_by),
                "went_up_unproven": now.went_up_unproven,
                "evidence": [_proof(one) for one in now.proofs],
                "notes": list(now.notes),
            },
            "notes": list(trail.notes),
            "tool": {"name": "smokegate", "version": version},
        }
    )


def _stage(one: Stage) -> dict[str, Any]:
    return {
        "commit": one.commit,
        "date": one.date,
        "author": one.author,
        "committer": one.committer,
        "committed": one.committed,
        "subject": one.subject,
        "events": [_event(event) for event in one.events],
        "wants_evidence": one.wants_proof,
        "evidence": [_proof(proof) for proof in one.proofs],
        "notes": list(one.notes),
    }


def _event(one: Event) -> dict[str, Any]:
    lists = {"parts": list(one.parts), "fields": list(one.fields), "notes": list(one.notes)}
    return {**asdict(one), **lists}


def _proof(one: Proof) -> dict[str, Any]:
    return {
        **asdict(one),
        "shortfalls": [asdict(short) for short in one.shortfalls],
        "holds": one.holds,
        "self_attested": one.self_attested,
    }
