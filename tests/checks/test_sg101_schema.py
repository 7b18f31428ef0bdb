"""What the schema on base says, no more and no less, is the law; and faults stand where they are."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge import Forge, codes, only, passes, quiet
from smokegate.errors import SmokegateError
from smokegate.judge.report import Finding, Report
from smokegate.registry import schemas
from smokegate.registry.json_schema import CompiledSchema
from smokegate.review.law import built_in_schema

BUILT_IN = json.loads(schemas.load("registry"))


def closed(*fields: str, **more: Any) -> dict[str, Any]:
    """A schema of somebody's own that knows these fields and no others."""
    entry = {"type": "object", "additionalProperties": False, "properties": {f: {} for f in fields}, **more}
    return {"type": "object", "properties": {"models": {"type": "array", "items": entry}}}


OURS = closed("id", "kind", "onnx", "sha256", "opset", "smoke", "license", "notes")


def line_of(forge: Forge, text: str) -> int:
    lines = forge.path("registry.json").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def debt(report: Report) -> list[Finding]:
    return [f for f in report.debt if f.code == "SG101"]


# -- whose schema ------------------------------------------------------------------------------------------------------


def test_a_closed_schema_on_base_refuses_what_the_built_in_one_knows(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write_json("registry.schema.json", OURS)
    forge.start()
    forge.add("beta_v1", supersedes="alpha_v1")
    found = next(f for f in forge.judged().blocking if f.code == "SG101")
    assert "`supersedes`" in found.message and "registry.schema.json` as it stands on base" in found.message
    assert found.line == line_of(forge, '"supersedes"')
    assert found.subject == "beta_v1"


def test_the_built_in_schema_holds_where_base_has_none(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", kind="audio")
    found = only(forge.judged(), "SG101")
    assert "the built-in schema" in found.message
    assert found.line is not None
    assert "audio" in forge.path("registry.json").read_text().splitlines()[found.line - 1]


def test_a_schema_at_head_never_judges(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.write_json("registry.schema.json", OURS)
    forge.start()
    forge.write_json("registry.schema.json", True)
    forge.add("beta_v1", made_up=1)
    assert "SG101" in codes(forge.judged())


def test_a_schema_that_arrives_with_a_registry_does_not_judge_it(forge: Forge) -> None:
    forge.write("/README.md", "nothing yet")
    forge.git("add", "-A")
    forge.git("commit", "-qm", "empty")
    forge.base = forge.git("rev-parse", "HEAD")
    forge.write_json("registry.schema.json", True)
    forge.add("alpha_v1", made_up=1)
    assert codes(forge.judged()) == ["SG101"]


@pytest.fixture
def visited() -> Iterator[tuple[str, list[str]]]:
    """A server that would hand out an all-admitting schema, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/schema.json", asked
    server.shutdown()
    server.server_close()


def test_what_a_schema_refers_to_is_never_fetched(forge: Forge, visited: tuple[str, list[str]], tmp_path: Path) -> None:
    (tmp_path / "lax.json").write_text("true")
    for reference in (visited[0], (tmp_path / "lax.json").as_uri(), "elsewhere.json"):
        forge.write_json("registry.schema.json", {"$ref": reference})
        forge.registry["models"] = []
        forge.add("alpha_v1")
        forge.start()
        forge.add("beta_v1")
        forge.commit()
        with pytest.raises(SmokegateError) as refused:
            forge.check()
        assert refused.value.exit_code == 2
        assert "registry.schema.json" in str(refused.value)
    assert not visited[1]


# -- where, and since when ---------------------------------------------------------------------------------------------


def test_each_unknown_field_is_named_at_its_own_line(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", smok=True, licence="MIT")
    found = [f for f in forge.judged().blocking if f.code == "SG101"]
    assert [f.line for f in found] == [line_of(forge, '"smok"'), line_of(forge, '"licence"')]
    assert ["`smok`" in f.message for f in found] == [True, False]


def test_an_unknown_field_does_not_hide_behind_a_standing_one(forge: Forge) -> None:
    forge.add("alpha_v1", licence="MIT")
    forge.start()
    forge.entry("alpha_v1")["smok"] = True
    report = forge.judged()
    assert "`smok`" in only(report, "SG101").message
    assert ["`licence`" in f.message for f in debt(report)] == [True]


def test_a_missing_field_is_told_at_its_entry(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", kind=None)
    found = only(forge.judged(), "SG101")
    assert found.subject == "beta_v1" and '"kind"' in found.fix
    assert found.line == line_of(forge, '"id": "beta_v1"') - 1


def test_old_faults_stay_debt_when_rows_come_and_go_above_them(forge: Forge) -> None:
    forge.add("first_v1")
    forge.add("old_v1", made_up=1, kind=None)
    forge.registry["models"].append({"onnx": "nameless.onnx", "kind": "fr", "sha256": "0" * 64, "smoke": True})
    forge.registry["models"].append("no row at all")
    forge.start()
    added = forge.add("added_v1")
    forge.registry["models"].remove(added)
    forge.registry["models"].insert(0, added)
    report = forge.judged()
    passes(report)
    assert len(debt(report)) == 4


def test_an_added_row_with_an_old_fault_of_its_neighbour_blocks(forge: Forge) -> None:
    forge.add("old_v1", made_up=1)
    forge.start()
    forge.add("beta_v1", made_up=1)
    report = forge.judged()
    assert only(report, "SG101").subject == "beta_v1"
    assert [f.subject for f in debt(report)] == ["old_v1"]


def test_a_second_row_that_is_none_does_not_hide_behind_the_first(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.registry["models"].append(5)
    forge.start()
    forge.registry["models"].insert(0, 5)
    report = forge.judged()
    assert codes(report) == ["SG101"] and len(debt(report)) == 1


def test_an_innocent_edit_beside_an_old_fault_passes(forge: Forge) -> None:
    """A licence backfilled on a row that lacks something else."""
    forge.add("old_v1", made_up=1, kind=None, license=None)
    forge.start()
    forge.entry("old_v1")["license"] = "MIT"
    passes(forge.judged())


def test_no_fault_stands_for_an_entry_that_flips(forge: Forge) -> None:
    forge.add("old_v1", made_up=1)
    forge.start()
    forge.entry("old_v1")["smoke"] = False
    assert "SG101" in codes(forge.judged())


def test_a_fault_made_worse_is_not_the_old_one(forge: Forge) -> None:
    forge.add("old_v1", opset="seventeen")
    forge.start()
    forge.entry("old_v1")["opset"] = "eighteen"
    assert codes(forge.judged()) == ["SG101", "SG302"]


def test_integers_past_any_machine_word_are_judged_like_others(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1", quant_accuracy_budget_plcc=10**200)
    only(forge.judged(), "SG101")


def test_a_sound_row_gives_nothing_to_say(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.add("beta_v1")
    quiet(forge.judged())


def test_extra_list_items_are_told_without_stumbling() -> None:
    """For lists the library names what is unexpected by value, not by place."""
    schema = CompiledSchema({"prefixItems": [{}], "unevaluatedItems": False}, "it")
    assert [fault.pointer for fault in schema.faults([1, 2, 3])] == [()]


# -- one library against another ---------------------------------------------------------------------------------------

_ENTRY = {"id": "alpha_v1", "kind": "fr", "onnx": "alpha_v1.onnx", "sha256": "0" * 64}
_OURS = built_in_schema()
_REFERENCE = jsonschema.Draft202012Validator(BUILT_IN)
_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 30), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)
_values = st.one_of(
    _scalars,
    st.sampled_from(["fr", "nr", "a.onnx", "A.onnx", "a/../b.onnx", "0" * 64, "F" * 64, "x" * 65, "e" * 300, "é"]),
    st.sampled_from(["https://x.invalid/", "ftp://x", "static", "x.sigstore.json", "evidence/PROMOTE.json"]),
    st.lists(_scalars, max_size=2),
    st.fixed_dictionaries({"path": _scalars, "sha256": st.just("0" * 64), "size": _scalars}).map(lambda row: [row]),
)
_fields = st.one_of(st.sampled_from(sorted(BUILT_IN["$defs"]["entry"]["properties"])), st.just("smok"))
_edits = st.dictionaries(_fields, _values, max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    rows: list[Any] = [{**copy.deepcopy(_ENTRY), **draw(_edits)} for _ in range(draw(st.integers(0, 3)))]
    for row in rows:
        for field in draw(st.lists(st.sampled_from(sorted(_ENTRY)), max_size=1)):
            row.pop(field, None)
    if draw(st.booleans()):
        rows.append(draw(_scalars))
    document = {"schema_version": draw(st.sampled_from([0, 1, 1.0, 2, True, "1"])), "models": rows}
    if draw(st.integers(0, 9)) == 0:
        document[draw(st.text(max_size=3))] = draw(_scalars)
    return document


@settings(max_examples=150, deadline=None)
@given(documents())
def test_the_fast_validator_agrees_with_the_reference_one(document: Any) -> None:
    ours = {
        fault.pointer if not fault.unexpected else fault.pointer[:-1] for fault in built_in_schema().faults(document)
    }
    theirs = {tuple(error.absolute_path) for error in _REFERENCE.iter_errors(document)}
    assert ours == theirs


def test_a_pattern_ends_where_the_text_ends() -> None:
    """Python's own `$` would let a last line break through."""
    faults = built_in_schema().faults({"schema_version": 1, "models": [{**_ENTRY, "id": "alpha_v1\n"}]})
    assert [fault.pointer for fault in faults] == [("models", 0, "id")]
