from __future__ import annotations

import json
import math
import random
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.json_texts import randoms, values, written
from smokegate.registry import strict_json
from smokegate.registry.strict_json import MAX_DIGITS, FaultKind, JsonFault, parse, scan

MIB = 1 << 20


def read(data: bytes | str, *, max_bytes: int = MIB, max_depth: int = 64) -> Any:
    return parse(data.encode() if isinstance(data, str) else data, max_bytes=max_bytes, max_depth=max_depth)


def fault(data: bytes | str, **bounds: int) -> JsonFault:
    with pytest.raises(JsonFault) as caught:
        read(data, **bounds)
    return caught.value


def typed(value: Any) -> str:
    """Tells 1 from 1.0, from true, and orders of keys apart."""
    return json.dumps(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        (" \t\r\n[1, -2, 0, -0]\n", [1, -2, 0, 0]),
        ("[1.0, 1e2, -0.5E-3, 1e-400]", [1.0, 100.0, -0.0005, 0.0]),
        ('{"a": {}, "b": [], "": ""}', {"a": {}, "b": [], "": ""}),
        (r'"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"', '"\\/\b\f\n\r\t\u00e9\U0001f600'),
        (r'"\\ud800 \\\\udc00 \\\ud83d\ude00"', "\\ud800 \\\\udc00 \\\U0001f600"),
        ('"\x7f\u2028\ufeff"', "\x7f\u2028\ufeff"),
        ("9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
        ("-" + "9" * MAX_DIGITS, -int("9" * MAX_DIGITS)),
        ("0." + "3" * 10_000, 1 / 3),
    ],
)
def test_strict_json_is_read_by_both_readers_alike(text: str, value: Any) -> None:
    assert typed(read(text)) == typed(value)
    assert typed(scan(text, 64)) == typed(value)


@pytest.mark.parametrize(
    ("text", "kind", "place", "message"),
    [
        (b"", FaultKind.EMPTY, (1, 1), "the file is empty"),
        (b" \r\n\t", FaultKind.EMPTY, (1, 1), "nothing but white space"),
        ('{\n  "é": 1 "b": 2}', FaultKind.SYNTAX, (2, 10), 'expected , or } after the value of "\\u00e9", found "b"'),
        ('[1\n 2]', FaultKind.SYNTAX, (2, 2), "expected , or ] after item 0, found 2"),
        ('{"id": 1,\n "i\\u0064": 2}', FaultKind.DUPLICATE_KEY, (2, 2), '"id"; it is first on line 1, column 2'),
        ('[{"a": {"x": 1, "x": 1}}]', FaultKind.DUPLICATE_KEY, (1, 17), "duplicate key"),
        ("[NaN]", FaultKind.NON_FINITE, (1, 2), "NaN is not JSON"),
        ("[0,\nInfinity]", FaultKind.NON_FINITE, (2, 1), "Infinity is not JSON"),
        ("[-Infinity]", FaultKind.NON_FINITE, (1, 2), "-Infinity is not JSON"),
        ("[1, 1e400]", FaultKind.NON_FINITE, (1, 5), "1e400 is past the range of a double"),
        ("-1" + "0" * 400 + ".0", FaultKind.NON_FINITE, (1, 1), "past the range"),
        ("[" + "9" * 5000 + "]", FaultKind.NON_FINITE, (1, 2), "integer of 5,000 digits"),
        ("[-" + "9" * (MAX_DIGITS + 1) + "]", FaultKind.NON_FINITE, (1, 2), "digits"),
        (r'"ab\ud800"', FaultKind.ENCODING, (1, 4), "half of a surrogate pair"),
        (r'"\udc00\ud800"', FaultKind.ENCODING, (1, 2), "half of a surrogate pair"),
        (r'"\ud83d\ud83d\ude00"', FaultKind.ENCODING, (1, 2), "half of a surrogate pair"),
        (r'"\ud83d\ude00\ude00"', FaultKind.ENCODING, (1, 14), "half of a surrogate pair"),
        (r'"\\ud83d\ude00"', FaultKind.ENCODING, (1, 9), "half of a surrogate pair"),
        (r'{"\uD83D": 1}', FaultKind.ENCODING, (1, 3), "half of a surrogate pair"),
        (b"\xef\xbb\xbf{}", FaultKind.ENCODING, (1, 1), "byte order mark"),
        ("{}".encode("utf-16"), FaultKind.ENCODING, (1, 1), "UTF-16"),
        ("{}".encode("utf-16-le"), FaultKind.ENCODING, (1, 1), "UTF-16"),
        ("{}".encode("utf-16-be"), FaultKind.ENCODING, (1, 1), "UTF-16"),
        ("{}".encode("utf-32-be"), FaultKind.ENCODING, (1, 1), "UTF-32"),
        ('{\n"é": "'.encode() + b'\xe9"}', FaultKind.ENCODING, (2, 7), "byte 0xe9 (byte 9 of the file)"),
        (b'"\xed\xa0\x80"', FaultKind.ENCODING, (1, 2), "not UTF-8"),
        (b'"\xc0\x80"', FaultKind.ENCODING, (1, 2), "not UTF-8"),
        ("{}\nx", FaultKind.TRAILING, (2, 1), "found x"),
        ("1 2", FaultKind.TRAILING, (1, 3), "found 2"),
        ('{}{"a": 1}', FaultKind.TRAILING, (1, 3), "found {"),
        ("{} \0", FaultKind.TRAILING, (1, 4), "found U+0000"),
        ('"a\tb"', FaultKind.SYNTAX, (1, 3), "control character U+0009"),
        ('["a\nb"]', FaultKind.SYNTAX, (1, 2), "without a closing quote"),
        ('["a', FaultKind.SYNTAX, (1, 2), "without a closing quote"),
        ('"\\', FaultKind.SYNTAX, (1, 2), "backslash at the end"),
        (r'"\x41"', FaultKind.SYNTAX, (1, 2), r"\x41 is no escape"),
        (r'"\u12g4"', FaultKind.SYNTAX, (1, 2), "four hex digits"),
        ('"\\u\uff11234"', FaultKind.SYNTAX, (1, 2), "four hex digits"),
        ('{"a": 1,}', FaultKind.SYNTAX, (1, 8), "JSON allows none there"),
        ("[1, ]", FaultKind.SYNTAX, (1, 3), "JSON allows none there"),
        ("[,]", FaultKind.SYNTAX, (1, 2), "expected a value, found ,"),
        ("{,}", FaultKind.SYNTAX, (1, 2), "expected a key"),
        ('{"a" 1}', FaultKind.SYNTAX, (1, 6), 'expected : after the key "a"'),
        ("{1: 2}", FaultKind.SYNTAX, (1, 2), "expected a key in double quotes or }, found 1"),
        ("[1}", FaultKind.SYNTAX, (1, 3), "expected , or ]"),
        ("01", FaultKind.SYNTAX, (1, 1), "does not start with 0"),
        ("[1.]", FaultKind.SYNTAX, (1, 2), "not a number"),
        ("[1e+]", FaultKind.SYNTAX, (1, 2), "not a number"),
        ("[-]", FaultKind.SYNTAX, (1, 2), "found -"),
        ("[+1]", FaultKind.SYNTAX, (1, 2), "found +1"),
        ("[\uff11]", FaultKind.SYNTAX, (1, 2), "found U+FF11"),
        ("{'a': 1}", FaultKind.SYNTAX, (1, 2), "double quotes"),
        ("[True]", FaultKind.SYNTAX, (1, 2), "write true"),
        ("[truer]", FaultKind.SYNTAX, (1, 6), "expected , or ]"),
        ("// no\n{}", FaultKind.SYNTAX, (1, 1), "no comments"),
        ("\u00a0{}", FaultKind.SYNTAX, (1, 1), "found U+00A0"),
        ('{"a": [1,\n2\n\n\n', FaultKind.SYNTAX, (2, 2), "inside the array that opens on line 1, column 7"),
        ('{"a":', FaultKind.SYNTAX, (1, 6), "end of the file"),
        ("[[]]", FaultKind.DEPTH, (1, 2), "deeper than 1 levels"),
    ],
)  # fmt: skip
def test_a_fault_says_what_and_where(text: bytes | str, kind: FaultKind, place: tuple[int, int], message: str) -> None:
    found = fault(text, max_depth=1 if kind is FaultKind.DEPTH else 64)
    assert (found.kind, (found.line, found.column)) == (kind, place)
    assert message in found.message
    assert f"line {place[0]}, column {place[1]}" in str(found)


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "|||||||", "=======", ">>>>>>> theirs"])
@pytest.mark.parametrize("before", ["", '{\n  "a": 1,\n', '{\n  "a": 1\n', "[\n", "{}\n"])
def test_a_conflict_marker_is_called_one(marker: str, before: str) -> None:
    found = fault(f'{before}{marker}\n  "b": 2\n}}\n')
    assert f"git conflict marker {marker[:7]}" in found.message
    assert (found.line, found.column) == (before.count("\n") + 1, 1)


def test_what_only_looks_like_a_conflict_marker_is_not_called_one() -> None:
    assert "conflict" not in fault("{}\n========\n").message
    assert "conflict" not in fault("[1 ======= 2]").message
    assert read('["<<<<<<< HEAD"]') == ["<<<<<<< HEAD"]


def test_size_is_bounded_and_the_bound_is_the_last_size_read() -> None:
    assert read("[1]", max_bytes=3) == [1]
    found = fault("[1] ", max_bytes=3)
    assert (found.kind, found.line, found.column, found.offset) == (FaultKind.SIZE, 1, 1, 0)


@pytest.mark.parametrize("depth", [1, 2, 5, 64])
@pytest.mark.parametrize(("opener", "closer"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded_and_the_bound_is_the_last_depth_read(depth: int, opener: str, closer: str) -> None:
    inner = "1" if closer == "}" else ""
    text = opener * depth + inner + closer * depth
    assert typed(read(text, max_depth=depth)) == typed(json.loads(text))
    found = fault(text, max_depth=depth - 1)
    assert (found.kind, found.offset) == (FaultKind.DEPTH, len(opener) * (depth - 1))


def test_a_scalar_has_no_depth() -> None:
    assert read("1", max_depth=0) == 1
    assert fault("[]", max_depth=0).kind is FaultKind.DEPTH


@pytest.mark.parametrize("text", ["[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000, "[" * MIB])
def test_an_avalanche_of_brackets_fails_fast(text: str) -> None:
    began = time.process_time()
    assert fault(text, max_bytes=2 * MIB).kind is FaultKind.DEPTH
    assert time.process_time() - began < 1


def test_a_bound_past_the_interpreters_stack_holds_too() -> None:
    text = "[" * 5000 + "]" * 5000
    value = read(text, max_depth=5000)
    for _ in range(4999):
        (value,) = value
    assert value == []
    assert fault(text, max_depth=4999).kind is FaultKind.DEPTH


def test_an_oversized_file_is_refused_unread() -> None:
    data = b" " * (100 * MIB)
    tracemalloc.start()
    try:
        began = time.process_time()
        assert fault(data, max_bytes=16 * MIB).kind is FaultKind.SIZE
        assert time.process_time() - began < 0.1
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


def test_a_long_key_or_token_does_not_flood_the_message() -> None:
    for text in ['{"%s": 1 2}' % ("k" * 9999), "[" + "x" * 9999, '[1 "%s"]' % ("v" * 9999)]:
        assert len(fault(text).message) < 200


def test_a_message_cannot_carry_control_or_bidi_characters() -> None:
    for text in ['{"\u202ekey": 1 2}', "[\u202e]", '[1 "\u202e"]', "[\x1b]", '{"\u202e":1,"\u202e":2}', '"\\\u202e"']:
        assert fault(text).message.isascii()
        assert fault(text).message.isprintable()


def test_a_fault_survives_pickling() -> None:
    import pickle

    one = fault("[1 2]")
    other = pickle.loads(pickle.dumps(one))  # noqa: S301
    assert (str(other), other.kind, other.offset) == (str(one), one.kind, one.offset)


def accepted(reader: Any, text: str) -> str | None:
    try:
        return typed(reader(text, 4))
    except (ValueError, RecursionError):
        return None


@given(values, randoms)
@settings(max_examples=150, deadline=None)
def test_any_document_in_any_layout_is_read_right(value: Any, rng: random.Random) -> None:
    text = written(value, rng)
    assert typed(read(text)) == typed(value) == typed(scan(text, 64))


BITS = [
    b'"', b"\\", b"\\u", b"\\ud83d", b"\\ude00", b"\\\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"1", b"-", b".",
    b"e9", b"E+999", b"NaN", b"-Infinity", b"true", b"null", b"\n", b"\x00", b"\x1f", b"\xff", b"\xc3", b"\xc3\xa9",
    b"/", b"9" * (MAX_DIGITS + 1), b'"a":1', b'"\\u0061":1,',
]  # fmt: skip


@given(values, randoms, st.integers(1, 4))
@settings(max_examples=400, deadline=None)
def test_fast_and_reference_reader_agree_on_damaged_documents(value: Any, rng: random.Random, damages: int) -> None:
    data = bytearray(written(value, rng).encode())
    for _ in range(damages):
        start = rng.randint(0, len(data))
        data[start : start + rng.randint(0, 2)] = rng.choice([*BITS, bytes([rng.randrange(256)])])
    agree(bytes(data))


@given(st.lists(st.sampled_from(BITS), max_size=12))
@settings(max_examples=400, deadline=None)
def test_fast_and_reference_reader_agree_on_scraps(scraps: list[bytes]) -> None:
    for data in (b"".join(scraps), b'"' + b"".join(scraps) + b'"', b"[" + b"".join(scraps) + b"]"):
        agree(data)


def agree(data: bytes) -> None:
    try:
        value = read(data, max_depth=4)
    except JsonFault as found:
        inside(found, data)
    else:
        no_stranger_to_json(value)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    reference = accepted(scan, text)
    fast = accepted(strict_json._fast, text)
    assert fast in (reference, None), "the fast reader takes what the reference does not"
    if fast is None and reference is not None:
        assert "\\\\ud" in text.lower(), "the fast reader is suspicious without need"


def inside(found: JsonFault, data: bytes) -> None:
    text = data.decode(errors="replace")
    lines = text.split("\n")
    assert 0 <= found.offset <= len(text)
    assert 1 <= found.line <= len(lines)
    assert 1 <= found.column <= len(lines[found.line - 1]) + 1
    if found.kind not in (FaultKind.ENCODING, FaultKind.EMPTY):
        assert sum(len(line) + 1 for line in lines[: found.line - 1]) + found.column - 1 == found.offset


def no_stranger_to_json(value: Any) -> None:
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            no_stranger_to_json(child)
        for key in value if isinstance(value, dict) else ():
            key.encode()
    elif isinstance(value, str):
        value.encode()
    elif isinstance(value, float):
        assert math.isfinite(value)


def test_ten_thousand_entries_cost_little_more_than_the_plain_decoder() -> None:
    entry = {
        "kind": "nr", "onnx": "models/a.onnx", "sha256": "0" * 64, "opset": 17, "smoke": True, "notes": "x \u2014 y",
        "license": "MIT", "quant_accuracy_budget_plcc": 0.01,
    }  # fmt: skip
    document = {"schema_version": 1, "models": [{"id": f"m{i}", **entry} for i in range(10_000)]}
    data = json.dumps(document, indent=2).encode()

    def best(reader: Any) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            assert reader(data)["schema_version"] == 1
            times.append(time.process_time() - began)
        return min(times)

    assert best(lambda data: read(data, max_bytes=16 * MIB)) < max(5 * best(json.loads), 0.15)
