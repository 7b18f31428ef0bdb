"""What a node says before it is given work, without a cluster."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest

from runners.hands import Hands, jobs
from smokegate_runners.engine_node import NodeUnfitError, hire, installed, work
from smokegate_runners.saliency.work import Status


@dataclass
class Unknown:
    """Pickled as something that this machine does not have."""

    def __reduce__(self) -> str:
        return "nowhere"


nowhere = Unknown()


def test_a_node_that_is_fit_works(tmp_path: Path) -> None:
    worker = hire(pickle.dumps(Hands(tmp_path)), installed())
    (job,) = jobs("clip-1")
    assert pickle.loads(work(worker, pickle.dumps(job))).status is Status.OK  # noqa: S301


def test_all_that_values_hang_on_is_compared() -> None:
    assert {"smokegate", "av", "numpy", "onnxruntime"} == installed().keys()


@pytest.mark.parametrize(
    ("factory", "wanted", "said"),
    [
        (Hands(Path()), {"smokegate": "0.0.9"}, r"it has smokegate \d.*, and the run was started with 0\.0\.9"),
        (Hands(Path()), {"else": "1"}, "it has else not installed, and the run was started with 1"),
        (Hands(Path(), refusal="no such model"), {}, "no such model$"),
        (Hands(Path(), broken=True), {}, "no worker can be made there: LookupError: a bug"),
    ],
)
def test_what_is_not_right_is_said_of_the_node(factory: Hands, wanted: dict[str, str], said: str) -> None:
    with pytest.raises(NodeUnfitError, match=said):
        hire(pickle.dumps(factory), installed() | wanted)


def test_a_node_may_have_more_than_the_machine_that_started_the_run(tmp_path: Path) -> None:
    assert hire(pickle.dumps(Hands(tmp_path)), {"numpy": installed()["numpy"]})


def test_code_that_is_not_there_is_said_of_the_node() -> None:
    data = pickle.dumps(nowhere).replace(b"nowhere", b"elsewhe")
    with pytest.raises(NodeUnfitError, match="no worker can be made there: AttributeError"):
        hire(data, installed())
