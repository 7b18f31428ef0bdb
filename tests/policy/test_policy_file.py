from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smokegate.errors import PolicyError
from smokegate.policy import BUILT_IN_GATES, CHECK_CODES, Bound, Gate, Level, Policy
from smokegate.policy_file import BUILT_IN, LoadedPolicy, default_policy, digest, locate, parse, plain
from smokegate.policy_mistakes import PolicyFileError
from smokegate.policy_yaml import MAX_BYTES, MAX_NODES

NAME = "model/.smokegate.yml"


def read(text: str) -> LoadedPolicy:
    return parse(text.encode(), NAME)


def mistakes(text: str | bytes) -> list[tuple[int, int, str, str, str]]:
    with pytest.raises(PolicyFileError) as caught:
        parse(text if isinstance(text, bytes) else text.encode(), NAME)
    for one in caught.value.mistakes:
        if len(caught.value.mistakes) <= 50:
            assert f"{NAME}:{one.place.line}:{one.place.column}: {one}" in caught.value.message
    return [(m.place.line, m.place.column, m.key, m.found, m.expected) for m in caught.value.mistakes]


def only(text: str | bytes) -> tuple[int, int, str, str, str]:
    (one,) = mistakes(text)
    return one


@pytest.mark.parametrize("text", ["", "\n", "# nothing but a comment\n", "---\n", "--- # empty\n...\n", "{}", "\ufeff"])
def test_an_empty_file_is_the_default(text: str) -> None:
    loaded = read(text)
    assert loaded.policy == default_policy().policy
    assert loaded.sha256 == default_policy().sha256
    assert (loaded.source, default_policy().source) == (NAME, BUILT_IN)


def test_the_default_is_what_validation_would_make_of_it() -> None:
    default = default_policy().policy
    assert default == Policy() == Policy.model_validate_json("{}", strict=True)
    assert dict(BUILT_IN_GATES) == {
        name: Gate.model_validate_json(json.dumps(plain(gate)), strict=True) for name, gate in BUILT_IN_GATES.items()
    }
    assert default_policy().sha256 == digest(Policy())


def test_a_built_in_gate_under_its_own_name_keeps_what_is_left_out() -> None:
    text = "gates: {ensemble-plcc: {match: [mine_*], bounds: {mean_plcc: {min: 0.99}, latency: {max: 4}}}}"
    (gate,) = read(text).policy.gates.values()
    built_in = BUILT_IN_GATES["ensemble-plcc"]
    assert (gate.match, gate.group, gate.shape, gate.seeds) == (("mine_*",), True, "ensemble", built_in.seeds)
    assert gate.bounds["mean_plcc"] == Bound(min=0.99)
    assert {name: one for name, one in gate.bounds.items() if name in built_in.bounds and name != "mean_plcc"} == {
        name: one for name, one in built_in.bounds.items() if name != "mean_plcc"
    }
    assert gate.bounds["latency"] == Bound(max=4)
    assert read("gates: {saliency-iou: {match: [x], shape: metrics}}").policy.gates["saliency-iou"].bounds == {}


def test_a_mistake_within_a_list_of_mappings_is_placed() -> None:
    line, column, key, _, expected = only("signatures:\n  keys:\n    - {id: a, pem: x}\n")
    assert (line, column, key) == (3, 20, "signatures.keys[0].pem")
    assert "public key in PEM" in expected
    _, _, key, found, expected = mistakes("signatures:\n  keys:\n    - {id: a, pme: x}\n")[-1]
    assert (key, found) == ("signatures.keys[0].pme", "an unknown key")
    assert "did you mean `pem`" in expected


def test_a_whole_policy_is_read() -> None:
    loaded = read(
        """\
schema_version: 1
registries: [model/tiny/registry.json, "other/**/registry.json"]
schema: ../registry.schema.json
checks: {SG209: off, SG208: block}
ops: {extra: ["com.microsoft:Gelu"]}
limits:
  model_mib: 1e2
  run_seconds: 60.0
gates:
  mine: {match: ["dehaze_*"], group: true}
groups: {pair: &pair [a, b], again: *pair}
owners: [ana, acme/model-owners, "refresh[bot]"]
"""
    )
    policy = loaded.policy
    assert policy.checks == {"SG209": Level.OFF, "SG208": Level.BLOCK}
    assert (policy.limits.model_mib, policy.limits.run_seconds, policy.limits.git_blob_mib) == (100, 60, 25)
    assert policy.schema_path == "../registry.schema.json"
    assert policy.ops.extra == ("com.microsoft:Gelu",)
    assert policy.gates == {"mine": Gate(match=("dehaze_*",), group=True)}
    assert policy.groups == {"pair": ("a", "b"), "again": ("a", "b")}
    assert policy.owners[1] == "acme/model-owners"


def test_the_digest_is_of_what_holds_in_the_end() -> None:
    plainly = read("checks: {SG209: off, SG208: warn}\nowners: [ana]")
    spelt_out = read("# why\nowners:\n- 'ana'\nlimits: {model_mib: 512}\nchecks:\n  SG208: \"warn\"\n  SG209: off\n")
    assert plainly.sha256 == spelt_out.sha256
    assert plainly.sha256 != read("checks: {SG209: off, SG208: block}\nowners: [ana]").sha256
    assert plainly.sha256 != default_policy().sha256


@pytest.mark.parametrize("head", ["", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n"])
def test_off_is_text_whatever_yaml_version_is_claimed(head: str) -> None:
    assert read(f"{head}checks: {{SG209: off}}").policy.checks == {"SG209": Level.OFF}
    assert read(f"{head}groups: {{x: [on, no, yes, 1_000, 12:30:00, 2026-01-01]}}").policy.groups["x"][0] == "on"


@pytest.mark.parametrize("value", ["false", "no", "False", "none", "offf"])
def test_a_level_that_is_none_says_what_was_meant(value: str) -> None:
    line, column, key, found, expected = only(f"checks:\n  SG209: {value}\n")
    assert (line, column, key) == (2, 10, "checks.SG209")
    assert value.lower() in found
    assert expected == "`block`, `warn` or `off`; did you mean `off`?"


def test_a_boolean_level_is_called_one() -> None:
    assert only("checks: {SG209: true}")[3:] == (
        "`true`, a boolean",
        "`block`, `warn` or `off`; did you mean `block`?",
    )


def test_every_mistake_is_listed_at_once_with_its_place() -> None:
    text = """\
schema_version: 2
registires: [x]
registries: model/registry.json
checks:
  sg201: warn
  SG202: off
  SG202: warn
limits: {git_blob_mb: 3, model_mib: .nan, run_seconds: 9000, document_mib: "4"}
git_blob_mib: 3
SG306: off
opset: {min: 30}
gates:
  x: {groups: true}
  y:
owners: ["@ana", 5]
12: x
"""
    said = {(line, column): (key, found, expected) for line, column, key, found, expected in mistakes(text)}
    assert {place: key for place, (key, _, _) in said.items()} == {
        (1, 17): "schema_version",
        (2, 1): "registires",
        (3, 13): "registries",
        (5, 3): "checks.sg201",
        (7, 3): "checks",
        (8, 10): "limits.git_blob_mb",
        (8, 37): "limits.model_mib",
        (8, 56): "limits.run_seconds",
        (8, 76): "limits.document_mib",
        (9, 1): "git_blob_mib",
        (10, 1): "SG306",
        (11, 8): "opset",
        (13, 3): "gates.x.match",
        (13, 7): "gates.x.groups",
        (14, 3): "gates.y",
        (15, 10): "owners[0]",
        (15, 18): "owners[1]",
        (16, 1): "",
    }
    assert "`registries`" in said[2, 1][2]
    assert 'write `registries: ["model/registry.json"]`' in said[3, 13][2]
    assert "`SG201`" in said[5, 3][2]
    assert "first on line 6" in said[7, 3][1]
    assert "`git_blob_mib`" in said[8, 10][2]
    assert said[8, 56][1:] == ("`9000`", "at most 600")
    assert said[8, 76][1:] == ("the text `4`", "a whole number")
    assert "`limits.git_blob_mib`" in said[9, 1][2]
    assert "under `checks`" in said[10, 1][2]
    assert "`group`" in said[13, 7][2]
    assert "without `@`" in said[15, 10][2]
    assert '`"5"`' in said[15, 18][2]


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("a: [b", (1, 6), "not YAML"),
        ("a:\n\tb: 1", (2, 1), "not YAML"),
        ("checks: {SG209: off}\n---\nowners: []", (2, 1), "second document"),
        ("owners: !!str x", (1, 9), "the tag"),
        ("owners: !!python/object:os.system x", (1, 9), "the tag"),
        ("owners: *x", (1, 9), "alias `*x`"),
        ("owners: &x [*x]", (1, 13), "alias `*x`"),
        ("? [a]\n: b", (1, 3), "as a key"),
        ("[" * 200_000, (1, 17), "nesting"),
        ("owners: \x07", (1, 9), '"\\u0007"'),
        (b"owners: \xff", (1, 9), "0xff"),
        ("é: 1\n".encode("latin-1"), (1, 1), "0xe9"),
        ("owners: []".encode("utf-16"), (1, 1), "0xff"),
        (b"#" * (MAX_BYTES + 1), (1, 1), f"{MAX_BYTES + 1} bytes"),
        ('owners: ["\\UFFFFFFFF"]', (1, 1), "not YAML"),
        ('schema: "\\uD800"', (1, 9), "half a character"),
        ("limits: {model_mib: 1e999}", (1, 21), "`1e999`"),
        ("limits: {model_mib: -.inf}", (1, 21), "`-.inf`"),
        (f"limits: {{model_mib: {'9' * 5000}}}", (1, 21), "5000 digits"),
        ("limits: {model_mib: 4.5}", (1, 21), "`4.5`"),
        ("limits: {model_mib: true}", (1, 21), "a boolean"),
        ("schema_version: true", (1, 17), "a boolean"),
        ("[a]", (1, 1), "a list"),
        ("just text", (1, 1), "`just text`"),
        ("checks:\n", (1, 1), "nothing"),
        ("registries: []", (1, 13), "an empty list"),
        ("registries: ['']", (1, 14), "``"),
        ("registries: [/registry.json]", (1, 14), "`/registry.json`"),
        ("cards: ['{name}.md']", (1, 9), "`{name}.md`"),
        ("ops: {allow: [a b]}", (1, 15), "`a b`"),
        ("schema: ''", (1, 9), "``"),
        ("<<: {owners: []}", (1, 1), "unknown key"),
    ],
)
def test_what_cannot_be_read_names_its_place(text: str | bytes, place: tuple[int, int], found: str) -> None:
    line, column, _, what, _ = only(text)
    assert (line, column) == place
    assert found in what


def test_what_the_file_says_cannot_break_the_message() -> None:
    key = '"' + "k\\n\\e[31m" * 50 + '"'
    with pytest.raises(PolicyFileError) as caught:
        read(f"{key}: 1\nschema: [x]\nowners: ['`\n\n  -->']")
    assert len(caught.value.message.splitlines()) == 4
    assert "\x1b" not in caught.value.message
    assert all(len(line) < 500 for line in caught.value.message.splitlines())


_BOMB = "\n".join(
    [f"k0: &k0 [{', '.join('x' * 9)}]", *(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9)}]" for n in range(1, 12))]
)


@pytest.mark.parametrize(
    "text",
    [
        _BOMB,
        "owners:\n" + "- a\n" * (MAX_NODES + 1),
        "".join(f"k{n}: 1\n" for n in range(MAX_NODES - 2)),
        "owners: [" + "a," * 120_000 + "]",
        "? " * 130_000,
        "- " * 130_000,
        "&a " * 80_000,
        "!" * 200_000,
        'a: "' + "\\\\" * 100_000 + '"',
        "a: >\n" + " x\n\n" * 60_000,
        "[*" + "a" * 200_000,
    ],
)
def test_no_file_takes_long(text: str) -> None:
    start = time.process_time()
    assert mistakes(text)
    assert time.process_time() - start < 5


_SCRAPS = [
    *(
        "checks",
        "SG209",
        "off",
        ": ",
        ":\n  ",
        "\n",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "!x ",
        "'",
        '"',
        "|\n",
    ),
    *(">\n ", "%YAML 1.1\n", "---\n", "? ", "\\U", "\\x", "#", "\t", "owners", "1", ".nan", "\r", "\u2028"),
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(_SCRAPS),
        max_size=14,
    ).map("".join)
    | st.binary(max_size=40)
)
def test_whatever_comes_in_a_policy_or_a_policy_error_comes_out(given_text: str | bytes) -> None:
    data = given_text if isinstance(given_text, bytes) else given_text.encode()
    try:
        parse(data, NAME)
    except PolicyFileError as error:
        assert error.mistakes
        assert all(m.place.line >= 1 and m.place.column >= 1 and m.found and m.expected for m in error.mistakes)


@pytest.mark.parametrize(
    ("registry", "files", "found"),
    [
        ("model/tiny/registry.json", [], None),
        ("model/tiny/registry.json", [".smokegate.yml"], ".smokegate.yml"),
        ("model/tiny/registry.json", ["model/tiny/.smokegate.yml"], "model/tiny/.smokegate.yml"),
        ("model/tiny/registry.json", ["model/.smokegate.yml", "smokegate.yml/x"], None),
        ("registry.json", [".smokegate.yml"], ".smokegate.yml"),
    ],
)
def test_where_the_policy_lies(registry: str, files: list[str], found: str | None) -> None:
    assert locate(registry, files.__contains__) == found


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([".smokegate.yml", "model/.smokegate.yml"], "git rm model/.smokegate.yml"),
        (["model/.smokegate.yaml"], "git mv model/.smokegate.yaml model/.smokegate.yml"),
        (["smokegate.yml", "model/.smokegate.yml"], "git mv smokegate.yml .smokegate.yml"),
    ],
)
def test_two_policies_or_a_misspelt_one_stop_everything(files: list[str], said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        locate("model/registry.json", files.__contains__)
    assert said in str(caught.value)


def test_the_default_loads_no_yaml_and_builds_no_validator() -> None:
    program = (
        "import sys; from smokegate.policy_file import default_policy; default_policy();"
        "from smokegate.policy import Policy;"
        "print('ruamel.yaml' in sys.modules, Policy.__pydantic_complete__)"
    )
    bot = Path(__file__).parents[2] / "bot"
    ran = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(bot)}, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "False"]


def test_check_codes_are_all_there_once() -> None:
    assert len(CHECK_CODES) == len(set(CHECK_CODES)) == 46
    assert (CHECK_CODES[0], CHECK_CODES[-1]) == ("SG101", "SG701")
