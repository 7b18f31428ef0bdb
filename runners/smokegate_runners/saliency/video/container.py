"""Video in a container, decoded by ffmpeg's libraries inside PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import av
from av.stream import Discard, Disposition

from smokegate_runners.saliency.settings import Size
from smokegate_runners.saliency.video import colour_names
from smokegate_runners.saliency.video.endings import is_cut_short
from smokegate_runners.saliency.video.facts import Facts, Frame, Undecodable, always
from smokegate_runners.saliency.video.planes import FULL, Converter, Turn, is_redrawn, turn_of
from smokegate_runners.saliency.video.source_file import SourceFile

# Demuxers that read one file. Playlists, stream descriptions and image patterns open what they name.
DEMUXERS = (
    "asf",
    "avi",
    "dv",
    "flv",
    "h264",
    "hevc",
    "ivf",
    "m4v",
    "matroska",
    "mov",
    "mpeg",
    "mpegts",
    "mpegvideo",
    "mxf",
    "nut",
    "obu",
    "vvc",
    "yuv4mpegpipe",
)
NO_PROTOCOL = "none"
# 8192x8192: 8K in every shape that is filmed. What is larger is a broken header, or meant to eat memory.
MAX_PIXELS = 1 << 26
_READ_AT_ONCE = 1 << 18
# Errors are raised and checksums looked at: without `explode` H.264 paints over what is missing, and whether it says so
# hangs on which thread is first.
_DECODING = {"max_pixels": str(MAX_PIXELS), "err_detect": "crccheck+explode"}
# Pictures that H.264 lets a decoder hold back.
_MOST_REORDERED = 16
_NO_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
# What ffmpeg adds to the pixels of a stream that is marked as default when it chooses one.
_DEFAULT_IS_WORTH = 5_000_000


class Film:
    """The pictures of a file's video stream, in the order in which they are shown, in one pass.

    How many threads decode changes nothing of what comes out, nor of where an error comes.
    """

    def __init__(self, file: SourceFile, container: Any, threads: int) -> None:
        self.container = container
        self.stream = _chosen(container)
        self._file = file
        self._threads = threads
        self._sent = 0
        self._shown = 0
        self._last_byte = 0
        self._fault: str | None = None
        for other in container.streams:
            if other is not self.stream:
                other.discard = Discard.all
        decoder = self.stream.codec_context
        decoder.thread_type, decoder.thread_count = "FRAME", threads
        decoder.options = _DECODING

    def pictures(self) -> Iterator[Any]:
        """Raises `Undecodable` where something is wrong: what a decoder makes up is no frame."""
        for packet in self._packets():
            yield from self._decoded(packet)
        yield from self._decoded(None)
        self._require_whole()

    def _packets(self) -> Iterator[Any]:
        """To the end or to the first fault, which waits until what was read before it is decoded."""
        try:
            for packet in self._decodable():
                if packet.is_corrupt:
                    self._fault = f"its data is damaged at packet {self._sent}"
                    return
                self._sent += 1
                self._last_byte = (packet.pos or 0) + packet.size
                yield packet
        except av.FFmpegError as error:
            self._fault = f"it cannot be read past packet {self._sent}: {_said(error)}"

    def _decodable(self) -> Iterator[Any]:
        """From the first key frame on, since recordings begin anywhere.

        Pictures of H.264 that come after it and are shown before it predict from what was missed. Decoders of other
        codecs know by themselves which those are.
        """
        # An empty packet stands for a frame that was left out; a decoder would take it for the end.
        packets: Iterator[Any] = (packet for packet in self.container.demux(self.stream) if packet.size)
        first = next((packet for packet in packets if packet.is_keyframe), None)
        if first is None:
            return
        yield first
        if self.stream.codec_context.name == "h264":
            yield from (packet for packet in islice(packets, _MOST_REORDERED) if not _is_before(packet, first))
        yield from packets

    def _decoded(self, packet: Any) -> Iterator[Any]:
        try:
            pictures = self.stream.codec_context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            self._file.check()
            raise Undecodable(f"frame {self._shown} cannot be decoded: {_said(error)}") from None
        for picture in pictures:
            if picture.is_corrupt:
                raise Undecodable(f"frame {self._shown} is damaged")
            self._shown += 1
            self._file.progressed()
            yield picture

    def _require_whole(self) -> None:
        self._file.check()
        if self._fault:
            raise Undecodable(self._fault)
        if is_cut_short(self._file, self.container.format.name, self.stream.index_entries, self._last_byte):
            raise Undecodable(f"the file ends too early, after {self._shown} frames")
        if not self._shown:
            raise Undecodable("it holds no frame")
        if self._shown < self._sent and self._threads > 1:
            self._recount()

    def _recount(self) -> None:
        """PyAV drops an error, and all frames after it, when the same call has given a frame: so it is when threads
        are emptied at the end. One thread is never that far ahead."""
        self._file.seek(0)
        with opened(self._file, threads=1) as again:
            found = sum(1 for _ in again.pictures())
        if found != self._shown:
            raise Undecodable(f"frame {self._shown} cannot be decoded")


@contextmanager
def opened(file: SourceFile, *, threads: int) -> Iterator[Film]:
    try:
        container = av.open(
            file,
            options={"max_pixels": str(MAX_PIXELS)},
            container_options={"format_whitelist": ",".join(DEMUXERS), "protocol_whitelist": NO_PROTOCOL},
            metadata_errors="replace",
            buffer_size=_READ_AT_ONCE,
        )
    except av.ArgumentError:
        raise Undecodable("it is in none of the video containers that are read") from None
    except (av.FFmpegError, ValueError):
        # What the libraries say here may be anything: "Device or resource busy" for sides that are too long.
        file.check()
        raise Undecodable("it cannot be opened as video: its header is broken, or ends too early") from None
    with container:
        yield Film(file, container, threads)


class ContainerSource:
    def __init__(self, film: Film) -> None:
        self._pictures = film.pictures()
        self._first = next(self._pictures)
        turn = turn_of(self._first)
        self._converter = Converter(turn)
        self.facts = _facts(film, self._first, turn)
        self.expected = _expected(film)
        self.decoded = 0

    def frames(self, limit: int, wanted: Callable[[int], bool] = always) -> Iterator[Frame]:
        first = (self._first.width, self._first.height)
        while self.decoded < limit:
            picture = self._first if not self.decoded else next(self._pictures, None)
            if picture is None:
                return
            index = self.decoded
            if (picture.width, picture.height) != first:
                raise Undecodable(
                    f"frame {index} is {picture.width}x{picture.height} where those before it are {first[0]}x{first[1]}"
                )
            self.decoded += 1
            if wanted(index):
                yield self._converter.frame(picture, index)


def _chosen(container: Any) -> Any:
    """As ffmpeg chooses: the largest picture, with a liking for what is marked as default; never a cover."""
    videos = [stream for stream in container.streams.video if not stream.disposition & _NO_PICTURE]
    if not videos:
        raise Undecodable("there is no video in it")
    if any(stream.codec_context is None for stream in videos):
        raise Undecodable("its video is in a codec that cannot be decoded here")
    chosen = max(videos, key=_weight)
    size = Size(chosen.codec_context.width, chosen.codec_context.height)
    if size.width * size.height > MAX_PIXELS:
        raise Undecodable(f"its frames are said to be {size}, and {MAX_PIXELS:,} pixels is the limit")
    return chosen


def _weight(stream: Any) -> int:
    decoder = stream.codec_context
    liking = _DEFAULT_IS_WORTH if stream.disposition & Disposition.default else 0
    return int(decoder.width * decoder.height + liking)


def _is_before(packet: Any, other: Any) -> bool:
    return packet.pts is not None and other.pts is not None and packet.pts < other.pts


def _expected(film: Film) -> int | None:
    """As the container counts, else by its length and rate."""
    said, length, rate = film.stream.frames, film.container.duration, film.stream.average_rate
    if said or not (length and length > 0 and rate):
        return said or None
    return round(length / av.time_base * float(rate)) or None


def _facts(film: Film, picture: Any, turn: Turn) -> Facts:
    return Facts(
        size=turn.size(Size(picture.width, picture.height)),
        container=film.container.format.name,
        codec=film.stream.codec_context.codec.canonical_name,
        pixel_format=picture.format.name,
        bits=max(component.bits for component in picture.format.components),
        transfer=colour_names.transfer(int(picture.color_trc)),
        primaries=colour_names.primaries(int(picture.color_primaries)),
        matrix=colour_names.matrix(int(picture.colorspace)),
        full_range={0: None}.get(int(picture.color_range), int(picture.color_range) == FULL),
        rotation=turn.degrees,
        redrawn=is_redrawn(picture),
    )


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
