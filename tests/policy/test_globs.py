from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smokegate import globs

_PIECES = [
    "a",
    "b",
    "/",
    "*",
    "**",
    "?",
    "[ab]",
    "[!a]",
    "[a-b]",
    ".",
    "[",
    "]",
    "(",
    "|",
    "+",
    "$",
    "\\",
    "\n",
    "é",
    "-",
]
patterns = st.lists(st.sampled_from(_PIECES), max_size=9).map("".join)
paths = st.lists(
    st.sampled_from(["a", "b", "ab", "b.a", "é", "(", "$", "[", "-", "\n"]), min_size=1, max_size=5
).flatmap(lambda parts: st.sampled_from(["/", ""]).map(lambda glue: glue.join(parts)))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("registry.json", ["registry.json"], ["a/registry.json", "registryxjson", "registry.json\n"]),
        ("*.onnx", ["a.onnx", ".onnx", "a\nb.onnx"], ["a/b.onnx", "a.onnxx", "a.ONNX"]),
        ("**/registry.json", ["registry.json", "a/registry.json", "a/b/registry.json"], ["aregistry.json"]),
        ("evidence/**/*.json", ["evidence/a.json", "evidence/x/y/a.json"], ["evidence.json", "x/evidence/a.json"]),
        ("models/**", ["models/a", "models/a/b"], ["models", "models/", "amodels/a"]),
        ("**", ["a", "a/b"], [""]),
        ("a/**/b/**/c", ["a/b/c", "a/x/b/y/z/c", "a/b/b/c"], ["a/c", "a/b", "a/b/cc"]),
        ("a/**/**/b", ["a/b", "a/x/b"], ["ab"]),
        ("*/**/*", ["a/b", "a/b/c"], ["a"]),
        ("a**b", ["ab", "axxb"], ["a/b"]),
        ("?[0-9]", ["a1"], ["1", "/1", "aa"]),
        ("a[!b]c", ["axc", "a\nc"], ["abc", "a/c"]),
        ("a[^b]c", ["axc"], ["abc", "a/c"]),
        ("[]]x[-a]", ["]x-", "]xa"], ["xa"]),
        ("[+-9]", ["+", "5", "."], ["/", ":"]),
        ("[z-a]", [], ["z", "a", "-"]),
        ("a[b", ["a[b"], ["ab"]),
        ("(a|b)+$", ["(a|b)+$"], ["a", "b"]),
        ("[[:&&a]", ["[", ":", "&", "a"], ["b"]),
        (r"\d", [r"\d"], ["1"]),
        ("*_ensemble_*_seed[0-9]*", ["fr_ensemble_v1_seed12"], ["fr_ensemble_seed1"]),
    ],
)
def test_what_a_glob_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [path for path in yes if not globs.matches(pattern, path)] == []
    assert [path for path in no if globs.matches(pattern, path)] == []


def _plainly(pattern: str, path: str) -> bool:
    """The meaning of a glob by exhaustion, with nothing in common with the real one but the classes' syntax."""
    segments, parts = pattern.split("/"), path.split("/")

    def over_segments(i: int, j: int) -> bool:
        if i == len(segments):
            return j == len(parts)
        if segments[i] == "**":
            rest = segments[i:]
            if all(one == "**" for one in rest):
                return j < len(parts)
            return over_segments(i + 1, j) or (j < len(parts) and over_segments(i, j + 1))
        return j < len(parts) and over_characters(segments[i], parts[j]) and over_segments(i + 1, j + 1)

    def over_characters(glob: str, text: str) -> bool:
        if not glob:
            return not text
        if glob[0] == "*":
            return over_characters(glob[1:], text) or (bool(text) and over_characters(glob, text[1:]))
        token = re.match(r"\[([!^]?+)([^\]][^\]]*|\][^\]]*)\]", glob)
        if token:
            inside = bool(text) and _in_class(token[2], text[0])
            return bool(text) and inside != bool(token[1]) and over_characters(glob[token.end() :], text[1:])
        return bool(text) and glob[0] in ("?", text[0]) and over_characters(glob[1:], text[1:])

    return over_segments(0, 0)


def _in_class(items: str, character: str) -> bool:
    while items:
        if len(items) > 2 and items[1] == "-":
            if items[0] <= character <= items[2]:
                return True
            items = items[3:]
        else:
            if items[0] == character:
                return True
            items = items[1:]
    return False


@settings(max_examples=400)
@given(patterns, paths)
@example("**/a*b/**/b", "ab/aab/b")
@example("a*ab*b", "aababb")
def test_it_means_what_trying_everything_says(pattern: str, path: str) -> None:
    if "" not in pattern.split("/"):
        assert globs.matches(pattern, path) == _plainly(pattern, path)


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_an_escaped_path_matches_itself_and_nothing_else(path: str, other: str) -> None:
    assert globs.matches(globs.escape(path), path)
    assert {"", ".", ".."} & {*path.split("/")} or globs.fault(globs.escape(path)) is None
    assert globs.matches(globs.escape(path), other) == (path == other)


@given(
    st.text(alphabet="ab*?[]!^-/{}\\.\n", max_size=12).filter(
        lambda text: "runs backwards" not in str(globs.fault(text))
    )
)
@example("[!]")
@example("[^]![]a\\]")
@example("a[b/c]d")
@example("..")
@example("a/./b")
def test_the_shape_in_the_schema_is_the_fault_in_the_code(pattern: str) -> None:
    ecma = re.compile(globs.SHAPE.replace("$", r"\Z"))  # `$` of ECMA 262 does not stop before a last newline
    assert (ecma.match(pattern) is not None) == (globs.fault(pattern) is None)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("/a", "leading"),
        ("a/", "a/**"),
        ("a//b", "segment"),
        ("../a", "segment"),
        ("./a", "segment"),
        ("a[b", "never closed"),
        ("a\\*", "backslash"),
        ("{a,b}", "braces"),
        ("x[9-0]", "`9-0` runs backwards"),
        ("", "segment"),
    ],
)
def test_a_glob_that_cannot_be_meant_is_explained(pattern: str, why: str) -> None:
    assert why in str(globs.fault(pattern))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 40 + "*b", "a" * 4000),
        ("*a*a*a*a*b", "a" * 4000),
        ("**/a" * 100 + "/**/b", "a/" * 2000 + "a"),
        ("**/*a*a/" * 60 + "b", "aaaa/" * 800 + "a"),
        ("**/*/" * 90 + "b", "a/" * 2000),
        ("?" * 256 + "*" * 200 + "b", "a" * 4000),
        ("*[!b]" * 100 + "b", "a" * 4000),
        ("*" + "a" * 500 + "*b", "a" * 4000),
    ],
)
def test_no_glob_takes_long(pattern: str, path: str) -> None:
    start = time.process_time()
    assert not globs.matches(pattern, path)
    assert time.process_time() - start < 0.5
