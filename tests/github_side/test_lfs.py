"""LFS objects that the judge has to see come from the repository's own server, and are what their pointers say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from forge import Forge, sha256
from github_side.git_server import GitServer, serving
from smokegate.github.verdicts.lfs import Objects
from smokegate.github.verdicts.lfs_batch import LfsFault, action
from smokegate.github.verdicts.store import Remote, Store
from smokegate.github.verdicts.verdict import Asked, Court, settings_of
from smokegate.judge.report import Verdict
from smokegate.review.check import Workbench
from smokegate.sources.tree import Pointer

TOKEN = "ghs_a-token-that-nobody-may-see"  # noqa: S105 - it opens nothing
DATA = b"weights" * 1000
POINTER = Pointer(sha256(DATA), len(DATA))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serving(tmp_path, TOKEN) as running:
        yield running


def objects(server: GitServer, folder: Path, **limits: Any) -> Objects:
    return Objects(Remote(f"{server.url}/acme/models", TOKEN), folder, sleep=lambda _: None, **limits)


def place(folder: Path, pointer: Pointer = POINTER) -> Path:
    return folder / "lfs" / "objects" / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid


def test_an_object_comes_once(server: GitServer, tmp_path: Path) -> None:
    server.objects[POINTER.oid] = DATA
    for _ in range(2):
        assert list(objects(server, tmp_path).bring([POINTER, POINTER])) == []
    assert place(tmp_path).read_bytes() == DATA
    assert [one.partition("?")[0] for one in server.seen] == [
        "POST /acme/models.git/info/lfs/objects/batch",
        f"GET /lfs/{POINTER.oid}",
    ]


@pytest.mark.parametrize("sent", [b"", DATA[:-1], DATA + b"x", DATA[:-1] + b"X", DATA * 50])
def test_other_bytes_than_the_pointer_means_are_not_kept(sent: bytes, server: GitServer, tmp_path: Path) -> None:
    server.objects[POINTER.oid] = sent
    (fault,) = objects(server, tmp_path).bring([POINTER])
    assert fault == (POINTER, "what the LFS server sent is not the object that the pointer stands for")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        ({"error": {"code": 404, "message": "no such\x1b[31m object"}}, "refuses it: no such [31m object"),
        ({}, "offers no address"),
        ({"actions": {}}, "offers no address"),
        ({"actions": {"download": {"href": "file:///etc/passwd"}}}, "offers no address"),
        ({"actions": {"download": {"href": 7}}}, "offers no address"),
        ({"actions": []}, "offers no address"),
        ({"actions": {"download": {"href": "http://[::1/secret"}}}, "offers no address"),
        ({"actions": {"download": {"href": "http://127.0.0.1:port/secret"}}}, "cannot be reached"),
        ({"actions": {"download": {"href": "http://127.0.0.1/the secret"}}}, "cannot be reached"),
        ({"actions": {"download": {"href": "https:///secret"}}}, "cannot be reached"),
        ({"actions": {"download": {"href": "http://127.0.0.1:9/", "header": {"X": "secret\n"}}}}, "cannot be reached"),
        ({"actions": {"download": {"href": "http://127.0.0.1:9/gone?signature=secret"}}}, "cannot be reached"),
    ],
)
def test_what_the_server_says_no_to_is_told(offer: dict[str, Any], why: str, server: GitServer, tmp_path: Path) -> None:
    server.offers[POINTER.oid] = offer
    ((_, said),) = objects(server, tmp_path).bring([POINTER])
    assert why in said and "secret" not in said and TOKEN not in said


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_server_that_does_not_answer_is_told(status: int, server: GitServer, tmp_path: Path) -> None:
    server.answers = [status] * 3
    assert list(objects(server, tmp_path).bring([POINTER])) == [(POINTER, f"the LFS server answers {status}")]
    assert len(server.seen) == (3 if status == 500 else 1)


@pytest.mark.parametrize("answers", [[503], [429, 502], [200, 500], [500, 200, 200]])
def test_bad_weather_does_not_block_anybody(answers: list[int], server: GitServer, tmp_path: Path) -> None:
    """A 200 without a word is no answer either, be it to the question or to what was offered."""
    server.objects[POINTER.oid], server.answers = DATA, answers
    slept: list[float] = []
    wanted = Objects(Remote(f"{server.url}/acme/models", TOKEN), tmp_path, sleep=slept.append)
    bad = len(answers) < 3
    assert list(wanted.bring([POINTER])) == ([] if bad else [(POINTER, "the LFS server's answer makes no sense")])
    assert place(tmp_path).is_file() is bad and 0 < len(slept) <= 2


def test_many_are_asked_for_by_the_hundred(server: GitServer, tmp_path: Path) -> None:
    data = {sha256(one): one for one in (b"%d" % number for number in range(205))}
    server.objects |= data
    assert list(objects(server, tmp_path).bring(Pointer(oid, len(one)) for oid, one in data.items())) == []
    assert sum(one.startswith("POST") for one in server.seen) == 3
    assert all(place(tmp_path, Pointer(oid, len(one))).read_bytes() == one for oid, one in data.items())


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed(status: int, server: GitServer, tmp_path: Path) -> None:
    """It would be asked with our token."""
    server.answers = [status]
    assert list(objects(server, tmp_path).bring([POINTER])) == [(POINTER, f"the LFS server answers {status}")]
    assert len(server.seen) == 1


def test_more_than_is_fetched_for_one_verdict_is_not_begun(server: GitServer, tmp_path: Path) -> None:
    ((_, why),) = objects(server, tmp_path, most_bytes=len(DATA) - 1).bring([POINTER])
    assert "7,000 bytes are more than the 6,999" in why and server.seen == []


def test_plain_http_is_no_address_where_the_repository_is_behind_tls() -> None:
    offer = {"actions": {"download": {"href": "http://example.invalid/x"}}}
    found = action(offer, "download", secure=False)
    assert found is not None and found.href == "http://example.invalid/x"
    with pytest.raises(LfsFault):
        action(offer, "download", secure=True)


def test_the_judge_sees_the_bytes_that_go_to_production(forge: Forge, bench: Workbench, tmp_path: Path) -> None:
    forge.add("dehaze_v1", onnx_models.saliency())
    forge.trust(gates={"dehaze": {"match": ["dehaze_*"], "bounds": {"psnr": {"min": 30}}}})
    forge.start()
    forge.git("switch", "-q", "-c", "pr")
    forge.entry("dehaze_v1")["smoke"] = False
    forge.commit()
    forge.evidence("dehaze_v1")
    forge.commit()
    data = forge.path("dehaze_v1.onnx").read_bytes()
    forge.to_lfs("dehaze_v1.onnx", at_hand=False)
    head = forge.commit()
    with serving(forge.root.parent) as server:
        remote = Remote(f"{server.url}/{forge.root.name}/.git")
        store = Store(tmp_path / "store", remote)
        court = Court(store, "main", settings_of(store, "main"), bench, Objects(remote, store.folder))
        unseen = court.judge(Asked(head, "main", 7)).reports[0]
        assert "SG210" in {finding.code for finding in unseen.blocking}
        assert any("was not fetched: the LFS server refuses it" in note for note in unseen.notes)
        server.objects[sha256(data)] = data
        seen = court.judge(Asked(head, "main", 7)).reports[0]
    assert seen.verdict is Verdict.PASS, seen.blocking
