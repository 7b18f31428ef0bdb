"""What cannot be read for certain is not read at all: every kind of document, every kind of fault, at its place."""

from __future__ import annotations

import json

import pytest

from forge import Forge, codes, only, passes, quiet
from smokegate.errors import SmokegateError
from smokegate.judge.report import Finding, Report
from sources.scratch_git import pointer_to

FAULTS = {
    "duplicate key": ('{\n "a": 1,\n "a": 2}', 3, 2),
    "duplicate key in disguise": ('{"id": 1,\n "i\\u0064": 2}', 2, 2),
    "NaN": ('{"a": [1,\n NaN]}', 2, 2),
    "infinity by size": ('{"a":\n 1e999}', 2, 2),
    "trailing text": ("{}\n{}", 2, 1),
    "conflict markers": ('{\n<<<<<<< ours\n "a": 1\n}', 2, 1),
    "truncated": ('{"a":\n [1', 2, 4),
    "half a surrogate pair": ('{"a": "\\ud800"}', 1, 8),
    "single quotes": ("{'a': 1}", 1, 2),
    "nothing": ("", 1, 1),
}
MANIFEST = {"id": "pair", "kind": "fr_ensemble", "ensemble_size": 1, "smoke": True}


def found(report: Report, path: str) -> Finding:
    return next(f for f in report.blocking if f.code == "SG102" and f.path == path)


@pytest.mark.parametrize(("text", "line", "column"), FAULTS.values(), ids=FAULTS.keys())
def test_every_fault_of_a_registry_is_told_at_its_place(forge: Forge, text: str, line: int, column: int) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("registry.json", text)
    forge.commit(save=False)
    report = forge.check()
    finding = only(report, "SG102")
    assert (finding.path, finding.line, finding.column) == ("model/tiny/registry.json", line, column)
    assert f"git checkout {forge.base[:7]}" in finding.fix


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe{\0}\0", b'{"a": "\xff"}', b"\xef\xbb\xbf{}", b"\0" * 64],
    ids=["utf-16", "latin-1", "mark", "nul"],
)
def test_binary_and_oddly_encoded_registries_are_told(forge: Forge, data: bytes) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("registry.json", data)
    forge.commit(save=False)
    only(forge.check(), "SG102")


def test_a_registry_that_base_had_broken_too_still_blocks(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    sound = forge.base
    forge.write("registry.json", '{"models": [1,\n')
    forge.base = forge.commit(save=False)
    forge.write("registry.json", '{"models": [1,\n ')
    forge.commit(save=False)
    report = forge.check()
    only(report, "SG102")
    assert any(sound[:7] in note and "cannot be read at base" in note for note in report.notes)


def test_a_change_that_mends_a_broken_registry_is_judged_against_the_last_readable_one(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    sound = forge.path("registry.json").read_bytes()
    forge.write("registry.json", b"<<<<<<< HEAD\n" + sound)
    forge.base = forge.commit(save=False)
    quiet(forge.judged())


def test_a_registry_that_never_was_readable_cannot_be_judged(forge: Forge) -> None:
    forge.write("registry.json", '{"models": [1,\n')
    forge.base = forge.commit(save=False)
    forge.write("other.json", "{}")
    forge.commit(save=False)
    with pytest.raises(SmokegateError) as refused:
        forge.check()
    assert refused.value.exit_code == 2


def test_too_deep_and_too_large_are_told_by_their_limits(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "limits: {document_mib: 1, document_depth: 8}\n")
    forge.add("alpha_v1")
    forge.start()
    forge.write("registry.json", '{"models": ' + "[" * 10_000 + "]" * 10_000 + "}")
    forge.commit(save=False)
    assert "deep" in only(forge.check(), "SG102").message
    forge.write("registry.json", '{"models": []}' + " " * (1 << 20))
    forge.commit(save=False)
    assert "limits.document_mib" in only(forge.check(), "SG102").message


@pytest.mark.parametrize("name", ["alpha_v1.json", "retired.json", "pair.json", "PROMOTE.json"])
def test_every_document_that_binds_is_held_to_it(forge: Forge, name: str) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write(name, '{"members": [],\n "members": []}')
    finding = found(forge.judged(), f"model/tiny/{name}")
    assert (finding.line, finding.column) == (2, 2)
    assert finding.subject == f"model/tiny/{name}"


def test_a_twins_own_sidecar_is_held_to_it(forge: Forge) -> None:
    forge.add("alpha_v1", quant_mode="static", int8_sha256="0" * 64)
    forge.start()
    forge.write("alpha_v1.int8.json", "{]")
    assert found(forge.judged(), "model/tiny/alpha_v1.int8.json").line == 1


def test_a_manifest_cannot_hide_by_being_unreadable(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write_json("pair.json", {**MANIFEST, "members": [{"id": "alpha_v1"}]})
    forge.start()
    text = forge.path("pair.json").read_text()
    for hidden in (text + "x", text.replace('"members"', '"m\\u0065mbers"') + "x", pointer_to(text.encode()).decode()):
        forge.write("pair.json", hidden)
        found(forge.judged(), "model/tiny/pair.json")


def test_a_sidecar_in_lfs_cannot_be_judged(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write("alpha_v1.json", pointer_to(forge.path("alpha_v1.json").read_bytes()))
    assert "git-lfs pointer" in found(forge.judged(), "model/tiny/alpha_v1.json").message


def test_json_with_comments_that_binds_nothing_is_left_alone(forge: Forge) -> None:
    """A registry may share its folder with somebody's editor settings."""
    forge.add("alpha_v1")
    forge.start()
    forge.write("tsconfig.json", '{\n  // strict\n  "strict": true,\n}\n')
    passes(forge.judged())


def test_an_old_fault_is_debt_until_somebody_touches_the_file(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write("retired.json", "{]")
    forge.start()
    forge.add("beta_v1")
    report = forge.judged()
    passes(report)
    assert [f.path for f in report.debt] == ["model/tiny/retired.json"]
    forge.write("retired.json", "{] ")
    assert "SG102" in codes(forge.judged())


def test_the_sidecar_of_an_entry_that_flips_has_no_standing_fault(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write("alpha_v1.json", "{]")
    forge.start()
    forge.entry("alpha_v1")["notes"] = "still in smoke"
    passes(forge.judged())
    forge.entry("alpha_v1")["smoke"] = False
    found(forge.judged(), "model/tiny/alpha_v1.json")


def test_a_sound_document_that_looks_odd_is_read(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    odd = {**forge.read_json("alpha_v1.json"), "note": "\u2028 😀 \\u0000"}
    forge.write("alpha_v1.json", "\r\n" + json.dumps(odd).replace(",", "\r\n,\t"))
    passes(forge.judged())
