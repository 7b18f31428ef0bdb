"""SG603: a declared signature bundle exists, speaks of the model's bytes, and verifies where base says by whom."""

from __future__ import annotations

from smokegate.errors import SmokegateError
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    named = entry.text("sigstore_bundle")
    digest = side.digest(side.model_path(entry)) or entry.sha256
    path = side.resolve(named).path if named else None
    if named is None or path is None or digest is None:
        return
    fault = _fault(side, path, digest, law)
    if fault is not None:
        yield Problem(
            subject=entry.key,
            path=side.registry_path,
            pointer=entry.pointer("sigstore_bundle"),
            message=f"the signature bundle `{named}` {fault}",
            fix=f"sign {entry.onnx or 'the model'} again and commit the bundle, or drop `sigstore_bundle`",
            cause=(named, side.digest(path), digest, fault),
        )


def _fault(side: Side, path: str, digest: str, law: Law) -> str | None:
    if not side.is_file(path):
        return "does not exist"
    from smokegate.evidence import bundle  # noqa: PLC0415 - few registries have any

    data = side.tree.read(side.real(path), bundle.MAX_BYTES)
    try:
        return bundle.fault(data, digest, law.policy.signatures.identities)
    except SmokegateError as error:
        return f"cannot be verified here: {error.message}"
