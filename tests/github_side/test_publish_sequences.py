"""Verdicts in any order, cut off anywhere, over comments that people edit and delete: what is shown is the last one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from github_side.emulator import BOT, REPOSITORY
from github_side.exchange import Request, Response, answer
from github_side.memory import BOT_TOKEN, Direct, InMemory, Memory
from github_side.still_clock import StillClock
from render.specimens import finding, report
from smokegate.github.api import shapes
from smokegate.github.api.client import Client
from smokegate.github.api.credentials import Token
from smokegate.github.api.port import Viewer
from smokegate.github.api.sending import Settings as Reaching
from smokegate.github.api.wire import Received, Sent
from smokegate.github.comments import sticky
from smokegate.github.verdicts.check_run import mark
from smokegate.github.verdicts.publish import Publisher
from smokegate.github.verdicts.verdict import Asked, Judged, Part
from smokegate.github.verdicts.verdict_document import Docket
from smokegate.judge.report import Change, Report, Verdict, What
from smokegate.policy_github import GitHub as Settings

CHANGED = Change("alpha_v1", What.CHANGED, ("notes",), None, "smoke", "smoke")
PAGES = tuple(finding(line=at + 1) for at in range(70))
REPORTS: tuple[Report | None, ...] = (
    None,  # a conflict
    report(),
    report(changes=(CHANGED,)),
    report(Verdict.BLOCK, changes=(CHANGED,), findings=(finding(),)),
    report(Verdict.BLOCK, changes=(CHANGED,), findings=PAGES),
)
HEADS = ("a" * 40, "b" * 40)
TIPS = ("c" * 40, "d" * 40)
US = Viewer(BOT)


class Killed(BaseException):
    """As a runner that is gone."""


@dataclass
class Mortal(Direct):
    left: int = 0
    after: bool = False

    def exchange(self, sent: Sent, *, limit: int | None = None) -> Received:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        received = super().exchange(sent, limit=limit)
        if self.left == 0:
            raise Killed
        return received


class World(Memory):
    def __init__(self) -> None:
        git = InMemory()
        tree = git.tree([], None)
        for ref in ("main", "topic"):
            git.there[f"refs/heads/{ref}"] = git.commit(ref, tree, [], "writer")
        super().__init__(git, StillClock(), described=False)
        self.pull = self.open_pull("topic")

    def _delete_issues(self, asked: Request, parts: list[str]) -> Response:
        return answer(204 if self.comments.pop(int(parts[-1]), None) else 404)

    def _checked(self, asked: Request, number: int) -> Response:
        reply = super()._checked(asked, number)
        said = {name: asked.data["output"][name] for name in ("title", "summary")}
        return answer(reply.status, {**reply.data, "output": {**reply.data["output"], **said}})

    def verdict(self, chosen: int, head: str, tip: str) -> Judged:
        found = REPORTS[chosen]
        asked = Asked(head, "main", self.pull)
        if found is None:
            return Judged(asked, tip, True, cannot="a conflict\n  fix: merge main")
        return Judged(asked, tip, True, (Part(found),))

    def publish(self, judged: Judged, kill_at: int = 0, *, after: bool = False) -> None:
        reaching = Reaching(REPOSITORY, Token(BOT_TOKEN, login=BOT))
        hub = Client(reaching, wire=Mortal(self, kill_at, after), clock=self.clock, dice=lambda: 1.0)
        Publisher(hub, self.clock, "https://github.com/x", lambda _: ()).publish(
            Docket(REPOSITORY, judged.asked.head, Settings(), (judged,))
        )


@dataclass(frozen=True)
class Step:
    verdict: int = 2
    head: int = 0
    tip: int = 0
    kill_at: int = 0
    after: bool = False
    meddling: str = ""


STEPS = st.builds(
    Step,
    verdict=st.integers(0, len(REPORTS) - 1),
    head=st.integers(0, 1),
    tip=st.integers(0, 1),
    kill_at=st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5]),
    after=st.booleans(),
    meddling=st.sampled_from(["", "", "delete", "strip", "rewrite", "copy", "forge"]),
)


def meddle(world: World, how: str) -> None:
    mine = [one for one in world.comments.values() if one["user"]["login"] == BOT]
    for one in mine:
        if how == "delete":
            del world.comments[one["id"]]
        elif how == "strip":
            one["body"] = one["body"].rpartition("<!-- smokegate:state")[0]
        elif how == "rewrite":
            one["body"] = one["body"].replace("<!--", "<!- -")
        elif how == "copy":
            world.say(world.pull, "stranger", one["body"])
        else:
            state = sticky.read_state(one["body"])
            if state is not None:
                text = one["body"].rpartition("<!-- smokegate:state")[0]
                one["body"] = text + sticky.write_state(replace(state, check="smokegate:v1:x success PASS"))


@settings(deadline=None, max_examples=80)
@given(st.lists(STEPS, max_size=8))
def test_what_is_shown_is_what_was_published_last(steps: list[Step]) -> None:
    world = World()
    for step in [*steps, replace(steps[-1], kill_at=0, meddling="") if steps else Step()]:
        meddle(world, step.meddling)
        judged = world.verdict(step.verdict, HEADS[step.head], TIPS[step.tip])
        try:
            world.publish(judged, step.kill_at, after=step.after)
        except Killed:
            continue
        assert_shown(world, judged)


def assert_shown(world: World, judged: Judged) -> None:
    checks = [one for one in world.stub.checks.values() if one["head_sha"] == judged.asked.head]
    newest = max(checks, key=lambda one: one["id"])
    green = judged.cannot is None and judged.reports[0].verdict is Verdict.PASS
    assert newest["conclusion"] == ("success" if green else "failure")
    assert judged.base_tip in newest["external_id"]
    assert len(world.stub.annotations[newest["id"]]) == sum(len(one.findings) for one in judged.reports)
    ours = [one for one in world.comments.values() if sticky.place([shapes.comment(one)], US).update]
    assert len(ours) == 1 or (not ours and not judged.touches)
    for one in ours:
        state = sticky.read_state(one["body"])
        assert state is not None and state.head == judged.asked.head
        assert state.check == mark(newest["external_id"], newest["conclusion"], newest["output"]["title"])
