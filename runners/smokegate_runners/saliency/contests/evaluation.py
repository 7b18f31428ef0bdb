"""A set of pictures with the masks that a model should give for them, read whole and strictly before it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.comparison import MOST_ITEMS
from smokegate.evidence.corpus import Clip, CorpusFault, clips, quoted
from smokegate.registry.paths import spelling_fault
from smokegate.registry.strict_json import JsonFault, parse
from smokegate_runners.saliency.agreement import masks, png
from smokegate_runners.saliency.agreement.block_iou import Blocks, Rule
from smokegate_runners.saliency.agreement.masks import BadMask, Kind
from smokegate_runners.saliency.settings import Size

INDEX = "index.jsonl"
FIELDS = ("id", "source", "image", "mask")
ENCODERS = ("png",)
"""How all pictures and masks are stored."""
_SUFFIX = ".png"
_LONGEST_LINE = 1 << 16
_LONGEST_NAME = 200
_DEPTH = 8
_MOST_BYTES = 1 << 28
_MOST_TOLD = 100

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    source: str
    image: str
    mask: str


@dataclass(frozen=True, slots=True)
class Loaded:
    rgb: Rgb
    salient: Blocks


@dataclass(frozen=True, slots=True)
class Evaluation:
    folder: Path
    items: tuple[Item, ...]
    digest: str
    """Of all that lies in the folder, as `smokegate.evidence.corpus` takes it of a directory of clips."""
    most_pixels: int
    """Of its largest picture."""
    _files: Mapping[str, Clip]
    _scales: Mapping[Kind, float]

    @property
    def sources(self) -> list[str]:
        return sorted({item.source for item in self.items})

    def load(self, item: Item, rule: Rule) -> Loaded:
        """The picture, and the blocks of its mask."""
        mask = masks.parse(_bytes(self.folder, self._files[item.mask]), _SUFFIX)
        rgb = _rgb(item, _bytes(self.folder, self._files[item.image]))
        return Loaded(rgb, rule.salient(rule.sums(mask.values), self._scales[mask.kind]))


def read(folder: Path, rule: Rule) -> Evaluation:
    """Raises with everything that is wrong with it."""
    files = _listed(folder)
    whole = clips(files.values(), str(folder))
    if isinstance(whole, CorpusFault):
        raise DocumentError(str(whole), fix=whole.fix)
    if INDEX not in files:
        raise DocumentError(
            f"{folder} has no {INDEX}", fix="make a set with: smokegate saliency scenes --set evaluation --out DIR"
        )
    reader = _Reader(folder, files, rule)
    items = reader.items()
    scales = reader.scales()
    if reader.problems:
        raise DocumentError(reader.listed())
    return Evaluation(folder, tuple(items), whole.digest, reader.most_pixels, files, scales)


def _listed(folder: Path) -> dict[str, Clip]:
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", fix="name an evaluation set with --items")
    found = {}
    try:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                found[name] = Clip(name, 0, "", symlink=True)
            elif path.is_file():
                with path.open("rb") as stream:
                    found[name] = Clip(name, path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise UsageError(f"the evaluation set {folder} cannot be read: {error}") from None
    return found


class _Reader:
    """Goes through the index once, and looks at every file that it names."""

    def __init__(self, folder: Path, files: Mapping[str, Clip], rule: Rule) -> None:
        self._folder, self._files, self._rule = folder, files, rule
        self.problems: list[str] = []
        self.most_pixels = 0
        self._largest: dict[Kind, float] = {}
        self._seen: dict[tuple[str, str], int] = {}

    def items(self) -> list[Item]:
        found = []
        for number, item in self._rows():
            said = [*self._twice(number, item), *self._pictures(item)]
            self.problems += [f"{INDEX}:{number}: {one}" for one in said]
            found.append(item)
        if len(found) < 2:
            self.problems.append(f"{INDEX}: {len(found) or 'no'} items can show nothing")
        return found

    def scales(self) -> dict[Kind, float]:
        found = {}
        for kind, largest in self._largest.items():
            try:
                found[kind] = masks.full_scale(kind, largest)
            except BadMask as fault:
                self.problems.append(f"masks: {fault}")
        return found

    def listed(self) -> str:
        more = len(self.problems) - _MOST_TOLD
        rest = [f"  and {more:,} more"] if more > 0 else []
        lines = [f"  {one}" for one in self.problems[:_MOST_TOLD]]
        return "\n".join([f"{self._folder} is no evaluation set:", *lines, *rest])

    def _rows(self) -> Iterator[tuple[int, Item]]:
        for number, line in enumerate(_bytes(self._folder, self._files[INDEX]).splitlines(), start=1):
            if not line.strip():
                continue
            if number > MOST_ITEMS:
                self.problems.append(f"{INDEX}:{number}: at most {MOST_ITEMS:,} items are compared")
                return
            try:
                yield number, _item(line)
            except (ValueError, JsonFault) as fault:
                self.problems.append(f"{INDEX}:{number}: {getattr(fault, 'message', fault)}")

    def _twice(self, number: int, item: Item) -> Iterator[str]:
        """What counts twice makes an interval narrower than it is: names, and pictures under whatever name."""
        digest = self._files[item.image].sha256 if item.image in self._files else item.image
        for what, value in (("id", item.id), ("picture", digest)):
            first = self._seen.setdefault((what, value), number)
            if first != number:
                yield f"{quoted(item.id)} has the {what} of line {first}"

    def _pictures(self, item: Item) -> Iterator[str]:
        sizes = []
        for name, size_of in ((item.image, self._image), (item.mask, self._mask)):
            if name not in self._files:
                yield f"there is no file {quoted(name)}"
                continue
            try:
                sizes.append(size_of(name))
            except (BadMask, png.BrokenPicture) as fault:
                yield f"{quoted(name)}: {fault}"
        if len(sizes) == 2 and sizes[0] != sizes[1]:
            yield f"{quoted(item.image)} is {sizes[0]}, and its mask is {sizes[1]}"
        elif sizes and not self._rule.fits(sizes[0]):
            yield f"{quoted(item.image)} is {sizes[0]}, smaller than a block"

    def _image(self, name: str) -> Size:
        size = png.header(_bytes(self._folder, self._files[name])).size
        self.most_pixels = max(self.most_pixels, size.width * size.height)
        return size

    def _mask(self, name: str) -> Size:
        mask = masks.parse(_bytes(self._folder, self._files[name]), _SUFFIX)
        self._largest[mask.kind] = max(mask.largest, self._largest.get(mask.kind, 0.0))
        return mask.size


def _item(line: bytes) -> Item:
    if len(line) > _LONGEST_LINE:
        raise ValueError(f"the line is longer than {_LONGEST_LINE:,} bytes")
    row = parse(line, max_bytes=_LONGEST_LINE, max_depth=_DEPTH)
    if not isinstance(row, dict):
        raise ValueError("an item is a JSON object, and this line holds something else")  # noqa: TRY004
    fields = [_text(row, name) for name in FIELDS]
    for name in fields[2:]:
        if fault := spelling_fault(name):
            raise ValueError(f"the path {quoted(name)} {fault}")
        if not name.endswith(_SUFFIX):
            raise ValueError(f"{quoted(name)} is no {_SUFFIX} file")
    return Item(*fields)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        raise ValueError(f"`{name}` is to be a printable text of 1 to {_LONGEST_NAME} characters")
    return value


def _rgb(item: Item, data: bytes) -> Rgb:
    try:
        picture = png.read(data)
    except png.BrokenPicture as fault:
        raise DocumentError(f"the image {item.image}: {fault}") from None
    if picture.full != 255:
        raise DocumentError(f"the image {item.image} has not 8 bits a channel", fix="write it with 8 bits a channel")
    return np.ascontiguousarray(np.broadcast_to(picture.samples, (*picture.samples.shape[:2], 3)))


def _bytes(folder: Path, file: Clip) -> bytes:
    """The very ones that the digest is of."""
    path = folder / file.path
    if file.size > _MOST_BYTES:
        raise DocumentError(f"{path} has {file.size:,} bytes; at most {_MOST_BYTES:,} are read")
    try:
        with path.open("rb") as stream:
            data = stream.read(file.size + 1)
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise DocumentError(f"{path} is another file now than when the run began", fix="run it again")
    return data
