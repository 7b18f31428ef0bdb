"""SG209: no blob above the policy's limit newly in git outside LFS."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.shell import pathspec, word
from smokegate.judge.side import MIB, Side
from smokegate.sources.tree import Kind


def change(change: RegistryChange, law: Law) -> Problems:
    limit = law.policy.limits.git_blob_mib * MIB
    for path in sorted(change.governed_changes):
        node = change.head.tree.node(path)
        if node is None or node.kind is not Kind.FILE:
            continue
        size = change.head.tree.stored_size(path)
        if size > limit and not _held(change.base, node.key):
            yield Problem(
                subject=path,
                path=path,
                message=f"`{path}` puts {size / MIB:.1f} MiB into git for ever, above the limit of "
                f"{law.policy.limits.git_blob_mib} MiB",
                fix=f"git lfs track --filename {word(path)} && git add .gitattributes && "
                f"git add --renormalize -- {pathspec(path)}, and squash, or history keeps the blob; or publish it "
                "elsewhere and set `release_url`",
                cause=(),
            )


def _held(base: Side, key: str) -> bool:
    """Whether git has the blob already, under whatever name."""
    return any(node.key == key for path in base.tree.paths() if (node := base.tree.node(path)) is not None)
