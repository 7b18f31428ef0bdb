"""What a run left behind, a zip from a machine that is not ours: read within bounds, in memory, and never unpacked."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from smokegate.errors import SmokegateError
from smokegate.render.escape import clip

LARGEST = 256 << 20
"""Of the zip, and of all that is in it together."""
_MOST_FILES = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArtifactError(SmokegateError):
    """What a run left is nothing that a harness leaves."""


@dataclass(frozen=True, slots=True)
class Artifact:
    files: Mapping[str, bytes]

    def file(self, name: str) -> bytes:
        if name not in self.files:
            raise ArtifactError(f"it has no {clip(name, 80)}")
        return self.files[name]


def read(data: bytes, *, largest: int = LARGEST) -> Artifact:
    """Plain files side by side, each name once."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _require_sound(members)
            return Artifact(_contents(archive, members, largest))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, RuntimeError) as error:
        raise ArtifactError(f"it is no whole zip: {clip(str(error), 200)}") from None


def _require_sound(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MOST_FILES:
        raise ArtifactError(f"it has {len(members):,} files, and a harness leaves at most {_MOST_FILES}")
    seen: set[str] = set()
    for one in members:
        shown = clip(repr(one.filename), 80)
        if not _NAME.fullmatch(one.filename):
            raise ArtifactError(f"it has a file called {shown}, and a harness leaves plain names side by side")
        kind = stat.S_IFMT(one.external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            raise ArtifactError(f"{shown} in it is no plain file")
        if one.compress_type not in _PLAIN:
            raise ArtifactError(f"{shown} in it is packed in no common way")
        if one.filename.casefold() in seen:
            raise ArtifactError(f"it has {shown} twice")
        seen.add(one.filename.casefold())


def _contents(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], largest: int) -> dict[str, bytes]:
    """What its list says of sizes is a claim as well."""
    found: dict[str, bytes] = {}
    left = largest
    for one in members:
        with archive.open(one) as stream:
            content = stream.read(left + 1)
        left -= len(content)
        if left < 0:
            raise ArtifactError(f"unpacked it is more than {largest >> 20} MiB")
        if len(content) != one.file_size:
            raise ArtifactError(f"{one.filename} in it is not as long as it says")
        found[one.filename] = content
    return found
