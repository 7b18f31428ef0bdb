"""The semantic difference between two sides of one registry."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from smokegate.judge.reach import Reach, is_source_text
from smokegate.judge.report import Change, What
from smokegate.judge.side import Side
from smokegate.registry.document import DocumentFault, JsonDocument
from smokegate.registry.entry import Entry
from smokegate.registry.identity import Identity, canonical


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one entry. A rename keeps its id at base in `before`."""

    key: str
    before: Entry | None
    after: Entry | None
    fields: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Which kinds of file belonging to it differ: bytes, int8, external_data, sidecar, card, manifest, evidence."""
    identity_before: Identity | None = None
    identity_after: Identity | None = None

    @property
    def identity_changed(self) -> bool:
        before, after = self.identity_before, self.identity_after
        return before is not None and after is not None and before.digest != after.digest

    @property
    def added(self) -> bool:
        return self.before is None

    @property
    def removed(self) -> bool:
        return self.after is None

    @property
    def renamed(self) -> bool:
        return self.before is not None and self.after is not None and self.before.key != self.after.key

    @property
    def flipped(self) -> bool:
        return bool(self.before and self.after and not self.before.production and self.after.production)

    @property
    def demoted(self) -> bool:
        return bool(self.before and self.after and self.before.production and not self.after.production)

    @property
    def fresh(self) -> bool:
        """Flips, enters, or changes identity: none of its findings is a standing one. A new name alone is neither."""
        return self.after is not None and (self.added or self.flipped or self.identity_changed)

    @property
    def fresh_production(self) -> bool:
        return self.fresh and self.after is not None and self.after.production


@dataclass(eq=False)
class RegistryChange:
    base: Side
    head: Side
    notes: list[str] = field(default_factory=list)

    @cached_property
    def changed_paths(self) -> frozenset[str]:
        """Paths whose stored bytes or kind differ anywhere in the two trees."""
        return self.head.tree.differs_from(self.base.tree)

    @cached_property
    def head_is_readable(self) -> bool:
        return not isinstance(self.head.registry, DocumentFault)

    @cached_property
    def steps(self) -> dict[str, Step]:
        """Every entry that the change touches, by its key at head (at base where it is gone)."""
        if not self.head_is_readable:
            return {}
        return {step.key: step for step in self._steps()}

    @cached_property
    def reach(self) -> Reach:
        return Reach(self.base, self.head, self.changed_paths)

    @cached_property
    def renames(self) -> dict[str, str]:
        """New id -> old id, where the very same model goes on under another name."""
        base, head = self.base.entries, self.head.entries
        gone = [base[key] for key in base.keys() - head.keys()]
        come = [head[key] for key in head.keys() - base.keys()]
        if not gone or not come:
            return {}
        old = _by_digest(self.base, gone)
        new = _by_digest(self.head, come)
        return {
            new[digest][0].key: old[digest][0].key
            for digest in new.keys() & old.keys()
            if len(new[digest]) == len(old[digest]) == 1
        }

    def _steps(self) -> Iterator[Step]:
        base, head = self.base.entries, self.head.entries
        renamed_from = self.renames
        carried = set(renamed_from.values())
        for key, after in head.items():
            before = base.get(renamed_from.get(key, key))
            step = self._step(key, before, after)
            if step is not None:
                yield step
        for key in base.keys() - head.keys() - carried:
            yield Step(key, base[key], None)

    def _step(self, key: str, before: Entry | None, after: Entry) -> Step | None:
        files = self.reach.of(key)
        if before is not None and before.key == after.key and not files and _same(before.raw, after.raw):
            return None
        fields = _differing_fields(before, after) if before else ()
        identities = self._identities(before, after)
        return Step(key, before, after, fields, files, *identities)

    def _identities(self, before: Entry | None, after: Entry) -> tuple[Identity | None, Identity | None]:
        """Worked out only where the inputs differ or the entry goes (or is newly) into production."""
        if before is None:
            return None, self.head.identity(after)
        flips = not before.production and after.production
        if not flips and not self._meaning_may_differ(before, after):
            return None, None
        # both first: what only one of them has at hand (an LFS object, a file that moves to a release) tells of both
        self.base.look_into(before)
        self.head.look_into(after)
        return self.base.identity(before), self.head.identity(after)

    def _meaning_may_differ(self, before: Entry, after: Entry) -> bool:
        if before.key != after.key or self.reach.of(after.key):
            return True
        return self.base.identity_inputs(before) != self.head.identity_inputs(after)

    # -- for the report ----------------------------------------------------------------------------------------------

    def changes(self, law_at: Collection[str] = ()) -> list[Change]:
        """What happened to entries, and to governed files that are no entry's: the law's own, wherever they lie."""
        found = [change for step in self.steps.values() for change in self._changes_of(step)]
        mentioned = self.reach.attributed | {self.head.registry_path}
        governed = {p for p in self.governed_changes if self._may_matter(p)} | self.changed_paths.intersection(law_at)
        found += [
            Change(id=path, what=_what_of_path(self, path), fields=("file",)) for path in sorted(governed - mentioned)
        ]
        if self._says_other_things():
            found.append(Change(id=self.head.registry_path, what=What.CHANGED, fields=("file",)))
        return sorted(found, key=lambda change: (change.id, change.what.value))

    def _says_other_things(self) -> bool:
        """Whether the registry differs in what is no entry."""
        before, after = self.base.registry, self.head.registry
        if not isinstance(before, JsonDocument) or not isinstance(after, JsonDocument):
            return False
        return bool(canonical(_beside_entries(before.value)) != canonical(_beside_entries(after.value)))

    def _may_matter(self, path: str) -> bool:
        """All in a folder of the registry's own; of a whole repo that is its folder, not the source text."""
        return bool(self.head.folder) or self.reach.is_document(path) or not is_source_text(path)

    @cached_property
    def governed_changes(self) -> frozenset[str]:
        """Changed paths in the registry's folder, at base or head."""
        return frozenset(p for p in self.changed_paths if p in self.base.files or p in self.head.files)

    def _changes_of(self, step: Step) -> Iterator[Change]:
        def say(what: What, fields: tuple[str, ...] = ()) -> Change:
            return Change(
                id=step.key,
                what=what,
                fields=fields,
                was=step.before.key if step.renamed and step.before else None,
                stage_before=step.before.stage if step.before else None,
                stage_after=step.after.stage if step.after else None,
                identity_before=step.identity_before.digest if step.identity_before else None,
                identity_after=step.identity_after.digest if step.identity_after else None,
                identity_changed=step.identity_changed,
            )

        if step.added:
            yield say(What.ADDED)
            return
        if step.removed:
            yield say(What.RETIRED if self.is_retired(step) else What.REMOVED)
            return
        if step.renamed:
            yield say(What.RENAMED)
        if step.flipped:
            yield say(What.FLIPPED)
        if step.demoted:
            yield say(What.DEMOTED)
        moved = {"smoke"} if step.flipped or step.demoted else set()
        fields = tuple(f for f in dict.fromkeys((*step.fields, *self._file_fields(step))) if f not in moved)
        if fields and not (step.renamed and fields == ("id",)):
            yield say(What.CHANGED, fields)

    def _file_fields(self, step: Step) -> tuple[str, ...]:
        """What the entry's files say, down to the sidecar's fields."""
        found: list[str] = []
        for label in step.files:
            found += self._sidecar_fields(step) if label == "sidecar" else [label]
        if step.identity_before and step.identity_after:
            differing = step.identity_before.differences(step.identity_after)
            found += [name for name in differing if name not in found and name not in step.fields and "." not in name]
        return tuple(dict.fromkeys(found))

    def _sidecar_fields(self, step: Step) -> list[str]:
        if step.before is None or step.after is None:
            return []
        before, after = self.base.sidecar(step.before).value, self.head.sidecar(step.after).value
        fields = [f"sidecar.{f}" for f in sorted({*before, *after}) if _differs(before, after, f)]
        return fields or ["sidecar"]

    def is_retired(self, step: Step) -> bool:
        return step.before is not None and any(r.id == step.before.id for r in self.head.retirements)


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two rows say the same. Python's `==` alone would take `"smoke": 1` for `"smoke": true`."""
    if before != after:
        return False
    return all(type(value) is type(after[name]) for name, value in before.items()) and not any(
        _differs(before, after, name) for name, value in before.items() if isinstance(value, dict | list)
    )


def _differs(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> bool:
    if (name in before) != (name in after):
        return True
    return bool(canonical(before.get(name)) != canonical(after.get(name)))


def _differing_fields(before: Entry, after: Entry) -> tuple[str, ...]:
    return tuple(f for f in sorted({*before.raw, *after.raw}) if _differs(before.raw, after.raw, f))


def _beside_entries(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    rows = value.get("models")
    return {**value, "models": [r for r in rows if not isinstance(r, dict)] if isinstance(rows, list) else rows}


def _by_digest(side: Side, entries: list[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        digest = side.digest(side.model_path(entry)) or entry.sha256
        if digest:
            found.setdefault(digest, []).append(entry)
    return found


def _what_of_path(change: RegistryChange, path: str) -> What:
    if change.base.key(path) is None:
        return What.ADDED
    return What.REMOVED if change.head.key(path) is None else What.CHANGED
