"""A throw-away git repository with a registry in it, to play changes against."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx_models
import proofs
from smokegate.evidence import write
from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.report import Finding, Report, Verdict
from smokegate.judge.side import Side
from smokegate.review.check import Question, Workbench, check, review
from smokegate.review.flip_overlay import Overlay
from smokegate.review.law import built_in_schema
from smokegate.review.policies import policy_at
from smokegate.review.sides import Sides
from smokegate.sources.git import GitRepo

if TYPE_CHECKING:
    from smokegate.evidence.keys import PrivateKey

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

    @contextmanager
    def supposing(self) -> Iterator[Callable[[Mapping[str, bytes | None]], Report]]:
        """Judges HEAD as if some files (by their name as for `path`) held other bytes: many times, and fast."""
        registry = f"{self.folder}/registry.json"
        with GitRepo.discover(str(self.root)) as repo, nullcontext(self.bench) if self.bench else Workbench() as bench:
            base, head = repo.tree(self.base), repo.tree("HEAD")

            def judged(files: Mapping[str, bytes | None]) -> Report:
                placed = {self.path(name).relative_to(self.root).as_posix(): data for name, data in files.items()}
                sides = Sides(base, Overlay(head, placed), repo, self.base)
                return review(sides, registry, [registry], Question(repo=str(self.root)), bench)

            yield judged

    def identity(self, entry_id: str) -> str:
        """As the judge works it out of the entry at HEAD."""
        with self._standing() as (change, _):
            return change.head.identity(change.head.entries[entry_id]).digest

    # -- evidence ----------------------------------------------------------------------------------------------------

    def trust(self, **policy: Any) -> None:
        """A policy that names this forge's signing key; to be called before `start`, as base's is what judges."""
        self.write_json("/.smokegate.yml", {"signatures": {"keys": [proofs.TRUSTED]}, **policy})

    def evidence(self, *ids: str, name: str = "PROMOTE.json", sign: bool | None = None, **fields: Any) -> None:
        """Sound evidence for entries as they stand at HEAD, by the gates of base's policy; fields override.

        Signed where base's policy names our key, unless told otherwise. What wants several files goes to `evidence/`.
        """
        with self._standing() as (change, law):
            documents = list(proofs.documents(change, law, ids, **fields))
            trusted = any(key.pem == proofs.PEM for key in law.policy.signatures.keys)
        for number, document in enumerate(documents):
            place = name if number == 0 else f"evidence/{number}_{name.rpartition('/')[2]}"
            self.write(place, write.to_bytes(document))
            if trusted if sign is None else sign:
                self.sign(place)

    def sign(self, name: str = "PROMOTE.json", key: PrivateKey = proofs.KEY) -> None:
        data = self.path(name).read_bytes()
        self.write(f"{name}.dsse.json", proofs.signature(data, name.rpartition("/")[2], key))

    @contextmanager
    def _standing(self) -> Iterator[tuple[RegistryChange, Law]]:
        """The change that HEAD is, and the policy that will judge it."""
        with GitRepo.discover(str(self.root)) as repo, nullcontext(self.bench) if self.bench else Workbench() as bench:
            base, head = repo.tree(self.base or "HEAD"), repo.tree("HEAD")
            registry = f"{self.folder}/registry.json"
            policy = policy_at(base, registry)
            graphs = bench.graphs(policy.policy.limits)
            sides = [Side(tree, registry, policy.policy, graphs) for tree in (base, head)]
            law = Law(policy.policy, policy.sha256, built_in_schema(), "registry.schema.json")
            yield RegistryChange(sides[0], sides[1]), law


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
