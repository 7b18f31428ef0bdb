"""Following symlinks inside a tree, by its own objects and never through the file system."""

from __future__ import annotations

import posixpath

from smokegate.sources.tree import Kind, Tree

_MOST_HOPS = 16


def follow(tree: Tree, path: str) -> str:
    """The path with every symlink on the way replaced by its target; as far as it goes where one leads nowhere."""
    return trail(tree, path)[-1]


def trail(tree: Tree, path: str) -> list[str]:
    """Every symlink that the path goes through, in order, and last of all where it leads."""
    links: list[str] = []
    for _ in range(_MOST_HOPS):
        link = first_link(tree, path)
        if link is None:
            break
        target = tree.target(link)
        step = posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
        if target.startswith("/") or step == ".." or step.startswith("../"):
            return [*links, link]
        links.append(link)
        path = step + path[len(link) :]
    return [*links, path]


def first_link(tree: Tree, path: str) -> str | None:
    """The shortest prefix of the path that is a symlink."""
    node = tree.node(path)
    if node is not None:
        return path if node.kind is Kind.SYMLINK else None
    return blocked_by(tree, path, Kind.SYMLINK)


def blocked_by(tree: Tree, path: str, kind: Kind) -> str | None:
    """The ancestor of an absent path that is a symlink or submodule and so hides what lies below."""
    parts = path.split("/")
    for end in range(1, len(parts)):
        prefix = "/".join(parts[:end])
        node = tree.node(prefix)
        if node is not None:
            return prefix if node.kind is kind else None
    return None
