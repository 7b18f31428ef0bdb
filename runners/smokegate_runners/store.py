"""Files as they are left behind: whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError


def folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from None
    return path


def put(path: Path, data: bytes) -> Path:
    """Written beside its name, flushed, and renamed; a draft that a killed run left is written over."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _unwritable(path, error) from None
    return path


def put_json(path: Path, value: Any) -> Path:
    return put(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror}", fix="name a writable folder with --out")
