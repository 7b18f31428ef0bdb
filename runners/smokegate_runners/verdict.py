"""The document that a harness leaves behind: PROMOTE.json or HOLD.json, and never both."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from smokegate.evidence import write
from smokegate.evidence.documents import Evidence, read
from smokegate_runners import provenance
from smokegate_runners.store import put

CPU_PROVIDER = "CPUExecutionProvider"
_LONGEST_INSTANT = 40
_PATIENCE_SECONDS = 30
_OTHER = {write.PROMOTE: write.HOLD, write.HOLD: write.PROMOTE}


def leave(document: Mapping[str, Any], out: Path) -> Path:
    """The opposite verdict that may lie there is stale, and goes."""
    verdict = document["verdict"]
    path = put(out / f"{verdict}.json", write.to_bytes(document))
    (out / f"{_OTHER[verdict]}.json").unlink(missing_ok=True)
    return path


def hold_before(out: Path, identities: Sequence[str]) -> str | None:
    """When a HOLD of these very models was written, where one lies there."""
    path = out / f"{write.HOLD}.json"
    found = read(path.read_bytes(), path.name) if path.is_file() else None
    if not isinstance(found, Evidence) or [one.identity for one in found.subjects] != list(identities):
        return None
    when = found.fields.get("generated_at_utc")
    return when if isinstance(when, str) and len(when) <= _LONGEST_INSTANT and when.isprintable() else None


def runner(
    packages: Iterable[str], seconds: float, *, gpu: str | None = None, provider: str = CPU_PROVIDER
) -> dict[str, Any]:
    """`provider` is what ONNX Runtime ran the models on, `gpu` what else was used of the kind."""
    code = provenance.repository(Path(__file__))
    name, driver = _graphics() if gpu is not None or provider != CPU_PROVIDER else (None, None)
    return {
        "commit": code["commit"] if code else None,
        "packages": provenance.versions(packages),
        "host_class": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "gpu": gpu or name,
        "driver": driver,
        "execution_provider": provider,
        "wall_time_s": round(seconds, 3),
    }


def _graphics() -> tuple[str | None, str | None]:
    """The first card's name and its driver, where NVIDIA's own tool tells."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None, None
    name, _, driver = done.stdout.partition("\n")[0].rpartition(", ")
    return (name, driver) if name.isprintable() and driver.isprintable() and name and driver else (None, None)
