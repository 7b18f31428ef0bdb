"""Who wrote and who committed, as commits themselves say it. Whoever made a commit chose these: they prove nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smokegate.sources.command import Git, decoded

_FORMAT = "tformat:%H%x00%an%x00%ae%x00%cn%x00%ce%x00%cI"
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Authorship:
    author: str
    author_mail: str
    committer: str
    committer_mail: str
    committed: str
    """ISO 8601."""


def authorship(git: Git, oids: Iterable[str]) -> dict[str, Authorship]:
    asked = "\n".join(oids)
    if not asked:
        return {}
    arguments = ["log", "-z", "--no-walk=unsorted", "--stdin", "--no-show-signature", "--no-color", "--no-patch"]
    arguments += ["--no-mailmap", "--encoding=UTF-8", f"--format={_FORMAT}"]
    fields = decoded(git.run(*arguments, stdin=f"{asked}\n".encode())).removesuffix("\0").split("\0")
    rows = (fields[at : at + _FIELDS] for at in range(0, len(fields), _FIELDS))
    return {row[0]: Authorship(*row[1:]) for row in rows}
