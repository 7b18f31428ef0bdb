"""Where git-lfs keeps the bytes that pointers stand for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from smokegate.sources.command import Git, decoded
from smokegate.sources.digest import chunks_of, digest
from smokegate.sources.files import open_regular
from smokegate.sources.tree import Pointer

Opener = Callable[[], BinaryIO]


class LfsStore:
    """The objects that git-lfs has brought to this clone, believed only once their bytes were digested."""

    def __init__(self, git: Git, common_dir: Path) -> None:
        self._git = git
        self._common_dir = common_dir
        self._found: dict[Pointer, Opener | None] = {}

    def find(self, pointer: Pointer, path: str) -> Opener | None:
        """How to open the intact object, or None when it is not at hand."""
        if pointer not in self._found:
            self._found[pointer] = intact(pointer, lambda: open_regular(self._place(pointer.oid)))
        return self._found[pointer]

    def _place(self, oid: str) -> Path:
        return self._folder / "objects" / oid[:2] / oid[2:4] / oid

    @cached_property
    def _folder(self) -> Path:
        # Threat: head's .lfsconfig could point the store at bytes of its own choosing. The clone's own configuration
        # is the operator's; nothing from a tree is read here.
        configured = self._git.ask("config", "--local", "--type=path", "--get", "lfs.storage")
        chosen = decoded(configured.out.removesuffix(b"\n")) if configured.code == 0 else ""
        return self._common_dir / (chosen or "lfs")


def intact(pointer: Pointer, opener: Opener) -> Opener | None:
    """`opener`, when what it opens is what the pointer stands for."""
    try:
        with opener() as file:
            if file.seek(0, 2) != pointer.size:
                return None
            file.seek(0)
            stored = digest(chunks_of(file))
    except OSError:
        return None
    return opener if (stored.digest, stored.size) == (pointer.oid, pointer.size) else None
