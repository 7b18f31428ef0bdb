"""The sets of scenes: what students learn from, the fold that is held out of it, and what they are compared on.

Each scene hangs on its set's seed and its number alone, so a smaller set is the beginning of a larger one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from smokegate.errors import UsageError
from smokegate.evidence import corpus
from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.students import png, shapes, textures
from smokegate_runners.saliency.students.draws import Draws
from smokegate_runners.saliency.students.scenes import Kinds, Scene, scene
from smokegate_runners.store import folder, put

INDEX = "index.jsonl"

LEARNT = Kinds(textures.LEARNT, shapes.LEARNT)
ASKED = Kinds(textures.ASKED, shapes.ASKED)


@dataclass(frozen=True, slots=True)
class SceneSet:
    name: str
    seed: int
    count: int
    size: Size
    kinds: Kinds

    def first(self, count: int) -> SceneSet:
        return replace(self, count=count)

    def scenes(self) -> Iterator[Scene]:
        """Every kind of ground as often as the others."""
        sources = sorted(self.kinds.textures)
        draws = Draws(self.seed)
        for number in range(self.count):
            yield scene(draws.of(number), self.kinds, sources[number % len(sources)], self.size)


TRAINING = SceneSet("training", 1, 7200, Size(96, 96), LEARNT)
HELD_OUT = SceneSet("held-out", 2, 400, Size(128, 96), LEARNT)
EVALUATION = SceneSet("evaluation", 3, 1800, Size(128, 96), ASKED)
SETS = MappingProxyType({one.name: one for one in (TRAINING, HELD_OUT, EVALUATION)})


def files(scenes: Iterable[Scene]) -> Iterator[tuple[str, bytes]]:
    """Path and content of each file that scenes are written as; the index, which names them all, comes last."""
    lines = []
    for number, one in enumerate(scenes):
        name = f"{number:05}"
        image, mask = f"images/{name}.png", f"masks/{name}.png"
        told = "-".join((one.source, *one.objects, name))
        lines.append(
            json.dumps({"id": told, "image": image, "mask": mask, "source": one.source}, sort_keys=True) + "\n"
        )
        yield image, png.encoded(one.image)
        yield mask, png.encoded(one.mask)
    yield INDEX, "".join(lines).encode()


def write(scenes: Iterable[Scene], out: Path) -> str:
    """Into a folder that holds nothing else; the digest that the set is known by."""
    _require_room(out)
    for part in ("images", "masks"):
        folder(out / part)
    listed = []
    for name, data in files(scenes):
        put(out / name, data)
        listed.append(_clip(name, data))
    return _digest(listed, str(out))


def digest(scenes: Iterable[Scene]) -> str:
    """The same, and nothing is written."""
    return _digest([_clip(name, data) for name, data in files(scenes)], "scenes")


def _clip(name: str, data: bytes) -> corpus.Clip:
    return corpus.Clip(name, len(data), hashlib.sha256(data).hexdigest())


def _digest(listed: list[corpus.Clip], where: str) -> str:
    found = corpus.clips(listed, where)
    if isinstance(found, corpus.CorpusFault):
        raise UsageError(str(found), fix="ask for one scene at least")
    return found.digest


def _require_room(out: Path) -> None:
    """Whatever lies there already would be taken for a part of the set."""
    try:
        there = next(out.iterdir(), None) if out.is_dir() else None
    except OSError as error:
        raise UsageError(f"cannot read {out}: {error.strerror}", fix="name another folder with --out") from None
    if there is not None:
        raise UsageError(f"{out} is not empty: it holds {there.name!r}", fix=f"rm -r {out}  (or name a new folder)")
