"""Working trees before and after, and flips of what a forge holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forge import Forge, passes
from onnx_models import saliency
from smokegate.review.flip import Asked, Flipped
from smokegate.review.flip import flip as flipped

EVIDENCE = "/runs/PROMOTE.json"
SEEDS = tuple(f"fr_tiny_ensemble_v1_seed{seed}" for seed in range(5))


def flip(forge: Forge, *words: str, evidence: str = EVIDENCE, **asked: Any) -> Flipped:
    return flipped(Asked(words, forge.path(evidence), repo=str(forge.root), **asked), forge.bench)


def snapshot(root: Path) -> dict[str, tuple[bytes | str, int]]:
    """Every file outside of git's own folder, and every one left inside of it by a flip."""
    found: dict[str, tuple[bytes | str, int]] = {}
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if inside.parts[0] == ".git" and not inside.name.startswith(".smokegate"):
            continue
        if path.is_symlink():
            found[str(inside)] = (str(path.readlink()), 0)
        else:
            found[str(inside)] = (path.read_bytes() if path.is_file() else "folder", path.stat().st_mode)
    return found


def one(forge: Forge, **fields: Any) -> None:
    """A mask model in smoke, and sound evidence for it outside of the registry."""
    forge.add("saliency_v1", saliency(1), kind="filter", **fields)
    forge.trust()
    forge.start()
    forge.evidence("saliency_v1", name=EVIDENCE)


def five(forge: Forge, **policy: Any) -> None:
    for name in SEEDS:
        forge.add(name)
    forge.write_json("fr_tiny_ensemble_v1.json", forge.manifest("fr_tiny_ensemble_v1", *SEEDS))
    forge.trust(**policy)
    forge.start()
    forge.evidence(*SEEDS, name=EVIDENCE)


def prove(forge: Forge, entry_id: str) -> None:
    """Evidence for a candidate that is against what it would take over from."""
    forge.entry(entry_id)["smoke"] = False
    forge.commit()
    forge.evidence(entry_id, name=EVIDENCE)
    forge.git("reset", "-q", "--hard", forge.base)
    forge.entry(entry_id)["smoke"] = True


def accepted(forge: Forge) -> None:
    forge.commit(save=False)
    passes(forge.check())
