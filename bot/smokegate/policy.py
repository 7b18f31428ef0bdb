"""The policy: what `.smokegate.yml` may say, and what holds where it says nothing."""

from __future__ import annotations

import difflib
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from smokegate import globs
from smokegate.allowlist import DEFAULT_OPS
from smokegate.policy_github import GitHub
from smokegate.policy_terms import Glob, Name, Strict, shape, sound_glob

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


def _sound_card(pattern: str) -> str:
    sound_glob(pattern.removeprefix("/").replace("{id}", "x"))
    return pattern


def _not_a_boolean(version: object) -> object:
    if isinstance(version, bool):
        raise ValueError("1")  # noqa: TRY004 - pydantic collects ValueError only
    return version


_CARD_SHAPE = globs.SHAPE.replace("^", "^/?", 1).replace(r"(?:[^\[\\{}]|", r"(?:[^\[\\{}]|\{id\}|")

CheckCode = Annotated[str, AfterValidator(_known_check), Field(json_schema_extra={"enum": list(CHECK_CODES)})]
CardGlob = Annotated[
    str, Field(min_length=1, max_length=512, json_schema_extra=shape(_CARD_SHAPE)), AfterValidator(_sound_card)
]
OpName = Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9_.-]+:)?[A-Za-z_][A-Za-z0-9_]*$")]
LicenseName = Annotated[str, Field(min_length=1, max_length=128)]
Owner = Annotated[
    str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(?:\[bot\])?(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?$")
]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EntryId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]
Pem = Annotated[
    str,
    Field(
        max_length=4096,
        pattern=r"^\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$",
    ),
]
Issuer = Annotated[str, Field(max_length=512, pattern=r"^https://[^\s]+$")]

EXAMPLE_PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n"
)


class Level(Enum):
    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


class Ops(Strict):
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


class Opset(Strict):
    min: int = Field(default=7, ge=1, le=1000, description="Lowest opset that an entry may declare.", examples=[13])
    max: int = Field(default=21, ge=1, le=1000, description="Highest opset that an entry may declare.", examples=[22])

    @model_validator(mode="after")
    def _in_order(self) -> Opset:
        if self.min > self.max:
            raise ValueError(f"`min` ({self.min}) to be at most `max` ({self.max}), or no opset fits")
        return self


class Limits(Strict):
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
        default=20,
        ge=1,
        le=600,
        description="CPU seconds that the run check (SG306) may take, and `saliency compare` for a picture.",
        examples=[60],
    )
    run_memory_mib: int = Field(
        default=1024,
        ge=256,
        le=1_048_576,
        description="Memory for the run check and for each model of a comparison, on top of what its size explains.",
        examples=[2048],
    )


class Licenses(Strict):
    extra: tuple[LicenseName, ...] = Field(
        default=("BSD-3-Clause-Plus-Patent",),
        description="Licence names accepted besides the SPDX identifiers.",
        examples=[["BSD-3-Clause-Plus-Patent", "LicenseRef-Acme-Research"]],
    )


class Bound(Strict):
    min: float | None = Field(default=None, description="The metric is at least this.", examples=[0.9])
    max: float | None = Field(default=None, description="The metric is at most this.", examples=[0.01])
    max_drop: float | None = Field(
        default=None, description="The metric is at most this much below the incumbent's.", examples=[0.002]
    )
    over: Literal["all", "each"] = Field(
        default="all",
        description="Whether the mean over all members meets the bound, or each member by itself.",
        examples=["each"],
    )


class Gate(Strict):
    match: tuple[Glob, ...] = Field(
        min_length=1, description="Entry ids that this gate judges, as globs.", examples=[["dehaze_*"]]
    )
    group: bool = Field(
        default=False,
        description="Whether the entries that share an ensemble manifest (or a glob) flip as one.",
        examples=[True],
    )
    shape: Literal["ensemble", "comparison", "metrics"] = Field(
        default="metrics",
        description="What evidence carries: folds of every seed (`ensemble`), items of a candidate and its incumbent "
        "(`comparison`), or named numbers of each entry (`metrics`).",
        examples=["comparison"],
    )
    bounds: dict[Name, Bound] = Field(
        default_factory=dict,
        description="What is asked of each metric. A gate without any lets nothing pass, but for a comparison with an "
        "incumbent.",
        examples=[{"latency_ms": {"max": 40.0}, "psnr": {"min": 30.0, "max_drop": 0.1, "over": "each"}}],
    )
    seeds: tuple[Seed, ...] = Field(
        default=(0, 1, 2, 3, 4),
        min_length=1,
        description="The seeds that an ensemble is trained with: these, each once, and no others.",
        examples=[[0, 1, 2]],
    )
    metric: Name = Field(
        default="iou", description="What a comparison compares; higher is better.", examples=["block_iou"]
    )
    margin: float = Field(
        default=0.0, ge=0, description="By how much the candidate of a comparison is better at least.", examples=[0.01]
    )
    confidence: float = Field(
        default=0.95,
        ge=0.5,
        lt=1,
        description="Confidence of the interval that a comparison's difference lies in, which must exclude zero.",
        examples=[0.99],
    )
    resamples: int = Field(
        default=10_000, ge=1000, le=100_000, description="Resamples of the paired bootstrap.", examples=[20_000]
    )
    bootstrap_seed: int = Field(
        default=0,
        ge=0,
        le=2**53 - 1,
        description="Seed of the bootstrap, so that it always says the same.",
        examples=[7],
    )


class SigningKey(Strict):
    id: Name
    pem: Pem


class Identity(Strict):
    identity: Annotated[str, Field(min_length=1, max_length=512)]
    issuer: Issuer


class Signatures(Strict):
    keys: tuple[SigningKey, ...] = Field(
        default=(),
        description="Public keys that may sign evidence: an `id` to tell each by, and its `pem` (ECDSA P-256 or "
        "Ed25519).",
        examples=[[{"id": "harness", "pem": EXAMPLE_PEM}]],
    )
    identities: tuple[Identity, ...] = Field(
        default=(),
        description="Keyless (Sigstore) signers: the certificate's `identity` and the `issuer` that vouched for it.",
        examples=[
            [
                {
                    "identity": "https://github.com/acme/models/.github/workflows/gpu-harness.yml@refs/heads/main",
                    "issuer": "https://token.actions.githubusercontent.com",
                }
            ]
        ],
    )


class LegacyEvidence(Strict):
    id: EntryId
    identity: Digest
    evidence_sha256: Digest


class Corpora(Strict):
    digests: tuple[Digest, ...] = Field(
        default=(),
        description="Corpora accepted by the digest of their content, whatever their size.",
        examples=[["5f" * 32]],
    )
    min_rows: int = Field(
        default=1000, ge=1, le=10**12, description="Fewest rows of any other corpus.", examples=[5000]
    )
    min_sources: int = Field(
        default=5, ge=1, le=10**9, description="Fewest distinct sources of any other corpus.", examples=[9]
    )
    min_encoders: int = Field(
        default=1, ge=0, le=10**6, description="Fewest distinct encoders of any other corpus.", examples=[2]
    )


def _completed(gates: dict[str, Gate]) -> dict[str, Gate]:
    """Under a built-in gate's name and shape, what is left out stays as it is built in, bound by bound."""
    return {name: _like(gate, BUILT_IN_GATES.get(name)) for name, gate in gates.items()}


def _like(gate: Gate, built_in: Gate | None) -> Gate:
    if built_in is None or ("shape" in gate.model_fields_set and gate.shape != built_in.shape):
        return gate
    left_out = built_in.model_fields_set - gate.model_fields_set
    fields = {name: getattr(built_in, name) for name in left_out}
    return gate.model_copy(update={**fields, "bounds": {**built_in.bounds, **gate.bounds}})


class Policy(Strict):
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
    gates: Annotated[dict[Name, Gate], AfterValidator(_completed)] = Field(
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
    unattested: Literal["deny", "allow"] = Field(
        default="deny",
        description="Whether evidence without a signature counts; where it does, the verdict says *self-attested*.",
        examples=["allow"],
    )
    signatures: Signatures = Field(default_factory=Signatures.model_construct, description="Who may sign evidence.")
    legacy_evidence: tuple[LegacyEvidence, ...] = Field(
        default=(),
        description="Evidence of version 1, which names no bytes, accepted for one entry at one `identity`.",
        examples=[[{"id": "fr_v1_ensemble_v2_seed0", "identity": "5f" * 32, "evidence_sha256": "0a" * 32}]],
    )
    corpora: Corpora = Field(
        default_factory=Corpora.model_construct,
        description="Corpora that evidence may rest on: the named ones, and any that has the minima.",
    )
    remeasure_tolerance: float = Field(
        default=1e-6,
        ge=0,
        le=1,
        description="How far a metric measured again by the judge may be from what the evidence says.",
        examples=[1e-5],
    )
    owners: tuple[Owner, ...] = Field(
        default=(),
        description="GitHub logins or `org/team`s whose approval a change of policy or schema needs.",
        examples=[["ana", "acme/model-owners"]],
    )
    github: GitHub = Field(
        default_factory=GitHub.model_construct,
        description="What holds on GitHub: commands, checks, harness runs. Read from the policy at the root of the "
        "default branch, and from no other.",
    )


def _bound(**limits: Any) -> Bound:
    return Bound.model_construct(**limits)


BUILT_IN_GATES: dict[str, Gate] = {
    "ensemble-plcc": Gate.model_construct(
        match=("*_ensemble_*_seed[0-9]*",),
        group=True,
        shape="ensemble",
        bounds={
            "mean_plcc": _bound(min=0.95),
            "plcc_spread": _bound(max=0.005),
            "seed_plcc": _bound(min=0.95, over="each"),
            "exported_plcc": _bound(min=0.95, over="each"),
        },
    ),
    "saliency-iou": Gate.model_construct(
        match=("*saliency*",),
        group=False,
        shape="comparison",
        metric="iou",
        bounds={"candidate": _bound(min=0.5)},
    ),
}
