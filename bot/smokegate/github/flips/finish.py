"""The hosted job: what the runner left is a claim until it is verified here; then it is signed, said, and proposed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from smokegate.errors import SmokegateError
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.gates import GateResult, evaluate
from smokegate.github.api.faults import passing
from smokegate.github.api.port import Artifact as Kept
from smokegate.github.comments import reply
from smokegate.github.comments.grammar import Command
from smokegate.github.flips import flip_pr, outcome
from smokegate.github.flips.flip_body import NOT_ALONE, WITHOUT_APP
from smokegate.github.flips.flip_pr import Claim
from smokegate.github.flips.outcome import Outcome
from smokegate.github.flips.signing import Pen
from smokegate.github.measuring import artifact, contest, harness, laying_out
from smokegate.github.measuring.artifact import Artifact, ArtifactError
from smokegate.github.measuring.vetting import Freed, Stale, Vetted, Void, moved, ours, vet
from smokegate.github.promotions import answers, locking, remarks
from smokegate.github.promotions.command import say
from smokegate.github.promotions.locking import Fate
from smokegate.github.promotions.office import Office
from smokegate.github.promotions.promotion import Request, RequestError
from smokegate.policy import Gate
from smokegate.review.law import effective_policy
from smokegate.review.sides import Sides

ARTIFACT = "smokegate-promotion"
_FATES = {"cancelled": Fate.CANCELLED, "timed_out": Fate.TIMED_OUT, "failure": Fate.DIED}
_UNSIGNED = "nobody signed it; its numbers were worked out again here"


@dataclass(frozen=True, slots=True)
class Finished:
    said: str = ""
    verdict: str = ""
    """promote, hold, void; empty where nothing was said."""
    flip: str | None = None
    note: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Finisher:
    office: Office
    pen: Pen | None = None

    def finish(self, request: Request) -> Finished:
        office, key = self.office, reply.promotion_key(request.nonce)
        try:
            ours(office, request, whole=False)
        except Freed as freed:
            return Finished(note=freed.message)
        with office.turns().take(key, request.pr) as mine:
            if not mine:
                return Finished(note="another run answers for this promotion")
            done = Finished(note="answered already")
            if reply.find(office.hub.comments(request.pr), key, office.ours) is None:
                try:
                    done = self._done(request)
                except Freed as freed:
                    return Finished(note=freed.message)
                say(office, request.pr, [done.said], key)
            office.locks().free(request.nonce, locking.refs(request.registry, request.ids))
            return done

    def _done(self, request: Request) -> Finished:
        try:
            return self._judged(vet(self.office, request, verdict=True))
        except Void as void:
            return Finished(_void(request, void), "void")
        except Stale as stale:
            return Finished(remarks.not_standing(request, stale.message), "void")
        except ArtifactError as error:
            return Finished(answers.bad_artifact(request, self._url, error.message), "void", failed=True)
        except RequestError:
            raise  # one that is none of ours gets no comment
        except SmokegateError as error:
            if passing(error):
                raise
            command = Command("promote", request.ids)
            return Finished(answers.failed(command, error.message, error.fix, self._url), "void", failed=True)

    @property
    def _url(self) -> str:
        return self.office.step.run_url

    # -- what the runner left ---------------------------------------------------------------------------------------

    def _judged(self, vetted: Vetted) -> Finished:
        request = vetted.request
        kept = self.office.hub.artifacts(self.office.step.run_id, name=ARTIFACT)
        if not kept:
            return Finished(self._nothing(request), "void", failed=True)
        newest = max(kept, key=lambda one: one.id)  # one for each attempt of the run
        if newest.expired:
            return Finished(answers.no_artifact(request, self._url, expired=True), "void", failed=True)
        left = artifact.read(self._downloaded(newest))
        evidence = _evidence(left)
        _require_of(evidence, request, self.office.step.run_id)
        gate, policy_sha256 = self._gate(request)
        result = evaluate(gate, request.gate, evidence)
        if result.passed is not (evidence.verdict == "PROMOTE"):
            if evidence.fields.get("policy_sha256") != policy_sha256:
                raise Stale(f"the policy on {request.base_ref} is another one than it was measured by")
            told = "meet the gate" if result.passed else "miss the gate"
            raise ArtifactError(f"it says {evidence.verdict}, and its own numbers {told}")
        if not result.passed:
            return Finished(self._outcome(request, evidence, result, _UNSIGNED), "hold")
        return self._promoted(Claim(request, evidence, gate, result, left))

    def _nothing(self, request: Request) -> str:
        ended = {job.conclusion for job in self.office.hub.jobs(self.office.step.run_id)}
        fate = next((fate for conclusion, fate in _FATES.items() if conclusion in ended), None)
        if fate is None:
            return answers.no_artifact(request, self._url, expired=False)
        return answers.over(request, fate, self._url, self.office.settings)

    def _downloaded(self, kept: Kept) -> bytes:
        if kept.size > artifact.LARGEST:
            raise ArtifactError(f"it is {kept.size:,} bytes, and a harness leaves at most {artifact.LARGEST:,}")
        data = self.office.hub.download_artifact(kept.id, limit=artifact.LARGEST)
        said = (kept.digest or "").removeprefix("sha256:")
        if said and said != hashlib.sha256(data).hexdigest():
            raise ArtifactError(f"its bytes are not those of the digest {said}")
        return data

    def _gate(self, request: Request) -> tuple[Gate, str]:
        """The target branch's, as it is now, and the digest of the policy that has it."""
        tip = self.office.court.store.tip(request.base_ref)
        with self.office.repo() as repo:
            tree = repo.tree(tip)
            sides = Sides(tree, tree, repo, tip)
            loaded = effective_policy(sides, request.registry, self.office.court.question.policy).loaded
        if request.gate not in loaded.policy.gates:
            raise Stale(f"the policy on {request.base_ref} has no gate {request.gate} any more")
        return loaded.policy.gates[request.gate], loaded.sha256

    # -- what is made of it -----------------------------------------------------------------------------------------

    def _promoted(self, claim: Claim) -> Finished:
        request, office = claim.request, self.office
        self._look(request)
        plan = flip_pr.plan(office, claim, self.pen)
        if plan.refused:
            said = self._outcome(request, claim.evidence, claim.result, plan.attested, faults=plan.refused)
            return Finished(said, "hold")
        now = office.hub.pull(request.pr)
        if why := moved(office, request, now):
            raise Void(why, now)
        opened = flip_pr.propose(office, claim, plan)
        said = self._outcome(request, claim.evidence, claim.result, plan.attested, flip=opened.url)
        if plan.flipped is not None and plan.flipped.report.blocking:
            said += f"\n\n{NOT_ALONE}"
        if office.ours.app_id is None:
            said += f"\n\n{WITHOUT_APP}"
        return Finished(said, "promote", opened.url)

    def _look(self, request: Request) -> None:
        """The judge has to see what goes to production, and measures again on a corpus of the repository's."""
        office, lfs = self.office, self.office.court.lfs
        if lfs is None:
            return
        tip, merged = harness.fetched(office, request)
        if request.harness == "saliency":
            contest.bring(office, request, tip, merged)
            return
        with office.repo() as repo:
            laying_out.bring_corpus(repo.tree(tip), office.settings.corpora[request.gate], lfs)

    def _outcome(
        self,
        request: Request,
        evidence: Evidence,
        result: GateResult,
        attested: str,
        *,
        flip: str | None = None,
        faults: Sequence[str] = (),
    ) -> str:
        return outcome.render(Outcome(request, evidence, request.gate, result, attested, self._url, flip, faults))


def _void(request: Request, void: Void) -> str:
    pull = void.pull
    if pull.state != "open":
        return remarks.closed(request, merged=pull.merged)
    if pull.head_sha != request.head_sha:
        return answers.voided(request, pull.head_sha)
    if pull.base_ref != request.base_ref:
        return remarks.retargeted(request, pull.base_ref)
    return remarks.not_standing(request, void.message)


def _evidence(left: Artifact) -> Evidence:
    there = [name for name in harness.VERDICTS if f"{name}.json" in left.files]
    if len(there) != 1:
        raise ArtifactError(f"it has {len(there)} verdicts ({' and '.join(there) or 'none'}), and one is wanted")
    name = f"{there[0]}.json"
    found = read(left.file(name), name)
    if not isinstance(found, Evidence):
        raise ArtifactError(f"{name} in it cannot be read: {found.message}")
    return found


def _require_of(evidence: Evidence, request: Request, run: int) -> None:
    """That it is what this very run measured for this very request."""
    said = evidence.fields.get("request")
    said = said if isinstance(said, dict) else {}
    wanted = {
        "repository": request.repository,
        "pr": request.pr,
        "head_sha": request.head_sha,
        "actor": request.actor,
        "comment": request.comment,
        "run": run,
    }
    for name, value in wanted.items():
        if said.get(name) != value:
            what = name.replace("_", " ")
            raise ArtifactError(f"its evidence is about the {what} {said.get(name)!r}, and this promotion {value!r}")
    ids = sorted(str(subject.id) for subject in evidence.subjects)
    if ids != sorted(request.ids):
        raise ArtifactError(f"its evidence is about {', '.join(ids[:20])}, and what was asked for is another thing")
