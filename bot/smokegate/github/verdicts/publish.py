"""The verdict on GitHub: one check run on the head, one comment on each pull request.

Runs by the default branch's code with a token that may write, on a verdict that another job found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from smokegate.errors import UsageError
from smokegate.github.api.clock import Clock
from smokegate.github.api.faults import GitHubError, Uncertain, passing
from smokegate.github.api.once import once
from smokegate.github.api.port import CheckRun as Shown
from smokegate.github.api.port import GitHub, Viewer
from smokegate.github.comments import sticky
from smokegate.github.comments.roles import counted
from smokegate.github.verdicts import approval, binding, ruling
from smokegate.github.verdicts.asking import PullsAt
from smokegate.github.verdicts.check_run import CONCLUSION, CheckRun, cannot_judge, check_run, mark, untouched
from smokegate.github.verdicts.notice import comment, crowned
from smokegate.github.verdicts.origin import moved_on, origins
from smokegate.github.verdicts.ruling import Ruling
from smokegate.github.verdicts.verdict import Judged, Part
from smokegate.github.verdicts.verdict_document import Docket
from smokegate.judge.report import Verdict
from smokegate.policy_github import ROLES
from smokegate.render import words

ASIDE = " (unprotected base)"
"""Added to the check's name where no ruleset requires it, so that no such verdict passes for one that counts."""
CANNOT = "cannot-judge"
AGAIN = "have all jobs of the run done again: Re-run all jobs"
_UNKNOWN = "0" * 64
_WRITE = ROLES.index("write")
_APPENDS = 5


@dataclass(frozen=True, slots=True)
class Published:
    rulings: tuple[Ruling, ...] = ()
    checks: tuple[Shown, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst one; `pass` where no pull request has this head any more."""
        if not self.rulings:
            return "pass"
        found = ruling.worst(self.rulings).verdict
        return CANNOT if found is None else found.value


@dataclass(frozen=True, slots=True)
class Publisher:
    hub: GitHub
    clock: Clock
    run_url: str
    pulls_at: PullsAt

    def publish(self, docket: Docket) -> Published:
        if docket.repository.lower() != self.hub.repository_name.lower():
            raise UsageError(
                f"this verdict is about {docket.repository}, and not about {self.hub.repository_name}",
                fix="run the job that judges in this repository",
            )
        viewer = self.hub.viewer()
        rulings = tuple(self._ruling(judged, docket, viewer) for judged in docket.judged)
        checks: list[Shown] = []
        faults: list[GitHubError] = []
        for protected in (True, False):
            group = [one for one in rulings if one.judged.protected is protected]
            if group:
                wanted = self._wanted(docket, ruling.worst(group), protected, group, viewer)
                known = [self._commented(one, wanted, docket, viewer, faults) for one in group]
                checks.append(self._check(wanted, docket, viewer, look=any(known)))
        if faults:
            raise faults[0]
        return Published(rulings, tuple(checks))

    # -- approvals -------------------------------------------------------------------------------------------------

    def _ruling(self, judged: Judged, docket: Docket, viewer: Viewer) -> Ruling:
        """GitHub is asked for reviews only where one of them could change anything."""
        asked = judged.asked
        number, head = asked.number, asked.head
        if number is None and judged.queued_head:
            number, head = asked.queued, judged.queued_head
        wanting = ruling.parts_for_owners(judged)
        passing = words.worst(judged.reports).value in {"pass", "needs-owner"}
        # What is in the queue has passed where it was asked for: its flips had their other pair of eyes there.
        rising = asked.number is not None and ruling.flips(judged) and passing
        if number is None or judged.cannot is not None or not (wanting or rising):
            return ruling.rule(judged)
        pull = self.hub.pull(number)
        asked_by = {login for part in judged.parts for login in part.asked_by}
        requested = rising and (pull.author.login.lower() == viewer.login.lower() or bool(asked_by))
        if not wanting and not requested:
            return ruling.rule(judged)
        commits = self.hub.pull_commits(number)
        found, stale = origins(judged, self.hub) if requested else ([], [])
        stale += [why for one in found for why in moved_on(one, pull, commits)]
        wrote = approval.authors(pull, commits, asked_by.union(one.author.login for one in found))
        approving = approval.approvers(self.hub.reviews(number), head)
        owners = [self._by_owner(part, approving, wrote) for part in wanting]
        flip = approval.by_another(approving, wrote, lambda login: self._writes(login, docket)) if requested else None
        return ruling.rule(judged, owners, flip, stale)

    def _by_owner(self, part: Part, approving: Sequence[str], wrote: approval.Authors) -> approval.Approval:
        try:
            return approval.by_owner(part.owners, approving, wrote, self.hub.team_member)
        except GitHubError as fault:
            if fault.status != 403:
                raise
            why = "who belongs to the teams among its owners cannot be seen; for that the App needs Members: read"
            return approval.Approval(lacking=why)

    def _writes(self, login: str, docket: Docket) -> bool:
        role = counted(self.hub.permission(login), docket.settings)
        return role in ROLES and ROLES.index(role) >= _WRITE

    # -- the check run ---------------------------------------------------------------------------------------------

    def _check(self, wanted: CheckRun, docket: Docket, viewer: Viewer, *, look: bool) -> Shown:
        """`look` where there may be one already."""

        def there() -> Shown | None:
            found = self.hub.check_runs(wanted.head_sha, name=wanted.name, app_id=viewer.app_id)
            if not found:
                return None
            # GitHub goes by the newest, so an older one of the same words says nothing any more.
            shown = mark(found[0].external_id, found[0].conclusion, found[0].title)
            self._not_outdated(docket, shown)
            return found[0] if shown == wanted.mark else None

        if wanted.conclusion == CONCLUSION[Verdict.PASS]:
            self._require_all_judged(docket)
        made = once(there, lambda: self.hub.create_check_run(wanted.created()), self.clock, looked=not look)
        for number, fields in enumerate(wanted.further(), start=1):
            made = self._append(made, fields, sum(len(page) for page in wanted.pages[: number + 1]))
        return made

    def _require_all_judged(self, docket: Docket) -> None:
        """In the last moment, as one that was opened since may have been judged meanwhile, by another run, and held.
        Comments do not tell for certain: whoever may write may change them."""
        judged = {one.asked.number for one in docket.judged}
        if None in judged:
            return
        for number in self.pulls_at(docket.head):
            if number not in judged:
                self._require_elsewhere(number, docket)

    def _require_elsewhere(self, number: int, docket: Docket) -> None:
        pull = self.hub.pull(number)
        if pull.state == "open" and pull.head_sha == docket.head:
            raise UsageError(f"#{number} has the head {docket.head} as well, and was not judged here", fix=AGAIN)

    def _not_outdated(self, docket: Docket, shown: str) -> None:
        """A pull request that was opened on this head since has a verdict that this one would hide."""
        bound = binding.read(shown.partition(" ")[0])
        numbers = {one.asked.number for one in docket.judged}
        if bound is not None and bound.head == docket.head and bound.pr is not None and not numbers & {None, bound.pr}:
            self._require_elsewhere(bound.pr, docket)

    def _append(self, check: Shown, fields: dict[str, Any], then: int) -> Shown:
        """A page more of annotations, unless it is there: an update whose answer was lost may have come through."""
        for left in reversed(range(_APPENDS)):
            if check.annotations >= then:
                return check
            try:
                return self.hub.update_check_run(check.id, fields)
            except Uncertain:
                if not left:
                    raise
                self.clock.sleep(2.0)
                found = self.hub.check_runs(check.head_sha, name=check.name, app_id=check.app_id)
                check = next((one for one in found if one.id == check.id), check)
        raise AssertionError("the last try returns or raises")

    def _wanted(
        self, docket: Docket, one: Ruling, protected: bool, rulings: Sequence[Ruling], viewer: Viewer
    ) -> CheckRun:
        name = docket.settings.check_name + ("" if protected else ASIDE)
        bound = {"name": name, "head_sha": docket.head, "external_id": external_id(one.judged)}
        if one.judged.cannot is not None:
            why, _, fix = one.judged.cannot.partition("\n  fix: ")
            found = cannot_judge(why, fix=fix or None, details_url=self.run_url, **bound)
        elif not one.judged.touches:
            found = untouched(**bound)
        else:
            found = check_run(
                one.judged.reports,
                most_annotations=docket.settings.annotations,
                details_url=self.run_url,
                full_report=self.run_url,
                **bound,
            )
        verdict = one.verdict
        if verdict is not None and one.said:
            found = replace(found, conclusion=CONCLUSION[verdict], title=f"{words.LABEL[verdict]}: see the page")
        return crowned(found, one, rulings, advisory=viewer.app_id is None)

    # -- the comment -----------------------------------------------------------------------------------------------

    def _commented(
        self, one: Ruling, wanted: CheckRun, docket: Docket, viewer: Viewer, faults: list[GitHubError]
    ) -> bool:
        """Whether the check run may be there already. A comment is written before its check run and names it, so that
        one which ours does not name was never begun; where there is no comment, only GitHub can tell."""
        number = one.judged.asked.number
        # What failed for now is done by the next run; the check run does not wait for every comment's patience.
        if number is None or any(map(passing, faults)):
            return True
        try:
            place = sticky.place(self.hub.comments(number), viewer)
            named = place.before.check if place.before else ""
            self._not_outdated(docket, named)
            self._comment(number, one, place, wanted, viewer)
        except GitHubError as fault:
            # A locked conversation takes none. The check run is what counts, and comes all the same.
            faults.append(fault)
            return True
        if place.update is None:
            return not one.judged.touches
        return named in {"", wanted.mark}

    def _comment(self, number: int, one: Ruling, place: sticky.Place, wanted: CheckRun, viewer: Viewer) -> None:
        if place.update is None and not one.judged.touches:
            return
        body = comment(one, place.before, self.run_url, advisory=viewer.app_id is None, check=wanted.mark)
        same = _said(place.text) == _said(body)
        if place.update is None or not (same or self.hub.update_comment(place.update, body)):
            self._first(number, body, viewer)
        for extra in place.extra:
            self.hub.delete_comment(extra)

    def _first(self, number: int, body: str, viewer: Viewer) -> None:
        def there() -> int | None:
            return sticky.place(self.hub.comments(number), viewer).update

        once(there, lambda: self.hub.create_comment(number, body).id, self.clock, looked=True)


def external_id(judged: Judged) -> str:
    """What the verdict belongs to; one that could not be found belongs to no policy."""
    reports = judged.reports
    policy = binding.policies_digest(one.policy_sha256 for one in reports) if reports else _UNKNOWN
    base = judged.base_tip or _UNKNOWN[: len(judged.asked.head)]
    registries = binding.registries_digest(one.registry for one in reports)
    return str(binding.Binding(judged.asked.number, base, judged.asked.head, policy, registries))


def _said(text: str) -> list[str]:
    """Of a comment, however GitHub hands it back. The same verdict once more does not take away what had changed."""
    lines = (line.rstrip("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip() and not line.startswith(sticky.SINCE)]
