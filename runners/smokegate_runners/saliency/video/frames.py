"""Opens a source and gives its frames in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from smokegate_runners.saliency.video import container, source_file
from smokegate_runners.saliency.video.facts import Source
from smokegate_runners.saliency.video.raw import ENDING, RawSource
from smokegate_runners.saliency.work import Job


@contextmanager
def open_source(job: Job, *, threads: int) -> Iterator[Source]:
    """Raises a `SourceUnusable`, here or while frames are taken, where the source does not give what was asked."""
    with source_file.opened(job.path) as file:
        if job.path.suffix.lower() == ENDING:
            yield RawSource(file, job.raw)
            return
        with container.opened(file, threads=threads) as film:
            yield container.ContainerSource(film)
