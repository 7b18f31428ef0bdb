"""SG408: supersession is recorded on both sides and in the model cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.judge.supersession import in_sidecar, superseded_by, supersedes
from smokegate.registry.card import mentions_supersession
from smokegate.registry.entry import Entry

_MIRRORS = {"supersedes": "superseded_by", "superseded_by": "supersedes"}
_SAID: dict[str, Callable[[Side, Entry], str | None]] = {"supersedes": supersedes, "superseded_by": superseded_by}


def side(side: Side, law: Law) -> Problems:
    """What the rows themselves say: reads no file for a row that says nothing."""
    del law
    for entry in side.entries.values():
        for field in _MIRRORS:
            if other := entry.text(field):
                yield from _recorded(side, entry, field, other)


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    """What only the sidecar says."""
    del law
    for field in _MIRRORS:
        other = in_sidecar(side, entry, field)
        if other and not entry.text(field):
            yield from _recorded(side, entry, field, other)


def _recorded(side: Side, entry: Entry, field: str, other_id: str) -> Iterator[Problem]:
    yield from _counterpart(side, entry, field, other_id)
    if field == "superseded_by":
        yield from _card(side, entry, other_id)


def _counterpart(side: Side, entry: Entry, field: str, other_id: str) -> Iterator[Problem]:
    other, mirror = side.entries.get(other_id), _MIRRORS[field]
    if other is None and any(r.id == other_id for r in side.retirements):
        return
    says = _SAID[mirror](side, other) if other else None
    if says is not None and says == entry.id:
        return
    if other is None:
        what, fix = f"`{other_id}` is not in the registry", f"mend `{field}` of `{entry.key}`, or take it back"
    else:
        what = f"`{other_id}` does not say `{mirror}`" if says is None else f"`{other_id}` says {mirror} `{says}`"
        fix = f'write "{mirror}": "{entry.id}" into `{other_id}`, or take `{field}` back'
    yield Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer(field),
        message=f"says {field} `{other_id}`, but {what}",
        fix=fix,
        cause=(field, other_id, other is None, says),
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
