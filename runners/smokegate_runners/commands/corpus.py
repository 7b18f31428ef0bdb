"""`smokegate corpus`: clips x encoders x quality levels, as rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from smokegate_runners.corpus.order import Order
    from smokegate_runners.corpus.units import Unit
    from smokegate_runners.provenance import Artifact

_PACKAGES = ("smokegate", "imageio-ffmpeg", "numpy", "pyarrow", "pydantic")


@click.command("corpus")
@click.argument("clips", nargs=-1, metavar="[CLIPS]...", type=click.Path(path_type=Path))
@click.option("--manifest", type=click.Path(path_type=Path), help="YAML or JSON that lists clips, encoders and levels.")
@click.option("--encoders", metavar="NAMES", help="Such as libx264,libx265; hardware ones when this machine has them.")
@click.option("--cq", metavar="LEVELS", help="Quality levels of every encoder, such as 22,28,34,40.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The table: FILE.parquet or FILE.jsonl.")
@click.option("--work", type=click.Path(path_type=Path), help="Where finished work is kept.  [default: OUT.work]")
@click.option("--jobs", type=click.IntRange(1, 256), help="Encodes at a time.  [default: one per processor]")
@click.option("--frames", type=click.IntRange(1), help="At most so many frames of each clip.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="At most so many seconds of each clip.")
@click.option("--size", metavar="WxH", help="Scale every clip to this size first, as 1280x720.")
def command(
    clips: tuple[Path, ...],
    manifest: Path | None,
    encoders: str | None,
    cq: str | None,
    out: Path,
    work: Path | None,
    jobs: int | None,
    frames: int | None,
    seconds: float | None,
    size: str | None,
) -> int:
    """Encode CLIPS (or those of a --manifest), measure every frame with libvmaf, and write the rows.

    Interrupted, the same command goes on where it stopped, and writes the same table.
    """
    from smokegate_runners import provenance
    from smokegate_runners.corpus import build, ffmpeg, order, table, units
    from smokegate_runners.corpus import encoders as known

    ordered = order.settle(order.Asked(clips, manifest, encoders, cq, frames, seconds, size))
    table.require_writable(out)
    program = ffmpeg.find()
    known.require(program, ordered.encoders)
    arguments = _plain(click.get_current_context().params)
    run = provenance.Run(Path(__file__), arguments, _PACKAGES, {"ffmpeg": program.version})
    shelf = units.Shelf(work or out.with_name(f"{out.name}.work"))
    rows = build.build(program, ordered, shelf, jobs or os.cpu_count() or 1, progress(ordered.size))
    written = table.write(rows, out)
    beside = out.with_name(f"{out.name}.provenance.json")
    run.write(beside, _inputs(ordered, manifest), [provenance.file("corpus", out)])
    click.echo(
        f"{out}: {written.rows:,} rows, {len(written.sources)} sources, {len(written.encoders)} encoders\n"
        f"corpus digest: {written.digest}\nprovenance: {beside}"
    )
    return 0


def progress(total: int) -> Callable[[Unit, bool], None]:
    """On a terminal alone: a log is read afterwards."""
    if not sys.stderr.isatty():
        return lambda unit, before: None
    done = kept = 0

    def tell(unit: Unit, before: bool) -> None:
        nonlocal done, kept
        done, kept = done + 1, kept + before
        found = f" ({kept} found finished)" if kept else ""
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r\x1b[2K{done}/{total} encodes{found}: {unit}"[:110] + end)
        sys.stderr.flush()

    return tell


def _inputs(order: Order, manifest: Path | None) -> list[Artifact]:
    from smokegate_runners import provenance

    given = [provenance.file("manifest", manifest)] if manifest else []
    for clip in order.clips:
        if clip.path:
            given.append(provenance.file("clip", clip.path))
        else:
            given.append(provenance.text("generator", clip.name, str(clip.generator)))
    return given


def _plain(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments as JSON holds them."""
    return {name: _plain_value(value) for name, value in args.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_value(item) for item in value]
    return value.as_posix() if isinstance(value, Path) else value
