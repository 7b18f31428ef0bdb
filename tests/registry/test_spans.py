from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given, settings

from registry.json_texts import at, paths, randoms, values, written
from smokegate.registry.spans import Spans

REGISTRY = """{
  "schema_version": 1,
  "models": [
    {
      "id": "fr_tiny",
      "on\\u006ex": "fr_tiny.onnx",
      "external_data": [{"path": "a", "size": 1}, {"path": "b", "size": 2}]
    },
    { "id": "é😀", "smoke" : true }, {}
  ],
  "empty": [ ]
}
"""


def cut(spans: Spans, span: tuple[int, int]) -> str:
    return spans.text[span[0] : span[1]]


def test_values_keys_and_members_are_cut_out_exactly() -> None:
    spans = Spans(REGISTRY)
    assert cut(spans, spans.value(("models", 0, "onnx"))) == '"fr_tiny.onnx"'
    assert cut(spans, spans.key(("models", 0, "onnx"))) == '"on\\u006ex"'
    assert cut(spans, spans.member(("models", 1, "smoke"))) == '"smoke" : true'
    assert cut(spans, spans.value(("models", 0, "external_data", 1))) == '{"path": "b", "size": 2}'
    assert cut(spans, spans.member(("models", 2))) == "{}"
    assert cut(spans, spans.value(("empty",))) == "[ ]"
    assert cut(spans, spans.value(())) == REGISTRY.strip()


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), (1, 1)),
        (("models", 0, "id"), (5, 13)),
        (("models", 0, "smoke"), (4, 5)),
        (("models", 1, "smoke"), (9, 29)),
        (("models", 1, "id", "deeper", 3), (9, 13)),
        (("models", 7), (3, 13)),
        (("models", "id"), (3, 13)),
        (("models", -1), (3, 13)),
        (("nope", 3, "x"), (1, 1)),
        (("schema_version", "x"), (2, 21)),
        (("empty", 0), (11, 12)),
    ],
)
def test_where_falls_back_to_the_nearest_ancestor(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert Spans(REGISTRY).where(path) == place


@pytest.mark.parametrize("path", [("nope",), (0,), ("models", 9), ("models", "0"), ("models", -1), ("empty", 0)])
def test_an_absent_path_is_a_key_error(path: tuple[str | int, ...]) -> None:
    spans = Spans(REGISTRY)
    assert not spans.has(path)
    for look in (spans.value, spans.key, spans.member, spans.children):
        with pytest.raises(KeyError):
            look(path)


@pytest.mark.parametrize("path", [(), ("models", 0)])
def test_what_has_no_key_has_no_key_span(path: tuple[str | int, ...]) -> None:
    with pytest.raises(KeyError):
        Spans(REGISTRY).key(path)


def test_positions_count_characters_and_crlf_as_one_line_end() -> None:
    text = '{"é": 1,\r\n"😀": 2}'
    spans = Spans(text)
    assert spans.position(0) == (1, 1)
    assert spans.position(text.index("\n")) == (1, 10)
    assert spans.position(text.index("2")) == (2, 6)
    assert spans.position(len(text)) == (2, 8)


def test_a_text_deeper_than_the_stack_is_walked_all_the_same() -> None:
    text = '{"deep": ' + "[" * 5000 + '"]\\""' + "]" * 5000 + ', "after": 1}'
    assert Spans(text).where(("after",)) == (1, text.index("1}") + 1)
    assert cut(Spans(text), Spans(text).value(("deep",))).endswith('"]\\""' + "]" * 5000)


def test_nothing_past_the_wanted_field_is_read() -> None:
    spans = Spans('{"a": [1, {"b": 2, "c": 3}, "not JSON from here on')
    assert spans.where(("a", 1, "c")) == (1, 25)
    assert spans.where(("a", 0)) == (1, 8)


@given(values, randoms)
@settings(max_examples=200, deadline=None)
def test_every_span_reads_back_as_the_value_at_its_path(value: Any, rng: random.Random) -> None:
    text = written(value, rng)
    spans = Spans(text)
    order = paths(value)
    rng.shuffle(order)
    for path in order:
        here = at(value, path)
        token = cut(spans, spans.value(path))
        assert json.dumps(json.loads(token)) == json.dumps(here)
        assert token == token.strip()
        if path and isinstance(path[-1], str):
            assert json.loads(cut(spans, spans.key(path))) == path[-1]
            assert json.loads("{" + cut(spans, spans.member(path)) + "}") == {path[-1]: here}
        line, column = spans.where(path)
        assert sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1 == spans.value(path)[0]
        steps = here if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        assert [child.step for child in spans.children(path)] == list(steps)


def test_one_field_far_down_a_long_registry_is_found_fast() -> None:
    entry = {"kind": "nr", "onnx": "models/a.onnx", "sha256": "0" * 64, "opset": 17, "smoke": True, "notes": "x" * 60}
    document = {"schema_version": 1, "models": [{"id": f"m{i}", **entry} for i in range(10_000)]}
    text = json.dumps(document, indent=2)
    times = []
    for _ in range(3):
        began = time.process_time()
        spans = Spans(text)
        assert spans.where(("models", 9000, "smoke")) == (9000 * 9 + 10, 16)
        times.append(time.process_time() - began)
    began = time.process_time()
    for index in range(0, 9000, 90):
        spans.where(("models", index, "smoke"))
    again = time.process_time() - began
    assert min(times) < 0.06 * 2, "60 ms, and as much again for a busy machine"
    assert again < min(times), "what is known of the array is not read again"
