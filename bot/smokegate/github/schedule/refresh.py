"""The refresh of saliency tables: a run for each manifest of the policy, and what each came to against the last time.

What a refresh came to is kept where it is compared next: in the message of a commit that a ref of the bot's points at.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from smokegate.errors import UsageError
from smokegate.github.api import times
from smokegate.github.api.once import once
from smokegate.github.api.port import Commit, Issue
from smokegate.github.comments.reply import link, name
from smokegate.github.promotions.office import Office
from smokegate.github.schedule import coverage
from smokegate.github.schedule.coverage import Table
from smokegate.registry import strict_json

PREFIX = "refs/smokegate/refresh/"
MANIFEST, NONCE = "manifest", "nonce"
"""The inputs of a dispatched refresh."""
LABEL = "saliency-coverage"
_TITLE = "smokegate refresh"
_SLACK = 3600.0
_LONGEST = 4 << 20


@dataclass(frozen=True, slots=True)
class Reported:
    text: str
    wanting: bool
    """Whether coverage fell, or something was not refreshed."""
    issue: str | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    tables: tuple[Table, ...]
    run: int


@dataclass(frozen=True, slots=True)
class Refresher:
    office: Office

    def dispatched(self) -> list[tuple[str, int | None]]:
        """Each manifest, and its run: one for each of this job's runs, however often that is attempted."""
        office = self.office
        if not office.settings.refresh:
            return []
        with office.turns().take(f"refresh:{office.step.run_id}", 1) as mine:
            return [(one, self._started(one)) for one in office.settings.refresh] if mine else []

    def _started(self, manifest: str) -> int | None:
        office, workflow = self.office, self.office.settings.workflows.refresh
        told = f"{office.step.repository}:{office.step.run_id}:{manifest}"
        nonce = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        since = times.written(times.seconds(office.hub.run(office.step.run_id).created_at) - _SLACK)

        def there() -> int | None:
            runs = office.hub.workflow_runs(workflow, event="workflow_dispatch", created_since=since)
            return next((run.id for run in runs if run.title == run_name(nonce)), None)

        def act() -> int:
            return office.hub.dispatch(workflow, office.branch, {MANIFEST: manifest, NONCE: nonce}) or 0

        return once(there, act, office.clock) or None

    # -- what came of one -------------------------------------------------------------------------------------------

    def reported(self, manifest: str, document: bytes | None) -> Reported:
        """Of a run's report, `saliency-materializer-batch-v1`: said, kept, and where something is wanting, an issue.

        None where the run left no report.
        """
        if manifest not in self.office.settings.refresh:
            raise UsageError(
                f"the policy refreshes no manifest {manifest!r}", fix="list it under `github.refresh` in the policy"
            )
        if document is None:
            text = _no_report(manifest)
            return Reported(text, True, self._issue(manifest, text, wanting=True))
        now = coverage.read(document)
        ref = ref_of(manifest)
        last, tip = self._last(ref)
        wanting = bool(coverage.wanting(last, now))
        text = coverage.markdown(manifest, last, now)
        issue = self._issue(manifest, text, wanting=wanting)
        self._keep(ref, tip, coverage.keeping(last, now))
        return Reported(text, wanting, issue)

    def _last(self, ref: str) -> tuple[tuple[Table, ...], Commit | None]:
        """What was known before this run, whichever attempt of it this is; and the commit to go on from."""
        hub = self.office.hub
        there = hub.ref(ref)
        tip = commit = hub.get_commit(there.sha) if there is not None and there.kind == "commit" else None
        kept = _read(commit) if commit else None
        while kept is not None and kept.run == self.office.step.run_id and commit is not None and commit.parents:
            commit = hub.get_commit(commit.parents[0])
            kept = _read(commit)
        return kept.tables if kept else (), tip

    def _keep(self, ref: str, before: Commit | None, tables: list[dict[str, Any]]) -> None:
        office = self.office
        kept = {"run": office.step.run_id, "tables": tables}
        message = f"{_TITLE}\n\n{json.dumps(kept, sort_keys=True, separators=(',', ':'))}\n"
        if before is not None and before.message.rstrip() == message.rstrip():
            return
        # The tree of the commit before it, for the default branch's workflows may be others by now.
        parent, tree = (before.sha, before.tree) if before else (office.ground.commit, office.ground.tree)
        made = office.hub.create_commit(message=message, tree=tree, parents=[parent])

        def there() -> bool | None:
            found = office.hub.ref(ref)
            return True if found is not None and found.sha == made.sha else None

        if before is None:
            once(there, lambda: office.hub.create_ref(ref, made.sha), office.clock, looked=True)
        else:
            office.hub.update_ref(ref, made.sha)

    def _issue(self, manifest: str, text: str, *, wanting: bool) -> str | None:
        """One for each manifest, open until somebody closes it, with the latest numbers in it."""
        office = self.office
        marker = f"<!-- smokegate:refresh {ref_of(manifest).removeprefix(PREFIX)} -->"
        body = f"{text}\n{link('The run', office.step.run_url)} has the whole report.\n\n{marker}\n"

        def there() -> Issue | None:
            marked = (one for one in office.hub.issues(labels=[LABEL]) if one.body.rstrip().endswith(marker))
            return next((one for one in marked if one.author.login.casefold() == office.ours.login.casefold()), None)

        def act() -> Issue:
            title = f"Saliency coverage: {manifest[:200]}"
            return office.hub.create_issue(title=title, body=body, labels=[LABEL])

        found = once(there, act, office.clock) if wanting else there()
        if found is not None and found.body != body:
            found = office.hub.update_issue(found.number, body=body)
        return found.url if found else None


def _read(commit: Commit) -> _Kept | None:
    title, _, text = commit.message.partition("\n\n")
    if title != _TITLE:
        return None
    try:
        value = strict_json.parse(text.encode(), max_bytes=_LONGEST, max_depth=6)
        return _Kept(coverage.kept(value["tables"]), int(value["run"]))
    except (strict_json.JsonFault, ValueError, TypeError, KeyError):
        return None


def _no_report(manifest: str) -> str:
    return (
        f"## Coverage of {name(manifest)}: no report\n\nThe batch left none: no runner took it, it could not start, or "
        "it was stopped. Its tables are as they were.\n"
    )


def ref_of(manifest: str) -> str:
    return PREFIX + hashlib.sha256(manifest.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def run_name(nonce: str) -> str:
    return f"smokegate refresh {nonce}"


def announced(runs: list[tuple[str, str | None]]) -> str:
    rows = [f"| {name(manifest)} | {link('run', url) if url else 'not shown yet'} |" for manifest, url in runs]
    if not rows:
        return "No manifest is listed under `github.refresh` in the policy, or another run dispatches them.\n"
    return "\n".join(("## Refreshes started", "", "| manifest | |", "| --- | --- |", *rows)) + "\n"
