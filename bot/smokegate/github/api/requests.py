"""Every request that smokegate makes of GitHub, in one place.

Paths and parameters are those of GitHub's published description, to which the tests hold each request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from smokegate.errors import UsageError

Verb = Literal["GET", "POST", "PATCH", "DELETE"]
Bearer = Literal["token", "app"]

_HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Row:
    verb: Verb
    path: str
    needs: str = ""
    """The permission that GitHub asks for; none where any token will do."""
    harmless_twice: bool = False
    """A POST that leaves the same behind when it is sent twice."""
    newest_first: bool = False
    """A list that grows at its front: pages are read upwards, lest one be passed over."""
    bearer: Bearer = "token"

    @property
    def repeatable(self) -> bool:
        return self.verb != "POST" or self.harmless_twice

    def filled(self, values: Mapping[str, str | int]) -> str:
        return _HOLE.sub(lambda hole: _part(hole[1], str(values[hole[1]])), self.path)


# A ref keeps the slashes in its name; everything else is one segment.
_WHOLE = frozenset({"ref"})


def _part(name: str, value: str) -> str:
    """A segment of a path: no value leads to another request than the one that was meant."""
    # A prefix of refs ends with a slash.
    segments = value.split("/") if name in _WHOLE else [value]
    if not value.rstrip("/") or any(segment in {"", ".", ".."} for segment in value.rstrip("/").split("/")):
        raise UsageError(f"{value!r} cannot be the {name} of a request to GitHub")
    return "/".join(quote(segment, safe="", errors="surrogatepass") for segment in segments)


GRAPHQL = "/graphql"
_REPO = "/repos/{owner}/{repo}"
_PULLS = f"{_REPO}/pulls"
_ISSUES = f"{_REPO}/issues"
_ACTIONS = f"{_REPO}/actions"
_GIT = f"{_REPO}/git"

TABLE: Mapping[str, Row] = {
    # Who we are. With an App, its own token (a JWT) buys one for this repository.
    "installation": Row("GET", f"{_REPO}/installation", bearer="app"),
    "installation_token": Row(
        "POST", "/app/installations/{installation_id}/access_tokens", harmless_twice=True, bearer="app"
    ),
    # The one question that every kind of token may ask about itself; its path is GraphQL's own.
    "viewer": Row("POST", GRAPHQL, harmless_twice=True),
    "repository": Row("GET", _REPO, "metadata: read"),
    # Pull requests.
    "pull": Row("GET", f"{_PULLS}/{{pull_number}}", "pull-requests: read"),
    "pulls_of_head": Row("GET", _PULLS, "pull-requests: read"),
    "pull_commits": Row("GET", f"{_PULLS}/{{pull_number}}/commits", "pull-requests: read"),
    "reviews": Row("GET", f"{_PULLS}/{{pull_number}}/reviews", "pull-requests: read"),
    "create_pull": Row("POST", _PULLS, "pull-requests: write"),
    "update_pull": Row("PATCH", f"{_PULLS}/{{pull_number}}", "pull-requests: write"),
    # Comments. Those of a pull request are those of its issue.
    "comment": Row("GET", f"{_ISSUES}/comments/{{comment_id}}", "pull-requests: read"),
    "comments": Row("GET", f"{_ISSUES}/{{issue_number}}/comments", "pull-requests: read"),
    "create_comment": Row("POST", f"{_ISSUES}/{{issue_number}}/comments", "pull-requests: write"),
    "update_comment": Row("PATCH", f"{_ISSUES}/comments/{{comment_id}}", "pull-requests: write"),
    "delete_comment": Row("DELETE", f"{_ISSUES}/comments/{{comment_id}}", "pull-requests: write"),
    "react": Row("POST", f"{_ISSUES}/comments/{{comment_id}}/reactions", "pull-requests: write", harmless_twice=True),
    # Who may do what.
    "permission": Row("GET", f"{_REPO}/collaborators/{{username}}/permission", "metadata: read"),
    "team_member": Row("GET", "/orgs/{org}/teams/{team_slug}/memberships/{username}", "members: read"),
    # The verdict.
    "check_runs": Row("GET", f"{_REPO}/commits/{{ref}}/check-runs", "checks: read", newest_first=True),
    "create_check_run": Row("POST", f"{_REPO}/check-runs", "checks: write"),
    "update_check_run": Row("PATCH", f"{_REPO}/check-runs/{{check_run_id}}", "checks: write"),
    # Runs of workflows, and what they leave behind.
    "dispatch": Row("POST", f"{_ACTIONS}/workflows/{{workflow_id}}/dispatches", "actions: write"),
    "workflow_runs": Row("GET", f"{_ACTIONS}/workflows/{{workflow_id}}/runs", "actions: read", newest_first=True),
    "run": Row("GET", f"{_ACTIONS}/runs/{{run_id}}", "actions: read"),
    "jobs": Row("GET", f"{_ACTIONS}/runs/{{run_id}}/jobs", "actions: read"),
    "cancel_run": Row("POST", f"{_ACTIONS}/runs/{{run_id}}/cancel", "actions: write", harmless_twice=True),
    "artifacts": Row("GET", f"{_ACTIONS}/runs/{{run_id}}/artifacts", "actions: read", newest_first=True),
    "download_artifact": Row("GET", f"{_ACTIONS}/artifacts/{{artifact_id}}/{{archive_format}}", "actions: read"),
    # Git's own data. What it makes is named by its content, so a second time changes nothing.
    "ref": Row("GET", f"{_GIT}/ref/{{ref}}", "contents: read"),
    "matching_refs": Row("GET", f"{_GIT}/matching-refs/{{ref}}", "contents: read"),
    "create_ref": Row("POST", f"{_GIT}/refs", "contents: write"),
    "update_ref": Row("PATCH", f"{_GIT}/refs/{{ref}}", "contents: write"),
    "delete_ref": Row("DELETE", f"{_GIT}/refs/{{ref}}", "contents: write"),
    "get_commit": Row("GET", f"{_GIT}/commits/{{commit_sha}}", "contents: read"),
    "create_blob": Row("POST", f"{_GIT}/blobs", "contents: write", harmless_twice=True),
    "create_tree": Row("POST", f"{_GIT}/trees", "contents: write", harmless_twice=True),
    "create_commit": Row("POST", f"{_GIT}/commits", "contents: write", harmless_twice=True),
    # Issues.
    "issues": Row("GET", _ISSUES, "issues: read"),
    "create_issue": Row("POST", _ISSUES, "issues: write"),
    "update_issue": Row("PATCH", f"{_ISSUES}/{{issue_number}}", "issues: write"),
    # What a repository's settings hold us to.
    "rules_of_branch": Row("GET", f"{_REPO}/rules/branches/{{branch}}", "metadata: read"),
    "classic_checks": Row("GET", f"{_REPO}/branches/{{branch}}", "contents: read"),
    # For admins, at a terminal: no App of ours is one.
    "classic_rule": Row("GET", f"{_REPO}/branches/{{branch}}/protection"),
    "rulesets": Row("GET", f"{_REPO}/rulesets", "metadata: read"),
    "environment": Row("GET", f"{_REPO}/environments/{{environment_name}}", "actions: read"),
    "deployment_branches": Row(
        "GET", f"{_REPO}/environments/{{environment_name}}/deployment-branch-policies", "actions: read"
    ),
}
