"""Sound evidence for entries of a forge: about what stands at head, for the gates of the policy that judges it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

import fitted
from evidence import specimens
from evidence.signing import signed
from smokegate.evidence import keys, write
from smokegate.evidence.corpus import CorpusTable
from smokegate.evidence.fault import Wanted
from smokegate.evidence.measure import Measurement
from smokegate.evidence.measure import measured as measure
from smokegate.judge import measuring
from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import needs_of
from smokegate.judge.dossier import gate_for
from smokegate.judge.incumbents import incumbents, wanted
from smokegate.judge.law import Law
from smokegate.policy import Bound, Gate

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY_ID = "harness"
PEM = keys.public_pem(KEY.public_key())
TRUSTED = {"id": KEY_ID, "pem": PEM}

CORPUS = "model/corpus.jsonl"
NO_GATE = Gate(match=("*",), bounds={"psnr": Bound(min=30.0)})
"""For entries that no gate of the policy matches: what a hopeful author would write."""
_SEED = re.compile(r"seed(\d+)")
_PROMOTE = frozenset(inspect.signature(write.promote).parameters)


def documents(change: RegistryChange, law: Law, ids: Sequence[str], **fields: Any) -> Iterator[dict[str, Any]]:
    """One document for each gate, and of a comparison one for each candidate; fields override."""
    by_gate: dict[str | None, list[str]] = {}
    for entry_id in ids:
        by_gate.setdefault(gate_for(law, change.head.entries[entry_id]), []).append(entry_id)
    for name, members in by_gate.items():
        gate = law.policy.gates[name] if name else NO_GATE
        for together in [[one] for one in members] if gate.shape == "comparison" else [members]:
            yield _document(change, law, name, together, **fields)


def _document(change: RegistryChange, law: Law, name: str | None, ids: list[str], **fields: Any) -> dict[str, Any]:
    gate = law.policy.gates[name] if name else NO_GATE
    measured = fields.get("measured", {})
    against = _incumbent(change, law, name, ids)
    table = fields.pop("table", None)
    if table is not None:
        measured = {i: measured_again(change, i, table) for i in ids} | dict(measured)
        fields = {"corpus": corpus_of(table), "measurements": folds_of(table, gate.seeds), **fields}
    said: dict[str, Any] = {
        "measurements": measurements(gate, ids, against is not None),
        "subjects": [_subject(change, gate, i, measured.get(i)) for i in ids],
        "policy_sha256": law.policy_sha256 or "0" * 64,
        "incumbent": {"id": against.id, "sha256": against.sha256, "identity": against.identity} if against else None,
        **{key: value for key, value in fields.items() if key in _PROMOTE},
    }
    document = specimens.document(gate, name or "mine", said.pop("measurements"), **said)
    rest = {key: value for key, value in fields.items() if key not in _PROMOTE and key != "measured"}
    return {**document, **rest}


def _incumbent(change: RegistryChange, law: Law, gate: str | None, ids: list[str]) -> Wanted | None:
    if gate is None:
        return None
    needs = needs_of(change, law)
    found = [incumbents(change, law, gate, need, needs) for need in needs if need.entry.id in ids]
    return next((one for several in found for one in several), None)


def _subject(change: RegistryChange, gate: Gate, entry_id: str, measured: Mapping[str, Any] | None) -> dict[str, Any]:
    head = change.head
    entry = head.entries[entry_id]
    found = wanted(head, entry, head.identity(entry))
    seed = _SEED.search(entry_id)
    invented = {"fp32": specimens.measured(), "int8": specimens.measured(0.978) if found.int8_sha256 else None}
    return {
        "id": found.id,
        "onnx": found.onnx,
        "sha256": found.sha256,
        "external_data": [
            {"path": path, "sha256": digest, "size": head.content(head.resolve(path).path).size}  # type: ignore[union-attr]
            for path, digest in found.external.items()
        ],
        "int8_sha256": found.int8_sha256,
        "identity": found.identity,
        "seed": int(seed[1]) if seed and gate.shape == "ensemble" else None,
        "measured": dict(measured or invented),
    }


def measurements(gate: Gate, ids: Sequence[str], against: bool) -> dict[str, Any]:
    """Numbers that meet the gate."""
    if gate.shape == "ensemble":
        folds = [specimens.fold(source, 0.97 + 0.001 * at) for at, source in enumerate(specimens.SOURCES)]
        return {"shape": "ensemble", "seeds": [specimens.loso(seed, folds) for seed in gate.seeds]}
    if gate.shape == "comparison":
        micro = {"candidate": 0.66, "incumbent": 0.61 if against else None}
        items = specimens.items(incumbent=against)
        return {"shape": "comparison", "metric": gate.metric, "items": items, "micro": micro}
    met = {name: _meeting(bound) for name, bound in gate.bounds.items()}
    return {"shape": "metrics", "entries": {i: dict(met) for i in ids}, "incumbent": dict(met) if against else None}


def _meeting(bound: Bound) -> float:
    return next((limit for limit in (bound.min, bound.max) if limit is not None), 1.0)


def signature(data: bytes, name: str, key: keys.PrivateKey = KEY) -> bytes:
    return signed(data, (KEY_ID, key), name=name)


# -- measured for real -----------------------------------------------------------------------------------------------


def corpus_of(table: CorpusTable, path: str = CORPUS) -> dict[str, Any]:
    said = {"sha256": table.digest, "rows": table.rows, "path": path, "ref_count": len(table.sources)}
    return specimens.corpus(**said, sources=list(table.sources), encoders=list(table.encoders))


def measured_again(change: RegistryChange, entry_id: str, table: CorpusTable) -> dict[str, Any]:
    """What the exported bytes of an entry give on the whole corpus."""
    entry = change.head.entries[entry_id]
    found = {precision: measuring.measured(change.head, entry, precision, table) for precision in ("fp32", "int8")}
    return {key: asdict(one) if isinstance(one, Measurement) else None for key, one in found.items()}


def folds_of(table: CorpusTable, seeds: Sequence[int]) -> dict[str, Any]:
    """Every source left out once, for every seed, by fitting to the others."""
    return {"shape": "ensemble", "seeds": [specimens.loso(seed, list(_folds(table, seed))) for seed in seeds]}


def _folds(table: CorpusTable, seed: int) -> Iterator[dict[str, Any]]:
    inputs, scores, sources = fitted.columns(table)
    for source in table.sources:
        out = sources == source
        weights, bias = fitted.fit(inputs[~out], scores[~out], seed)
        scored = measure(list(inputs[out] @ weights + bias), list(scores[out]))
        said = {"srocc": scored.srocc, "rmse": scored.rmse, "n_val": scored.rows, "n_train": int((~out).sum())}
        yield specimens.fold(source, scored.plcc, **said)
