"""The laboratory as the judge sees it. This process never holds a model's bytes, and never loads what parses them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from smokegate.apart.quoting import one_line
from smokegate.evidence.measure import Measurement, MeasurementFailed
from smokegate.judge.ports import Bytes
from smokegate.lab import answers
from smokegate.lab.channel import Channel
from smokegate.lab.handover import descriptor_of
from smokegate.lab.mishaps import mishap, out_of_memory
from smokegate.policy import Limits
from smokegate.registry.graph import Graph, GraphFault, RunResult

if TYPE_CHECKING:
    from smokegate.evidence.features import Feeds

EXTERNAL_FILES_LIMIT = 512
_MIB = 1 << 20
_MODEL_SIZES = 4
_ROWS_A_SECOND = 1000
_LONGEST_MEASUREMENT = 600
"""CPU seconds that rows may add to `limits.run_seconds`: a corpus is as long as its author likes."""

_Answer = TypeVar("_Answer")
_RunKey = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class _Order:
    """A task for a child: the model, what is handed over beside it, and the time it may take."""

    model: Bytes
    further: Sequence[Bytes]
    cpu_seconds: int
    task: Mapping[str, Any]

    @property
    def files(self) -> list[Bytes]:
        return [self.model, *self.further]


class Lab:
    """Looks into models in processes that have given up their rights. Answers are remembered under digests."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._wall_seconds = 2.0 * limits.run_seconds + 10.0
        self._inspector = Channel("inspect")
        self._runner = Channel("run")
        self._inspected: dict[str, Graph | GraphFault] = {}
        self._run: dict[_RunKey, RunResult] = {}
        self._measured: dict[tuple[_RunKey, str], Measurement | MeasurementFailed] = {}

    def start(self) -> None:
        """Let the workers import their libraries while the caller does something else."""
        self._inspector.start()
        self._runner.start()

    def close(self) -> None:
        self._inspector.close()
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def inspect(self, model: Bytes) -> Graph | GraphFault:
        known = self._inspected.get(model.digest)
        if known is None:
            known = self._inspected[model.digest] = self._inspect(model)
        return known

    def run(self, model: Bytes, external: Mapping[str, Bytes]) -> RunResult:
        key = _run_key(model, external)
        known = self._run.get(key)
        if known is None:
            known = self._run[key] = self._run_once(model, external)
        return known

    def measure(self, model: Bytes, external: Mapping[str, Bytes], feeds: Feeds) -> Measurement | MeasurementFailed:
        blocks = [_in_memory(block) for block in (*feeds.inputs.values(), feeds.targets)]
        key = _run_key(model, external), "".join((*feeds.inputs, *(block.digest for block in blocks)))
        known = self._measured.get(key)
        if known is None:
            known = self._measured[key] = self._measure(model, external, feeds, blocks)
        return known

    def _inspect(self, model: Bytes) -> Graph | GraphFault:
        self.start()  # a model that is inspected is, as a rule, run next
        task = {"node_limit": self._limits.model_nodes}
        order = _Order(model, (), self._limits.run_seconds, task)
        found = self._ask(self._inspector, order, "graph", answers.graph)
        return GraphFault(found) if isinstance(found, str) else found

    def _run_once(self, model: Bytes, external: Mapping[str, Bytes]) -> RunResult:
        if problem := _too_many_files(external):
            return RunResult(ok=False, reason=problem)
        order = _Order(model, list(external.values()), self._limits.run_seconds, {"external": list(external)})
        found = self._ask(self._runner, order, "ran", bool)
        return RunResult(ok=False, reason=found) if isinstance(found, str) else RunResult(ok=found)

    def _measure(
        self, model: Bytes, external: Mapping[str, Bytes], feeds: Feeds, blocks: Sequence[Bytes]
    ) -> Measurement | MeasurementFailed:
        if problem := _too_many_files(external):
            return MeasurementFailed(problem)
        seconds = self._limits.run_seconds + min(feeds.rows // _ROWS_A_SECOND, _LONGEST_MEASUREMENT)
        task = {"external": list(external), "feeds": list(feeds.inputs)}
        order = _Order(model, [*external.values(), *blocks], seconds, task)
        found = self._ask(self._runner, order, "measured", partial(answers.measurement, rows=feeds.rows))
        return MeasurementFailed(found) if isinstance(found, str) else found

    def _ask(self, channel: Channel, order: _Order, wanted: str, read: Callable[[object], _Answer]) -> _Answer | str:
        """The answer, or why there is none in one line."""
        size = order.model.size
        if size > self._limits.model_mib * _MIB:
            return (
                f"it is {size / _MIB:,.1f} MiB and the limit is {self._limits.model_mib}: keep large weights in "
                "external data, or raise limits.model_mib"
            )
        handed = [partial(descriptor_of, content) for content in order.files]
        wall_seconds = self._wall_seconds + 2.0 * (order.cpu_seconds - self._limits.run_seconds)
        reply = channel.ask(self._request(order), handed, wall_seconds=wall_seconds)
        try:
            answer = answers.decode(reply.answer)
            if wanted in answer:
                return read(answer[wanted])
            return one_line(self._reason(answer))
        except answers.NonsenseError:
            return mishap(reply, self._limits, wall_seconds=wall_seconds, cpu_seconds=order.cpu_seconds)

    def _reason(self, answer: dict[str, Any]) -> str:
        if "out_of_memory" in answer:
            return out_of_memory(self._limits)
        if "bug" in answer:
            return f"smokegate stumbled over it, which is a bug in smokegate: {answers.words(answer['bug'])}"
        return answers.words(answer.get("fault", answer.get("refused")))

    def _request(self, order: _Order) -> dict[str, Any]:
        weight = sum(content.size for content in order.files)
        return {
            **order.task,
            "files": len(order.files),
            "cpu_seconds": order.cpu_seconds,
            "memory": self._limits.run_memory_mib * _MIB + _MODEL_SIZES * weight,
        }


def _run_key(model: Bytes, external: Mapping[str, Bytes]) -> _RunKey:
    return model.digest, tuple(sorted((location, content.digest) for location, content in external.items()))


def _too_many_files(external: Mapping[str, Bytes]) -> str | None:
    if len(external) <= EXTERNAL_FILES_LIMIT:
        return None
    return f"its weights lie in {len(external)} files; at most {EXTERNAL_FILES_LIMIT} are handed over"


def _in_memory(data: bytes) -> Bytes:
    return Bytes(hashlib.sha256(data).hexdigest(), len(data), lambda: io.BytesIO(data))
