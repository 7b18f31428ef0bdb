"""The verdict on GitHub: one check run on the head, one comment on each pull request.

Runs by the default branch's code with a token that may write, on a verdict that another job found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from smokegate.errors import UsageError
from smokegate.github import approval, binding, ruling, sticky
from smokegate.github.check_run import CONCLUSION, CheckRun, cannot_judge, check_run, untouched
from smokegate.github.clock import Clock
from smokegate.github.faults import Uncertain
from smokegate.github.notice import comment, crowned
from smokegate.github.once import once
from smokegate.github.port import CheckRun as Shown
from smokegate.github.port import GitHub, Viewer
from smokegate.github.roles import counted
from smokegate.github.ruling import Ruling
from smokegate.github.verdict import Judged
from smokegate.github.verdict_document import Docket
from smokegate.policy_github import ROLES
from smokegate.render import words

ASIDE = " (unprotected base)"
"""Added to the check's name where no ruleset requires it, so that no such verdict passes for one that counts."""
CANNOT = "cannot-judge"
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

    def publish(self, docket: Docket) -> Published:
        if docket.repository.lower() != self.hub.repository_name.lower():
            raise UsageError(
                f"this verdict is about {docket.repository}, and not about {self.hub.repository_name}",
                fix="run the job that judges in this repository",
            )
        viewer = self.hub.viewer()
        rulings = tuple(self._ruling(judged, docket, viewer) for judged in docket.judged)
        checks = [
            self._check(docket, [one for one in rulings if one.judged.protected is protected], protected, viewer)
            for protected in (True, False)
        ]
        for one in rulings:
            if one.judged.asked.number is not None:
                self._comment(one.judged.asked.number, one, viewer)
        return Published(rulings, tuple(one for one in checks if one is not None))

    # -- approvals -------------------------------------------------------------------------------------------------

    def _ruling(self, judged: Judged, docket: Docket, viewer: Viewer) -> Ruling:
        """GitHub is asked for reviews only where one of them could change anything."""
        number = judged.asked.number
        wanting = ruling.parts_for_owners(judged)
        rising = ruling.flips(judged) and words.worst(judged.reports).value in {"pass", "needs-owner"}
        if number is None or judged.cannot is not None or not (wanting or rising):
            return ruling.rule(judged)
        pull = self.hub.pull(number)
        ours = pull.author.login.lower() == viewer.login.lower()
        if not wanting and not ours:
            return ruling.rule(judged)
        asked_by = {login for part in judged.parts for login in part.asked_by}
        wrote = approval.authors(pull, self.hub.pull_commits(number), asked_by)
        approving = approval.approvers(self.hub.reviews(number), judged.asked.head)
        owners = [approval.by_owner(part.owners, approving, wrote, self.hub.team_member) for part in wanting]
        flip = approval.by_another(approving, wrote, lambda login: self._writes(login, docket)) if ours else None
        return ruling.rule(judged, owners, flip)

    def _writes(self, login: str, docket: Docket) -> bool:
        role = counted(self.hub.permission(login), docket.settings)
        return role in ROLES and ROLES.index(role) >= _WRITE

    # -- the check run ---------------------------------------------------------------------------------------------

    def _check(self, docket: Docket, rulings: Sequence[Ruling], protected: bool, viewer: Viewer) -> Shown | None:
        if not rulings:
            return None
        wanted = self._wanted(docket, ruling.worst(rulings), protected, rulings, viewer)

        def there() -> Shown | None:
            found = self.hub.check_runs(docket.head, name=wanted.name, app_id=viewer.app_id)
            return next((one for one in found if _same(one, wanted)), None)

        made = once(there, lambda: self.hub.create_check_run(wanted.created()), self.clock)
        for number, fields in enumerate(wanted.further(), start=1):
            made = self._append(made, fields, sum(len(page) for page in wanted.pages[: number + 1]))
        return made

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

    def _comment(self, number: int, one: Ruling, viewer: Viewer) -> None:
        place = sticky.place(self.hub.comments(number), viewer)
        if place.update is None and not one.judged.touches:
            return
        body = comment(one, place.before, self.run_url, advisory=viewer.app_id is None)
        if place.update is None or self.hub.update_comment(place.update, body) is None:
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


def _same(there: Shown, wanted: CheckRun) -> bool:
    """The same delivery once more: an older verdict, or another one, is not."""
    return there.external_id == wanted.external_id and there.conclusion == wanted.conclusion
