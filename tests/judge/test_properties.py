"""What holds whatever the registry: nothing is introduced by nothing, and no byte of it changes unseen."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import onnx_models
from forge import FOLDER, REGISTRY, Forge, quiet, sha256
from judge import registries
from smokegate.errors import SmokegateError
from smokegate.judge.change import RegistryChange
from smokegate.judge.report import Report, Verdict
from smokegate.judge.side import Side
from smokegate.policy_file import default_policy
from smokegate.registry.document import JsonDocument, read_json
from smokegate.registry.identity import canonical
from smokegate.review.check import Workbench
from smokegate.sources.git import GitRepo

FEW = settings(
    max_examples=12, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FAULTS = st.lists(st.sampled_from(sorted(registries.SPOILS)), max_size=4)
PLANS = st.lists(st.tuples(FAULTS, st.integers(0, 99)), min_size=1, max_size=6)


@contextmanager
def a_forge(bench: Workbench) -> Iterator[Forge]:
    with tempfile.TemporaryDirectory() as folder:
        yield Forge(Path(folder) / "repo", bench)


# -- nothing comes of nothing ------------------------------------------------------------------------------------------


@FEW
@given(PLANS)
def test_a_registry_against_itself(bench: Workbench, plan: list[tuple[list[str], int]]) -> None:
    with a_forge(bench) as forge:
        registries.build(forge, plan)
        forge.start()
        for deep in (False, True):
            report = forge.check(deep=deep)
            quiet(report)
            assert report.changes == ()


@FEW
@given(PLANS, st.randoms(use_true_random=False))
def test_another_spelling_of_the_same_registry(
    bench: Workbench, plan: list[tuple[list[str], int]], dice: random.Random
) -> None:
    with a_forge(bench) as forge:
        registries.build(forge, plan)
        forge.start()
        for entry in forge.registry["models"]:
            items = list(entry.items())
            dice.shuffle(items)
            entry.clear()
            entry.update(items)
        dice.shuffle(forge.registry["models"])
        report = forge.judged(deep=True)
        quiet(report)
        assert report.changes == ()


# -- identity ----------------------------------------------------------------------------------------------------------


@settings(FEW, max_examples=25)
@given(PLANS, st.lists(st.tuples(st.integers(0, 5), FAULTS, st.integers(0, 99)), min_size=1, max_size=3))
def test_equal_inputs_mean_one_identity(
    bench: Workbench, plan: list[tuple[list[str], int]], edits: list[tuple[int, list[str], int]]
) -> None:
    """The cheap comparison may be too careful, and never too careless."""
    with a_forge(bench) as forge:
        registries.build(forge, plan)
        forge.start()
        entries = forge.registry["models"]
        for number, faults, seed in edits:
            registries.spoil(forge, entries[number % len(entries)], faults, seed)
        forge.commit()
        with GitRepo.discover(forge.root) as repo:
            policy = default_policy().policy
            graphs = bench.graphs(policy.limits)
            base, head = (Side(repo.tree(rev), REGISTRY, policy, graphs) for rev in (forge.base, "HEAD"))
            change = RegistryChange(base, head)
            for key in base.entries.keys() & head.entries.keys():
                before, after = base.entries[key], head.entries[key]
                for _ in range(2):  # both sides know both sides' graphs from then on
                    base.look_into(before)
                    head.look_into(after)
                differ = base.identity(before).digest != head.identity(after).digest
                seen = bool(change.reach.of(key)) or base.identity_inputs(before) != head.identity_inputs(after)
                assert seen or not differ
                step = change.steps.get(key)
                assert not differ or (step is not None and step.identity_changed)
                assert differ == bool(base.identity(before).differences(head.identity(after)))


# -- no byte changes unseen --------------------------------------------------------------------------------------------


def governed(forge: Forge) -> None:
    """One of everything."""
    forge.write("/.smokegate.yml", "# a policy\nowners: [ana]\nchecks:\n  SG601: block\n")
    forge.write_json("registry.schema.json", {"type": "object", "required": ["models"]})
    twin = onnx_models.mlp(5)
    sidecar = {**forge.sidecar(onnx_models.mlp(0)), "feature_std": [1.0, 0.5]}
    fields: dict[str, Any] = {"quant_mode": "dynamic", "int8_sha256": sha256(twin)}
    forge.add("alpha_v1", onnx_models.mlp(0), smoke=False, sidecar=sidecar, **fields)
    forge.write("alpha_v1.int8.onnx", twin)
    forge.write("alpha_v1_card.md", "# alpha\n")
    graph, weights = onnx_models.with_external(3, "heavy.bin")
    forge.add("heavy_v1", graph, smoke=False)
    forge.write("heavy.bin", weights)
    for seed in range(2):
        forge.add(f"fr_ensemble_v1_seed{seed}", onnx_models.mlp(10 + seed))
    rows = [{key: forge.entry(f"fr_ensemble_v1_seed{n}")[key] for key in ("id", "onnx", "sha256")} for n in range(2)]
    manifest = {"id": "ens", "kind": "fr_ensemble", "ensemble_size": 2, "members": rows, "smoke": True}
    forge.write_json("ens.json", {**manifest, "confidence": 0.9})
    record = {"id": "old_v1", "sha256": "a" * 64, "reason": "worn out"}
    forge.write_json("retired.json", {"schema_version": 1, "retired": [record]})
    subject = {"id": "alpha_v1", "sha256": forge.entry("alpha_v1")["sha256"], "identity": "b" * 64}
    forge.write_json("PROMOTE.json", {"schema_version": 2, "verdict": "PROMOTE", "subjects": [subject]})
    forge.write("PROMOTE.sigstore.json", '{"signature": "c"}\n')


GOVERNED = [
    "/.smokegate.yml",
    *("registry.json", "registry.schema.json", "ens.json", "retired.json", "PROMOTE.json", "PROMOTE.sigstore.json"),
    *("alpha_v1.onnx", "alpha_v1.json", "alpha_v1.int8.onnx", "alpha_v1_card.md", "heavy_v1.onnx", "heavy.bin"),
]


def shows(before: Report, after: Report) -> bool:
    told = {(f.code, f.subject, f.message) for f in after.findings} != {
        (f.code, f.subject, f.message) for f in before.findings
    }
    return bool(after.changes) or after.verdict is not before.verdict or told


def same_meaning(name: str, before: bytes, after: bytes) -> bool:
    if name.endswith(".yml"):
        return before.split(b"\n")[1:] == after.split(b"\n")[1:] and after.startswith(b"#")
    if not name.endswith(".json"):
        return False
    one, other = (read_json(data, name, max_bytes=1 << 20, max_depth=64) for data in (before, after))
    if not isinstance(one, JsonDocument) or not isinstance(other, JsonDocument):
        return False
    return bool(canonical(one.value) == canonical(other.value))


@pytest.mark.parametrize("name", GOVERNED)
def test_a_change_of_any_byte_shows(forge: Forge, name: str) -> None:
    governed(forge)
    forge.start()
    before = forge.check()
    quiet(replace(before, findings=()))
    data = forge.path(name).read_bytes()
    dice = random.Random(name)  # noqa: S311 - a test's
    for _ in range(10):
        mutated = bytearray(data)
        mutated[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        forge.write(name, bytes(mutated))
        forge.commit(save=False)
        try:
            after = forge.check()
        except SmokegateError:  # cannot judge: that shows too
            continue
        assert shows(before, after) or same_meaning(name, data, bytes(mutated)), bytes(mutated)


@pytest.mark.parametrize("fields", [{"schema_version": 0}, {"$schema": "other.json"}, {"more": 1}, {"models": ["row"]}])
def test_what_a_registry_says_beside_its_entries_shows(forge: Forge, fields: dict[str, Any]) -> None:
    forge.write_json("registry.schema.json", {"type": "object"})
    forge.add("alpha_v1")
    forge.start()
    rows = [*forge.registry["models"], *fields.pop("models", [])]
    forge.registry.update(models=rows, **fields)
    report = forge.judged()
    quiet(report)
    assert [(c.id, c.fields) for c in report.changes] == [(REGISTRY, ("file",))]


def test_a_stricter_policy_passes_and_shows(forge: Forge) -> None:
    governed(forge)
    forge.start()
    forge.write("/.smokegate.yml", forge.path("/.smokegate.yml").read_text() + "  SG208: block\n")
    report = forge.judged()
    quiet(report)
    assert [(c.id, c.fields) for c in report.changes] == [(".smokegate.yml", ("file",))]


@pytest.mark.parametrize("name", [n for n in GOVERNED if n not in {"/.smokegate.yml", "registry.json"}])
def test_a_governed_file_that_goes_shows(forge: Forge, name: str) -> None:
    governed(forge)
    forge.start()
    before = forge.check()
    forge.delete(name)
    forge.commit(save=False)
    assert shows(before, forge.check())


@pytest.mark.parametrize("name", ["alpha_v1.onnx", "alpha_v1.json", "alpha_v1.int8.onnx", "heavy_v1.onnx", "heavy.bin"])
def test_a_change_of_what_production_runs_is_never_a_pass(forge: Forge, name: str) -> None:
    governed(forge)
    forge.start()
    data = forge.path(name).read_bytes()
    place = data.index(b"0.5") + 2 if name.endswith(".json") else len(data) - 1
    forge.write(name, data[:place] + bytes([data[place] ^ 0x01]) + data[place + 1 :])
    forge.commit(save=False)
    report = forge.check()
    assert report.verdict is not Verdict.PASS
    assert any(change.identity_changed for change in report.changes)


def test_folders_judge_as_commits_do(forge: Forge, tmp_path: Path) -> None:
    governed(forge)
    forge.start()
    old = tmp_path / "old"
    shutil.copytree(forge.root, old, ignore=shutil.ignore_patterns(".git"))
    forge.write("heavy.bin", bytes(len(forge.path("heavy.bin").read_bytes())))
    forge.entry("fr_ensemble_v1_seed0")["smoke"] = False
    by_commits = forge.judged()
    by_folders = forge.check(base=f"dir:{old}", head=f"dir:{forge.root}")
    assert by_folders.findings == by_commits.findings
    assert by_folders.changes == by_commits.changes
    assert FOLDER in by_folders.registry
