"""The manifest of a batch: tables, and the settings that they share. A test holds it and its JSON Schema together."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from smokegate.errors import DocumentError
from smokegate.evidence.corpus import quoted
from smokegate_runners.provenance_document import Document
from smokegate_runners.saliency.batches.batch_places import Places, Step, places
from smokegate_runners.saliency.columns import LONGEST_SIDE, Columns
from smokegate_runners.saliency.settings import SAMPLE_LIMIT, Settings

_SHOWN = 50
_SETTINGS, _COLUMNS = Settings(), Columns()
_DUE = {
    "model_type": "a mapping of keys is due",
    "list_type": "a list is due",
    "bool_type": "true or false is due",
    "string_type": "text is due",
    "int_type": "a whole number is due",
    "float_type": "a number is due",
}


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 17.0 is the integer 17."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Place = Annotated[str, Field(pattern=r"^[^\x00]+$", description="A path; a relative one starts at the base folder.")]
Name = Annotated[str, Field(max_length=256)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
Positive = Annotated[int, Field(ge=1), BeforeValidator(_whole)]
Samples = Annotated[int, Field(ge=1, le=SAMPLE_LIMIT), BeforeValidator(_whole)]
Side = Annotated[int, Field(ge=1, le=LONGEST_SIDE), BeforeValidator(_whole)]


class Config(Document):
    """What `smokegate materialize` takes as flags, under the same names."""

    model_path: Place | None = None
    model_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    allow_unregistered: bool = False
    root: Place | None = None
    max_frames: Positive = _SETTINGS.max_frames
    frame_samples: Samples = _SETTINGS.frame_samples
    temporal_aggregator: Literal["mean", "ema", "max", "motion-weighted"] = "mean"
    ema_alpha: Annotated[float, Field(gt=0, le=1)] = _SETTINGS.ema_alpha
    color: Literal["bt709", "bt709-full", "bt601", "bt601-full", "bt2020", "bt2020-full", "container"] = "bt709"
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    overwrite: bool = False
    hash_sources: bool = False
    path_column: Annotated[Name, Field(min_length=1)] = _COLUMNS.path
    width_column: Name = _COLUMNS.width
    height_column: Name = _COLUMNS.height
    status_column: Name = _COLUMNS.status
    model_id_column: Name = _COLUMNS.model_id
    aggregator_column: Name = _COLUMNS.aggregator
    ema_alpha_column: Name = _COLUMNS.ema_alpha
    default_width: Side | None = None
    default_height: Side | None = None


class ListedTable(Config):
    """What it says goes before what `defaults` says."""

    id: Id
    input: Place
    output: Place
    audit_json: Place | None = None


class BatchManifest(Document):
    defaults: Config = Config()
    tables: Annotated[list[ListedTable], Field(min_length=1)]


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    line: int
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.line}: {f'{self.where}: ' if self.where else ''}{self.what}"


class BrokenManifest(DocumentError):
    def __init__(self, path: Path, mistakes: list[Mistake]) -> None:
        found = sorted(set(mistakes))
        self.mistakes = found
        count = "a mistake" if len(found) == 1 else f"{len(found)} mistakes"
        lines = [f"  {path}:{mistake}" for mistake in found[:_SHOWN]]
        if len(found) > _SHOWN:
            lines.append(f"  ... and {len(found) - _SHOWN} more")
        super().__init__("\n".join([f"{path} has {count}, and nothing was run:", *lines]))


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Listed:
    """A table as it is listed. `said` are the settings that it or the defaults give, the table's own first."""

    at: int
    table: ListedTable
    said: Mapping[str, Any]
    unsaid_model: bool

    @property
    def config(self) -> Config:
        return Config.model_validate(self.said)


@dataclass(frozen=True)
class Reading:
    """What could be read, and what is wrong; further checks look at what there is, so that all is told at once."""

    path: Path
    places: Places
    tables: list[Listed]
    mistakes: list[Mistake]

    def mistake(self, what: str, *steps: Step) -> None:
        self.mistakes.append(_mistake(self.places, steps, what))

    def wrong(self, at: int, key: str, what: str) -> None:
        """Of a table's setting, where it is said: there, or in the defaults."""
        own: tuple[Step, ...] = ("tables", at, key)
        shared = own not in self.places.lines and ("defaults", key) in self.places.lines
        self.mistake(what, *(("defaults", key) if shared else own))


def read(path: Path) -> Reading:
    value, found = places(path)
    mistakes: list[Mistake] = []
    try:
        BatchManifest.model_validate(value)
    except ValidationError as invalid:
        mistakes = [_of_pydantic(found, error) for error in invalid.errors(include_url=False)]
    return Reading(path, found, list(_listed(value)), mistakes)


def _listed(value: Any) -> Iterator[Listed]:
    if not isinstance(value, dict) or not isinstance(value.get("tables"), list):
        return
    given = value.get("defaults")
    defaults = _salvaged(Config, given) or Config()
    for at, raw in enumerate(value["tables"]):
        table = _salvaged(ListedTable, raw) or _unnamed(raw, at)
        if table is None:
            continue
        own = {name for name in table.model_fields_set if name in Config.model_fields}
        said = {name: getattr(defaults, name) for name in defaults.model_fields_set}
        said |= {name: getattr(table, name) for name in own}
        unsaid = "model_path" not in raw and not (isinstance(given, dict) and "model_path" in given)
        yield Listed(at, table, said, unsaid)


def _salvaged(model: type[_Model], raw: Any) -> _Model | None:
    """Without the keys that are wrong, if it can do without them."""
    if not isinstance(raw, dict):
        return None
    try:
        return model.model_validate(raw)
    except ValidationError as invalid:
        wrong = {error["loc"][0] for error in invalid.errors() if error["loc"]}
    try:
        return model.model_validate({key: item for key, item in raw.items() if key not in wrong})
    except ValidationError:
        return None


def _unnamed(raw: Any, at: int) -> ListedTable | None:
    """A table without an id that will do, under one that no table can have: what else is wrong with it is told too."""
    table = _salvaged(ListedTable, raw | {"id": "unnamed"}) if isinstance(raw, dict) else None
    return table.model_copy(update={"id": f"tables[{at}]"}) if table else None


def _of_pydantic(found: Places, error: Any) -> Mistake:
    steps: tuple[Step, ...] = tuple(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            *above, key = steps
            return _mistake(found, steps, f"there is no such key{_nearest(above, str(key))}", name=tuple(above))
        case "missing":
            return _mistake(found, steps[:-1], f"{steps[-1]} is missing")
        case _:
            given = error.get("input")
            shown = f", and not {quoted(str(given))}" if isinstance(given, str | int | float | bool) else ""
            due = _DUE.get(error["type"], error["msg"][:1].lower() + error["msg"][1:])
            if error["type"] == "string_pattern_mismatch" and steps[-1] == "id":
                due = "an id is letters, digits and _.-"
            return _mistake(found, steps, f"{due}{shown}")


def _nearest(above: list[Step], key: str) -> str:
    models: dict[int, type[BaseModel]] = {0: BatchManifest, 1: Config}
    model = models.get(len(above), ListedTable)
    near = difflib.get_close_matches(key, list(model.model_fields), 1)
    return f" as {quoted(key)}{f'; is {near[0]} meant?' if near else ''}"


def _mistake(found: Places, steps: tuple[Step, ...], what: str, name: tuple[Step, ...] | None = None) -> Mistake:
    shown = ""
    for step in steps if name is None else name:
        shown += f"[{step}]" if isinstance(step, int) else f"{'.' if shown else ''}{step}"
    return Mistake(found.line(steps), shown, what)
