"""The settings that a repository needs for a verdict to count, as GitHub's API takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ENVIRONMENT = "smokegate"
"""Where the App's key and the signing key are."""
GPU_ENVIRONMENT = "smokegate-gpu"
"""What the jobs on one's own runners are bound to. It holds no secret."""
ENVIRONMENTS = (ENVIRONMENT, GPU_ENVIRONMENT)
APP_ID = "SMOKEGATE_APP_ID"
RULESET = "smokegate"

ONE_BRANCH = {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}
"""Of an environment: only what is listed may use it."""


def ruleset(check_name: str, app_id: int, protected_bases: Sequence[str]) -> dict[str, Any]:
    """The check by its name and by the App that wrote it: a name alone, any workflow can take."""
    return {
        "name": RULESET,
        "target": "branch",
        "enforcement": "active",
        "bypass_actors": [],
        "conditions": {
            "ref_name": {
                "include": ["~DEFAULT_BRANCH", *(f"refs/heads/{one}" for one in protected_bases)],
                "exclude": [],
            }
        },
        "rules": [
            {"type": "deletion"},
            {"type": "non_fast_forward"},
            {
                "type": "pull_request",
                "parameters": {
                    "required_approving_review_count": 1,
                    "dismiss_stale_reviews_on_push": True,
                    "require_code_owner_review": False,
                    "require_last_push_approval": True,
                    "required_review_thread_resolution": False,
                },
            },
            {
                "type": "required_status_checks",
                "parameters": {
                    "strict_required_status_checks_policy": True,
                    "required_status_checks": [{"context": check_name, "integration_id": app_id}],
                },
            },
        ],
    }
