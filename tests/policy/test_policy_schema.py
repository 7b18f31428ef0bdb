from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.generate import DOCS, SCHEMA, documented, key_of, keys, schema
from smokegate.errors import PolicyError
from smokegate.policy import CHECK_CODES, EXAMPLE_PEM
from smokegate.policy_file import default_policy, parse, plain

HINT = "run: PYTHONPATH=bot:tests python -m policy.generate"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema()))


def test_the_schema_is_the_models() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema(), HINT
    jsonschema.Draft202012Validator.check_schema(json.loads(schema()))


def test_the_page_has_the_keys_of_the_model() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert documented(page) == page, HINT
    assert [path for path, _ in keys() if f"| `{key_of(path)}` |" not in page] == []


def test_the_page_names_every_check() -> None:
    page = DOCS.read_text(encoding="utf-8")
    spans = re.findall(r"SG(\d+) to SG(\d+)", page)
    named = {f"SG{n}" for first, last in spans for n in range(int(first), int(last) + 1)} | {"SG701"}
    assert named == set(CHECK_CODES)


def test_the_page_shows_policies_that_are_policies() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        assert parse(block.encode(), "docs").sha256 != default_policy().sha256


@pytest.mark.parametrize("path", [path for path, field in keys() if field.examples])
def test_every_example_is_one(path: str) -> None:
    field = dict(keys())[path]
    for value in field.examples or []:
        document: Any = value
        for part in reversed(key_of(path).replace("<name>", "mine").split(".")):
            document = {part: document}
        if path.startswith("gates.*."):
            document["gates"]["mine"].setdefault("match", ["x"])
        assert parse(json.dumps(document).encode(), "x")
        assert VALIDATOR.is_valid(document)


_words = st.sampled_from(
    [
        *(
            "off",
            "block",
            "warn",
            "a",
            "",
            "*",
            "**/x.json",
            "/a",
            "a/",
            "a[b",
            "{id}.md",
            "/x/{id}",
            "//a",
            "ana",
            "@a",
        ),
        *("Conv", "d:Op", "a b", "registry.schema.json", "x" * 600, "acme/x", "é"),
    ]
)
_numbers = st.sampled_from([0, 1, 4, 7, 21, 64, 256, 512, 600, 601, 1024, 2048, 10**9, 16.0, 4.5, -1])
_anything = st.recursive(
    _words | _numbers | st.booleans() | st.none() | st.lists(_words, max_size=3), lambda one: st.lists(one, max_size=2)
)


def _maps(names: list[str], values: st.SearchStrategy[Any] = _anything) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(names), values, max_size=3) | _anything


_gates = st.fixed_dictionaries(
    {"match": st.just(["x"]) | st.lists(_words, max_size=2)},
    optional={
        "group": st.booleans() | _words,
        "shape": st.sampled_from(["ensemble", "comparison", "metrics", "other", None, 1]),
        "bounds": _maps(
            ["psnr", "a b", "-"],
            _maps(["min", "max", "max_drop", "over", "x"], _numbers | st.sampled_from(["each", None])),
        ),
        "seeds": st.lists(st.sampled_from([0, 1, -1, 2.5, True, 10**17]), max_size=2) | _anything,
        "metric": _words,
        "margin": st.sampled_from([0, 0.5, -0.5, None, "1"]),
        "confidence": st.sampled_from([0.5, 0.99, 1, 0.2, True]),
        "resamples": st.sampled_from([1000, 999, 100_000, 100_001, 2000.5]),
        "bootstrap_seed": _numbers,
        "x": _words,
    },
)
_signers = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "A", "", 1])},
    optional={
        "pem": st.sampled_from([EXAMPLE_PEM, "-----BEGIN PRIVATE KEY-----", "", 1]),
        "identity": st.sampled_from(["x", "", "0" * 64]),
        "issuer": st.sampled_from(["https://x", "http://x", "https://a b"]),
        "evidence_sha256": st.sampled_from(["0" * 64, "0" * 64 + "\n", "F" * 64, None]),
    },
)
_roles = st.sampled_from(["read", "maintain", "none", "Admin", "owner", None, 1])
_github = (
    st.fixed_dictionaries(
        {},
        optional={
            "check_name": st.sampled_from(["smokegate", "a b", "", " a", "a\n", "x" * 101, "é", 1]),
            "protected_bases": st.lists(_words, max_size=2) | _anything,
            "roles": _maps(["promote", "help", "merge"], _roles),
            "custom_roles": _maps(["Model steward", "read", "readers", " x", "x ", "a\nb", "é", "x" * 101, ""], _roles),
            "annotations": _numbers,
            "workflows": _maps(
                ["harness", "refresh", "x"], st.sampled_from(["a.yml", "a.yaml", "a/b.yml", ".yml", "a.yml\n", 1])
            ),
            "runner_labels": st.lists(st.sampled_from(["gpu", "self-hosted", "a b", "${{x}}", "-x", ""]), max_size=2)
            | _anything,
            "queue_timeout_minutes": _numbers,
            "harness_timeout_minutes": _numbers,
            "refresh": st.lists(
                st.sampled_from(["a.json", "b/c.yml", "/a", "a/", "../a", "a/../b", "./a", "a//b", "a\\b", "a\nb", ""]),
                max_size=2,
            )
            | _anything,
            "corpora": _maps(["a", "a b", "-"], st.sampled_from(["a.parquet", "b/c", "/a", "../a", "a\\b", "", 1])),
            "x": _words,
        },
    )
    | _anything
)
_documents = st.fixed_dictionaries(
    {},
    optional={
        "schema_version": st.sampled_from([1, 1.0, 2, "1", True, None]),
        "registries": st.lists(_words, max_size=2) | _anything,
        "schema": _anything,
        "evidence": st.lists(_words, max_size=2),
        "cards": st.lists(_words, max_size=2),
        "workflows": _anything,
        "checks": _maps(["SG209", "SG101", "SG999", "sg209", "x"], _words),
        "ops": _maps(["allow", "extra", "other"], st.lists(_words, max_size=2)),
        "opset": _maps(["min"], st.sampled_from([1, 7, 0, True]))
        | _maps(["max"], st.sampled_from([21, 22, "22", 1001])),
        "limits": _maps(["model_mib", "run_seconds", "document_depth", "run_memory_mib", "x"], _numbers),
        "licenses": _maps(["extra"]),
        "gates": _maps(["a", "a b", "-", "ensemble-plcc"], _gates),
        "unattested": st.sampled_from(["deny", "allow", "maybe", True, None]),
        "signatures": _maps(["keys", "identities", "x"], st.lists(_signers, max_size=2)),
        "legacy_evidence": st.lists(_signers, max_size=2) | _anything,
        "corpora": _maps(["digests", "min_rows", "x"], st.lists(_words, max_size=2) | _numbers),
        "remeasure_tolerance": _numbers | st.sampled_from([0.5, True, "1e-6", None]),
        "groups": _maps(["a", "x" * 65, "é"], st.lists(_words, max_size=2)),
        "owners": st.lists(_words, max_size=2),
        "github": _github,
        "other": _anything,
    },
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_documents)
def test_the_schema_and_the_model_are_of_one_mind(document: dict[str, Any]) -> None:
    try:
        parse(json.dumps(document).encode(), "x")
        read = True
    except PolicyError:
        read = False
    assert VALIDATOR.is_valid(document) == read


def test_the_schema_accepts_the_default_written_out() -> None:
    document = plain(default_policy().policy)
    VALIDATOR.validate(document)
