"""What the network and GitHub do wrong, between the client and the emulator."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import jwt
import pytest

from github_side.conftest import ClientOf
from github_side.emulator import APP_ID, BOT, REPOSITORY, Emulator
from github_side.exchange import Request, Response, answer, refusal
from github_side.hub import Fault, Hub, Plan, Served, serving, settle
from github_side.still_clock import StillClock
from github_side.world import REPO, commit, open_pull, tip
from smokegate.github.api.client import Client
from smokegate.github.api.credentials import App, Token
from smokegate.github.api.faults import CredentialsError, GitHubError, NotFound, RateLimited, Uncertain
from smokegate.github.api.once import once
from smokegate.github.api.port import Comment
from smokegate.github.api.retrying import Limits
from smokegate.github.api.sending import Settings
from smokegate.github.api.wire import HttpWire, Reach, Received, Sent

PATIENCE = 0.5
"""Seconds for which a client waits for an answer that is never to come."""
DELIVERIES = 1000
ACTED = (Fault.BAD_GATEWAY_AFTER, Fault.RESET_AFTER, Fault.TRUNCATED, Fault.SLOW)
UNSURE = (Fault.BAD_GATEWAY_BEFORE, Fault.UNAVAILABLE_BEFORE, Fault.RESET_BEFORE)
LIMITS = (Fault.LIMIT_WITH_RETRY_AFTER, Fault.LIMIT_WITH_RESET, Fault.LIMIT_BARE, Fault.SECONDARY_LIMIT)


@pytest.fixture
def patient(client_of: ClientOf) -> Client:
    return client_of("writer")


@pytest.fixture
def tried(client_of: ClientOf, fault: Fault) -> Client:
    """Waits long, so that a busy machine is not taken for a fault; but not for a silence that is meant."""
    return client_of("writer", silence=PATIENCE) if fault is Fault.SLOW else client_of("writer")


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.OTHER_PAGE}, key=str))
def test_a_reading_gets_through(tried: Client, hub: Hub, clock: StillClock, fault: Fault) -> None:
    hub.plan = Plan([fault])
    assert tried.repository().name == REPOSITORY
    assert 0 < sum(clock.slept) <= 120
    assert hub.plan.done == [fault]


@pytest.mark.parametrize("fault", ACTED)
def test_a_creation_is_not_sent_twice_where_it_was_done(tried: Client, hub: Hub, fault: Fault) -> None:
    number = open_pull(hub)
    hub.plan = Plan([fault])
    with pytest.raises(Uncertain, match=r"POST .*/comments may have happened or not") as caught:
        tried.create_comment(number, "x")
    assert "looks first" in str(caught.value)
    assert len(tried.comments(number)) == 1


@pytest.mark.parametrize("fault", UNSURE)
def test_nor_where_that_cannot_be_told(tried: Client, hub: Hub, fault: Fault) -> None:
    number = open_pull(hub)
    hub.plan = Plan([fault])
    with pytest.raises(Uncertain):
        tried.create_comment(number, "x")
    assert tried.comments(number) == ()


@pytest.mark.parametrize("fault", LIMITS)
def test_a_creation_is_sent_again_after_a_limit(tried: Client, hub: Hub, clock: StillClock, fault: Fault) -> None:
    number = open_pull(hub)
    hub.plan = Plan([fault])
    tried.create_comment(number, "x")
    assert len(tried.comments(number)) == 1
    assert len(clock.slept) == 1


@pytest.mark.parametrize("fault", [*ACTED, *UNSURE])
def test_a_change_is_sent_again(tried: Client, hub: Hub, fault: Fault) -> None:
    number = open_pull(hub)
    made = tried.create_comment(number, "x")
    hub.plan = Plan([fault])
    changed = tried.update_comment(made.id, "y")
    assert changed is not None
    assert tried.comments(number)[0].body == "y"


@pytest.mark.parametrize("fault", ACTED)
def test_a_deletion_that_was_done_is_done(tried: Client, hub: Hub, fault: Fault) -> None:
    made = tried.create_comment(open_pull(hub), "x")
    hub.plan = Plan([fault])
    tried.delete_comment(made.id)
    assert tried.comment(made.id) is None


@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.BAD_GATEWAY_AFTER, Fault.BAD_GATEWAY_BEFORE])
def test_a_creation_that_is_harmless_twice_is_sent_again(client_of: ClientOf, hub: Hub, fault: Fault) -> None:
    client, base = client_of(), tip(hub)
    hub.plan = Plan([None, fault])
    made = client.create_comment(open_pull(hub), "x")
    assert hub.plan.done == [fault]
    assert len(bought(hub)) == 2
    run_id, tree = client.dispatch("gpu-harness.yml", "main", {}), client.get_commit(base).tree
    assert run_id is not None
    acts: list[Callable[[], object]] = [
        lambda: client.react(made.id, "eyes"),
        lambda: client.create_blob(b"x"),
        lambda: client.create_tree([], base=tree),
        lambda: client.create_commit(message="m", tree=tree, parents=[base]),
        lambda: client.cancel_run(run_id),
    ]
    for act in acts:
        hub.plan = Plan([fault])
        act()
        assert hub.plan.done == [fault]
    assert hub.stub.reactions == [(made.id, "eyes", BOT)]


def test_annotations_are_not_appended_twice(client_of: ClientOf, hub: Hub) -> None:
    client, sha = client_of(), commit(hub, "topic")
    run = client.create_check_run({"name": "smokegate", "head_sha": sha})
    one = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
    hub.plan = Plan([Fault.RESET_AFTER])
    with pytest.raises(Uncertain):
        client.update_check_run(run.id, {"output": {"title": "t", "summary": "s", "annotations": [one]}})
    assert client.check_runs(sha, name="smokegate")[0].annotations == 1
    hub.plan = Plan([Fault.RESET_AFTER])
    client.update_check_run(run.id, {"conclusion": "failure"})


def test_a_server_that_never_recovers(patient: Client, hub: Hub, clock: StillClock) -> None:
    hub.plan = Plan(rate=1.0, kinds=(Fault.BAD_GATEWAY_BEFORE,))
    with pytest.raises(GitHubError, match=r"GitHub answered 502 to GET /repos/acme/models \(6 times\)") as caught:
        patient.repository()
    assert caught.value.status == 502
    assert clock.slept == [1, 2, 4, 8, 16]


def test_a_server_that_is_not_there(clock: StillClock) -> None:
    settings = Settings(REPOSITORY, Token("t"), api="http://127.0.0.1:1")
    client = Client(settings, wire=HttpWire(), clock=clock)
    with pytest.raises(GitHubError, match=r"at http://127.0.0.1:1 was not answered \(6 times\): the server cannot be"):
        client.create_comment(1, "x")


def test_a_limit_beyond_what_a_job_may_wait(
    patient: Client, hub: Hub, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = answer(403, {"message": "API rate limit exceeded"}, **{"Retry-After": "1800"})
    monkeypatch.setattr(hub, "truly", lambda _: slow)
    with pytest.raises(RateLimited, match="takes GET /repos/acme/models from 2027-01-15 08:30:00 UTC on") as caught:
        patient.repository()
    assert caught.value.at == clock.at + 1800
    assert clock.slept == []
    assert "run the job again after 2027-01-15 08:30:00 UTC" in str(caught.value)


def test_limits_together_stay_within_the_bound(patient: Client, hub: Hub, clock: StillClock) -> None:
    hub.plan = Plan(rate=1.0, kinds=(Fault.LIMIT_BARE,))
    with pytest.raises(RateLimited):
        patient.repository()
    assert clock.slept == [60]


def test_a_page_that_is_another_is_asked_again(patient: Client, hub: Hub) -> None:
    number = open_pull(hub)
    for n in range(120):
        hub.as_("writer", "POST", f"{REPO}/issues/{number}/comments", {"body": str(n)})
    hub.plan = Plan([None, Fault.OTHER_PAGE])
    assert [one.body for one in patient.comments(number)] == [str(n) for n in range(120)]


def test_a_comment_that_goes_while_pages_are_read_hides_no_other(
    patient: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = open_pull(hub)
    ids = [
        hub.as_("writer", "POST", f"{REPO}/issues/{number}/comments", {"body": str(n)}).data["id"] for n in range(250)
    ]
    truly, read = hub.truly, Counter[str]()

    def deleting(asked: object) -> Response:
        reply: Response = truly(asked)  # type: ignore[arg-type]
        read["pages"] += 1
        if read["pages"] in {1, 2, 3}:
            hub.as_("boss", "DELETE", f"{REPO}/issues/comments/{ids[read['pages']]}")
        return reply

    monkeypatch.setattr(hub, "truly", deleting)
    found = [one.body for one in patient.comments(number)]
    kept = [str(n) for n in range(250) if n not in {1, 2, 3}]
    assert [body for body in found if body in kept] == kept
    assert len(found) == len(set(found))


def test_a_list_without_end_is_given_up(patient: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for relations in (("next",), ("next", "last")):
        monkeypatch.setattr(hub, "truly", lambda asked, relations=relations: _endless(asked.query, relations))
        with pytest.raises(GitHubError, match="more than 3,000 items for"):
            patient.comments(1)


def _endless(query: dict[str, str], relations: tuple[str, ...]) -> Response:
    page = int(query.get("page", "1"))
    numbers = {"next": page + 1, "last": 40}
    links = ", ".join(f'<http://x/?page={numbers[one]}>; rel="{one}"' for one in relations if page < 40)
    return answer(200, [], Link=links)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"3",
        b'"text"',
        b"{}",
        b'{"id": "1"}',
        b'{"id": true, "full_name": "a/b"}',
        b'{"id": 1, "full_name": null, "default_branch": "main", "private": false, "fork": false}',
        b'{"id": 1, "full_name": "a/b", "default_branch": "main", "private": "no", "fork": false}',
    ],
)
def test_an_answer_of_another_shape(patient: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(hub, "truly", lambda _: Response(200, body))
    with pytest.raises(GitHubError, match="not what its description says"):
        patient.repository()


@pytest.mark.parametrize(
    "body", [b"{", b"<html>", b'{"id": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"id": ' + b"1" * 5000]
)
def test_an_answer_that_is_not_json(patient: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(hub, "truly", lambda _: Response(200, body))
    with pytest.raises(GitHubError, match="not whole JSON"):
        patient.repository()
    with pytest.raises(Uncertain, match="not whole JSON"):
        patient.create_comment(1, "x")


@pytest.mark.parametrize("body", [b"", b"null"])
def test_an_answer_of_nothing(patient: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(hub, "truly", lambda _: Response(201, body))
    with pytest.raises(GitHubError, match=r"was not answered .* its answer is empty"):
        patient.repository()
    with pytest.raises(Uncertain, match="its answer is empty"):
        patient.create_comment(1, "x")


def test_an_answer_without_end(served: Served, clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.hub, "truly", lambda _: Response(200, b" " * 3_000_000))
    settings = Settings(REPOSITORY, Token("t"), api=served.url)
    client = Client(settings, wire=HttpWire(Reach(size=1_000_000)), clock=clock)
    with pytest.raises(GitHubError, match="longer than 1,000,000 bytes"):
        client.repository()
    assert clock.slept == []


def test_a_renamed_repository_is_followed(patient: Client, hub: Hub, served: Served) -> None:
    number = open_pull(hub)
    hub.moved = {
        f"{REPO}/pulls/{number}": f"{served.url}/repos/acme/old/pulls/{number}?page=1",
        f"/repos/acme/old/pulls/{number}": f"{REPO}/pulls/{number}",
        f"{REPO}/issues/{number}/comments": f"{REPO}/issues/{number + 1}/comments",
    }
    with pytest.raises(GitHubError, match="redirects more than 3 times"):
        patient.pull(number)
    assert len(hub.asked) == 4
    del hub.moved[f"{REPO}/pulls/{number}"]
    assert patient.pull(number).number == number
    second = open_pull(hub, "second")
    assert patient.create_comment(number, "moved").url.count(f"/{second}#") == 1
    assert [one.verb for one in hub.asked[-2:]] == ["POST", "POST"]


@pytest.mark.parametrize(
    "location",
    [
        "https://api.github.com/repos/acme/models",
        "http://localhost:{port}/repos/acme/models",
        "http://127.0.0.1:1/repos/acme/models",
        "https://127.0.0.1:{port}/repos/acme/models",
        "//evil.example/repos/acme/models",
        "http://127.0.0.1:{port}@evil.example/",
        "http://[::1",
        "",
        "ftp://127.0.0.1:{port}/x",
    ],
)
def test_a_redirect_elsewhere_does_not_get_the_token(
    patient: Client, served: Served, location: str, clock: StillClock
) -> None:
    port = served.url.rpartition(":")[2]
    served.hub.moved = {REPO: location.format(port=port)}
    with pytest.raises(GitHubError, match=r"redirects (to another place|more than 3 times)"):
        patient.repository()
    assert served.downloads == []
    assert clock.slept == []


class Leading:
    """A server of TLS that leads on, from one address to the next."""

    def __init__(self, *locations: str, end: bytes = b"zip") -> None:
        self.locations, self.end = list(locations), end
        self.asked: list[str] = []

    def exchange(self, sent: Sent, *, limit: int | None = None) -> Received:
        self.asked.append(sent.url)
        if not self.locations:
            return Received(200, {}, self.end[:limit])
        return Received(302, {"location": self.locations.pop(0)}, b"")


@pytest.mark.parametrize(
    ("locations", "reached"),
    [
        (["https://store.example/a"], ["https://store.example/a"]),
        (["https://store.example/a", "/b"], ["https://store.example/a", "https://store.example/b"]),
        (["http://store.example/a"], []),
        (["https://store.example/a", "http://store.example/b"], ["https://store.example/a"]),
        (["file:///etc/passwd"], []),
        (["/etc/passwd"], []),
        ([""], []),
        (["https://store.example/"] * 9, ["https://store.example/"] * 3),
    ],
)
def test_a_download_stays_with_tls_and_ends(locations: list[str], reached: list[str]) -> None:
    wire = Leading(*locations)
    client = Client(Settings(REPOSITORY, Token("t"), api="https://ghe.example/api/v3"), wire=wire)
    if len(locations) == len(reached):
        assert client.download_artifact(1, limit=10) == b"zip"
    else:
        with pytest.raises(GitHubError, match=r"redirects (to a place that is not https|more than 3 times)"):
            client.download_artifact(1, limit=10)
    assert wire.asked == [f"https://ghe.example/api/v3{REPO}/actions/artifacts/1/zip", *reached]


@pytest.mark.parametrize(
    ("api", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://ghe.example/api/v3", "https://ghe.example/api/graphql"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql"),
    ],
)
def test_graphql_has_its_own_place(api: str, graphql: str) -> None:
    wire = Leading(end=b'{"data": {"viewer": {"login": "octo"}}}')
    assert Client(Settings(REPOSITORY, Token("t"), api=api), wire=wire).viewer().login == "octo"
    assert wire.asked == [graphql]


def test_a_companys_own_server(emulator: Emulator, clock: StillClock) -> None:
    hub = Hub(emulator, prefix="/api/v3")
    settle(hub)
    with serving(hub) as served:
        client = Client(Settings(REPOSITORY, App(APP_ID, emulator.private_key), api=served.url), clock=clock)
        number = open_pull(hub)
        assert client.pull(number).number == number
        hub.moved = {f"{REPO}/pulls/{number}": f"{served.url}/repos/acme/models/pulls/1"}
        hub.moved |= {f"{REPO}/issues/1": f"{served.url.removesuffix('/api/v3')}/login"}
        with pytest.raises(GitHubError, match="redirects to another place"):
            client.update_issue(1, state="closed")
    assert hub.faults == []


def test_a_token_that_was_revoked_is_bought_anew(
    client_of: ClientOf, hub: Hub, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of()
    client.repository()
    monkeypatch.setattr(hub, "truly", _first(refusal(401, "Bad credentials"), hub.truly))
    made = client.create_comment(open_pull(hub), "once")
    assert client.comment(made.id) == made
    assert len(bought(hub)) == 2
    assert bought(hub)[0].data == {"repositories": ["models"]}
    clock.at += 3000
    client.repository()
    assert len(bought(hub)) == 2
    clock.at += 500
    client.repository()
    assert len(bought(hub)) == 3


def bought(hub: Hub) -> list[Request]:
    return [one for one in hub.asked if one.path.endswith("/access_tokens")]


def _first(reply: Response, then: Callable[[Request], Response]) -> Callable[[Request], Response]:
    replies = [reply]
    return lambda asked: replies.pop() if replies else then(asked)


def test_a_signature_that_github_does_not_take(client_of: ClientOf, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another App's key, a deleted one, a clock that is wrong: a token to set anew there is none."""
    said = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
    monkeypatch.setattr(hub, "truly", lambda _: refusal(401, said))
    with pytest.raises(CredentialsError, match=r"does not take the App's signature: .*'iat'") as caught:
        client_of().repository()
    assert "clock is right" in (caught.value.fix or "") and "the token is expired" not in str(caught.value)
    assert len(hub.asked) == 1


def test_a_clock_that_is_some_minutes_off_is_no_matter(client_of: ClientOf, hub: Hub) -> None:
    client_of().repository()
    (signed,) = {one.token for one in hub.asked if one.path.endswith("/installation")}
    claims = jwt.decode(signed, options={"verify_signature": False})
    now = time.time()
    assert claims["iat"] < now - 240 and now + 240 < claims["exp"] <= now + 300


def test_a_token_is_narrowed_to_what_is_needed(served: Served, emulator: Emulator) -> None:
    app = App(APP_ID, emulator.private_key, {"checks": "write"})
    client = Client(Settings(REPOSITORY, app, api=served.url))
    client.create_check_run({"name": "n", "head_sha": tip(served.hub)})
    with pytest.raises(GitHubError, match=r"40[34] to POST"):
        client.create_blob(b"x")
    assert served.hub.asked[1].data == {"repositories": ["models"], "permissions": {"checks": "write"}}


def test_a_token_that_is_no_good(patient: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(hub.asked)
    monkeypatch.setattr(hub, "truly", lambda _: refusal(401, "Bad credentials"))
    with pytest.raises(GitHubError, match=r"401 to POST .*: Bad credentials\n  fix: the token is expired") as caught:
        patient.create_comment(1, "x")
    assert caught.value.status == 401
    assert len(hub.asked) == before + 1


ACCEPTED = {"X-Accepted-GitHub-Permissions": "pull_requests=write"}
WRONG_FIELD = {"resource": "Issue", "field": "body", "code": "invalid"}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(403, {"message": "Resource not accessible"}, **ACCEPTED), "fix: give the token `pull-requests: write`"),
        (refusal(403, "Resource not accessible"), "fix: give the token `pull-requests: write`"),
        (refusal(404, "Not Found"), "fix: if it is there, give the token `pull-requests: write`"),
        (answer(422, {"message": "Failed", "errors": ["body is too long"]}), "Failed; body is too long"),
        (answer(422, {"message": "Failed", "errors": [WRONG_FIELD]}), "Failed; Issue body invalid"),
        (answer(422, {"message": {"a": 1}, "errors": {"b": 2}}), "422 to POST"),
        (refusal(410, "This issue was deleted"), "410 to POST"),
        (refusal(422, "::error::\u202ex\x1b[31m\n" + "y" * 5000), r"\x3a:error::\u202ex\x1b[31m\n"),
    ],
)
def test_a_refusal_says_what_mends_it(
    patient: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch, reply: Response, words: str
) -> None:
    monkeypatch.setattr(hub, "truly", lambda _: reply)
    with pytest.raises(GitHubError) as caught:
        patient.create_comment(7, "x")
    assert words in str(caught.value)
    assert isinstance(caught.value, NotFound) == (reply.status in {404, 410})
    assert len(str(caught.value)) < 1200
    assert all(line.isprintable() for line in str(caught.value).splitlines())


def test_a_redirect_is_not_read_without_bound(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    long = Response(301, b" " * 3_000_000, {"Location": "/elsewhere"})
    monkeypatch.setattr(served.hub, "truly", lambda _: long)
    client = Client(Settings(REPOSITORY, Token("t"), api=served.url), wire=HttpWire(Reach(size=1_000_000)))
    with pytest.raises(GitHubError, match="longer than 1,000,000 bytes"):
        client.repository()


def test_a_ruleset_that_refuses_is_no_quiet_no(patient: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words, in the name of the ref too, are not taken for 'it exists' or 'it is no fast-forward'."""
    monkeypatch.setattr(hub, "truly", lambda _: refusal(422, "Repository rule violations found"))
    name = "refs/heads/fast-forward-already-exists-Reference-does-not-exist"
    acts: list[Callable[[], object]] = [
        lambda: patient.create_ref(name, "0" * 40),
        lambda: patient.update_ref(name, "0" * 40),
        lambda: patient.delete_ref(name),
    ]
    for act in acts:
        with pytest.raises(GitHubError, match="rule violations"):
            act()
    monkeypatch.setattr(hub, "truly", lambda _: refusal(404, "Not Found"))
    with pytest.raises(NotFound):
        patient.create_ref(name, "0" * 40)
    with pytest.raises(NotFound):
        patient.cancel_run(1)


def test_a_thousand_comments_in_bad_weather_are_a_thousand(client_of: ClientOf, hub: Hub) -> None:
    """Each delivery makes its one comment, whatever happens to its requests."""
    client = client_of("writer", limits=Limits(attempts=12, wait=3600.0))
    numbers = [open_pull(hub, f"topic-{n}") for n in range(10)]
    # A silence takes real time, and a wrong page wants pages: both are tested above.
    kinds = tuple(sorted(set(Fault) - {Fault.SLOW, Fault.OTHER_PAGE}, key=str))
    hub.plan = Plan(rate=0.2, seed=6, kinds=kinds)
    clock = StillClock()

    def deliver(number: int, marker: str) -> Comment:
        def look() -> Comment | None:
            return next(
                (one for one in client.comments(number) if one.body == marker and one.author.login == "writer"), None
            )

        return once(look, lambda: client.create_comment(number, marker), clock, looked=True)

    made = [deliver(numbers[n % 10], f"<!-- {n} -->") for n in range(DELIVERIES)]
    met, sent = Counter(hub.plan.done), len(hub.asked)
    hub.plan = Plan()
    there = [(number, one.id, one.body) for number in numbers for one in client.comments(number)]
    assert len(there) == DELIVERIES
    assert sorted(body for _, _, body in there) == sorted(f"<!-- {n} -->" for n in range(DELIVERIES))
    assert {identity for _, identity, _ in there} == {one.id for one in made}
    print(f"{DELIVERIES} comments, {sent} requests, {sum(met.values())} faults: {dict(met)}")
    assert sum(met.values()) > DELIVERIES * 0.2
    assert set(met) == set(kinds)
