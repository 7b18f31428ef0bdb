"""A throw-away git repository with a registry in it, to play changes against."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import onnx_models
from smokegate.judge.report import Finding, Report, Verdict
from smokegate.judge.side import Side
from smokegate.policy_file import default_policy
from smokegate.review.check import Question, Workbench, check
from smokegate.sources.git import GitRepo

FOLDER = "model/tiny"
REGISTRY = f"{FOLDER}/registry.json"
_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "A Maintainer",
    "GIT_AUTHOR_EMAIL": "a@example.invalid",
    "GIT_COMMITTER_NAME": "A Maintainer",
    "GIT_COMMITTER_EMAIL": "a@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Forge:
    """`base` is the commit that `check` compares with; `commit` moves head on."""

    def __init__(self, root: Path, bench: Workbench | None = None, *, folder: str = FOLDER) -> None:
        self.root = root
        self.folder = folder
        self.bench = bench
        self.base = ""
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.registry: dict[str, Any] = {"schema_version": 1, "models": []}

    # -- files -----------------------------------------------------------------------------------------------------

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, **_ENVIRONMENT},
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def path(self, name: str) -> Path:
        """A file by its name in the registry's folder; a leading `/` means from the root."""
        return self.root / (name[1:] if name.startswith("/") else f"{self.folder}/{name}")

    def write(self, name: str, data: bytes | str) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def read_json(self, name: str) -> Any:
        return json.loads(self.path(name).read_bytes())

    def delete(self, name: str) -> None:
        self.path(name).unlink()

    def link(self, name: str, target: str) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def to_lfs(self, name: str, *, at_hand: bool = True) -> None:
        """What `git lfs migrate` leaves behind: a pointer, and its object in the clone's store."""
        data = self.path(name).read_bytes()
        oid = sha256(data)
        self.write(name, f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n")
        if at_hand:
            place = self.root / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)

    # -- entries ---------------------------------------------------------------------------------------------------

    def add(self, entry_id: str, model: bytes | None = None, *, sidecar: Any = ..., **fields: Any) -> dict[str, Any]:
        """A complete smoke entry with model and sidecar; fields override, and None leaves a field out."""
        model = onnx_models.mlp(len(self.registry["models"])) if model is None else model
        onnx_name = fields.get("onnx", f"{entry_id}.onnx")
        self.write(onnx_name, model)
        if sidecar is ...:
            sidecar = self.sidecar(model, scaler=b"std" in model)
        if sidecar is not None:
            self.write_json(onnx_name.removesuffix(".onnx") + ".json", sidecar)
        entry = {
            "id": entry_id,
            "kind": "fr",
            "onnx": onnx_name,
            "sha256": sha256(model),
            "opset": 17,
            "smoke": True,
            "license": "Apache-2.0",
            **fields,
        }
        entry = {key: value for key, value in entry.items() if value is not None}
        self.registry["models"].append(entry)
        return entry

    @staticmethod
    def sidecar(model: bytes, *, scaler: bool = True, **fields: Any) -> dict[str, Any]:
        image = b"saliency" in model
        return {
            "input_names": ["input" if image else "features"],
            "output_names": ["saliency_map" if image else "score"],
            "opset": 17,
            "onnx_has_scaler": scaler,
            "sha256": sha256(model),
            **fields,
        }

    def manifest(self, manifest_id: str, *ids: str, **fields: Any) -> dict[str, Any]:
        """An ensemble manifest over entries as they stand now; None leaves a field out."""
        members = [
            {"id": i, "onnx": self.entry(i)["onnx"], "seed": seed, "sha256": self.entry(i)["sha256"]}
            for seed, i in enumerate(ids)
        ]
        stage = all(self.entry(i).get("smoke") is True for i in ids)
        value = {
            "id": manifest_id,
            "kind": "fr_ensemble",
            "ensemble_size": len(ids),
            "members": members,
            "smoke": stage,
        }
        return {key: item for key, item in {**value, **fields}.items() if item is not None}

    def entry(self, entry_id: str) -> dict[str, Any]:
        found: dict[str, Any] = next(e for e in self.registry["models"] if e["id"] == entry_id)
        return found

    def drop(self, entry_id: str) -> dict[str, Any]:
        entry = self.entry(entry_id)
        self.registry["models"].remove(entry)
        return entry

    # -- history and verdicts ----------------------------------------------------------------------------------------

    def save(self) -> None:
        self.write_json("registry.json", self.registry)

    def commit(self, message: str = "change", *, save: bool = True) -> str:
        if save:
            self.save()
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def start(self, message: str = "base") -> None:
        """What stands now is what the next change is judged against."""
        self.base = self.commit(message)

    def check(self, *, head: str | None = "HEAD", **question: Any) -> Report:
        reports = self.check_all(head=head, **question)
        assert len(reports) == 1, [r.registry for r in reports]
        return reports[0]

    def check_all(self, *, head: str | None = "HEAD", **question: Any) -> list[Report]:
        asked = {"repo": str(self.root), "base": self.base, "head": head, **question}
        return check(Question(**asked), self.bench)

    def judged(self, message: str = "change", **question: Any) -> Report:
        """Commit what stands now, and judge it."""
        self.commit(message)
        return self.check(**question)

    def identity(self, entry_id: str) -> str:
        """As the judge works it out of the entry at HEAD."""
        with GitRepo.discover(str(self.root)) as repo, nullcontext(self.bench) if self.bench else Workbench() as bench:
            policy = default_policy().policy
            side = Side(repo.tree("HEAD"), f"{self.folder}/registry.json", policy, bench.graphs(policy.limits))
            return side.identity(side.entries[entry_id]).digest

    def evidence(self, *ids: str, name: str = "PROMOTE.json", **fields: Any) -> None:
        """Evidence that names the entries as they stand at HEAD."""
        subjects = [
            {"id": i, "onnx": self.entry(i)["onnx"], "sha256": self.entry(i)["sha256"], "identity": self.identity(i)}
            for i in ids
        ]
        self.write_json(name, {"schema_version": 2, "verdict": "PROMOTE", "subjects": subjects, **fields})


def codes(report: Report) -> list[str]:
    """Codes of the blocking findings."""
    return [f.code for f in report.blocking]


def only(report: Report, code: str) -> Finding:
    """The single blocking finding, which must have this code."""
    assert codes(report) == [code], [(f.code, f.subject, f.message) for f in report.blocking]
    return report.blocking[0]


def passes(report: Report) -> None:
    assert report.verdict is Verdict.PASS, [(f.code, f.subject, f.message) for f in report.blocking]


def quiet(report: Report) -> None:
    """Passes, and has nothing to say that the change brought in."""
    passes(report)
    assert not report.warnings, [(f.code, f.subject, f.message) for f in report.warnings]
