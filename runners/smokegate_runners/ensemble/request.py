"""The file in which a workflow says what was asked for, by whom, and at which head."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.models import Request as Fields
from smokegate.evidence.models import misfits
from smokegate.registry.document import DocumentFault, read_json

_SEED = re.compile(r"_seed[0-9]+$")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LARGEST = 1 << 20
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Request:
    ids: tuple[str, ...]
    said: Mapping[str, Any]
    """As evidence keeps it."""


def read(path: Path) -> Request:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the request {path} cannot be read: {error.strerror}", fix="name it with --request") from None
    document = read_json(data, str(path), max_bytes=_LARGEST, max_depth=16)
    if isinstance(document, DocumentFault):
        raise DocumentError(f"{path}:{document.line or 1}: {document.message}")
    value = document.value
    if not isinstance(value, dict):
        raise DocumentError(f"{path} is no request: it holds no JSON object")
    if wrong := next(misfits(value, Fields), None):
        place, why = wrong
        raise DocumentError(f"{path} is no request: `{'.'.join(map(str, place))}` {why}")
    ids = value.get("ids", [])
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise DocumentError(f"{path} is no request: `ids` is no list of ids")
    return Request(tuple(ids), {name: value[name] for name in Fields.model_fields if name in value})


def ensemble(ids: Sequence[str], name: str | None, default: str) -> str:
    """The one ensemble that is asked for: by its own id, or by those of its members."""
    trunks = sorted({_SEED.sub("", one) for one in ids})
    if len(trunks) > 1:
        raise UsageError(f"one ensemble is trained at a time, and {', '.join(trunks)} are asked for")
    if trunks and name is not None and trunks != [name]:
        raise UsageError(f"--name says {name}, and the request asks for {trunks[0]}", fix="leave one of the two out")
    chosen = name or (trunks[0] if trunks else default)
    if not _ID.fullmatch(chosen) or len(chosen) > _LONGEST_ID - len("_seed0000"):
        raise UsageError(
            f"{chosen[:80]!r} is no id for an ensemble: lower-case letters, digits, - and _, at most "
            f"{_LONGEST_ID - len('_seed0000')} of them",
            fix="choose another with --name",
        )
    return chosen


def covers(ids: Sequence[str], members: Sequence[str], name: str) -> None:
    """What is asked for by member is asked for whole: an ensemble goes up as one."""
    asked = set(ids) - {name}
    if asked and asked != set(members):
        raise UsageError(
            f"the request names {', '.join(sorted(asked))}, and the ensemble is {', '.join(members)}",
            fix=f"ask for {name}, or for all of its members",
        )
