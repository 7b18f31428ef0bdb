"""A repository with an ensemble that waits for evidence, a pull request on it, and workers that answer its comments."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence import corpora
from forge import Forge
from github_side.emulator import APP_ID, BOT, REPOSITORY
from github_side.memory import InMemory, InRepository, Memory, client
from github_side.openapi import description
from github_side.still_clock import StillClock
from github_side.stub import Dispatch
from runners.ensemble.small import written
from smokegate.github.api.port import GitHub, User
from smokegate.github.flips.finish import Finished, Finisher
from smokegate.github.flips.signing import Pen
from smokegate.github.measuring import harness
from smokegate.github.promotions.command import Answered, Clerk
from smokegate.github.promotions.ground import Ground
from smokegate.github.promotions.office import Office
from smokegate.github.step.events import IssueComment, Repository, WorkflowDispatch
from smokegate.github.step.runner_io import Step
from smokegate.github.verdicts import binding
from smokegate.github.verdicts.store import Remote, Store
from smokegate.github.verdicts.verdict import Court, settings_of
from smokegate.review.check import Workbench

NAME = "fr_tiny_ensemble_v1"
MEMBERS = (f"{NAME}_seed0", f"{NAME}_seed1")
GATE = "ensemble-plcc"
CORPUS = "model/corpora/small.jsonl"
POLICY: dict[str, Any] = {
    "unattested": "allow",
    "corpora": {"min_rows": 100, "min_sources": 3},
    "gates": {
        GATE: {
            "match": ["*_ensemble_*_seed[0-9]*"],
            "group": True,
            "shape": "ensemble",
            "seeds": [0, 1],
            "bounds": {"plcc_spread": {"max": 0.5}, "mean_plcc": {"min": 0.5}, "seed_plcc": {"min": 0.5}},
        },
        "sharp": {"match": ["sharp_*"], "shape": "metrics", "bounds": {"psnr": {"min": 1}}},
    },
    "github": {"corpora": {GATE: CORPUS}, "protected_bases": ["release/*"]},
}
_RUNS = itertools.count(1)


@dataclass
class Town:
    forge: Forge
    hub: Memory
    clock: StillClock
    folder: Path
    bench: Workbench
    offices: dict[str, Court] = field(default_factory=dict)

    @property
    def court(self) -> Court:
        """One store for all workers: what one fetched, another need not."""
        if "main" not in self.offices:
            store = Store(self.folder / "store.git", Remote(str(self.forge.root)), sleep=self.clock.sleep)
            self.offices["main"] = Court(store, "main", settings_of(store, "main"), self.bench)
        return self.offices["main"]

    def office(self, run: int | None = None, *, attempt: int = 1, hub: GitHub | None = None) -> Office:
        number = run or self.run()
        speaking = hub or client(self.hub)
        step = Step(
            "x", self.folder, REPOSITORY, number, attempt, "0" * 40, "refs/heads/main", "x", "x", "https://github.com"
        )
        ground = Ground(*self.ground)
        return Office(speaking, self.clock, speaking.viewer(), step, self.court, ground)

    @property
    def ground(self) -> tuple[str, str]:
        if isinstance(self.hub.git, InMemory):
            main = self.hub.git.there["refs/heads/main"]
            return main, self.hub.git.commits[main][0]
        return self.forge.git("rev-parse", "main"), self.forge.git("rev-parse", "main^{tree}")

    def run(self) -> int:
        """A workflow's run that is under way."""
        sha = self.forge.git("rev-parse", "main")
        return self.hub.stub.add_run("promote.yml", "main", sha, "x", event="issue_comment", title=f"{next(_RUNS)}")

    def over(self, run: int) -> None:
        self.hub.stub.finish(run, "failure")

    # -- pull requests ----------------------------------------------------------------------------------------------

    def branch(self, name: str = "topic", *, base: str = "main") -> None:
        self.forge.git("switch", "-q", "-C", name, base)

    def pull(self, branch: str = "topic", *, base: str = "main", login: str = "writer") -> int:
        self.forge.commit("a change")
        return self.hub.open_pull(branch, login=login, base=base)

    def head(self, pull: int) -> str:
        return self.forge.git("rev-parse", f"refs/heads/{self.hub.pulls[pull]['head']['ref']}")

    def verdict(
        self, pull: int, *, slug: str = BOT.removesuffix("[bot]"), head: str | None = None, name: str = "smokegate"
    ) -> int:
        """A check run as the job that publishes leaves it, some seconds before whatever comes next."""
        sha = head or self.head(pull)
        bound = binding.Binding(pull, self.forge.git("rev-parse", "main"), sha, "0" * 64, "0" * 32)
        number = 70_000 + len(self.hub.stub.checks)
        example = description().example("check-run")
        self.hub.stub.checks[number] = {
            **example,
            "id": number,
            "name": name,
            "head_sha": sha,
            "external_id": str(bound),
            "status": "completed",
            "conclusion": "action_required",
            "completed_at": self.hub.now,
            "app": {**example["app"], "id": APP_ID, "slug": slug},
        }
        self.clock.at += 2
        return number

    # -- comments ---------------------------------------------------------------------------------------------------

    def comment(self, pull: int, body: str, login: str = "keeper") -> IssueComment:
        return self.event(self.hub.say(pull, login, body), pull)

    def event(self, made: dict[str, Any], pull: int, *, action: str = "created") -> IssueComment:
        author = User(made["user"]["login"], made["user"]["id"], made["user"]["type"] == "Bot")
        return IssueComment(
            action=action,
            repository=Repository(1, REPOSITORY, "main"),
            sender=author,
            id=made["id"],
            body=made["body"],
            author=author,
            by_app=False,
            edited=action == "edited",
            created_at=made["created_at"],
            url=made["html_url"],
            issue=pull,
            on_pull=pull in self.hub.pulls,
            state="open",
        )

    def deliver(self, event: IssueComment, run: int | None = None, **office: Any) -> Answered:
        return Clerk(self.office(run, **office)).handle(event)

    def ask(self, pull: int, body: str, login: str = "keeper") -> str:
        """The one answer that a comment gets."""
        before = len(self.answers(pull))
        self.deliver(self.comment(pull, body, login))
        (said,) = self.answers(pull)[before:]
        return said

    def answers(self, pull: int) -> list[str]:
        return [body for login, body in self.hub.said(pull) if login == BOT]

    def refs(self, prefix: str = "refs/smokegate/locks/") -> list[str]:
        return sorted(ref for ref in self.hub.git.refs() if ref.startswith(prefix))

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """What is asked of GitHub meanwhile."""
        at = len(self.hub.asked)
        seen: list[str] = []
        yield seen
        seen += [f"{one.verb} {one.path.removeprefix('/repos/' + REPOSITORY)}" for one in self.hub.asked[at:]]


def founded(forge: Forge, folder: Path, bench: Workbench, **policy: Any) -> Town:
    """On main: the ensemble as smoke, an entry in production, and the policy."""
    clock = StillClock(float(int(time.time())))  # the stub tells the time as well
    forge.git("config", "uploadpack.allowAnySHA1InWant", "true")
    for member in MEMBERS:
        forge.add(member)
    forge.write_json(f"{NAME}.json", forge.manifest(NAME, *MEMBERS))
    forge.add("sharp_v1")
    forge.add("lone_v1")
    forge.add("old_ensemble_v0_seed0", smoke=False)
    forge.write_json("/.smokegate.yml", {**POLICY, **policy})
    forge.start()
    hub = Memory(InRepository(forge.root), clock)
    hub.people["A Maintainer"] = "writer"
    return Town(forge, hub, clock, folder, bench)


def proposed(town: Town) -> int:
    """The pull request that takes the ensemble up, without a word of evidence."""
    town.branch()
    for member in MEMBERS:
        town.forge.entry(member)["smoke"] = False
    manifest = town.forge.read_json(f"{NAME}.json")
    town.forge.write_json(f"{NAME}.json", {**manifest, "smoke": False})
    number = town.pull()
    town.clock.at += 5
    town.verdict(number)
    return number


def with_corpus(forge: Forge) -> None:
    place = forge.path(f"/{CORPUS}")
    place.parent.mkdir(parents=True)
    written(place, corpora.rows(120, sources=3))


def dispatched(town: Town, pull: int) -> Dispatch:
    """A promotion under way, and the run of its harness."""
    assert "Started" in town.ask(pull, "/promote")
    return town.hub.stub.dispatches[-1]


def order(dispatch: Dispatch, **changed: Any) -> WorkflowDispatch:
    """The event that starts the run; some of its request may be forged."""
    inputs = dict(dispatch.inputs)
    if changed:
        inputs["request"] = json.dumps({**json.loads(inputs["request"]), **changed})
    return WorkflowDispatch(Repository(1, REPOSITORY, "main"), User(BOT), "refs/heads/main", "gpu-harness.yml", inputs)


def measured(town: Town, dispatch: Dispatch, out: Path, **changed: Any) -> harness.Left:
    office = town.office(dispatch.run_id)
    return harness.measured(office, harness.requested(order(dispatch, **changed), office), out)


def finished(
    town: Town, dispatch: Dispatch, pen: Pen | None = None, *, attempt: int = 1, hub: Any = None, **changed: Any
) -> Finished:
    office = town.office(dispatch.run_id, attempt=attempt, hub=hub)
    return Finisher(office, pen).finish(harness.requested(order(dispatch, **changed), office))


def evidence_for(dispatch: Dispatch, document: dict[str, Any], **request: Any) -> dict[str, Any]:
    """Evidence as this very run would have written it."""
    asked = json.loads(dispatch.inputs["request"])
    said = {name: asked[name] for name in ("repository", "pr", "head_sha", "actor", "comment")}
    return {**document, "request": {**said, "run": dispatch.run_id, **request}}


def packed(files: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()
