from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.generate import keys
from smokegate.policy import EXAMPLE_PEM, Bound, Gate, Identity, Level, Policy, SigningKey
from smokegate.policy_file import LoadedPolicy, default_policy, digest, parse, plain
from smokegate.policy_starter import show, starter

IDS = ["fr_tiny_v1_ensemble_v2_seed0", "saliency_student_v1", "nr_metric_v1"]


def _started(path: str = "model/tiny/registry.json", ids: list[str] | None = None) -> str:
    return starter(path, IDS if ids is None else ids, {"vmaf_tiny_ensemble": IDS[:1]}, has_schema=True)


def _all_on(text: str) -> str:
    """Every key that is commented out at its default, live."""
    off = "#"
    return "\n".join(
        line[1:] if line.startswith(off) and (line[1:2] != " " or line[1:3] == "  ") else line
        for line in text.splitlines()
    )


def test_a_first_policy_says_nothing_but_which_registry() -> None:
    loaded = parse(_started().encode(), ".smokegate.yml")
    assert loaded.policy == default_policy().policy.model_copy(update={"registries": ("model/tiny/registry.json",)})
    live = [line for line in _started().splitlines() if line and not line.startswith("#")]
    assert live == ["schema_version: 1", "registries: [model/tiny/registry.json]"]


def test_a_first_policy_has_every_key_at_its_default() -> None:
    text = _all_on(_started())
    everything = parse(text.encode(), ".smokegate.yml")
    assert everything.sha256 == parse(_started().encode(), "x").sha256
    assert everything.policy.model_fields_set == set(Policy.model_fields)
    github = everything.policy.github
    parts = [getattr(everything.policy, one) for one in ("ops", "opset", "limits", "licenses", "signatures", "corpora")]
    for inner in (*parts, github, github.roles, github.workflows):
        assert inner.model_fields_set == set(type(inner).model_fields)


def test_a_first_policy_describes_every_key() -> None:
    words = " ".join(re.sub(r"\n#(  )*(# | )", " ", _started()).split())
    for path, field in keys():
        if not path.startswith("gates.*"):
            assert " ".join((field.description or "?").split()) in words, path


def test_a_first_policy_says_what_was_found() -> None:
    text = _started()
    assert "ensemble-plcc judges fr_tiny_v1_ensemble_v2_seed0." in text
    assert "no built-in gate judges nr_metric_v1" in text
    assert "vmaf_tiny_ensemble (fr_tiny_v1_ensemble_v2_seed0)" in text
    assert "`registry.schema.json` beside the registry. As it stands on base" in text
    assert "the built-in schema holds" in starter("registry.json", [], {}, has_schema=False)


@pytest.mark.parametrize(
    "path", ["a[1]/registry.json", "sp ace/registry.json", "{x}/#/registry.json", 'q"\\/é\n/r.json']
)
def test_a_path_with_odd_characters_is_matched_to_the_letter(path: str) -> None:
    from smokegate.globs import matches

    (pattern,) = parse(_started(path).encode(), "x").policy.registries
    assert matches(pattern, path)
    assert not matches(pattern, path.replace("1", "[1]").replace("x", "y") + "x")


@given(st.lists(st.text(max_size=12), max_size=4), st.text(min_size=1, max_size=12))
def test_what_a_registry_holds_cannot_speak_in_the_file(ids: list[str], group: str) -> None:
    text = starter("registry.json", ids, {group: ids}, has_schema=False)
    assert parse(text.encode(errors="replace"), "x").policy == default_policy().policy.model_copy(
        update={"registries": ("registry.json",)}
    )


def test_the_default_is_shown_as_such() -> None:
    text = show(default_policy())
    assert text.startswith("# The policy in force, from: built-in default\n")
    assert "Everything is at its default" in text
    assert parse(text.encode(), "x").sha256 == default_policy().sha256


def test_what_is_not_default_is_named() -> None:
    text = show(parse(b"checks: {SG209: off}\nlimits: {model_mib: 3, git_blob_mib: 25}\nowners: [ana]", "a.yml"))
    assert "# The policy in force, from: a.yml\n" in text
    assert "# Not default: checks.SG209, limits.model_mib, owners\n" in text


_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | st.sampled_from(
    [
        "off",
        "on",
        "null",
        "~",
        "1",
        "1e3",
        ".5",
        ".inf",
        "0x1f",
        "- a",
        "a: b",
        "a #b",
        "yes",
        "!x",
        "&a",
        "*",
        "true",
        "=",
    ]
)
_globs = st.lists(st.sampled_from(["*", "**/a", "[!a]b", "off", "1", "é*", "x" * 90]), min_size=1, max_size=9).map(
    tuple
)
_limits = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_bounds = st.dictionaries(
    st.sampled_from(["psnr", "1", "null"]),
    st.builds(Bound, min=_limits, max=_limits, max_drop=_limits, over=st.sampled_from(["all", "each"])),
)
_policies = st.builds(
    lambda schema, licenses, gates, groups, checks, registries, model_mib, signers, issuers: Policy.model_validate(
        {
            "signatures": {"keys": signers, "identities": issuers},
            "schema": schema,
            "licenses": {"extra": licenses},
            "gates": gates,
            "groups": groups,
            "checks": checks,
            "registries": registries,
            "limits": {"model_mib": model_mib},
        }
    ),
    st.none() | _texts,
    st.lists(_texts, max_size=12).map(tuple),
    st.dictionaries(
        st.sampled_from(["a", "1", "off", "null", "x.y"]),
        st.builds(Gate, match=_globs, group=st.booleans(), bounds=_bounds, margin=st.floats(0, 1)),
    ),
    st.dictionaries(st.sampled_from(["a", "1", "1.5", "true"]), _globs),
    st.dictionaries(st.sampled_from(["SG101", "SG209"]), st.sampled_from(Level)),
    _globs,
    st.integers(1, 2047),
    st.lists(st.builds(SigningKey, id=st.sampled_from(["a", "1"]), pem=st.just(EXAMPLE_PEM)), max_size=2).map(tuple),
    st.lists(st.builds(Identity, identity=_texts, issuer=st.just("https://x")), max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(_policies, _texts)
def test_what_is_shown_is_a_policy_with_the_same_digest(policy: Policy, source: str) -> None:
    text = show(LoadedPolicy(policy, digest(policy), source, ""))
    again = parse(text.encode(), "x")
    assert again.sha256 == digest(policy)
    assert plain(again.policy) == plain(policy)
