"""What `/hold` is about, and whether one was written before its promotion had begun."""

from __future__ import annotations

from collections.abc import Iterable

from smokegate.github.api.port import Comment
from smokegate.github.comments import grammar
from smokegate.github.comments.grammar import Command
from smokegate.github.comments.roles import standing
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promotion import Request
from smokegate.judge.groups import ensembles


def meant(command: Command, ids: Iterable[str]) -> bool:
    """Without ids it is about every promotion of the pull request; with some, about those of which it names a part."""
    known = list(ids)
    return not command.ids or not {*known, *ensembles(known)}.isdisjoint(command.ids)


def called_off(office: Office, request: Request) -> bool:
    """By a later comment. Comments are read in any order, and one that was read first met nothing to stop: so this is
    asked once the entries are locked, for whoever reads such a comment from then on finds the lock."""
    return any(
        one.id > request.comment and _holds(one, request) and _may(office, one)
        for one in office.hub.comments(request.pr)
    )


def _holds(comment: Comment, request: Request) -> bool:
    asked = grammar.read(comment.body).commands
    return comment.updated_at == comment.created_at and any(
        one.name == "hold" and meant(one, request.ids) for one in asked
    )


def _may(office: Office, comment: Comment) -> bool:
    author = comment.author
    return not author.bot and standing("hold", office.hub.permission(author.login), office.settings).suffices
