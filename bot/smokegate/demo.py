"""The demo: five pull requests against a throw-away repository made of the embedded registry."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smokegate.commands import terminal
from smokegate.errors import SmokegateError, UsageError
from smokegate.judge.report import Report, Verdict
from smokegate.registry.edit import append_item, remove_item, set_value
from smokegate.render import markdown, text
from smokegate.review.check import Question, Workbench, check

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = "model/tiny"
POLICY = ".smokegate.yml"
_AUTHOR = {
    "GIT_AUTHOR_NAME": "A Contributor",
    "GIT_AUTHOR_EMAIL": "contributor@example.invalid",
    "GIT_COMMITTER_NAME": "A Contributor",
    "GIT_COMMITTER_EMAIL": "contributor@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


class Scratch:
    """The throw-away repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.registry = root / FOLDER / "registry.json"

    def git(self, *arguments: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | _AUTHOR
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SmokegateError(f"git {arguments[0]} failed: {done.stderr.strip()}")

    def edit(self, change: Callable[[str], str]) -> None:
        self.registry.write_text(change(self.registry.read_text(encoding="utf-8")), encoding="utf-8")


# -- five pull requests ------------------------------------------------------------------------------------------------


def add_a_smoke_entry(repo: Scratch) -> None:
    model = _tiny_model()
    stem = repo.registry.with_name("smoke_gain_v0")
    stem.with_suffix(".onnx").write_bytes(model)
    digest = hashlib.sha256(model).hexdigest()
    sidecar = {"input_names": ["input"], "output_names": ["output"], "opset": 17, "sha256": digest}
    stem.with_suffix(".json").write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
    entry = {
        "description": "Multiplies its input by a constant.",
        "id": "smoke_gain_v0",
        "kind": "filter",
        "license": "Apache-2.0",
        "onnx": "smoke_gain_v0.onnx",
        "opset": 17,
        "sha256": digest,
        "smoke": True,
    }
    repo.edit(lambda registry: append_item(registry, ("models",), entry))


def tamper_with_a_model(repo: Scratch) -> None:
    """One byte of one weight: the graph still loads and runs."""
    path = repo.registry.with_name("smoke_v0.onnx")
    model = bytearray(path.read_bytes())
    weights = model.index(b"weight") if b"weight" in model else len(model) // 2
    place = next(i for i in range(weights + 16, len(model)) if model[i] not in (0, 0xFF))
    model[place] ^= 0x01
    path.write_bytes(bytes(model))


def lose_a_row(repo: Scratch) -> None:
    repo.edit(lambda registry: remove_item(registry, ("models", 0)))


def flip_without_evidence(repo: Scratch) -> None:
    repo.edit(lambda registry: set_value(registry, ("models", 1, "smoke"), False))


def weaken_the_policy(repo: Scratch) -> None:
    path = repo.root / POLICY
    path.write_text(path.read_text(encoding="utf-8") + "\nchecks:\n  SG202: warn\n  SG403: off\n", encoding="utf-8")
    flip_without_evidence(repo)


@dataclass(frozen=True, slots=True)
class PullRequest:
    branch: str
    title: str
    make: Callable[[Scratch], None]
    expected: Verdict


PULL_REQUESTS = (
    PullRequest("pr/new-smoke-entry", "Add a smoke model", add_a_smoke_entry, Verdict.PASS),
    PullRequest("pr/tampered-model", "Refresh smoke_v0", tamper_with_a_model, Verdict.BLOCK),
    PullRequest("pr/lost-row", "Tidy the registry", lose_a_row, Verdict.BLOCK),
    PullRequest("pr/flip", "Ship smoke_v0", flip_without_evidence, Verdict.BLOCK),
    PullRequest("pr/weaker-policy", "Ship smoke_v0, relax the policy", weaken_the_policy, Verdict.BLOCK),
)


# -- playing them ------------------------------------------------------------------------------------------------------


def play(place: Path, *, colour: bool, width: int) -> bool:
    """Whether every verdict came out as it should."""
    repo = make_repository(place / "registry")
    sound = True
    with Workbench() as bench:
        for number, request in enumerate(PULL_REQUESTS, 1):
            open_pull_request(repo, request)
            reports = check(Question(str(repo.root), base="main", head=request.branch), bench)
            (place / f"comment-{number}.md").write_text(markdown.render(reports), encoding="utf-8")
            print(_heading(number, request, colour))
            print(text.render(reports, colour=colour, width=width))
            sound = _as_expected(request, reports) and sound
    return sound


def make_repository(root: Path) -> Scratch:
    if not (CHECKOUT / FOLDER / "registry.json").is_file():
        raise UsageError("the embedded registry is not here", fix="run the demo from a checkout of smokegate")
    shutil.rmtree(root, ignore_errors=True)
    (root / FOLDER).parent.mkdir(parents=True)
    shutil.copytree(CHECKOUT / FOLDER, root / FOLDER)
    shutil.copy(CHECKOUT / POLICY, root / POLICY)
    repo = Scratch(root)
    repo.git("init", "--quiet", "--initial-branch=main")
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message=The registry as it stands")
    return repo


def open_pull_request(repo: Scratch, request: PullRequest) -> None:
    repo.git("switch", "--quiet", "--create", request.branch, "main")
    request.make(repo)
    repo.git("add", "--all")
    repo.git("commit", "--quiet", f"--message={request.title}")
    repo.git("switch", "--quiet", "main")


def _heading(number: int, request: PullRequest, colour: bool) -> str:
    title = f"Pull request {number} of {len(PULL_REQUESTS)}: {request.title}  ({request.branch})"
    rule = "=" * len(title)
    return f"\x1b[1m{title}\x1b[0m\n{rule}" if colour else f"{title}\n{rule}"


def _as_expected(request: PullRequest, reports: list[Report]) -> bool:
    verdicts = [report.verdict for report in reports]
    if verdicts == [request.expected]:
        return True
    print(f"demo: {request.branch} should have been {request.expected.value}", file=sys.stderr)
    return False


def _tiny_model() -> bytes:
    from onnx import TensorProto, helper  # noqa: PLC0415 - heavy, and only the first pull request needs it

    shape: list[str | int | None] = ["N", 1, "H", "W"]
    feed, answer = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("input", "output"))
    gain = helper.make_tensor("gain", TensorProto.FLOAT, [1], [0.5])
    multiply = helper.make_node("Mul", ["input", "gain"], ["output"])
    graph = helper.make_graph([multiply], "gain", [feed], [answer], [gain])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def next_steps(place: Path) -> str:
    return f"""What to do next
  Look around in the repository that was judged:
    cd {place / "registry"} && git log --all --oneline --graph
    smokegate check --base main --head pr/tampered-model --format markdown
  Read the comments as a pull request would show them:
    {place}/comment-1.md ... comment-{len(PULL_REQUESTS)}.md
  Judge a registry of your own:
    smokegate history --repo PATH     every commit so far
    smokegate check --repo PATH       what you are about to commit
    smokegate policy init --repo PATH a starter policy"""


def main() -> int:
    started = time.monotonic()
    place = CHECKOUT / ".demo"
    try:
        sound = play(place, colour=terminal.colour(), width=terminal.width())
    except SmokegateError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    print(next_steps(Path(terminal.shown(place))))
    print(f"\nFive pull requests judged in {time.monotonic() - started:.1f} s.")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
