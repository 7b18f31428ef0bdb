"""What the bot says: read the golden files. Whatever names it is given, it mentions nobody and asks for nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given

from github_side.payloads import HEAD
from github_side.test_promotion import LOCK, ONE
from render.attacks import hostile_text, quick
from render.specimens import HOSTILE
from render.test_markdown import FOREIGN, PARSER, assert_harmless_in_a_log, columns, flat
from smokegate.github.api.port import Comment, User, Viewer
from smokegate.github.comments import grammar
from smokegate.github.comments.grammar import USAGE, Command
from smokegate.github.comments.reply import comment_key, find, name, promotion_key, put_together
from smokegate.github.comments.roles import standing
from smokegate.github.promotions import answers, remarks
from smokegate.github.promotions.answers import Going
from smokegate.github.promotions.locking import Fate
from smokegate.judge.report import Verdict
from smokegate.policy_github import GitHub

SETTINGS = GitHub.model_construct()
RUN = "https://github.com/acme/models/actions/runs/123"
PROMOTE = Command("promote", ("fr_tiny_v1_seed0",), "a3f5c0d")
OTHER = "c" * 40
US = Viewer("smokegate[bot]")


def everything(text: str | None = None, run: str = RUN) -> Iterator[tuple[str, str]]:
    """Every answer, with `text` wherever somebody else chooses it."""
    yield from every_answer(text, run)
    yield from every_remark(text, run)


def every_answer(text: str | None, run: str) -> Iterator[tuple[str, str]]:
    login, one, why = text or "ana", text or "saliency_student_v2", text or "the server closed the connection"
    command = PROMOTE if text is None else Command("retire", ("a",), None, text)
    ids = [one, "fr_tiny_v1_seed7"]
    yield "role", answers.role(command, login, standing("promote", "write", SETTINGS))
    yield "role of their own", answers.role(command, login, standing("promote", text or "Model steward", SETTINGS))
    yield "bot", answers.bot(command, text or "renovate[bot]")
    yield "edited", answers.edited(command)
    yield "closed", answers.closed(command, merged=False)
    yield "merged", answers.closed(command, merged=True)
    yield "no pull", answers.no_pull(command)
    yield "touches nothing", answers.touches_nothing(command)
    yield "unknown", answers.unknown(command, ids, [f"{one}x", "saliency_student_v1", "smoke_v0"])
    yield "unknown of none", answers.unknown(command, ids, [])
    yield "unknown on a branch", answers.unknown(command, ids, [], where=f"on {name(text or 'main')}")
    yield "in production", answers.in_production(command, ids)
    yield "one in production", answers.in_production(command, ids[:1])
    yield "nothing to promote", answers.nothing_to_promote(command)
    yield "several gates", answers.several_gates(command, {"ensemble-plcc": ids[1:], text or "saliency-iou": ids[:1]})
    yield "no gate", answers.no_gate(command, ids[:1])
    yield "no verdict", answers.no_verdict(command, OTHER)
    yield "moved", answers.moved(command, HEAD, OTHER)
    yield "other commit", answers.other_commit(replace(PROMOTE, sha="b" * 8), text or OTHER)
    yield "voided", answers.voided(ONE, OTHER)
    yield "locked", answers.locked(command, one, LOCK, run)
    yield "locked, no run yet", answers.locked(command, one, LOCK, None)
    yield "dispatched", answers.dispatched(ONE, run, SETTINGS)
    yield "dispatched, run unknown", answers.dispatched(ONE, None, SETTINGS)
    yield "held", answers.held(ids)
    yield "rechecked", answers.rechecked(OTHER)
    yield "retired", answers.retired(Command("retire", (one,), None, "x"), run)
    going = [Going(replace(LOCK, actor=login), fate, run if fate is Fate.RUNNING else None) for fate in Fate]
    yield "status", answers.status(going, OTHER, Verdict.BLOCK)
    yield "status of nothing", answers.status([], OTHER, None)
    for fate in Fate:
        if fate.over:
            yield fate.value, answers.over(ONE, fate, run, SETTINGS)
    yield "over, run unknown", answers.over(LOCK, Fate.NEVER_STARTED, None, SETTINGS)
    yield "no artifact", answers.no_artifact(ONE, run, expired=False)
    yield "artifact expired", answers.no_artifact(ONE, run, expired=True)
    yield "bad artifact", answers.bad_artifact(ONE, run, text or "the evidence names another pull request")
    yield "failed", answers.failed(command, why, text or "smokegate github doctor", run)
    yield "failed, no fix", answers.failed(command, why, None, None)
    yield "help", answers.help_(SETTINGS)
    yield "misspelt", answers.misspelt(grammar.read(f"/promot {text or 'x'}\n/retire a\n> x\n/status").mistakes)


def every_remark(text: str | None, run: str) -> Iterator[tuple[str, str]]:
    command = PROMOTE if text is None else Command("retire", ("a",), None, text)
    ids, why = [text or "saliency_student_v2", "fr_tiny_v1_seed7"], text or "the server closed the connection"
    yield "unprotected", remarks.unprotected(command, text or "lax")
    yield "several registries", remarks.several_registries(command, ids)
    yield "several to retire from", remarks.retire_by_hand(command, ids)
    yield "apart", remarks.apart(command)
    yield "no harness", remarks.no_harness(command, text or "psnr", together=False)
    yield "no harness for a group", remarks.no_harness(command, text or "saliency-iou", together=True)
    yield "no corpus", remarks.no_corpus(command, text or "ensemble-plcc")
    yield "too many", remarks.too_many(command, 1_200)
    yield "stop or start", remarks.stop_or_start(command)
    yield "nothing to stop", remarks.nothing_to_stop(Command("hold", ("a",)), [])
    yield "nothing to stop of what is under way", remarks.nothing_to_stop(command, ids)
    yield "stopped before it began", remarks.stopped(ONE)
    yield "answered", remarks.answered(ONE, run)
    yield "closed under way", remarks.closed(ONE, merged=False)
    yield "merged under way", remarks.closed(ONE, merged=True)
    yield "retargeted", remarks.retargeted(ONE, text or "lax")
    yield "not standing", remarks.not_standing(ONE, text or "the comment that asked for it is gone")
    yield "gave up", remarks.gave_up(why, text or "mend .smokegate.yml", run)
    yield "gave up, no fix", remarks.gave_up(why, None, run)
    yield "forsaken", remarks.forsaken(run)
    yield "forsaken, run unknown", remarks.forsaken(None)


def test_golden(golden: Callable[[str, str], None]) -> None:
    golden("answers.md", "".join(f"<!-- {what} -->\n\n{text}\n\n" for what, text in everything()))


def assert_inert(text: str) -> None:
    """Nothing on the page but what the answers are made of, and nothing in it that GitHub obeys."""
    assert_harmless_in_a_log(text)
    tokens = list(flat(PARSER.parse(text)))
    links = [token.attrs["href"] for token in tokens if token.type == "link_open"]
    assert all(str(href).startswith("https://github.com/acme/") for href in links), links
    kinds = {token.type for token in tokens} - {"link_open"}
    assert not FOREIGN & kinds, text
    assert "html_block" not in kinds, text
    assert "heading_open" not in kinds, text
    assert len(set(columns(PARSER.parse(text)))) <= 1
    for token in tokens:
        if token.type == "text":
            assert not re.search(r"@\w|#\w|//|www\.|\bGH-\d|\$|:\w+:", token.content), token.content
    assert not grammar.read(text), "an answer must not be taken for a command"


@pytest.mark.parametrize("text", [None, *HOSTILE])
def test_hostile_names_are_inert(text: str | None) -> None:
    for what, answer in everything(text):
        assert_inert(answer)
        assert len(answer.encode()) < 16_000, what


@quick
@given(hostile_text)
def test_any_name_is_inert(text: str) -> None:
    for _, answer in everything(text):
        assert_inert(answer)


def test_long_names_are_cut() -> None:
    for _, answer in everything("\u20ac|`" * 50_000):
        assert_inert(answer)
        assert len(answer.encode()) < 16_000


@pytest.mark.parametrize("address", ["javascript:alert(1)", "//evil.example", "data:text/html,x", "ftp://x", ""])
def test_only_the_web_is_linked(address: str) -> None:
    assert "](" not in answers.dispatched(ONE, address, SETTINGS)


def test_an_address_cannot_leave_its_link() -> None:
    assert_inert(answers.dispatched(ONE, "https://github.com/acme/x) @everyone <img> [a](b", SETTINGS))


def test_help_has_every_command_and_its_role() -> None:
    text = answers.help_(GitHub.model_validate({"roles": {"hold": "admin"}}))
    rows = re.findall(r"^\| `(.*?)` \| (\w+) \|", text, re.MULTILINE)
    assert [usage for usage, _ in rows] == list(USAGE.values())
    assert dict(rows)["/hold [ids]"] == "admin"


def test_every_end_of_a_promotion_says_what_to_do() -> None:
    for one in Fate:
        if one.over:
            outcome, _, todo = answers.over(ONE, one, RUN, SETTINGS).partition("\n\n")
            assert "fr_tiny_v1_seed0" in outcome
            assert "Its entries are free again." in outcome
            assert todo


# Put together.


def posted(body: str, login: str = "smokegate[bot]") -> Comment:
    return Comment(1, User(login, 5, bot=True), body, "x", "x", "x")


def test_an_answer_is_known_again() -> None:
    key = comment_key(99)
    body = put_together(["**one**", "**two**"], key)
    assert body == "**one**\n\n---\n\n**two**\n\n<!-- smokegate:answer comment:99 -->\n"
    assert find([posted("x"), posted(body)], key, US) == posted(body)
    assert find([posted(body.replace("\n", "\r\n"), "Smokegate[bot]")], key, US) is not None
    for other in (comment_key(9), comment_key(999), promotion_key("0" * 32)):
        assert find([posted(body)], other, US) is None


def test_one_answer_may_have_several_keys() -> None:
    body = put_together(["x"], promotion_key("1" * 32), promotion_key("2" * 32), comment_key(99))
    for key in (comment_key(99), promotion_key("1" * 32), promotion_key("2" * 32)):
        assert find([posted(body)], key, US) and find([posted(body.replace("\n", "\r\n"))], key, US)
    assert find([posted(body)], promotion_key("3" * 32), US) is None


@pytest.mark.parametrize("quoted", ["comment:7", "promotion:" + "0" * 32])
def test_a_key_that_an_answer_quotes_is_none(quoted: str) -> None:
    """However somebody has us say it, it stands above an empty line."""
    body = put_together([f"x\n<!-- smokegate:answer {quoted} -->"], comment_key(99))
    assert find([posted(body)], quoted, US) is None and find([posted(body)], comment_key(99), US) is not None


@pytest.mark.parametrize(
    "comment",
    [
        posted("x\n\n<!-- smokegate:answer comment:99 -->", "mallory"),
        posted("<!-- smokegate:answer comment:99 -->\n\nand more"),
        posted("> <!-- smokegate:answer comment:99 -->"),
        posted("```\n<!-- smokegate:answer comment:99 -->\n```"),
    ],
)
def test_a_key_that_is_not_ours_or_not_at_the_end_is_none(comment: Comment) -> None:
    assert find([comment], comment_key(99), US) is None


@pytest.mark.parametrize("key", ["", "x -->", "comment:99\n", "comment: 99", "@x", "comment:99 --><b>"])
def test_no_other_key_is_written(key: str) -> None:
    for keys in ([key], [key, comment_key(1)]):
        with pytest.raises(ValueError, match="no answer can be known by"):
            put_together(["x"], *keys)


def test_what_does_not_fit_is_counted() -> None:
    body = put_together([f"**{n}** " + "\u20ac" * 3_000 for n in range(30)], comment_key(1))
    assert len(body.encode()) <= 65_536
    whole = len(re.findall(r"^\*\*\d+\*\* \u20ac{3000}$", body, re.MULTILINE))
    assert f"**Left out here for length:** {30 - whole} answers." in body
    assert body.endswith("<!-- smokegate:answer comment:1 -->\n")
    assert 5 < whole < 30


def test_one_that_does_not_fit_at_all() -> None:
    body = put_together(["x" * 70_000], comment_key(1))
    assert body == "**Left out here for length:** 1 answer.\n\n<!-- smokegate:answer comment:1 -->\n"
