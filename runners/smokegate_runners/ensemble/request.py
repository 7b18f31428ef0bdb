"""Which ensemble a request asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smokegate.errors import UsageError

_SEED = re.compile(r"_seed[0-9]+$")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LONGEST_ID = 64


def ensemble(ids: Sequence[str], name: str | None, default: str) -> str:
    """The one ensemble that is asked for: by its own id, or by those of its members."""
    trunks = sorted({_SEED.sub("", one) for one in ids})
    if len(trunks) > 1:
        raise UsageError(f"one ensemble is trained at a time, and {', '.join(trunks)} are asked for")
    if trunks and name is not None and trunks != [name]:
        raise UsageError(f"--name says {name}, and the request asks for {trunks[0]}", fix="leave one of the two out")
    chosen = name or (trunks[0] if trunks else default)
    if not _ID.fullmatch(chosen) or len(chosen) > _LONGEST_ID - len("_seed0000"):
        raise UsageError(
            f"{chosen[:80]!r} is no id for an ensemble: lower-case letters, digits, - and _, at most "
            f"{_LONGEST_ID - len('_seed0000')} of them",
            fix="choose another with --name",
        )
    return chosen


def covers(ids: Sequence[str], members: Sequence[str], name: str) -> None:
    """What is asked for by member is asked for whole: an ensemble goes up as one."""
    asked = set(ids) - {name}
    if asked and asked != set(members):
        raise UsageError(
            f"the request names {', '.join(sorted(asked))}, and the ensemble is {', '.join(members)}",
            fix=f"ask for {name}, or for all of its members",
        )
