"""SG206: no path escapes the folder, is absolute, or goes through a link; no two names are one on a careless system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from smokegate.judge.checks.models import pinned_places
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.shell import pathspec, word
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.paths import fold
from smokegate.sources.links import blocked_by, first_link
from smokegate.sources.tree import Kind

_FIELDS = ("onnx", "evidence", "sigstore_bundle")


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    del law
    for field in _FIELDS:
        named = entry.text(field)
        if named is None:
            continue
        resolved = side.resolve(named)
        fault = resolved.fault or _detour(side, resolved.path)
        if fault:
            yield _problem(side, entry, field, f"the path in `{field}` {fault}", (field, named, fault))
    for index, place in pinned_places(entry):
        if fault := side.resolve(place).fault:
            message = f"the path in `external_data[{index}]` {fault}"
            yield _problem(side, entry, "external_data", message, (index, place, fault))
    if side.resolve(entry.onnx or "").fault:
        return
    for path in dict.fromkeys((side.sidecar_path(entry), side.twin_path(entry), side.twin_sidecar_path(entry))):
        fault = _detour(side, path)
        if fault and path is not None:
            yield _problem(side, entry, "onnx", f"its file `{path}` {fault}", (path, fault, side.key(path)))


def side(side: Side, law: Law) -> Problems:
    """Names that fold into one: a checkout on a case-insensitive disk would hold only one of them."""
    for path in (side.registry_path, side.retired_path, law.schema_path):
        if fault := _detour(side, path):
            yield Problem(
                subject=path,
                path=path,
                message=f"`{path}` {fault}, so that what it says changes where nobody looks",
                fix=f"git rm --cached {pathspec(path)}, then put the file itself there and git add it",
                cause=(path, fault, side.key(path)),
            )
    for names in _collisions(side.files):
        yield Problem(
            subject=names[-1],
            path=names[-1],
            message=f"{' and '.join(f'`{_told_apart(n)}`' for n in names)} are one name to a careless system or eye",
            fix=f"git mv {word(names[-1])} NEW_NAME, where NEW_NAME differs by more than case, accents or look-alikes",
            cause=tuple(names),
            concerns=(names[-1], *_bearers(side, names)),
        )
    keys = {e.id: e.key for e in side.entries.values() if e.id}
    for ids in _collisions(keys):
        last = side.entries[keys[ids[-1]]]
        yield Problem(
            subject=last.key,
            path=side.registry_path,
            pointer=last.pointer("id"),
            message=f"the ids {' and '.join(f'`{i}`' for i in ids)} differ only by case or look-alike letters",
            fix=f"give `{last.key}` an id that cannot be mistaken for another",
            cause=tuple(ids),
            concerns=tuple(keys[i] for i in ids),
        )


def _told_apart(name: str) -> str:
    return name if name.isascii() else word(name)


def _bearers(side: Side, names: list[str]) -> list[str]:
    """Entries whose files these are."""
    return [
        entry.key
        for entry in side.entries.values()
        if not {side.model_path(entry), side.sidecar_path(entry), side.twin_path(entry)}.isdisjoint(names)
    ]


def _detour(side: Side, path: str | None) -> str | None:
    if path is None or ((node := side.tree.node(path)) is not None and node.kind is Kind.FILE):
        return None
    if link := first_link(side.tree, path):
        return f"goes through the symlink `{link}`"
    node = side.tree.node(path)
    if node is not None and node.kind is Kind.SUBMODULE:
        return "is a submodule"
    if module := blocked_by(side.tree, path, Kind.SUBMODULE):
        return f"lies in the submodule `{module}`"
    return None


def _collisions(names: Iterable[str]) -> list[list[str]]:
    names = list(names)
    folded = [fold(name) for name in names]
    if len(set(folded)) == len(names):
        return []
    groups: dict[str, list[str]] = defaultdict(list)
    for name, form in zip(names, folded, strict=True):
        groups[form].append(name)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def _problem(side: Side, entry: Entry, field: str, message: str, cause: tuple[object, ...]) -> Problem:
    return Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer(field),
        message=message,
        fix=f"put the file itself (no link, no submodule) into {side.folder or 'the root'} under a plain name, and "
        f"name it in `{field}` relative to that folder",
        cause=cause,
    )
