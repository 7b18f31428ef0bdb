"""One registry as it stands in one tree: everything a check may ask of it, looked up once."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from smokegate.globs import matches
from smokegate.judge.ports import Bytes, Laboratory
from smokegate.policy import Policy
from smokegate.registry import card, manifest, paths, retirement
from smokegate.registry.document import DocumentFault, JsonDocument, read_json
from smokegate.registry.entry import Entry, read_entries
from smokegate.registry.graph import Graph, GraphFault
from smokegate.registry.identity import Identity, canonical
from smokegate.registry.manifest import Manifest
from smokegate.registry.paths import Resolved
from smokegate.registry.retirement import RETIRED_NAME, Retirement
from smokegate.registry.sidecar import Sidecar
from smokegate.sources.links import trail
from smokegate.sources.tree import Content, Kind, Tree

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pin:
    """Weights outside the graph as a document pins them."""

    location: str
    sha256: str
    size: int | None
    path: str
    """The document that holds the pin."""
    pointer: tuple[str | int, ...]


class Graphs:
    """Graphs by the digest of their bytes, shared by both sides: bytes seen on one side are known on the other."""

    def __init__(self, lab: Laboratory) -> None:
        self.lab = lab
        self._known: dict[str, Graph | GraphFault] = {}

    def of(self, tree: Tree, path: str, content: Content) -> Graph | GraphFault | None:
        """None when nobody has these bytes."""
        if content.digest not in self._known:
            if not content.seen:
                return None
            self._known[content.digest] = self.lab.inspect(bytes_at(tree, path, content))
        return self._known[content.digest]

    def known(self, digest: str | None) -> Graph | GraphFault | None:
        """What bytes that are not in this tree were seen to be elsewhere."""
        return self._known.get(digest) if digest else None


def bytes_at(tree: Tree, path: str, content: Content) -> Bytes:
    return Bytes(content.digest, content.size, lambda: tree.open(path))


class Side:
    """Paths that this class takes and gives are from the repo root, unless they are called `location`."""

    def __init__(self, tree: Tree, registry_path: str, policy: Policy, graphs: Graphs) -> None:
        self.tree = tree
        self.registry_path = registry_path
        self.folder = paths.parent(registry_path)
        self.policy = policy
        self.graphs = graphs
        self._documents: dict[str, JsonDocument | DocumentFault | None] = {}
        self._identities: dict[str, Identity] = {}

    # -- files ---------------------------------------------------------------------------------------------------

    @cached_property
    def files(self) -> frozenset[str]:
        """Every path in the registry's folder."""
        return frozenset(self.tree.paths(self.folder))

    def holds(self, path: str) -> bool:
        """Whether a path lies, or would lie, in the registry's folder."""
        return not self.folder or path.startswith(f"{self.folder}/")

    def trail(self, path: str) -> list[str]:
        """Every symlink on the way, and where the path leads."""
        return trail(self.tree, path)

    def real(self, path: str) -> str:
        """Where a path leads once the symlinks of this tree are followed; SG206 is who complains of them."""
        return self.trail(path)[-1]

    def is_file(self, path: str | None) -> bool:
        node = self.tree.node(self.real(path)) if path else None
        return node is not None and node.kind is Kind.FILE

    def content(self, path: str | None) -> Content | None:
        """What a file means; None for everything else."""
        return self.tree.content(self.real(path)) if path and self.is_file(path) else None

    def digest(self, path: str | None) -> str | None:
        content = self.content(path)
        return content.digest if content else None

    def key(self, path: str) -> tuple[Kind, str] | None:
        """Equal on two sides of one store only where the stored bytes are."""
        node = self.tree.node(self.real(path))
        return (node.kind, node.key) if node else None

    def document(self, path: str) -> JsonDocument | DocumentFault | None:
        """The JSON document at a path, None where there is no file."""
        if path not in self._documents:
            self._documents[path] = self._read_document(path)
        return self._documents[path]

    def _read_document(self, path: str) -> JsonDocument | DocumentFault | None:
        real = self.real(path)
        node = self.tree.node(real)
        if node is None:
            return None
        if node.kind is not Kind.FILE:
            return DocumentFault(path, f"is a {node.kind.value}, not a file")
        limits = self.policy.limits
        max_bytes = limits.document_mib * MIB
        if self.tree.stored_size(real) > max_bytes:
            return DocumentFault(path, f"is larger than the {limits.document_mib} MiB that limits.document_mib allows")
        data = self.tree.read(real, max_bytes)
        if data.startswith(b"version https://git-lfs"):
            return DocumentFault(path, "is a git-lfs pointer where the document itself is needed", 1, 1)
        return read_json(data, path, max_bytes=max_bytes, max_depth=limits.document_depth)

    def value(self, path: str) -> Any:
        document = self.document(path)
        return document.value if isinstance(document, JsonDocument) else None

    def text(self, path: str, limit: int = MIB) -> str | None:
        """Prose at a path, read leniently; None where there is no file."""
        return self.tree.read(self.real(path), limit).decode("utf-8", "replace") if self.is_file(path) else None

    # -- the registry and its entries -----------------------------------------------------------------------------

    @cached_property
    def registry(self) -> JsonDocument | DocumentFault | None:
        return self.document(self.registry_path)

    @cached_property
    def entries(self) -> dict[str, Entry]:
        document = self.registry
        rows = read_entries(document.value) if isinstance(document, JsonDocument) else []
        return {entry.key: entry for entry in rows}

    def resolve(self, location: str) -> Resolved:
        return paths.resolve(self.folder, location)

    def model_path(self, entry: Entry) -> str | None:
        return self.resolve(entry.onnx).path if entry.onnx else None

    def twin_path(self, entry: Entry) -> str | None:
        """The int8 twin's place, where the entry claims to have one."""
        model = self.model_path(entry)
        if model is None or not (entry.quantised or "int8_sha256" in entry.raw):
            return None
        return f"{paths.stem(model)}.int8.onnx"

    def sidecar_path(self, entry: Entry) -> str | None:
        model = self.model_path(entry)
        return f"{paths.stem(model)}.json" if model else None

    def twin_sidecar_path(self, entry: Entry) -> str | None:
        """`x.int8.json` where there is one, else the model's own."""
        twin = self.twin_path(entry)
        if twin is None:
            return None
        own = f"{paths.stem(twin)}.json"
        return own if own in self.files else self.sidecar_path(entry)

    def sidecar(self, entry: Entry) -> Sidecar:
        path = self.sidecar_path(entry)
        return Sidecar(self.value(path) if path else None)

    def card_paths(self, entry: Entry) -> list[str]:
        if entry.id is None:
            return []
        return [p for p in card.candidates(self.policy.cards, self.folder, entry.id) if self.is_file(p)]

    # -- graphs and the weights outside them ----------------------------------------------------------------------

    def graph(self, path: str | None) -> Graph | GraphFault | None:
        """None when there is no file, or nobody has its bytes."""
        content = self.content(path)
        if path is None or content is None or content.pointer_fault:
            return None
        return self.graphs.of(self.tree, self.real(path), content)

    def pins(self, entry: Entry) -> list[Pin]:
        found = list(_pins(entry.raw.get("external_data"), self.registry_path, entry.pointer("external_data")))
        sidecar_path = self.sidecar_path(entry)
        if sidecar_path:
            found += _pins(self.sidecar(entry).value.get("external_data"), sidecar_path, ("external_data",))
        return found

    def model_graph(self, entry: Entry) -> Graph | GraphFault | None:
        """As the file has it, or as bytes of the declared digest had it where the file lies elsewhere (a release)."""
        path = self.model_path(entry)
        return self.graph(path) if self.is_file(path) else self.graphs.known(entry.sha256)

    def twin_graph(self, entry: Entry) -> Graph | GraphFault | None:
        path = self.twin_path(entry)
        if path is None:
            return None
        return self.graph(path) if self.is_file(path) else self.graphs.known(entry.text("int8_sha256"))

    def external(self, entry: Entry) -> dict[str, Resolved] | None:
        """Each location the graph (or its twin) refers to, resolved; None when no graph can be looked into."""
        found: dict[str, Resolved] = {}
        looked = False
        for model, graph in (
            (self.model_path(entry), self.model_graph(entry)),
            (self.twin_path(entry), self.twin_graph(entry)),
        ):
            if isinstance(graph, Graph) and model is not None:
                looked = True
                for tensor in graph.external:
                    found[tensor.location] = paths.resolve(self.folder, tensor.location, start=paths.parent(model))
        return found if looked else None

    def pinned_paths(self, entry: Entry) -> Iterator[str]:
        """Where the pins lead: as written beside the model, and as seen from the registry's folder."""
        model = self.model_path(entry)
        starts = dict.fromkeys((self.folder, paths.parent(model) if model else self.folder))
        for pin in self.pins(entry):
            for start in starts:
                if path := paths.resolve(self.folder, pin.location, start=start).path:
                    yield path

    # -- ensembles, retirements, evidence ---------------------------------------------------------------------------

    @cached_property
    def sidecar_paths(self) -> frozenset[str]:
        return frozenset(p for e in self.entries.values() if (p := self.sidecar_path(e)))

    @cached_property
    def loose_documents(self) -> frozenset[str]:
        """JSON files in the folder that are nobody's sidecar: where manifests are found."""
        own = {self.registry_path, paths.join(self.folder, RETIRED_NAME)}
        return frozenset(p for p in self.files if p.endswith(".json")) - self.sidecar_paths - own

    def manifests_in(self, candidates: frozenset[str]) -> list[Manifest]:
        found = []
        for path in sorted(candidates & self.files):
            document = self.document(path)
            if isinstance(document, JsonDocument) and manifest.is_manifest(document.value):
                found.append(Manifest(document))
        return found

    @cached_property
    def manifests(self) -> list[Manifest]:
        return self.manifests_in(self.loose_documents)

    @cached_property
    def documents(self) -> frozenset[str]:
        """The registry itself, its record of retirements and its manifests."""
        return frozenset((self.registry_path, self.retired_path, *(m.path for m in self.manifests)))

    @cached_property
    def memberships(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Per entry id, what the manifests say of its place in an ensemble."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for ensemble in self.manifests:
            shared = {"id": ensemble.id, "members": sorted(ensemble.member_ids()), "runtime": ensemble.runtime()}
            for member in ensemble.members():
                if member.id:
                    found.setdefault(member.id, []).append({**shared, "seed": member.raw.get("seed")})
        return found

    @cached_property
    def retired_path(self) -> str:
        return paths.join(self.folder, RETIRED_NAME)

    @cached_property
    def retirements(self) -> list[Retirement]:
        return retirement.read_retirements(self.value(self.retired_path))

    @cached_property
    def evidence_paths(self) -> list[str]:
        """Plain files alone: behind a link, what SG411 keeps would not be what was read."""
        return sorted(p for p in self.files if self.is_evidence(p) and self.is_file(p) and self.real(p) == p)

    def is_evidence(self, path: str) -> bool:
        inside = paths.within(self.folder, path)
        return path.endswith(".json") and any(matches(glob, inside) for glob in self.policy.evidence)

    # -- identity ---------------------------------------------------------------------------------------------------

    def identity(self, entry: Entry) -> Identity:
        if entry.key not in self._identities:
            self._identities[entry.key] = self._identity(entry)
        return self._identities[entry.key]

    def _identity(self, entry: Entry) -> Identity:
        model = self.model_path(entry)
        twin = self.twin_path(entry)
        return Identity(
            graph=self.digest(model) or entry.sha256,
            external=self._external_digests(entry),
            int8=(self.digest(twin) or entry.text("int8_sha256")) if twin else None,
            runtime=self._runtime(entry),
            membership=self.memberships.get(entry.id or "", ()),
        )

    def _external_digests(self, entry: Entry) -> dict[str, str]:
        """By place. What is not in the tree counts by its pin, and what nobody knows counts as unknown."""
        pins = _by_location(self.pins(entry))
        pinned = {self._beside_model(entry, self.resolve(place), place): digest for place, digest in pins.items()}
        referred = self.external(entry)
        if referred is None:
            return pinned
        found = {}
        for location, resolved in referred.items():
            place = self._beside_model(entry, resolved, location)
            found[place] = self.digest(resolved.path) or pinned.get(place, "unknown")
        return found

    def _beside_model(self, entry: Entry, resolved: Resolved, spelled: str) -> str:
        """One name for one file: a pin names it from the registry's folder, the graph from the model's."""
        model = self.model_path(entry)
        if model is None or resolved.path is None:
            return spelled
        return posixpath.relpath(f"/{resolved.path}", f"/{paths.parent(model)}")

    def _runtime(self, entry: Entry) -> dict[str, Any]:
        sidecar = self.sidecar(entry)
        found = sidecar.runtime()
        found["kind"] = entry.raw.get("kind")
        found["quant_mode"] = entry.raw.get("quant_mode", "fp32")
        graph = self.model_graph(entry)
        for side in ("inputs", "outputs"):
            claimed = sidecar.names(side)
            if claimed and not names_agree(claimed, graph, side):
                found[side] = claimed[0]
        twin_sidecar = self.twin_sidecar_path(entry)
        if twin_sidecar and twin_sidecar != self.sidecar_path(entry):
            told = Sidecar(self.value(twin_sidecar)).runtime()
            if canonical(told) != canonical(sidecar.runtime()):
                found["int8"] = told
        return found

    def identity_inputs(self, entry: Entry) -> tuple[Any, ...]:
        """What identity is drawn from, cheap to compare, bar the files of external weights, which `Reach` tells of:
        equal inputs mean one identity without looking into a graph."""
        model, twin = self.model_path(entry), self.twin_path(entry)
        files = (model, twin, self.sidecar_path(entry), self.twin_sidecar_path(entry))
        pinned = [(pin.location, pin.sha256) for pin in self.pins(entry)] if entry.raw.get("external_data") else []
        return (
            canonical([entry.raw.get(f) for f in ("kind", "int8_sha256")]),
            canonical(entry.raw.get("quant_mode", "fp32")),
            None if self.is_file(model) else entry.sha256,
            files,
            [self.key(p) for p in files if p],
            pinned,
            canonical(self.memberships.get(entry.id or "", ())),
        )

    def look_into(self, entry: Entry) -> None:
        """Have its graphs inspected where their bytes are at hand, so that the other side knows them too."""
        for path in (self.model_path(entry), self.twin_path(entry)):
            self.graph(path)


def names_agree(claimed: tuple[list[str], bool], graph: Graph | GraphFault | None, side: str) -> bool:
    """A full list must name the graph's ports; a single name must be one of them."""
    names, complete = claimed
    if not isinstance(graph, Graph):
        return True
    ports = [port.name for port in (graph.inputs if side == "inputs" else graph.outputs)]
    return sorted(names) == sorted(ports) if complete else set(names) <= set(ports)


def _by_location(pins: list[Pin]) -> dict[str, str]:
    """Pins that contradict each other count together: none of them may change unseen."""
    found: dict[str, str] = {}
    for pin in sorted(pins, key=lambda pin: pin.sha256):
        known = found.get(pin.location)
        found[pin.location] = pin.sha256 if known in (None, pin.sha256) else f"{known} {pin.sha256}"
    return found


def _pins(rows: Any, path: str, pointer: tuple[str | int, ...]) -> list[Pin]:
    found = []
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict) and isinstance(row.get("path"), str) and isinstance(row.get("sha256"), str):
            size = row.get("size")
            known = size if isinstance(size, int) and not isinstance(size, bool) else None
            found.append(Pin(row["path"], row["sha256"], known, path, (*pointer, index)))
    return found
