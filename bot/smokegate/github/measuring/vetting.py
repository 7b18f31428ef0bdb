"""A request held to what GitHub says now. Who reads one believes none of it: its inputs, anybody who may dispatch can
write."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from smokegate.github.api.port import Comment, Pull
from smokegate.github.comments import grammar
from smokegate.github.comments.roles import standing
from smokegate.github.promotions.bound import verdict_before
from smokegate.github.promotions.locking import Lock
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promote import Asked, Promoter, Refusal, nonce_of
from smokegate.github.promotions.promotion import Request, RequestError


class Freed(RequestError):
    """Nobody waits for it any more: it was stopped, swept, or answered."""


class Stale(RequestError):
    """A promotion of ours that does not hold any more: whoever asked is told, and its entries are freed."""


class Void(Stale):
    """It was good when it was asked for; the pull request is another one now."""

    def __init__(self, message: str, pull: Pull) -> None:
        super().__init__(message, fix="ask again, in a new comment on the pull request")
        self.pull = pull


@dataclass(frozen=True, slots=True)
class Vetted:
    request: Request
    pull: Pull
    lock: Lock


def vet(office: Office, request: Request, *, verdict: bool) -> Vetted:
    """`verdict`: whether the check run that it is bound to is looked for, which takes being who wrote it."""
    lock = ours(office, request, whole=True)
    comment = _commented(office, request)
    role = standing("promote", office.hub.permission(request.actor), office.settings)
    if not role.suffices:
        raise Stale(f"{request.actor} has the role {role.has} by now, and {role.needs} is asked for", fix=_AGAIN)
    pull = office.hub.pull(request.pr)
    if said := moved(office, request, pull):
        raise Void(said, pull)
    _meant(office, request, comment, pull)
    if verdict:
        found = verdict_before(
            office.hub, office.ours, office.settings.check_name, request.head_sha, comment.created_at
        )
        if found is None:
            raise Stale(f"no verdict of ours on {request.head_sha} is older than the comment", fix=_AGAIN)
    return Vetted(request, pull, lock)


def ours(office: Office, request: Request, *, whole: bool) -> Lock:
    """Whether there is such a promotion at all, and this is its run; only then is anything said or written.

    `whole`: all of its entries are still locked for it, and not only what was left of them half-way.
    """
    if request.repository.casefold() != office.hub.repository_name.casefold():
        raise RequestError(
            f"the request is about {request.repository}, and this is {office.hub.repository_name}",
            fix="dispatch nothing by hand: ask with `/promote` on a pull request",
        )
    if request.nonce != nonce_of(request.repository, request.comment, request.registry, request.ids):
        raise RequestError("the request's nonce is not that of its comment and entries", fix=_AGAIN)
    return _locked(office, request, whole=whole)


_AGAIN = "ask again with `/promote`, in a new comment on the pull request"


def moved(office: Office, request: Request, pull: Pull) -> str | None:
    if pull.state != "open":
        return f"pull request {pull.number} is closed"
    if pull.head_sha != request.head_sha:
        return f"it was asked for at {request.head_sha}, and the head is {pull.head_sha} now"
    if pull.base_ref != request.base_ref:
        return f"it was asked for into {request.base_ref}, and the pull request is aimed at {pull.base_ref} now"
    if not office.court.protects(pull.base_ref):
        return f"{pull.base_ref} is no protected base any more"
    return None


def _locked(office: Office, request: Request, *, whole: bool) -> Lock:
    held = office.locks().held(request.registry, request.ids, request.nonce)
    lock = next((one for one in held if one is not None), None)
    if lock is None or (whole and None in held):
        raise Freed("its entries are not locked for this promotion any more: it was stopped, or answered", fix=_AGAIN)
    if lock.run is not None and lock.run != office.step.run_id:
        raise RequestError(
            f"this promotion's run is {lock.run}, and this is {office.step.run_id}",
            fix="do not dispatch it by hand, and do not run it twice: ask again with `/promote`",
        )
    if lock.pr != request.pr:
        raise RequestError(f"its entries are locked for pull request {lock.pr}, not for {request.pr}", fix=_AGAIN)
    return lock


def _commented(office: Office, request: Request) -> Comment:
    """There, on this pull request, unchanged, by this person, and asking for this."""
    comment = office.hub.comment(request.comment)
    if comment is None:
        raise Stale("the comment that asked for it is gone", fix=_AGAIN)
    if comment.updated_at != comment.created_at:
        raise Stale("the comment that asked for it was edited", fix=_AGAIN)
    if comment.author.login != request.actor or comment.author.bot:
        raise Stale(f"the comment was written by {comment.author.login}, not by {request.actor}", fix=_AGAIN)
    if not _is_on(comment, request.pr):
        raise Stale(f"the comment is not on pull request {request.pr}", fix=_AGAIN)
    return comment


def _meant(office: Office, request: Request, comment: Comment, pull: Pull) -> None:
    """By the way from comment to request once more: else a comment would vouch for what somebody made of it."""
    wanted = (request.registry, request.ids, request.gate, request.harness)
    for command in grammar.read(comment.body).commands:
        if command.name == "promote" and (command.sha is None or request.head_sha.startswith(command.sha)):
            with suppress(Refusal):
                found = Promoter(office).requests(Asked(command, comment, pull, ()))
                if wanted in {(one.registry, one.ids, one.gate, one.harness) for one in found}:
                    return
    raise Stale("the comment does not ask for a promotion of these entries at this head", fix=_AGAIN)


def _is_on(comment: Comment, number: int) -> bool:
    address = comment.url.partition("#")[0]
    return address.endswith((f"/pull/{number}", f"/issues/{number}"))
