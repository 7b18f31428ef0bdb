"""Read back as the Actions runner reads: its file commands and its log commands."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from github_side.payloads import HEAD, PAYLOADS
from render.attacks import hostile_text
from smokegate.errors import SmokegateError, UsageError
from smokegate.github.step import runner_io
from smokegate.github.step.events import EventError, PullRequest
from smokegate.github.step.runner_io import (
    OUTPUT_LIMIT,
    SUMMARY_LIMIT,
    annotate,
    mask,
    plain,
    step,
    write_outputs,
    write_summary,
)


def environment(folder: Path) -> dict[str, str]:
    event = folder / "event.json"
    event.write_text(json.dumps(PAYLOADS["pull_request"]), encoding="utf-8")
    return {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_RUN_ID": "123",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_SHA": HEAD,
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_ACTOR": "ana",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "GITHUB_TOKEN": "ghs_secret",
    }


def obeyed(text: str) -> dict[str, str]:
    """Outputs as the runner parses the file: lines end with \\n alone, `name<<delimiter` or `name=value`."""
    found: dict[str, str] = {}
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        heredoc, equals = line.find("<<"), line.find("=")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, delimiter = line.split("<<", 1)
            assert name and delimiter
            end = lines.index(delimiter, at)
            found[name] = "\n".join(lines[at:end])
            at = end + 1
        elif equals >= 0:
            found[line[:equals]] = line[equals + 1 :]
        else:
            assert not line
    return found


def commands(log: str) -> list[tuple[str, str, str]]:
    """What the runner obeys of a log: `::name properties::data` after trimming, and `##[name]data` anywhere."""
    found = []
    for line in re.split(r"\r\n|\n|\r", log):
        assert "##[" not in line
        if match := re.match(r"\s*::([a-z-]+)(?: (.*?))?::(.*)", line):
            found.append((match[1], match[2] or "", match[3]))
    return found


def test_the_step_is_read_from_its_environment(tmp_path: Path) -> None:
    it = step(environment(tmp_path))
    assert (it.repository, it.run_id, it.run_attempt, it.actor) == ("acme/models", 123, 2, "ana")
    assert it.api_url == "https://api.github.com"
    assert it.run_url == "https://github.com/acme/models/actions/runs/123"
    event = it.event()
    assert isinstance(event, PullRequest)
    assert event.number == 7
    assert "ghs_secret" not in repr(it)


def test_a_server_of_their_own(tmp_path: Path) -> None:
    own = {"GITHUB_API_URL": "https://git.acme.example/api/v3/", "GITHUB_SERVER_URL": "http://git.acme.example:8080"}
    it = step({**environment(tmp_path), **own})
    assert it.api_url == "https://git.acme.example/api/v3"
    assert it.run_url.startswith("http://git.acme.example:8080/acme/models/")


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        step({"GITHUB_RUN_ID": "1; id", "GITHUB_REPOSITORY": "a/b/../c", "GITHUB_API_URL": "file:///etc"})
    for said in (
        "GITHUB_EVENT_NAME is not set",
        "GITHUB_EVENT_PATH is not set",
        "GITHUB_RUN_ID is '1; id'",
        "GITHUB_REPOSITORY is 'a/b/../c'",
        "GITHUB_API_URL is 'file:///etc'",
    ):
        assert said in str(caught.value)


def test_an_event_file_that_is_not_there(tmp_path: Path) -> None:
    it = step({**environment(tmp_path), "GITHUB_EVENT_PATH": str(tmp_path / "no\nsuch")})
    with pytest.raises(EventError, match=r"no\\nsuch cannot be read: No such file"):
        it.event()


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,9}", fullmatch=True), hostile_text, max_size=4))
def test_outputs_are_read_back_as_they_were(outputs: dict[str, str]) -> None:
    text = "".join(runner_io._output(name, value) for name, value in outputs.items())
    assert obeyed(text) == {name: value.encode("utf-8", "replace").decode() for name, value in outputs.items()}


def test_no_value_becomes_another_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["aa", "aa", "bb"])
    monkeypatch.setattr("smokegate.github.step.runner_io.secrets.token_hex", lambda _: next(tokens))
    hostile = "x\nsmokegate_aa\nverdict=pass\nverdict<<E\npass\nE\n"
    write_outputs(tmp_path / "output", {"verdict": "block"})
    write_outputs(tmp_path / "output", {"title": hostile})
    assert obeyed((tmp_path / "output").read_text()) == {"verdict": "block", "title": hostile}


def test_outputs_have_names_and_bounds(tmp_path: Path) -> None:
    for name in ("", "a=b", "a<<b", "a\nb", "\u00e9"):
        with pytest.raises(ValueError, match="no output can be called"):
            write_outputs(tmp_path / "output", {name: "x"})
    with pytest.raises(SmokegateError, match="GitHub takes 1,048,576"):
        write_outputs(tmp_path / "output", {"report": "x" * OUTPUT_LIMIT})
    assert not (tmp_path / "output").exists()


def test_without_a_runner_nothing_is_written() -> None:
    write_outputs(None, {"verdict": "pass"})
    write_summary(None, "# x")


def test_a_summary_stays_below_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    write_summary(file, "first\n")
    write_summary(file, "line \u20ac\n" * 200_000)
    written = file.read_bytes()
    assert SUMMARY_LIMIT - 100 < len(written) <= SUMMARY_LIMIT
    assert written.startswith(b"first\nline")
    assert written.decode().endswith("line \u20ac\n\n\n(The rest does not fit into a step summary.)\n")
    for _ in range(3):
        write_summary(file, "more\n")
        assert len(file.read_bytes()) <= SUMMARY_LIMIT


@given(hostile_text, hostile_text)
def test_an_annotation_is_one_command(message: str, title: str) -> None:
    log = io.StringIO()
    annotate("error", message, log, title=title)
    assert [name for name, _, _ in commands(log.getvalue())] == ["error"]
    assert log.getvalue().count("\n") == 1


def test_there_are_three_levels() -> None:
    with pytest.raises(ValueError, match="no annotation of the level"):
        annotate("set-output name=x::y\n", "x", io.StringIO())


@given(st.lists(hostile_text))
def test_plain_text_is_never_obeyed(lines: list[str]) -> None:
    log = io.StringIO()
    plain(lines, log)
    assert commands(log.getvalue()) == []


def test_a_secret_is_masked_whole_and_line_by_line() -> None:
    log = io.StringIO()
    mask("-----BEGIN KEY-----\r\nMIIE%0A\n\nx\n", log)
    said = commands(log.getvalue())
    assert [name for name, _, _ in said] == ["add-mask"] * 3
    data = [text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%") for _, _, text in said]
    assert data == ["-----BEGIN KEY-----\r\nMIIE%0A\n\nx\n", "-----BEGIN KEY-----", "MIIE%0A"]


def test_nothing_is_masked_of_an_empty_secret() -> None:
    log = io.StringIO()
    mask(" \n", log)
    assert log.getvalue() == ""
