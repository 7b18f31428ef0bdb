"""Which entries a changed file belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph
from smokegate.registry.paths import stem

_CHUNK = 1 << 20


class Reach:
    """Looks from the changed files to the entries, so that its cost grows with the change."""

    def __init__(self, base: Side, head: Side, changed: frozenset[str]) -> None:
        self._base = base
        self._head = head
        self._changed = changed

    def of(self, key: str) -> tuple[str, ...]:
        """Kinds of the entry's files that differ."""
        return tuple(sorted(self._labels.get(key, ())))

    @cached_property
    def attributed(self) -> frozenset[str]:
        """Changed paths that some entry's change accounts for."""
        self._labels  # noqa: B018 - fills the set
        return frozenset(self._attributed)

    @cached_property
    def _labels(self) -> dict[str, set[str]]:
        self._attributed: set[str] = set()
        labels: dict[str, set[str]] = defaultdict(set)
        if not self._changed:
            return labels
        for side in (self._base, self._head):
            for key, label, path in self._claims(side):
                labels[key].add(label)
                self._attributed.add(path)
        for key in self._membership_changes():
            labels[key].add("manifest")
        for side in (self._base, self._head):
            for key, path in self._external_claims(side):
                labels[key].add("external_data")
                self._attributed.add(path)
        return labels

    def _claims(self, side: Side) -> Iterator[tuple[str, str, str]]:
        changed_cards = {p for p in self._changed if p.endswith(".md")}
        for key, entry in side.entries.items():
            model = side.model_path(entry)
            if model is not None:
                trunk = stem(model)
                yield from self._changed_of(key, "bytes", side, model)
                yield from self._changed_of(key, "sidecar", side, f"{trunk}.json")
                yield from self._changed_of(key, "int8", side, f"{trunk}.int8.onnx")
                yield from self._changed_of(key, "sidecar", side, f"{trunk}.int8.json")
            if changed_cards:
                for card in side.card_paths(entry):
                    yield from self._changed_of(key, "card", side, card)

    def _changed_of(self, key: str, label: str, side: Side, path: str) -> Iterator[tuple[str, str, str]]:
        if path in self._changed:
            yield key, label, path
        elif self._links:
            real = side.real(path)
            if real in self._changed:
                yield key, label, real

    def _membership_changes(self) -> Iterator[str]:
        before, after = self._base.memberships, self._head.memberships
        for entry_id in {*before, *after}:
            if before.get(entry_id) != after.get(entry_id):
                yield entry_id

    @cached_property
    def _links(self) -> frozenset[str]:
        """Symlinks on either side; hardly ever any."""
        return self._base.tree.symlinks() | self._head.tree.symlinks()

    # -- weights outside the graph: only the graph itself tells whose they are ----------------------------------------

    @cached_property
    def _unclaimed(self) -> frozenset[str]:
        """Changed files that might be weights: what no name accounts for, and is not prose or a document."""
        quiet = (".md", ".json", ".onnx", ".yml", ".yaml", ".txt", ".py")
        folders = tuple(f"{side.folder}/" if side.folder else "" for side in (self._base, self._head))
        return frozenset(
            p for p in self._changed if p not in self._attributed and p.startswith(folders) and not p.endswith(quiet)
        )

    def _external_claims(self, side: Side) -> Iterator[tuple[str, str]]:
        if not self._unclaimed:
            return
        for key, entry in side.entries.items():
            for location in self._located(side, entry):
                real = side.real(location)
                for path in {location, real} & self._unclaimed:
                    yield key, path

    def _located(self, side: Side, entry: Entry) -> list[str]:
        """Where the entry's weights lie, by its pins, and by its graphs where their bytes name one of the files."""
        found = [p for pin in side.pins(entry) if (p := side.resolve(pin.location).path)]
        for model in (side.model_path(entry), side.twin_path(entry)):
            if model and side.is_file(model) and self._may_name_one(side, model):
                referred = side.external(entry) or {}
                found += [resolved.path for resolved in referred.values() if resolved.path]
        return found

    @cached_property
    def _needles(self) -> tuple[bytes, ...]:
        names = {p.rpartition("/")[2] for p in (*self._unclaimed, *self._links)}
        return tuple(name.encode("utf-8", "surrogateescape") for name in names)

    def _may_name_one(self, side: Side, model: str) -> bool:
        """Parsing every graph of a large registry would cost minutes; a byte search rules most of them out."""
        content = side.content(model)
        if content is None or not content.seen:
            return isinstance(side.graph(model), Graph)
        overlap = max(len(n) for n in self._needles)
        with side.tree.open(side.real(model)) as stream:
            tail = b""
            while chunk := stream.read(_CHUNK):
                window = tail + chunk
                if any(needle in window for needle in self._needles):
                    return True
                tail = window[-overlap:]
        return False
