"""The part of the policy that holds on GitHub alone: who may ask for what, and where the harness runs."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from smokegate.policy_terms import Glob, Name, Strict, shape

Role = Literal["read", "triage", "write", "maintain", "admin"]
ROLES: tuple[str, ...] = get_args(Role)
"""Lowest first."""

_ROLE_SHAPE = (
    r"^(?!(?:none|read|triage|write|maintain|admin)$)"
    r"[^ \u0000-\u001f](?:[^\u0000-\u001f]{0,98}[^ \u0000-\u001f])?$"
)
_PATH_SHAPE = r"^(?!/)(?!(?:[^/]*/)*(?:\.{0,2}/|\.{0,2}$))[^\\\u0000-\u001f\u007f]+$"


def _own_role(name: str) -> str:
    if not re.fullmatch(_ROLE_SHAPE[1:-1], name):
        raise ValueError("the name of a role of your own, at most 100 characters, and none of GitHub's five")
    return name


def _sound_path(path: str) -> str:
    if not re.fullmatch(_PATH_SHAPE[1:-1], path):
        raise ValueError("a path of a file from the repo root, such as `batches/corpora.yml`")
    return path


RoleName = Annotated[str, Field(max_length=100, json_schema_extra=shape(_ROLE_SHAPE)), AfterValidator(_own_role)]
RepoPath = Annotated[
    str, Field(min_length=1, max_length=512, json_schema_extra=shape(_PATH_SHAPE)), AfterValidator(_sound_path)
]
WorkflowFile = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*\.ya?ml$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
CheckName = Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9 ._/:()-]{0,98}[A-Za-z0-9.)])?$")]


class Roles(Strict):
    promote: Role = Field(
        default="maintain", description="Who may ask for a promotion: this role or a higher one.", examples=["admin"]
    )
    hold: Role = Field(default="write", description="Who may stop a promotion.", examples=["maintain"])
    status: Role = Field(default="read", description="Who may ask how promotions stand.", examples=["triage"])
    recheck: Role = Field(default="write", description="Who may have a pull request judged again.", examples=["triage"])
    retire: Role = Field(default="maintain", description="Who may ask for an entry to be retired.", examples=["admin"])
    help: Role = Field(default="read", description="Who is told what the commands are.", examples=["triage"])


class WorkflowFiles(Strict):
    harness: WorkflowFile = Field(
        default="gpu-harness.yml",
        description="The workflow that runs a harness, by its file name.",
        examples=["promotion-harness.yml"],
    )
    refresh: WorkflowFile = Field(
        default="saliency-refresh.yml",
        description="The workflow that refreshes tables, by its file name.",
        examples=["weekly-saliency.yml"],
    )


class GitHub(Strict):
    check_name: CheckName = Field(
        default="smokegate",
        description="Name of the check run that carries the verdict; the ruleset requires it by this name.",
        examples=["model registry"],
    )
    protected_bases: tuple[Glob, ...] = Field(
        default=(),
        description="Branches besides the default branch whose pull requests get a verdict of that name, as globs.",
        examples=[["release/*"]],
    )
    roles: Roles = Field(default_factory=Roles.model_construct, description="The least role per command.")
    custom_roles: dict[RoleName, Role] = Field(
        default_factory=dict,
        description="What an organisation's own repository roles count as. One that is not named here counts as "
        "`read`.",
        examples=[{"Model steward": "maintain"}],
    )
    annotations: int = Field(
        default=200, ge=0, le=1000, description="Most annotations of one check run.", examples=[50]
    )
    workflows: WorkflowFiles = Field(
        default_factory=WorkflowFiles.model_construct, description="Workflows that are dispatched."
    )
    runner_labels: tuple[Label, ...] = Field(
        default=("self-hosted", "gpu"),
        min_length=1,
        max_length=20,
        description="Labels of the runner that the harness job asks for: all of them.",
        examples=[["self-hosted", "linux", "h100"]],
    )
    queue_timeout_minutes: int = Field(
        default=60,
        ge=1,
        le=1440,
        description="How long a harness run may wait for a runner before it is said that none took it.",
        examples=[30],
    )
    harness_timeout_minutes: int = Field(
        default=120, ge=1, le=7200, description="How long a harness run may take once it has started.", examples=[30]
    )
    refresh: tuple[RepoPath, ...] = Field(
        default=(),
        description="Batch manifests that the scheduled refresh dispatches, as paths from the repo root.",
        examples=[["batches/corpora.json"]],
    )
    corpora: dict[Name, RepoPath] = Field(
        default_factory=dict,
        description="What the harness of a gate measures on: a corpus file or an evaluation folder, by the gate's "
        "name. The path is from the repo root, as it stands on the target branch; where that has none, it is below "
        "the folder that `SMOKEGATE_DATA` names on the runner.",
        examples=[{"ensemble-plcc": "model/corpora/synthetic.parquet"}],
    )
