"""SG510: invented numbers are found out, not only inconsistent ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import fitted
import flips
import onnx_models
import proofs
from evidence import corpora, specimens
from forge import Forge, codes, only, passes, quiet, sha256
from smokegate.evidence.corpus import CorpusTable
from smokegate.judge.report import Finding, Report

PAIR = flips.ENSEMBLE[:2]
RANDOM = {entry_id: onnx_models.regressor((0.3, -1.2, 0.5, 2.0, -0.7, seed)) for seed, entry_id in enumerate(PAIR)}


def rising(forge: Forge, *, models: Mapping[str, bytes] | None = None, **policy: Any) -> CorpusTable:
    return flips.fitted_ensemble(forge, PAIR, models=models or {}, gates=flips.PAIR, **policy)


def measured(forge: Forge, **policy: Any) -> CorpusTable:
    table = rising(forge, **policy)
    forge.evidence(*PAIR, table=table)
    return table


def invented(forge: Forge, table: CorpusTable, **fields: Any) -> None:
    """Consistent from end to end, for models that nobody measured."""
    claim = {"fp32": {"rows": table.rows, "plcc": 0.981, "srocc": 0.97, "rmse": 1.4}, "int8": None}
    forge.evidence(*PAIR, table=table, measured=dict.fromkeys(PAIR, claim), **fields)


def warned(report: Report) -> Finding:
    passes(report)
    (finding,) = report.warnings
    assert finding.code == "SG510"
    return finding


def test_what_was_measured_is_measured_again(forge: Forge) -> None:
    measured(forge)
    quiet(forge.judged())


def test_by_the_digest_alone_a_corpus_is_accepted_too(forge: Forge) -> None:
    digest = corpora.table(corpora.rows(300)).digest
    measured(forge, corpora={"digests": [digest]})
    quiet(forge.judged())


def test_in_parquet_as_well(forge: Forge) -> None:
    measured(forge)
    forge.delete(f"/{proofs.CORPUS}")
    forge.write("/data/corpus.parquet", corpora.as_parquet(corpora.rows(300)))
    quiet(forge.judged())


def test_invented_numbers_for_random_models(forge: Forge) -> None:
    table = rising(forge, models=RANDOM)
    invented(forge, table)
    report = forge.judged()
    assert [(f.code, f.subject) for f in report.blocking] == [("SG510", entry_id) for entry_id in PAIR]
    assert "plcc: 0.981 claimed" in report.blocking[0].message


def test_without_the_corpus_a_signature_is_what_is_missing(forge: Forge) -> None:
    table = rising(forge, models=RANDOM)
    forge.delete(f"/{proofs.CORPUS}")
    forge.start()
    invented(forge, table, sign=False)
    for entry_id in PAIR:
        forge.entry(entry_id)["smoke"] = True
    forge.start()
    flips.flip(forge, *PAIR)
    report = forge.check()
    only(report, "SG508")
    assert "not re-measured: no corpus with the digest" in next(f for f in report.warnings).message


@pytest.mark.parametrize("path", [None, "no.jsonl", "model/tiny/registry.json", "../corpus.jsonl", "data/other.jsonl"])
def test_saying_that_it_lies_elsewhere_is_no_way_round(forge: Forge, path: str | None) -> None:
    table = rising(forge, models=RANDOM)
    forge.write("/data/other.jsonl", corpora.jsonl(corpora.rows(30)))
    invented(forge, table, corpus={**proofs.corpus_of(table), "path": path})
    assert set(codes(forge.judged())) == {"SG510"}


def test_nor_is_taking_it_away(forge: Forge) -> None:
    table = rising(forge, models=RANDOM)
    invented(forge, table)
    forge.delete(f"/{proofs.CORPUS}")
    assert set(codes(forge.judged())) == {"SG510"}


def test_nor_altering_it(forge: Forge) -> None:
    table = rising(forge, models=RANDOM)
    invented(forge, table)
    forge.write(f"/{proofs.CORPUS}", corpora.jsonl(corpora.rows(300)[:-1]))
    assert set(codes(forge.judged())) == {"SG510"}


def test_nor_burying_it(forge: Forge) -> None:
    table = rising(forge, models=RANDOM)
    invented(forge, table)
    for number in range(80):
        forge.write(f"/a/{number}.jsonl", corpora.jsonl(corpora.rows(6 + number)))
    assert set(codes(forge.judged())) == {"SG510"}


def test_nor_a_sidecar_that_nobody_can_feed_by(forge: Forge) -> None:
    rising(forge, models=RANDOM)
    for entry_id in PAIR:
        data = forge.path(f"{entry_id}.onnx").read_bytes()
        forge.write_json(f"{entry_id}.json", forge.sidecar(data, scaler=False, feature_order=["adm2"]))
    forge.commit()
    invented(forge, corpora.table(corpora.rows(300)))
    report = forge.judged()
    assert "measured again, fp32 gives no numbers" in next(f for f in report.blocking if f.code == "SG510").message


def test_another_corpus_at_its_place_is_said(forge: Forge) -> None:
    table = measured(forge)
    forge.write(f"/{proofs.CORPUS}", corpora.jsonl(corpora.rows(301)))
    for entry_id in PAIR:
        forge.entry(entry_id)["smoke"] = True
    forge.start()
    flips.flip(forge, *PAIR)
    message = warned(forge.check()).message
    assert "`model/corpus.jsonl` is another corpus now" in message and table.digest[:12] in message


def test_a_broken_corpus_is_said(forge: Forge) -> None:
    measured(forge)
    forge.write(f"/{proofs.CORPUS}", corpora.jsonl(corpora.rows(300)).replace(b'"vmaf"', b'"score"', 1))
    for entry_id in PAIR:
        forge.entry(entry_id)["smoke"] = True
    forge.start()
    flips.flip(forge, *PAIR)
    message = warned(forge.check()).message
    assert "cannot be read" in message and "no `vmaf`" in message


def test_what_is_said_of_the_corpus_is_what_it_holds(forge: Forge) -> None:
    """Sources that are not there would let one easy source pass for many."""
    table = rising(forge)
    names = [f"invented{at}.mp4" for at in range(7)]
    folds = [specimens.fold(name, 0.97) for name in names]
    said = {"shape": "ensemble", "seeds": [specimens.loso(seed, folds) for seed in (0, 1)]}
    forge.evidence(*PAIR, table=table, measurements=said, corpus={**proofs.corpus_of(table), "sources": names})
    finding = only(forge.judged(), "SG510")
    assert "the corpus that it names has 6 sources, and it says 7" in finding.message
    forge.evidence(*PAIR, table=table, corpus={**proofs.corpus_of(table), "encoders": ["one", "two"]})
    assert "2 encoders" in only(forge.judged(), "SG510").message


def test_a_corpus_that_the_change_itself_brings_is_said(forge: Forge) -> None:
    table = rising(forge)
    forge.delete(f"/{proofs.CORPUS}")
    for entry_id in PAIR:
        forge.entry(entry_id)["smoke"] = True
    forge.start()
    forge.write(f"/{proofs.CORPUS}", corpora.jsonl(corpora.rows(300)))
    flips.flip(forge, *PAIR)
    forge.evidence(*PAIR, table=table)
    assert "comes with this very change" in warned(forge.judged()).message


# -- other bytes -------------------------------------------------------------------------------------------------------


def test_exported_bytes_that_were_swapped_for_others(forge: Forge) -> None:
    """An honest ensemble, and an honest digest of what was put in its place."""
    table = rising(forge)
    forge.evidence(*PAIR, table=table)
    honest = {one["id"]: one["measured"] for one in forge.read_json("PROMOTE.json")["subjects"]}
    for entry_id, data in RANDOM.items():
        forge.write(f"{entry_id}.onnx", data)
        forge.write_json(f"{entry_id}.json", forge.sidecar(data, scaler=False))
        forge.entry(entry_id)["sha256"] = sha256(data)
    assert "SG403" in codes(forge.judged())
    forge.evidence(*PAIR, table=table, measured=honest)
    assert set(codes(forge.judged())) == {"SG510"}


def quantised(forge: Forge, twin: bytes, **fields: Any) -> CorpusTable:
    rows = corpora.rows(300)
    table = corpora.table(rows)
    forge.write(f"/{proofs.CORPUS}", corpora.jsonl(rows))
    for seed, entry_id in enumerate(PAIR):
        data = fitted.model(table, seed)
        further = {"quant_mode": "static", "int8_sha256": sha256(twin), **fields} if seed == 0 else {}
        forge.add(entry_id, data, sidecar=forge.sidecar(data, scaler=False), **further)
    forge.write(f"{PAIR[0]}.int8.onnx", twin)
    forge.trust(corpora=flips.LOWERED, gates=flips.PAIR)
    forge.start()
    flips.flip(forge, *PAIR)
    return table


def test_a_twin_that_is_as_good(forge: Forge) -> None:
    table = quantised(forge, fitted.model(corpora.table(corpora.rows(300)), 9))
    forge.evidence(*PAIR, table=table)
    passes(forge.judged())


def test_a_twin_that_ruins_accuracy(forge: Forge) -> None:
    table = quantised(forge, RANDOM[PAIR[0]])
    forge.evidence(*PAIR, table=table)
    assert "loses" in next(f for f in forge.judged().blocking if f.code == "SG506").message


def test_and_says_that_it_does_not(forge: Forge) -> None:
    table = quantised(forge, RANDOM[PAIR[0]])
    forge.evidence(*PAIR, table=table)
    one = forge.read_json("PROMOTE.json")["subjects"][0]["measured"]
    forge.evidence(*PAIR, table=table, measured={PAIR[0]: {**one, "int8": one["fp32"]}})
    finding = only(forge.judged(), "SG510")
    assert "int8 gives other numbers" in finding.message and finding.subject == PAIR[0]


def test_a_budget_that_the_same_change_raises_is_not_yet_its_own(forge: Forge) -> None:
    table = quantised(forge, RANDOM[PAIR[0]])
    forge.entry(PAIR[0])["quant_accuracy_budget_plcc"] = 1.0
    forge.commit()
    forge.evidence(*PAIR, table=table)
    assert "its budget is 0.01" in next(f for f in forge.judged().blocking if f.code == "SG506").message


def test_nor_is_one_that_comes_with_the_entry(forge: Forge) -> None:
    entries = forge.registry["models"]
    table = quantised(forge, RANDOM[PAIR[0]], quant_accuracy_budget_plcc=1.0)
    forge.registry["models"] = []
    forge.save()
    forge.git("add", "-A")
    forge.git("commit", "-q", "--amend", "-m", "nothing of them yet")
    forge.base = forge.git("commit-tree", "HEAD^{tree}", "-m", "a history without them")
    forge.git("reset", "-q", "--hard", forge.base)
    forge.registry["models"] = entries
    forge.commit()
    forge.evidence(*PAIR, table=table)
    assert "its budget is 0.01" in next(f for f in forge.judged().blocking if f.code == "SG506").message


def test_one_that_base_has_is(forge: Forge) -> None:
    table = quantised(forge, RANDOM[PAIR[0]], quant_accuracy_budget_plcc=1.0)
    forge.evidence(*PAIR, table=table)
    passes(forge.judged())
