"""The figures of the judge: what a check costs, how it grows, how fast blobs are digested, what history costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
from registries import FOLDER, Registry, git
from results import Row
from timing import command, in_turn, peak_mib, ratio, smokegate

from smokegate.demo import PULL_REQUESTS, make_repository, open_pull_request
from smokegate.sources.git import GitRepo

MIB = 1024 * 1024


def embedded(scratch: Path, runs: int) -> list[Row]:
    """The embedded registry, as its pull requests would meet it."""
    repo = make_repository(scratch / "embedded")
    for request in PULL_REQUESTS[:2]:
        open_pull_request(repo, request)
    repo.git("switch", "--quiet", "--create", "pr/notes", "main")
    repo.edit(lambda registry: registry.replace('"notes": "', '"notes": "Reworded. ', 1))
    repo.git("commit", "--quiet", "--all", "--message=Reword")
    root = str(repo.root)
    cases = {
        "unchanged": ("main", "main"),
        "notes reworded": ("main", "pr/notes"),
        "a new model (inspected and run)": ("main", "pr/new-smoke-entry"),
    }
    works = [smokegate("check", "--repo", root, "--base", b, "--head", h) for b, h in cases.values()]
    bare = command([sys.executable, "-c", "pass"])
    timed = in_turn(runs, *works, bare)
    rows = [
        Row(f"check, embedded registry, {name}", str(t), "<= 0.6 s", t.median <= 0.6)
        for name, t in zip(cases, timed, strict=False)
    ]
    return [*rows, Row("for scale: an interpreter that does nothing", str(timed[-1]))]


def growth(scratch: Path, runs: int) -> list[Row]:
    """The same twenty changed entries in a registry of 100 and in one of 10,000."""
    works = []
    for entries in (100, 10_000):
        registry = Registry(scratch / f"entries-{entries}", entries)
        registry.touch(20)
        registry.commit("change")
        works.append(smokegate("check", "--repo", str(registry.root), "--base", "HEAD~1", "--head", "HEAD"))
    small, large = in_turn(runs, *works)
    measured = ratio(large, small)
    return [
        Row("check, 100 entries, 20 changed", str(small)),
        Row("check, 10,000 entries, the same 20 changed", str(large)),
        Row("ratio of the two", f"{measured:.2f}x", "<= 3x", measured <= 3),
    ]


def digests(scratch: Path, runs: int) -> list[Row]:
    """Blobs as git holds them against `sha256sum` on the same files: few large ones, and many small ones."""
    rows = []
    for name, count, size in (("8 of 32 MiB", 8, 32 * MIB), ("400 of 256 KiB", 400, MIB // 4)):
        root = scratch / f"digests-{count}"
        (root / FOLDER).mkdir(parents=True)
        git(root, "init", "-q", "-b", "main")
        files = [root / FOLDER / f"weights_{i}.bin" for i in range(count)]
        rng = np.random.default_rng(count)
        for file in files:  # as weights are: random bytes would not even be deflated
            file.write_bytes(rng.standard_normal(size // 4, dtype=np.float32).tobytes())
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "weights")
        paths = [str(file.relative_to(root)) for file in files]
        bare = scratch / f"bare-{count}"
        git(scratch, "clone", "-q", "--bare", str(root), str(bare))
        ours, inflated, theirs = in_turn(
            runs, partial(_digest, root, paths), partial(_digest, bare, paths), command(["sha256sum", *map(str, files)])
        )
        speed, bare_speed = 1 / ratio(ours, theirs), 1 / ratio(inflated, theirs)
        rows += [
            Row(f"digests of {name}, from git objects", str(ours)),
            Row(f"digests of {name}, sha256sum on the files", str(theirs)),
            Row(f"speed against sha256sum, {name}", f"{speed:.2f}x", ">= 0.9x", speed >= 0.9),
            Row(f"the same from a bare clone, {name}", f"{bare_speed:.2f}x", ">= 0.9x", bare_speed >= 0.9),
        ]
    return rows


def _digest(root: Path, paths: list[str]) -> int:
    with GitRepo.discover(root) as repo:
        tree = repo.tree("HEAD")
        tree.prefetch(paths)
        return len({tree.content(path).digest for path in paths})


def history(scratch: Path, runs: int) -> list[Row]:
    """40 commits of a registry of 25 entries with 12 MB of models."""
    registry = Registry(scratch / "history", 25, hidden=17_000)
    for number in range(39):
        registry.touch(2 if number % 4 == 0 else 0, seed=5000 + 2 * number)
        registry.document["models"][number % 25]["notes"] = f"Reworded {number}."
        registry.commit(f"change {number}")
    size = sum(f.stat().st_size for f in (registry.root / FOLDER).glob("*.onnx")) / 1e6
    (timed,) = in_turn(runs, smokegate("history", "--repo", str(registry.root)))
    return [Row(f"history, 40 commits, 25 entries, {size:.1f} MB of models", str(timed), "<= 10 s", timed.median <= 10)]


def memory(scratch: Path) -> list[Row]:
    """A 2 GB file that changes: it is streamed, never held."""
    registry = Registry(scratch / "memory", 3)
    calm = peak_mib(_checking(registry))
    big = registry.root / FOLDER / "model_00000.onnx.data"
    with big.open("wb") as stream:
        for _ in range(2048):
            stream.write(os.urandom(MIB))
    subprocess.run(
        ["git", "-c", "core.bigFileThreshold=1m", "-c", "core.compression=0", "add", "-A"],
        cwd=registry.root,
        check=True,
    )
    git(registry.root, "commit", "-q", "-m", "weights")
    peak = peak_mib(_checking(registry))
    shutil.rmtree(registry.root)
    return [
        Row("peak memory of a check of a tiny change", f"{calm:.0f} MiB"),
        Row("peak memory of a check of a change that brings a 2 GB file", f"{peak:.0f} MiB", "flat", peak <= calm + 64),
    ]


def _checking(registry: Registry) -> list[str]:
    base = git(registry.root, "rev-list", "--max-parents=0", "HEAD")
    return [sys.executable, "-m", "smokegate", "check", "--repo", str(registry.root), "--base", base, "--head", "HEAD"]
