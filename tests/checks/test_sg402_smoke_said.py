"""SG402: who is production without saying so."""

from __future__ import annotations

from typing import Any

import pytest

from forge import Forge, codes, only, passes, quiet, sha256
from onnx_models import mlp, saliency


def test_an_old_omission_is_debt(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=None)
    forge.start()
    forge.entry("alpha_v1")["notes"] = "four corpora"
    report = forge.judged()
    passes(report)
    assert [(f.code, f.subject) for f in report.debt] == [("SG402", "alpha_v1")]


def test_leaving_out_what_was_said_is_new(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=False)
    forge.start()
    del forge.entry("alpha_v1")["smoke"]
    assert only(forge.judged(), "SG402").subject == "alpha_v1"


def test_an_old_omission_does_not_cover_other_bytes(forge: Forge) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter", smoke=None)
    forge.start()
    forge.write("saliency_v1.onnx", saliency(2))
    forge.write_json("saliency_v1.json", forge.sidecar(saliency(2), scaler=False))
    forge.entry("saliency_v1")["sha256"] = sha256(saliency(2))
    assert sorted(codes(forge.judged())) == ["SG402", "SG404"]


def test_saying_it_ends_the_debt_and_is_no_flip(forge: Forge) -> None:
    forge.add("alpha_v1", smoke=None)
    forge.start()
    forge.entry("alpha_v1")["smoke"] = False
    report = forge.judged()
    quiet(report)
    assert not report.debt


def test_a_row_that_comes_back_as_it_was_may_omit_what_it_omitted(forge: Forge) -> None:
    forge.add("alpha_v1")
    lost = forge.add("beta_v1", smoke=None)
    forge.commit()
    forge.drop("beta_v1")
    forge.start("a bad merge")
    forge.registry["models"].append(lost)
    passes(forge.judged())


@pytest.mark.parametrize("smoke", ["true", "false", 1, 0, [], {}])
def test_only_the_literal_true_is_smoke(forge: Forge, smoke: Any) -> None:
    """1 equals True in Python: the flip must not hide in that, whatever the repo's own schema admits."""
    forge.write_json("registry.schema.json", {"type": "object"})
    forge.add("alpha_v1", mlp(3), smoke=True)
    forge.start()
    forge.entry("alpha_v1")["smoke"] = smoke
    assert only(forge.judged(), "SG403").subject == "alpha_v1"


def test_null_is_not_smoke(forge: Forge) -> None:
    forge.write_json("registry.schema.json", {"type": "object"})
    forge.add("alpha_v1", smoke=True)
    forge.start()
    forge.entry("alpha_v1")["smoke"] = None
    only(forge.judged(), "SG403")
