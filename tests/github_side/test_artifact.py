"""What a runner left, and everything that it might be instead."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from github_side.promotions import packed
from smokegate.github.measuring.artifact import ArtifactError, read


def test_plain_files_side_by_side_are_read() -> None:
    assert read(packed({"PROMOTE.json": b"{}", "a.onnx": b"x" * 1000})).files == {
        "PROMOTE.json": b"{}",
        "a.onnx": b"x" * 1000,
    }


def _zip(*members: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for one, content in members:
            archive.writestr(one, content)
    return data.getvalue()


def _kind(mode: int, name: str = "a") -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def _encrypted() -> bytes:
    data = bytearray(_zip(("a", b"x")))
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    data[local + 6] |= 1
    data[central + 8] |= 1
    return bytes(data)


def _packed_otherwise() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x")
    return data.getvalue()


def _lying_about_its_size(truly: int, said: int) -> bytes:
    content = zlib.compress(bytes(truly))[2:-4]
    name, crc = b"a", zlib.crc32(bytes(truly))
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(content), said, len(name), 0)
    local = b"PK\x03\x04" + fields + name + content
    central = b"PK\x01\x02" + struct.pack("<H", 20) + fields[:-2] + struct.pack("<HHHHII", 0, 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


BAD: list[tuple[Callable[[], bytes], str]] = [
    (lambda: b"", "no whole zip"),
    (lambda: b"PK\x03\x04", "no whole zip"),
    (lambda: packed({"a": b"x" * 5000})[:-30], "no whole zip"),
    (lambda: _zip(("../a", b"")), "plain names"),
    (lambda: _zip(("/etc/passwd", b"")), "plain names"),
    (lambda: _zip(("a/b", b"")), "plain names"),
    (lambda: _zip(("a\\b", b"")), "plain names"),
    (lambda: _zip(("a/", b"")), "plain names"),
    (lambda: _zip((".hidden", b"")), "plain names"),
    (lambda: _zip(("a\nb", b"")), "plain names"),
    (lambda: _zip(("CON\u202e", b"")), "plain names"),
    (lambda: _zip(("a" * 200, b"")), "plain names"),
    (lambda: _zip((_kind(stat.S_IFLNK | 0o777), b"/etc/passwd")), "no plain file"),
    (lambda: _zip((_kind(stat.S_IFIFO), b"")), "no plain file"),
    (lambda: _zip(("a", b"1"), ("A", b"2")), "twice"),
    (lambda: packed({f"f{n}": b"" for n in range(300)}), "at most 256"),
    (lambda: packed({"a": b"\0" * 2_000_000}), "more than 0 MiB"),
    (lambda: packed({"a": b"\0" * 600_000, "b": b"\0" * 600_000}), "more than 0 MiB"),
    (_encrypted, "encrypted"),
    (_packed_otherwise, "no common way"),
    (lambda: _lying_about_its_size(1_000_000, 10), "Bad CRC"),
    (lambda: _lying_about_its_size(10, 1_000), "not as long as it says"),
]


@pytest.mark.parametrize(("make", "told"), BAD)
def test_nothing_else_is(make: Callable[[], bytes], told: str) -> None:
    with pytest.raises(ArtifactError, match=told):
        read(make(), largest=1_000_000)


def test_a_bomb_is_not_unpacked_to_see_how_large_it_is() -> None:
    bomb = packed({"a": bytes(64 << 20)})
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match="more than 0 MiB"):
            read(bomb, largest=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_file_that_it_should_have_is_named() -> None:
    with pytest.raises(ArtifactError, match="it has no HOLD"):
        read(packed({})).file("HOLD.json")


@given(st.binary(max_size=300), st.integers(0, 400))
def test_damaged_it_is_refused_and_nothing_worse(noise: bytes, at: int) -> None:
    whole = packed({"PROMOTE.json": b'{"a": 1}' * 20, "b.onnx": b"model"})
    try:
        found = read(whole[:at] + noise + whole[at + len(noise) :])
    except ArtifactError:
        return
    assert set(found.files) <= {"PROMOTE.json", "b.onnx"} or all(name.isascii() for name in found.files)
