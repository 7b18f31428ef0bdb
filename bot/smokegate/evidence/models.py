"""Evidence as typed values. A test holds them and their JSON Schemas to one verdict on the same inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 17.0 is the integer 17."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=0), BeforeValidator(_whole)]
Version1 = Annotated[int, Field(ge=1, le=1), BeforeValidator(_whole)]
Version2 = Annotated[int, Field(ge=2, le=2), BeforeValidator(_whole)]
Instant = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+]00:00)$")
]
Verdict = Literal["PROMOTE", "HOLD"]
Shape = Literal["ensemble", "comparison", "metrics"]


class _Open(BaseModel):
    """Unknown fields are kept: others write evidence too, and later versions add to it."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, defer_build=True)


class Fold(_Open):
    held_out: Text
    n_train: Count | None = None
    n_val: Count | None = None
    plcc: Number | None
    srocc: Number | None
    rmse: Number | None


class LosoSeed(_Open):
    """`loso_seed{N}.json`: what leaving out one source at a time gave for one seed. null is an undefined number."""

    seed: Count
    corpus: str | None = None
    n_folds: Count
    folds: list[Fold]
    mean_plcc: Number | None
    std_plcc: Number | None
    min_plcc: Number | None
    max_plcc: Number | None
    mean_srocc: Number | None
    mean_rmse: Number | None
    epochs: Count | None = None
    batch_size: Count | None = None
    lr: Number | None = None
    weight_decay: Number | None = None
    num_codecs: Count | None = None
    encoder_vocab_version: Whole | str | None = None
    wall_time_s: Number | None = None
    note: str | None = None


class _GateNumbers(_Open):
    """What version 1 says of the gate; null where the gate is no ensemble's."""

    passed: bool
    mean_plcc: Number | None
    mean_plcc_threshold: Number | None
    mean_plcc_pass: bool | None
    plcc_spread: Number | None
    plcc_spread_max: Number | None
    plcc_spread_pass: bool | None
    per_seed_plccs: dict[str, Number | None]
    per_seed_min: Number | None
    per_seed_pass: bool | None
    failing_seeds: list[Whole]


class CorpusV1(_Open):
    present: bool
    corpus_root: str | None = None
    sha256: Sha256 | None
    ref_count: Count | None = None
    dis_count: Count | None = None


class PromoteV1(_Open):
    """PROMOTE.json or HOLD.json of version 1, as it exists in the wild. It names no model bytes."""

    schema_version: Version1
    verdict: Verdict
    generated_at_utc: Instant
    loso_dir: str | None = None
    seeds: list[Count]
    gate: _GateNumbers
    corpus: CorpusV1
    recommendation: str | None = None
    adr: str | None = None
    parent_adr: str | None = None


class Metric(_Open):
    name: Text
    over: Literal["all", "each"]
    subject: str | None
    value: Number | None
    min: Number | None = None
    max: Number | None = None
    max_drop: Number | None = None
    margin: Number | None
    passed: bool


class ComparisonRule(_Open):
    """How the difference between candidate and incumbent was judged."""

    metric: Text
    margin: Number
    confidence: Number
    resamples: Count
    bootstrap_seed: Count
    items: Count
    low: Number | None
    high: Number | None
    inconclusive: bool


class GateV2(_GateNumbers):
    name: Text
    shape: Shape
    metrics: list[Metric]
    comparison: ComparisonRule | None = None


class CorpusV2(CorpusV1):
    path: str | None
    rows: Count
    sources: list[Text]
    encoders: list[Text]
    format: Literal["jsonl", "parquet", "clips"] | None


class ExternalFile(_Open):
    path: Annotated[str, Field(min_length=1, max_length=256)]
    sha256: Sha256
    size: Count


class Measured(_Open):
    rows: Count
    plcc: Number | None
    srocc: Number | None
    rmse: Number | None


class MeasuredTwins(_Open):
    fp32: Measured
    int8: Measured | None = None


class EvidenceSubject(_Open):
    id: Id
    onnx: Text
    sha256: Sha256
    external_data: list[ExternalFile]
    int8_sha256: Sha256 | None
    identity: Sha256
    seed: Count | None
    measured: MeasuredTwins | None


class EnsembleMeasurements(_Open):
    shape: Literal["ensemble"]
    seeds: list[LosoSeed]


class ComparisonItem(_Open):
    id: Text
    candidate: Number
    incumbent: Number | None
    weight: Number | None = None


class Micro(_Open):
    candidate: Number
    incumbent: Number | None


class ComparisonMeasurements(_Open):
    shape: Literal["comparison"]
    metric: Text
    items: list[ComparisonItem]
    micro: Micro | None = None


class MetricsMeasurements(_Open):
    shape: Literal["metrics"]
    entries: dict[str, dict[str, Number | None]]
    incumbent: dict[str, Number | None] | None


class Incumbent(_Open):
    id: Id
    sha256: Sha256
    identity: Sha256


class Runner(_Open):
    commit: str | None = None
    packages: dict[str, str] = {}
    host_class: str | None = None
    gpu: str | None = None
    driver: str | None = None
    execution_provider: str | None = None
    wall_time_s: Number | None = None


class Request(_Open):
    repository: Text
    pr: Count
    head_sha: Text
    comment: Count | str | None = None
    actor: Text
    run: Count | str | None = None


class PromoteV2(_Open):
    """PROMOTE.json or HOLD.json of version 2: every field of version 1, and what it was measured on."""

    schema_version: Version2
    verdict: Verdict
    generated_at_utc: Instant
    loso_dir: str | None
    seeds: list[Count]
    gate: GateV2
    corpus: CorpusV2
    recommendation: str
    adr: str | None
    parent_adr: str | None
    policy_sha256: Sha256
    subjects: list[EvidenceSubject]
    measurements: Annotated[
        EnsembleMeasurements | ComparisonMeasurements | MetricsMeasurements, Field(discriminator="shape")
    ]
    incumbent: Incumbent | None
    runner: Runner | None
    request: Request | None


VERSIONS: Mapping[int, type[BaseModel]] = {1: PromoteV1, 2: PromoteV2}
_MEASUREMENTS: Mapping[str, type[BaseModel]] = {
    "ensemble": EnsembleMeasurements,
    "comparison": ComparisonMeasurements,
    "metrics": MetricsMeasurements,
}

Misfit = tuple[tuple[str | int, ...], str]
"""Where a document does not fit its schema, and why in words."""


def misfits(value: Any, model: type[BaseModel]) -> Iterator[Misfit]:
    try:
        model.model_validate(value)
    except ValidationError as error:
        seen = set()
        for one in error.errors(include_url=False, include_input=False):
            place = _place(one["loc"], value)
            if (place, one["type"]) not in seen:
                seen.add((place, one["type"]))
                yield place, _words(one["type"], one["msg"])


def _place(loc: tuple[str | int, ...], value: Any) -> tuple[str | int, ...]:
    """pydantic names the members of a union on the way; the document has no such steps."""
    place: list[str | int] = []
    for step in loc:
        inside = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        )
        if inside:
            value = value[step]
            place.append(step)
        elif step == loc[-1] and isinstance(value, dict) and isinstance(step, str) and "[" not in step:
            place.append(step)
    return tuple(place)


def _words(kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    words = message.removeprefix("Input should be ").removeprefix("String should ").removeprefix("Value error, ")
    return f"should be {words}" if words != message else words[:1].lower() + words[1:]


def unknown_fields(value: Any, version: int | None) -> Iterator[str]:
    model = VERSIONS.get(version) if version is not None else None
    if model is not None:
        yield from _unknown(value, model, "")


def _unknown(value: Any, model: type[BaseModel], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        field = model.model_fields.get(name)
        if field is None:
            yield f"{path}{name}"
            continue
        for part in _models_in(field.annotation, inner):
            items = inner if isinstance(inner, list) else [inner]
            for index, item in enumerate(items):
                step = f"{path}{name}[{index}]." if isinstance(inner, list) else f"{path}{name}."
                yield from _unknown(item, part, step)


def _models_in(annotation: Any, value: Any) -> list[type[BaseModel]]:
    found = [one for one in _flat(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    if len(found) > 1:
        shape = value.get("shape") if isinstance(value, dict) else None
        found = [_MEASUREMENTS[shape]] if isinstance(shape, str) and shape in _MEASUREMENTS else []
    return found


def _flat(annotation: Any) -> Iterator[Any]:
    if args := get_args(annotation):
        for one in args:
            yield from _flat(one)
    else:
        yield annotation
