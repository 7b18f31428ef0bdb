"""The laboratory as the judge sees it. This process never holds a model's bytes, and never loads what parses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self, TypeVar

from smokegate.judge.ports import Bytes
from smokegate.lab import answers
from smokegate.lab.channel import Channel
from smokegate.lab.handover import descriptor_of
from smokegate.lab.mishaps import mishap, out_of_memory
from smokegate.lab.quoting import one_line
from smokegate.policy import Limits
from smokegate.registry.graph import Graph, GraphFault, RunResult

EXTERNAL_FILES_LIMIT = 512
_MIB = 1 << 20
_MODEL_SIZES = 4

_Answer = TypeVar("_Answer")
_RunKey = tuple[str, tuple[tuple[str, str], ...]]


class Lab:
    """Looks into models in processes that have given up their rights. Answers are remembered under digests."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._wall_seconds = 2.0 * limits.run_seconds + 10.0
        self._inspector = Channel("inspect")
        self._runner = Channel("run")
        self._inspected: dict[str, Graph | GraphFault] = {}
        self._run: dict[_RunKey, RunResult] = {}

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
        key = (model.digest, tuple(sorted((location, content.digest) for location, content in external.items())))
        known = self._run.get(key)
        if known is None:
            known = self._run[key] = self._run_once(model, external)
        return known

    def _inspect(self, model: Bytes) -> Graph | GraphFault:
        self.start()  # a model that is inspected is, as a rule, run next
        found = self._ask(self._inspector, {"": model}, "graph", answers.graph)
        return GraphFault(found) if isinstance(found, str) else found

    def _run_once(self, model: Bytes, external: Mapping[str, Bytes]) -> RunResult:
        if len(external) > EXTERNAL_FILES_LIMIT:
            reason = f"its weights lie in {len(external)} files; at most {EXTERNAL_FILES_LIMIT} are handed over"
            return RunResult(ok=False, reason=reason)
        found = self._ask(self._runner, {"": model, **external}, "ran", bool)
        return RunResult(ok=False, reason=found) if isinstance(found, str) else RunResult(ok=found)

    def _ask(
        self, channel: Channel, files: dict[str, Bytes], wanted: str, read: Callable[[object], _Answer]
    ) -> _Answer | str:
        """The answer, or why there is none in one line."""
        model = files[""]
        if model.size > self._limits.model_mib * _MIB:
            return (
                f"it is {model.size / _MIB:,.1f} MiB and the limit is {self._limits.model_mib}: keep large weights in "
                "external data, or raise limits.model_mib"
            )
        request = self._request(files)
        handed = [partial(descriptor_of, content) for content in files.values()]
        reply = channel.ask(request, handed, wall_seconds=self._wall_seconds)
        try:
            answer = answers.decode(reply.answer)
            if wanted in answer:
                return read(answer[wanted])
            return one_line(self._reason(answer))
        except answers.NonsenseError:
            return mishap(reply, self._limits, self._wall_seconds)

    def _reason(self, answer: dict[str, Any]) -> str:
        if "out_of_memory" in answer:
            return out_of_memory(self._limits)
        if "bug" in answer:
            return f"smokegate stumbled over it, which is a bug in smokegate: {answers.words(answer['bug'])}"
        return answers.words(answer.get("fault", answer.get("refused")))

    def _request(self, files: dict[str, Bytes]) -> dict[str, Any]:
        weight = sum(content.size for content in files.values())
        return {
            "files": list(files),
            "node_limit": self._limits.model_nodes,
            "cpu_seconds": self._limits.run_seconds,
            "memory": self._limits.run_memory_mib * _MIB + _MODEL_SIZES * weight,
        }
