"""What the flows may ask of GitHub, and what comes back: values, bound to one repository.

Answers hold what the flows read and nothing else. Every text in them is somebody's claim, kept as it came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Reaction = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


@dataclass(frozen=True, slots=True)
class User:
    login: str
    id: int = 0
    bot: bool = False


GHOST = User("ghost", 10137)
"""Whom GitHub shows where an account was deleted; the API then says null."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who we are: the author of our comments, and the app of our check runs where an App's own token is used."""

    login: str
    app_id: int | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    name: str
    """owner/name"""
    default_branch: str
    private: bool
    archived: bool = False
    fork: bool = False


@dataclass(frozen=True, slots=True)
class Pull:
    number: int
    state: Literal["open", "closed"]
    merged: bool
    draft: bool
    title: str
    body: str
    author: User
    head_sha: str
    head_ref: str
    head_repository: str | None
    """None where the fork was deleted."""
    base_sha: str
    """The base as the pull request last knew it, which may lag behind the branch."""
    base_ref: str
    base_repository: str
    url: str
    commits: int | None = None
    """How many there are; lists of pull requests do not say."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A name, an address and a day that whoever made the commit was free to choose."""

    name: str
    email: str
    date: str


@dataclass(frozen=True, slots=True)
class PullCommit:
    """Logins are None where the address belongs to no account."""

    sha: str
    parents: tuple[str, ...]
    message: str
    author: User | None
    committer: User | None
    author_signature: Signature


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: Signature
    committer: Signature


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """`sha` None takes the path out of the base tree."""

    path: str
    sha: str | None
    mode: Literal["100644", "100755", "120000", "160000", "040000"] = "100644"
    kind: Literal["blob", "tree", "commit"] = "blob"


@dataclass(frozen=True, slots=True)
class Review:
    id: int
    author: User
    state: str
    commit_sha: str | None
    submitted_at: str | None


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    author: User
    body: str
    created_at: str
    updated_at: str
    url: str
    app_id: int | None = None
    """The app through which it was written, where GitHub says."""


@dataclass(frozen=True, slots=True)
class Issue:
    number: int
    state: str
    title: str
    body: str
    author: User
    labels: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class CheckRun:
    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    external_id: str
    app_id: int | None
    started_at: str | None
    completed_at: str | None
    url: str
    annotations: int = 0
    app_slug: str | None = None
    """The app's name, as it stands in the login under which it writes."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    id: int
    path: str
    """Of the workflow's file, with `@ref` where GitHub adds it."""
    title: str
    """What `run-name` says, else what GitHub makes of the event."""
    event: str
    status: str
    conclusion: str | None
    head_sha: str
    head_branch: str | None
    head_repository: str | None
    attempt: int
    created_at: str
    updated_at: str
    actor: User
    triggering_actor: User
    url: str


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    name: str
    status: str
    conclusion: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    runner: str | None
    """None while no runner took it."""
    labels: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class Artifact:
    id: int
    name: str
    size: int
    digest: str | None
    """`sha256:<hex>` of the zip, where the server says it."""
    expired: bool
    run_id: int | None
    head_sha: str | None
    created_at: str | None
    expires_at: str | None


@dataclass(frozen=True, slots=True)
class Ref:
    name: str
    """In full: refs/heads/main"""
    sha: str
    kind: str = "commit"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that holds for a branch, whichever ruleset it comes from."""

    kind: str
    parameters: Mapping[str, Any]
    ruleset_id: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Classic:
    """A classic branch protection rule."""

    rules: tuple[Rule, ...]
    whole: bool
    """An admin is told all of it, and everybody else which checks it requires."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    id: int
    name: str
    target: str
    enforcement: str
    source: str


@dataclass(frozen=True, slots=True)
class Environment:
    name: str
    reviewers: int
    protected_branches: bool
    """Only branches with protection rules may deploy."""
    custom_branches: bool
    """Only branches that match `deployment_branches` may deploy; with neither, every branch may."""


class GitHub(Protocol):
    """Methods that list follow pages to the end, or say that there are too many.

    A creation raises `Uncertain` where it may have happened: look before creating again (`once.once`).
    """

    @property
    def repository_name(self) -> str: ...

    def viewer(self) -> Viewer: ...
    def repository(self) -> Repository: ...

    def pull(self, number: int) -> Pull: ...
    def pulls_of_head(self, owner: str, branch: str) -> tuple[Pull, ...]:
        """Open ones. GitHub matches the owner of the fork and the branch, and no sha."""
        ...

    def pull_commits(self, number: int) -> tuple[PullCommit, ...]:
        """The first 250, which is all that GitHub gives."""
        ...

    def reviews(self, number: int) -> tuple[Review, ...]: ...
    def create_pull(self, *, title: str, body: str, head: str, base: str, draft: bool = False) -> Pull: ...
    def update_pull(
        self, number: int, *, title: str | None = None, body: str | None = None, state: str | None = None
    ) -> Pull: ...

    def comment(self, comment_id: int) -> Comment | None:
        """None when it is no longer there."""
        ...

    def comments(self, issue: int) -> tuple[Comment, ...]: ...
    def create_comment(self, issue: int, body: str) -> Comment: ...
    def update_comment(self, comment_id: int, body: str) -> Comment | None:
        """None when it was deleted under us."""
        ...

    def delete_comment(self, comment_id: int) -> None:
        """One that is gone already is fine."""
        ...

    def react(self, comment_id: int, content: Reaction) -> None: ...

    def permission(self, login: str) -> str:
        """The `role_name`, which may be a role of the organisation's own; `none` for a stranger."""
        ...

    def team_member(self, organisation: str, team: str, login: str) -> bool: ...

    def check_runs(self, ref: str, *, name: str, app_id: int | None = None) -> tuple[CheckRun, ...]:
        """All of them, older ones included, newest first."""
        ...

    def create_check_run(self, fields: Mapping[str, Any]) -> CheckRun: ...
    def update_check_run(self, check_run_id: int, fields: Mapping[str, Any]) -> CheckRun:
        """Annotations are appended to those that are there: a repeat of one request doubles its own."""
        ...

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> int | None:
        """The run's id; None from a server that does not say, where a nonce in the run's name finds it."""
        ...

    def workflow_runs(self, workflow: str, *, event: str, created_since: str) -> tuple[WorkflowRun, ...]:
        """Newest first; `created_since` as GitHub writes times."""
        ...

    def run(self, run_id: int) -> WorkflowRun: ...
    def jobs(self, run_id: int) -> tuple[Job, ...]: ...
    def cancel_run(self, run_id: int) -> bool:
        """False when it had ended already; after a lost answer that may have been our own doing."""
        ...

    def artifacts(self, run_id: int, *, name: str | None = None) -> tuple[Artifact, ...]: ...
    def download_artifact(self, artifact_id: int, *, limit: int) -> bytes:
        """The zip, unopened; more than `limit` bytes are refused."""
        ...

    def ref(self, name: str) -> Ref | None:
        """By its full name, exactly; None when there is none."""
        ...

    def matching_refs(self, prefix: str) -> tuple[Ref, ...]: ...
    def create_ref(self, name: str, sha: str) -> bool:
        """Atomic: False when there is one of this name already."""
        ...

    def update_ref(self, name: str, sha: str, *, force: bool = False) -> bool:
        """False when it is no fast-forward, or there is no such ref."""
        ...

    def delete_ref(self, name: str) -> bool:
        """False when there was none; after a lost answer that may have been our own doing."""
        ...

    def get_commit(self, sha: str) -> Commit: ...
    def create_blob(self, content: bytes) -> str: ...
    def create_tree(self, entries: Sequence[TreeEntry], *, base: str | None = None) -> str: ...
    def create_commit(
        self, *, message: str, tree: str, parents: Sequence[str], author: Signature | None = None
    ) -> Commit: ...

    def issues(self, *, labels: Sequence[str] = (), creator: str | None = None) -> tuple[Issue, ...]:
        """Open ones; a pull request is not one."""
        ...

    def create_issue(self, *, title: str, body: str, labels: Sequence[str] = ()) -> Issue: ...
    def update_issue(self, number: int, *, body: str | None = None, state: str | None = None) -> Issue: ...

    def rules_of_branch(self, branch: str) -> tuple[Rule, ...]: ...
    def classic_checks(self, branch: str) -> Classic | None:
        """As everybody is told of it; None where there is none."""
        ...

    def classic_rule(self, branch: str) -> Classic:
        """As an admin is told of it, and nobody else."""
        ...

    def rulesets(self) -> tuple[Ruleset, ...]: ...
    def environment(self, name: str) -> Environment | None: ...
    def deployment_branches(self, environment: str) -> tuple[str, ...]:
        """The patterns that an environment with `custom_branches` lets deploy."""
        ...
