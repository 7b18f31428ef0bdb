"""What the bot says of a promotion besides `answers`: why one cannot be had here, and what became of the asking."""

from __future__ import annotations

from collections.abc import Sequence

from smokegate.github.comments.grammar import Command
from smokegate.github.comments.reply import link, name, names
from smokegate.github.promotions.promotion import MOST_IDS, Request
from smokegate.policy import POLICY_NAME
from smokegate.render.escape import clip, fence, prose

HEARD = "**Heard.** The answer appears here."


def _refused(command: Command, why: str, next_: str) -> str:
    return f"**Not done: {name(str(command), 120)}.** {why}\n\n{next_}"


def unprotected(command: Command, base: str) -> str:
    return _refused(
        command,
        f"{name(base)} is not a protected base: its policy may say anything, and production is not decided there.",
        f"Aim the pull request at the default branch, or name the branch under `github.protected_bases` in "
        f"`{POLICY_NAME}` there.",
    )


def several_registries(command: Command, registries: Sequence[str]) -> str:
    return _refused(
        command,
        f"Several registries have what it is about: {names(registries)}.",
        "Name entries that only one of them has.",
    )


def retire_by_hand(command: Command, registries: Sequence[str]) -> str:
    return _refused(
        command,
        f"Several registries have it: {names(registries)}.",
        "Say which in a pull request of your own: `smokegate retire ID --reason TEXT --registry PATH`.",
    )


def apart(command: Command) -> str:
    return _refused(
        command, "These entries are in different registries.", "Write one `/promote` for those of each registry."
    )


def no_harness(command: Command, gate: str, *, together: bool) -> str:
    if together:
        return _refused(
            command,
            f"The gate {name(gate)} compares one candidate with one incumbent, and this group has several members.",
            "Take `group` from the gate in the policy, in a pull request of its own.",
        )
    return _refused(
        command,
        f"The gate {name(gate)} judges numbers that no harness of smokegate measures.",
        "Measure them with your own tools, and commit the evidence beside the registry.",
    )


def no_corpus(command: Command, gate: str) -> str:
    return _refused(
        command,
        f"The policy does not say what the gate {name(gate)} is measured on.",
        f"Name it under `github.corpora` in `{POLICY_NAME}` on the default branch.",
    )


def too_many(command: Command, number: int) -> str:
    return _refused(
        command,
        f"They go up together with all of their group, {number:,} entries, and one promotion is of at most {MOST_IDS}.",
        "Make smaller groups in the policy, in a pull request of its own.",
    )


def stop_or_start(command: Command) -> str:
    return _refused(
        command,
        "This comment says `/hold` as well, and one comment either stops promotions or starts some.",
        "Write `/promote` in a new comment.",
    )


def nothing_to_stop(command: Command, going: Sequence[str]) -> str:
    there = f"Under way here: {names(going)}." if going else ""
    said = f"**Nothing to stop: {name(str(command), 120)}.** No such promotion was under way when this was read."
    return f"{said}\n\n{there}" if there else said


def stopped(request: Request) -> str:
    """Between the locks and the run."""
    said = f"**Not started: the promotion of {names(request.ids)}.** It was stopped, or given up, before it ran."
    return f"{said}\n\nIf that was not meant, ask again in a new comment."


def answered(request: Request, url: str) -> str:
    return f"**Answered already:** the promotion of {names(request.ids)}, {link('here', url)}."


def closed(request: Request, *, merged: bool) -> str:
    """Under way when the pull request was merged or closed."""
    how = "merged" if merged else "closed"
    return (
        f"**Void: the promotion of {names(request.ids)}.** This pull request is {how}, and what was measured is about "
        f"what it proposed.\n\nAsk on one that is open."
    )


def retargeted(request: Request, base: str) -> str:
    return (
        f"**Void: the promotion of {names(request.ids)}.** It was asked for into {name(request.base_ref)}, and this "
        f"pull request wants to go to {name(base)} now.\n\nWait for the verdict there, then ask again."
    )


def not_standing(request: Request, why: str) -> str:
    """What was asked for is not what GitHub says now."""
    return (
        f"**Void: the promotion of {names(request.ids)}.** {prose(clip(why, 1_000))}.\n\nNothing was opened, and its "
        f"entries are free again. Ask again in a new comment."
    )


def gave_up(why: str, fix: str | None, run_url: str) -> str:
    """On a whole comment, as where the policy cannot be read."""
    parts = [
        f"**Could not go on** with this comment. {link('The run', run_url)} has the rest.",
        prose(clip(why, 2_000)),
    ]
    if fix and fix.strip():
        parts.append(fence(fix[:2_000]))
    return "\n\n".join((*parts, "When that is mended, write it once more."))


def forsaken(run_url: str | None) -> str:
    """The worker that read the comment went away, and nobody took over."""
    run = f" {link('Its run', run_url)} says how far it came." if run_url else ""
    return f"**No answer came of this comment:** the job that read it ended half-way.{run}\n\nWrite it once more."
