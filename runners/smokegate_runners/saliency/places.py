"""Where a table comes from and where it goes: what will not do is said before anything is read."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path

from smokegate.errors import UsageError
from smokegate_runners.saliency import output
from smokegate_runners.saliency.formats import tables
from smokegate_runners.saliency.order import Order


def settled(order: Order) -> tuple[Order, tuple[str, str]]:
    """The order with the output's place made plain, and the formats of what is read and of what is written."""
    order.columns.require_distinct()
    _require_input(order)
    places = {"--output": order.output, "--audit-json": order.audit_json, "--ledger": order.ledger}
    for flag, path in places.items():
        if path is not None:
            _require_place(flag, path)
    _require_distinct(order, places)
    formats = tables.format_named("--input", order.input), tables.format_named("--output", order.output)
    attempt = order.attempt or secrets.token_hex(8)
    place = Path(os.path.realpath(order.output))
    return replace(order, output=place, work=order.work_folder, attempt=attempt), formats


def _require_input(order: Order) -> None:
    if order.input.is_dir():
        raise UsageError(f"--input {order.input}: it is a directory")
    if not order.input.is_file():
        raise UsageError(f"--input {order.input}: there is no such file, or it is none that can be read twice")
    if order.root is not None and not order.root.is_dir():
        raise UsageError(f"--root {order.root}: there is no such folder")


def _require_place(flag: str, path: Path) -> None:
    folder = Path(os.path.realpath(path)).parent
    if taken := output.in_the_way(path):
        raise UsageError(f"{flag} {path}: {taken}")
    if flag != "--ledger" and not folder.is_dir():
        raise UsageError(f"{flag} {path}: its folder is not there", fix=f"mkdir -p {folder}")
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{flag} {path}: its folder cannot be written to", fix=f"name another {flag}")


def _require_distinct(order: Order, places: dict[str, Path | None]) -> None:
    """An output may be the input. Nothing else may be written over."""
    everything = {"--input": order.input, "--model-path": order.model, **places}
    for flag, path in places.items():
        for other, there in everything.items():
            if flag != other and (flag, other) != ("--output", "--input") and _same(path, there):
                raise UsageError(f"{flag} and {other} are one file, {there}", fix=f"name another {flag}")


def _same(one: Path | None, other: Path | None) -> bool:
    return one is not None and other is not None and os.path.realpath(one) == os.path.realpath(other)
