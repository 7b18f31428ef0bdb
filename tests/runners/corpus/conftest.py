"""Real clips, made on the spot by the ffmpeg that the corpus is made with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from smokegate_runners.corpus import ffmpeg
from smokegate_runners.corpus.ffmpeg import Ffmpeg

Film = Callable[..., Path]
"""Called with a path and a lavfi graph; further arguments are ffmpeg's."""


@pytest.fixture(scope="session")
def program() -> Ffmpeg:
    return ffmpeg.find()


@pytest.fixture(scope="session")
def film(program: Ffmpeg) -> Film:
    def shot(path: Path, graph: str, frames: int = 8, *options: str) -> Path:
        options = options or ("-c:v", "libx264", "-crf", "8", "-preset", "ultrafast", "-threads", "1")
        program.run(("-f", "lavfi", "-i", graph, "-frames:v", str(frames), "-pix_fmt", "yuv420p", *options, str(path)))
        return path

    return shot


@pytest.fixture(scope="session")
def clips(film: Film, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    card = film(folder / "card.mp4", "testsrc2=size=192x108:rate=24")
    fractal = film(folder / "fractal.mp4", "mandelbrot=size=192x108:rate=24")
    return card, fractal
