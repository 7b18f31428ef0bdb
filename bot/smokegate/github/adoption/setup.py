"""What a repository needs to use smokegate: files to commit, and settings that only an admin can change."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smokegate.errors import UsageError
from smokegate.github.adoption import callers
from smokegate.github.adoption.callers import Source
from smokegate.github.step import settings
from smokegate.policy import POLICY_NAME
from smokegate.policy_file import default_policy, parse
from smokegate.policy_github import GitHub
from smokegate.review.locate import start_policy
from smokegate.sources.git import GitRepo

RULES = ".github/smokegate/"
"""Settings as files: for `gh api --input`, for Settings > Rules > Import a ruleset, and for whoever reviews them."""
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    path: str
    text: str
    same: bool
    """It is there already, and as it should be."""
    there: bool
    """It is there already, with something else in it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of GitHub's API, as a command for whoever may make it."""

    why: str
    verb: str
    path: str
    body: Mapping[str, Any]

    def command(self) -> str:
        """For a shell: nothing of the body is looked at by it."""
        return f"gh api --method {self.verb} {shlex.quote(self.path)} --input - <<'JSON'\n{_json(self.body)}JSON"


@dataclass(frozen=True, slots=True)
class Target:
    """The repository that is set up."""

    top: Path
    repository: str
    branch: str
    """The default one."""


@dataclass(frozen=True, slots=True)
class Plan:
    target: Target
    files: tuple[File, ...]
    calls: tuple[Call, ...]
    missing_app: bool
    missing_owners: bool
    """A change of the policy, or of a workflow that governs, wants an owner's word: with none, it cannot be merged."""


def target(repo: str, repository: str, branch: str | None) -> Target:
    with GitRepo.discover(repo) as opened:
        if opened.top is None:
            raise UsageError("this needs a git repository with a working tree", fix="run it in a clone")
        return Target(opened.top, repository, branch or _short(opened.default_branch()))


def _short(ref: str) -> str:
    for place in ("refs/remotes/origin/", "refs/heads/"):
        ref = ref.removeprefix(place)
    return ref


@dataclass(frozen=True, slots=True)
class Wish:
    """What is chosen, beside where it goes."""

    source: Source
    app_id: int | None = None
    registry: str | None = None
    owners: tuple[str, ...] = ()
    """Of a policy that is not there yet."""
    call: bool = False
    """Workflows that call those of the source, in place of the source's own."""


def plan(at: Target, wish: Wish) -> Plan:
    ours, theirs = (name.partition("/")[0] for name in (at.repository, wish.source.repository))
    if wish.call and ours.casefold() != theirs.casefold():
        raise UsageError(
            f"a workflow of {theirs} that is called gets no runner and no environment's secret of {ours}",
            fix=f"leave out --call, or name a copy that {ours} has: --source {ours}/smokegate@COMMIT",
        )
    place, text = at.top / POLICY_NAME, ""
    if not place.exists():
        place, text = start_policy(str(at.top), wish.registry)
    new = None if place.exists() else _owned(text, wish.owners)
    policy = parse(_read(place) if new is None else new.encode(), POLICY_NAME).policy
    wanted = {} if new is None else {place.relative_to(at.top).as_posix(): new}
    github = policy.github if place.parent == at.top else default_policy().policy.github
    wanted |= (callers.files if wish.call else callers.whole)(wish.source, github.workflows)
    wanted |= {RULES + name: _json(body) for name, body in _rules(github, wish.app_id).items()}
    files = tuple(_file(at.top, path, text) for path, text in wanted.items())
    calls = tuple(_calls(at, github, wish.app_id))
    return Plan(at, files, calls, missing_app=wish.app_id is None, missing_owners=not policy.owners)


def _owned(text: str, owners: Sequence[str]) -> str:
    return text.replace("\n#owners: []\n", f"\nowners: {json.dumps(owners)}\n") if owners else text


def _read(place: Path) -> bytes:
    """As it lies in the working tree: what is set up has not been merged yet."""
    with place.open("rb") as stream:
        return stream.read(_LARGEST)


def _file(top: Path, path: str, text: str) -> File:
    place = top / path
    same = place.is_file() and not place.is_symlink() and place.read_bytes() == text.encode()
    return File(path, text, same, there=not same and (place.is_symlink() or place.exists()))


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _rules(policy: GitHub, app_id: int | None) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {"environment.json": settings.ONE_BRANCH}
    if app_id is not None:
        found["ruleset.json"] = settings.ruleset(policy.check_name, app_id, policy.protected_bases)
    return found


def _calls(at: Target, policy: GitHub, app_id: int | None) -> Sequence[Call]:
    repo = f"repos/{at.repository}"
    found = []
    for name in settings.ENVIRONMENTS:
        place = f"{repo}/environments/{name}"
        found += [
            Call(f"the environment {name}: listed branches alone", "PUT", place, settings.ONE_BRANCH),
            Call(
                f"the environment {name}: {at.branch} is listed",
                "POST",
                f"{place}/deployment-branch-policies",
                {"name": at.branch, "type": "branch"},
            ),
        ]
    if app_id is not None:
        rules = settings.ruleset(policy.check_name, app_id, policy.protected_bases)
        found += [
            Call(
                "the App's id, where the workflows look for it",
                "POST",
                f"{repo}/environments/{settings.ENVIRONMENT}/variables",
                {"name": settings.APP_ID, "value": str(app_id)},
            ),
            Call("the verdict is required, and only the App's counts", "POST", f"{repo}/rulesets", rules),
        ]
    return found


def write(plan: Plan) -> list[str]:
    """The files that were written. What is there already is left as it is."""
    written = []
    for file in plan.files:
        place = plan.target.top / file.path
        if file.there or place.exists():
            continue
        if (led := _led_away(plan.target.top, file.path)) is not None:
            raise UsageError(f"{led} is a link, and {file.path} would be written elsewhere", fix=f"rm {led}")
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f"{place.name}.part")
        part.write_text(file.text, encoding="utf-8")
        part.replace(place)
        written.append(file.path)
    return written


def _led_away(top: Path, path: str) -> str | None:
    steps = Path(path).parts[:-1]
    folders = ["/".join(steps[: number + 1]) for number in range(len(steps))]
    return next((one for one in folders if (top / one).is_symlink()), None)
