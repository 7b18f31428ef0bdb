"""The workflows of a repository that uses smokegate, at one commit of ours: ours themselves, or callers of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import UsageError
from smokegate.github.promotions.promotion import RUN_NAME
from smokegate.policy_github import WorkflowFiles

FOLDER = ".github/workflows"
APP_KEY = "SMOKEGATE_PRIVATE_KEY"
SIGNING = ("SMOKEGATE_SIGNING_KEY", "SMOKEGATE_SIGNING_PASSPHRASE")
CHECK, VERDICT, PROMOTE, SWEEP = "registry-check.yml", "registry-verdict.yml", "promote.yml", "sweep.yml"
HARNESS, REFRESH = "gpu-harness.yml", "saliency-refresh.yml"

_PACKAGE = Path(__file__).resolve().parents[2]
_ACTION = "$/.github/actions/smokegate"
"""How our workflows name the action: by the repository and the commit that they are of themselves."""

_SOURCE = re.compile(
    r"(?P<repository>[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})@(?P<commit>[0-9a-f]{40})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where smokegate is, and the commit of it that is meant: a tag or a branch may be another one tomorrow."""

    repository: str
    commit: str
    version: str

    def workflow(self, name: str) -> str:
        return f"{self.repository}/{FOLDER}/{name}@{self.commit} # v{self.version}"

    def action(self) -> str:
        return f"{self.repository}@{self.commit} # v{self.version}"


def source(text: str, version: str) -> Source:
    found = _SOURCE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} does not say where smokegate is",
            fix="--source OWNER/smokegate@COMMIT, with the 40 digits of the commit: git ls-remote --tags "
            "https://github.com/OWNER/smokegate",
        )
    return Source(found["repository"], found["commit"], version)


@dataclass(frozen=True, slots=True)
class Caller:
    calls: str
    """The workflow of ours."""
    on: tuple[str, ...]
    permissions: Mapping[str, str]
    """What its jobs ask for, all together: none gets more than it asks for itself."""
    secrets: tuple[str, ...] = (APP_KEY,)
    run_name: str | None = None

    def text(self, at: Source) -> str:
        name = self.calls.removesuffix(".yml")
        granted = ", ".join(f"{one}: {level}" for one, level in sorted(self.permissions.items()))
        lines = [f"name: {name}", *([f"run-name: {self.run_name}"] if self.run_name else []), "on:"]
        lines += [f"  {line}" for line in self.on]
        lines += ["permissions: {}", "jobs:", f"  {name}:"]
        lines += [f"    permissions: {{{granted}}}", f"    uses: {at.workflow(self.calls)}"]
        if self.secrets:
            # An environment's secret reaches a called workflow under its own name, and only where it is named here.
            lines += ["    secrets:", *(f"      {one}: ${{{{ secrets.{one} }}}}" for one in self.secrets)]
        return "\n".join(lines) + "\n"


def _ignored(trigger: str) -> str:
    return f"# zizmor: ignore[dangerous-triggers] nothing of the {trigger} is run or checked out"


CALLERS: tuple[Caller, ...] = (
    Caller(
        CHECK,
        (
            "pull_request: {types: [opened, reopened, synchronize, edited]}",
            "pull_request_review: {types: [submitted, dismissed]}",
            "merge_group: {types: [checks_requested]}",
        ),
        {"contents": "read"},
        secrets=(),
    ),
    Caller(
        VERDICT,
        (
            f"workflow_run: {{workflows: [registry-check], types: [completed]}} {_ignored('pull request')}",
            "workflow_dispatch: {inputs: {pull: {type: string, required: true}}}",
        ),
        {"checks": "write", "contents": "read", "pull-requests": "write"},
    ),
    Caller(
        PROMOTE,
        (f"issue_comment: {{types: [created, edited]}} {_ignored('comment')}",),
        {"actions": "write", "checks": "read", "contents": "write", "pull-requests": "write"},
    ),
    Caller(
        HARNESS,
        (
            "workflow_dispatch:",
            "  inputs:",
            *(
                f"    {one}: {{type: string, required: true}}"
                for one in ("request", "nonce", "harness", "runner_labels", "timeout_minutes")
            ),
        ),
        {"actions": "read", "checks": "read", "contents": "write", "pull-requests": "write"},
        secrets=(APP_KEY, *SIGNING),
        run_name=RUN_NAME,
    ),
    Caller(
        REFRESH,
        (
            'schedule: [{cron: "17 3 * * 1"}]',
            "workflow_dispatch: {inputs: {manifest: {type: string}, nonce: {type: string}}}",
        ),
        {"actions": "write", "contents": "write", "issues": "write"},
        run_name="${{ inputs.manifest && format('smokegate refresh {0}', inputs.nonce) || 'smokegate refresh' }}",
    ),
    Caller(
        SWEEP,
        ('schedule: [{cron: "7,22,37,52 * * * *"}]', "workflow_dispatch:"),
        {"actions": "write", "contents": "write", "pull-requests": "write"},
    ),
)


def whole(at: Source, names: WorkflowFiles) -> dict[str, str]:
    """By path: ours word for word, but for where the action is.

    Their jobs are then the repository's own: of another owner's, a called job gets neither the caller's runners nor its
    environments' secrets (https://docs.github.com/actions/reference/workflows-and-actions/reusing-workflow-configurations,
    https://github.com/actions/runner/issues/1490).
    """
    return {path: _ours(calls).replace(_ACTION, at.action()) for path, calls in _paths(names).items()}


def files(at: Source, names: WorkflowFiles) -> dict[str, str]:
    """By path: a few lines each, that call ours."""
    texts = {one.calls: one.text(at) for one in CALLERS}
    return {path: texts[calls] for path, calls in _paths(names).items()}


def _paths(names: WorkflowFiles) -> dict[str, str]:
    """Two of them have the names that the policy gives them."""
    called = {HARNESS: names.harness, REFRESH: names.refresh}
    return {f"{FOLDER}/{called.get(one.calls, one.calls)}": one.calls for one in CALLERS}


def _ours(name: str) -> str:
    """Inside the package as installed from a wheel; at the root of the checkout in an editable install."""
    shipped = _PACKAGE / "workflows"
    folder = shipped if shipped.is_dir() else _PACKAGE.parents[1] / FOLDER
    return (folder / name).read_text("utf-8")
