from __future__ import annotations

import copy
import difflib
import json
import random
import time
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from registry.json_texts import at, containers, keys, layout, paths, randoms, scalars, values, written
from smokegate.registry.edit import append_item, remove_item, remove_member, set_value
from smokegate.registry.spans import Spans
from smokegate.registry.strict_json import parse

Path = tuple[str | int, ...]

REGISTRY = """{
  "$schema": "./registry.schema.json",
  "schema_version": 1,
  "models": [
    {
      "id": "fr_tiny",
      "kind": "fr",
      "onnx": "fr_tiny.onnx",
      "notes": "one \\u2014 two",
      "smoke": true,
      "feature_order": ["adm2", "motion2"],
      "license": "BSD-3-Clause-Plus-Patent"
    },
    {
      "id": "nr_tiny",
      "kind": "nr",
      "onnx": "nr_tiny.onnx",
      "license": "MIT"
    }
  ]
}
"""


def strict(text: str) -> Any:
    return parse(text.encode(), max_bytes=1 << 24, max_depth=600)


def typed(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def changed(before: str, after: str) -> list[str]:
    """The lines of a diff, with `+` or `-` before each."""
    rows = list(difflib.unified_diff(before.split("\n"), after.split("\n"), n=0, lineterm=""))[2:]
    return [row for row in rows if row[0] in "+-"]


def test_a_flip_changes_one_line() -> None:
    after = set_value(REGISTRY, ("models", 0, "smoke"), False)
    assert changed(REGISTRY, after) == ['-      "smoke": true,', '+      "smoke": false,']


def test_a_new_member_stands_where_it_stands_in_other_entries() -> None:
    after = set_value(REGISTRY, ("models", 1, "smoke"), True)
    assert changed(REGISTRY, after) == ['+      "smoke": true,']
    assert '"nr_tiny.onnx",\n      "smoke": true,\n      "license": "MIT"' in after


def test_a_new_member_stands_beside_its_family_else_at_the_end() -> None:
    after = set_value(REGISTRY, ("models", 0, "license_url"), "https://example.org")
    assert after.count('Patent",\n      "license_url": "https://example.org"\n    }') == 1
    after = set_value(REGISTRY, ("schema_digest",), "x")
    assert changed(REGISTRY, after) == ['+  "schema_digest": "x",']
    after = set_value(REGISTRY, ("models", 0, "opset"), 17)
    assert changed(REGISTRY, after) == [
        '-      "license": "BSD-3-Clause-Plus-Patent"',
        '+      "license": "BSD-3-Clause-Plus-Patent",',
        '+      "opset": 17',
    ]


def test_an_appended_entry_is_laid_out_like_its_neighbours() -> None:
    entry = {"id": "new", "feature_order": ["a", "b"], "external_data": [{"path": "p", "size": 1}], "notes": "é"}
    after = append_item(REGISTRY, ("models",), entry)
    assert changed(REGISTRY, after) == [
        "+    },",
        "+    {",
        '+      "id": "new",',
        '+      "feature_order": [',
        '+        "a",',
        '+        "b"',
        "+      ],",
        '+      "external_data": [',
        "+        {",
        '+          "path": "p",',
        '+          "size": 1',
        "+        }",
        "+      ],",
        '+      "notes": "\\u00e9"',
    ]
    flat = remove_item(REGISTRY, ("models", 1))
    assert '\n      "feature_order": ["a", "b"],\n' in append_item(flat, ("models",), entry)


def test_removing_an_entry_takes_its_lines_and_the_comma() -> None:
    after = remove_item(REGISTRY, ("models", 1))
    lines = REGISTRY.split("\n")
    assert after.split("\n") == lines[:12] + lines[18:]
    after = remove_item(REGISTRY, ("models", 0))
    assert after.split("\n") == lines[:4] + lines[13:]
    assert remove_item(after, ("models", 0)).count('"models": []\n}\n') == 1


def test_a_changed_entry_set_as_a_whole_changes_only_what_differs() -> None:
    entry = {**strict(REGISTRY)["models"][0], "smoke": False, "feature_order": ["adm2", "vif"], "opset": 7}
    del entry["kind"]
    after = set_value(REGISTRY, ("models", 0), entry)
    assert changed(REGISTRY, after) == [
        '-      "kind": "fr",',
        '-      "smoke": true,',
        '-      "feature_order": ["adm2", "motion2"],',
        '-      "license": "BSD-3-Clause-Plus-Patent"',
        '+      "smoke": false,',
        '+      "feature_order": ["adm2", "vif"],',
        '+      "license": "BSD-3-Clause-Plus-Patent",',
        '+      "opset": 7',
    ]


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        # one line
        ('{"a": 1}', ("b",), 2, '{"a": 1, "b": 2}'),
        ('{"a":1}', ("b",), [1, {"x": 2}], '{"a":1,"b":[1,{"x":2}]}'),
        ('{ "a" : 1 , "b" : 2 }', ("c",), 3, '{ "a" : 1 , "b" : 2 , "c" : 3 }'),
        ('{"b": 1, "d": 2}', ("c",), 3, '{"b": 1, "c": 3, "d": 2}'),
        ('{"b": 1, "d": 2}', ("a",), 3, '{"a": 3, "b": 1, "d": 2}'),
        ('{"d": 1, "b": 2}', ("c",), 3, '{"d": 1, "b": 2, "c": 3}'),
        # several lines
        ('{\n\t"a": 1\n}', ("b",), {"c": [1]}, '{\n\t"a": 1,\n\t"b": {\n\t\t"c": [\n\t\t\t1\n\t\t]\n\t}\n}'),
        ('{\r\n  "a":1\r\n}\r\n', ("b",), [1], '{\r\n  "a":1,\r\n  "b":[\r\n    1\r\n  ]\r\n}\r\n'),
        ('{\n  "b": 1,\n  "c": 2\n}', ("a",), 0, '{\n  "a": 0,\n  "b": 1,\n  "c": 2\n}'),
        ('{\n  "a": 1,\n\n  "c": 2\n}', ("b",), 0, '{\n  "a": 1,\n  "b": 0,\n\n  "c": 2\n}'),
        # odd
        ('{"a":1,\n"b":2}', ("c",), 3, '{"a":1,\n"b":2,\n"c":3}'),
        ('{"a":1,\n"c":2}', ("b",), 3, '{"a":1,\n"b":3,\n"c":2}'),
        ('{\n  "a": 1, "b": 2,\n  "c": 3, "d": 4\n}', ("e",), 5, '{\n  "a": 1, "b": 2,\n  "c": 3, "d": 4, "e": 5\n}'),
        ('{\n  "a": 1, "b": 2,\n  "d": 4\n}', ("c",), 3, '{\n  "a": 1, "b": 2,\n  "c": 3,\n  "d": 4\n}'),
        ('{ "a": 1\n, "b": 2\n}', ("c",), 3, '{ "a": 1\n, "b": 2\n, "c": 3\n}'),
        ('{"a":\n1}', ("b",), 2, '{"a":\n1, "b": 2}'),
        ('{\n    "b": 1,\n  "c": 2\n}', ("a",), 0, '{\n    "a": 0,\n    "b": 1,\n  "c": 2\n}'),
        ('{\n  "a": {\n      "b": 1\n  }\n}', ("a", "c"), [1],
         '{\n  "a": {\n      "b": 1,\n      "c": [\n          1\n      ]\n  }\n}'),
        # empty
        ("{}", ("a",), 1, '{"a": 1}'),
        ("{ }\n", ("a",), 1, '{ "a": 1 }\n'),
        ("{\n}\n", ("a",), 1, '{\n  "a": 1\n}\n'),
        ('{\n    "a": {\n\n    }\n}', ("a", "b"), 1, '{\n    "a": {\n        "b": 1\n    }\n}'),
        ('{\r\n\t"a": {}\r\n}', ("a", "b"), [1], '{\r\n\t"a": {\r\n\t\t"b": [\r\n\t\t\t1\r\n\t\t]\r\n\t}\r\n}'),
        ('[\n  {"a": 1},\n  {}\n]', (1, "b"), 2, '[\n  {"a": 1},\n  {"b": 2}\n]'),
        # replaced
        ('{"a": 1}\n', ("a",), {"b": [1, 2]}, '{"a": {"b": [1, 2]}}\n'),
        ('{\n  "a": 1\n}', ("a",), {}, '{\n  "a": {}\n}'),
        ('{\n  "a": {"b": 1}\n}', ("a",), {"c": 2}, '{\n  "a": {"c": 2}\n}'),
        ('{\n  "a": [1, 2, 3]\n}', ("a",), [1, 4], '{\n  "a": [1, 4]\n}'),
        ('{\n  "a": [\n    1\n  ]\n}', ("a",), [1, 2], '{\n  "a": [\n    1,\n    2\n  ]\n}'),
        ('{"a": {"x" :1,   "y": [1,\n2], "z": 1.0e2}}', ("a",), {"z": 100.0, "y": [1, 2], "x": 2},
         '{"a": {"x" :2,   "y": [1,\n2], "z": 1.0e2}}'),
        ("  1 \n", (), [True], "  [true] \n"),
        # the file's own way with characters
        ('{"a": "\\u00e9"}', ("b",), "ü—😀", '{"a": "\\u00e9", "b": "\\u00fc\\u2014\\ud83d\\ude00"}'),
        ('{"a": "\\u2014"}', ("é",), 1, '{"a": "\\u2014", "\\u00e9": 1}'),
        ('{"a": "\\u00E9"}', ("b",), "\\u00fa ú\\", '{"a": "\\u00E9", "b": "\\\\u00fa \\u00FA\\\\"}'),
        ('{"a": "\\u2014\\u00E9"}', ("b",), "ü", '{"a": "\\u2014\\u00E9", "b": "\\u00FC"}'),
        ('{"a": "plain"}', ("b",), "ü", '{"a": "plain", "b": "ü"}'),
        ('{"a": "\\u00e9 é"}', ("b",), "ü", '{"a": "\\u00e9 é", "b": "ü"}'),
        ('{"a": "\\\\u00e9 \\u001f"}', ("b",), "ü", '{"a": "\\\\u00e9 \\u001f", "b": "ü"}'),
    ],
)  # fmt: skip
def test_setting_by_hand(before: str, path: Path, value: Any, after: str) -> None:
    assert set_value(before, path, value) == after
    expected = strict(before)
    if path:
        at(expected, path[:-1])[path[-1]] = value
    assert typed(strict(after)) == typed(expected if path else value)


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("[]", (), 1, "[1]"),
        ("[1]", (), 2, "[1, 2]"),
        ("[1,2]", (), 3, "[1,2,3]"),
        ('{"a":[1]}', ("a",), 2, '{"a":[1,2]}'),
        ("[\n]", (), 1, "[\n  1\n]"),
        ('{\n    "a": []\n}', ("a",), {"b": 1}, '{\n    "a": [\n        {\n            "b": 1\n        }\n    ]\n}'),
        ("[\n  1\n]", (), [2], "[\n  1,\n  [\n    2\n  ]\n]"),
        ('[{\n  "a": 1\n}]', (), {"a": 2}, '[{\n  "a": 1\n}, {\n  "a": 2\n}]'),
        ('[\n  {"a": 1}\n]', (), {"a": 2}, '[\n  {"a": 1},\n  {"a": 2}\n]'),
        ("[\n  1, 2,\n  3, 4\n]\n", (), 5, "[\n  1, 2,\n  3, 4, 5\n]\n"),
    ],
)
def test_appending_by_hand(before: str, path: Path, value: Any, after: str) -> None:
    assert append_item(before, path, value) == after


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ('{"a": 1}', ("a",), "{}"),
        ('{\n  "a": 1\n}\n', ("a",), "{}\n"),
        ('{"a":1,\n"b":2}', ("a",), '{\n"b":2}'),
        ('{"a":1,\n"b":2}', ("b",), '{"a":1}'),
        ('{"a": 1, "b": 2, "c": 3}', ("b",), '{"a": 1, "c": 3}'),
        ('{"a": 1, "b": 2, "c": 3}', ("c",), '{"a": 1, "b": 2}'),
        ('{"a": 1, "b": 2, "c": 3}', ("a",), '{"b": 2, "c": 3}'),
        ('{\n  "a": 1, "b": 2,\n  "c": 3\n}', ("b",), '{\n  "a": 1,\n  "c": 3\n}'),
        ('{\n  "a": 1,\n  "b": 2, "c": 3\n}', ("b",), '{\n  "a": 1,\n  "c": 3\n}'),
        ('{\n  "a": 1,\n\n  "b": 2,\n  "c": 3\n}', ("b",), '{\n  "a": 1,\n\n  "c": 3\n}'),
        ('{\n  "a": 1,\n  "b": 2,\n\n  "c": 3\n}', ("b",), '{\n  "a": 1,\n\n  "c": 3\n}'),
        ('{ "a": 1\n, "b": 2\n, "c": 3\n}', ("b",), '{ "a": 1\n, "c": 3\n}'),
        ('{ "a": 1\n, "b": 2\n}', ("a",), '{ "b": 2\n}'),
        ('{\n    "a": 1,\n  "b": 2\n}', ("a",), '{\n  "b": 2\n}'),
        ('{\r\n  "a": {\r\n    "x": 1\r\n  },\r\n  "b": 2\r\n}', ("a",), '{\r\n  "b": 2\r\n}'),
    ],
)
def test_removing_by_hand(before: str, path: Path, after: str) -> None:
    assert remove_member(before, path) == after


@pytest.mark.parametrize(
    "edit",
    [
        lambda: set_value(REGISTRY, ("models", 9), 1),
        lambda: set_value(REGISTRY, ("nope", "id"), 1),
        lambda: set_value(REGISTRY, ("schema_version", "id"), 1),
        lambda: set_value(REGISTRY, ("models", "id"), 1),
        lambda: remove_member(REGISTRY, ("nope",)),
        lambda: remove_member(REGISTRY, ("models", 0)),
        lambda: remove_member(REGISTRY, ()),
        lambda: remove_item(REGISTRY, ("models", 2)),
        lambda: remove_item(REGISTRY, ("models",)),
        lambda: remove_item(REGISTRY, ()),
        lambda: append_item(REGISTRY, ("nope",), 1),
        lambda: append_item(REGISTRY, ("models", 0), 1),
    ],
)
def test_an_edit_of_what_is_not_there_is_a_key_error(edit: Any) -> None:
    with pytest.raises(KeyError):
        edit()


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    "value",
    [float("nan"), [float("inf")], "\ud800", {"\udc00": 1}, {1: 2}, {"a": (1, 2)}, 10**400, {1, 2}, b"x", ENDLESS],
)
def test_a_value_that_strict_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="the new value is not strict JSON"):
        set_value(REGISTRY, ("x",), value)
    with pytest.raises(ValueError, match="the new value is not strict JSON"):
        append_item(REGISTRY, ("models",), value)


def nested(depth: int, inner: Any) -> list[Any]:
    for _ in range(depth - 1):
        inner = [inner]
    return [inner]


def test_depth_of_a_new_value_is_bounded_and_that_of_the_text_does_not_matter() -> None:
    text = "[\n" * 500 + "1" + "]" * 500
    assert json.loads(set_value(text, (0,) * 500, nested(128, 2))) == nested(628, 2)
    assert strict(set_value(text, (0,) * 400, nested(100, 2))) == nested(500, 2)
    assert strict(set_value(text, (), nested(128, 2))) == nested(128, 2)
    with pytest.raises(ValueError, match="nested deeper than 128"):
        set_value(text, (), nested(129, 2))


def test_a_key_that_strict_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not strict JSON"):
        set_value(REGISTRY, ("\ud800",), 1)


@pytest.mark.parametrize(
    ("old", "new"), [("1", True), ("1", 1.0), ("true", 1), ("1.0", 1), ("0.0", -0.0), ("0", False)]
)
def test_equal_in_python_is_not_the_same_in_json(old: str, new: Any) -> None:
    assert set_value(f"[{old}]", (0,), new) == f"[{json.dumps(new)}]"


# Random documents in random layouts.


def kept(before: str, after: str, start: int, end: int) -> None:
    """The lines that do not touch [start, end) of the text before are all there after, in order."""
    above = before[:start].split("\n")[:-1]
    below = before[end:].split("\n")[1:]
    lines = after.split("\n")
    assert lines[: len(above)] == above
    assert not below or lines[-len(below) :] == below
    assert len(lines) >= len(above) + len(below)


def ends_alike(before: str, after: str) -> None:
    stripped = before.rstrip()
    assert after.endswith(before[len(stripped) :])
    if "\r\n" in before and "\n" not in before.replace("\r\n", ""):
        assert "\n" not in after.replace("\r\n", "")


@given(values, randoms)
@settings(max_examples=150, deadline=None)
def test_setting_a_value_to_what_it_is_changes_nothing(value: Any, rng: random.Random) -> None:
    text = written(value, rng)
    for path in paths(value):
        here = at(value, path)
        assert set_value(text, path, here) is text
        if isinstance(here, dict):
            assert set_value(text, path, dict(reversed(here.items()))) is text


@given(values, randoms, values)
@settings(max_examples=300, deadline=None)
def test_setting_touches_the_value_alone(value: Any, rng: random.Random, new: Any) -> None:
    text = written(value, rng)
    path = rng.choice(paths(value))
    after = set_value(text, path, new)
    expected: Any = {"root": copy.deepcopy(value)}
    at(expected, ("root", *path)[:-1])[("root", *path)[-1]] = new
    assert typed(strict(after)) == typed(expected["root"])
    start, end = Spans(text).value(path)
    assert after.startswith(text[:start])
    assert after.endswith(text[end:])
    ends_alike(text, after)


@given(values, randoms, scalars)
@settings(max_examples=200, deadline=None)
def test_a_scalar_set_and_set_back_restores_the_bytes(value: Any, rng: random.Random, new: Any) -> None:
    document = [value, "é"]  # without its last escape a file would no longer show that it escapes
    text = written(document, rng)
    for path in paths(document)[1:-1]:
        old = at(document, path)
        if not isinstance(old, dict | list):
            assert set_value(set_value(text, path, new), path, old) == text


@given(containers, randoms, keys, values)
@settings(max_examples=300, deadline=None)
def test_adding_inserts_and_removing_again_restores(value: Any, rng: random.Random, key: str, new: Any) -> None:
    text = written(value, rng)
    target = rng.choice([path for path in paths(value) if isinstance(at(value, path), dict | list)])
    here = at(value, target)
    expected = copy.deepcopy(value)
    path: Path
    if isinstance(here, dict):
        assume(key not in here)
        path = (*target, key)
        after = set_value(text, path, new)
        at(expected, target)[key] = new
    else:
        path = (*target, len(here))
        after = append_item(text, target, new)
        at(expected, target).append(new)
    assert typed(strict(after)) == typed(expected)
    ends_alike(text, after)
    if not here:
        kept(text, after, *Spans(text).value(target))
        return
    start = Spans(after).member(path)[0]
    lost = [row for row in difflib.ndiff(text.split("\n"), after.split("\n")) if row[0] == "-"]
    assert len(lost) <= 1, "only the line that takes the comma may change"
    again = remove_member(after, path) if isinstance(here, dict) else remove_item(after, path)
    first = Spans(after).children(target)[0].start == start
    if first and "\n" not in text[Spans(text).value(target)[0] : Spans(text).children(target)[0].start]:
        assert typed(strict(again)) == typed(value)
    else:
        assert again == text


@given(containers, randoms)
@settings(max_examples=300, deadline=None)
def test_removing_keeps_every_other_line(value: Any, rng: random.Random) -> None:
    text = written(value, rng)
    for path in paths(value)[1:]:
        parent = path[:-1]
        expected = copy.deepcopy(value)
        del at(expected, parent)[path[-1]]
        after = remove_member(text, path) if isinstance(path[-1], str) else remove_item(text, path)
        assert typed(strict(after)) == typed(expected)
        ends_alike(text, after)
        spans = Spans(text)
        start, end = spans.member(path)
        around = [spans.member((*parent, child.step)) for child in spans.children(parent)]
        index = around.index((start, end))
        if len(around) == 1:
            start, end = spans.value(parent)
        elif index:
            start = around[index - 1][1]
        else:
            start = spans.value(parent)[0]
        if index + 1 < len(around):
            end = around[index + 1][0]
        kept(text, after, start, end)


@given(values, st.lists(st.tuples(st.sampled_from("+=-"), keys, values), max_size=5), randoms)
@settings(max_examples=100, deadline=None)
def test_many_edits_in_a_row_say_what_the_same_edits_in_memory_say(
    value: Any, edits: list[tuple[str, str, Any]], rng: random.Random
) -> None:
    document: Any = {"root": value}
    text = written(document, rng, layout(rng))
    for what, key, new in edits:
        path = rng.choice(paths(document)[1:])
        here = at(document, path)
        parent = at(document, path[:-1])
        if what == "+" and isinstance(here, list):
            text = append_item(text, path, new)
            here.append(copy.deepcopy(new))
        elif what == "+" and isinstance(here, dict):
            text = set_value(text, (*path, key), new)
            here[key] = copy.deepcopy(new)
        elif what == "-" and path != ("root",):
            text = (remove_member if isinstance(path[-1], str) else remove_item)(text, path)
            del parent[path[-1]]
        else:
            text = set_value(text, path, new)
            parent[path[-1]] = copy.deepcopy(new)
        assert typed(strict(text)) == typed(document)


@given(values, st.sampled_from(["  ", "    ", "\t"]), keys, values)
@settings(max_examples=150, deadline=None)
def test_a_file_that_a_formatter_wrote_stays_as_it_would_write_it(value: Any, unit: str, key: str, new: Any) -> None:
    document: Any = {"a": {"inner": value}, "b": [value], "c": {}, "d": []}
    text = json.dumps(document, indent=unit, ensure_ascii=False) + "\n"
    assume("\\u" not in text)
    key = f"k{key}"
    after = append_item(set_value(set_value(text, ("a", "inner"), new), ("a", key), new), ("b",), new)
    document["a"]["inner"] = document["a"][key] = new
    document["b"].append(new)
    after = append_item(set_value(after, ("c", key), new), ("d",), new)
    document["c"][key] = new
    document["d"].append(new)
    assert after == json.dumps(strict(after), indent=unit, ensure_ascii=False) + "\n"
    assert typed(strict(after)) == typed(document)


def test_one_flip_in_a_long_registry_is_fast() -> None:
    models = [{"id": f"m{i}", "onnx": "a.onnx", "sha256": "0" * 64, "smoke": True} for i in range(10_000)]
    text = json.dumps({"schema_version": 1, "models": models}, indent=2)
    began = time.process_time()
    after = set_value(text, ("models", 9000, "notes"), "é")
    assert time.process_time() - began < 0.5
    lines = after.split("\n")
    lines.remove('      "notes": "é",')
    assert lines == text.split("\n")
