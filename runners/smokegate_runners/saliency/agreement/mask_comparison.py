"""Masks compared with masks. Whatever is wrong with any of them is said at once.

The masks of a folder that are stored alike are on one scale, which the brightest of them shows. That one is known only
when all were read, so that each pair is compared under every scale that may come out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smokegate.errors import UsageError
from smokegate_runners.saliency.agreement import block_iou, masks
from smokegate_runners.saliency.agreement.block_iou import Blocks, Overlap, Rule
from smokegate_runners.saliency.agreement.mask_pairs import Pair, pairs, shown
from smokegate_runners.saliency.agreement.masks import BadMask, Kind, Mask
from smokegate_runners.saliency.settings import Size

_MOST_TOLD = 200
_FIX = f"give each mask of one folder a mask of the same stem and size in the other, as {', '.join(masks.FORMATS)}"


@dataclass(frozen=True, slots=True)
class Compared:
    pair: Pair
    size: Size
    overlap: Overlap


@dataclass(frozen=True, slots=True)
class Comparison:
    compared: list[Compared]
    notes: list[str]
    """How the masks were read, where that is not plain."""

    @property
    def macro(self) -> float:
        return block_iou.macro([one.overlap for one in self.compared])

    @property
    def micro(self) -> float:
        return block_iou.micro(one.overlap for one in self.compared)


def compare(candidate: Path, reference: Path, rule: Rule) -> Comparison:
    problems: list[str] = []
    folders = _Folder(candidate), _Folder(reference)
    found = [_tried(pair, folders, rule, problems) for pair in pairs(candidate, reference, problems)]
    tried = [one for one in found if one is not None]
    for folder in folders:
        folder.settle(problems)
    if not problems:
        problems += [said for one in tried for said in one.unsettled(folders)]
    if problems:
        raise UsageError(_listed(problems), fix=_FIX)
    return Comparison([one.compared(folders) for one in tried], [note for one in folders for note in one.notes()])


@dataclass
class _Folder:
    path: Path
    largest: dict[Kind, float] = field(default_factory=dict)
    scales: dict[Kind, float] = field(default_factory=dict)

    def read(self, path: Path) -> Mask:
        mask = masks.read(path)
        self.largest[mask.kind] = max(mask.largest, self.largest.get(mask.kind, 0.0))
        return mask

    def settle(self, problems: list[str]) -> None:
        for kind, largest in self.largest.items():
            try:
                self.scales[kind] = masks.full_scale(kind, largest)
            except BadMask as fault:
                problems.append(f"{shown(self.path)}: {fault}")

    def notes(self) -> Iterator[str]:
        for kind, full in self.scales.items():
            if isinstance(kind, int) and kind > full and self.largest[kind] > 0:
                yield f"{shown(self.path)}: no value is above 1, so 1 is taken as full, and not {kind:,}"


@dataclass(frozen=True, slots=True)
class _Read:
    """What is kept of a mask."""

    path: Path
    kind: Kind
    largest: float
    salient: Mapping[float, int]
    """How many blocks are, by each scale that the mask may turn out to have."""

    def unsettled(self, folder: _Folder) -> str | None:
        """Floats and wide integers show their scale by nothing but their values: beside others that reach far higher,
        these may be nearly black, or of another scale."""
        full = folder.scales[self.kind]
        if isinstance(self.kind, int):
            return None
        for less in masks.possible_scales(self.kind):
            if less < full and self.largest <= 2 * less and self.salient[less] != self.salient[full]:
                return (
                    f"{shown(self.path)}: its largest value is {self.largest:g}, and others of the folder reach "
                    f"{folder.largest[self.kind]:g}: whether 1.0 is {less:g} or {full:g} in it, nobody can tell"
                )
        return None


@dataclass(frozen=True, slots=True)
class _Tried:
    """A pair under every scale that its masks may turn out to have."""

    pair: Pair
    size: Size
    masks: tuple[_Read, _Read]
    overlaps: Mapping[tuple[float, float], Overlap]

    def unsettled(self, folders: tuple[_Folder, _Folder]) -> Iterator[str]:
        for mask, folder in zip(self.masks, folders, strict=True):
            if said := mask.unsettled(folder):
                yield said

    def compared(self, folders: tuple[_Folder, _Folder]) -> Compared:
        ours, theirs = (folder.scales[mask.kind] for mask, folder in zip(self.masks, folders, strict=True))
        return Compared(self.pair, self.size, self.overlaps[ours, theirs])


def _tried(pair: Pair, folders: tuple[_Folder, _Folder], rule: Rule, problems: list[str]) -> _Tried | None:
    """None where something keeps the two from being compared."""
    found: list[Mask] = []
    for folder, path in zip(folders, (pair.candidate, pair.reference), strict=True):
        try:
            mask = folder.read(path)
        except BadMask as fault:
            problems.append(f"{shown(path)}: {fault}")
            continue
        found.append(mask)
        if not rule.fits(mask.size):
            side = rule.block_size
            problems.append(f"{shown(path)}: it is {mask.size}, smaller than a block of {side}x{side}")
    if len(found) < 2:
        return None
    candidate, reference = found
    if candidate.size != reference.size:
        problems.append(f"{shown(pair.candidate)}: it is {candidate.size}, and its reference is {reference.size}")
        return None
    ours, theirs = _salient(candidate, rule), _salient(reference, rule)
    overlaps = {(one, other): block_iou.overlap(ours[one], theirs[other]) for one in ours for other in theirs}
    kept = _kept(pair.candidate, candidate, ours), _kept(pair.reference, reference, theirs)
    return _Tried(pair, candidate.size, kept, overlaps)


def _salient(mask: Mask, rule: Rule) -> dict[float, Blocks]:
    sums = rule.sums(mask.values)
    return {full: rule.salient(sums, full) for full in masks.possible_scales(mask.kind)}


def _kept(path: Path, mask: Mask, salient: Mapping[float, Blocks]) -> _Read:
    return _Read(path, mask.kind, mask.largest, {full: int(blocks.sum()) for full, blocks in salient.items()})


def _listed(problems: list[str]) -> str:
    more = len(problems) - _MOST_TOLD
    rest = [f"  and {more:,} more"] if more > 0 else []
    many = f"{len(problems):,} things are" if len(problems) > 1 else "one thing is"
    return "\n".join([f"{many} wrong with the masks:", *(f"  {one}" for one in problems[:_MOST_TOLD]), *rest])
