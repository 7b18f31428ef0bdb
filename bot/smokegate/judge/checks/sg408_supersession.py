"""SG408: supersession is recorded on both sides and in the model cards."""

from __future__ import annotations

from collections.abc import Iterator

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.judge.supersession import superseded_by, supersedes
from smokegate.registry.card import mentions_supersession
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    old, new = supersedes(side, entry), superseded_by(side, entry)
    if old is not None:
        yield from _counterpart(side, entry, old, "supersedes", "superseded_by")
    if new is not None:
        yield from _counterpart(side, entry, new, "superseded_by", "supersedes")
        yield from _card(side, entry, new)


def _counterpart(side: Side, entry: Entry, other_id: str, field: str, mirror: str) -> Iterator[Problem]:
    other = side.entries.get(other_id)
    retired = any(r.id == other_id for r in side.retirements)
    if other is None and retired:
        return
    says = (superseded_by if mirror == "superseded_by" else supersedes)(side, other) if other else None
    if says == entry.id:
        return
    what = f"`{other_id}` is not in the registry" if other is None else f"`{other_id}` does not say `{mirror}`"
    yield Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer(field),
        message=f"says {field} `{other_id}`, but {what}",
        fix=f'write "{mirror}": "{entry.id}" into `{other_id}`, or take `{field}` back',
        cause=(field, other_id, says),
    )


def _card(side: Side, entry: Entry, successor: str) -> Iterator[Problem]:
    for path in side.card_paths(entry):
        text = side.text(path) or ""
        if not mentions_supersession(text):
            yield Problem(
                subject=entry.key,
                path=path,
                line=1,
                message=f"is superseded by `{successor}`, and its card does not say so",
                fix=f"say at the top of {path} that `{successor}` supersedes it",
                cause=(path, successor, side.digest(path)),
            )
