"""Bytes to an ONNX message, or why not."""

from __future__ import annotations

from smokegate.lab.onnx_lite import DecodeError, pb

_LOOKS_LIKE: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a git-lfs pointer: the object itself was never fetched (git lfs pull)"),
    (b"<!doctype html", "an HTML page: a download that failed, saved as a model"),
    (b"<html", "an HTML page: a download that failed, saved as a model"),
    (b"<?xml", "an XML document"),
    (b"{", "a JSON document"),
    (b"ir_version", "ONNX in text form; smokegate reads the binary form"),
    (b"<ir_version", "ONNX in text form; smokegate reads the binary form"),
    (b"pk\x03\x04", "a zip archive (a PyTorch checkpoint, or an archive that a model must be taken out of)"),
    (b"\x80\x02", "a Python pickle (a PyTorch checkpoint?)"),
    (b"\x89hdf", "an HDF5 file (a Keras model?)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<<<<<<<", "a file with merge conflict markers"),
)
_FLATBUFFERS = {b"ORTM": "an ORT-format model; export plain ONNX", b"TFL3": "a TensorFlow Lite model"}


class UnreadableError(Exception):
    """The file is not a model that can be looked at; the message says why."""


def parse(data: bytes) -> pb.ModelProto:
    if not data:
        raise UnreadableError("it is empty (0 bytes)")
    try:
        model: pb.ModelProto = pb.ModelProto.FromString(data)
    except DecodeError as error:
        raise _undecodable(data, str(error)) from None
    if not model.HasField("graph"):
        raise UnreadableError(
            _mistaken(data) or "it is readable protobuf but holds no graph: cut short, or no ONNX model"
        )
    return model


def _undecodable(data: bytes, complaint: str) -> Exception:
    if "alloc" in complaint or "OutOfMemory" in complaint:
        return MemoryError(complaint)
    if "MaxDepth" in complaint:
        return UnreadableError("its graphs are nested more deeply than a reader of protobuf follows (100 messages)")
    guess = _mistaken(data)
    return UnreadableError(guess or f"it is not readable as ONNX: damaged, or cut short (it has {len(data):,} bytes)")


def _mistaken(data: bytes) -> str | None:
    """What the file looks like instead; asked only once it has turned out to be no model."""
    if guess := _FLATBUFFERS.get(data[4:8]):
        return f"it looks like {guess}"
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().replace(b"< ", b"<").replace(b"<\n", b"<")
    return next((f"it looks like {guess}" for magic, guess in _LOOKS_LIKE if start.startswith(magic)), None)
