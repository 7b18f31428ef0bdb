"""Which entries a changed file belongs to."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from smokegate.judge.side import Side
from smokegate.registry.entry import Entry
from smokegate.registry.graph import Graph
from smokegate.registry.identity import canonical
from smokegate.registry.paths import stem

_CHUNK = 1 << 20
_EXTERNAL_MARK = b"location"
"""The key under which every tensor that lies in another file says where: no ONNX file has one without it."""
_SOURCE_TEXT = (
    *(".md", ".rst", ".txt", ".json", ".jsonl", ".toml", ".yml", ".yaml", ".cfg", ".ini", ".lock", ".csv", ".svg"),
    *(".py", ".pyi", ".ipynb", ".sh", ".js", ".ts", ".tsx", ".html", ".css", ".go", ".rs", ".java", ".kt", ".swift"),
    *(".c", ".h", ".cc", ".cpp", ".hpp", ".cu", ".m", ".asm", ".s", ".build", ".cmake", ".mk"),
)


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
        for key, path in [*self._external_claims(self._base), *self._external_claims(self._head)]:
            labels[key].add("external_data")
            self._attributed.add(path)
        return labels

    def _claims(self, side: Side) -> Iterator[tuple[str, str, str]]:
        kinds_of_card = {posixpath.splitext(template)[1] for template in side.policy.cards}
        cards_changed = any(posixpath.splitext(p)[1] in kinds_of_card for p in self._changed)
        for key, entry in side.entries.items():
            model = side.model_path(entry)
            if model is not None:
                trunk = stem(model)
                yield from self._changed_of(key, "bytes", side, model)
                yield from self._changed_of(key, "sidecar", side, f"{trunk}.json")
                yield from self._changed_of(key, "int8", side, f"{trunk}.int8.onnx")
                yield from self._changed_of(key, "sidecar", side, f"{trunk}.int8.json")
            if cards_changed:
                for card in side.card_paths(entry):
                    yield from self._changed_of(key, "card", side, card)

    def _changed_of(self, key: str, label: str, side: Side, path: str) -> Iterator[tuple[str, str, str]]:
        for step in self._trail(side, path):
            if step in self._changed:
                yield key, label, step

    def _trail(self, side: Side, path: str) -> Iterable[str]:
        """The path itself, every link on its way, and what it leads to: a change of any is a change of the file."""
        return (path, *side.trail(path)) if self._links else (path,)

    def _membership_changes(self) -> Iterator[str]:
        before, after = self._base.memberships, self._head.memberships
        for entry_id in {*before, *after}:
            if canonical(before.get(entry_id)) != canonical(after.get(entry_id)):
                yield entry_id

    @cached_property
    def _links(self) -> frozenset[str]:
        """Symlinks on either side; hardly ever any."""
        return self._base.tree.symlinks() | self._head.tree.symlinks()

    # -- weights outside the graph: only the graph itself tells whose they are ----------------------------------------

    @cached_property
    def _unclaimed(self) -> frozenset[str]:
        """Changed files that might be weights: what no name accounts for, and is no document of the registry's."""
        return frozenset(p for p in self._changed if p not in self._attributed and not self.is_document(p))

    def is_document(self, path: str) -> bool:
        """Of those that are read as what they are, and so speak for themselves."""
        sides = (self._base, self._head)
        return self._head.holds(path) and any(path in side.documents or side.is_evidence(path) for side in sides)

    @cached_property
    def _suspects(self) -> frozenset[str]:
        """Those worth reading graphs for. Outside the folder, where SG205 lets nothing new lie: what was there before,
        and is no source text."""
        return frozenset(
            p
            for p in self._unclaimed
            if self._head.holds(p) or (self._base.tree.node(p) is not None and not is_source_text(p))
        )

    def _external_claims(self, side: Side) -> Iterator[tuple[str, str]]:
        if not self._unclaimed:
            return
        for key, entry in side.entries.items():
            for location in self._located(side, entry):
                for path in self._unclaimed.intersection(self._trail(side, location)):
                    yield key, path

    def _located(self, side: Side, entry: Entry) -> list[str]:
        """Where the entry's weights lie, by its pins, and by its graphs where their bytes name one of the files."""
        found = list(side.pinned_paths(entry))
        for model in (side.model_path(entry), side.twin_path(entry)):
            if self._suspects and model and side.is_file(model) and self._may_name_one(side, model):
                referred = side.external(entry) or {}
                found += [resolved.path for resolved in referred.values() if resolved.path]
        return found

    @cached_property
    def _needles(self) -> tuple[bytes, ...]:
        """Last parts of names: a location ends in one of them, or goes through a link that does."""
        names = {p.rpartition("/")[2] for p in (*self._suspects, *self._links)}
        return tuple(name.encode("utf-8", "surrogateescape") for name in names)

    @cached_property
    def _read(self) -> dict[str, bool]:
        return {}

    def _may_name_one(self, side: Side, model: str) -> bool:
        """Parsing every graph of a large registry would cost minutes; a byte search rules most of them out."""
        content = side.content(model)
        if content is None or not content.seen:
            return isinstance(side.graph(model), Graph)
        if content.digest not in self._read:
            self._read[content.digest] = self._names_one(side, model)
        return self._read[content.digest]

    def _names_one(self, side: Side, model: str) -> bool:
        marked = named = False
        overlap = max(len(n) for n in (*self._needles, _EXTERNAL_MARK))
        with side.tree.open(side.real(model)) as stream:
            tail = b""
            while chunk := stream.read(_CHUNK):
                window = tail + chunk
                marked = marked or _EXTERNAL_MARK in window
                named = named or any(needle in window for needle in self._needles)
                if marked and named:
                    return True
                tail = window[-overlap:]
        return False


def is_source_text(path: str) -> bool:
    """By its name: what a repo is full of, and no exporter keeps weights in."""
    return path.lower().endswith(_SOURCE_TEXT)
