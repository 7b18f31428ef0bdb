"""From what was judged to what is said: approvals that lift what only an owner can, and flips that nobody else saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smokegate.github.verdicts.approval import Approval
from smokegate.github.verdicts.verdict import Judged, Part
from smokegate.judge.report import Change, Verdict
from smokegate.render import words
from smokegate.render.escape import code, prose

ADVISORY = (
    "**Advisory**: this verdict bears a workflow's own token, and any workflow of this repository could write the "
    "like. Only one that bears an App of its own can be required."
)
_GREEN = (Verdict.PASS,)


@dataclass(frozen=True, slots=True)
class Ruling:
    judged: Judged
    verdict: Verdict | None
    """None where it could not be judged."""
    said: tuple[str, ...] = ()
    """Paragraphs that stand above the reports."""

    @property
    def passes(self) -> bool:
        return self.verdict in _GREEN

    @property
    def severity(self) -> tuple[bool, int]:
        """The higher, the worse; what could not be judged is worse than any verdict."""
        return self.verdict is None, 0 if self.verdict is None else _WORSE.index(self.verdict)


_WORSE = (Verdict.PASS, Verdict.NEEDS_OWNER, Verdict.NEEDS_EVIDENCE, Verdict.BLOCK)


def parts_for_owners(judged: Judged) -> tuple[Part, ...]:
    """Those that an approval could lift: only while nothing else is in the way."""
    verdicts = {part.report.verdict for part in judged.parts}
    if Verdict.NEEDS_OWNER not in verdicts or not verdicts <= {Verdict.PASS, Verdict.NEEDS_OWNER}:
        return ()
    return tuple(part for part in judged.parts if part.report.verdict is Verdict.NEEDS_OWNER)


def flips(judged: Judged) -> bool:
    """Whether anything goes to production that is not there, or is another thing there."""
    return any(_goes_up(change) for report in judged.reports for change in report.changes)


def _goes_up(change: Change) -> bool:
    return change.stage_after == "production" and (change.stage_before != "production" or change.identity_changed)


def rule(
    judged: Judged, owners: Sequence[Approval] = (), flip: Approval | None = None, stale: Sequence[str] = ()
) -> Ruling:
    """`owners` are the approvals of `parts_for_owners`, one each; `flip` is asked for where the bot opened the flip, or
    evidence says who asked for it; `stale` is why what was asked for is not what is there now."""
    if judged.cannot is not None:
        return Ruling(judged, None)
    verdict = words.worst(judged.reports)
    said: list[str] = []
    if verdict is Verdict.NEEDS_OWNER and owners:
        lacking = [one.lacking for one in owners if one.lacking]
        said += [f"Still missing: {prose(why)}." for why in dict.fromkeys(lacking)]
        if not lacking:
            by = sorted({login for one in owners for login in one.by})
            said.append(f"**Approved** by {_names(by)}, who owns the policy and had no hand in this change.")
            verdict = Verdict.PASS
    if stale:
        said += [f"**Out of date**: {prose(why)}." for why in stale]
        return Ruling(judged, max(verdict, Verdict.NEEDS_EVIDENCE, key=_WORSE.index), tuple(said))
    if flip is not None and verdict is Verdict.PASS:
        if flip.lacking:
            said.append(f"**Another pair of eyes is wanted**: {prose(flip.lacking)}.")
            verdict = Verdict.NEEDS_OWNER
        else:
            said.append(f"Approved by {_names(flip.by)}, who neither asked for this flip nor wrote it.")
    return Ruling(judged, verdict, tuple(said))


def _names(logins: Sequence[str]) -> str:
    return ", ".join(code(login) for login in logins)


def worst(rulings: Sequence[Ruling]) -> Ruling:
    """One head shows the worst of what it wants to become part of."""
    return max(rulings, key=lambda one: one.severity)
