"""SG410: what a manifest says, held to the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forge import Forge, only, passes, quiet, sha256
from onnx_models import mlp

IDS = ["alpha_v1_seed0", "alpha_v1_seed1"]


def entries(forge: Forge) -> None:
    for entry_id in IDS:
        forge.add(entry_id)
    forge.start()


def edited(forge: Forge, edit: Callable[[Any], object]) -> None:
    manifest = forge.manifest("alpha_v1", *IDS)
    edit(manifest)
    forge.write_json("alpha_v1.json", manifest)


STALE: list[tuple[Callable[[Any], object], str]] = [
    (lambda m: m["members"][1].update(sha256="0" * 64), "`alpha_v1_seed1` has sha256 0000"),
    (lambda m: m["members"][1].update(onnx="other.onnx"), "has onnx other.onnx"),
    (lambda m: m["members"][1].update(id="alpha_v1_seed9"), "`alpha_v1_seed9` is not in the registry"),
    (lambda m: m.update(ensemble_size=5), "says ensemble_size 5 and lists 2 members"),
    (lambda m: m.update(smoke=False), "it says production, but its members stand in smoke"),
    (lambda m: m.pop("smoke"), "it says no `smoke`, so production"),
    (lambda m: m.update(smoke="true"), "it says production, but its members stand in smoke"),
    (lambda m: m["members"].__setitem__(1, m["members"][0]), "lists `alpha_v1_seed0` more than once"),
]


@pytest.mark.parametrize(("edit", "said"), STALE)
def test_a_manifest_that_disagrees_is_stale(forge: Forge, edit: Callable[[Any], object], said: str) -> None:
    entries(forge)
    edited(forge, edit)
    finding = only(forge.judged(), "SG410")
    assert said in finding.message and (finding.subject, finding.path) == ("alpha_v1", "model/tiny/alpha_v1.json")


@pytest.mark.parametrize(("edit", "_"), STALE)
def test_what_was_stale_before_is_debt(forge: Forge, edit: Callable[[Any], object], _: str) -> None:
    for entry_id in IDS:
        forge.add(entry_id)
    edited(forge, edit)
    forge.start()
    forge.entry(IDS[0])["notes"] = "four corpora"
    report = forge.judged()
    passes(report)
    assert {f.code for f in report.debt} == {"SG410"}


def test_until_a_member_it_speaks_of_changes(forge: Forge) -> None:
    for entry_id in IDS:
        forge.add(entry_id)
    edited(forge, lambda m: m["members"][1].update(sha256="0" * 64))
    forge.start()
    forge.write(f"{IDS[1]}.onnx", mlp(9))
    forge.write_json(f"{IDS[1]}.json", forge.sidecar(mlp(9)))
    forge.entry(IDS[1])["sha256"] = sha256(mlp(9))
    only(forge.judged(), "SG410")


@pytest.mark.parametrize("members", [["ana"], [{"id": "ana"}], [{"name": "ana"}, 3], []])
def test_a_document_that_lists_other_members_binds_nobody(forge: Forge, members: list[Any]) -> None:
    entries(forge)
    forge.write_json("people.json", {"id": "team", "members": members, "smoke": 3})
    quiet(forge.judged())


def test_one_manifest_right_and_one_wrong(forge: Forge) -> None:
    entries(forge)
    forge.write_json("one.json", forge.manifest("alpha_v1", *IDS))
    forge.write_json("two.json", forge.manifest("alpha_v1", *IDS, smoke=False))
    assert only(forge.judged(), "SG410").path == "model/tiny/two.json"


def test_a_manifest_in_a_folder_below_is_one_too(forge: Forge) -> None:
    entries(forge)
    forge.write_json("ensembles/alpha.json", forge.manifest("alpha_v1", *IDS, ensemble_size=9))
    only(forge.judged(), "SG410")
