"""Clips of every kind that operators have, made on the spot, and what ffmpeg itself decodes from them."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smokegate_runners.corpus import ffmpeg

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-threads", "1")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1:frame-threads=1")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-threads", "1")
AV1 = ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-threads", "1")
FFV1 = ("-c:v", "ffv1")
PQ = ("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv")
HLG = ("-vf", "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc:range=tv")
OPEN_GROUPS = ("-x264-params", "open-gop=1:bframes=3:b-adapt=0:keyint=8")
REORDERED = ("-bf", "5", "-x264-params", "b-pyramid=normal:b-adapt=0:bframes=5:ref=4")


def run(*arguments: str) -> None:
    ffmpeg.find().run(arguments)


def shot(path: Path, *options: str, size: str = "176x144", frames: int = 9, form: str = "yuv420p") -> Path:
    """A test card that moves, with noise in it so that no two frames and no two values are alike."""
    width, height = map(int, size.split("x"))
    # The card makes odd sides even.
    card = f"testsrc2=size={width + width % 2}x{height + height % 2}:rate=24,noise=alls=12:allf=t:all_seed=7"
    card += f",crop={width}:{height}:0:0:exact=1"
    run("-f", "lavfi", "-i", card, "-frames:v", str(frames), "-pix_fmt", form, *options, str(path))
    return path


@dataclass(frozen=True, slots=True)
class Kind:
    """`make` is given a path without an ending and gives the clip's."""

    make: Callable[[Path], Path]
    exact: bool = False
    """8-bit 4:2:0 to begin with: nothing is converted."""
    reference: tuple[str, ...] = ()


def _kind(ending: str, *options: str, form: str = "yuv420p", size: str = "176x144", rgb: bool = False) -> Kind:
    def make(stem: Path) -> Path:
        return shot(stem.with_suffix(f".{ending}"), *options, form=form, size=size)

    return Kind(make, form in {"yuv420p", "yuvj420p"}, AS_BT709 if rgb else ())


def _derived(
    make: Callable[[Path, Path], Path], *, frames: int = 9, size: str = "176x144", options: tuple[str, ...] = H264
) -> Kind:
    def both(stem: Path) -> Path:
        plain = shot(stem.with_name(f"{stem.name}-plain.mp4"), *options, size=size, frames=frames)
        return make(plain, stem)

    return Kind(both, exact=True)


# The command takes BT.601 for RGB that says nothing of itself.
AS_BT709 = ("-vf", "scale=out_color_matrix=bt709:out_range=tv")


def turned(plain: Path, stem: Path, *how: str, ending: str = "mp4") -> Path:
    path = stem.with_suffix(f".{ending}")
    run(*how, "-i", str(plain), "-c", "copy", str(path))
    return path


def _turn(*how: str, size: str = "176x144", options: tuple[str, ...] = H264) -> Kind:
    return _derived(lambda plain, stem: turned(plain, stem, *how), size=size, options=options)


def with_cover(plain: Path, stem: Path) -> Path:
    """The cover is larger than the film, and comes before it."""
    cover = shot(stem.with_suffix(".png"), size="640x480", frames=1, form="rgb24")
    path = stem.with_suffix(".mp4")
    run(
        *("-i", str(cover), "-i", str(plain), "-map", "0", "-map", "1", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", str(path)),
    )
    return path


def with_smaller_first(plain: Path, stem: Path) -> Path:
    small = shot(stem.with_suffix(".small.mp4"), *H264, size="64x48")
    path = stem.with_suffix(".mkv")
    run("-i", str(small), "-i", str(plain), "-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "0", str(path))
    return path


def with_default_second(plain: Path, stem: Path) -> Path:
    large = shot(stem.with_suffix(".large.mp4"), *H264, size="320x240")
    path = stem.with_suffix(".mkv")
    chosen = ("-disposition:v:0", "0", "-disposition:v:1", "default")
    run("-i", str(large), "-i", str(plain), "-map", "0", "-map", "1", "-c", "copy", *chosen, str(path))
    return path


def irregular(stem: Path, ending: str = "mp4") -> Path:
    """Frames at times that no rate gives, some far apart. In an avi the gaps are filled with empty packets."""
    path = stem.with_suffix(f".{ending}")
    card = "testsrc2=size=176x144:rate=24,noise=alls=12:allf=t:all_seed=7,setpts='N*N/(24*TB)'"
    run("-f", "lavfi", "-i", card, "-frames:v", "9", "-pix_fmt", "yuv420p", "-fps_mode", "vfr", *H264, str(path))
    return path


def as_cameras_say(orientation: int) -> Kind:
    """Every JPEG of it says in its EXIF how the camera was held."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    marker = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff

    def make(stem: Path) -> Path:
        plain = shot(stem.with_suffix(".mjpeg"), "-q:v", "2", form="yuvj420p")
        plain.write_bytes(plain.read_bytes().replace(b"\xff\xd8", b"\xff\xd8" + marker))
        path = stem.with_suffix(".avi")
        run("-i", str(plain), "-c", "copy", str(path))
        return path

    return Kind(make, exact=True)


def cut_in(plain: Path, stem: Path, ending: str = "mp4") -> Path:
    """Begins between two key frames: in mp4 an edit list says that the first frames are decoded and not shown."""
    path = stem.with_suffix(f".{ending}")
    run("-ss", "0.5", "-i", str(plain), "-c", "copy", str(path))
    return path


def _joined(*options: str) -> Kind:
    """A recording: packets of a group of pictures whose beginning was missed."""

    def make(stem: Path) -> Path:
        path = shot(stem.with_suffix(".ts"), *options, frames=48)
        data = path.read_bytes()
        path.write_bytes(data[len(data) // 3 // 188 * 188 :])
        return path

    return Kind(make, exact=True)


def without_reordering_hint(ending: str) -> Kind:
    """How far pictures are reordered is left for the decoder to find out, as many cameras do."""

    def make(plain: Path, stem: Path) -> Path:
        path = stem.with_suffix(f".{ending}")
        run("-i", str(plain), "-c", "copy", *(("-movflags", "+faststart") if ending == "mp4" else ()), str(path))
        data = path.read_bytes()
        start = data.index(b"\x67\x4d")
        found = data[start : start + int.from_bytes(data[start - 2 : start], "big")]
        path.write_bytes(data.replace(found, without_usability(found)))
        return path

    return _derived(make, frames=40, options=(*H264, "-profile:v", "main", *REORDERED))


def without_usability(parameters: bytes) -> bytes:
    """A sequence parameter set of the Main profile, less its last part, at the same length."""
    bits = "".join(f"{byte:08b}" for byte in parameters[1:].replace(b"\0\0\3", b"\0\0"))
    place = 24

    def golomb() -> int:
        nonlocal place
        zeros = bits.index("1", place) - place
        value = int(bits[place + zeros : place + 2 * zeros + 1], 2) - 1
        place += 2 * zeros + 1
        return value

    golomb(), golomb()
    if golomb() == 0:
        golomb()
    golomb()
    place += 1
    golomb(), golomb()
    place += 2 if bits[place] == "1" else 3
    place += 1
    if bits[place - 1] == "1":
        golomb(), golomb(), golomb(), golomb()
    kept = f"{bits[:place]}01"
    kept = kept.ljust(8 * (len(parameters) - 1), "0")
    return parameters[:1] + bytes(int(kept[at : at + 8], 2) for at in range(0, len(kept), 8))


KINDS: dict[str, Kind] = {
    "mp4 h264 with B-frames": _kind("mp4", *H264, *REORDERED),
    "mp4 h264, fragmented": _kind("mp4", *H264, *REORDERED, "-movflags", "frag_keyframe+empty_moov", "-g", "4"),
    "mp4 h264, no reordering hint": without_reordering_hint("mp4"),
    "mkv h264, no reordering hint": without_reordering_hint("mkv"),
    "mkv hevc 10 bit": _kind("mkv", *HEVC, form="yuv420p10le"),
    "mp4 hevc 8 bit": _kind("mp4", *HEVC),
    "mp4 hevc PQ": _kind("mp4", *HEVC, *PQ, form="yuv420p10le"),
    "mkv hevc HLG": _kind("mkv", *HEVC, *HLG, form="yuv420p10le"),
    "webm vp8": _kind("webm", "-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5", "-auto-alt-ref", "1"),
    "webm vp9": _kind("webm", *VP9),
    "webm vp9 with hidden frames": _kind("webm", "-c:v", "libvpx-vp9", "-cpu-used", "5", "-auto-alt-ref", "1"),
    "webm vp9, odd": _kind("webm", *VP9, size="175x143"),
    "webm vp9 4:4:4": _kind("webm", *VP9, form="yuv444p"),
    "mp4 av1": _kind("mp4", *AV1),
    "mkv av1 10 bit, odd": _kind("mkv", *AV1, form="yuv420p10le", size="175x143"),
    "ivf av1": _kind("ivf", *AV1),
    "ivf vp8": _kind("ivf", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"),
    "obu av1": _kind("obu", *AV1),
    "y4m": _kind("y4m"),
    "y4m, odd": _kind("y4m", size="175x143"),
    "y4m 10 bit": _kind("y4m", "-strict", "-1", form="yuv420p10le"),
    "nut nv12": _kind("nut", "-c:v", "rawvideo", form="nv12"),
    "mkv ffv1, odd": _kind("mkv", *FFV1, size="175x143"),
    "mkv ffv1 10 bit, odd": _kind("mkv", *FFV1, form="yuv420p10le", size="175x143"),
    "mkv ffv1 16 bit": _kind("mkv", *FFV1, form="yuv420p16le"),
    "mkv ffv1 with alpha": _kind("mkv", *FFV1, form="yuva420p"),
    "mkv ffv1 4:1:1": _kind("mkv", *FFV1, form="yuv411p"),
    "mp4 h264 4:2:2": _kind("mp4", *H264, form="yuv422p"),
    "mp4 h264 4:4:4": _kind("mp4", *H264, form="yuv444p"),
    "mp4 h264 4:4:4, odd": _kind("mp4", *H264, form="yuv444p", size="175x143"),
    "mkv h264 4:2:2 10 bit": _kind("mkv", *H264, form="yuv422p10le"),
    "mov prores": _kind("mov", "-c:v", "prores_ks", form="yuv422p10le"),
    "mp4 h264 full range": _kind("mp4", *H264, form="yuvj420p"),
    "mkv h264 full range 10 bit": _kind("mkv", *H264, "-color_range", "pc", form="yuv420p10le"),
    "avi mjpeg": _kind("avi", "-c:v", "mjpeg", "-q:v", "2", form="yuvj420p"),
    "avi mjpeg 4:2:2": _kind("avi", "-c:v", "mjpeg", "-q:v", "2", form="yuvj422p"),
    "mkv ffv1 gray": _kind("mkv", *FFV1, form="gray"),
    "mkv ffv1 gray 10 bit": _kind("mkv", *FFV1, form="gray10le"),
    "mkv ffv1 rgb": _kind("mkv", *FFV1, form="bgr0", rgb=True),
    "mkv ffv1 rgb, odd": _kind("mkv", *FFV1, form="bgr0", size="175x143", rgb=True),
    "mkv png": _kind("mkv", "-c:v", "png", form="rgb24", rgb=True),
    "mkv png with alpha": _kind("mkv", "-c:v", "png", form="rgba", rgb=True),
    "mkv h264 rgb": _kind("mkv", "-c:v", "libx264rgb", "-preset", "ultrafast", form="gbrp", rgb=True),
    "avi rgb, bottom up": _kind("avi", "-c:v", "rawvideo", form="bgr24", rgb=True),
    "mov palette": _kind("mov", "-c:v", "qtrle", form="rgb24", rgb=True),
    "avi palette": _kind("avi", "-c:v", "rawvideo", form="pal8", rgb=True),
    "ts mpeg2, interlaced": _kind("ts", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-bf", "2", "-q:v", "2"),
    "mkv h264, interlaced": _kind("mkv", *H264, "-flags", "+ilme+ildct", "-x264-params", "tff=1"),
    "ts h264": _kind("ts", *H264, *REORDERED),
    "ts h264, intra refresh": _kind("ts", *H264, "-x264-params", "intra-refresh=1:keyint=4"),
    "h264 alone": _kind("h264", *H264, *REORDERED),
    "hevc alone": _kind("hevc", *HEVC),
    "m2v alone": _kind("m2v", "-c:v", "mpeg2video", "-bf", "2", "-q:v", "2"),
    "avi mpeg4 with B-frames": _kind("avi", "-c:v", "mpeg4", "-bf", "2", "-q:v", "2"),
    "avi with gaps": Kind(lambda stem: irregular(stem, "avi"), exact=True),
    "flv": _kind("flv", *H264),
    "flv hevc": _kind("flv", *HEVC),
    "mkv theora": _kind("mkv", "-c:v", "libtheora", "-q:v", "9"),
    "wmv": _kind("wmv", "-c:v", "wmv2", "-q:v", "2"),
    "mpg": _kind("mpg", "-c:v", "mpeg2video", "-bf", "2", "-q:v", "2"),
    "mxf": _kind("mxf", "-c:v", "mpeg2video", "-q:v", "2"),
    "irregular times": Kind(irregular, exact=True),
    "turned by 90": _turn("-display_rotation", "90"),
    "turned by 180": _turn("-display_rotation", "180"),
    "turned by 270": _turn("-display_rotation", "270"),
    "mirrored": _turn("-display_hflip"),
    "upside down": _turn("-display_vflip"),
    "turned by 90 and mirrored": _turn("-display_rotation", "90", "-display_hflip"),
    "turned by 270 and mirrored": _turn("-display_rotation", "270", "-display_hflip"),
    "turned by 90, odd": _turn("-display_rotation", "90", size="175x143", options=VP9),
    "turned by 180, odd": _turn("-display_rotation", "180", size="175x143", options=VP9),
    "turned by EXIF, 3": as_cameras_say(3),
    "turned by EXIF, 6": as_cameras_say(6),
    "turned by EXIF, 8": as_cameras_say(8),
    "a cover before it": _derived(with_cover),
    "a smaller one before it": _derived(with_smaller_first),
    "the second is the default": _derived(with_default_second),
    "cut in": _derived(cut_in, frames=24, options=(*H264, "-g", "8", *REORDERED)),
    "beginning anywhere": _joined(*H264, "-g", "8", *REORDERED),
    "beginning anywhere, open groups": _joined(*H264, *OPEN_GROUPS),
    "beginning anywhere, hevc": _joined(*HEVC, "-g", "8"),
    "cut in, open groups": _derived(
        lambda plain, stem: cut_in(plain, stem, "mkv"), frames=24, options=(*H264, *OPEN_GROUPS)
    ),
    "one frame": Kind(lambda stem: shot(stem.with_suffix(".mp4"), *H264, frames=1), exact=True),
    "16x16": _kind("mp4", *H264, size="16x16"),
}


def made(name: str, folder: Path) -> Path:
    return KINDS[name].make(folder / re.sub(r"[^a-z0-9]+", "-", name.lower()))


def reference(path: Path, *options: str) -> list[Planes]:
    """All frames as the ffmpeg command writes them: another build of the libraries, and their own size and turn."""
    done = subprocess.run(
        [
            ffmpeg.find().executable,
            *("-hide_banner", "-nostdin", "-loglevel", "error", "-i", f"file:{path}", "-fps_mode", "passthrough"),
            *(*options, "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"),
        ],
        capture_output=True,
        check=True,
    )
    header, _, body = done.stdout.partition(b"\n")
    width, height = (int(re.findall(rb" %s(\d+)" % side, header)[0]) for side in (b"W", b"H"))
    half = ((height + 1) // 2, (width + 1) // 2)
    luma, chroma = width * height, half[0] * half[1]
    step = len(b"FRAME\n") + luma + 2 * chroma
    frames = []
    for start in range(0, len(body), step):
        data = np.frombuffer(body[start : start + step], np.uint8)[len(b"FRAME\n") :]
        y, u, v = data[:luma], data[luma : luma + chroma], data[luma + chroma :]
        frames.append((y.reshape(height, width), u.reshape(half), v.reshape(half)))
    return frames


def sound(path: Path) -> Path:
    run("-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac", str(path))
    return path


def sound_with_cover(path: Path) -> Path:
    cover = shot(path.with_suffix(".png"), frames=1, form="rgb24")
    tune = sound(path.with_suffix(".m4a"))
    both = ("-i", str(cover), "-i", str(tune), "-map", "0", "-map", "1", "-c", "copy")
    run(*both, "-disposition:v:0", "attached_pic", str(path))
    return path


def two_sizes(path: Path) -> Path:
    """A stream that changes its size on the way, as broadcasts do."""
    parts = [
        shot(path.with_suffix(f".{size}.m2v"), "-c:v", "mpeg2video", "-q:v", "2", size=size, frames=5)
        for size in ("96x64", "64x96")
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def cut(path: Path, share: float) -> Path:
    """What a copy leaves behind that was broken off."""
    data = path.read_bytes()
    short = path.with_name(f"cut-{path.name}")
    short.write_bytes(data[: int(len(data) * share)])
    return short


def overwritten(path: Path, mark: bytes, sides: bytes) -> Path:
    """Every frame header says of its sides what it should not."""
    data = path.read_bytes()
    assert mark in data
    path.write_bytes(re.sub(re.escape(mark) + b"." * len(sides), lambda _: mark + sides, data, flags=re.DOTALL))
    return path


def sized_h264(path: Path, blocks: int) -> Path:
    """A few bytes that speak of pictures of so many macroblocks to each side."""

    def golomb(*numbers: int) -> str:
        return "".join(f"{number + 1:b}".zfill(2 * (number + 1).bit_length() - 1) for number in numbers)

    def unit(head: int, bits: str) -> bytes:
        bits += "1"
        bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
        body = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
        return b"\0\0\0\1" + bytes([head]) + re.sub(rb"\0\0([\0-\3])", b"\0\0\3\\1", body)

    sequence = f"{66:08b}{0:08b}{62:08b}{golomb(0, 0, 2, 1)}0{golomb(blocks - 1, blocks - 1)}1100"
    picture = f"{golomb(0, 0)}00{golomb(0, 0, 0)}000{golomb(0, 0, 0)}000"
    slices = f"{golomb(0, 7, 0)}0000{golomb(0)}00{golomb(0)}" + "1011" * 50
    path.write_bytes((unit(0x67, sequence) + unit(0x68, picture) + unit(0x65, slices)) * 40)
    return path
