from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.generate import leaves
from smokegate.policy import CHECK_CODES, EXAMPLE_PEM, Level, Policy
from smokegate.policy_file import default_policy
from smokegate.strictness import RULES, Loosening, loosenings

DEFAULTS = {code: Level.WARN if code in {"SG104", "SG204", "SG208", "SG601"} else Level.BLOCK for code in CHECK_CODES}
KNOWN = ("model/registry.json", "lab/registry.json")
ONE_GATE = {"g": {"match": ["a_*", "b_*"], "group": True}}
OTHER_GATE = {"a": {"match": ["a_*"], "bounds": {"m": {"min": 0.1}}}}


def policy(**said: Any) -> Policy:
    return Policy.model_validate(said)


def loosened(base: Policy, head: Policy, known: Collection[str] = KNOWN) -> list[Loosening]:
    return loosenings(base, head, defaults=DEFAULTS, registries_known=known)


def test_every_field_of_the_policy_has_its_rule() -> None:
    ruled = [path for paths in RULES.values() for path in paths]
    assert sorted(ruled) == sorted(leaves())


KEY, OTHER_KEY = ({"id": name, "pem": EXAMPLE_PEM} for name in "ab")
SIGNER = {"identity": "https://github.com/a/b", "issuer": "https://x.org"}
PIN = {"id": "a", "identity": "0" * 64, "evidence_sha256": "1" * 64}


def gate(**said: Any) -> dict[str, Any]:
    return {"gates": {"g": {"match": ["a"], **said}}}


def bound(**said: Any) -> dict[str, Any]:
    return gate(bounds={"m": {"min": 0.5, **said}})


TIGHTER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"checks": {"SG601": "block"}}),
    ({"checks": {"SG202": "off"}}, {"checks": {"SG202": "warn"}}),
    ({"checks": {"SG202": "warn"}}, {}),
    ({"checks": {"SG204": "warn"}}, {}),
    ({}, {"checks": {"SG201": "block"}}),
    ({"ops": {"extra": ["x:Y"]}}, {}),
    ({"ops": {"allow": ["Conv", "Relu"]}}, {"ops": {"allow": ["Relu"]}}),
    ({"opset": {"max": 22}}, {}),
    ({}, {"opset": {"min": 13}}),
    *(({}, {"limits": {name: 257 if name == "run_memory_mib" else 5}}) for name in Policy().limits.model_dump()),
    ({"licenses": {"extra": ["A", "B"]}}, {"licenses": {"extra": ["B"]}}),
    ({"registries": ["model/*.json"]}, {"registries": ["model/*.json", "other/*.json"]}),
    ({"registries": ["**/registry.json"]}, {"registries": list(KNOWN)}),
    ({"workflows": ["a/*.yml"]}, {"workflows": ["a/*.yml", "b/*.yml"]}),
    ({"gates": {"g": {"match": ["a"]}}}, {"gates": {"g": {"match": ["a"], "group": True}}}),
    ({}, {"groups": {"x": ["a"]}}),
    ({"groups": {"x": ["a"]}}, {"groups": {"x": ["b", "a"]}}),
    (bound(), bound(min=0.6)),
    (bound(), bound(max=0.6)),
    (bound(max=0.6), bound(max=0.5)),
    (bound(max_drop=0.2), bound(max_drop=0.1)),
    (bound(), bound(over="each")),
    (bound(), gate(bounds={"m": {"min": 0.5}, "n": {"max": 1}})),
    (gate(), gate(margin=0.1)),
    (gate(), gate(confidence=0.99)),
    ({"unattested": "allow"}, {}),
    ({"unattested": "allow"}, {"unattested": "allow", "signatures": {"keys": [KEY]}}),
    ({"unattested": "allow"}, {"signatures": {"identities": [SIGNER]}}),
    ({"legacy_evidence": [PIN]}, {}),
    ({"corpora": {"digests": ["0" * 64]}}, {}),
    *(({}, {"corpora": {name: 2000}}) for name in ("min_rows", "min_sources", "min_encoders")),
    ({}, {"remeasure_tolerance": 1e-7}),
    ({}, {"owners": ["ana"]}),
    *(({}, {"github": {"roles": {name: "admin"}}}) for name in Policy().github.roles.model_dump()),
    ({"github": {"custom_roles": {"Steward": "admin"}}}, {"github": {"custom_roles": {"Steward": "write"}}}),
    ({"github": {"custom_roles": {"Steward": "triage"}}}, {}),
    ({}, {"github": {"annotations": 201}}),
    *(({}, {"github": {f"{name}_timeout_minutes": 5}}) for name in ("queue", "harness")),
]

LOOSER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"checks": {"SG202": "warn"}}, "SG202 from block to warn"),
    ({"checks": {"SG601": "block"}}, {}, "SG601 from block to warn"),
    ({}, {"checks": {"SG701": "off"}}, "SG701 from block to off"),
    ({}, {"checks": {"SG204": "warn"}}, "SG204 from its default (warn or block, by the case) to warn"),
    ({"checks": {"SG201": "block"}}, {}, "SG201 from block to its default (warn or block, by the case)"),
    ({}, {"ops": {"extra": ["x:Y"]}}, "the operator x:Y is newly allowed"),
    ({"ops": {"allow": ["Relu"]}}, {"ops": {"allow": ["Relu", "Conv"]}}, "the operator Conv is newly allowed"),
    ({}, {"opset": {"max": 22}}, "opset.max from 21 to 22"),
    ({"opset": {"min": 13}}, {}, "opset.min from 13 to 7"),
    *(
        ({"limits": {name: 257 if name == "run_memory_mib" else 5}}, {}, f"limits.{name} from ")
        for name in Policy().limits.model_dump()
    ),
    ({}, {"checks": {"SG301": "warn"}, "limits": {"model_mib": 1}}, "SG301 does not block"),
    ({}, {"checks": {"SG102": "off"}, "limits": {"document_mib": 1}}, "SG102 does not block"),
    ({}, {"licenses": {"extra": ["Mine", "BSD-3-Clause-Plus-Patent"]}}, "`Mine` is newly accepted"),
    ({}, {"registries": ["model/registry.json"]}, "`lab/registry.json` is no longer governed"),
    ({}, {"workflows": [".github/workflows/*.yml"]}, "`.github/workflows/*.yaml` is no longer watched"),
    ({}, {"schema": "mine.json"}, "schema from unset to mine.json"),
    ({}, {"evidence": ["*.json"]}, "evidence"),
    ({}, {"cards": []}, "cards"),
    ({"gates": ONE_GATE}, {"gates": {}}, "the gate g is gone"),
    ({"gates": {}}, {"gates": ONE_GATE}, "the gate g is new"),
    ({"gates": {**ONE_GATE, **OTHER_GATE}}, {"gates": {**OTHER_GATE, **ONE_GATE}}, "the gates change places"),
    ({"gates": ONE_GATE}, {"gates": {"g": {"match": ["a_*"], "group": True}}}, "no longer judges `b_*`"),
    ({"gates": ONE_GATE}, {"gates": {"g": {"match": ["a_*", "b_*", "c"], "group": True}}}, "now lets `c` flip"),
    ({"gates": ONE_GATE}, {"gates": {"g": {"match": ["a_*", "b_*"]}}}, "need not flip as one"),
    ({"groups": {"x": ["a", "b"]}}, {"groups": {"x": ["a"]}}, "`b` leaves the group x"),
    ({"groups": {"x": ["a"]}}, {"groups": {"y": ["a"]}}, "`a` leaves the group x"),
    (gate(), gate(shape="comparison"), "the gate g judges other measurements"),
    (gate(), gate(metric="psnr"), "the gate g compares another metric"),
    (gate(), gate(seeds=[0, 1, 2, 3, 4, 5]), "the gate g wants other seeds"),
    (gate(), gate(seeds=[0, 1, 2, 3]), "the gate g wants other seeds"),
    (gate(), gate(resamples=20_000), "draws another bootstrap"),
    (gate(), gate(bootstrap_seed=1), "draws another bootstrap"),
    (gate(margin=0.1), gate(), "margin of the gate g from 0.1 to 0.0"),
    (gate(confidence=0.99), gate(), "confidence of the gate g from 0.99 to 0.95"),
    (bound(), bound(min=0.4), "gates.g.bounds.m.min from 0.5 to 0.4"),
    (bound(max=1), bound(), "gates.g.bounds.m.max from 1.0 to unset"),
    (bound(max_drop=0.1), bound(max_drop=0.2), "gates.g.bounds.m.max_drop from 0.1 to 0.2"),
    (bound(over="each"), bound(), "for the mean and no longer for each"),
    (bound(), gate(bounds={"n": {"min": 0.5}}), "asks nothing of m any more"),
    (gate(), bound(), "had no bound that anything could meet"),
    (gate(bounds={"m": {}}), bound(), "had no bound that anything could meet"),
    (
        gate(shape="comparison", bounds={"difference": {"min": 0.1}}),
        gate(shape="comparison", bounds={"difference": {"min": 0.1}, "candidate": {"min": 0.1}}),
        "had no bound that anything could meet",
    ),
    ({}, {"unattested": "allow"}, "evidence without a signature now counts"),
    ({}, {"signatures": {"keys": [KEY]}}, "from none to a"),
    ({"signatures": {"keys": [KEY]}}, {"signatures": {"keys": [KEY, OTHER_KEY]}}, "from a to a, b"),
    ({"signatures": {"keys": [KEY]}}, {}, "from a to none"),
    (
        {"unattested": "allow", "signatures": {"keys": [KEY]}},
        {"unattested": "allow", "signatures": {"keys": [KEY], "identities": [SIGNER]}},
        "from none to https://github.com/a/b",
    ),
    ({}, {"legacy_evidence": [PIN]}, "evidence that names no bytes now counts for `a`"),
    ({"legacy_evidence": [PIN]}, {"legacy_evidence": [{**PIN, "identity": "2" * 64}]}, "now counts for `a`"),
    ({}, {"corpora": {"digests": ["0" * 64]}}, "is newly accepted as a corpus"),
    ({}, {"corpora": {"min_rows": 999}}, "corpora.min_rows from 1000 to 999"),
    ({}, {"corpora": {"min_sources": 4}}, "corpora.min_sources from 5 to 4"),
    ({}, {"corpora": {"min_encoders": 0}}, "corpora.min_encoders from 1 to 0"),
    ({}, {"remeasure_tolerance": 1e-5}, "remeasure_tolerance from 1e-06 to 1e-05"),
    ({"owners": ["ana"]}, {"owners": ["ana", "bob"]}, "from ana to ana, bob"),
    ({"owners": ["ana", "bob"]}, {"owners": ["ana"]}, "from ana, bob to ana"),
    ({"owners": ["ana"]}, {}, "from ana to none"),
    *(
        ({"github": {"roles": {name: "triage"}}}, {"github": {"roles": {name: "read"}}}, f"/{name} is open to read")
        for name in Policy().github.roles.model_dump()
    ),
    ({}, {"github": {"custom_roles": {"Steward": "write"}}}, "the role Steward counts as write, and was read"),
    (
        {"github": {"custom_roles": {"Steward": "write"}}},
        {"github": {"custom_roles": {"Steward": "admin"}}},
        "the role Steward counts as admin, and was write",
    ),
    ({}, {"github": {"check_name": "x"}}, "github.check_name from smokegate to x"),
    ({}, {"github": {"protected_bases": ["lax/*"]}}, "github.protected_bases from none to lax/*"),
    ({"github": {"protected_bases": ["a"]}}, {}, "github.protected_bases from a to none"),
    ({}, {"github": {"annotations": 0}}, "github.annotations from 200 to 0"),
    ({}, {"github": {"workflows": {"harness": "mine.yml"}}}, "another workflow makes evidence"),
    ({}, {"github": {"workflows": {"refresh": "mine.yml"}}}, "another workflow is dispatched"),
    ({}, {"github": {"runner_labels": ["ubuntu-latest"]}}, "evidence is made on other machines"),
    *(
        ({}, {"github": {f"{name}_timeout_minutes": 1000}}, f"github.{name}_timeout_minutes from ")
        for name in ("queue", "harness")
    ),
    ({}, {"github": {"refresh": ["a.json"]}}, "other manifests are dispatched"),
    ({}, {"github": {"corpora": {"a": "b.parquet"}}}, "evidence is measured on something else"),
]


@pytest.mark.parametrize(("base", "head"), TIGHTER)
def test_tightening_is_free(base: dict[str, Any], head: dict[str, Any]) -> None:
    assert loosened(policy(**base), policy(**head)) == []


@pytest.mark.parametrize(("base", "head"), [pair for pair in TIGHTER if not {"owners", "signatures"} & {*pair[1]}])
def test_the_way_back_from_tightening_is_not(base: dict[str, Any], head: dict[str, Any]) -> None:
    everywhere = (*KNOWN, "other/x.json", "third/registry.json")
    assert loosened(policy(**head), policy(**base), everywhere) or base.get("registries") == ["**/registry.json"]


@pytest.mark.parametrize(("base", "head", "why"), LOOSER)
def test_loosening_is_said_in_words(base: dict[str, Any], head: dict[str, Any], why: str) -> None:
    assert why in "; ".join(one.why for one in loosened(policy(**base), policy(**head)))


def test_both_tables_reach_every_rule() -> None:
    reached = {key for pair in TIGHTER for side in pair for key in side}
    assert reached == {"schema" if key == "schema_path" else key for key in Policy.model_fields} - {
        "schema_version",
        "schema",
        "evidence",
        "cards",
    }
    assert {one.key.split(".")[0] for b, h, _ in LOOSER for one in loosened(policy(**b), policy(**h))} == {
        "schema" if key == "schema_path" else key for key in Policy.model_fields
    } - {"schema_version"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"ops": {"allow": ["Conv"], "extra": ["Relu"]}}, {"ops": {"allow": ["Relu", "ai.onnx:Conv"]}}),
        ({"owners": ["Ana", "bob"]}, {"owners": ["bob", "ana"]}),
        ({"cards": ["a.md", "b.md"]}, {"cards": ["b.md", "a.md"]}),
        ({}, {"checks": {"SG202": "block"}}),
    ],
)
def test_another_spelling_is_no_change(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert loosened(policy(**before), policy(**after)) == loosened(policy(**after), policy(**before)) == []


def test_a_glob_that_goes_is_a_loosening_where_no_registry_is_known() -> None:
    (one,) = loosened(policy(), policy(registries=["model/registry.json"]), known=())
    assert "no registry is known" in one.why


def test_a_check_whose_default_is_not_known_is_not_vouched_for() -> None:
    for base, head in (({}, {"checks": {"SG209": "block"}}), ({"checks": {"SG209": "off"}}, {})):
        assert loosenings(policy(**base), policy(**head), defaults={}, registries_known=KNOWN)


_levels = st.sampled_from(["block", "warn", "off"])
_few = st.lists(st.sampled_from(["a", "b", "c*"]), min_size=1, max_size=3)
_bound = st.fixed_dictionaries(
    {"min": st.sampled_from([0.1, 0.2])},
    optional={"max": st.sampled_from([0.3, 0.4]), "max_drop": st.just(0.5), "over": st.sampled_from(["all", "each"])},
)
_gate = st.fixed_dictionaries(
    {"match": _few, "group": st.booleans()},
    optional={
        "bounds": st.dictionaries(st.sampled_from(["m", "candidate"]), _bound, max_size=2),
        "shape": st.sampled_from(["comparison", "metrics"]),
        "margin": st.sampled_from([0.0, 0.1]),
        "confidence": st.sampled_from([0.9, 0.95]),
    },
)
_role_names = st.sampled_from(["read", "write", "admin"])
_said = st.fixed_dictionaries(
    {},
    optional={
        "checks": st.dictionaries(st.sampled_from(["SG102", "SG201", "SG204", "SG301", "SG601"]), _levels),
        "ops": st.fixed_dictionaries(
            {}, optional={"allow": _few.map(lambda x: [i[0] for i in x]), "extra": st.just(["z"])}
        ),
        "opset": st.fixed_dictionaries({}, optional={"min": st.integers(5, 9), "max": st.integers(19, 23)}),
        "limits": st.fixed_dictionaries(
            {}, optional={"model_mib": st.integers(1, 3), "run_seconds": st.integers(1, 3)}
        ),
        "registries": st.lists(st.sampled_from([*KNOWN, "**/registry.json", "lab/*"]), min_size=1, max_size=3),
        "licenses": _few.map(lambda few: {"extra": few}),
        "workflows": _few,
        "evidence": _few,
        "gates": st.dictionaries(st.sampled_from("xy"), _gate),
        "groups": st.dictionaries(st.sampled_from("xy"), _few),
        "unattested": st.sampled_from(["deny", "allow"]),
        "corpora": st.fixed_dictionaries(
            {}, optional={"min_rows": st.integers(1, 3), "digests": st.lists(st.sampled_from(["0" * 64, "1" * 64]))}
        ),
        "owners": st.lists(st.sampled_from(["ana", "bob"]), min_size=1, max_size=2),
        "github": st.fixed_dictionaries(
            {},
            optional={
                "roles": st.fixed_dictionaries({}, optional=dict.fromkeys(("promote", "hold"), _role_names)),
                "custom_roles": st.dictionaries(st.sampled_from(["Steward", "Guest"]), _role_names),
                "annotations": st.integers(0, 3),
                "protected_bases": _few,
                "queue_timeout_minutes": st.integers(1, 3),
            },
        ),
    },
)


def _steps(count: int) -> st.SearchStrategy[list[Policy]]:
    """Policies that differ from one to the next in a key or two: near enough to be compared."""

    def walked(drawn: tuple[dict[str, Any], list[dict[str, Any]]]) -> list[Policy]:
        said, changes = drawn
        walk = [policy(**said)]
        for change in changes:
            said = {**said, **dict(list(change.items())[:2])}
            walk.append(policy(**said))
        return walk

    return st.tuples(_said, st.lists(_said, min_size=count - 1, max_size=count - 1)).map(walked)


@given(_steps(1))
def test_no_policy_loosens_itself(one: list[Policy]) -> None:
    assert loosened(one[0], one[0]) == []
    assert loosened(default_policy().policy, Policy()) == []


@settings(max_examples=300)
@given(_steps(2))
def test_two_policies_that_each_hold_for_the_other_mean_the_same(two: list[Policy]) -> None:
    one, other = two
    neither = not loosened(one, other) and not loosened(other, one)
    assert neither == (_meaning(one) == _meaning(other))


@settings(max_examples=300)
@given(_steps(3))
def test_strictness_adds_up(walk: list[Policy]) -> None:
    """Two steps that are each free cannot come to a loosening in all."""
    first, second, third = walk
    if not loosened(first, second) and not loosened(second, third):
        assert loosened(first, third) == []


def _meaning(one: Policy) -> object:
    from smokegate.globs import matches_any

    own = {**{code: level.value for code, level in DEFAULTS.items()}, "SG201": "", "SG204": "", "SG510": ""}
    return (
        {**own, **{code: level.value for code, level in one.checks.items()}},
        {*one.ops.allow, *one.ops.extra},
        one.opset,
        one.limits,
        [path for path in KNOWN if matches_any(one.registries, path)],
        *(set(texts) for texts in (one.licenses.extra, one.workflows, one.evidence)),
        {name: gate.model_dump() | {"match": set(gate.match)} for name, gate in one.gates.items()},
        one.unattested,
        one.corpora.model_dump() | {"digests": set(one.corpora.digests)},
        {name: set(match) for name, match in one.groups.items()},
        set(one.owners),
        one.github.roles,
        {name: role for name, role in one.github.custom_roles.items() if role != "read"},
        (one.github.annotations, set(one.github.protected_bases), one.github.queue_timeout_minutes),
    )
