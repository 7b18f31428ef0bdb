"""Whether a repository's settings hold what a verdict promises: each thing that does not, with what mends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from smokegate.github.adoption import callers
from smokegate.github.api.faults import GitHubError
from smokegate.github.api.port import Classic, GitHub, Rule
from smokegate.github.promotions.acts import VERDICT_WORKFLOW
from smokegate.github.step import settings
from smokegate.policy import Policy
from smokegate.sources.tree import Kind, Tree

_LONGEST = 1 << 20
_USED = re.compile(r"^\s*(?:-\s+)?uses:\s*[\"']?(?P<what>[\w./-]+)@(?P<ref>[^\s\"']+)", re.ASCII | re.MULTILINE)
_CALLED = re.compile(r"(?P<owner>[\w.-]+)/[\w.-]+/\.github/workflows/(?P<name>[\w.-]+)", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_SETUP = "smokegate github setup"


class State(Enum):
    OK = "ok"
    ADVICE = "advice"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Told:
    state: State
    what: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    hub: GitHub
    branch: str
    """The default one."""
    tree: Tree
    """Of the default branch, as this clone has it."""
    policy: Policy
    app_id: int | None
    """The App that is meant to speak; None where that is not known."""


def examine(patient: Patient) -> Iterator[Told]:
    """In the order in which they are mended best."""
    for part in (_workflows, _policy, _app, _rules, _rulesets, _environments):
        yield from _asked(part, patient)


def _asked(part: Callable[[Patient], Iterator[Told]], patient: Patient) -> Iterator[Told]:
    """What GitHub does not say to this token is not known, which is neither good nor bad."""
    try:
        yield from part(patient)
    except GitHubError as fault:
        yield Told(State.UNKNOWN, fault.message, fault.fix)


# -- what is in the repository -----------------------------------------------------------------------------------------


def _workflows(patient: Patient) -> Iterator[Told]:
    names = patient.policy.github.workflows
    wanted = {callers.CHECK: "", VERDICT_WORKFLOW: "", callers.PROMOTE: "", callers.SWEEP: ""}
    wanted |= {names.harness: "workflows.harness", names.refresh: "workflows.refresh"}
    for name, key in wanted.items():
        path = f"{callers.FOLDER}/{name}"
        node = patient.tree.node(path)
        if node is None or node.kind is not Kind.FILE:
            if name == names.refresh and not patient.policy.github.refresh:
                continue
            named = f" (`github.{key}` in the policy)" if key else ""
            yield Told(State.MISSING, f"there is no {path} on {patient.branch}{named}", f"{_SETUP} --write")
            continue
        yield _used(patient, path, patient.tree.read(path, _LONGEST).decode("utf-8", "replace"))


def _used(patient: Patient, path: str, text: str) -> Told:
    """Of whatever commit it is, somebody read it; of a branch or a tag, nobody may have."""
    used = {one["what"]: one["ref"] for one in _USED.finditer(text)}
    for what, ref in used.items():
        if not _COMMIT.fullmatch(ref):
            why = f"{path} takes {what} from {ref[:60]!r}, which may be other code tomorrow"
            return Told(State.MISSING, why, "name the commit by its 40 digits: uses: ...@COMMIT # version")
    called = next(filter(None, map(_CALLED.fullmatch, used)), None)
    if called is None:
        return Told(State.OK, f"{path} is there, with jobs of its own")
    ours = patient.hub.repository_name.partition("/")[0]
    if callers.APP_KEY in text and called["owner"].casefold() != ours.casefold():
        why = (
            f"{path} calls a workflow of {called['owner']}, which gets no runner and no environment's secret of {ours}"
        )
        return Told(State.MISSING, why, f"git rm {path}, then: {_SETUP} --write   (without --call)")
    return Told(State.OK, f"{path} calls {called['name']} at one commit")


def _policy(patient: Patient) -> Iterator[Told]:
    policy, ours = patient.policy, patient.policy.github
    if not policy.owners:
        yield Told(
            State.ADVICE,
            "the policy names no owners, so nobody can approve a change of the policy itself",
            "owners: [ORGANISATION/TEAM], in .smokegate.yml",
        )
    if policy.unattested == "allow":
        yield Told(
            State.ADVICE,
            "evidence may vouch for itself: `unattested: allow`",
            "docs/signing.md: make a key, name it under `signatures`, and take the line out",
        )
    without = [name for name in policy.gates if name not in ours.corpora]
    if policy.gates and len(without) == len(policy.gates):
        yield Told(
            State.ADVICE,
            f"no gate has a corpus, so `/promote` can run nothing ({', '.join(without)})",
            "github: {corpora: {GATE: path/of/corpus}}, in .smokegate.yml",
        )


# -- what GitHub says --------------------------------------------------------------------------------------------------


def _app(patient: Patient) -> Iterator[Told]:
    if patient.app_id is None:
        yield Told(
            State.MISSING,
            "no App is known: verdicts with a workflow's own token are advisory, as any workflow can write the like",
            "docs/github-app.md, then: smokegate github doctor --app-id ID",
        )


def _rules(patient: Patient) -> Iterator[Told]:
    """Of rulesets and of a classic rule together, as GitHub holds a branch to both."""
    classic = _classic(patient)
    rules = [*patient.hub.rules_of_branch(patient.branch), *(classic.rules if classic else ())]
    yield from _check(patient, [one for one in rules if one.kind == "required_status_checks"])
    found = list(_of_branch(patient, rules))
    if classic is not None and not classic.whole and any(one.state is State.MISSING for one in found):
        why = f"{patient.branch} has a classic protection rule, and only an admin is told what it says of reviews"
        yield Told(State.UNKNOWN, why, f"ask with an admin's token, or use a ruleset: {_IMPORT}")
        found = [one for one in found if one.state is State.OK]
    yield from found


def _classic(patient: Patient) -> Classic | None:
    """All of it, or what this token is told."""
    told = patient.hub.classic_checks(patient.branch)
    if told is None:
        return None
    try:
        return patient.hub.classic_rule(patient.branch)
    except GitHubError as refused:
        if refused.status not in {403, 404}:
            raise
        return told


def _of_branch(patient: Patient, rules: Sequence[Rule]) -> Iterator[Told]:
    pulls = [one for one in rules if one.kind == "pull_request"]
    if not pulls:
        yield Told(State.MISSING, f"{patient.branch} can be pushed to without a pull request", _IMPORT)
    else:
        yield from _reviews(patient, pulls)
    for kind, why in (("deletion", "deleted"), ("non_fast_forward", "rewritten")):
        if not any(one.kind == kind for one in rules):
            yield Told(State.MISSING, f"{patient.branch}, and the evidence in its history, can be {why}", _IMPORT)


def _reviews(patient: Patient, pulls: Sequence[Rule]) -> Iterator[Told]:
    for key, why in (
        ("dismiss_stale_reviews_on_push", "an approval outlives the commit that it was given for"),
        ("require_last_push_approval", "who pushed last may approve it"),
    ):
        held = any(one.parameters.get(key) is True for one in pulls)
        yield Told(State.OK, f"{patient.branch}: {key}") if held else Told(State.MISSING, f"{why}: no {key}", _IMPORT)
    if not any(_count(one) > 0 for one in pulls):
        yield Told(State.MISSING, "no approval is required", _IMPORT)


_IMPORT = f"{_SETUP} --app-id ID prints the ruleset, and the command that makes it"


def _count(rule: Rule) -> int:
    found = rule.parameters.get("required_approving_review_count")
    return found if isinstance(found, int) else 0


def _check(patient: Patient, rules: Sequence[Rule]) -> Iterator[Told]:
    name = patient.policy.github.check_name
    listed = [one for rule in rules for one in _listed(rule) if one.get("context") == name]
    if not listed:
        yield Told(State.MISSING, f"{patient.branch} does not require the check `{name}`", _IMPORT)
        return
    bound = {one.get("integration_id") for one in listed} - {None}
    if not bound:
        yield Told(State.MISSING, f"`{name}` is required of nobody in particular: any workflow can write it", _IMPORT)
    elif patient.app_id is not None and patient.app_id not in bound:
        said = ", ".join(str(one)[:20] for one in sorted(bound, key=str))
        yield Told(State.MISSING, f"`{name}` is required of the App {said}, and ours is {patient.app_id}", _IMPORT)
    else:
        yield Told(State.OK, f"`{name}` is required, of one App alone")
    if any(rule.parameters.get("strict_required_status_checks_policy") is True for rule in rules):
        yield Told(State.OK, "a branch is up to date before it is merged")
    else:
        yield Told(
            State.MISSING, "a verdict outlives the base that it was found against: checks are not strict", _IMPORT
        )


def _listed(rule: Rule) -> list[dict[str, object]]:
    found = rule.parameters.get("required_status_checks")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _rulesets(patient: Patient) -> Iterator[Told]:
    for one in patient.hub.rulesets():
        if one.name == settings.RULESET and one.enforcement != "active":
            where = "Settings > Rules > Rulesets: set its enforcement to active"
            yield Told(State.MISSING, f"the ruleset {one.name} is {one.enforcement}", where)


def _environments(patient: Patient) -> Iterator[Told]:
    for name in settings.ENVIRONMENTS:
        found = patient.hub.environment(name)
        if found is None:
            yield Told(State.MISSING, f"there is no environment {name}", f"{_SETUP} prints the commands that make it")
        elif not found.custom_branches:
            which = "every branch" if not found.protected_branches else "every protected branch"
            where = f"Settings > Environments > {name}: allow {patient.branch} alone"
            yield Told(State.MISSING, f"{which} may use the environment {name}", where)
        else:
            yield from _deploying(patient, name)


def _deploying(patient: Patient, name: str) -> Iterator[Told]:
    branches = patient.hub.deployment_branches(name)
    others = [one for one in branches if one != patient.branch]
    where = f"Settings > Environments > {name}"
    if patient.branch not in branches:
        yield Told(State.MISSING, f"{patient.branch} may not use the environment {name}", f"{where}: allow it")
    elif others:
        listed = ", ".join(others[:5])
        yield Told(State.MISSING, f"the environment {name} is open to {listed} as well", f"{where}: take them out")
    else:
        yield Told(State.OK, f"the environment {name} is {patient.branch}'s alone")
