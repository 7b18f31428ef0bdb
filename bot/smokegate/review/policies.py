"""The policy of a registry as one tree has it."""

from __future__ import annotations

from smokegate.errors import PolicyError
from smokegate.policy_file import LoadedPolicy, default_policy, locate, parse
from smokegate.sources.tree import Kind, Tree

LONGEST_POLICY = 1 << 20


def place_of_policy(tree: Tree, registry: str) -> str | None:
    return locate(registry, lambda path: tree.node(path) is not None)


def policy_at(tree: Tree, registry: str) -> LoadedPolicy:
    """The default where the tree has none."""
    path = place_of_policy(tree, registry)
    return read_policy(tree, path) if path else default_policy()


def read_policy(tree: Tree, path: str) -> LoadedPolicy:
    node = tree.node(path)
    if node is None or node.kind is not Kind.FILE:
        raise PolicyError(f"{path} is not a plain file, so it cannot be the policy", fix=f"make {path} a regular file")
    return parse(tree.read(path, LONGEST_POLICY), path)
