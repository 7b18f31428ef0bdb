"""A repository that keeps its models in git-lfs: what a flip brings goes there too, before anything is proposed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge import Forge, sha256
from github_side.emulator import REPOSITORY
from github_side.git_server import GitServer, serving
from github_side.promotions import MEMBERS, NAME, Town, dispatched, finished, founded, proposed, with_corpus
from github_side.test_finish import Files, left, only_pull, the_flip
from smokegate.errors import SmokegateError
from smokegate.github.verdicts.lfs import Objects
from smokegate.github.verdicts.store import Remote, Store
from smokegate.github.verdicts.verdict import Asked, Court, settings_of
from smokegate.judge.report import Report, Verdict
from smokegate.review.check import Workbench
from smokegate.sources.lfs import pointer_to, written

TOKEN = "ghs_a-token-that-nobody-may-see"  # noqa: S105 - it opens nothing
ATTRIBUTES = "*.onnx filter=lfs diff=lfs merge=lfs -text\n"
BRANCH = f"smokegate/flip/{NAME}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served", TOKEN) as running:
        yield running


def lfs(town: Town, server: GitServer, store: Store) -> Objects:
    return Objects(Remote(f"{server.url}/{REPOSITORY}", TOKEN), store.folder)


@pytest.fixture
def town(forge: Forge, tmp_path: Path, bench: Workbench, server: GitServer) -> Iterator[Town]:
    with_corpus(forge)
    forge.write("/.gitattributes", ATTRIBUTES)
    town = founded(forge, tmp_path, bench)
    for entry in forge.registry["models"]:
        data = forge.path(entry["onnx"]).read_bytes()
        server.objects[sha256(data)] = data
        forge.to_lfs(entry["onnx"], at_hand=False)
    forge.start("models are kept in git-lfs")
    town.offices["main"] = replace(town.court, lfs=lfs(town, server, town.court.store))
    yield town
    assert town.hub.faults == []


@pytest.fixture
def pull(town: Town) -> int:
    return proposed(town)


def blob(town: Town, path: str, branch: str = BRANCH) -> bytes:
    return town.forge.git("cat-file", "blob", f"{branch}:model/tiny/{path}").encode() + b"\n"


def verdict(town: Town, server: GitServer, folder: Path) -> Report:
    """By a court that has nothing but what can be fetched."""
    store = Store(folder / "elsewhere.git", Remote(str(town.forge.root)))
    court = Court(store, "main", settings_of(store, "main"), town.bench, lfs(town, server, store))
    found = court.judge(Asked(town.forge.git("rev-parse", BRANCH), "main", the_flip(town)["number"]))
    assert found.cannot is None
    return found.reports[0]


def test_the_flip_holds_pointers_and_its_verdict_passes(
    town: Town, pull: int, trained: Files, server: GitServer, tmp_path: Path
) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    assert finished(town, dispatch).verdict == "promote"
    for member in MEMBERS:
        model = trained[f"{member}.onnx"]
        assert blob(town, f"{member}.onnx") == written(pointer_to(model))
        assert server.objects[sha256(model)] == model
    assert json.loads(blob(town, f"{NAME}_PROMOTE.json"))["verdict"] == "PROMOTE"
    assert set(server.verified) == {sha256(trained[f"{member}.onnx"]) for member in MEMBERS}
    report = verdict(town, server, tmp_path)
    assert report.verdict is Verdict.PASS, report.blocking
    assert "in git-lfs" in the_flip(town)["body"]


def test_what_is_not_there_to_be_fetched_does_not_pass(
    town: Town, pull: int, trained: Files, server: GitServer, tmp_path: Path
) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    finished(town, dispatch)
    del server.objects[sha256(trained[f"{MEMBERS[0]}.onnx"])]
    assert "SG210" in {one.code for one in verdict(town, server, tmp_path).blocking}


def test_attributes_are_those_that_the_flip_starts_from(
    town: Town, trained: Files, server: GitServer, tmp_path: Path
) -> None:
    """By git's own rules: the last line counts, and one folder's are not another's."""
    town.branch()
    town.forge.write("/model/tiny/.gitattributes", f"{MEMBERS[0]}.onnx !filter\n")
    town.forge.write("/other/.gitattributes", "*.json filter=lfs\n")
    for member in MEMBERS:
        town.forge.entry(member)["smoke"] = False
    manifest = town.forge.read_json(f"{NAME}.json")
    town.forge.write_json(f"{NAME}.json", {**manifest, "smoke": False})
    pull = town.pull()
    town.clock.at += 5
    town.verdict(pull)
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    assert finished(town, dispatch).verdict == "promote"
    plain, kept = (trained[f"{member}.onnx"] for member in MEMBERS)
    there = town.forge.git("rev-parse", f"{BRANCH}:model/tiny/{MEMBERS[0]}.onnx")
    assert there == town.forge.git("hash-object", "--stdin", stdin=plain)
    assert blob(town, f"{MEMBERS[1]}.onnx") == written(pointer_to(kept))
    assert sha256(plain) not in server.objects
    assert verdict(town, server, tmp_path).verdict is Verdict.PASS


def test_a_pointer_that_is_there_already_gets_its_object(
    town: Town, trained: Files, server: GitServer, tmp_path: Path
) -> None:
    """Trained before, and pushed without git-lfs."""
    town.branch()
    for member in MEMBERS:
        data = trained[f"{member}.onnx"]
        town.forge.write(f"{member}.onnx", written(pointer_to(data)))
        town.forge.write(f"{member}.json", trained[f"{member}.json"])
        town.forge.entry(member).update(sha256=sha256(data), smoke=False)
    town.forge.write(f"{NAME}.json", trained[f"{NAME}.json"])
    pull = town.pull()
    town.clock.at += 5
    town.verdict(pull)
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    assert finished(town, dispatch).verdict == "promote"
    assert {pointer_to(trained[f"{member}.onnx"]).oid for member in MEMBERS} <= server.objects.keys()
    assert ".onnx" not in the_flip(town)["body"].partition("### What changes")[2]
    assert verdict(town, server, tmp_path).verdict is Verdict.PASS


@pytest.mark.parametrize("status", [403, 404, 422, 507])
def test_a_refusal_is_told_once_and_nothing_is_half_made(
    status: int, town: Town, pull: int, trained: Files, server: GitServer
) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    before = len(town.answers(pull))
    server.said = "This repository is over its data quota."
    server.answering = lambda request: status if "batch" in request else None
    with town.watched() as asked:
        done = finished(town, dispatch)
    assert done.failed and done.verdict == "void"
    (said,) = town.answers(pull)[before:]
    assert "could not be put into git-lfs" in said and "over its data quota" in said and "contents: write" in said
    assert not [one for one in asked if one.startswith("POST") and ("/git/trees" in one or "/pulls" in one)]
    assert town.refs() == []
    only_pull(town, pull)


def test_a_server_that_is_down_leaves_the_promotion_to_be_finished(
    town: Town, pull: int, trained: Files, server: GitServer
) -> None:
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    before = len(town.answers(pull))
    server.answering = lambda request: 503 if "batch" in request else None
    with pytest.raises(SmokegateError, match="answers 503"):
        finished(town, dispatch)
    assert len(town.answers(pull)) == before
    only_pull(town, pull)
    server.answering = lambda _: None
    assert finished(town, dispatch, attempt=2).verdict == "promote"
    the_flip(town)


def test_a_server_of_their_own_is_said(town: Town, trained: Files, server: GitServer) -> None:
    town.forge.write("/.lfsconfig", "[lfs]\n\turl = https://lfs.example/models\n")
    town.forge.start()
    pull = proposed(town)
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    done = finished(town, dispatch)
    assert done.failed and "`https://lfs.example/models` for git-lfs" in done.said
    assert not [one for one in server.seen if "batch" in one]
    only_pull(town, pull)


def test_where_the_pull_request_names_another_server_nothing_is_put_there(town: Town, trained: Files) -> None:
    """Once it were merged, whoever clones would look there in vain."""
    pull = proposed(town)
    town.forge.write("/.lfsconfig", "[lfs]\n\turl = https://lfs.example/models\n")
    town.forge.commit("objects elsewhere")
    town.verdict(pull)
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    done = finished(town, dispatch)
    assert done.verdict == "void" and "and the bot puts objects beside the repository alone" in done.said
    only_pull(town, pull)


def test_what_a_pull_request_gives_to_lfs_cannot_hide_the_registry(town: Town, trained: Files) -> None:
    """What is judged is what git would get: a pointer is no registry."""
    pull = proposed(town)
    town.forge.write("/.gitattributes", ATTRIBUTES + "registry.json filter=lfs\n")
    town.forge.commit("what?")
    town.verdict(pull)
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    done = finished(town, dispatch)
    assert done.verdict in {"hold", "void"}, done.said
    only_pull(town, pull)


def test_objects_are_there_before_anything_is_proposed(
    town: Town, pull: int, trained: Files, server: GitServer
) -> None:
    """So that whoever is killed in between leaves no pointer to nothing."""
    wanted = {sha256(trained[f"{member}.onnx"]) for member in MEMBERS}
    dispatch = dispatched(town, pull)
    left(town, dispatch, trained)
    early: list[str] = []

    def look(asked: Any) -> None:
        writes = asked.verb != "GET" and asked.path.endswith(("/git/blobs", "/git/refs", "/pulls"))
        if writes and "turns" not in str(asked.data) and not wanted <= server.objects.keys():
            early.append(asked.path)

    town.hub.before = look
    assert finished(town, dispatch).verdict == "promote"
    assert early == [] and wanted <= server.objects.keys()
