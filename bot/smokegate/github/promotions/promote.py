"""`/promote`: bound to the verdict that whoever asks could read, its entries locked, its harness started once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from smokegate.errors import SmokegateError, UsageError
from smokegate.github.api import times
from smokegate.github.api.faults import passing
from smokegate.github.api.port import Comment, Pull
from smokegate.github.comments import reply, sticky
from smokegate.github.comments.grammar import Command
from smokegate.github.promotions import answers, locking, remarks
from smokegate.github.promotions.bound import verdict_before
from smokegate.github.promotions.holding import called_off
from smokegate.github.promotions.locks import Held, Taken
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promotion import MOST_IDS, Request
from smokegate.registry.entry import Entry
from smokegate.review.promotable import Lot, View, views
from smokegate.review.registries import NoRegistry
from smokegate.review.sides import Sides

HARNESS_OF = {"ensemble": "ensemble", "comparison": "saliency"}
"""By the shape of what a gate judges."""
_SHORT = 12


class Refusal(Exception):
    """What is said in place of a promotion."""


@dataclass(frozen=True, slots=True)
class Asked:
    command: Command
    comment: Comment
    pull: Pull
    comments: Sequence[Comment]
    """Of the pull request, as they were when this began."""


@dataclass(frozen=True, slots=True)
class Promoter:
    office: Office

    def promote(self, asked: Asked) -> list[str]:
        """An answer for each promotion, or the one that says why there is none."""
        try:
            self._bound(asked)
            requests = self.requests(asked)
        except Refusal as refusal:
            return [str(refusal)]
        return [self._start(request, asked) for request in requests]

    # -- which commit -----------------------------------------------------------------------------------------------

    def _bound(self, asked: Asked) -> None:
        command, pull, office = asked.command, asked.pull, self.office
        if not office.court.protects(pull.base_ref):
            _refuse(remarks.unprotected(command, pull.base_ref))
        if command.sha and not pull.head_sha.startswith(command.sha):
            _refuse(answers.other_commit(command, pull.head_sha))
        name = office.settings.check_name
        if verdict_before(office.hub, office.ours, name, pull.head_sha, asked.comment.created_at) is None:
            before = sticky.place(asked.comments, office.ours).before
            if before is not None and before.head != pull.head_sha:
                _refuse(answers.moved(command, before.head, pull.head_sha))
            _refuse(answers.no_verdict(command, pull.head_sha))

    # -- which entries ----------------------------------------------------------------------------------------------

    def requests(self, asked: Asked) -> list[Request]:
        """What the command comes to as things are now; a Refusal where that is nothing."""
        with self._views(asked.pull) as (tip, found):
            if not any(view.touched for view in found):
                _refuse(answers.touches_nothing(asked.command))
            view, entries = self._meant(asked, found)
            return [self._request(asked, view, lot, tip) for lot in self._lots(asked, view, entries)]

    @contextmanager
    def _views(self, pull: Pull) -> Iterator[tuple[str, list[View]]]:
        """Of what merging would give, as in the verdict."""
        store = self.office.court.store
        tip = store.tip(pull.base_ref)
        store.fetch(tip, pull.head_sha)
        merged = store.merged(tip, pull.head_sha)
        with self.office.repo() as repo:
            sides = Sides(repo.tree(tip), repo.tree(merged, pull.head_sha[:_SHORT]), repo, tip)
            asked = self.office.court.question
            try:
                yield tip, views(sides, self.office.court.bench, registry=asked.registry, policy=asked.policy)
            except NoRegistry:
                yield tip, []

    def _meant(self, asked: Asked, found: Sequence[View]) -> tuple[View, list[Entry]]:
        command = asked.command
        if not command.ids:
            waiting = [(view, entries) for view in found if (entries := view.waiting())]
            if not waiting:
                _refuse(answers.nothing_to_promote(command))
            if len(waiting) > 1:
                _refuse(remarks.several_registries(command, [view.registry for view, _ in waiting]))
            return waiting[0]
        knowing = [view for view in found if set(command.ids) <= set(view.known())]
        if not knowing:
            known = [one for view in found for one in view.known()]
            lost = [one for one in command.ids if one not in known]
            if not lost:
                _refuse(remarks.apart(command))
            _refuse(answers.unknown(command, lost, known))
        touched = [view for view in knowing if view.touched] or knowing
        if len(touched) > 1:
            _refuse(remarks.several_registries(command, [view.registry for view in touched]))
        return touched[0], touched[0].named(command.ids)

    def _lots(self, asked: Asked, view: View, entries: Sequence[Entry]) -> list[Lot]:
        command = asked.command
        done = [entry.key for entry in entries if view.stands(entry)]
        if done and (len(done) == len(entries) or set(done) & set(command.ids)):
            _refuse(answers.in_production(command, done))
        if lawless := [entry.key for entry in entries if view.gate_of(entry) is None]:
            _refuse(answers.no_gate(command, lawless))
        gates: dict[str, list[str]] = {}
        for entry in entries:
            gates.setdefault(view.gate_of(entry) or "", []).append(entry.key)
        if len(gates) > 1:
            _refuse(answers.several_gates(command, gates))
        lots = list(view.lots(entries))
        for lot in lots:
            self._runnable(command, lot)
        return lots

    def _runnable(self, command: Command, lot: Lot) -> None:
        kind = HARNESS_OF.get(lot.gate.shape)
        if kind is None or (kind == "saliency" and len(lot.ids) > 1):
            _refuse(remarks.no_harness(command, lot.gate_name, together=kind is not None))
        if lot.gate_name not in self.office.settings.corpora:
            _refuse(remarks.no_corpus(command, lot.gate_name))
        if len(lot.ids) > MOST_IDS:
            _refuse(remarks.too_many(command, len(lot.ids)))

    def _request(self, asked: Asked, view: View, lot: Lot, tip: str) -> Request:
        pull, repository = asked.pull, self.office.hub.repository_name
        return Request(
            repository=repository,
            pr=pull.number,
            base_ref=pull.base_ref,
            base_sha=tip,
            head_sha=pull.head_sha,
            registry=view.registry,
            ids=lot.ids,
            harness=HARNESS_OF[lot.gate.shape],
            gate=lot.gate_name,
            policy_sha256=view.loaded.sha256,
            actor=asked.comment.author.login,
            comment=asked.comment.id,
            nonce=nonce_of(repository, asked.comment.id, view.registry, lot.ids),
            asked_at=times.written(times.seconds(asked.comment.created_at)),
        )

    # -- acting -----------------------------------------------------------------------------------------------------

    def _start(self, request: Request, asked: Asked) -> str:
        office, command = self.office, asked.command
        if answered := reply.find(asked.comments, reply.promotion_key(request.nonce), office.ours):
            return remarks.answered(request, answered.url)
        locks, runs = office.locks(), office.runs()
        held = locks.take(request.registry, locking.lock_of(request, office.clock.now()))
        if isinstance(held, Taken):
            return self._locked(command, held)
        now = office.hub.pull(request.pr)
        if (now.state, now.head_sha, now.base_ref) != ("open", request.head_sha, request.base_ref):
            if runs.of(held.lock) is None:
                locks.free(request.nonce, held.refs)
            return _moved(command, request, now)
        if called_off(office, request):
            there = runs.of(held.lock)
            return self._stopped(request, held, there.id if there else None)
        try:
            run = runs.started(request, held.lock)
        except SmokegateError as error:
            if not passing(error):
                locks.free(request.nonce, held.refs)
            raise
        if not locks.note_run(held, run):
            return self._stopped(request, held, run)
        return answers.dispatched(request, office.run_url(run), office.settings)

    def _stopped(self, request: Request, held: Held, run: int | None) -> str:
        if run is not None:
            self.office.hub.cancel_run(run)
        self.office.locks().free(request.nonce, held.refs)
        return remarks.stopped(request)

    def _locked(self, command: Command, taken: Taken) -> str:
        if taken.lock is None:
            raise UsageError(
                f"{taken.ref} is there, and is no lock that smokegate wrote",
                fix=f"git push origin :{taken.ref}",
            )
        run = self.office.runs().of(taken.lock)
        return answers.locked(command, taken.entry, taken.lock, run.url if run else None)


def _moved(command: Command, request: Request, now: Pull) -> str:
    if now.state != "open":
        return answers.closed(command, merged=now.merged)
    if now.head_sha != request.head_sha:
        return answers.moved(command, request.head_sha, now.head_sha)
    return remarks.retargeted(request, now.base_ref)


def nonce_of(repository: str, comment: int, registry: str, ids: Sequence[str]) -> str:
    """One and the same for one promotion, however often its comment is delivered: so none is started twice."""
    told = "\0".join((repository.lower(), str(comment), registry, *sorted(ids)))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _refuse(said: str) -> NoReturn:
    raise Refusal(said)
