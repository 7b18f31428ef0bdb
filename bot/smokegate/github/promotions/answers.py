"""What the bot says to each command: what became of it, why, and what to do next. One part of a comment each.

Logins are shown as code: an answer mentions nobody, for whoever asked is told by GitHub anyway.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from smokegate.github.comments.grammar import USAGE, Command, Mistake
from smokegate.github.comments.reply import link, name, names
from smokegate.github.comments.roles import Standing
from smokegate.github.promotions.locking import Fate, Lock
from smokegate.github.promotions.promotion import Request
from smokegate.judge.report import Verdict
from smokegate.policy import POLICY_NAME
from smokegate.policy_github import GitHub
from smokegate.render import words
from smokegate.render.escape import cell_code, clip, fence, prose

_WHAT = {
    "promote": "run the harness on this pull request's head and say PROMOTE or HOLD; without ids, for every entry "
    "that needs evidence; with `@sha`, for that head and no other",
    "hold": "stop promotions of these entries, or of all in this pull request",
    "status": "say how promotions of this pull request stand",
    "recheck": "judge this pull request again",
    "retire": "open a pull request that retires the entry, with this reason on record",
    "help": "say this",
}


@dataclass(frozen=True, slots=True)
class Going:
    """A promotion on its way."""

    lock: Lock
    fate: Fate
    run_url: str | None


def _part(outcome: str, why: str, next_: str = "") -> str:
    return "\n\n".join(filter(None, (f"**{outcome}** {why}", next_)))


def _refused(command: Command, why: str, next_: str = "") -> str:
    return _part(f"Not done: {name(str(command), 120)}.", why, next_)


# Who asks, and where.


def role(command: Command, login: str, standing: Standing) -> str:
    why = f"It takes the role `{standing.needs}` in this repository, and {name(login)} has {name(standing.has)}."
    if standing.unnamed:
        why += f" The policy does not say what that role counts as, so it counts as `{standing.counts_as}`."
        return _refused(
            command,
            why,
            f"Name it under `github.custom_roles` in `{POLICY_NAME}` on the default branch, or ask somebody with the "
            f"role `{standing.needs}` to write the command.",
        )
    return _refused(command, why, f"Ask somebody with the role `{standing.needs}` to write the command.")


def bot(command: Command, login: str) -> str:
    return _refused(
        command,
        f"A bot or an app wrote this as {name(login)}, and a person has to ask.",
        "Write the command in a comment of your own, on GitHub.",
    )


def edited(command: Command) -> str:
    return _refused(
        command,
        "This comment was edited, and what was edited is not obeyed: nobody could tell later who asked for what, when.",
        "Write the command in a new comment.",
    )


def closed(command: Command, *, merged: bool) -> str:
    return _refused(command, f"This pull request is {'merged' if merged else 'closed'}.", "Ask on one that is open.")


def no_pull(command: Command) -> str:
    return _refused(command, "This is an issue, and commands are about pull requests.", "Ask on a pull request.")


def touches_nothing(command: Command) -> str:
    return _refused(
        command,
        "This pull request touches no registry that the policy governs.",
        f"If it should, look at `registries` in `{POLICY_NAME}` on the default branch.",
    )


# What it is about.


def unknown(command: Command, ids: Sequence[str], known: Sequence[str], *, where: str = "at this head") -> str:
    near = [f"{name(found)} for {name(one)}" for one in ids[:12] if (found := _near(one, known))]
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    there = f"There are: {names(sorted(known), 30)}." if known else f"There are no entries {where}."
    return _refused(command, f"No entry {where} is called {names(ids)}.{hint}", there)


def _near(one: str, known: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(one, known[:2_000], n=1, cutoff=0.7)), None)


def in_production(command: Command, ids: Sequence[str]) -> str:
    are, compute = ("is", "it computes") if len(ids) == 1 else ("are", "they compute")
    return _refused(
        command,
        f"{names(ids)} {are} in production already, and what {compute} is the same at this head. "
        "There is nothing to promote.",
        "Change the model first, or name the entries that are still `smoke`.",
    )


def nothing_to_promote(command: Command) -> str:
    return _refused(
        command,
        "No entry of this pull request waits for evidence.",
        "Name the entries that you mean: `/promote <ids>`.",
    )


def several_gates(command: Command, gates: Mapping[str, Sequence[str]]) -> str:
    said = "; ".join(f"{name(gate)} judges {names(ids)}" for gate, ids in gates.items())
    return _refused(command, f"One promotion is of one gate: {said}.", "Write one `/promote` for each of them.")


def no_gate(command: Command, ids: Sequence[str]) -> str:
    are = "it is" if len(ids) == 1 else "they are"
    return _refused(
        command,
        f"No gate of the policy judges {names(ids)}, so nothing can show that {are} good.",
        f"Write a gate that matches under `gates` in `{POLICY_NAME}`, in a pull request of its own.",
    )


# Which commit.


def no_verdict(command: Command, head: str) -> str:
    return _refused(
        command,
        f"When this was written, the bot had not judged {_commit(head)} yet. A promotion is bound to a verdict that "
        "whoever asks could read.",
        "Wait for the verdict of this head, then ask again. Where none comes, `/recheck` asks for it.",
    )


def moved(command: Command, judged: str, head: str) -> str:
    return _refused(
        command,
        f"It was asked for when the verdict was about {_commit(judged)}, and the head is {_commit(head)} now.",
        "Wait for the verdict of the new head, read it, and ask again.",
    )


def other_commit(command: Command, head: str) -> str:
    return _refused(
        command,
        f"It names {_commit(command.sha or '')}, and the head of this pull request is {_commit(head)}.",
        f"If that head is meant: {name(str(replace(command, sha=words.revision(head))))}",
    )


def voided(request: Request, head: str) -> str:
    """A push while a promotion was under way."""
    return _part(
        f"Void: the promotion of {names(request.ids)}.",
        f"It was asked for at {_commit(request.head_sha)}, and the head is {_commit(head)} now. Whatever the run "
        "measures is about other bytes, and counts for nothing.",
        "Wait for the verdict of the new head, then ask again.",
    )


# On its way.


def locked(command: Command, entry: str, lock: Lock, run_url: str | None) -> str:
    where = link("its run", run_url) if run_url else "its run is not there yet"
    return _refused(
        command,
        f"{name(entry)} is being promoted already: {name(lock.actor)} asked for it on pull request {lock.pr} "
        f"({where}).",
        "Wait for its answer, or stop it with `/hold` there.",
    )


def dispatched(request: Request, run_url: str | None, settings: GitHub) -> str:
    run = f"{link('The run', run_url)} waits" if run_url else "The run waits"
    labels = ", ".join(f"`{label}`" for label in settings.runner_labels)
    return _part(
        f"Started: the promotion of {names(request.ids)}.",
        f"At {_commit(request.head_sha)}, for the gate {name(request.gate)}, with the {request.harness} harness.",
        f"{run} for a runner with the labels {labels}, at most {_minutes(settings.queue_timeout_minutes)}; then it has "
        f"{_minutes(settings.harness_timeout_minutes)}. The answer comes here. A push to this pull request voids it; "
        "`/hold` stops it.",
    )


def held(ids: Sequence[str]) -> str:
    return _part(f"Stopped: the promotion of {names(ids)}.", "Its run is cancelled, and its entries are free again.")


def rechecked(head: str) -> str:
    return _part("Judging again.", f"The verdict of {_commit(head)} appears in the comment above and in the checks.")


def retired(command: Command, url: str) -> str:
    return _part(
        f"Proposed: to retire {names(command.ids)}.",
        f"{link('This pull request', url)} takes the entry out and puts the reason on record.",
        "It is judged like any other.",
    )


def status(going: Sequence[Going], head: str, verdict: Verdict | None) -> str:
    judged = f"The verdict is **{words.LABEL[verdict]}**." if verdict else "It is not judged yet."
    lines = [f"**Status** of {_commit(head)}: {judged}"]
    rows = [
        f"| {names(one.lock.ids, 5)} | {cell_code(clip(one.lock.actor, 200))} | it {_FATES[one.fate][0]} | "
        f"{link('run', one.run_url) if one.run_url else ''} |"
        for one in going[:50]
    ]
    if rows:
        lines.append(
            "\n".join(("| promotion of | asked for by | how it stands | |", "| --- | --- | --- | --- |", *rows))
        )
    else:
        lines.append("No promotion is under way.")
    return "\n\n".join(lines)


# What it came to without a verdict.

_FATES: Mapping[Fate, tuple[str, str, str]] = {
    Fate.WAITING: ("waits for a runner", "", ""),
    Fate.RUNNING: ("runs", "", ""),
    Fate.ENDING: ("is about to answer", "", ""),
    Fate.NEVER_STARTED: (
        "never started",
        "GitHub never started a run for it.",
        "Look whether the workflow {workflow} is on the default branch and enabled, then ask again.",
    ),
    Fate.NOT_APPROVED: (
        "was never approved",
        "Its run waited {queue} for somebody to approve the deployment, and nobody did.",
        "Ask again and approve the deployment in time, or take the reviewers off the environment.",
    ),
    Fate.NO_RUNNER: (
        "found no runner",
        "No runner took the job within {queue}.",
        "Bring a runner with the labels {labels} on line (Settings, Actions, Runners shows them), then ask again.",
    ),
    Fate.OVERDUE: (
        "does not end",
        "Its run has gone on for longer than {harness}, and GitHub did not end it. It is told to stop.",
        "Look at the runner; it may be cut off. Then ask again.",
    ),
    Fate.TIMED_OUT: (
        "ran out of time",
        "Its run was ended after {harness}.",
        "Look in its log where the time went. A longer one is `github.harness_timeout_minutes` in the policy.",
    ),
    Fate.CANCELLED: ("was cancelled", "Its run was cancelled.", "If that was not meant, ask again."),
    Fate.DIED: (
        "failed",
        "Its run failed before it had an answer.",
        "Its log says why. When that is mended, ask again.",
    ),
    Fate.UNFINISHED: (
        "ended without an answer",
        "Its run ended well, and no answer came of it.",
        "Look at the last job of the run, then ask again.",
    ),
}


def over(request: Request | Lock, fate: Fate, run_url: str | None, settings: GitHub) -> str:
    """Nothing came of it: which way it went, and what mends that. Its entries are free again."""
    said, why, next_ = _FATES[fate]
    words_ = {
        "workflow": f"`{settings.workflows.harness}`",
        "queue": _minutes(settings.queue_timeout_minutes),
        "harness": _minutes(settings.harness_timeout_minutes),
        "labels": ", ".join(f"`{label}`" for label in settings.runner_labels),
    }
    run = f" See {link('its run', run_url)}." if run_url else ""
    free = "Its entries are free again."
    return _part(
        f"The promotion of {names(request.ids)} {said}.",
        f"{why.format_map(words_)} {free}{run}",
        next_.format_map(words_),
    )


def no_artifact(request: Request | Lock, run_url: str, *, expired: bool) -> str:
    how = "was deleted, or kept too short a time" if expired else "is not there"
    mend = (
        "Keep artifacts for longer (`retention-days` of the upload), and ask again."
        if expired
        else "Look at the upload in the run's log, and ask again."
    )
    return _part(
        f"No answer: the promotion of {names(request.ids)}.",
        f"{link('The run', run_url)} ended, and the evidence that it should have left {how}. "
        "Its entries are free again.",
        mend,
    )


def bad_artifact(request: Request, run_url: str, why: str) -> str:
    """What the run left is not what was asked for: forged, damaged, or of another request."""
    return _part(
        f"Refused: what the run of {names(request.ids)} left.",
        "Nothing was opened, and its entries are free again.",
        f"{prose(clip(why, 2_000))}\n\n"
        f"Look at {link('the run', run_url)} before you ask again: a runner should never leave such a thing.",
    )


def failed(command: Command, why: str, fix: str | None, run_url: str | None) -> str:
    """We could not go on; whoever asked is told, and the run is red."""
    run = f" {link('The run', run_url)} has the rest." if run_url else ""
    parts = [f"**Could not go on:** {name(str(command), 120)}.{run}", prose(clip(why, 2_000))]
    if fix and fix.strip():
        parts.append(fence(fix[:2_000]))
    return "\n\n".join(filter(None, parts))


# Help.


def help_(settings: GitHub) -> str:
    rows = [f"| `{usage}` | {getattr(settings.roles, one)} | {_WHAT[one]} |" for one, usage in USAGE.items()]
    return "\n\n".join(
        (
            "**Commands**, each at the start of a line of a new comment:",
            "\n".join(("| command | least role | what it does |", "| --- | --- | --- |", *rows)),
        )
    )


def misspelt(mistakes: Sequence[Mistake]) -> str:
    lines = [
        f"- Line {one.line}, {name(one.said, 120)}: {prose(one.why)}."
        + (f" It is written `{one.usage}`." if one.usage else "")
        for one in mistakes
    ]
    return "\n\n".join(("**Not understood**, and nothing was done about it:", "\n".join(lines), "`/help` says more."))


def _commit(sha: str) -> str:
    return name(words.revision(sha), 64)


def _minutes(number: int) -> str:
    return words.count(number, "minute")
