"""The client against GitHub's emulator: every row of the table, each request held to GitHub's description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from github_side.conftest import ClientOf
from github_side.emulator import ACTIONS, APP_ID, BOT, REPOSITORY, TOKENS
from github_side.exchange import Request, Response, answer
from github_side.hub import Hub, Served
from github_side.openapi import description
from github_side.stub import ACTIONS_APP
from github_side.world import REPO, commit, fork, open_pull, tip
from smokegate.errors import UsageError
from smokegate.github.api.client import Client, api_url
from smokegate.github.api.credentials import Token
from smokegate.github.api.faults import CredentialsError, GitHubError, NotFound
from smokegate.github.api.port import GitHub, Signature, TreeEntry, User, Viewer
from smokegate.github.api.requests import GRAPHQL, TABLE
from smokegate.github.api.sending import Settings

ZIP = b"PK\x05\x06" + b"\0" * 18
NOBODY = "0" * 40


def test_the_app_is_who_it_says(client: Client) -> None:
    assert client.viewer() == Viewer(BOT, APP_ID)
    found = client.repository()
    assert (found.name, found.default_branch, found.private, found.fork) == (REPOSITORY, "main", False, False)
    assert client.repository_name == REPOSITORY


def test_a_token_is_asked_whose_it_is_and_once(client_of: ClientOf, hub: Hub) -> None:
    client = client_of(ACTIONS)
    assert client.viewer() == client.viewer() == Viewer(ACTIONS)
    assert [one.path for one in hub.asked] == [GRAPHQL]


def test_a_token_whose_login_is_known_is_not_asked(served: Served) -> None:
    client = Client(Settings(REPOSITORY, Token(TOKENS[ACTIONS], login=ACTIONS), api=served.url))
    assert client.viewer() == Viewer(ACTIONS)
    assert served.hub.asked == []


def test_a_pull_request_follows_its_branch(client: Client, hub: Hub) -> None:
    number = open_pull(hub)
    first = client.pull(number)
    assert (first.number, first.state, first.merged, first.draft) == (number, "open", False, False)
    assert (first.head_ref, first.base_ref, first.head_repository) == ("topic", "main", REPOSITORY)
    assert (first.title, first.body, first.author.login) == ("About topic", "It is time.", "writer")
    assert (first.base_sha, first.commits) == (tip(hub), 1)
    moved = commit(hub, "topic", "y")
    assert client.pull(number).head_sha == moved != first.head_sha
    assert client.pull(number).commits == 2
    assert [pull.head_sha for pull in client.pulls_of_head("acme", "topic")] == [moved]
    assert client.pulls_of_head("acme", "other") == ()
    commits = client.pull_commits(number)
    assert [one.sha for one in commits] == [first.head_sha, moved]
    assert commits[1].parents == (first.head_sha,)
    assert commits[0].message == "x"


def test_a_pull_request_from_a_fork_is_found_by_owner_and_branch(client: Client, hub: Hub) -> None:
    theirs = fork(hub)
    sha = commit(hub, "patch", login="forker", repository=theirs)
    fields = {"title": "t", "head": "forker:patch", "base": "main"}
    number = hub.as_("boss", "POST", f"{REPO}/pulls", fields).data["number"]
    found = client.pulls_of_head("forker", "patch")
    assert [(pull.number, pull.head_sha, pull.head_repository) for pull in found] == [(number, sha, theirs)]
    assert client.pulls_of_head("acme", "patch") == ()


def test_pull_requests_are_opened_and_changed(client: Client, hub: Hub) -> None:
    commit(hub, "flip")
    made = client.create_pull(title="Flip", body="why", head="flip", base="main")
    assert (made.author, made.draft) == (User(BOT, made.author.id, bot=True), False)
    changed = client.update_pull(made.number, title="Flip it", body="better", state="closed")
    assert (changed.title, changed.body, changed.state, changed.merged) == ("Flip it", "better", "closed", False)
    assert client.pulls_of_head("acme", "flip") == ()


def test_reviews(client: Client, hub: Hub) -> None:
    number = open_pull(hub)
    hub.as_("keeper", "POST", f"{REPO}/pulls/{number}/reviews", {"event": "APPROVE", "body": "ok"})
    (review,) = client.reviews(number)
    assert (review.author.login, review.state, review.commit_sha) == (
        "keeper",
        "APPROVED",
        client.pull(number).head_sha,
    )


def test_comments_are_made_changed_and_deleted(client: Client, hub: Hub) -> None:
    number = open_pull(hub)
    made = client.create_comment(number, "hello @everyone")
    assert (made.author.login, made.author.bot, made.body) == (BOT, True, "hello @everyone")
    hub.as_("stranger", "POST", f"{REPO}/issues/{number}/comments", {"body": "/promote"})
    changed = client.update_comment(made.id, "bye")
    assert changed is not None
    assert changed.body == "bye"
    assert [(one.author.login, one.body) for one in client.comments(number)] == [(BOT, "bye"), ("stranger", "/promote")]
    assert client.comment(made.id) == client.comments(number)[0]
    client.delete_comment(made.id)
    client.delete_comment(made.id)
    assert client.comment(made.id) is None
    assert client.update_comment(made.id, "again") is None
    assert len(client.comments(number)) == 1


def test_a_long_list_comes_whole_and_in_order(client: Client, hub: Hub) -> None:
    number = open_pull(hub)
    for n in range(205):
        hub.as_("writer", "POST", f"{REPO}/issues/{number}/comments", {"body": str(n)})
    before = len(hub.asked)
    assert [one.body for one in client.comments(number)] == [str(n) for n in range(205)]
    assert [one.query.get("page", "1") for one in hub.asked[before:] if "comments" in one.path] == ["1", "3", "2", "1"]


def test_reactions(client: Client, hub: Hub) -> None:
    made = client.create_comment(open_pull(hub), "x")
    client.react(made.id, "eyes")
    client.react(made.id, "eyes")
    assert hub.stub.reactions == [(made.id, "eyes", BOT)]
    with pytest.raises(NotFound, match=r"POST .*/reactions"):
        client.react(made.id + 1, "eyes")


def test_roles_are_told_apart(client: Client) -> None:
    told = {login: client.permission(login) for login in ("reader", "triager", "writer", "keeper", "boss", "stranger")}
    assert told == {
        "reader": "read",
        "triager": "triage",
        "writer": "write",
        "keeper": "maintain",
        "boss": "admin",
        "stranger": "none",
    }
    assert client.permission("nobody-at-all") == "none"


def test_teams(client_of: ClientOf) -> None:
    client = client_of("keeper")
    assert client.team_member("guild", "members", "keeper")
    assert not client.team_member("guild", "members", "reader")
    assert not client.team_member("guild", "nobodies", "keeper")


def test_check_runs_are_ours_alone(client: Client, client_of: ClientOf, hub: Hub) -> None:
    sha = commit(hub, "topic")
    fields = {"name": "smokegate", "head_sha": sha, "status": "completed", "conclusion": "success"}
    ours = client.create_check_run({**fields, "external_id": "smokegate:v1:x"})
    forged = client_of(ACTIONS).create_check_run(fields)
    assert (ours.app_id, ours.external_id, forged.app_id) == (APP_ID, "smokegate:v1:x", ACTIONS_APP)
    assert client.check_runs(sha, name="smokegate", app_id=APP_ID) == (ours,)
    assert {run.id for run in client.check_runs(sha, name="smokegate")} == {ours.id, forged.id}
    assert client.check_runs(sha, name="other") == ()
    assert client.check_runs(NOBODY, name="smokegate") == ()


def test_check_runs_come_newest_first_however_they_are_listed(client: Client, hub: Hub) -> None:
    sha = commit(hub, "topic")
    fields = {"name": "smokegate", "head_sha": sha, "status": "completed"}
    made = [client.create_check_run({**fields, "conclusion": one}) for one in ("success", "failure", "success")]
    for _ in range(2):
        hub.stub.checks = dict(reversed(hub.stub.checks.items()))
        assert client.check_runs(sha, name="smokegate") == tuple(reversed(made))


def test_annotations_gather(client: Client, hub: Hub) -> None:
    sha = commit(hub, "topic")
    one = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [one] * 50}
    run = client.create_check_run({"name": "smokegate", "head_sha": sha, "output": output})
    assert run.annotations == 50
    more = client.update_check_run(run.id, {"output": {**output, "annotations": [one]}, "conclusion": "failure"})
    assert (more.annotations, more.conclusion, more.status) == (51, "failure", "completed")


def test_a_dispatch_names_its_run(client: Client, hub: Hub) -> None:
    run_id = client.dispatch("gpu-harness.yml", "main", {"nonce": "n1", "request": "{}"})
    assert run_id is not None
    assert hub.stub.dispatches[0].inputs == {"nonce": "n1", "request": "{}"}
    run = client.run(run_id)
    assert (run.status, run.conclusion, run.event, run.title) == (
        "queued",
        None,
        "workflow_dispatch",
        "smokegate n1",
    )
    assert (run.path, run.head_branch, run.head_sha) == (".github/workflows/gpu-harness.yml", "main", tip(hub))
    (job,) = client.jobs(run_id)
    assert (job.status, job.runner, job.started_at is None) == ("queued", None, False)
    hub.stub.start(run_id, "gpu-7")
    assert client.jobs(run_id)[0].runner == "gpu-7"
    assert client.cancel_run(run_id)
    assert client.run(run_id).conclusion == "cancelled"
    assert not client.cancel_run(run_id)


def test_an_older_server_names_no_run_and_the_nonce_finds_it(client: Client, hub: Hub) -> None:
    hub.stub.says_run_ids = False
    assert client.dispatch("gpu-harness.yml", "main", {"nonce": "n2"}) is None
    found = client.workflow_runs("gpu-harness.yml", event="workflow_dispatch", created_since="2026-01-01T00:00:00Z")
    assert [run.title for run in found] == ["smokegate n2"]
    assert client.workflow_runs("gpu-harness.yml", event="schedule", created_since="2026-01-01T00:00:00Z") == ()


def test_a_workflow_that_is_not_there(client: Client) -> None:
    with pytest.raises(NotFound, match=r"404 to POST .*/nope.yml/dispatches") as caught:
        client.dispatch("nope.yml", "main", {})
    assert "actions: write" in (caught.value.fix or "")


def test_artifacts_are_fetched_elsewhere_without_the_token(client: Client, served: Served) -> None:
    hub = served.hub
    run_id = client.dispatch("gpu-harness.yml", "main", {})
    assert run_id is not None
    number = hub.stub.upload(run_id, "evidence", ZIP)
    hub.stub.upload(run_id, "logs", ZIP)
    (artifact,) = client.artifacts(run_id, name="evidence")
    assert (artifact.id, artifact.size, artifact.expired, artifact.run_id) == (number, len(ZIP), False, run_id)
    assert {one.name for one in client.artifacts(run_id)} == {"evidence", "logs"}
    assert client.download_artifact(number, limit=1000) == ZIP
    (download,) = served.downloads
    assert "authorization" not in download.headers
    assert download.query["sig"] == "as-good-as-a-password"


def test_an_artifact_of_a_renamed_repository(client: Client, served: Served) -> None:
    """The first redirect stays with the API and takes the token along; the second leaves it, and does not."""
    hub = served.hub
    run_id = client.dispatch("gpu-harness.yml", "main", {})
    assert run_id is not None
    number = hub.stub.upload(run_id, "evidence", ZIP)
    path = f"{REPO}/actions/artifacts/{number}/zip"
    hub.moved = {path: f"{path}?renamed=1"}
    with pytest.raises(GitHubError, match="redirects more than 3 times"):
        client.download_artifact(number, limit=1000)
    hub.moved = {f"/repos/acme/old/actions/artifacts/{number}/zip": path}
    old = Client(Settings("acme/old", Token(TOKENS["writer"]), api=served.url))
    assert old.download_artifact(number, limit=1000) == ZIP
    assert hub.asked[-1].token == TOKENS["writer"]
    assert ["authorization" in one.headers for one in served.downloads] == [False]


def test_an_artifact_beyond_the_limit_is_refused(client: Client, hub: Hub) -> None:
    run_id = client.dispatch("gpu-harness.yml", "main", {})
    assert run_id is not None
    number = hub.stub.upload(run_id, "evidence", b"x" * 2_000_000)
    with pytest.raises(GitHubError, match="longer than 1,000,000 bytes") as caught:
        client.download_artifact(number, limit=1_000_000)
    assert "password" not in str(caught.value)
    assert len(client.download_artifact(number, limit=2_000_000)) == 2_000_000


def test_an_artifact_that_expired(client: Client, hub: Hub) -> None:
    run_id = client.dispatch("gpu-harness.yml", "main", {})
    assert run_id is not None
    number = hub.stub.upload(run_id, "evidence", ZIP, expired=True)
    assert client.artifacts(run_id)[0].expired
    with pytest.raises(NotFound, match=r"410 to GET .*Artifact has expired"):
        client.download_artifact(number, limit=1000)


def test_refs_are_locks(client: Client, hub: Hub) -> None:
    name = "refs/smokegate/locks/abc/entry"
    base = tip(hub)
    assert client.ref(name) is None
    assert client.create_ref(name, base)
    assert not client.create_ref(name, base)
    found = client.ref(name)
    assert found is not None
    assert (found.name, found.sha, found.kind) == (name, base, "commit")
    assert client.matching_refs("refs/smokegate/locks/") == (found,)
    # GitHub answers with a ref whose name begins so, where older servers have none of that name.
    assert client.ref("refs/smokegate/locks/abc") is None
    assert client.delete_ref(name)
    assert not client.delete_ref(name)
    with pytest.raises(GitHubError, match="422 to POST"):
        client.create_ref(name, NOBODY)


def test_a_ref_moves_forward_or_by_force(client: Client, hub: Hub) -> None:
    commit(hub, "topic")
    other = client.create_commit(message="aside", tree=client.get_commit(tip(hub)).tree, parents=[tip(hub)])
    assert not client.update_ref("refs/heads/topic", other.sha)
    assert client.update_ref("refs/heads/topic", other.sha, force=True)
    assert tip(hub, "topic") == other.sha
    assert not client.update_ref("refs/heads/nope", other.sha)


def test_commits_are_made_of_blobs_and_trees(client: Client, hub: Hub) -> None:
    base = client.get_commit(tip(hub))
    blob = client.create_blob(b"\x00binary\xff")
    assert blob == client.create_blob(b"\x00binary\xff")
    tree = client.create_tree([TreeEntry("model/tiny/a.onnx", blob)], base=base.tree)
    who = Signature("smokegate", "smokegate@example.invalid", "2026-01-02T03:04:05Z")
    made = client.create_commit(message="Flip", tree=tree, parents=[base.sha], author=who)
    assert client.get_commit(made.sha) == made
    assert (made.tree, made.parents, made.message, made.author) == (tree, (base.sha,), "Flip", who)
    with_one = client.create_tree([TreeEntry("a.onnx", blob)], base=base.tree)
    assert client.create_tree([TreeEntry("a.onnx", None)], base=with_one) == base.tree != with_one


def test_issues(client: Client, hub: Hub) -> None:
    open_pull(hub)
    hub.as_("acme", "POST", f"{REPO}/labels", {"name": "smokegate-coverage"})
    made = client.create_issue(title="Coverage fell", body="from 1 to 0", labels=["smokegate-coverage"])
    assert (made.title, made.body, made.labels, made.state) == (
        "Coverage fell",
        "from 1 to 0",
        ("smokegate-coverage",),
        "open",
    )
    assert client.issues(labels=["smokegate-coverage"], creator=BOT) == (made,)
    assert client.issues(creator="stranger") == ()
    assert client.update_issue(made.number, body="mended", state="closed").state == "closed"
    assert client.issues() == ()


def test_a_pull_request_is_no_issue(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub lists them among the issues; the emulator does not."""
    made = client.create_issue(title="t", body="b")
    issue = hub.as_("writer", "GET", f"{REPO}/issues/{made.number}").data
    pull = {**issue, "id": 77, "number": 77, "pull_request": {"url": "x"}}
    monkeypatch.setattr(hub, "truly", lambda _: answer(200, [pull, issue]))
    assert client.issues() == (made,)


def test_settings_that_bind(client: Client, hub: Hub) -> None:
    check = {"context": "smokegate", "integration_id": APP_ID}
    parameters = {"required_status_checks": [check], "strict_required_status_checks_policy": True}
    hub.stub.rules["release/1.0"] = [
        {"type": "required_status_checks", "parameters": parameters, "ruleset_id": 5, "ruleset_source": REPOSITORY},
        {"type": "deletion", "ruleset_id": 5, "ruleset_source": REPOSITORY},
    ]
    hub.stub.rulesets = [{"id": 5, "name": "judged", "enforcement": "active"}]
    first, second = client.rules_of_branch("release/1.0")
    assert (first.kind, first.parameters["required_status_checks"], first.ruleset_id) == (
        "required_status_checks",
        [check],
        5,
    )
    assert second.kind == "deletion"
    assert client.rules_of_branch("main") == ()
    assert [(one.id, one.name, one.enforcement) for one in client.rulesets()] == [(5, "judged", "active")]


def test_environments(client: Client, hub: Hub) -> None:
    assert client.environment("gpu") is None
    custom = {"protected_branches": False, "custom_branch_policies": True}
    hub.stub.environments["gpu"] = {"deployment_branch_policy": custom}
    hub.stub.branch_policies["gpu"] = ["main", "release/*"]
    found = client.environment("gpu")
    assert found is not None
    assert (found.name, found.protected_branches, found.custom_branches, found.reviewers) == ("gpu", False, True, 2)
    assert client.deployment_branches("gpu") == ("main", "release/*")
    hub.stub.environments["gpu"] = {"deployment_branch_policy": None, "protection_rules": []}
    open_to_all = client.environment("gpu")
    assert open_to_all is not None
    assert (open_to_all.protected_branches, open_to_all.custom_branches, open_to_all.reviewers) == (False, False, 0)


def test_every_row_is_described_and_was_asked(  # noqa: PLR0915
    client: Client, client_of: ClientOf, hub: Hub
) -> None:
    """Walks the port's every method. A request that is not as GitHub describes it fails this test at its end."""
    number = open_pull(hub)
    sha = tip(hub, "topic")
    client.viewer()
    client_of(ACTIONS).viewer()
    client.repository()
    client.pull(number)
    client.pulls_of_head("acme", "topic")
    client.pull_commits(number)
    client.reviews(number)
    commit(hub, "flip")
    made = client.create_pull(title="t", body="b", head="flip", base="main", draft=True)
    client.update_pull(made.number, title="u", body="c", state="closed")
    comment = client.create_comment(number, "x")
    client.comment(comment.id)
    client.comments(number)
    client.update_comment(comment.id, "y")
    client.react(comment.id, "rocket")
    client.delete_comment(comment.id)
    client.permission("reader")
    client_of("keeper").team_member("guild", "members", "keeper")
    run = client.create_check_run({"name": "n", "head_sha": sha})
    client.update_check_run(run.id, {"conclusion": "neutral"})
    client.check_runs(sha, name="n", app_id=APP_ID)
    run_id = client.dispatch("gpu-harness.yml", "main", {"nonce": "n"})
    assert run_id is not None
    client.workflow_runs("gpu-harness.yml", event="workflow_dispatch", created_since="2026-01-01T00:00:00Z")
    client.run(run_id)
    client.jobs(run_id)
    client.cancel_run(run_id)
    artifact = hub.stub.upload(run_id, "evidence", ZIP)
    client.artifacts(run_id, name="evidence")
    client.download_artifact(artifact, limit=100)
    client.create_ref("refs/smokegate/x", sha)
    client.ref("refs/smokegate/x")
    client.matching_refs("refs/smokegate/")
    client.update_ref("refs/smokegate/x", sha, force=True)
    client.delete_ref("refs/smokegate/x")
    tree = client.create_tree([TreeEntry("a", client.create_blob(b"a"))], base=client.get_commit(sha).tree)
    client.create_commit(message="m", tree=tree, parents=[sha])
    issue = client.create_issue(title="t", body="b", labels=[])
    client.issues(labels=["x"], creator=BOT)
    client.update_issue(issue.number, state="closed")
    client.rules_of_branch("main")
    hub.stub.classic["main"] = {}
    client_of("boss").classic_rule("main")
    client.classic_checks("main")
    client.rulesets()
    client.environment("gpu")
    client.deployment_branches("gpu")

    asked = {
        (found.verb, found.template) for one in hub.asked if (found := description().operation(one.verb, one.path))
    }
    described = {(row.verb, row.path) for row in TABLE.values() if row.path != GRAPHQL}
    # Reached by name here, and as `{archive_format}` there.
    assert described - asked == set()
    assert asked - described == set()
    assert GRAPHQL in {one.path for one in hub.asked}
    methods = {name for name in vars(GitHub) if not name.startswith("_")} - {"repository_name"}
    assert methods == TABLE.keys() - {"installation", "installation_token"}


def test_what_is_not_described_is_noticed() -> None:
    judge = description().faults_of_request
    assert judge("GET", f"{REPO}/pullz", {}, None) == [f"GET {REPO}/pullz is not described"]
    assert judge("GET", f"{REPO}/pulls", {"stat": "open"}, None) == ["query 'stat' is not described"]
    assert judge("GET", f"{REPO}/pulls", {"state": "ajar"}, None) == ["query state='ajar' does not fit"]
    assert judge("POST", f"{REPO}/issues/1/comments", {}, {"body": "x", "bodi": "y"}) == ["body.bodi is not described"]
    assert judge("POST", f"{REPO}/issues/1/comments", {}, {}) == ["body: 'body' is a required property"]
    assert judge("POST", f"{REPO}/issues/1/comments", {}, None) == ["no body"]
    deep = {
        "name": "n",
        "head_sha": "s",
        "output": {"title": "t", "summary": "s", "images": [{"alt": "a", "image_url": "u", "x": 1}]},
    }
    assert judge("POST", f"{REPO}/check-runs", {}, deep) == ["body.output.images[0].x is not described"]
    assert judge("DELETE", f"{REPO}/git/refs/heads/x", {}, {"y": 1}) == ["a body where none is described"]


@pytest.mark.parametrize(
    "repository",
    ["", "acme", "acme/", "/models", "a/b/c", "acme/..", "acme/.", "a b/c", "acme/mo?dels", "acme/m\n", "-a/b"],
)
def test_a_repository_that_is_none(repository: str) -> None:
    with pytest.raises(UsageError, match="not a repository's name"):
        Client(Settings(repository, Token("t")))


@pytest.mark.parametrize(
    ("api", "why"),
    [
        ("http://ghe.example/api/v3", "in the clear"),
        ("ftp://ghe.example", "not an address"),
        ("ghe.example", "not an address"),
        ("https://", "not an address"),
        ("https://user:secret@ghe.example", "not an address"),
        ("https://ghe.example:port/", "not an address"),
        ("https://ghe.example/?x=1", "not an address"),
    ],
)
def test_an_api_that_no_token_should_go_to(api: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        Client(Settings(REPOSITORY, Token("t"), api=api))
    assert "secret" not in str(caught.value)


def test_the_api_is_where_the_workflow_says() -> None:
    assert api_url({}) == api_url({"GITHUB_API_URL": ""}) == "https://api.github.com"
    assert api_url({"GITHUB_API_URL": "https://ghe.example/api/v3/"}) == "https://ghe.example/api/v3"


def test_a_name_cannot_lead_to_another_request(client: Client, hub: Hub) -> None:
    for login in ("", ".", "..", "../../..", "a/../b", "//"):
        with pytest.raises(UsageError):
            client.permission(login)
    with pytest.raises(UsageError):
        client.ref("main")
    assert client.permission("a/b?c#d%2e") == "none"
    assert hub.asked[-1].path == f"{REPO}/collaborators/a%2Fb%3Fc%23d%252e/permission"


def instead(hub: Hub, monkeypatch: pytest.MonkeyPatch, end: str, change: Callable[[Any], object]) -> None:
    """GitHub's true answer to what ends so, made into another."""
    truly = hub.truly

    def changed(asked: Request) -> Response:
        reply = truly(asked)
        return answer(reply.status, change(reply.data)) if asked.path.endswith(end) else reply

    monkeypatch.setattr(hub, "truly", changed)


def test_an_answer_about_another_is_not_taken_for_this_one(
    client: Client, client_of: ClientOf, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, sha = open_pull(hub), tip(hub, "topic")
    instead(hub, monkeypatch, "/ref/heads/main", lambda ref: {**ref, "ref": "refs/heads/main-2"})
    assert client.ref("refs/heads/main") is None
    pull = hub.as_("acme", "GET", f"{REPO}/pulls/{number}").data
    other = {**pull, "id": 77, "number": 77, "head": {**pull["head"], "ref": "other"}}
    instead(hub, monkeypatch, "/pulls", lambda pulls: [*pulls, other])
    assert [one.number for one in client.pulls_of_head("acme", "topic")] == [number]
    client.create_check_run({"name": "smokegate", "head_sha": sha})
    forged = {**hub.stub.checks[1], "id": 88, "app": None}
    instead(hub, monkeypatch, "/check-runs", lambda found: {"check_runs": [*found["check_runs"], forged]})
    assert [run.id for run in client.check_runs(sha, name="smokegate", app_id=APP_ID)] == [1]
    instead(hub, monkeypatch, "/boss/permission", lambda found: {**found, "user": {**found["user"], "login": "other"}})
    assert client.permission("boss") == "none"
    assert client.permission("keeper") == "maintain"
    instead(hub, monkeypatch, "/memberships/keeper", lambda found: {**found, "state": "pending"})
    assert not client_of("keeper").team_member("guild", "members", "keeper")


def test_a_role_of_the_organisations_own(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    instead(hub, monkeypatch, "/writer/permission", lambda found: {**found, "role_name": "release-manager"})
    assert client.permission("writer") == "release-manager"


def test_an_app_that_is_not_installed(client_of: ClientOf, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "truly", lambda _: answer(404, {"message": "Not Found"}))
    with pytest.raises(CredentialsError, match=f"App {APP_ID} is not installed on {REPOSITORY}"):
        client_of().viewer()
