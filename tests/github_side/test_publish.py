"""What was judged, on GitHub: one check run, one comment, and neither doubled nor forged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from github_side.conftest import ClientOf
from github_side.emulator import ACTIONS, APP_ID, BOT, OWNER, REPOSITORY, TOKENS
from github_side.exchange import Request, Response, refusal
from github_side.hub import Fault, Hub, Served
from github_side.still_clock import StillClock
from github_side.world import REPO, commit, open_pull, tip
from render.specimens import finding, report
from smokegate.errors import UsageError
from smokegate.github.api.client import Client
from smokegate.github.api.credentials import Token
from smokegate.github.api.faults import GitHubError
from smokegate.github.api.port import Comment
from smokegate.github.api.sending import Settings as Reaching
from smokegate.github.api.wire import HttpWire, Received, Sent
from smokegate.github.comments import sticky
from smokegate.github.verdicts import binding
from smokegate.github.verdicts.publish import ASIDE, Published, Publisher
from smokegate.github.verdicts.verdict import Asked, Judged, Part
from smokegate.github.verdicts.verdict_document import Docket
from smokegate.judge.report import Change, Report, Verdict, What
from smokegate.policy_github import GitHub as Settings

RUN = "https://github.com/acme/models/actions/runs/7"
CHANGED = Change("alpha_v1", What.CHANGED, ("notes",), None, "smoke", "smoke")
FLIPPED = Change("alpha_v1", What.FLIPPED, ("smoke",), None, "smoke", "production")
PASSED = report(changes=(CHANGED,))
BLOCKED = report(Verdict.BLOCK, changes=(CHANGED,), findings=(finding(),))
OWNED = report(Verdict.NEEDS_OWNER, changes=(CHANGED,), findings=(finding("SG701", path=".smokegate.yml"),))


def judged(hub: Hub, number: int, *reports: Report, owners: tuple[str, ...] = (), **fields: object) -> Judged:
    asked = Asked(head(hub, number), "main", number)
    one = Judged(asked, tip(hub), True, tuple(Part(report, owners) for report in reports))
    return replace(one, **fields)  # type: ignore[arg-type]


def head(hub: Hub, number: int) -> str:
    return str(hub.as_(OWNER, "GET", f"{REPO}/pulls/{number}").data["head"]["sha"])


def publish(
    client: Client, clock: StillClock, *all_judged: Judged, annotations: int = 200, at: Sequence[int] = ()
) -> Published:
    """`at`: the pull requests that git lists with this head."""
    docket = Docket(REPOSITORY, all_judged[0].asked.head, Settings(annotations=annotations), all_judged)
    return Publisher(client, clock, RUN, lambda _: at).publish(docket)


def comments(hub: Hub, number: int) -> list[tuple[str, str]]:
    found = hub.as_(OWNER, "GET", f"{REPO}/issues/{number}/comments").data
    return [(one["user"]["login"], one["body"]) for one in found]


def checks(hub: Hub) -> list[tuple[str, str]]:
    return [(run["name"], run["conclusion"]) for run in hub.stub.checks.values()]


def test_a_verdict_is_one_check_run_and_one_comment(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    one = judged(hub, number, BLOCKED)
    found = publish(client, clock, one)
    assert found.verdict == "block"
    (check,) = found.checks
    assert (check.name, check.conclusion, check.app_id, check.head_sha) == (
        "smokegate",
        "failure",
        APP_ID,
        one.asked.head,
    )
    bound = binding.read(check.external_id)
    assert bound is not None
    assert (bound.pr, bound.base, bound.head) == (number, one.base_tip, one.asked.head)
    ((author, body),) = comments(hub, number)
    assert author == BOT and "BLOCK" in body and "SG202" in body
    assert len(hub.stub.annotations[check.id]) == 1


def asked_for(hub: Hub, act: Callable[[], object]) -> list[str]:
    hub.asked.clear()
    act()
    return [f"{asked.verb} {asked.path.rpartition('/')[2]}" for asked in hub.asked]


OF_THE_APP = ["GET installation", "POST access_tokens"]


def test_with_an_app_it_takes_five_requests_and_one_for_each_further_page(
    hub: Hub, client_of: ClientOf, clock: StillClock
) -> None:
    """The sixth of a verdict is the one by which the job that judges learns where the head wants to go."""
    number = open_pull(hub)
    one = judged(hub, number, BLOCKED)
    first = asked_for(hub, lambda: publish(client_of(), clock, one))
    assert first == [*OF_THE_APP, "GET comments", "POST comments", "POST check-runs"]
    moved = commit(hub, "topic", "more of it")
    second = asked_for(hub, lambda: publish(client_of(), clock, judged(hub, number, PASSED)))
    comment = str(hub.as_(OWNER, "GET", f"{REPO}/issues/{number}/comments").data[0]["id"])
    assert second == [*OF_THE_APP, "GET comments", f"PATCH {comment}", "POST check-runs"]
    again = asked_for(hub, lambda: publish(client_of(), clock, judged(hub, number, PASSED)))
    assert again == [*OF_THE_APP, "GET comments", "GET check-runs"]
    for cannot in ("a conflict", "another conflict"):
        commit(hub, "topic", cannot)
        conflicting = judged(hub, number, cannot=cannot)
        assert asked_for(hub, partial(publish, client_of(), clock, conflicting)) == second
    commit(hub, "topic", "a great many")
    many = report(Verdict.BLOCK, changes=(CHANGED,), findings=tuple(finding(line=at + 1) for at in range(160)))
    pages = asked_for(hub, lambda: publish(client_of(), clock, judged(hub, number, many)))
    (check,) = [run for run in hub.stub.checks.values() if run["head_sha"] == head(hub, number)]
    assert pages == [*second, *[f"PATCH {check['id']}"] * 3] and moved != head(hub, number)
    assert len(hub.stub.annotations[check["id"]]) == 160


@pytest.mark.parametrize("how", ["left", "deleted", "forged"])
def test_green_never_comes_over_what_another_pull_request_on_the_head_was_told(
    how: str, hub: Hub, client: Client, clock: StillClock
) -> None:
    """It was opened after the one was judged. What our comment says whoever may write may change."""
    number = open_pull(hub)
    alone = judged(hub, number, PASSED)
    hub.as_("writer", "POST", f"{REPO}/git/refs", {"ref": "refs/heads/release", "sha": tip(hub)})
    fields = {"title": "The same", "head": "topic", "base": "release", "body": ""}
    other = hub.as_("writer", "POST", f"{REPO}/pulls", fields).data["number"]
    both = replace(alone, asked=replace(alone.asked, number=other, base_ref="release"), parts=(Part(BLOCKED),))
    publish(client, clock, alone, both, at=(number, other))
    (said,) = hub.as_(OWNER, "GET", f"{REPO}/issues/{number}/comments").data
    state = sticky.read_state(said["body"])
    assert state is not None
    if how == "deleted":
        hub.as_(OWNER, "DELETE", f"{REPO}/issues/comments/{said['id']}")
    elif how == "forged":
        body = said["body"].rpartition("<!-- smokegate:state")[0] + sticky.write_state(replace(state, check="x"))
        hub.as_(OWNER, "PATCH", f"{REPO}/issues/comments/{said['id']}", {"body": body})
    with pytest.raises(UsageError, match=f"#{other} has the head .* was not judged here"):
        publish(client, clock, alone, at=(number, other))
    assert checks(hub) == [("smokegate", "failure")]
    hub.as_("writer", "PATCH", f"{REPO}/pulls/{other}", {"state": "closed"})
    publish(client, clock, alone, at=(number, other))
    assert checks(hub)[-1] == ("smokegate", "success")


def test_the_check_run_does_not_wait_for_every_comment(
    hub: Hub, client: Client, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = judged(hub, open_pull(hub), BLOCKED)
    more = [replace(one, asked=replace(one.asked, number=open_pull(hub, f"b{n}"))) for n in range(7)]
    truly = hub.truly
    at: list[float] = []

    def limited(asked: Request) -> Response:
        if "comments" in asked.path and asked.verb == "POST":
            made = refusal(403, "You have exceeded a secondary rate limit")
            return replace(made, headers={**made.headers, "retry-after": "60"})
        if asked.path.endswith("check-runs") and asked.verb == "POST":
            at.append(sum(clock.slept))
        return truly(asked)

    monkeypatch.setattr(hub, "truly", limited)
    with pytest.raises(GitHubError):
        publish(client, clock, one, *more)
    (waited,) = at
    assert waited <= 180


def test_where_no_registry_is_touched_it_takes_as_many(hub: Hub, client_of: ClientOf, clock: StillClock) -> None:
    one = judged(hub, open_pull(hub), report())
    quiet = asked_for(hub, lambda: publish(client_of(), clock, one))
    assert quiet == [*OF_THE_APP, "GET comments", "GET check-runs", "POST check-runs"]
    assert asked_for(hub, lambda: publish(client_of(), clock, one)) == quiet[:-1]


def test_a_head_in_several_pull_requests_takes_two_more_for_each(
    hub: Hub, client_of: ClientOf, clock: StillClock
) -> None:
    numbers = [open_pull(hub), open_pull(hub, "another")]
    one, *_ = ours = [judged(hub, number, BLOCKED) for number in numbers]
    ours = [replace(each, asked=replace(each.asked, head=one.asked.head)) for each in ours]
    told = asked_for(hub, lambda: publish(client_of(), clock, *ours))
    assert told == [*OF_THE_APP, *["GET comments", "POST comments"] * 2, "POST check-runs"]


def test_a_merge_queue_takes_four(hub: Hub, client_of: ClientOf, clock: StillClock) -> None:
    sha = commit(hub, "gh-readonly-queue/main/pr-1-x")
    queued = Judged(Asked(sha, "main", None, tip(hub)), tip(hub), True, (Part(BLOCKED),))
    told = asked_for(hub, lambda: publish(client_of(), clock, queued))
    assert told == [*OF_THE_APP, "GET check-runs", "POST check-runs"]


def test_reviews_take_three_more(hub: Hub, client_of: ClientOf, clock: StillClock) -> None:
    number = open_pull(hub)
    one = judged(hub, number, OWNED, owners=("keeper",))
    told = asked_for(hub, lambda: publish(client_of(), clock, one))
    of_reviews = [f"GET {number}", "GET commits", "GET reviews"]
    assert told == [*OF_THE_APP, *of_reviews, "GET comments", "POST comments", "POST check-runs"]


def test_a_workflows_own_token_takes_two_less(hub: Hub, served: Served, clock: StillClock) -> None:
    client = Client(Reaching(REPOSITORY, Token(TOKENS[ACTIONS], login=ACTIONS), api=served.url), clock=clock)
    one = judged(hub, open_pull(hub), BLOCKED)
    told = asked_for(hub, lambda: publish(client, clock, one))
    assert told == ["GET comments", "POST comments", "POST check-runs"]


def test_annotations_are_capped_by_the_policy(hub: Hub, client: Client, clock: StillClock) -> None:
    many = report(Verdict.BLOCK, changes=(CHANGED,), findings=tuple(finding(line=at + 1) for at in range(160)))
    found = publish(client, clock, judged(hub, open_pull(hub), many), annotations=60)
    assert len(hub.stub.annotations[found.checks[0].id]) == 60


def test_a_pull_request_that_touches_no_registry_gets_a_quiet_success(
    hub: Hub, client: Client, clock: StillClock
) -> None:
    number = open_pull(hub)
    found = publish(client, clock, judged(hub, number, report()))
    assert checks(hub) == [("smokegate", "success")] and found.verdict == "pass"
    assert comments(hub, number) == []


def test_one_that_no_longer_touches_any_has_its_comment_brought_up_to_date(
    hub: Hub, client: Client, clock: StillClock
) -> None:
    number = open_pull(hub)
    publish(client, clock, judged(hub, number, BLOCKED))
    commit(hub, "topic", "taken back")
    publish(client, clock, judged(hub, number, report()))
    ((_, body),) = comments(hub, number)
    assert "PASS" in body and "1 finding is gone" in body


def test_the_same_delivery_three_times_is_one_of_each(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    one = judged(hub, number, BLOCKED)
    for _ in range(3):
        publish(client, clock, one)
    assert len(comments(hub, number)) == len(checks(hub)) == 1


def test_a_new_head_is_a_new_check_run_in_the_same_comment(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    publish(client, clock, judged(hub, number, BLOCKED))
    moved = commit(hub, "topic", "mended")
    publish(client, clock, judged(hub, number, PASSED))
    assert checks(hub) == [("smokegate", "failure"), ("smokegate", "success")]
    ((_, body),) = comments(hub, number)
    assert "BLOCK → PASS" in body and moved[:12] in body


def test_somebody_elses_marker_is_not_ours(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    forged = "✅ **PASS**\n\n<!-- smokegate:verdict registry=model/tiny/registry.json -->"
    hub.as_("stranger", "POST", f"{REPO}/issues/{number}/comments", {"body": forged})
    publish(client, clock, judged(hub, number, BLOCKED))
    assert [author for author, _ in comments(hub, number)] == ["stranger", BOT]
    assert comments(hub, number)[0][1] == forged


def test_a_check_run_of_our_name_by_another_app_is_not_ours(
    hub: Hub, client: Client, client_of: ClientOf, clock: StillClock
) -> None:
    number = open_pull(hub)
    one = judged(hub, number, BLOCKED)
    publish(client, clock, one)
    mine = next(iter(hub.stub.checks.values()))
    hub.stub.checks.clear()
    fields = {"name": "smokegate", "head_sha": one.asked.head, "external_id": mine["external_id"]}
    client_of(ACTIONS).create_check_run({**fields, "status": "completed", "conclusion": "failure"})
    publish(client, clock, one)
    assert [run["app"]["id"] for run in hub.stub.checks.values()][-1] == APP_ID


@pytest.mark.parametrize(
    "fault",
    [Fault.BAD_GATEWAY_AFTER, Fault.RESET_AFTER, Fault.TRUNCATED, Fault.UNAVAILABLE_BEFORE, Fault.SECONDARY_LIMIT],
)
def test_whatever_goes_wrong_nothing_is_doubled(fault: Fault, hub: Hub, client: Client, clock: StillClock) -> None:
    """Each request in turn meets the fault."""
    number = open_pull(hub)
    many = report(Verdict.BLOCK, changes=(CHANGED,), findings=tuple(finding(line=at + 1) for at in range(120)))
    client.viewer()
    for at in range(6):
        commit(hub, "topic", f"{fault} {at}")
        one = judged(hub, number, many)
        hub.plan.script = [*[None] * at, fault]
        found = publish(client, clock, one)
        assert not hub.plan.script or at > 4
        hub.plan.script = []
        mine = [run for run in hub.stub.checks.values() if run["head_sha"] == one.asked.head]
        assert len(mine) == 1 and len(hub.stub.annotations[mine[0]["id"]]) == 120, (at, found)
        assert len(comments(hub, number)) == 1


class Killed(BaseException):
    """As a runner that is gone: nothing is caught, nothing is tidied up."""


class Mortal(HttpWire):
    """Dies before a request is sent, or once it is answered."""

    def __init__(self, left: int, *, sent: bool) -> None:
        super().__init__()
        self.left, self.sent = left, sent

    def exchange(self, sent: Sent, *, limit: int | None = None) -> Received:
        self.left -= 1
        if self.left == 0 and not self.sent:
            raise Killed
        received = super().exchange(sent, limit=limit)
        if self.left == 0:
            raise Killed
        return received


@pytest.mark.parametrize("sent", [False, True])
def test_killed_anywhere_it_is_finished_by_the_next_delivery(
    sent: bool, hub: Hub, served: Served, client: Client, clock: StillClock
) -> None:
    many = report(Verdict.BLOCK, changes=(CHANGED,), findings=tuple(finding(line=at + 1) for at in range(120)))
    number = open_pull(hub)
    died = 0
    for at in range(1, 7):
        commit(hub, "topic", f"{sent} {at}")
        one = judged(hub, number, many)
        token = Token(TOKENS[ACTIONS], login=ACTIONS)
        mortal = Client(Reaching(REPOSITORY, token, api=served.url), wire=Mortal(at, sent=sent), clock=clock)
        try:
            publish(mortal, clock, one)
        except Killed:
            died += 1
        publish(Client(Reaching(REPOSITORY, token, api=served.url), clock=clock), clock, one)
        (mine,) = [run for run in hub.stub.checks.values() if run["head_sha"] == one.asked.head]
        assert len(hub.stub.annotations[mine["id"]]) == 120, at
        assert len(comments(hub, number)) == 1
    assert died == 5


def test_a_comment_that_is_deleted_under_us_is_written_again(
    hub: Hub, client: Client, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = open_pull(hub)
    publish(client, clock, judged(hub, number, BLOCKED))
    listed = client.comments

    def then_gone(issue: int) -> tuple[Comment, ...]:
        found = listed(issue)
        for one in found:
            hub.as_(OWNER, "DELETE", f"{REPO}/issues/comments/{one.id}")
        return found

    monkeypatch.setattr(client, "comments", then_gone)
    commit(hub, "topic", "more")
    publish(client, clock, judged(hub, number, PASSED))
    ((_, body),) = comments(hub, number)
    assert "PASS" in body


@pytest.mark.parametrize("verb", ["POST", "PATCH", "GET"])
def test_a_conversation_that_takes_no_comment_gets_its_check_run(
    verb: str, hub: Hub, client: Client, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locked, say. The check run is what counts; that the comment is missing is said, and ends with exit code 2."""
    number = open_pull(hub)
    if verb == "PATCH":
        publish(client, clock, judged(hub, number, BLOCKED))
        commit(hub, "topic", "more")
    truly = hub.truly

    def locked(asked: Request) -> Response:
        if asked.verb == verb and "comments" in asked.path:
            return refusal(403, "Unable to create comment because issue is locked.")
        return truly(asked)

    monkeypatch.setattr(hub, "truly", locked)
    one = judged(hub, number, PASSED)
    for _ in range(2):
        with pytest.raises(GitHubError, match="issue is locked"):
            publish(client, clock, one)
    assert [run["conclusion"] for run in hub.stub.checks.values() if run["head_sha"] == one.asked.head] == ["success"]


def test_a_verdict_that_knows_nothing_of_another_pull_request_on_the_head_hides_none(
    hub: Hub, client: Client, clock: StillClock
) -> None:
    """Judged before the other one was opened, and published after its verdict."""
    number = open_pull(hub)
    alone = judged(hub, number, PASSED)
    hub.as_("writer", "POST", f"{REPO}/git/refs", {"ref": "refs/heads/release", "sha": tip(hub)})
    fields = {"title": "The same", "head": "topic", "base": "release", "body": ""}
    other = hub.as_("writer", "POST", f"{REPO}/pulls", fields).data["number"]
    both = replace(alone, asked=replace(alone.asked, number=other, base_ref="release"), parts=(Part(BLOCKED),))
    publish(client, clock, alone, both)
    quiet = replace(alone, parts=(Part(report()),))
    for late in (alone, quiet):
        with pytest.raises(UsageError, match=f"#{other} has the head"):
            publish(client, clock, late)
    said = hub.as_(OWNER, "GET", f"{REPO}/issues/{number}/comments").data
    hub.as_(OWNER, "DELETE", f"{REPO}/issues/comments/{said[0]['id']}")
    with pytest.raises(UsageError, match=f"#{other} has the head"):
        publish(client, clock, quiet)
    assert checks(hub) == [("smokegate", "failure")]
    client.create_comment(number, said[0]["body"])
    hub.as_("writer", "PATCH", f"{REPO}/pulls/{other}", {"state": "closed"})
    publish(client, clock, alone)
    assert checks(hub) == [("smokegate", "failure"), ("smokegate", "success")]


def test_the_same_verdict_once_more_does_not_take_away_what_had_changed(
    hub: Hub, client: Client, clock: StillClock
) -> None:
    number = open_pull(hub)
    publish(client, clock, judged(hub, number, BLOCKED))
    commit(hub, "topic", "mended")
    for _ in range(2):
        publish(client, clock, judged(hub, number, PASSED))
        ((_, body),) = comments(hub, number)
        assert "BLOCK → PASS" in body


def test_comments_of_ours_that_are_too_many_are_taken_away(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    publish(client, clock, judged(hub, number, BLOCKED))
    client.create_comment(number, comments(hub, number)[0][1])
    commit(hub, "topic", "more")
    publish(client, clock, judged(hub, number, PASSED))
    assert len(comments(hub, number)) == 1


# -- bases -------------------------------------------------------------------------------------------------------------


def test_an_unprotected_base_does_not_get_the_name_that_counts(hub: Hub, client: Client, clock: StillClock) -> None:
    """A pull request made green against a lax side branch and then retargeted has no green check of that name."""
    publish(client, clock, judged(hub, open_pull(hub), PASSED, protected=False))
    assert checks(hub) == [(f"smokegate{ASIDE}", "success")]


def test_one_head_in_several_pull_requests_shows_the_worst(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    one = judged(hub, number, PASSED)
    other = replace(one, asked=replace(one.asked, number=number, base_ref="release"), parts=(Part(BLOCKED),))
    found = publish(client, clock, one, other)
    assert checks(hub) == [("smokegate", "failure")] and found.verdict == "block"
    summary = next(iter(hub.stub.checks.values()))["output"]["summary"]
    assert "several pull requests" in summary and "`release`" in summary


def test_what_cannot_be_judged_is_not_green_and_says_why(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    why = "it does not merge: conflicts in x @everyone\n  fix: merge main into it"
    found = publish(client, clock, judged(hub, number, cannot=why))
    assert checks(hub) == [("smokegate", "failure")] and found.verdict == "cannot-judge"
    ((_, body),) = comments(hub, number)
    assert "CANNOT BE JUDGED" in body and "merge main into it" in body and "`@everyone`" in body
    commit(hub, "topic", "merged")
    publish(client, clock, judged(hub, number, PASSED))
    ((_, body),) = comments(hub, number)
    assert "CANNOT BE JUDGED → PASS" in body and "finding" not in body.partition("→ PASS")[2].partition("\n")[0]


def test_a_merge_queue_gets_a_check_run_and_no_comment(hub: Hub, client: Client, clock: StillClock) -> None:
    sha = commit(hub, "gh-readonly-queue/main/pr-1-x")
    queued = Judged(Asked(sha, "main", None, tip(hub)), tip(hub), True, (Part(BLOCKED),))
    publish(client, clock, queued)
    assert checks(hub) == [("smokegate", "failure")]
    assert not [asked for asked in hub.asked if "comments" in asked.path]


def test_a_verdict_about_another_repository_is_not_published(hub: Hub, client: Client, clock: StillClock) -> None:
    one = judged(hub, open_pull(hub), PASSED)
    with pytest.raises(UsageError, match="about other/models"):
        Publisher(client, clock, RUN, lambda _: ()).publish(Docket("other/models", one.asked.head, Settings(), (one,)))
    assert checks(hub) == []


def test_without_an_app_the_verdict_is_advisory_and_says_so(hub: Hub, client_of: ClientOf, clock: StillClock) -> None:
    number = open_pull(hub)
    publish(client_of(ACTIONS), clock, judged(hub, number, PASSED))
    ((author, body),) = comments(hub, number)
    assert author == ACTIONS and "**Advisory**" in body
    assert "**Advisory**" in next(iter(hub.stub.checks.values()))["output"]["summary"]


# -- approvals ---------------------------------------------------------------------------------------------------------


def approve(hub: Hub, number: int, login: str, event: str = "APPROVE") -> None:
    hub.as_(login, "POST", f"{REPO}/pulls/{number}/reviews", {"event": event, "body": "so be it"})


def test_an_owner_lifts_what_only_an_owner_can(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    one = judged(hub, number, OWNED, owners=("keeper",))
    assert publish(client, clock, one).verdict == "needs-owner"
    approve(hub, number, "keeper")
    assert publish(client, clock, one).verdict == "pass"
    assert checks(hub) == [("smokegate", "action_required"), ("smokegate", "success")]
    ((_, body),) = comments(hub, number)
    assert "Approved** by `keeper`" in body


def test_an_owners_word_goes_along_into_the_queue(hub: Hub, client: Client, clock: StillClock) -> None:
    """As long as the group is the merge of what was approved."""
    number = open_pull(hub)
    approved = head(hub, number)
    approve(hub, number, "keeper")
    sha = commit(hub, f"gh-readonly-queue/main/pr-{number}-x")
    asked = Asked(sha, "main", None, tip(hub), number)
    group = Judged(asked, tip(hub), True, (Part(OWNED, ("keeper",)),))
    assert publish(client, clock, group).verdict == "needs-owner"
    assert publish(client, clock, replace(group, queued_head="e" * 40)).verdict == "needs-owner"
    assert publish(client, clock, replace(group, queued_head=approved)).verdict == "pass"
    assert comments(hub, number) == []
    assert checks(hub)[-1] == ("smokegate", "success")


@pytest.mark.parametrize("who", ["writer", "boss", "stranger"])
def test_nobody_else_does(who: str, hub: Hub, client: Client, clock: StillClock) -> None:
    """`writer` wrote it: an approval of one's own policy is none."""
    number = open_pull(hub)
    approve(hub, number, who) if who != "writer" else None
    found = publish(client, clock, judged(hub, number, OWNED, owners=("keeper", "writer")))
    assert found.verdict == "needs-owner"
    assert "Still missing" in comments(hub, number)[0][1]


def test_an_approval_of_an_older_head_is_none(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    approve(hub, number, "keeper")
    commit(hub, "topic", "and one more thing")
    assert publish(client, clock, judged(hub, number, OWNED, owners=("keeper",))).verdict == "needs-owner"


def test_an_owner_lifts_nothing_else(hub: Hub, client: Client, clock: StillClock) -> None:
    number = open_pull(hub)
    both = report(Verdict.BLOCK, changes=(CHANGED,), findings=(finding("SG701"), finding()))
    approve(hub, number, "keeper")
    assert publish(client, clock, judged(hub, number, both, owners=("keeper",))).verdict == "block"


def test_who_asked_for_a_flip_does_not_vouch_for_it(hub: Hub, client: Client, clock: StillClock) -> None:
    """The bot opened it, so GitHub would count the approval of whoever told it to."""
    commit(hub, "flip", login="writer")
    number = client.create_pull(title="Flip", body="", head="flip", base="main").number
    one = judged(hub, number, report(changes=(FLIPPED,)))
    one = replace(one, parts=(Part(one.reports[0], asked_by=("keeper",)),))
    approve(hub, number, "keeper")
    assert publish(client, clock, one).verdict == "needs-owner"
    assert "Another pair of eyes" in comments(hub, number)[0][1]
    approve(hub, number, "boss")
    assert publish(client, clock, one).verdict == "pass"


def test_a_readers_approval_of_a_flip_is_none(hub: Hub, client: Client, clock: StillClock) -> None:
    commit(hub, "flip", login="writer")
    number = client.create_pull(title="Flip", body="", head="flip", base="main").number
    one = judged(hub, number, report(changes=(FLIPPED,)))
    approve(hub, number, "reader")
    assert publish(client, clock, one).verdict == "needs-owner"


@pytest.mark.parametrize("edited", [False, True])
def test_an_approval_that_is_taken_back_takes_the_green_back(
    edited: bool, hub: Hub, client: Client, clock: StillClock
) -> None:
    """What was said of this head before does not pass for what is to be said now, also where a maintainer took the
    hidden line out of the comment."""
    number = open_pull(hub)
    one = judged(hub, number, OWNED, owners=("keeper",))
    for event in ("COMMENT", "APPROVE", "REQUEST_CHANGES", "APPROVE", "REQUEST_CHANGES"):
        approve(hub, number, "keeper", event)
        if edited and comments(hub, number):
            (said,) = client.comments(number)
            client.update_comment(said.id, said.body.rpartition("<!-- smokegate:state")[0])
        found = publish(client, clock, one)
        assert found.verdict == ("pass" if event == "APPROVE" else "needs-owner")
        newest = max(hub.stub.checks)
        assert hub.stub.checks[newest]["conclusion"] == ("success" if event == "APPROVE" else "action_required")
    assert len(hub.stub.checks) == 5 and len(comments(hub, number)) == 1


def test_a_thousand_owners_do_not_keep_the_verdict_from_being_published(
    hub: Hub, client: Client, clock: StillClock
) -> None:
    number = open_pull(hub)
    owners = tuple(f"owner-{at:05}" for at in range(5_000))
    parts = tuple(Part(replace(OWNED, registry=f"{at}/registry.json"), owners) for at in range(60))
    publish(client, clock, judged(hub, number, parts=parts))
    ((_, body),) = comments(hub, number)
    summary = next(iter(hub.stub.checks.values()))["output"]["summary"]
    assert "Still missing" in body and max(len(body.encode()), len(summary.encode())) <= 65_535


@pytest.mark.parametrize("status", [403, 404])
def test_a_team_that_cannot_be_asked_about_is_said(
    status: int, hub: Hub, client: Client, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An App without Members: read. A verdict there is all the same."""
    number = open_pull(hub)
    approve(hub, number, "keeper")
    truly = hub.truly
    monkeypatch.setattr(
        hub, "truly", lambda asked: refusal(status, "No.") if asked.path.startswith("/orgs/") else truly(asked)
    )
    assert publish(client, clock, judged(hub, number, OWNED, owners=("guild/members",))).verdict == "needs-owner"
    ((_, body),) = comments(hub, number)
    assert ("the App needs Members: read" in body) is (status == 403)
