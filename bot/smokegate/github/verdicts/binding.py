"""What a verdict belongs to: written into the check run's `external_id`, and read back before anything rests on it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "smokegate:v1:"
_QUEUE = "queue"
_DIGITS = 32
"""Of the digest of the registries: enough to tell two sets of paths apart, in what GitHub takes."""

_FORM = re.compile(
    re.escape(PREFIX) + r"(?P<pr>[1-9][0-9]{0,9}|queue):(?P<base>[0-9a-f]{40}|[0-9a-f]{64})"
    r":(?P<head>[0-9a-f]{40}|[0-9a-f]{64}):(?P<policy>[0-9a-f]{64}):(?P<registries>[0-9a-f]{32})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Binding:
    pr: int | None
    """None for a group of the merge queue."""
    base: str
    """The target branch's tip that was judged against."""
    head: str
    policy: str
    """SHA-256 of the policy, or of all of them where registries have several."""
    registries: str
    """From `registries_digest`."""

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(str(self)):
            raise ValueError(f"no verdict can belong to {str(self)!r}")

    def __str__(self) -> str:
        pr = _QUEUE if self.pr is None else str(self.pr)
        return f"{PREFIX}{pr}:{self.base}:{self.head}:{self.policy}:{self.registries}"

    def holds_for(self, *, pr: int | None, base: str, head: str, policy: str, registries: Iterable[str]) -> bool:
        """Whether this verdict still says something about that. Any of these that moved takes it away."""
        wanted = (pr, base, head, policy, registries_digest(registries))
        return (self.pr, self.base, self.head, self.policy, self.registries) == wanted


def read(external_id: str) -> Binding | None:
    """None where it is not one of ours."""
    found = _FORM.fullmatch(external_id)
    if found is None:
        return None
    pr = None if found["pr"] == _QUEUE else int(found["pr"])
    return Binding(pr, found["base"], found["head"], found["policy"], found["registries"])


def registries_digest(paths: Iterable[str]) -> str:
    return _digest(paths)[:_DIGITS]


def policies_digest(digests: Iterable[str]) -> str:
    """Of one policy, its own digest; of several, one over all of them."""
    distinct = sorted(set(digests))
    return distinct[0] if len(distinct) == 1 else _digest(distinct)


def _digest(texts: Iterable[str]) -> str:
    """Over a set: order and repeats do not count, and no two sets run together."""
    whole = hashlib.sha256()
    for text in sorted({one.encode("utf-8", "surrogatepass") for one in texts}):
        whole.update(len(text).to_bytes(8, "big") + text)
    return whole.hexdigest()
