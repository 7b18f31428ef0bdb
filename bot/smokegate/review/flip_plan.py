"""What a flip writes: rows, pins, records, manifests, cards and supersession, each in its own document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from smokegate.errors import DocumentError, UsageError
from smokegate.evidence.documents import Evidence
from smokegate.judge.law import Schema
from smokegate.judge.side import Side
from smokegate.judge.supersession import superseded_by, supersedes
from smokegate.registry.banner import BannerFault, with_status
from smokegate.registry.entry import Entry
from smokegate.registry.paths import within
from smokegate.review.flip_drafts import Drafts
from smokegate.review.flip_records import gate_record, production, superseded


@dataclass(frozen=True, slots=True)
class Planner:
    """`side` is the working tree before the flip."""

    side: Side
    schema: Schema
    drafts: Drafts
    evidence: Evidence
    evidence_path: str

    def flip(self, entries: Sequence[Entry], gates: dict[str, str], old: Entry | None) -> None:
        rows = _Rows(self.side, self.schema, self.drafts)
        for entry in entries:
            rows.stage(entry)
            rows.say(entry, "evidence", within(self.side.folder, self.evidence_path))
            self._pin(rows, entry)
        if old is not None:
            for entry in entries:
                self._succeed(rows, entry, old)
        for entry in entries:
            self._record(entry)
        self._manifests({entry.key for entry in entries})
        self._cards(entries, gates, old)

    # -- weights outside the graph ----------------------------------------------------------------------------------

    def _pin(self, rows: _Rows, entry: Entry) -> None:
        unpinned = list(self._unpinned(entry))
        if not unpinned:
            return
        in_sidecar = isinstance(self.side.sidecar(entry).value.get("external_data"), list)
        pinned = entry.raw.get("external_data")
        here = pinned if isinstance(pinned, list) else []
        if (here or not in_sidecar) and rows.say(entry, "external_data", [*here, *unpinned]):
            return
        there = self.side.sidecar(entry).value.get("external_data") if in_sidecar else []
        self._say_in_sidecar(entry, "external_data", [*(there or []), *unpinned])

    def _unpinned(self, entry: Entry) -> Iterable[dict[str, Any]]:
        pinned = {self.side.resolve(pin.location).path for pin in self.side.pins(entry)}
        for resolved in (self.side.external(entry) or {}).values():
            content = self.side.content(resolved.path)
            if resolved.path is None or resolved.fault or resolved.path in pinned or content is None:
                continue  # SG205 speaks of what does not resolve
            if content.pointer_fault is None:
                pinned.add(resolved.path)
                place = within(self.side.folder, resolved.path)
                yield {"path": place, "sha256": content.digest, "size": content.size}

    # -- supersession -----------------------------------------------------------------------------------------------

    def _succeed(self, rows: _Rows, entry: Entry, old: Entry) -> None:
        if supersedes(self.side, entry) != old.id and not rows.say(entry, "supersedes", old.id):
            self._say_in_sidecar(entry, "supersedes", old.id)
        if superseded_by(self.side, old) != entry.id and not rows.say(old, "superseded_by", entry.id):
            self._say_in_sidecar(old, "superseded_by", entry.id)

    def _say_in_sidecar(self, entry: Entry, field: str, value: Any) -> None:
        path = self.side.sidecar_path(entry)
        if path is None or not isinstance(self.side.value(path), dict):
            raise DocumentError(
                f"the schema on base admits no `{field}` in the entry `{entry.key}`, which has no sidecar either",
                fix=f"give it one at {path}" if path else f"give `{entry.key}` a path in `onnx`",
            )
        self.drafts.set(path, (field,), value)

    # -- sidecars, manifests, cards ---------------------------------------------------------------------------------

    def _record(self, entry: Entry) -> None:
        """Where there is no sidecar SG304 says so: nobody can make up what a model is fed."""
        path = self.side.sidecar_path(entry)
        if path is None or not isinstance(self.side.value(path), dict):
            return
        now = self.drafts.json(path).value
        if isinstance(now.get("gate", {}), dict):
            place = within(self.side.folder, self.evidence_path)
            record = gate_record(now.get("gate", {}), self.evidence, place, entry.id or entry.key)
            self.drafts.set(path, ("gate",), record)
        if now.get("smoke") is True:
            self.drafts.set(path, ("smoke",), False)

    def _manifests(self, going: set[str]) -> None:
        entries = self.side.entries
        for manifest in self.side.manifests:
            members = [member for member in manifest.members() if member.id in entries]
            if not going.intersection(member.id or "" for member in members):
                continue
            for member in members:
                entry = entries[member.id or ""]
                for field, right in (("sha256", entry.sha256), ("onnx", entry.onnx)):
                    if right is not None and member.text(field) not in {None, right}:
                        self.drafts.set(manifest.path, ("members", member.index, field), right)
            risen = all(i in entries and (i in going or entries[i].production) for i in manifest.member_ids())
            if risen and manifest.value.get("smoke") is True:
                self.drafts.set(manifest.path, ("smoke",), False)

    def _cards(self, entries: Sequence[Entry], gates: dict[str, str], old: Entry | None) -> None:
        place = within(self.side.folder, self.evidence_path)
        heirs = [entry.id for entry in entries if entry.id]
        for entry in entries:
            over = old.id if old else None
            self._card(entry, production(gates[entry.key], self.evidence, place, over))
        if old is not None:
            self._card(old, superseded(heirs[0]))

    def _card(self, entry: Entry, said: str) -> None:
        for path in self.side.card_paths(entry):
            real = self.side.real(path)
            text = self.drafts.data(real).decode("utf-8", "surrogateescape")
            try:
                text = with_status(text, {entry.id or entry.key: said})
            except BannerFault as fault:
                raise DocumentError(f"{real}: {fault}", fix=f"mend the marks in {real}, or take both away") from None
            self.drafts.put(real, text.encode("utf-8", "surrogateescape"))


class _Rows:
    """Rows of the registry, changed as far as the law on base admits."""

    def __init__(self, side: Side, schema: Schema, drafts: Drafts) -> None:
        self._path = side.registry_path
        self._drafts = drafts
        self._schema = schema
        self._trial = drafts.json(side.registry_path).value
        self._faults = self._known()

    def stage(self, entry: Entry) -> None:
        self._drafts.set(self._path, entry.pointer("smoke"), False)
        self._trial["models"][entry.index]["smoke"] = False
        self._faults = self._known()  # what the law has against a production entry, it has against this one

    def say(self, entry: Entry, field: str, value: Any) -> bool:
        """Whether the row may say it, and does."""
        row = self._trial["models"][entry.index]
        before = row.get(field, self)
        row[field] = value
        if self._known() - self._faults:
            if before is self:
                del row[field]
            else:
                row[field] = before
            return False
        self._drafts.set(self._path, entry.pointer(field), value)
        return True

    def _known(self) -> Counter[tuple[Any, str]]:
        return Counter((fault.pointer, fault.message) for fault in self._schema.faults(self._trial))


def superseding(side: Side, entries: Sequence[Entry], old_id: str) -> Entry:
    """The entry that is taken over from, where that can be."""
    old = side.entries.get(old_id)
    if old is None:
        raise UsageError(f"{old_id!r} is not in {side.registry_path}", fix="name an entry with --supersedes")
    if len(entries) != 1:
        raise UsageError(f"{len(entries)} entries cannot all supersede {old_id!r}", fix="flip one with --supersedes")
    (entry,) = entries
    if entry.key == old.key:
        raise UsageError(f"{old_id!r} cannot supersede itself", fix="name another entry with --supersedes")
    for holder, field, said, wanted in (
        (entry, "supersedes", supersedes(side, entry), old.id),
        (old, "superseded_by", superseded_by(side, old), entry.id),
    ):
        if said not in {None, wanted}:
            raise UsageError(
                f"`{holder.key}` says {field} `{said}` already", fix="take that back in a change of its own first"
            )
    return old
