"""SG204: weights kept outside the `.onnx` are pinned by digest."""

from __future__ import annotations

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.report import Severity
from smokegate.judge.side import Pin, Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    pins: dict[str, Pin] = {pin.location: pin for pin in side.pins(entry)}
    for location, resolved in (side.external(entry) or {}).items():
        content = side.content(resolved.path)
        if content is None or content.pointer_fault:
            continue
        pin = pins.get(location)
        row = f'{{"path": "{location}", "sha256": "{content.digest}", "size": {content.size}}}'
        if pin is None:
            yield Problem(
                subject=entry.key,
                path=side.registry_path,
                pointer=entry.pointer("external_data"),
                message=f"`{entry.onnx}` keeps weights in `{location}`, which nothing pins by digest",
                fix=f"add to `external_data` of the entry or its sidecar: {row}",
                cause=(location, content.digest, side.digest(side.model_path(entry))),
            )
        elif pin.sha256 != content.digest or pin.size not in (None, content.size):
            yield Problem(
                subject=entry.key,
                path=pin.path,
                pointer=pin.pointer,
                message=f"the pin of `{location}` is not that of its bytes, which have sha256 {content.digest}",
                fix=f"if the bytes are meant, pin {row}; if not: git checkout {{base}} -- {resolved.path}",
                cause=(location, pin.sha256, pin.size, content.digest, content.size),
                severity=Severity.BLOCK,
            )
