"""`smokegate block-iou`: how far two folders of masks agree on which blocks are salient."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from smokegate_runners.saliency.agreement.block_iou import Rule
    from smokegate_runners.saliency.agreement.mask_comparison import Compared, Comparison

SCHEMA = "smokegate-block-iou-v1"
_LONGEST = 60


def _threshold(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Above 0 and at most 1: click's own range lets NaN through."""
    del context, parameter
    if not 0 < value <= 1:
        raise click.BadParameter(f"{value:g} is not above 0 and at most 1")
    return value


@click.command("block-iou")
@click.argument("candidate", type=click.Path(path_type=Path))
@click.argument("reference", type=click.Path(path_type=Path))
@click.option("--block-size", type=click.IntRange(1, 4096), default=16, show_default=True, metavar="PIXELS")
@click.option(
    "--threshold",
    type=float,
    callback=_threshold,
    default=0.5,
    show_default=True,
    help="A block is salient when its mean is at least this.",
)
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(candidate: Path, reference: Path, block_size: int, threshold: float, format_: str) -> int:
    """Compare the masks of CANDIDATE with those of REFERENCE, two folders (paired by stem) or two files.

    Masks are .npy, .pgm or .png of one channel. Exit code 0, or 2 with everything that is wrong with them.
    """
    from smokegate_runners.saliency.agreement import mask_comparison
    from smokegate_runners.saliency.agreement.block_iou import Rule

    rule = Rule(block_size, threshold)
    done = mask_comparison.compare(candidate, reference, rule)
    if format_ == "json":
        click.echo(json.dumps(_document(done, rule), indent=2, sort_keys=True, allow_nan=False))
        return 0
    for line in _lines(done.compared):
        click.echo(line)
    for note in done.notes:
        click.echo(f"note: {note}")
    pairs = "1 pair" if len(done.compared) == 1 else f"{len(done.compared):,} pairs"
    click.echo(f"macro IoU {done.macro:.6f}  micro IoU {done.micro:.6f}  {pairs}, {rule}")
    return 0


def _lines(compared: Sequence[Compared]) -> Iterator[str]:
    names = [_name(one.pair.id) for one in compared]
    width = max(4, *map(len, names))
    yield f"{'mask':{width}}       IoU    both  either  blocks"
    for name, one in zip(names, compared, strict=True):
        found = one.overlap
        yield f"{name:{width}}  {found.iou:.6f}  {found.both:6}  {found.either:6}  {found.blocks:6}"


def _name(said: str) -> str:
    return said if said.isprintable() and len(said) <= _LONGEST else json.dumps(said[:_LONGEST])


def _document(done: Comparison, rule: Rule) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "block_size": rule.block_size,
        "threshold": rule.threshold,
        "macro_iou": done.macro,
        "micro_iou": done.micro,
        "notes": done.notes,
        "pairs": [
            {
                "id": one.pair.id,
                "candidate": str(one.pair.candidate),
                "reference": str(one.pair.reference),
                "width": one.size.width,
                "height": one.size.height,
                "iou": one.overlap.iou,
                "blocks": one.overlap.blocks,
                "candidate_blocks": one.overlap.candidate,
                "reference_blocks": one.overlap.reference,
                "both_blocks": one.overlap.both,
                "either_blocks": one.overlap.either,
            }
            for one in done.compared
        ],
    }
