"""SG701: who may change the law."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge import REGISTRY, Forge, codes, only, passes, quiet
from smokegate.errors import PolicyError
from smokegate.judge.report import Finding, Verdict

POLICY = "/.smokegate.yml"
BESIDE = ".smokegate.yml"
SCHEMA = "registry.schema.json"
WORKFLOW = "/.github/workflows/registry.yml"
GOVERNS = "on: pull_request\njobs: {check: {steps: [{run: smokegate check}]}}\n"


def governed(forge: Forge, policy: str | None = "limits:\n  git_blob_mib: 10\n", place: str = POLICY) -> None:
    forge.add("alpha_v1")
    if policy is not None:
        forge.write(place, policy)
    forge.start()


def owners_only(forge: Forge) -> Finding:
    report = forge.judged()
    finding = only(report, "SG701")
    assert report.verdict is Verdict.NEEDS_OWNER
    assert "comes together" not in finding.message and "of its own" not in finding.fix
    return finding


# -- policy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("limits:\n  git_blob_mib: 50\n", "git_blob_mib from 10 to 50"),
        ("limits:\n  git_blob_mib: 10\nchecks:\n  SG403: warn\n", "SG403 from block to warn"),
        ("limits:\n  git_blob_mib: 10\nops:\n  extra: [com.microsoft:Gelu]\n", "com.microsoft:Gelu"),
        ("limits:\n  git_blob_mib: 10\ngates:\n  saliency-iou: {match: ['*saliency*']}\n", "is gone"),
        ("limits:\n  git_blob_mib: 10\nevidence: ['proof/*.json']\n", "evidence is looked for elsewhere"),
        ("limits:\n  git_blob_mib: 10\nregistries: [model/other/registry.json]\n", "is no longer governed"),
        ("limits: [1\n", "cannot be read"),
        ("limits:\n  git_blob_mib: 10\nlimit: 3\n", "cannot be read"),
    ],
)
def test_a_policy_that_is_not_stricter_needs_an_owner(forge: Forge, policy: str, why: str) -> None:
    governed(forge)
    forge.write(POLICY, policy)
    finding = owners_only(forge)
    assert why in finding.message and finding.path == ".smokegate.yml"


@pytest.mark.parametrize(
    "policy",
    [
        "limits:\n  git_blob_mib: 5\n",
        "# larger models go to releases\nlimits:   {git_blob_mib: 10}\n",
        "schema_version: 1\nlimits:\n  git_blob_mib: 10\nchecks:\n  SG208: block\n",
        "limits:\n  git_blob_mib: 10\nowners: [ana]\n",
    ],
)
def test_a_policy_that_is_as_strict_needs_nobody(forge: Forge, policy: str) -> None:
    governed(forge)
    forge.write(POLICY, policy)
    quiet(forge.judged())


def test_the_owners_are_those_of_base(forge: Forge) -> None:
    governed(forge, "owners: [ana, acme/models]\n")
    forge.write(POLICY, "owners: [mallory]\n")
    fix = owners_only(forge).fix
    assert "@ana, @acme/models" in fix and "mallory" not in fix


def test_a_deleted_policy_leaves_the_default(forge: Forge) -> None:
    governed(forge)
    forge.delete(POLICY)
    finding = owners_only(forge)
    assert "is deleted" in finding.message and finding.line is None


def test_a_policy_beside_the_registry_governs_too(forge: Forge) -> None:
    governed(forge, place=BESIDE)
    forge.write(BESIDE, "limits:\n  git_blob_mib: 50\n")
    assert owners_only(forge).path == "model/tiny/.smokegate.yml"


@pytest.mark.parametrize(("there", "new"), [(POLICY, BESIDE), (BESIDE, POLICY)])
def test_a_second_policy_would_judge_nothing(forge: Forge, there: str, new: str) -> None:
    governed(forge, place=there)
    forge.write(new, "limits:\n  git_blob_mib: 5\n")
    assert "two policies" in owners_only(forge).message


@pytest.mark.parametrize("name", ["/.smokegate.yaml", "/smokegate.yml", "smokegate.yaml"])
def test_a_misspelt_policy_would_judge_nothing(forge: Forge, name: str) -> None:
    governed(forge)
    forge.write(name, "checks: {}\n")
    assert "looks like a policy" in owners_only(forge).message


def test_a_policy_moved_beside_the_registry_says_the_same(forge: Forge) -> None:
    governed(forge)
    forge.path(POLICY).rename(forge.path(BESIDE))
    quiet(forge.judged())


@pytest.mark.parametrize("place", [POLICY, BESIDE])
def test_a_policy_may_not_be_a_link(forge: Forge, place: str) -> None:
    governed(forge, place=place)
    text = forge.path(place).read_text()
    forge.write("/elsewhere.yml", text)
    forge.delete(place)
    forge.path(place).symlink_to("elsewhere.yml" if place == POLICY else "../../elsewhere.yml")
    assert "plain file" in owners_only(forge).message


def test_a_policy_may_not_become_a_folder(forge: Forge) -> None:
    governed(forge)
    forge.delete(POLICY)
    forge.write("/.smokegate.yml/inside", "x")
    assert "is deleted" in owners_only(forge).message


def test_a_first_policy_is_held_to_the_default(forge: Forge) -> None:
    governed(forge, policy=None)
    forge.write(POLICY, "checks:\n  SG202: off\n")
    assert "SG202" in owners_only(forge).message
    forge.write(POLICY, "owners: [ana]\nregistries: [model/tiny/registry.json]\n")
    quiet(forge.judged())


@pytest.mark.parametrize("readable", [True, False])
def test_the_first_registry_of_a_repo_brings_its_policy(forge: Forge, readable: bool) -> None:
    forge.write("/README.md", "soon\n")
    forge.git("add", "-A")
    forge.git("commit", "-qm", "begin")
    forge.base = forge.git("rev-parse", "HEAD")
    forge.add("alpha_v1")
    forge.write(POLICY, "checks:\n  SG208: off\n" if readable else "checks: [\n")
    assert codes(forge.judged()) == ([] if readable else ["SG701"])


def test_a_policy_without_a_registry_is_replaced_like_any_other(forge: Forge) -> None:
    forge.write(POLICY, "owners: [ana]\n")
    forge.git("add", "-A")
    forge.git("commit", "-qm", "begin")
    forge.base = forge.git("rev-parse", "HEAD")
    forge.add("alpha_v1")
    forge.write(POLICY, "owners: [mallory]\n")
    assert "SG701" in codes(forge.judged())


def test_what_base_says_judges_the_change_that_loosens_it(forge: Forge) -> None:
    governed(forge)
    forge.write(POLICY, "limits:\n  git_blob_mib: 10\nchecks:\n  SG701: off\n  SG403: off\n")
    forge.entry("alpha_v1")["smoke"] = False
    report = forge.judged()
    assert set(codes(report)) == {"SG403", "SG701"}
    assert report.verdict is Verdict.BLOCK


@pytest.mark.parametrize(
    "also",
    [
        lambda forge: forge.entry("alpha_v1").update(notes="four corpora"),
        lambda forge: forge.add("beta_v1"),
        lambda forge: forge.write("evidence/x.json", "{}"),
    ],
)
def test_a_change_of_the_law_comes_alone(forge: Forge, also: Callable[[Forge], Any]) -> None:
    governed(forge)
    forge.write(POLICY, "limits:\n  git_blob_mib: 50\n")
    also(forge)
    report = forge.judged()
    finding = only(report, "SG701")
    assert "comes together with other changes to the registry" in finding.message
    assert finding.fix.startswith("put it into a pull request of its own")


def test_code_beside_it_is_no_matter_of_ours(forge: Forge) -> None:
    governed(forge)
    forge.write(POLICY, "limits:\n  git_blob_mib: 50\n")
    forge.write("/src/train.py", "print()\n")
    owners_only(forge)


def test_an_operators_own_policy_judges_but_base_is_what_is_replaced(forge: Forge, tmp_path: Path) -> None:
    governed(forge)
    own = tmp_path / "own.yml"
    own.write_text("limits:\n  git_blob_mib: 100\n")
    forge.write(POLICY, "limits:\n  git_blob_mib: 50\n")
    report = forge.judged(policy=str(own))
    assert "git_blob_mib from 10 to 50" in only(report, "SG701").message
    assert any("judged by the operator's own policy" in note for note in report.notes)

    own.write_text("limits:\n  git_blob_mib: 1\n")
    forge.write(POLICY, "limits:\n  git_blob_mib: 5\n")
    passes(forge.judged(policy=str(own)))


def test_every_registry_of_the_repo_says_it(forge: Forge) -> None:
    governed(forge)
    forge.write("/model/other/registry.json", forge.path("registry.json").read_text().replace("alpha_v1", "beta_v1"))
    forge.start()
    forge.write(POLICY, "limits:\n  git_blob_mib: 50\n")
    forge.commit()
    assert [codes(r) for r in forge.check_all()] == [["SG701"], ["SG701"]]


def test_two_policies_on_base_cannot_judge(forge: Forge) -> None:
    governed(forge)
    forge.write(BESIDE, "owners: [mallory]\n")
    forge.start()
    forge.entry("alpha_v1")["notes"] = "x"
    forge.commit()
    with pytest.raises(PolicyError, match="two policies"):
        forge.check_all(registry=REGISTRY)


@pytest.mark.parametrize("level", ["off", "warn"])
def test_no_policy_lets_a_registry_pass_that_nobody_can_read(forge: Forge, level: str) -> None:
    governed(forge, f"checks:\n  SG102: {level}\n")
    forge.write("registry.json", '{"models": [')
    forge.commit(save=False)
    only(forge.check(), "SG102")


# -- schema ----------------------------------------------------------------------------------------------------------

LAX = {"type": "object"}


def test_a_schema_that_changes_needs_an_owner(forge: Forge) -> None:
    forge.write_json(SCHEMA, {"type": "object", "required": ["models"]})
    governed(forge)
    forge.write_json(SCHEMA, LAX)
    assert owners_only(forge).path == "model/tiny/registry.schema.json"


@pytest.mark.parametrize(
    ("before", "after"),
    [({"const": True}, {"const": 1}), ({"enum": [0]}, {"enum": [False]})],
)
def test_true_is_not_one_in_a_schema(forge: Forge, before: Any, after: Any) -> None:
    forge.write_json(SCHEMA, {"properties": {"flag": before}})
    governed(forge)
    forge.write_json(SCHEMA, {"properties": {"flag": after}})
    owners_only(forge)


def test_a_schema_that_comes_or_goes_needs_an_owner(forge: Forge) -> None:
    governed(forge)
    forge.write_json(SCHEMA, LAX)
    assert "brings its own schema" in owners_only(forge).message
    forge.start()
    forge.delete(SCHEMA)
    assert "is deleted" in owners_only(forge).message


def test_a_schema_that_breaks_needs_an_owner(forge: Forge) -> None:
    forge.write_json(SCHEMA, LAX)
    governed(forge)
    forge.write(SCHEMA, "{")
    report = forge.judged()
    assert "SG701" in codes(report)


def test_white_space_is_no_change_of_a_schema(forge: Forge) -> None:
    forge.write_json(SCHEMA, LAX)
    governed(forge)
    forge.write(SCHEMA, '{ "type":"object" }')
    quiet(forge.judged())


def test_a_schema_may_not_move_to_where_nobody_looks(forge: Forge) -> None:
    forge.write_json(SCHEMA, LAX)
    governed(forge)
    forge.write_json("/elsewhere.json", LAX)
    forge.delete(SCHEMA)
    forge.path(SCHEMA).symlink_to("../../elsewhere.json")
    report = forge.judged()
    assert set(codes(report)) == {"SG206", "SG701"}
    assert any("becomes a link" in f.message for f in report.blocking)


def test_nor_change_behind_a_link_that_stands(forge: Forge) -> None:
    forge.write_json("/elsewhere.json", {"type": "object", "required": ["models"]})
    forge.path(SCHEMA).parent.mkdir(parents=True, exist_ok=True)
    forge.path(SCHEMA).symlink_to("../../elsewhere.json")
    governed(forge)
    forge.write_json("/elsewhere.json", LAX)
    found = [f for f in forge.judged().blocking if f.code == "SG701"]
    assert [f.path for f in found] == ["model/tiny/registry.schema.json"]


def test_a_schema_that_never_was_is_not_deleted(forge: Forge) -> None:
    governed(forge)
    (forge.root / "model/tiny").rename(forge.root / "model/moved")
    (forge.root / "model/tiny").symlink_to("moved")
    forge.commit(save=False)
    (report,) = (r for r in forge.check_all() if r.registry == "model/tiny/registry.json")
    assert "SG206" in codes(report)
    assert "SG701" not in codes(report)


def test_a_new_registry_may_bring_its_schema(forge: Forge) -> None:
    forge.write("/README.md", "soon\n")
    forge.git("add", "-A")
    forge.git("commit", "-qm", "begin")
    forge.base = forge.git("rev-parse", "HEAD")
    forge.add("alpha_v1")
    forge.write_json(SCHEMA, LAX)
    quiet(forge.judged())


# -- workflows -------------------------------------------------------------------------------------------------------


def test_a_governing_workflow_that_changes_needs_an_owner(forge: Forge) -> None:
    forge.write(WORKFLOW, GOVERNS)
    governed(forge)
    forge.write(WORKFLOW, GOVERNS.replace("smokegate check", "true"))
    assert owners_only(forge).message.endswith("changes")


def test_or_goes(forge: Forge) -> None:
    forge.write(WORKFLOW, GOVERNS)
    governed(forge)
    forge.delete(WORKFLOW)
    assert owners_only(forge).message.endswith("is deleted")


def test_or_moves(forge: Forge) -> None:
    forge.write(WORKFLOW, GOVERNS)
    governed(forge)
    forge.git("mv", WORKFLOW[1:], ".github/registry.yml")
    owners_only(forge)


def test_or_gets_company(forge: Forge) -> None:
    forge.write(WORKFLOW, GOVERNS)
    governed(forge)
    forge.write("/.github/workflows/second.yaml", GOVERNS.replace("check", "check --policy lax.yml"))
    assert owners_only(forge).message.endswith("is added")


def test_a_workflow_that_runs_something_else_does_not(forge: Forge) -> None:
    forge.write(WORKFLOW, GOVERNS)
    forge.write("/.github/workflows/test.yml", "on: push\n")
    governed(forge)
    forge.write("/.github/workflows/test.yml", "on: pull_request\n")
    quiet(forge.judged())


def test_adopting_the_tool_needs_nobody(forge: Forge) -> None:
    forge.write("/.github/workflows/test.yml", "on: push\n")
    governed(forge, policy=None)
    forge.write(WORKFLOW, GOVERNS)
    quiet(forge.judged())
