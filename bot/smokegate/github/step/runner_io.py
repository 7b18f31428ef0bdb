"""What the Actions runner gives a step, and what it takes back: environment, outputs, summary, log commands."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from smokegate.errors import UsageError
from smokegate.github.step.events import LARGEST, Event, EventError, read
from smokegate.render.escape import clip, visible, visible_lines

SUMMARY_LIMIT = 1024 * 1024
"""GitHub refuses a step's whole summary above it."""
OUTPUT_LIMIT = 1024 * 1024
"""GitHub's bound on the outputs of one job."""

_MESSAGE = 3_000
_TELLING = 4
"""Characters: a line as short as `==` would be starred out of every log."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}", re.ASCII)
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}", re.ASCII)
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """The step that this process is, as its environment says. It holds no token."""

    event_name: str
    event_path: Path
    repository: str
    """owner/name"""
    run_id: int
    run_attempt: int
    sha: str
    ref: str
    actor: str
    api_url: str
    server_url: str
    output: Path | None = None
    summary: Path | None = None

    @property
    def run_url(self) -> str:
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}"

    def event(self) -> Event:
        try:
            with self.event_path.open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise EventError(
                f"the event at {visible(str(self.event_path))} cannot be read: {error.strerror}",
                fix="run this as a step of a GitHub workflow, where GITHUB_EVENT_PATH names the event's file",
            ) from error
        return read(self.event_name, data)


def step(env: Mapping[str, str]) -> Step:
    """From the environment. What is missing or makes no sense is named, all at once."""
    wrong: list[str] = []

    def get(name: str, pattern: str | re.Pattern[str], default: str = "") -> str:
        value = env.get(name) or default
        if not re.fullmatch(pattern, value):
            wrong.append(f"{name} is {'not set' if not value else repr(clip(value, 60))}")
        return value

    anything = re.compile(r"(?s).+")
    numbers = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
    texts = {
        "event_name": get("GITHUB_EVENT_NAME", anything),
        "repository": get("GITHUB_REPOSITORY", _REPOSITORY),
        "sha": get("GITHUB_SHA", r"[0-9a-f]{40}|[0-9a-f]{64}"),
        "ref": get("GITHUB_REF", anything),
        "actor": get("GITHUB_ACTOR", anything),
        "api_url": get("GITHUB_API_URL", _ADDRESS, "https://api.github.com").rstrip("/"),
        "server_url": get("GITHUB_SERVER_URL", _ADDRESS, "https://github.com").rstrip("/"),
    }
    path, run, attempt = (
        get("GITHUB_EVENT_PATH", anything),
        get("GITHUB_RUN_ID", numbers),
        get("GITHUB_RUN_ATTEMPT", numbers, "1"),
    )
    if wrong:
        raise UsageError(
            f"this is no step of a GitHub workflow: {'; '.join(wrong)}",
            fix="run it from a workflow (see examples/), or use `smokegate check` on this machine",
        )
    output, summary = (Path(env[name]) if env.get(name) else None for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"))
    return Step(
        event_path=Path(path), run_id=int(run), run_attempt=int(attempt), output=output, summary=summary, **texts
    )


def write_outputs(file: Path | None, outputs: Mapping[str, str]) -> None:
    """Append to GITHUB_OUTPUT; without one (a terminal), nothing."""
    text = "".join(_output(name, value) for name, value in outputs.items())
    if len(text.encode()) > OUTPUT_LIMIT:
        raise UsageError(f"these outputs are {len(text.encode()):,} bytes, and GitHub takes {OUTPUT_LIMIT:,}")
    _append(file, text)


def _output(name: str, value: str) -> str:
    """Between delimiters that nobody can foresee, so that no value ends early and goes on as another output."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"no output can be called {name!r}")
    value = value.encode("utf-8", "replace").decode()  # the file is UTF-8, and halves of characters are not
    delimiter = f"smokegate_{secrets.token_hex(32)}"
    while delimiter in value:
        delimiter = f"smokegate_{secrets.token_hex(32)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def write_summary(file: Path | None, markdown: str) -> None:
    """Append to the step summary. Markdown that is too long for one is the renderer's fault, and is cut at a line."""
    data = markdown.encode("utf-8", "replace")
    there = file.stat().st_size if file is not None and file.is_file() else 0
    room = SUMMARY_LIMIT - there - len(_CUT) - 1
    if len(data) > room:
        data = data[: max(0, data.rfind(b"\n", 0, max(0, room)) + 1)] + _CUT
        if there + len(data) > SUMMARY_LIMIT:
            return
    _append(file, data.decode("utf-8", "ignore"))


_CUT = b"\n\n(The rest does not fit into a step summary.)\n"


def _append(file: Path | None, text: str) -> None:
    if file is None or not text:
        return
    with file.open("ab") as target:
        target.write(text.encode())
        target.flush()
        os.fsync(target.fileno())


def mask(secret: str, log: TextIO) -> None:
    """Have the runner replace a secret in all that is logged from here on, and each line of it that tells anything."""
    lines = [line for line in re.split(r"[\r\n]+", secret) if len(line.strip()) >= _TELLING]
    for line in dict.fromkeys((secret, *lines)):
        if line.strip():
            log.write(f"::add-mask::{_data(line)}\n")
    log.flush()


def annotate(level: str, message: str, log: TextIO, *, title: str = "smokegate") -> None:
    """One `error`, `warning` or `notice` on the run, of text from anywhere."""
    if level not in ("error", "warning", "notice"):
        raise ValueError(f"there is no annotation of the level {level!r}")
    shown = "\n".join(visible_lines(message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]} [...]"))
    log.write(f"::{level} title={_property(visible(title))}::{_data(shown)}\n")
    log.flush()


def plain(lines: Iterable[str], log: TextIO) -> None:
    """Text from anywhere into the log, where no line of it is obeyed."""
    for text in lines:
        for line in visible_lines(text):
            log.write(f"{line}\n")
    log.flush()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
