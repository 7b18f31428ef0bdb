"""SG206: no path escapes the folder, is absolute, or goes through a link; no two names are one on a careless system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
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
    for index, row in enumerate(_rows(entry)):
        fault = side.resolve(row).fault
        if fault:
            message = f"the path in `external_data[{index}]` {fault}"
            yield _problem(side, entry, "external_data", message, (index, row, fault))
    for path in (side.sidecar_path(entry), side.twin_path(entry)):
        fault = _detour(side, path)
        if fault and path is not None:
            yield _problem(side, entry, "onnx", f"its file `{path}` {fault}", (path, fault, side.key(path)))


def side(side: Side, law: Law) -> Problems:
    """Names that fold into one: a checkout on a case-insensitive disk would hold only one of them."""
    del law
    for names in _collisions(side.files):
        yield Problem(
            subject=names[-1],
            path=names[-1],
            message=f"{' and '.join(f'`{n}`' for n in names)} are one file on a system that folds case",
            fix=f"git mv {names[-1]} to a name that differs by more than case or accents",
            cause=tuple(names),
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
        )


def _rows(entry: Entry) -> list[str]:
    rows = entry.raw.get("external_data")
    found = [row.get("path") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [path for path in found if isinstance(path, str)]


def _detour(side: Side, path: str | None) -> str | None:
    if path is None or (node := side.tree.node(path)) is not None and node.kind is Kind.FILE:
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
        fix=f"keep the file itself in {side.folder or 'the root'} and name it plainly, relative to that folder",
        cause=cause,
    )
