from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smokegate.sources.lfs import parse_pointer
from smokegate.sources.tree import Pointer

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
VERSION = "version https://git-lfs.github.com/spec/v1\n"
GOOD = f"{VERSION}oid sha256:{OID}\nsize 12345\n"


def test_the_specifications_own_example() -> None:
    assert parse_pointer(GOOD.encode()) == Pointer(OID, 12345)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**63 - 1))
def test_every_pointer_is_read_back(oid: bytes, size: int) -> None:
    data = f"{VERSION}oid sha256:{oid.hex()}\nsize {size}\n".encode()
    assert parse_pointer(data) == Pointer(oid.hex(), size)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (VERSION, "keys"),
        (VERSION.rstrip(), "newline"),
        (GOOD.rstrip(), "newline"),
        (GOOD.replace("\n", "\r\n"), "CRLF"),
        (GOOD.replace(OID, OID.upper()), "oid"),
        (GOOD.replace(OID, OID[:-1]), "oid"),
        (GOOD.replace("sha256:", "sha512:"), "oid"),
        (GOOD.replace("12345", "-1"), "size"),
        (GOOD.replace("12345", "0x10"), "size"),
        (GOOD.replace("12345", "012"), "size"),
        (GOOD.replace("12345", "1_0"), "size"),
        (GOOD.replace("12345", "\u0661"), "size"),
        (GOOD.replace("12345", str(2**63)), "size"),
        (GOOD.replace("12345", "9" * 500), "size"),
        (GOOD.replace("12345\n", "12345 \n"), "key value"),
        (GOOD + "\n", "key value"),
        (GOOD + "zzz 1\n", "keys"),
        (f"{VERSION}size 1\noid sha256:{OID}\n", "order"),
        (f"{VERSION}ext-0-case sha256:{OID}\noid sha256:{OID}\nsize 1\n", "ext-"),
        (f"ext-0-case sha256:{OID}\n" + GOOD, "ext-"),
        (GOOD.replace("git-lfs.github.com/spec/v1", "git-lfs.github.com/spec/v2"), "version"),
        (GOOD.replace("https://git-lfs", "http://git-lfs"), "version"),
        (GOOD.replace("git-lfs.github.com", "hawser.github.com"), "version"),
        (GOOD.replace("https://git-lfs.github.com/spec/v1", "http://git-media.io/v/2"), "version"),
        (GOOD + " " * 1024, "too long"),
        ("\n" + GOOD, "first line"),
        (" \t" + GOOD, "first line"),
        ("\u2003" + GOOD, "first line"),
        ("\ufeff" + GOOD, "first line"),
        (VERSION + "\0\xff binary", "newline"),
    ],
)
def test_what_sets_out_to_be_a_pointer_is_malformed_and_never_content(data: str, reason: str) -> None:
    found = parse_pointer(data.encode())
    assert isinstance(found, str)
    assert reason in found


def test_what_git_lfs_itself_would_smudge_is_never_content() -> None:
    """It trims white space and looks no further than 1024 bytes: a long file may be a pointer to it."""
    disguised = GOOD.encode().ljust(1024) + b"the bytes that a careless judge would digest"
    assert isinstance(parse_pointer(disguised), str)
    assert isinstance(parse_pointer(disguised[:1024]), str)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x08\x07\x12\x07pytorch", b"version 1.2\nwe moved to git-lfs\n", b'{"version": "git-lfs"}', b"ext-0-a b\n"],
)
def test_other_files_are_not_pointers(data: bytes) -> None:
    assert parse_pointer(data) is None


@given(st.binary(max_size=1100))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert not isinstance(parse_pointer(data), Pointer)
    assert isinstance(parse_pointer(VERSION.encode().rstrip() + data), str | Pointer)
