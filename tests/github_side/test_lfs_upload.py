"""What a flip carries is put into git-lfs: whole, once, and by nobody who could use our token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge import Forge, sha256
from github_side.git_server import GitServer, serving
from github_side.still_clock import StillClock
from smokegate.errors import SmokegateError, UsageError
from smokegate.github.api.faults import passing
from smokegate.github.flips.lfs_upload import Uploads, require_here
from smokegate.github.verdicts.store import Remote
from smokegate.sources.command import Git
from smokegate.sources.lfs import parse_pointer, pointer_to, written

TOKEN = "ghs_a-token-that-nobody-may-see"  # noqa: S105 - it opens nothing
DATA, OTHER = b"weights" * 1000, b"more of them"
BATCH = "POST /acme/models.git/info/lfs/objects/batch"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serving(tmp_path, TOKEN) as running:
        yield running


def put(server: GitServer, *objects: bytes, clock: StillClock | None = None) -> None:
    uploads = Uploads(Remote(f"{server.url}/acme/models", TOKEN), clock or StillClock())
    uploads.put({pointer_to(data): data for data in objects})


def asked(server: GitServer) -> list[str]:
    return [one.partition("?")[0] for one in server.seen]


def refused(server: GitServer, *objects: bytes) -> SmokegateError:
    with pytest.raises(SmokegateError) as caught:
        put(server, *(objects or (DATA,)))
    told = str(caught.value)
    assert "could not be put into git-lfs" in told and "secret" not in told and TOKEN not in told
    return caught.value


@pytest.mark.parametrize("data", [b"x", DATA])
def test_a_pointer_is_written_as_it_is_read(data: bytes) -> None:
    assert parse_pointer(written(pointer_to(data))) == pointer_to(data)
    assert pointer_to(data).oid == sha256(data)


def test_objects_are_put_checked_and_not_sent_again(server: GitServer) -> None:
    server.store = "localhost"  # another host, to a client
    put(server, DATA, OTHER)
    assert server.objects == {sha256(DATA): DATA, sha256(OTHER): OTHER}
    assert server.verified == [sha256(DATA), sha256(OTHER)]
    assert asked(server) == [
        BATCH,
        f"PUT /lfs/{sha256(DATA)}",
        "POST /lfs/verify",
        f"PUT /lfs/{sha256(OTHER)}",
        "POST /lfs/verify",
    ]
    server.seen.clear()
    put(server, DATA, OTHER)
    assert asked(server) == [BATCH]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again(status: int, server: GitServer) -> None:
    for at in range(3):
        clock, server.answers = StillClock(), []
        server.objects.clear()
        seen: list[str] = []

        def once(request: str, at: int = at, seen: list[str] = seen) -> int | None:
            seen.append(request)
            return status if len(seen) == at + 1 else None

        server.answering = once
        put(server, DATA, clock=clock)
        assert server.objects == {sha256(DATA): DATA} and clock.slept == [2.0]


def test_it_is_not_tried_for_ever(server: GitServer) -> None:
    server.answering = lambda _: 503
    fault = refused(server)
    assert passing(fault) and "answers 503" in str(fault) and len(server.seen) == 4


def test_what_went_well_starts_the_count_anew(server: GitServer) -> None:
    """Twenty objects over a line that breaks after each of them."""
    objects = [b"%d" % number for number in range(20)]
    server.answering = lambda request: 502 if request.startswith("PUT") and server.seen.count(request) == 1 else None
    put(server, *objects)
    assert set(server.objects.values()) == set(objects)


def test_many_are_asked_for_by_the_hundred(server: GitServer) -> None:
    objects = [b"%d" % number for number in range(205)]
    put(server, *objects)
    assert set(server.objects.values()) == set(objects) and asked(server).count(BATCH) == 3


def test_a_server_that_is_not_there_may_be_there_later(tmp_path: Path) -> None:
    with serving(tmp_path) as gone:
        pass
    assert passing(refused(gone))


@pytest.mark.parametrize("status", [401, 403, 404, 413, 422, 501, 507, 509])
def test_what_is_refused_is_told_in_the_servers_words(status: int, server: GitServer) -> None:
    server.answers, server.said = [status], "This repository is over its data quota."
    fault = refused(server)
    assert not passing(fault) and len(server.seen) == 1
    assert f"answers {status}: This repository is over its data quota." in str(fault) and fault.fix is not None


@pytest.mark.parametrize(
    ("offer", "told", "later"),
    [
        ({"error": {"code": 422, "message": "too\x1b[31m large"}}, "refuses it: too [31m large", False),
        ({"error": {"code": 500, "message": "ouch"}}, "refuses it: ouch", True),
        ({"actions": {"upload": {"href": "file:///etc/passwd"}}}, "offers no address", True),
        ({"actions": {"upload": {"href": "http://127.0.0.1:9/gone?signature=secret"}}}, "cannot be reached", True),
    ],
)
def test_what_the_server_offers_in_vain(offer: dict[str, Any], told: str, later: bool, server: GitServer) -> None:
    server.offers[sha256(DATA)] = offer
    fault = refused(server, OTHER, DATA)
    assert told in str(fault) and passing(fault) is later
    assert sha256(DATA) not in server.objects


def test_one_that_it_says_nothing_of_did_not_go(server: GitServer) -> None:
    server.offers[sha256(DATA)] = {"oid": "another"}
    assert "says nothing of it" in str(refused(server))


def test_one_that_does_not_pass_the_check_did_not_go(server: GitServer) -> None:
    server.answering = lambda request: 404 if "verify" in request else None
    assert not passing(refused(server))


@pytest.mark.parametrize("status", [301, 302, 303, 307])
@pytest.mark.parametrize("before", [0, 1])
def test_a_redirect_is_not_followed(server: GitServer, status: int, before: int) -> None:
    """It would be asked with our token, or with the store's key."""
    server.answering = lambda _: status if len(server.seen) > before else None
    assert f"answers {status}" in str(refused(server)) and len(server.seen) == before + 1


def test_how_the_body_is_framed_is_not_the_servers_word(server: GitServer) -> None:
    """GitLab's says `Transfer-Encoding: chunked` of what goes in one piece."""
    headers = {"X-Key": "of the store", "Transfer-Encoding": "chunked", "content-length": "1"}
    href = f"{server.url}/lfs/{sha256(DATA)}"
    server.offers[sha256(DATA)] = {"actions": {"upload": {"href": href, "header": headers}}}
    put(server, DATA)
    assert server.objects == {sha256(DATA): DATA}


@pytest.mark.parametrize(
    ("config", "elsewhere"),
    [
        ("[lfs]\n\turl = https://lfs.example/x\n", True),
        ("[lfs]\n\tpushurl = https://lfs.example/x\n", True),
        ('[remote "origin"]\n\tlfsurl = https://lfs.example/x\n', True),
        ("[lfs]\n\turl = https://github.com/Acme/models.git/info/lfs/\n", False),
        ("[lfs]\n\tfetchexclude = *.mp4\n", False),
        ("[lfs\n", False),
        (None, False),
    ],
)
def test_a_server_elsewhere_is_none_of_ours(config: str | None, elsewhere: bool, forge: Forge) -> None:
    if config is not None:
        forge.write("/.lfsconfig", config)
    commit, git = forge.commit(), Git(forge.root)
    remote = Remote("https://github.com/acme/models")
    if not elsewhere:
        require_here(git, commit, remote)
        return
    with pytest.raises(UsageError, match=r"names https://lfs\.example/x for git-lfs"):
        require_here(git, commit, remote)
