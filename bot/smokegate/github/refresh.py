"""The refresh of saliency tables: a run for each manifest of the policy, and what each came to against the last time.

What a refresh came to is kept where it is compared next: in the message of a commit that a ref of the bot's points at.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from smokegate.errors import UsageError
from smokegate.github import coverage, times
from smokegate.github.coverage import Coverage
from smokegate.github.office import Office
from smokegate.github.once import once
from smokegate.github.port import Commit, Issue
from smokegate.github.reply import link, name
from smokegate.registry import strict_json

PREFIX = "refs/smokegate/refresh/"
MANIFEST, NONCE = "manifest", "nonce"
"""The inputs of a dispatched refresh."""
LABEL = "saliency-coverage"
_TITLE = "smokegate refresh"
_SLACK = 3600.0
_LONGEST = 256 << 10


@dataclass(frozen=True, slots=True)
class Reported:
    text: str
    fell: bool
    issue: str | None = None


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

    def reported(self, manifest: str, document: bytes) -> Reported:
        """Of a run's report, `saliency-materializer-batch-v1`: said, kept, and where coverage fell, an issue."""
        if manifest not in self.office.settings.refresh:
            raise UsageError(
                f"the policy refreshes no manifest {manifest!r}", fix="list it under `github.refresh` in the policy"
            )
        now = coverage.read(document)
        ref = ref_of(manifest)
        before, kept = self._last(ref)
        fallen = coverage.fallen(before, now) if before else []
        text = coverage.markdown(manifest, before, now)
        issue = self._issue(manifest, text) if fallen else None
        self._keep(ref, kept, now)
        return Reported(text, bool(fallen), issue.url if issue else None)

    def _last(self, ref: str) -> tuple[Coverage | None, Commit | None]:
        there = self.office.hub.ref(ref)
        if there is None:
            return None, None
        commit = self.office.hub.get_commit(there.sha)
        title, _, text = commit.message.partition("\n\n")
        if title != _TITLE:
            return None, commit
        try:
            return coverage.kept(strict_json.parse(text.encode(), max_bytes=_LONGEST, max_depth=6)), commit
        except (strict_json.JsonFault, ValueError, TypeError, KeyError):
            return None, commit

    def _keep(self, ref: str, before: Commit | None, now: Coverage) -> None:
        office = self.office
        message = f"{_TITLE}\n\n{json.dumps(coverage.keeping(now), sort_keys=True)}\n"
        if before is not None and before.message.rstrip() == message.rstrip():
            return
        parent = before.sha if before else office.ground.commit
        made = office.hub.create_commit(message=message, tree=office.ground.tree, parents=[parent])

        def there() -> bool | None:
            found = office.hub.ref(ref)
            return True if found is not None and found.sha == made.sha else None

        if before is None:
            once(there, lambda: office.hub.create_ref(ref, made.sha), office.clock, looked=True)
        else:
            office.hub.update_ref(ref, made.sha)

    def _issue(self, manifest: str, text: str) -> Issue:
        """One for each manifest, open until somebody closes it, with the latest numbers in it."""
        office = self.office
        marker = f"<!-- smokegate:refresh {ref_of(manifest).removeprefix(PREFIX)} -->"
        body = f"{text}\n{link('The run', office.step.run_url)} has the whole report.\n\n{marker}\n"

        def there() -> Issue | None:
            mine = office.hub.issues(labels=[LABEL], creator=office.ours.login)
            return next((one for one in mine if one.body.rstrip().endswith(marker)), None)

        def act() -> Issue:
            title = f"Saliency coverage fell: {manifest[:200]}"
            return office.hub.create_issue(title=title, body=body, labels=[LABEL])

        found = once(there, act, office.clock)
        return office.hub.update_issue(found.number, body=body) if found.body != body else found


def ref_of(manifest: str) -> str:
    return PREFIX + hashlib.sha256(manifest.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def run_name(nonce: str) -> str:
    return f"smokegate refresh {nonce}"


def announced(runs: list[tuple[str, str | None]]) -> str:
    rows = [f"| {name(manifest)} | {link('run', url) if url else 'not shown yet'} |" for manifest, url in runs]
    if not rows:
        return "No manifest is listed under `github.refresh` in the policy, or another run dispatches them.\n"
    return "\n".join(("## Refreshes started", "", "| manifest | |", "| --- | --- |", *rows)) + "\n"
