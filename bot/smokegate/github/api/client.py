"""GitHub over HTTP: the port's methods, each a row of the table."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from smokegate.errors import UsageError
from smokegate.github.api import classic, shapes
from smokegate.github.api.clock import Clock, SystemClock
from smokegate.github.api.faults import GitHubError, NotFound
from smokegate.github.api.port import (
    Artifact,
    CheckRun,
    Classic,
    Comment,
    Commit,
    Environment,
    Issue,
    Job,
    Pull,
    PullCommit,
    Reaction,
    Ref,
    Repository,
    Review,
    Rule,
    Ruleset,
    Signature,
    TreeEntry,
    Viewer,
    WorkflowRun,
)
from smokegate.github.api.sending import Sender, Settings
from smokegate.github.api.session import Session
from smokegate.github.api.wire import HttpWire, Wire

T = TypeVar("T")

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})/(?!\.\.?$)[A-Za-z0-9._-]{1,100}", re.ASCII)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Client:
    def __init__(
        self,
        settings: Settings,
        *,
        wire: Wire | None = None,
        clock: Clock | None = None,
        dice: Callable[[], float] = random.random,
    ) -> None:
        _check(settings)
        self._name = settings.repository
        clock = clock or SystemClock()
        self._session = Session(Sender(settings, wire=wire or HttpWire(), clock=clock, dice=dice), clock)

    @property
    def repository_name(self) -> str:
        return self._name

    def viewer(self) -> Viewer:
        return self._session.viewer()

    def repository(self) -> Repository:
        return self._session.one(shapes.repository, "repository")

    # Pull requests.

    def pull(self, number: int) -> Pull:
        return self._session.one(shapes.pull, "pull", {"pull_number": number})

    def pulls_of_head(self, owner: str, branch: str) -> tuple[Pull, ...]:
        query = {"head": f"{owner}:{branch}", "state": "open", "sort": "created", "direction": "asc"}
        found = self._session.every(shapes.pull, "pulls_of_head", query=query)
        # Where GitHub cannot read the filter it lists every pull request there is.
        return tuple(pull for pull in found if pull.head_ref == branch)

    def pull_commits(self, number: int) -> tuple[PullCommit, ...]:
        return self._session.every(shapes.pull_commit, "pull_commits", {"pull_number": number})

    def reviews(self, number: int) -> tuple[Review, ...]:
        return self._session.every(shapes.review, "reviews", {"pull_number": number})

    def create_pull(self, *, title: str, body: str, head: str, base: str, draft: bool = False) -> Pull:
        fields = {"title": title, "body": body, "head": head, "base": base, "draft": draft}
        return self._session.one(shapes.pull, "create_pull", body=fields)

    def update_pull(
        self, number: int, *, title: str | None = None, body: str | None = None, state: str | None = None
    ) -> Pull:
        fields = _given(title=title, body=body, state=state)
        return self._session.one(shapes.pull, "update_pull", {"pull_number": number}, body=fields)

    # Comments.

    def comment(self, comment_id: int) -> Comment | None:
        return _unless_gone(lambda: self._session.one(shapes.comment, "comment", {"comment_id": comment_id}))

    def comments(self, issue: int) -> tuple[Comment, ...]:
        return self._session.every(shapes.comment, "comments", {"issue_number": issue})

    def create_comment(self, issue: int, body: str) -> Comment:
        return self._session.one(shapes.comment, "create_comment", {"issue_number": issue}, body={"body": body})

    def update_comment(self, comment_id: int, body: str) -> Comment | None:
        values = {"comment_id": comment_id}
        return _unless_gone(lambda: self._session.one(shapes.comment, "update_comment", values, body={"body": body}))

    def delete_comment(self, comment_id: int) -> None:
        _unless_gone(lambda: self._session.ask("delete_comment", {"comment_id": comment_id}))

    def react(self, comment_id: int, content: Reaction) -> None:
        self._session.ask("react", {"comment_id": comment_id}, body={"content": content})

    # Who may do what.

    def permission(self, login: str) -> str:
        def role(value: Any) -> str:
            found = shapes.thing(value)
            # A name that passed from one account to another: nobody is given another's role.
            same = shapes.user(found.get("user")).login.lower() == login.lower()
            return shapes.text(found, "role_name") if same else "none"

        return _unless_gone(lambda: self._session.one(role, "permission", {"username": login})) or "none"

    def team_member(self, organisation: str, team: str, login: str) -> bool:
        values = {"org": organisation, "team_slug": team, "username": login}
        found = _unless_gone(lambda: self._session.one(shapes.thing, "team_member", values))
        return found is not None and found.get("state") == "active"

    # The verdict.

    def check_runs(self, ref: str, *, name: str, app_id: int | None = None) -> tuple[CheckRun, ...]:
        query = _given(check_name=name, filter="all", app_id=app_id)
        found = self._session.every(shapes.check_run, "check_runs", {"ref": ref}, query=query, under="check_runs")
        # GitHub promises no order; its ids grow.
        newest_first = sorted(found, key=lambda run: run.id, reverse=True)
        return tuple(run for run in newest_first if app_id is None or run.app_id == app_id)

    def create_check_run(self, fields: Mapping[str, Any]) -> CheckRun:
        return self._session.one(shapes.check_run, "create_check_run", body=fields)

    def update_check_run(self, check_run_id: int, fields: Mapping[str, Any]) -> CheckRun:
        adds = bool((fields.get("output") or {}).get("annotations"))
        values = {"check_run_id": check_run_id}
        return self._session.one(shapes.check_run, "update_check_run", values, body=fields, repeatable=not adds)

    # Runs of workflows.

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> int | None:
        fields = {"ref": ref, "inputs": dict(inputs), "return_run_details": True}
        reply = self._session.ask("dispatch", {"workflow_id": workflow}, body=fields)
        found = reply.data.get("workflow_run_id") if isinstance(reply.data, dict) else None
        return found if isinstance(found, int) else None

    def workflow_runs(self, workflow: str, *, event: str, created_since: str) -> tuple[WorkflowRun, ...]:
        query = {"event": event, "created": f">={created_since}"}
        values = {"workflow_id": workflow}
        return self._session.every(shapes.workflow_run, "workflow_runs", values, query=query, under="workflow_runs")

    def run(self, run_id: int) -> WorkflowRun:
        return self._session.one(shapes.workflow_run, "run", {"run_id": run_id})

    def jobs(self, run_id: int) -> tuple[Job, ...]:
        return self._session.every(shapes.job, "jobs", {"run_id": run_id}, query={"filter": "latest"}, under="jobs")

    def cancel_run(self, run_id: int) -> bool:
        return _unless(_ended, lambda: self._session.ask("cancel_run", {"run_id": run_id}))

    def artifacts(self, run_id: int, *, name: str | None = None) -> tuple[Artifact, ...]:
        query = _given(name=name)
        return self._session.every(shapes.artifact, "artifacts", {"run_id": run_id}, query=query, under="artifacts")

    def download_artifact(self, artifact_id: int, *, limit: int) -> bytes:
        values: dict[str, str | int] = {"artifact_id": artifact_id, "archive_format": "zip"}
        return self._session.fetch("download_artifact", values, limit=limit)

    # Git's own data.

    def ref(self, name: str) -> Ref | None:
        found = _unless_gone(lambda: self._session.one(shapes.ref, "ref", {"ref": _short(name)}))
        return found if found and found.name == name else None

    def matching_refs(self, prefix: str) -> tuple[Ref, ...]:
        def refs(value: Any) -> tuple[Ref, ...]:
            return tuple(shapes.ref(item) for item in shapes.things(value))

        return self._session.one(refs, "matching_refs", {"ref": _short(prefix)})

    def create_ref(self, name: str, sha: str) -> bool:
        return _unless(_taken, lambda: self._session.ask("create_ref", body={"ref": name, "sha": sha}))

    def update_ref(self, name: str, sha: str, *, force: bool = False) -> bool:
        fields = {"sha": sha, "force": force}
        return _unless(_not_forward, lambda: self._session.ask("update_ref", {"ref": _short(name)}, body=fields))

    def delete_ref(self, name: str) -> bool:
        return _unless(_no_such_ref, lambda: self._session.ask("delete_ref", {"ref": _short(name)}))

    def get_commit(self, sha: str) -> Commit:
        return self._session.one(shapes.commit, "get_commit", {"commit_sha": sha})

    def create_blob(self, content: bytes) -> str:
        fields = {"content": base64.b64encode(content).decode(), "encoding": "base64"}
        return self._session.one(_sha, "create_blob", body=fields)

    def create_tree(self, entries: Sequence[TreeEntry], *, base: str | None = None) -> str:
        tree = [{"path": one.path, "mode": one.mode, "type": one.kind, "sha": one.sha} for one in entries]
        return self._session.one(_sha, "create_tree", body={"tree": tree, **_given(base_tree=base)})

    def create_commit(
        self, *, message: str, tree: str, parents: Sequence[str], author: Signature | None = None
    ) -> Commit:
        fields: dict[str, Any] = {"message": message, "tree": tree, "parents": list(parents)}
        if author is not None:
            fields["author"] = {"name": author.name, "email": author.email, "date": author.date}
        return self._session.one(shapes.commit, "create_commit", body=fields)

    # Issues.

    def issues(self, *, labels: Sequence[str] = (), creator: str | None = None) -> tuple[Issue, ...]:
        query = {"state": "open", "sort": "created", "direction": "asc", **_given(creator=creator)}
        if labels:
            query["labels"] = ",".join(labels)
        found = self._session.every(_issue_or_pull, "issues", query=query)
        return tuple(one for one in found if one is not None)

    def create_issue(self, *, title: str, body: str, labels: Sequence[str] = ()) -> Issue:
        fields = {"title": title, "body": body, "labels": list(labels)}
        return self._session.one(shapes.issue, "create_issue", body=fields)

    def update_issue(self, number: int, *, body: str | None = None, state: str | None = None) -> Issue:
        fields = _given(body=body, state=state)
        return self._session.one(shapes.issue, "update_issue", {"issue_number": number}, body=fields)

    # Settings.

    def rules_of_branch(self, branch: str) -> tuple[Rule, ...]:
        return self._session.every(shapes.rule, "rules_of_branch", {"branch": branch})

    def classic_checks(self, branch: str) -> Classic | None:
        return self._session.one(classic.of_branch, "classic_checks", {"branch": branch})

    def classic_rule(self, branch: str) -> Classic:
        return self._session.one(classic.in_full, "classic_rule", {"branch": branch})

    def rulesets(self) -> tuple[Ruleset, ...]:
        return self._session.every(shapes.ruleset, "rulesets", query={"includes_parents": "true"})

    def environment(self, name: str) -> Environment | None:
        return _unless_gone(lambda: self._session.one(shapes.environment, "environment", {"environment_name": name}))

    def deployment_branches(self, environment: str) -> tuple[str, ...]:
        return self._session.every(
            lambda item: shapes.text(item, "name"),
            "deployment_branches",
            {"environment_name": environment},
            under="branch_policies",
        )


def api_url(environ: Mapping[str, str]) -> str:
    """Of this GitHub, be it a company's own server."""
    return environ.get("GITHUB_API_URL", "").strip().rstrip("/") or "https://api.github.com"


def _check(settings: Settings) -> None:
    if not _REPOSITORY.fullmatch(settings.repository):
        raise UsageError(f"{settings.repository!r} is not a repository's name", fix="give it as owner/name")
    try:
        api = urlsplit(settings.api)
        plain = api.scheme == "http" and api.hostname not in _LOOPBACK
        sound = (
            api.scheme in {"http", "https"}
            and bool(api.hostname)
            and not (api.query or api.fragment or "@" in api.netloc)
        )
        _ = api.port
    except ValueError:
        plain, sound = False, False
    if plain or not sound:
        why = "a token would go over it in the clear" if plain else "it is not an address"
        raise UsageError(f"GITHUB_API_URL cannot be used: {why}", fix="set it to https://HOST/api/v3")


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _unless_gone(act: Callable[[], T]) -> T | None:
    try:
        return act()
    except NotFound:
        return None


def _unless(no: Callable[[GitHubError], bool], act: Callable[[], object]) -> bool:
    try:
        act()
    except GitHubError as fault:
        if not no(fault):
            raise
        return False
    return True


def _taken(fault: GitHubError) -> bool:
    return fault.status == 422 and "already exists" in fault.said.lower()


def _ended(fault: GitHubError) -> bool:
    return fault.status == 409


def _no_such_ref(fault: GitHubError) -> bool:
    return fault.status == 404 or (fault.status == 422 and "reference does not exist" in fault.said.lower())


def _not_forward(fault: GitHubError) -> bool:
    """A 422 is also how a ruleset refuses, and that is no answer to hide."""
    return _no_such_ref(fault) or (fault.status == 422 and "fast forward" in fault.said.lower().replace("-", " "))


def _sha(value: Any) -> str:
    return shapes.sha(shapes.thing(value), "sha")


def _issue_or_pull(value: Any) -> Issue | None:
    return None if shapes.thing(value).get("pull_request") is not None else shapes.issue(value)


def _short(ref: str) -> str:
    """The API leaves out `refs/` in addresses, and only there."""
    if not ref.startswith("refs/"):
        raise UsageError(f"{ref!r} is not a ref's full name", fix="refs/heads/...")
    return ref.removeprefix("refs/")
