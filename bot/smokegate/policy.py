"""The policy: what `.smokegate.yml` may say, and what holds where it says nothing."""

from __future__ import annotations

import difflib
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smokegate import globs
from smokegate.allowlist import DEFAULT_OPS

POLICY_NAME = ".smokegate.yml"

CHECK_CODES: tuple[str, ...] = tuple(
    f"SG{number}"
    for first, last in ((101, 104), (201, 210), (301, 307), (401, 411), (501, 510), (601, 603), (701, 701))
    for number in range(first, last + 1)
)


def _known_check(code: str) -> str:
    if code not in CHECK_CODES:
        near = difflib.get_close_matches(code.upper(), CHECK_CODES, n=1)
        raise ValueError(f"a check code{f'; did you mean `{near[0]}`?' if near else ' such as `SG209`'}")
    return code


def _sound_glob(pattern: str) -> str:
    if why := globs.fault(pattern):
        raise ValueError(f"a glob, but {why}")
    return pattern


def _sound_card(pattern: str) -> str:
    _sound_glob(pattern.removeprefix("/").replace("{id}", "x"))
    return pattern


def _not_a_boolean(version: object) -> object:
    if isinstance(version, bool):
        raise ValueError("1")  # noqa: TRY004 - pydantic collects ValueError only
    return version


def _shape(pattern: str) -> dict[str, Any]:
    return {"pattern": pattern}


_CARD_SHAPE = globs.SHAPE.replace("^", "^/?", 1).replace(r"(?:[^\[\\{}]|", r"(?:[^\[\\{}]|\{id\}|")

CheckCode = Annotated[str, AfterValidator(_known_check), Field(json_schema_extra={"enum": list(CHECK_CODES)})]
Glob = Annotated[
    str, Field(min_length=1, max_length=512, json_schema_extra=_shape(globs.SHAPE)), AfterValidator(_sound_glob)
]
CardGlob = Annotated[
    str, Field(min_length=1, max_length=512, json_schema_extra=_shape(_CARD_SHAPE)), AfterValidator(_sound_card)
]
OpName = Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9_.-]+:)?[A-Za-z_][A-Za-z0-9_]*$")]
LicenseName = Annotated[str, Field(min_length=1, max_length=128)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Owner = Annotated[
    str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(?:\[bot\])?(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?$")
]


class Level(Enum):
    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


class _Strict(BaseModel):
    # defer_build: the default policy is constructed, never validated, so most runs need no validator at all.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Ops(_Strict):
    allow: tuple[OpName, ...] = Field(
        default=DEFAULT_OPS,
        description="Operators that a graph may use. `Name` is the default ONNX domain; `domain:Name` another.",
        examples=[["Conv", "Relu", "com.microsoft:Gelu"]],
    )
    extra: tuple[OpName, ...] = Field(
        default=(),
        description="Operators allowed on top of `allow`: the usual way to admit one more.",
        examples=[["com.microsoft:FusedConv"]],
    )


class Opset(_Strict):
    min: int = Field(default=7, ge=1, le=1000, description="Lowest opset that an entry may declare.", examples=[13])
    max: int = Field(default=21, ge=1, le=1000, description="Highest opset that an entry may declare.", examples=[22])

    @model_validator(mode="after")
    def _in_order(self) -> Opset:
        if self.min > self.max:
            raise ValueError(f"`min` ({self.min}) to be at most `max` ({self.max}), or no opset fits")
        return self


class Limits(_Strict):
    document_mib: int = Field(
        default=16,
        ge=1,
        le=1024,
        description="Largest JSON document that is read (registry, sidecar, manifest).",
        examples=[4],
    )
    document_depth: int = Field(
        default=64, ge=4, le=512, description="Deepest nesting of a JSON document.", examples=[32]
    )
    model_mib: int = Field(
        default=512,
        ge=1,
        le=2047,
        description="Largest `.onnx` file that is parsed; larger weights belong in external data.",
        examples=[64],
    )
    model_nodes: int = Field(
        default=100_000,
        ge=1,
        le=10_000_000,
        description="Most nodes of a graph, subgraphs and functions counted.",
        examples=[20_000],
    )
    git_blob_mib: int = Field(
        default=25,
        ge=1,
        le=102_400,
        description="Largest blob that may newly enter git itself; above it, use git-lfs or a release.",
        examples=[10],
    )
    run_seconds: int = Field(
        default=20, ge=1, le=600, description="CPU seconds that the run check (SG306) may take.", examples=[60]
    )
    run_memory_mib: int = Field(
        default=1024,
        ge=256,
        le=1_048_576,
        description="Memory for the run check on top of four times the model's own size.",
        examples=[2048],
    )


class Licenses(_Strict):
    extra: tuple[LicenseName, ...] = Field(
        default=("BSD-3-Clause-Plus-Patent",),
        description="Licence names accepted besides the SPDX identifiers.",
        examples=[["BSD-3-Clause-Plus-Patent", "LicenseRef-Acme-Research"]],
    )


class Gate(_Strict):
    match: tuple[Glob, ...] = Field(
        min_length=1, description="Entry ids that this gate judges, as globs.", examples=[["dehaze_*"]]
    )
    group: bool = Field(
        default=False,
        description="Whether the entries that share an ensemble manifest (or a glob) flip as one.",
        examples=[True],
    )


class Policy(_Strict):
    """`.smokegate.yml` at the repo root or beside the registry. The one on base judges."""

    schema_version: Annotated[Literal[1], BeforeValidator(_not_a_boolean)] = Field(
        default=1, description="Version of this file's format.", examples=[1]
    )
    registries: tuple[Glob, ...] = Field(
        default=("**/registry.json",),
        min_length=1,
        description="Registries that this policy governs, as globs from the repo root.",
        examples=[["model/tiny/registry.json"]],
    )
    schema_path: str | None = Field(
        default=None,
        alias="schema",
        min_length=1,
        max_length=512,
        description="JSON Schema that a registry must fit, relative to the registry's folder. "
        "Unset: `registry.schema.json` beside the registry if base has one, else the built-in schema.",
        examples=["registry.schema.json"],
    )
    evidence: tuple[Glob, ...] = Field(
        default=("*PROMOTE.json", "*HOLD.json", "evidence/**/*.json"),
        description="Where evidence lies, as globs relative to the registry's folder.",
        examples=[["evidence/**/*.json"]],
    )
    cards: tuple[CardGlob, ...] = Field(
        default=("{id}_card.md", "{id}.md", "cards/{id}.md", "/docs/models/{id}.md", "/docs/ai/models/{id}.md"),
        description="Where a model card may lie; `{id}` is the entry's id, a leading `/` the repo root.",
        examples=[["cards/{id}.md"]],
    )
    workflows: tuple[Glob, ...] = Field(
        default=(".github/workflows/*.yml", ".github/workflows/*.yaml"),
        description="Workflow files; those that mention smokegate govern.",
        examples=[[".github/workflows/*"]],
    )
    checks: dict[CheckCode, Level] = Field(
        default_factory=dict,
        description="Severity per check code: `block`, `warn` or `off`.",
        examples=[{"SG208": "off", "SG601": "block"}],
    )
    ops: Ops = Field(default_factory=Ops.model_construct, description="Operators that graphs may use.")
    opset: Opset = Field(default_factory=Opset.model_construct, description="Opsets that entries may declare.")
    limits: Limits = Field(
        default_factory=Limits.model_construct, description="Bounds on what is read, parsed and run."
    )
    licenses: Licenses = Field(default_factory=Licenses.model_construct, description="Licence names beyond SPDX.")
    gates: dict[Name, Gate] = Field(
        default_factory=lambda: dict(BUILT_IN_GATES),
        description="Which gate judges which entries on their way to production. "
        "Setting it replaces the built-in ones.",
        examples=[{"saliency-iou": {"match": ["*saliency*", "mask_*"], "group": False}}],
    )
    groups: dict[Name, Annotated[tuple[Glob, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Entries that flip as one, as globs on ids; members of an ensemble manifest always do.",
        examples=[{"encoder-pair": ["fr_x264_v2", "fr_x265_v2"]}],
    )
    owners: tuple[Owner, ...] = Field(
        default=(),
        description="GitHub logins or `org/team`s whose approval a change of policy or schema needs.",
        examples=[["ana", "acme/model-owners"]],
    )


BUILT_IN_GATES: dict[str, Gate] = {
    "ensemble-plcc": Gate.model_construct(match=("*_ensemble_*_seed[0-9]*",), group=True),
    "saliency-iou": Gate.model_construct(match=("*saliency*",), group=False),
}
