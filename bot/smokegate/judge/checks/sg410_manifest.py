"""SG410: an ensemble manifest's digests and stage agree with the registry."""

from __future__ import annotations

from collections.abc import Iterator

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.document import Pointer
from smokegate.registry.entry import Entry
from smokegate.registry.manifest import Manifest, Member, is_manifest


def side(side: Side, law: Law) -> Problems:
    del law
    if not side.entries:
        return
    for manifest in side.manifests:
        for member in manifest.members():
            yield from _member(side, manifest, member)
        yield from _whole(side, manifest)


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    """What lies where a sidecar would is read as one: a manifest there would bind nobody."""
    del law
    path = side.sidecar_path(entry)
    if path is not None and is_manifest(side.value(path)):
        yield Problem(
            subject=entry.key,
            path=path,
            pointer=("members",),
            message=f"`{path}` lists members as an ensemble manifest does, but it is where the sidecar of "
            f"`{entry.key}` lies, and is read as nothing else",
            fix="give the manifest, or the model, a name of its own with git mv",
            cause=(path,),
        )


def _member(side: Side, manifest: Manifest, member: Member) -> Iterator[Problem]:
    entry = side.entries.get(member.id or "")
    at: Pointer = ("members", member.index)
    if entry is None:
        yield _problem(manifest, at, f"its member `{member.id}` is not in the registry", (member.id,), ())
        return
    for field, said, right in (
        ("sha256", member.text("sha256"), entry.sha256),
        ("onnx", member.text("onnx"), entry.onnx),
    ):
        if said is not None and said != right:
            message = f"its member `{member.id}` has {field} {said}, but the registry says {right}"
            yield _problem(manifest, (*at, field), message, (member.id, field, said, right), (entry.key,))


def _whole(side: Side, manifest: Manifest) -> Iterator[Problem]:
    members = sorted(manifest.member_ids())
    entries = [side.entries[m] for m in members if m in side.entries]
    keys = tuple(e.key for e in entries)
    count = len(manifest.value["members"])
    named = [member.id for member in manifest.members()]
    twice = tuple(m for m in members if named.count(m) > 1)
    if twice:
        message = f"it lists {', '.join(f'`{m}`' for m in twice)} more than once"
        yield _problem(manifest, ("members",), message, ("twice", twice), twice)
    if manifest.size is not None and manifest.size != count:
        message = f"it says ensemble_size {manifest.size} and lists {count} members"
        yield _problem(manifest, ("ensemble_size",), message, (manifest.size, tuple(members)), keys)
    stages = {e.stage for e in entries}
    if entries and stages != {manifest.stage}:
        said = f"it says {manifest.stage}" if "smoke" in manifest.value else "it says no `smoke`, so production"
        message = f"{said}, but its members stand in {' and '.join(sorted(stages))}"
        stood = tuple((e.key, e.stage) for e in entries)
        yield _problem(manifest, ("smoke",), message, (manifest.stage, stood), keys)


def _problem(
    manifest: Manifest, pointer: Pointer, message: str, cause: tuple[object, ...], concerns: tuple[str, ...]
) -> Problem:
    return Problem(
        subject=manifest.id,
        path=manifest.path,
        pointer=pointer,
        message=f"ensemble manifest `{manifest.path}` is stale: {message}",
        fix=f"bring {manifest.path} in line with the registry in the same commit",
        cause=cause,
        concerns=concerns,
    )
