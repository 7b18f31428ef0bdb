"""SG411: what production rests on stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from forge import Forge, codes, only, passes, quiet
from onnx_models import saliency

SIGNATURES = ["PROMOTE.json.sigstore.json", "PROMOTE.sigstore.json", "PROMOTE.json.dsse.json", "PROMOTE.dsse.json"]


def promoted(forge: Forge, name: str = "PROMOTE.json", **fields: Any) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter", smoke=False, **fields)
    forge.commit()
    forge.evidence("saliency_v1", name=name)
    forge.start()


def edited(forge: Forge, name: str) -> None:
    forge.write(name, forge.path(name).read_text().replace("PROMOTE", "PROMOTED"))


def rewritten(forge: Forge, name: str) -> None:
    forge.write(name, json.dumps(forge.read_json(name)))


def moved(forge: Forge, name: str) -> None:
    forge.path(name).rename(forge.path(f"old_{name}"))


def linked(forge: Forge, name: str) -> None:
    moved(forge, name)
    forge.path(name).symlink_to(f"old_{name}")


@pytest.mark.parametrize("harm", [Forge.delete, edited, rewritten, moved, linked])
def test_evidence_is_kept(forge: Forge, harm: Callable[[Forge, str], None]) -> None:
    promoted(forge)
    harm(forge, "PROMOTE.json")
    report = forge.judged()
    finding = only(report, "SG411")
    assert finding.subject == "model/tiny/PROMOTE.json"
    assert f"git checkout {report.base} -- model/tiny/PROMOTE.json" in finding.fix


@pytest.mark.parametrize("signature", SIGNATURES)
def test_so_is_its_signature(forge: Forge, signature: str) -> None:
    forge.write(signature, "{}\n")
    promoted(forge)
    forge.delete(signature)
    assert only(forge.judged(), "SG411").subject == f"model/tiny/{signature}"


def test_evidence_is_kept_under_a_signatures_name(forge: Forge) -> None:
    promoted(forge, "evidence/first.sigstore.json")
    forge.delete("evidence/first.sigstore.json")
    only(forge.judged(), "SG411")


def test_a_folder_that_becomes_a_link_does_not_keep_it(forge: Forge) -> None:
    promoted(forge, "evidence/PROMOTE.json")
    forge.path("evidence").rename(forge.path("/elsewhere"))
    forge.path("evidence").symlink_to("../../elsewhere")
    assert "SG411" in codes(forge.judged())


def test_what_an_entry_points_at_is_kept(forge: Forge) -> None:
    forge.write_json("proof.json", {"by": "hand"})
    promoted(forge, evidence="proof.json")
    forge.delete("proof.json")
    assert "SG411" in codes(forge.judged())


def test_version_one_names_nobody_and_is_kept(forge: Forge) -> None:
    forge.write_json("PROMOTE.json", {"schema_version": 1, "verdict": "PROMOTE"})
    forge.add("alpha_v1")
    forge.start()
    forge.delete("PROMOTE.json")
    only(forge.judged(), "SG411")


def test_evidence_goes_on_under_a_new_id(forge: Forge) -> None:
    promoted(forge)
    entry = forge.entry("saliency_v1")
    row = {"id": "saliency_v1", "sha256": entry["sha256"], "reason": "a name", "superseded_by": "saliency_v2"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [row]})
    entry["id"] = "saliency_v2"
    passes(forge.judged())
    forge.start()
    forge.delete("PROMOTE.json")
    only(forge.judged(), "SG411")


def test_a_demotion_in_the_same_change_does_not_free_it(forge: Forge) -> None:
    promoted(forge)
    forge.entry("saliency_v1").update(smoke=True, notes="drifts")
    forge.delete("PROMOTE.json")
    only(forge.judged(), "SG411")


# -- what may change ---------------------------------------------------------------------------------------------------


def test_evidence_of_a_smoke_entry_may_go(forge: Forge) -> None:
    forge.add("saliency_v1", saliency(1), kind="filter")
    forge.commit()
    forge.evidence("saliency_v1")
    forge.write("PROMOTE.json.sigstore.json", "{}\n")
    forge.start()
    forge.delete("PROMOTE.json")
    forge.delete("PROMOTE.json.sigstore.json")
    quiet(forge.judged())


def test_a_hold_may_go(forge: Forge) -> None:
    forge.write_json("HOLD.json", {"schema_version": 2, "verdict": "HOLD", "subjects": [{"id": "saliency_v1"}]})
    promoted(forge)
    forge.delete("HOLD.json")
    quiet(forge.judged())


def test_further_evidence_may_come(forge: Forge) -> None:
    promoted(forge)
    forge.evidence("saliency_v1", name="evidence/again.json")
    quiet(forge.judged())


def test_a_sidecar_is_no_signature_of_evidence(forge: Forge) -> None:
    forge.write("saliency_v1.sigstore.json", "{}\n")
    promoted(forge)
    forge.write("saliency_v1.sigstore.json", '{"renewed": true}\n')
    quiet(forge.judged())


def test_a_mode_is_not_an_edit(forge: Forge) -> None:
    promoted(forge)
    forge.path("PROMOTE.json").chmod(0o755)
    quiet(forge.judged())


@pytest.mark.parametrize("subjects", [[], [None, 3, "saliency_v1"], [{"id": ["saliency_v1"], "sha256": {}}], [{}]])
def test_subjects_of_any_shape_are_read(forge: Forge, subjects: list[Any]) -> None:
    forge.write_json("PROMOTE.json", {"schema_version": 2, "verdict": "PROMOTE", "subjects": subjects})
    forge.add("saliency_v1", saliency(1), kind="filter", smoke=False)
    forge.start()
    forge.delete("PROMOTE.json")
    quiet(forge.judged())
