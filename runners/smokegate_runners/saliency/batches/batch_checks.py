"""From a manifest to orders: all that can be wrong is looked for first, and told at once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from smokegate.errors import SmokegateError, UsageError
from smokegate_runners.engine_turns import printable
from smokegate_runners.saliency import output
from smokegate_runners.saliency.batches.batch_manifest import BrokenManifest, Config, Listed, Reading, read
from smokegate_runners.saliency.chosen import Choosing
from smokegate_runners.saliency.columns import Columns
from smokegate_runners.saliency.formats import tables
from smokegate_runners.saliency.order import Order
from smokegate_runners.saliency.settings import Aggregator, Color, Settings, Size

_COLUMNS = ("path", "width", "height", "status", "model_id", "aggregator", "ema_alpha")


@dataclass(frozen=True, slots=True)
class Table:
    id: str
    order: Order


@dataclass(frozen=True, slots=True)
class Asked:
    """As it stands on the command line."""

    manifest: Path
    base: Path | None = None
    work: Path | None = None
    only: tuple[str, ...] = ()
    report_json: Path | None = None
    report_md: Path | None = None

    @property
    def base_folder(self) -> Path:
        return self.base or self.manifest.parent

    @property
    def work_folder(self) -> Path:
        return self.work or self.manifest.with_name(f"{self.manifest.name}.work")

    @property
    def ledger(self) -> Path:
        """One for all tables, so that a clip in two of them is computed once."""
        return self.work_folder / "ledger.sqlite"


def ids(manifest: Path) -> list[str]:
    """For who spreads the tables over machines."""
    reading = read(manifest)
    if reading.mistakes:
        raise BrokenManifest(manifest, reading.mistakes)
    return [listed.table.id for listed in reading.tables]


def settled(asked: Asked, choosing: Choosing, threads: int) -> list[Table]:
    """Tables that are left out need not have their files on this machine; the manifest is checked as a whole."""
    own = _own_files(asked)
    reading = read(asked.manifest)
    _distinct_ids(reading)
    orders = {listed.at: _order(reading, listed, asked) for listed in reading.tables}
    _one_writer(reading, orders, own)
    chosen = [listed for listed in reading.tables if not asked.only or listed.table.id in asked.only]
    for listed in chosen:
        _files(reading, listed, orders[listed.at])
    _models(reading, chosen, orders, choosing, threads)
    if reading.mistakes:
        raise BrokenManifest(asked.manifest, reading.mistakes)
    if unknown := set(asked.only) - {listed.table.id for listed in chosen}:
        known = ", ".join(listed.table.id for listed in reading.tables)
        raise UsageError(f"--table {printable(min(unknown))}: there is none in {asked.manifest}; it has {known}")
    return [Table(listed.table.id, orders[listed.at]) for listed in chosen]


def _distinct_ids(reading: Reading) -> None:
    seen: dict[str, int] = {}
    for listed in reading.tables:
        first = seen.setdefault(listed.table.id, listed.at)
        if first != listed.at:
            line = reading.places.line(("tables", first, "id"))
            reading.mistake(f"{listed.table.id} is the id of another table, on line {line}", "tables", listed.at, "id")


def _order(reading: Reading, listed: Listed, asked: Asked) -> Order:
    table, config, base = listed.table, listed.config, asked.base_folder
    return Order(
        input=base / table.input,
        output=base / table.output,
        model=base / (config.model_path or ""),
        settings=Settings(
            max_frames=config.max_frames,
            frame_samples=config.frame_samples,
            aggregator=Aggregator(config.temporal_aggregator),
            ema_alpha=config.ema_alpha,
            color=Color(config.color),
        ),
        columns=Columns(**{name: getattr(config, f"{name}_column") for name in _COLUMNS}),
        root=base / config.root if config.root is not None else None,
        default_size=_size(reading, listed, config),
        model_id=config.model_id,
        allow_unregistered=config.allow_unregistered,
        provider=config.provider,
        overwrite=config.overwrite,
        hash_sources=config.hash_sources,
        audit_json=base / table.audit_json if table.audit_json is not None else None,
        ledger=asked.ledger,
        work=asked.work_folder,
        args=_args(listed, asked),
    )


def _args(listed: Listed, asked: Asked) -> Mapping[str, Any]:
    return {"manifest": str(asked.manifest), "base_dir": str(asked.base_folder), "table": listed.table.id} | dict(
        listed.said
    )


def _size(reading: Reading, listed: Listed, config: Config) -> Size | None:
    width, height = config.default_width, config.default_height
    if width is not None and height is not None:
        return Size(width, height)
    if width is not None or height is not None:
        key = "default_height" if width is None else "default_width"
        reading.wrong(listed.at, key, "default_width and default_height are given together, or not at all")
    return None


def _files(reading: Reading, listed: Listed, order: Order) -> None:
    wrong = partial(reading.wrong, listed.at)
    for key, path in (("input", order.input), ("output", order.output)):
        try:
            tables.format_named(key, path)
        except UsageError as error:
            wrong(key, error.message.removeprefix(f"{key} "))
    if not order.input.is_file():
        wrong("input", f"{order.input} {'is a folder' if order.input.is_dir() else 'is no file'}")
    elif not os.access(order.input, os.R_OK):
        wrong("input", f"{order.input} cannot be read")
    for key, place in (("output", order.output), ("audit_json", order.audit_json)):
        if place is not None and (taken := output.in_the_way(place)):
            wrong(key, f"{place}: {taken}")
        elif place is not None and not os.access(Path(os.path.realpath(place)).parent, os.W_OK):
            wrong(key, f"the folder of {place} is not there, or cannot be written to")
    if order.root is not None and not order.root.is_dir():
        wrong("root", f"{order.root} is no folder")
    try:
        order.columns.require_distinct()
    except UsageError as error:
        wrong("path_column", _keys_for_flags(error.message))


def _one_writer(reading: Reading, orders: Mapping[int, Order], own: Mapping[str, str]) -> None:
    """No file is written by two, and none is read by one table and written by another."""
    writers: dict[str, tuple[str, int]] = {}

    def said(writer: tuple[str, int]) -> str:
        key, at = writer
        return f"{key} on line {reading.places.line(('tables', at, key))}"

    for at, key, path in _written(orders):
        real = os.path.realpath(path)
        other = writers.setdefault(real, (key, at))
        if other != (key, at):
            reading.wrong(at, key, f"{path} is also the {said(other)}")
        if real in own:
            reading.wrong(at, key, f"{path} is {own[real]}")
    for at, order in orders.items():
        for key, path in (("input", order.input), ("model_path", order.model)):
            real = os.path.realpath(path)
            writer = writers.get(real)
            if writer and (key, *writer) != ("input", "output", at):
                reading.wrong(at, key, f"{path} is written as the {said(writer)}")
            if real in own:
                reading.wrong(at, key, f"{path} is {own[real]}")


def _own_files(asked: Asked) -> dict[str, str]:
    """What the batch itself reads and writes."""
    own: dict[str, str] = {}
    given = {
        "the manifest": asked.manifest,
        "the batch's ledger": asked.ledger,
        "--report-json": asked.report_json,
        "--report-md": asked.report_md,
    }
    for what, path in given.items():
        if path is None:
            continue
        real = os.path.realpath(path)
        if real in own:
            raise UsageError(f"{what} and {own[real]} are one file, {path}", fix=f"name another {what}")
        own[real] = what
        if what.startswith("--"):
            _writable(what, path)
    return own


def _writable(what: str, path: Path) -> None:
    if taken := output.in_the_way(path):
        raise UsageError(f"{what} {path}: {taken}")
    if not os.access(Path(os.path.realpath(path)).parent, os.W_OK):
        raise UsageError(f"{what} {path}: its folder is not there, or cannot be written to")


def _written(orders: Mapping[int, Order]) -> Iterator[tuple[int, str, Path]]:
    for at, order in orders.items():
        yield at, "output", order.output
        if order.audit_json is not None:
            yield at, "audit_json", order.audit_json


def _models(
    reading: Reading, chosen: Sequence[Listed], orders: Mapping[int, Order], choosing: Choosing, threads: int
) -> None:
    """Each model is looked at once."""
    known: dict[tuple[Path, bool], str | None] = {}
    for listed in chosen:
        order = orders[listed.at]
        if listed.config.model_path is None:
            if listed.unsaid_model:
                reading.mistake("no model_path is given, here or in `defaults`", "tables", listed.at)
            continue
        key = (order.model, order.allow_unregistered)
        if key not in known:
            known[key] = _refusal(order, choosing, threads)
        if said := known[key]:
            reading.wrong(listed.at, "model_path", said)


def _refusal(order: Order, choosing: Choosing, threads: int) -> str | None:
    try:
        choosing(order, threads)
    except SmokegateError as error:
        return _keys_for_flags(error.message).removeprefix("model_path ")
    return None


def _keys_for_flags(message: str) -> str:
    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda flag: flag[1].replace("-", "_"), message)
