"""SG209: no blob above the policy's limit newly in git outside LFS."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import MIB
from smokegate.sources.tree import Kind


def change(change: RegistryChange, law: Law) -> Problems:
    limit = law.policy.limits.git_blob_mib * MIB
    before = {node.key for p in change.changed_paths if (node := change.base.tree.node(p)) is not None}
    for path in sorted(change.governed_changes):
        node = change.head.tree.node(path)
        if node is None or node.kind is not Kind.FILE or node.key in before:
            continue
        size = change.head.tree.stored_size(path)
        if size > limit:
            yield Problem(
                subject=path,
                path=path,
                message=f"`{path}` puts {size / MIB:.1f} MiB into git for ever, above the limit of "
                f"{law.policy.limits.git_blob_mib} MiB",
                fix=f"git lfs track {path} && git add --renormalize {path}, or publish it and set `release_url`",
                cause=(),
            )
