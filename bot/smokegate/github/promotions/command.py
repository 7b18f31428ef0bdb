"""One comment: read, acknowledged, acted on, answered once.

The answer is the record: a comment that has one is never acted on again. Until it is there, every act finds what an
earlier worker left of it, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from smokegate.errors import SmokegateError
from smokegate.github.api.clock import Clock
from smokegate.github.api.faults import GitHubError, passing
from smokegate.github.api.once import once
from smokegate.github.api.port import Comment, GitHub, Pull, Viewer
from smokegate.github.comments import grammar, reply
from smokegate.github.comments.grammar import Command
from smokegate.github.comments.roles import standing
from smokegate.github.promotions import acts, answers, remarks, retiring
from smokegate.github.promotions.acts import Act
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promote import Asked, Promoter
from smokegate.github.step.events import IssueComment

_ACTS: Mapping[str, Callable[[Office, Asked], Act]] = {
    "hold": acts.hold,
    "status": acts.status,
    "recheck": acts.recheck,
    "retire": retiring.retire,
}
_ON_CLOSED = frozenset({"hold", "status", "help"})


@dataclass(frozen=True, slots=True)
class Answered:
    parts: tuple[str, ...] = ()
    failed: bool = False
    note: str | None = None
    """Why there is no answer."""


@dataclass(slots=True)
class Clerk:
    office: Office
    _roles: dict[str, str] = field(default_factory=dict)

    def handle(self, event: IssueComment, *, heard: bool | None = None) -> Answered:
        """`heard` is what `acknowledge` said, where that was done before."""
        office, asked = self.office, grammar.read(event.body)
        if note := _left_alone(event, asked, office.ours):
            return Answered(note=note)
        heard = acknowledge(office.hub, event) if heard is None else heard
        with office.turns().take(reply.comment_key(event.id), event.issue) as mine:
            if not mine:
                return Answered(note="another run answers this comment")
            return self._answer(event, asked, heard=heard)

    def _answer(self, event: IssueComment, asked: grammar.Asked, *, heard: bool) -> Answered:
        hub, key = self.office.hub, reply.comment_key(event.id)
        comments = hub.comments(event.issue)
        if reply.find(comments, key, self.office.ours):
            return Answered(note="answered already")
        comment = hub.comment(event.id)
        if comment is None:
            return Answered(note="the comment is gone")
        if not heard and not reply.find(comments, _heard(event), self.office.ours):
            comments = (*comments, say(self.office, event.issue, [remarks.HEARD], _heard(event)))
        pull = hub.pull(event.issue) if event.on_pull else None
        done = [self._act(one, event, comment, pull, comments) for one in asked.commands]
        parts = [act.said for act, _ in done]
        parts += [answers.misspelt(asked.mistakes)] if asked.mistakes else []
        self._put(event, parts, [key for act, _ in done for key in act.keys], comments)
        for act, _ in done:
            act.then()
        return Answered(tuple(parts), failed=any(failed for _, failed in done))

    # -- one command ------------------------------------------------------------------------------------------------

    def _act(
        self, command: Command, event: IssueComment, comment: Comment, pull: Pull | None, comments: Sequence[Comment]
    ) -> tuple[Act, bool]:
        try:
            refused = self._refused(command, event, comment, pull)
            if refused is not None:
                return Act(refused), False
            if command.name == "help":
                return Act(answers.help_(self.office.settings)), False
            if pull is None:
                return Act(answers.no_pull(command)), False
            return self._done(Asked(command, comment, pull, comments)), False
        except SmokegateError as error:
            if passing(error):
                raise
            url = self.office.run_url(self.office.step.run_id)
            return Act(answers.failed(command, error.message, error.fix, url)), True

    def _refused(self, command: Command, event: IssueComment, comment: Comment, pull: Pull | None) -> str | None:
        author = comment.author
        if author.bot or event.by_app:
            return answers.bot(command, author.login)
        if event.edited or comment.updated_at != comment.created_at or comment.body != event.body:
            return answers.edited(command)
        role = standing(command.name, self._role(author.login), self.office.settings)
        if not role.suffices:
            return answers.role(command, author.login, role)
        if pull is not None and pull.state != "open" and command.name not in _ON_CLOSED:
            return answers.closed(command, merged=pull.merged)
        return None

    def _role(self, login: str) -> str:
        if login not in self._roles:
            self._roles[login] = self.office.hub.permission(login)
        return self._roles[login]

    def _done(self, asked: Asked) -> Act:
        office = self.office
        if asked.command.name == "promote":
            if any(one.name == "hold" for one in grammar.read(asked.comment.body).commands):
                return Act(remarks.stop_or_start(asked.command))
            return Act("\n\n".join(Promoter(office).promote(asked)))
        return _ACTS[asked.command.name](office, asked)

    # -- answering --------------------------------------------------------------------------------------------------

    def _put(self, event: IssueComment, parts: Sequence[str], also: Sequence[str], comments: Sequence[Comment]) -> None:
        """Into the acknowledgement, where that had to be a comment."""
        key = reply.comment_key(event.id)
        said = reply.find(comments, _heard(event), self.office.ours)
        if said is None or self.office.hub.update_comment(said.id, reply.put_together(parts, *also, key)) is None:
            say(self.office, event.issue, parts, key, also)


def _left_alone(event: IssueComment, asked: grammar.Asked, ours: Viewer) -> str | None:
    if not asked or event.action not in {"created", "edited"}:
        return "no command"
    return "our own comment" if event.author.login.casefold() == ours.login.casefold() else None


def _heard(event: IssueComment) -> str:
    return f"heard:{event.id}"


def say(office: Office, issue: int, parts: Sequence[str], key: str, also: Sequence[str] = ()) -> Comment:
    """One comment by its key, whoever else may be saying it; `also` is what it answers besides."""

    def there() -> Comment | None:
        return reply.find(office.hub.comments(issue), key, office.ours)

    body = reply.put_together(parts, *also, key)
    return once(there, lambda: office.hub.create_comment(issue, body), office.clock)


def acknowledge(hub: GitHub, event: IssueComment) -> bool:
    """Before anything that takes its time. False where no reaction can be left, and a comment has to say it."""
    if _left_alone(event, grammar.read(event.body), hub.viewer()) is not None:
        return False
    try:
        hub.react(event.id, "eyes")
    except GitHubError:
        return False
    return True


def give_up(hub: GitHub, clock: Clock, event: IssueComment, said: str) -> None:
    """Where not even the policy can be read, or no turn be taken: whoever asked hears that much."""
    ours, key = hub.viewer(), reply.comment_key(event.id)
    if _left_alone(event, grammar.read(event.body), ours) is not None:
        return

    def there() -> Comment | None:
        return reply.find(hub.comments(event.issue), key, ours)

    once(there, lambda: hub.create_comment(event.issue, reply.put_together([said], key)), clock)
