"""What the emulator lacks, answered in its stead, in the shapes of GitHub's published examples.

Workflow runs, their jobs and artifacts; reactions; rules, environments; who a token belongs to. Check runs know the
App that made them and gather annotations; pull requests follow their branch.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from github_side.emulator import ACTIONS, APP_ID, BOT, NAME, OWNER, REPOSITORY, ROLES, TOKENS
from github_side.exchange import Forward, Request, Response, answer, listed, refusal
from github_side.openapi import description

ACTIONS_APP = 15368
Handler = Callable[["Stub", Request, Forward, dict[str, str]], Response | None]
_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []
_REPO = f"/repos/{OWNER}/{NAME}"


def _route(verb: str, path: str) -> Callable[[Handler], Handler]:
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.replace("{*}", ".+")))

    def add(handler: Handler) -> Handler:
        _ROUTES.append((verb, pattern, handler))
        return handler

    return add


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Dispatch:
    workflow: str
    ref: str
    inputs: Mapping[str, str]
    login: str
    run_id: int


@dataclass
class Stub:
    """State that tests read, and may set."""

    store: str = ""
    """Where artifacts are downloaded from: another host than the API's."""
    says_run_ids: bool = True
    """Servers of before 2026 answer a dispatch with 204 and no id."""
    workflows: set[str] = field(default_factory=lambda: {"gpu-harness.yml", "registry-check.yml"})
    dispatches: list[Dispatch] = field(default_factory=list)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    artifacts: dict[int, dict[str, Any]] = field(default_factory=dict)
    zips: dict[int, bytes] = field(default_factory=dict)
    reactions: list[tuple[int, str, str]] = field(default_factory=list)
    """Comment, content, login."""
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    annotations: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rulesets: list[dict[str, Any]] = field(default_factory=list)
    classic: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Classic protection rules, by branch, as an admin is told of them."""
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    branch_policies: dict[str, list[str]] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=lambda: {token: login for login, token in TOKENS.items()})
    heads: dict[int, str] = field(default_factory=dict)
    """Heads of pull requests that no branch of the emulator has."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, asked: Request, forward: Forward) -> Response | None:
        """None where it is the emulator's to answer."""
        for verb, pattern, handler in _ROUTES:
            if verb == asked.verb and (found := pattern.fullmatch(asked.path)):
                with self.lock:
                    return handler(self, asked, forward, found.groupdict())
        return None

    # What happens to a run, as a test tells it.

    def start(self, run_id: int, runner: str = "gpu-1") -> None:
        self.runs[run_id] |= {"status": "in_progress", "run_started_at": now(), "updated_at": now()}
        for job in self.jobs[run_id]:
            job |= {"status": "in_progress", "started_at": now(), "runner_name": runner, "runner_id": 7}

    def finish(self, run_id: int, conclusion: str = "success") -> None:
        done = {"status": "completed", "conclusion": conclusion}
        self.runs[run_id] |= {**done, "updated_at": now()}
        for job in self.jobs[run_id]:
            job |= {**done, "completed_at": now()}

    def upload(self, run_id: int, name: str, content: bytes, *, expired: bool = False) -> int:
        artifact = _example("artifact-paginated")["artifacts"][0]
        number = 5000 + len(self.artifacts)
        run = self.runs[run_id]
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        artifact |= {"id": number, "name": name, "size_in_bytes": len(content), "expired": expired, "digest": digest}
        artifact["workflow_run"] |= {"id": run_id, "head_sha": run["head_sha"], "head_branch": run["head_branch"]}
        self.artifacts[number], self.zips[number] = artifact, content
        return number

    def add_run(self, workflow: str, branch: str, sha: str, login: str, *, event: str, title: str) -> int:
        number = 9000 + len(self.runs)
        user = {**_example("workflow-run")["actor"], "login": login}
        self.runs[number] = {
            **_example("workflow-run"),
            "id": number,
            "name": workflow,
            "path": f".github/workflows/{workflow}",
            "display_title": title,
            "event": event,
            "status": "queued",
            "conclusion": None,
            "head_branch": branch,
            "head_sha": sha,
            "run_attempt": 1,
            "created_at": now(),
            "updated_at": now(),
            "actor": user,
            "triggering_actor": user,
            "pull_requests": [],
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{number}",
        }
        self.runs[number]["head_repository"]["full_name"] = REPOSITORY
        job = {**_example("job-paginated")["jobs"][0], "id": number * 10, "run_id": number}
        queued = {"status": "queued", "conclusion": None, "completed_at": None, "runner_name": None, "runner_id": None}
        self.jobs[number] = [{**job, **queued, "head_sha": sha, "labels": ["self-hosted", "gpu"], "created_at": now()}]
        return number

    def login_of(self, asked: Request) -> str:
        return self.logins.get(asked.token, "")

    def app_of(self, asked: Request) -> int | None:
        return {BOT: APP_ID, ACTIONS: ACTIONS_APP}.get(self.login_of(asked))


def _example(name: str) -> Any:
    return description().example(name)


# Tokens.


@_route("POST", "/app/installations/{id}/access_tokens")
def _token(stub: Stub, asked: Request, forward: Forward, _: dict[str, str]) -> Response:
    reply = forward(asked)
    if reply.status == 201:
        stub.logins[reply.data["token"]] = BOT
    return reply


@_route("POST", "/graphql")
def _graphql(stub: Stub, asked: Request, _: Forward, __: dict[str, str]) -> Response:
    login = stub.login_of(asked)
    if not login:
        return refusal(401, "Bad credentials")
    return answer(200, {"data": {"viewer": {"login": login}}})


# Pull requests.


@_route("GET", f"{_REPO}/pulls")
def _pulls(stub: Stub, asked: Request, forward: Forward, _: dict[str, str]) -> Response:
    reply = forward(asked)
    if reply.status != 200:
        return reply
    return Response(
        200, answer(200, [_followed(stub, pull, asked, forward) for pull in reply.data]).body, reply.headers
    )


@_route("POST", f"{_REPO}/pulls")
@_route("GET", f"{_REPO}/pulls/{{number}}")
@_route("PATCH", f"{_REPO}/pulls/{{number}}")
def _pull(stub: Stub, asked: Request, forward: Forward, _: dict[str, str]) -> Response:
    reply = forward(asked)
    return answer(reply.status, _followed(stub, reply.data, asked, forward)) if reply.status < 300 else reply


def _followed(stub: Stub, pull: dict[str, Any], asked: Request, forward: Forward) -> dict[str, Any]:
    """The head is where its branch is now; the emulator keeps the one it was opened with."""
    sha = stub.heads.get(pull["number"])
    if sha is None and pull["state"] == "open" and pull["head"]["repo"] is not None:
        path = f"/repos/{pull['head']['repo']['full_name']}/git/ref/heads/{pull['head']['ref']}"
        found = forward(Request("GET", path, {}, asked.headers))
        sha = found.data["object"]["sha"] if found.status == 200 else None
    pull = {**pull, "head": {**pull["head"], "sha": sha or pull["head"]["sha"]}}
    if pull["head"]["repo"] is not None and asked.verb == "GET" and asked.path.endswith(f"/pulls/{pull['number']}"):
        compared = _compared(pull, asked, forward)
        pull |= {"commits": compared.data["total_commits"]} if compared.status == 200 else {}
    return pull


def _compared(pull: dict[str, Any], asked: Request, forward: Forward) -> Response:
    path = f"/repos/{pull['head']['repo']['full_name']}/compare/{pull['base']['ref']}...{pull['head']['sha']}"
    return forward(Request("GET", path, {"per_page": "100"}, asked.headers))


@_route("GET", f"{_REPO}/pulls/{{number}}/commits")
def _pull_commits(stub: Stub, asked: Request, forward: Forward, found: dict[str, str]) -> Response:
    reply = forward(Request("GET", f"{_REPO}/pulls/{found['number']}", {}, asked.headers))
    if reply.status != 200:
        return reply
    pull = _followed(stub, reply.data, asked, forward)
    compared = _compared(pull, asked, forward)
    return listed(asked, compared.data["commits"]) if compared.status == 200 else compared


# Comments.


@_route("POST", f"{_REPO}/issues/comments/{{id}}/reactions")
def _react(stub: Stub, asked: Request, forward: Forward, found: dict[str, str]) -> Response:
    if forward(Request("GET", f"{_REPO}/issues/comments/{found['id']}", {}, asked.headers)).status != 200:
        return refusal(404, "Not Found")
    one = (int(found["id"]), asked.data["content"], stub.login_of(asked))
    new = one not in stub.reactions
    stub.reactions += [one] if new else []
    return answer(201 if new else 200, {**_example("reaction"), "content": one[1]})


# Check runs.


@_route("POST", f"{_REPO}/check-runs")
@_route("PATCH", f"{_REPO}/check-runs/{{id}}")
def _check_run(stub: Stub, asked: Request, forward: Forward, _: dict[str, str]) -> Response:
    body = asked.data
    if body.get("conclusion"):
        # A conclusion completes a run, says GitHub; the emulator wants both.
        asked = replace(asked, body=json.dumps({"status": "completed", **body}).encode())
    reply = forward(asked)
    if reply.status >= 300:
        return reply
    run = reply.data
    if asked.verb == "POST":
        app, slug = stub.app_of(asked), stub.login_of(asked).removesuffix("[bot]")
        known = {**_example("check-run")["app"], "id": app, "slug": slug}
        stub.checks[run["id"]] = {"app": None if app is None else known}
    gathered = stub.annotations.setdefault(run["id"], [])
    gathered += (body.get("output") or {}).get("annotations", [])
    url = f"https://api.github.com{_REPO}/check-runs/{run['id']}/annotations"
    output = {**run["output"], "annotations_count": len(gathered), "annotations_url": url}
    stub.checks[run["id"]] |= {**run, "app": stub.checks[run["id"]]["app"], "output": output}
    return answer(reply.status, stub.checks[run["id"]])


@_route("GET", f"{_REPO}/commits/{{ref}}/check-runs")
def _check_runs(stub: Stub, asked: Request, _: Forward, found: dict[str, str]) -> Response:
    name, app = asked.query.get("check_name"), asked.query.get("app_id")
    runs = [
        run
        for run in reversed(stub.checks.values())
        if run["head_sha"] == found["ref"]
        and name in {None, run["name"]}
        and (app is None or (run["app"] is not None and str(run["app"]["id"]) == app))
    ]
    return listed(asked, runs, under="check_runs")


# Workflow runs.


@_route("POST", f"{_REPO}/actions/workflows/{{workflow}}/dispatches")
def _dispatch(stub: Stub, asked: Request, forward: Forward, found: dict[str, str]) -> Response:
    body = asked.data
    branch = forward(Request("GET", f"{_REPO}/git/ref/heads/{body['ref']}", {}, asked.headers))
    if found["workflow"] not in stub.workflows:
        return refusal(404, "Not Found")
    if branch.status != 200:
        return refusal(422, f"No ref found for: {body['ref']}")
    inputs, login = body.get("inputs", {}), stub.login_of(asked)
    # As `run-name` of our workflows has it.
    kind = "refresh" if "manifest" in inputs else inputs.get("harness")
    title = " ".join(filter(None, ("smokegate", kind, inputs.get("nonce"))))
    sha = branch.data["object"]["sha"]
    number = stub.add_run(found["workflow"], body["ref"], sha, login, event="workflow_dispatch", title=title)
    stub.dispatches.append(Dispatch(found["workflow"], body["ref"], inputs, login, number))
    if not (stub.says_run_ids and body.get("return_run_details")):
        return answer(204)
    url = f"https://api.github.com{_REPO}/actions/runs/{number}"
    return answer(200, {"workflow_run_id": number, "run_url": url, "html_url": stub.runs[number]["html_url"]})


@_route("GET", f"{_REPO}/actions/workflows/{{workflow}}/runs")
def _runs(stub: Stub, asked: Request, _: Forward, found: dict[str, str]) -> Response:
    since = asked.query.get("created", "").removeprefix(">=")
    runs = [
        run
        for run in reversed(stub.runs.values())
        if run["path"].endswith(f"/{found['workflow']}")
        and asked.query.get("event") in {None, run["event"]}
        and run["created_at"] >= since
    ]
    return listed(asked, runs, under="workflow_runs")


@_route("GET", f"{_REPO}/actions/runs/{{id}}")
def _run(stub: Stub, _: Request, __: Forward, found: dict[str, str]) -> Response:
    run = stub.runs.get(int(found["id"]))
    return refusal(404, "Not Found") if run is None else answer(200, run)


@_route("GET", f"{_REPO}/actions/runs/{{id}}/jobs")
def _jobs(stub: Stub, asked: Request, _: Forward, found: dict[str, str]) -> Response:
    jobs = stub.jobs.get(int(found["id"]))
    return refusal(404, "Not Found") if jobs is None else listed(asked, jobs, under="jobs")


@_route("POST", f"{_REPO}/actions/runs/{{id}}/cancel")
def _cancel(stub: Stub, _: Request, __: Forward, found: dict[str, str]) -> Response:
    run = stub.runs.get(int(found["id"]))
    if run is None:
        return refusal(404, "Not Found")
    if run["status"] == "completed":
        return refusal(409, "Cannot cancel a workflow run that is completed.")
    stub.finish(run["id"], "cancelled")
    return answer(202, {})


@_route("GET", f"{_REPO}/actions/runs/{{id}}/artifacts")
def _artifacts(stub: Stub, asked: Request, _: Forward, found: dict[str, str]) -> Response:
    name = asked.query.get("name")
    left = [
        artifact
        for artifact in reversed(stub.artifacts.values())
        if artifact["workflow_run"]["id"] == int(found["id"]) and name in {None, artifact["name"]}
    ]
    return listed(asked, left, under="artifacts")


@_route("GET", f"{_REPO}/actions/artifacts/{{id}}/zip")
def _download(stub: Stub, _: Request, __: Forward, found: dict[str, str]) -> Response:
    artifact = stub.artifacts.get(int(found["id"]))
    if artifact is None:
        return refusal(404, "Not Found")
    if artifact["expired"]:
        return refusal(410, "Artifact has expired")
    return answer(302, Location=f"{stub.store}/{artifact['id']}?sig=as-good-as-a-password")


# Settings.


@_route("GET", f"{_REPO}/rules/branches/{{branch}}")
def _rules(stub: Stub, asked: Request, _: Forward, __: dict[str, str]) -> Response:
    return listed(asked, stub.rules.get(asked.parts[-1], []))


@_route("GET", f"{_REPO}/branches/{{branch}}")
def _branch(stub: Stub, _: Request, __: Forward, found: dict[str, str]) -> Response:
    rule = stub.classic.get(found["branch"])
    told: dict[str, Any] = {"required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []}}
    if rule is not None and "required_status_checks" in rule:
        told["required_status_checks"] = rule["required_status_checks"]
    branch = {**_example("branch-get"), "name": found["branch"], "protected": rule is not None}
    return answer(200, {**branch, "protection": {"enabled": rule is not None, **told}})


@_route("GET", f"{_REPO}/branches/{{branch}}/protection")
def _protection(stub: Stub, asked: Request, _: Forward, found: dict[str, str]) -> Response:
    rule = stub.classic.get(found["branch"])
    admin = ROLES.get(stub.login_of(asked)) == "admin"
    return answer(200, rule) if admin and rule is not None else refusal(404, "Branch not protected")


@_route("GET", f"{_REPO}/rulesets")
def _rulesets(stub: Stub, asked: Request, _: Forward, __: dict[str, str]) -> Response:
    return listed(asked, [{**_example("repository-ruleset-items")[0], **ruleset} for ruleset in stub.rulesets])


@_route("GET", f"{_REPO}/environments/{{name}}")
def _environment(stub: Stub, _: Request, __: Forward, found: dict[str, str]) -> Response:
    if found["name"] not in stub.environments:
        return refusal(404, "Not Found")
    return answer(200, {**_example("environment"), "name": found["name"], **stub.environments[found["name"]]})


@_route("GET", f"{_REPO}/environments/{{name}}/deployment-branch-policies")
def _branch_policies(stub: Stub, asked: Request, _: Forward, found: dict[str, str]) -> Response:
    one = _example("deployment-branch-policies-list")["branch_policies"][0]
    policies = [{**one, "id": n, "name": name} for n, name in enumerate(stub.branch_policies.get(found["name"], []))]
    return listed(asked, policies, under="branch_policies")
