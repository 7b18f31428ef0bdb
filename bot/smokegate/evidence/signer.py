"""Signing evidence with a private key that lies in a file."""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smokegate.errors import UsageError
from smokegate.evidence import dsse, keys, statement
from smokegate.evidence.attestation import Kind
from smokegate.evidence.keys import KeyFault
from smokegate.evidence.refused import Refused

if TYPE_CHECKING:
    from smokegate.evidence.keys import PrivateKey, PublicKey

KeyType = Literal["p256", "ed25519"]
_LARGEST_KEY = 64 << 10


@dataclass(frozen=True, slots=True)
class Signed:
    path: Path
    key_id: str
    """What the envelope gives as a hint; the policy's `id` of that key."""


def sign_file(
    evidence: Path, key: Path, *, key_id: str | None, out: Path | None, passphrase: bytes | None, allow_open: bool
) -> Signed:
    """Write the signature file of an evidence file, beside it unless told otherwise."""
    private = read_private(key, passphrase, allow_open=allow_open)
    target = out or evidence.with_name(evidence.name + Kind.KEY.value)
    hint = key_id or keys.key_id(private.public_key())
    payload = statement_of(evidence)
    signature = dsse.Signature(hint, keys.sign(private, dsse.pae(dsse.PAYLOAD_TYPE, payload)))
    _write_new(target, dsse.write(payload, [signature]), 0o644, "to sign anew, take it away first:  rm")
    return Signed(target, hint)


def statement_of(evidence: Path) -> bytes:
    """What is signed for an evidence file, as its bytes are now."""
    try:
        return statement.build(read_evidence(evidence), evidence.name)
    except Refused as refused:
        raise UsageError(f"{evidence}: {refused.reason}", fix=refused.fix) from None


def read_evidence(path: Path) -> bytes:
    return _read(path, statement.MAX_EVIDENCE_BYTES, "evidence")


def read_signature(path: Path) -> bytes | None:
    """None where there is none."""
    return _read(path, dsse.MAX_ENVELOPE_BYTES, "a signature") if path.exists() or path.is_symlink() else None


def read_private(path: Path, passphrase: bytes | None, *, allow_open: bool) -> PrivateKey:
    keys.need_cryptography()
    try:
        return keys.load_private(_read(path, _LARGEST_KEY, "a private key", private=not allow_open), passphrase)
    except KeyFault as fault:
        fix = "smokegate evidence keygen --out KEY.pem makes one that is accepted"
        raise UsageError(f"the key {path} {fault}", fix=fix) from None


def generate(path: Path, kind: KeyType, passphrase: bytes | None) -> PublicKey:
    """Write a new private key that nobody else can read; its public half is the answer."""
    keys.need_cryptography()
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private = ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else ed25519.Ed25519PrivateKey.generate()
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    _write_new(path, pem, 0o600, "name another file with --out: a key is never overwritten. This one is:  ls -l")
    return private.public_key()


def _read(path: Path, largest: int, what: str, *, private: bool = False) -> bytes:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            state = os.fstat(stream.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise UsageError(f"{path} is not a file, so it cannot be {what}")
            if private:
                _refuse_open_key(path, state.st_mode)
            data = stream.read(largest + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", fix=f"name {what} that is there") from None
    if len(data) > largest:
        raise UsageError(f"{path} has more than {largest:,} bytes, too many to be {what}")
    return data


def _refuse_open_key(path: Path, mode: int) -> None:
    if mode & 0o077:
        who = "everybody" if mode & 0o007 else "its group"
        raise UsageError(
            f"the key {path} is open to {who} (mode {stat.S_IMODE(mode):04o}); a signing key is its owner's alone",
            fix=f"chmod 600 {_word(path)}  (or, where the file system knows no modes: --allow-open-key)",
        )


def _write_new(path: Path, data: bytes, mode: int, hint: str) -> None:
    """Never over what is there, and nothing is left of a file that could not be written whole."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise UsageError(f"{path} is there already", fix=f"{hint} {_word(path)}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", fix="name a folder that is there") from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _word(path: Path) -> str:
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))
