"""A worker's life on a node of a cluster. What is not right there is said of the node, not of a source."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

from smokegate.errors import SmokegateError
from smokegate_runners.engine_turns import attempt, one_line
from smokegate_runners.provenance import versions
from smokegate_runners.saliency.work import Worker, WorkerFactory

_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


def installed() -> dict[str, str]:
    """What decides values, and must be the same wherever a table is worked; the runtime under either of its names."""
    found = versions(("smokegate", "av", "numpy", *_RUNTIMES))
    runtime = [found.pop(name) for name in _RUNTIMES if name in found]
    del found["python"]
    return found | {"onnxruntime": runtime[0]} if runtime else found


class NodeUnfitError(Exception):
    """This node can take no job; another one may."""


def hire(factory: bytes, wanted: Mapping[str, str]) -> Worker:
    found = installed()
    if others := [name for name, version in wanted.items() if found.get(name) != version]:
        raise NodeUnfitError(
            "; ".join(
                f"it has {name} {found.get(name, 'not installed')}, and the run was started with {wanted[name]}"
                for name in others
            )
        )
    try:
        made: WorkerFactory = pickle.loads(factory)  # noqa: S301 - from the driver, whose code this is
        return made()
    except SmokegateError as error:
        raise NodeUnfitError(error.message) from None
    except Exception as error:
        raise NodeUnfitError(f"no worker can be made there: {one_line(error)}") from error


def work(worker: Worker, job: bytes) -> bytes:
    return pickle.dumps(attempt(worker, pickle.loads(job)))  # noqa: S301
