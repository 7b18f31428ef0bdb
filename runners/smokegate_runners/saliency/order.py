"""What one table is asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smokegate_runners.saliency.columns import Columns
from smokegate_runners.saliency.settings import Settings, Size


@dataclass(frozen=True, slots=True)
class Order:
    """Paths are taken from the working folder as they stand; `root` is by default the input's folder."""

    input: Path
    output: Path
    model: Path
    settings: Settings = field(default_factory=Settings)
    columns: Columns = field(default_factory=Columns)
    root: Path | None = None
    default_size: Size | None = None
    """Of raw files whose row does not say theirs."""
    model_id: str | None = None
    allow_unregistered: bool = False
    provider: str = "auto"
    overwrite: bool = False
    hash_sources: bool = False
    audit_json: Path | None = None
    ledger: Path | None = None
    """Of finished sources. By default in the working folder; tables may share one, runs at the same time too."""
    work: Path | None = None
    """The working folder: `<output>.work` by default."""
    attempt: str = ""
    """A failure that the ledger holds counts within the attempt that met it; another attempt tries the source again.
    Empty is an attempt of its own. A batch gives all of its tables one name."""
    args: Mapping[str, Any] = field(default_factory=dict)
    """As the command was called, for the record of the run."""

    @property
    def work_folder(self) -> Path:
        return self.work or self.output.with_name(f"{self.output.name}.work")

    @property
    def ledger_file(self) -> Path:
        return self.ledger or self.work_folder / "ledger.sqlite"

    @property
    def root_folder(self) -> Path:
        return self.root or self.input.parent


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of rows. `audit` is the whole document, whether or not it was asked for as a file."""

    total: int
    ok: int
    skipped_existing: int
    failed: int
    by_status: Mapping[str, int]
    audit: Mapping[str, Any]
    advice: tuple[str, ...] = ()
    """What to do about the failures, in lines for people."""
