"""The documents as typed values, for code that needs a sound one. A test holds them and the schemas to one verdict."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 17.0 is the integer 17."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _distinct(value: Any) -> Any:
    if isinstance(value, list) and len({repr(item) for item in value}) != len(value):
        raise ValueError("items must be distinct")
    return value


Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2048)]
OnnxPath = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_./-]*\.onnx$", max_length=256)]
Text = Annotated[str, Field(min_length=1)]
Whole = Annotated[int, BeforeValidator(_whole)]
Names = Annotated[list[Text], Field(min_length=1)]
DistinctNames = Annotated[Names, BeforeValidator(_distinct)]
Numbers = Annotated[list[float], Field(min_length=1)]
QuantMode = Literal["fp32", "static", "dynamic", "qat"]


class _Document(BaseModel):
    """A field that is there may not be null: absence is how a document leaves something out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Open(_Document):
    model_config = ConfigDict(extra="allow")


class ExternalFile(_Document):
    path: Annotated[str, Field(min_length=1, max_length=256)]
    sha256: Sha256
    size: Annotated[Whole, Field(ge=0)]


class RegistryEntry(_Document):
    id: Id
    kind: Literal["fr", "nr", "filter"]
    onnx: OnnxPath
    sha256: Sha256
    opset: Annotated[Whole, Field(ge=7)] = 0
    notes: Annotated[str, Field(max_length=512)] = ""
    description: Annotated[str, Field(max_length=256)] = ""
    smoke: bool = False
    quant_mode: QuantMode = "fp32"
    int8_sha256: Sha256 = ""
    quant_calibration_set: Annotated[str, Field(min_length=1, max_length=256)] = ""
    quant_accuracy_budget_plcc: Annotated[float, Field(ge=0, le=1)] = 0.01
    license: Annotated[str, Field(min_length=1, max_length=128)] = ""
    license_url: Url = ""
    sigstore_bundle: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*\.sigstore\.json$", max_length=256)] = (
        ""
    )
    external_data: list[ExternalFile] = []
    supersedes: Id = ""
    superseded_by: Id = ""
    evidence: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*\.json$", max_length=256)] = ""
    release_url: Url = ""


class RegistryDocument(_Document):
    schema_: str = Field(default="", alias="$schema")
    schema_version: Annotated[Whole, Field(ge=0, le=1)]
    models: list[RegistryEntry]


class SidecarDocument(_Open):
    schema_: str = Field(default="", alias="$schema")
    id: Text = ""
    name: Text = ""
    kind: Text = ""
    onnx: Text = ""
    sha256: Sha256 = ""
    int8_sha256: Sha256 = ""
    quant_mode: QuantMode = "fp32"
    opset: Annotated[Whole, Field(ge=1)] = 0
    onnx_opset: Annotated[Whole, Field(ge=1)] = 0
    input_names: DistinctNames = []
    output_names: DistinctNames = []
    input_name: Text = ""
    output_name: Text = ""
    feature_order: DistinctNames = []
    feature_mean: Numbers = []
    feature_std: Numbers = []
    features: DistinctNames = []
    input_mean: Numbers = []
    input_std: Numbers = []
    onnx_has_scaler: bool = False
    external_data: list[ExternalFile] = []
    supersedes: Id = ""
    superseded_by: Id = ""
    notes: str = ""


class EnsembleMember(_Document):
    id: Id
    onnx: OnnxPath
    seed: Annotated[Whole, Field(ge=0)]
    sha256: Sha256


class EnsembleManifest(_Open):
    schema_: str = Field(default="", alias="$schema")
    id: Id
    kind: Literal["fr_ensemble"]
    ensemble_size: Annotated[Whole, Field(ge=1)]
    members: Annotated[list[EnsembleMember], Field(min_length=1)]
    confidence: dict[str, Any] = {}
    smoke: bool = False


class RetirementRow(_Document):
    id: Id
    sha256: Sha256
    reason: Annotated[str, Field(min_length=1, max_length=512, pattern=r"\S")]
    superseded_by: Id = ""


class RetiredDocument(_Document):
    schema_: str = Field(default="", alias="$schema")
    schema_version: Annotated[Whole, Field(ge=1, le=1)]
    retired: list[RetirementRow]
