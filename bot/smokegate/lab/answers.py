"""A worker's answer as values. Its author has touched untrusted bytes, so nothing in it is taken on trust."""

from __future__ import annotations

import json
import math
from typing import Any

from smokegate.evidence.measure import Measurement
from smokegate.registry.graph import ExternalTensor, Graph, Port, Scaler


class NonsenseError(Exception):
    """The answer is not one that this version of the worker gives."""


def decode(answer: bytes) -> dict[str, Any]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise NonsenseError(str(error)) from None
    if not isinstance(found, dict) or len(found) != 1:
        raise NonsenseError("not one answer")
    return found


def words(found: object) -> str:
    if not isinstance(found, str):
        raise NonsenseError("no words where words were due")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise NonsenseError("lone surrogates") from None
    return found


def graph(found: object) -> Graph:
    try:
        return _graph(found)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NonsenseError(repr(error)) from None


def _graph(found: Any) -> Graph:
    return Graph(
        ir_version=_whole(found["ir_version"]),
        opsets=tuple((words(domain), _whole(version)) for domain, version in _rows(found["opsets"])),
        inputs=tuple(_port(*row) for row in _rows(found["inputs"])),
        outputs=tuple(_port(*row) for row in _rows(found["outputs"])),
        ops=tuple((words(domain), words(op)) for domain, op in _rows(found["ops"])),
        node_count=_whole(found["node_count"]),
        external=tuple(_tensor(*row) for row in _rows(found["external"])),
        scaler=Scaler(found["scaler"]),
    )


def _port(name: object, dtype: object, shape: object) -> Port:
    return Port(words(name), words(dtype), None if shape is None else tuple(_dimension(dim) for dim in _rows(shape)))


def _dimension(found: object) -> int | str | None:
    if found is None or isinstance(found, str):
        return None if found is None else words(found)
    return _whole(found)


def _tensor(tensor: object, location: object, offset: object, length: object) -> ExternalTensor:
    span = None if length is None else _whole(length)
    return ExternalTensor(words(tensor), words(location), _whole(offset), span)


def measurement(found: object, *, rows: int) -> Measurement:
    names = ("rows", "plcc", "srocc", "rmse")
    if not isinstance(found, dict) or sorted(found) != sorted(names):
        raise NonsenseError("no measurement where one was due")
    plcc, srocc, rmse = (_number(found[name]) for name in names[1:])
    if (
        _whole(found["rows"]) != rows
        or rmse is None
        or rmse < 0
        or any(abs(correlation) > 1 for correlation in (plcc, srocc) if correlation is not None)
    ):
        raise NonsenseError("numbers that no measurement has")
    return Measurement(rows, plcc, srocc, rmse)


def _number(found: object) -> float | None:
    if found is None:
        return None
    if not isinstance(found, float) or not math.isfinite(found):
        raise NonsenseError("no finite number where one was due")
    return found


def _rows(found: object) -> list[Any]:
    if not isinstance(found, list):
        raise NonsenseError("no list where a list was due")
    return found


def _whole(found: object) -> int:
    if not isinstance(found, int) or isinstance(found, bool):
        raise NonsenseError("no whole number where one was due")
    return found
