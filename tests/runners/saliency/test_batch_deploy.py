"""What the documentation and the deployment files say is so."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from smokegate_runners.commands.batch import command
from smokegate_runners.saliency.batches.batch_manifest import Config, ListedTable, read

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "runners" / "deploy"
PAGE = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
FLAGS = {flag for option in command.params if isinstance(option, click.Option) for flag in option.opts}


def loaded(name: str) -> Any:
    return YAML(typ="safe").load((DEPLOY / name).read_text(encoding="utf-8"))


def test_the_sample_manifest_is_one() -> None:
    reading = read(DEPLOY / "batch.yml")
    assert not reading.mistakes
    assert [listed.table.id for listed in reading.tables] == ["konvid", "ugc", "bvi-dvc"]


def test_the_manifest_of_the_page_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "batch.yml").write_text(example)
    reading = read(tmp_path / "batch.yml")
    assert not reading.mistakes
    assert [listed.table.id for listed in reading.tables] == ["konvid", "ugc"]


def test_the_page_knows_every_key_and_every_flag() -> None:
    told = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert {*Config.model_fields, *ListedTable.model_fields} <= told
    assert {flag for flag in FLAGS if not flag.startswith("--help")} <= set(re.findall(r"--[a-z-]+", PAGE))


@pytest.mark.parametrize("name", ["kuberay.yml", "actions-matrix.yml"])
def test_the_commands_of_the_files_are_ours(name: str) -> None:
    text = " ".join(line for line in (DEPLOY / name).read_text().splitlines() if not line.strip().startswith("#"))
    calls = re.findall(r"smokegate batch (.*?)(?:backoffLimit|\)\"|- name)", text)
    assert calls
    for call in calls:
        flags = {word for word in shlex.split(call) if word.startswith("--")}
        assert flags
        assert flags <= FLAGS


def test_the_cluster_asks_for_a_token_and_the_driver_for_no_clip() -> None:
    spec = loaded("kuberay.yml")["spec"]["rayClusterSpec"]
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    head = spec["headGroupSpec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    worker = spec["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert {mount["name"]: mount["mountPath"] for mount in head}["data"] == worker[0]["mountPath"]


def test_the_workflow_is_sound() -> None:
    folder, path = Path(sys.executable).parent, DEPLOY / "actions-matrix.yml"
    for check in (
        [folder / "zizmor", "--offline", "--persona", "pedantic", "--quiet", path],
        [folder / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path],
    ):
        run = subprocess.run([str(word) for word in check], capture_output=True, text=True, check=False, timeout=120)
        assert run.returncode == 0, run.stdout + run.stderr
    workflow = loaded("actions-matrix.yml")
    assert workflow["permissions"] == {}
    assert all("${{" not in step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"])
