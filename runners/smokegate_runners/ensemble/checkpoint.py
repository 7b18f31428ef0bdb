"""The state of a training run on disk, so that a killed one goes on: written last, under a key of all it hangs on."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.store import put

NAME = ".training-state.npz"


@dataclass(frozen=True, slots=True)
class State:
    """What is known after so many epochs."""

    epochs: int
    seconds: float
    loss: float
    leaves: Sequence[NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    path: Path
    key: str

    def load(self) -> State | None:
        """None where there is nothing, or what is there is of another run or damaged: then all is done again."""
        try:
            with np.load(BytesIO(self.path.read_bytes()), allow_pickle=False) as found:
                if str(found["key"]) != self.key:
                    return None
                count = int(found["count"])
                leaves = [found[f"leaf{at}"] for at in range(count)]
                return State(int(found["epochs"]), float(found["seconds"]), float(found["loss"]), leaves)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, state: State) -> None:
        packed = BytesIO()
        leaves = {f"leaf{at}": leaf for at, leaf in enumerate(state.leaves)}
        said: dict[str, Any] = {"epochs": state.epochs, "seconds": state.seconds, "loss": state.loss}
        arrays: dict[str, Any] = {"key": np.str_(self.key), "count": len(leaves), **said, **leaves}
        np.savez(packed, **arrays)
        put(self.path, packed.getvalue())


def key_of(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
