"""Events as GitHub writes them, cut to what matters, with every text that people choose set to something hostile."""

from __future__ import annotations

import copy
from typing import Any

HEAD, BASE = "a3f5c0de9b8a3f5c0de9b8a3f5c0de9b8a3f5c0d", "4f2a91c07b3d5e6f8091a2b3c4d5e6f708192a3b"
BRANCH = "$(id)`id`${{ github.token }}"
TITLE = "x\n::set-output name=verdict::pass\n##[add-path]/x @everyone <img src=x>"

ANA = {"login": "ana", "id": 11, "type": "User"}
BOT = {"login": "smokegate[bot]", "id": 12, "type": "Bot"}
REPOSITORY = {"id": 1, "full_name": "acme/models", "default_branch": "main", "private": True}
FORK = {"id": 2, "full_name": "mallory/models", "default_branch": "main", "owner": {"login": "mallory"}}
PULL = {
    "number": 7,
    "state": "open",
    "title": TITLE,
    "body": None,
    "user": {"login": "mallory", "id": 13, "type": "User"},
    "head": {"sha": HEAD, "ref": BRANCH, "repo": FORK},
    "base": {"sha": BASE, "ref": "main", "repo": REPOSITORY},
}
COMMENT = {
    "id": 99,
    "body": "/promote",
    "user": ANA,
    "created_at": "2026-05-01T10:00:00Z",
    "updated_at": "2026-05-01T10:00:00Z",
    "html_url": "https://github.com/acme/models/pull/7#issuecomment-99",
    "performed_via_github_app": None,
}

PAYLOADS: dict[str, dict[str, Any]] = {
    "pull_request": {"action": "opened", "repository": REPOSITORY, "sender": ANA, "pull_request": PULL},
    "merge_group": {
        "action": "checks_requested",
        "repository": REPOSITORY,
        "sender": ANA,
        "merge_group": {
            "head_sha": HEAD,
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-7",
            "base_sha": BASE,
            "base_ref": "refs/heads/main",
        },
    },
    "workflow_run": {
        "action": "completed",
        "repository": REPOSITORY,
        "sender": ANA,
        "workflow": {"path": ".github/workflows/registry-check.yml"},
        "workflow_run": {
            "id": 5,
            "name": "registry",
            "event": "pull_request",
            "status": "completed",
            "conclusion": "failure",
            "run_attempt": 1,
            "head_sha": HEAD,
            "head_branch": BRANCH,
            "head_repository": FORK,
            "display_title": TITLE,
            "html_url": "https://github.com/acme/models/actions/runs/5",
            "pull_requests": [],
        },
    },
    "issue_comment": {
        "action": "created",
        "repository": REPOSITORY,
        "sender": ANA,
        "comment": COMMENT,
        "issue": {"number": 7, "state": "open", "title": TITLE, "pull_request": {"url": "x"}},
    },
    "pull_request_review": {
        "action": "submitted",
        "repository": REPOSITORY,
        "sender": ANA,
        "review": {"id": 3, "user": ANA, "state": "approved", "commit_id": HEAD},
        "pull_request": PULL,
    },
    "schedule": {"repository": REPOSITORY, "schedule": "0 4 * * 1", "workflow": ".github/workflows/sweep.yml"},
    "workflow_dispatch": {
        "repository": REPOSITORY,
        "sender": BOT,
        "ref": "refs/heads/main",
        "workflow": ".github/workflows/gpu-harness.yml",
        "inputs": {"nonce": "x", "request": "{}"},
    },
}


def payload(name: str, **changed: Any) -> dict[str, Any]:
    """A copy, with values set at dotted paths that are written with `__`."""
    it = copy.deepcopy(PAYLOADS[name])
    for path, value in changed.items():
        *parents, key = path.split("__")
        inner = it
        for one in parents:
            inner = inner[one]
        inner[key] = value
    return it
