"""The life of one entry, from git alone: what each commit did to it, and what its evidence is worth today."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache

from smokegate.errors import MissingObject, SmokegateError, UsageError
from smokegate.judge.change import RegistryChange, Step
from smokegate.judge.side import Side
from smokegate.policy_file import default_policy, places
from smokegate.registry.document import DocumentFault
from smokegate.registry.paths import parent
from smokegate.render.life import Event, Proof, Stage, Standing, Trail
from smokegate.review.check import Question, Workbench
from smokegate.review.events import Past, events_of, goes_up
from smokegate.review.law import Effective, effective_policy
from smokegate.review.lineage import Lineage, Passage, Touch, lineage, touch
from smokegate.review.past import lookup
from smokegate.review.proofs import Found, at_rest, called, in_change
from smokegate.review.registries import registries_of
from smokegate.review.sides import Sides
from smokegate.review.standing_in import last_readable
from smokegate.sources.authorship import authorship
from smokegate.sources.git import GitRepo
from smokegate.sources.history import Commit
from smokegate.sources.tree import Tree

_TREES_KEPT = 64
_SHORT = 12
_CUT = "the clone is shallow and begins here, so nothing is known of what came before: git fetch --unshallow"


def trail(question: Question, entry_id: str, bench: Workbench | None = None) -> Trail:
    """`question.policy` is one more policy to hold evidence to, beside the one that stood on base."""
    with GitRepo.discover(question.repo) as repo, nullcontext(bench) if bench else Workbench() as shared:
        tip = repo.resolve(question.head or "HEAD")
        audits = [_Audit(repo, tip, one, question.policy, shared) for one in _registries(repo, tip, question)]
        found = [(audit, line) for audit in audits if (line := audit.lineage(entry_id)) is not None]
        if not found:
            raise _never_there(entry_id, audits, shallow=bool(repo.shallow))
        if len(found) > 1:
            names = ", ".join(audit.registry for audit, _ in found)
            raise UsageError(f"several registries know `{entry_id}`: {names}", fix="name one with --registry")
        audit, line = found[0]
        return audit.trail(entry_id, line)


def _registries(repo: GitRepo, tip: str, question: Question) -> list[str]:
    """One that is named may be long gone."""
    if question.registry is not None:
        if next(repo.first_parents(tip, [question.registry], limit=1), None) is None:
            raise UsageError(
                f"no commit knows a {question.registry}",
                fix="name a registry from the root of the repo with --registry",
            )
        return [question.registry]
    return registries_of(Sides(repo.tree(None), repo.tree(tip), repo, None), None, None)


def _never_there(entry_id: str, audits: Sequence[_Audit], *, shallow: bool) -> UsageError:
    alike = difflib.get_close_matches(entry_id, sorted({one for audit in audits for one in audit.ids}), 3)
    fix = "git fetch --unshallow, for this clone is shallow" if shallow else "smokegate history tells what there was"
    if alike:
        fix = f"did you mean {' or '.join(alike)}?"
    where = ", ".join(audit.registry for audit in audits)
    return UsageError(f"no commit knows an entry `{entry_id}` in {where}", fix=fix)


class _Audit:
    def __init__(self, repo: GitRepo, tip: str, registry: str, own_policy: str | None, bench: Workbench) -> None:
        self.registry = registry
        self.ids: set[str] = set()
        """Every id that was ever seen, for who misspells one."""
        self._repo = repo
        self._tip = tip
        self._own_policy = own_policy
        self._bench = bench
        self._policies: dict[tuple[str | None, ...], Effective] = {}
        self._faults: dict[str, str] = {}
        self._tree = lru_cache(maxsize=_TREES_KEPT)(repo.tree)

    # -- what stood where --------------------------------------------------------------------------------------------

    def _sides(self, commit: Commit) -> Sides:
        return Sides(self._tree(commit.parent), self._tree(commit.oid), self._repo, commit.parent)

    def _policy(self, sides: Sides) -> Effective:
        """Base's. Read once for as long as its file stays the same."""
        key = tuple(node.key if (node := sides.base.node(place)) else None for place in places(self.registry))
        if key not in self._policies:
            self._policies[key] = effective_policy(sides, self.registry, None)
        return self._policies[key]

    def _own(self, sides: Sides) -> Iterator[Effective]:
        """The operator's, beside the one that stood there."""
        if self._own_policy is not None:
            yield effective_policy(sides, self.registry, self._own_policy)

    def _side(self, tree: Tree, effective: Effective) -> Side:
        policy = effective.policy
        return Side(tree, self.registry, policy, self._bench.graphs(policy.limits))

    def _change(self, sides: Sides, effective: Effective) -> RegistryChange:
        """Where base's registry cannot be read, its last readable ancestor stands in."""
        base = self._side(sides.base, effective)
        if isinstance(base.registry, DocumentFault):

            def read(tree: Tree) -> Side | None:
                side = self._side(tree, effective)
                return None if side.registry is None or isinstance(side.registry, DocumentFault) else side

            try:
                base, _ = last_readable(sides, self.registry, "the registry", base.registry.message, read)
            except MissingObject:
                raise
            except SmokegateError:  # there never was a readable one
                base = self._side(self._tree(None), effective)
        return RegistryChange(base, self._side(sides.head, effective))

    def _readable_policy(self, sides: Sides) -> tuple[Effective, str | None]:
        """What there was can be told without the law; whether its evidence holds cannot."""
        try:
            effective = self._policy(sides)
        except MissingObject:
            raise
        except SmokegateError as error:
            return Effective(default_policy()), f"base's policy cannot be read ({error.message}); the default stands in"
        return effective, effective.note

    # -- which commits -----------------------------------------------------------------------------------------------

    def lineage(self, entry_id: str) -> Lineage | None:
        touches = list(self._touches())
        self._faults = {one.commit.oid: one.fault for one in touches if one.fault}
        tip = self._side(self._tree(self._tip), self._readable_policy(self._at_tip())[0])
        self.ids |= set(tip.entries)
        return lineage(touches, entry_id, tip.entries.__contains__)

    def _touches(self) -> Iterator[Touch]:
        folder = parent(self.registry) or "."
        for commit in self._repo.first_parents(self._tip, [folder]):
            sides = self._sides(commit)
            change = self._change(sides, self._readable_policy(sides)[0])
            found = touch(commit, change)
            self.ids |= found.keys
            yield found

    def _at_tip(self) -> Sides:
        tree = self._tree(self._tip)
        return Sides(tree, tree, self._repo, self._tip)

    # -- what they did -----------------------------------------------------------------------------------------------

    def trail(self, asked: str, line: Lineage) -> Trail:
        past = Past()
        written = authorship(self._repo.git, [one.commit.oid for one in line.passages])
        stages = []
        for passage in line.passages:
            stage = self._stage(passage, line, past)
            if stage.events:
                by = written[passage.commit.oid]
                stages.append(
                    replace(
                        stage,
                        author=f"{by.author} <{by.author_mail}>",
                        committer=f"{by.committer} <{by.committer_mail}>",
                        committed=by.committed,
                    )
                )
        notes = [
            f"the registry of commit {oid[:_SHORT]} cannot be read ({why}); it is passed over"
            for oid, why in reversed(self._faults.items())
        ]
        standing = self._standing(line, stages)
        return Trail(asked, line.ids, self.registry, self._tip, tuple(stages), standing, tuple(notes))

    def _stage(self, passage: Passage, line: Lineage, past: Past) -> Stage:
        commit = passage.commit
        sides = self._sides(commit)
        effective, note = self._readable_policy(sides)
        change = self._change(sides, effective)
        notes = [note] if note else []
        events: list[Event] = []
        proofs: list[Proof] = []
        wants = False
        for step in change.steps.values():
            if not passage.ids & {step.key, step.before.key if step.before else step.key}:
                continue
            told = list(events_of(change, step, past, cut=commit.cut))
            events += told
            past.learn(change, step)
            if goes_up(step) and not commit.cut:
                wants = True
                earlier = line.ids if any(one.what == "restored" for one in told) else ()
                for law in (effective, *self._own(sides)):
                    there = self._change(sides, law) if law.overridden else change
                    found = self._found(sides, law, step, there, earlier)
                    proofs += found.proofs
                    notes += [one for one in found.near if one not in notes]
        if commit.cut:
            notes.append(_CUT)
        elif commit.parent is not None and change.base.registry is None:
            notes.append(f"{self.registry} itself is new here; if it lay elsewhere before, ask with --registry")
        return Stage(
            commit.oid, commit.date, "", "", "", commit.subject, tuple(events), wants, tuple(proofs), tuple(notes)
        )

    def _found(
        self, sides: Sides, effective: Effective, step: Step, change: RegistryChange, earlier: Sequence[str]
    ) -> Found:
        """What carried this step; for what goes on under a new name or comes back, also what names it by an old one."""

        def side_of(tree: Tree) -> Side:
            return self._side(tree, effective)

        found = in_change(change, effective, step, lookup(sides, self.registry, side_of))
        if step.after is None or found.proofs or step.flipped or step.identity_changed:
            return found
        if step.renamed and step.before is not None and step.before.id is not None:
            said = f"it carries on what ran as `{step.before.id}`"
            carried = at_rest(change.head, effective, step.after, (step.before.id,))
            return replace(carried, near=(said, *carried.near))
        return at_rest(change.head, effective, step.after, earlier) if earlier else found

    def _standing(self, line: Lineage, stages: Sequence[Stage]) -> Standing:
        sides = self._at_tip()
        effective, note = self._readable_policy(sides)
        side = self._side(sides.head, effective)
        entry = side.entries.get(line.last)
        notes = [note] if note else []
        if isinstance(side.registry, DocumentFault):
            notes.append(f"the registry cannot be read there: {side.registry.message}")
        if entry is None:
            return Standing(line.last, None, notes=tuple(notes))
        proofs: list[Proof] = []
        failed_by = []
        for law in (effective, *self._own(sides)) if entry.production else ():
            found = at_rest(self._side(sides.head, law), law, entry, line.ids)
            proofs += found.proofs
            if not found.proofs:
                notes += [one for one in found.near if one not in notes]
            if not any(one.holds for one in found.proofs):
                failed_by.append(called(law))
        if entry.production:
            notes += _not_kept(side, stages)
        now = side.identity(entry)
        return Standing(
            id=line.last,
            stage=entry.stage,
            sha256=now.graph,
            identity=now.digest,
            proofs=tuple(proofs),
            failed_by=tuple(failed_by),
            went_up_unproven=_unproven(stages) if entry.production else None,
            notes=tuple(notes),
        )


def _unproven(stages: Sequence[Stage]) -> str | None:
    """What lies in the tree may hold by now: that does not mend how it got there."""
    last = next((stage for stage in reversed(stages) if stage.wants_proof), None)
    if last is None or any(proof.holds and not proof.own_policy for proof in last.proofs):
        return None
    return last.commit


def _not_kept(side: Side, stages: Sequence[Stage]) -> Iterator[str]:
    """Evidence that carried the entry to production, and is not what it was: SG411 keeps it, where it is asked."""
    told = set()
    for stage in stages:
        for proof in stage.proofs:
            now = side.digest(proof.path)
            if now != proof.sha256 and (proof.path, proof.sha256) not in told:
                told.add((proof.path, proof.sha256))
                became = "is gone" if now is None else f"has other bytes now, sha256 {now[:_SHORT]}"
                yield f"{proof.path} of commit {stage.commit[:_SHORT]}, sha256 {proof.sha256[:_SHORT]}, {became}"
