"""Which masks of two folders belong together: those of one stem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from smokegate.errors import UsageError
from smokegate.evidence.corpus import quoted
from smokegate_runners.saliency.agreement import masks

_LONGEST_PATH = 400


@dataclass(frozen=True, slots=True)
class Pair:
    id: str
    candidate: Path
    reference: Path


def pairs(candidate: Path, reference: Path, problems: list[str]) -> list[Pair]:
    """Of two folders, or the one pair that two files are."""
    folders = [path.is_dir() for path in (candidate, reference)]
    if not any(folders):
        return [Pair(candidate.stem, candidate, reference)]
    if not all(folders):
        folder, other = (candidate, reference) if folders[0] else (reference, candidate)
        raise UsageError(
            f"{shown(folder)} is a folder, and {shown(other)} is none", fix="name two folders of masks, or two masks"
        )
    ours, theirs = _stems(candidate, problems), _stems(reference, problems)
    problems += _alone(ours, theirs, reference)
    problems += _alone(theirs, ours, candidate)
    return [Pair(stem, ours[stem], theirs[stem]) for stem in sorted(ours.keys() & theirs.keys())]


def shown(path: Path) -> str:
    """A path as a message may have it."""
    said = str(path)
    return said if said.isprintable() and len(said) <= _LONGEST_PATH else quoted(path.name)


def _stems(folder: Path, problems: list[str]) -> dict[str, Path]:
    try:
        listed = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UsageError(f"{shown(folder)} cannot be listed: {error.strerror}") from None
    found: dict[str, Path] = {}
    for path in listed:
        if path.suffix.lower() in masks.FORMATS:
            if path.stem in found:
                problems.append(f"{shown(path)}: it has the stem of {shown(found[path.stem])}, and one can be meant")
            found.setdefault(path.stem, path)
    if not found:
        problems.append(f"{shown(folder)}: it holds no masks ({', '.join(masks.FORMATS)})")
    return found


def _alone(ours: Mapping[str, Path], theirs: Mapping[str, Path], other: Path) -> Iterator[str]:
    for stem in sorted(ours.keys() - theirs.keys()):
        yield f"{shown(ours[stem])}: there is no mask of the stem {quoted(stem)} in {shown(other)}"
