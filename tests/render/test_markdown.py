"""The comment, read back with a real CommonMark parser: hostile text stays text, and long reports are cut whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from render.attacks import hostile_text, quick
from render.specimens import (
    BLOCKED,
    HOSTILE,
    MANY,
    NEEDS_OWNER,
    PASSED,
    REGISTRY,
    SELF_ATTESTED,
    finding,
    hostile,
    report,
)
from smokegate.judge.report import Change, Report, Verdict, What
from smokegate.render import github, markdown, words
from smokegate.render.escape import prose, visible

PARSER = MarkdownIt("gfm-like")
assert PARSER.linkify
PARSER.linkify.set({"fuzzy_link": False})  # GitHub makes no link of a bare host name
OURS = re.compile(
    r"<details><summary>Standing, there before this change \([\d,]+\)</summary>\n|</details>\n?"
    r"|<!-- smokegate:verdict registry=[A-Za-z0-9%/._~:-]* -->\n?"
)
HEADINGS = re.compile(r"What this change does to production|(Blocking|Warnings) \([\d,]+\)|Notes")
FOREIGN = {"html_inline", "link_open", "image", "blockquote_open", "ordered_list_open", "code_block", "s_open"}


def flat(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or ())


def columns(tokens: Sequence[Token]) -> list[int]:
    rows: list[int] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append(0)
        elif token.type in ("td_open", "th_open"):
            rows[-1] += 1
    return rows


def assert_only_ours(rendered: str) -> list[Token]:
    """Every structure in the page is one that the renderer made."""
    blocks = PARSER.parse(rendered)
    tokens = list(flat(blocks))
    assert not FOREIGN.intersection(token.type for token in tokens)
    pages = [token.content for token in blocks if token.type == "html_block"]
    assert all(OURS.fullmatch(page) for page in pages), pages
    assert sum(page.startswith("<details>") for page in pages) == sum(page.startswith("</details") for page in pages)
    headings = [blocks[at + 1].content for at, token in enumerate(blocks) if token.type == "heading_open"]
    assert all(HEADINGS.fullmatch(heading) for heading in headings), headings
    assert set(columns(blocks)) <= {2}
    for token in tokens:
        if token.type == "text":
            assert not re.search(r"@\w|#\w|//|www\.|\bGH-\d|\$|:\w+:", token.content), token.content
    assert_harmless_in_a_log(rendered)
    return blocks


def assert_harmless_in_a_log(rendered: str) -> None:
    assert all(ch.isprintable() or ch == "\n" for ch in rendered)
    assert "##[" not in rendered
    assert not any(line.lstrip().startswith("::") for line in rendered.split("\n"))


def shown(blocks: Sequence[Token]) -> str:
    return "".join(token.content for token in flat(blocks) if token.type in ("text", "code_inline", "fence"))


def assert_complete(one: Report, blocks: Sequence[Token]) -> None:
    """As many rows, fences and bullets as the report has things to say; none came from its texts."""
    kinds = [token.type for token in blocks]
    fixes = [found.fix for found in (*one.blocking, *one.warnings) if found.fix.strip()]
    assert kinds.count("tr_open") == 1 + len(one.changes) + (words.still(one.changes) is not None)
    assert kinds.count("fence") == len(fixes)
    assert kinds.count("list_item_open") == len(one.debt) + len(one.notes)
    assert kinds.count("hr") == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text: str) -> None:
    one = hostile(text)
    assert_complete(one, assert_only_ours(markdown.render([one])))
    assert_only_ours(markdown.render([one, PASSED, one]))


@quick
@given(hostile_text)
def test_any_text_is_inert(text: str) -> None:
    one = hostile(text)
    assert_complete(one, assert_only_ours(markdown.render([one])))


@pytest.mark.parametrize("text", HOSTILE)
def test_prose_shows_what_was_written(text: str) -> None:
    assert_shown(text)


@quick
@given(hostile_text)
def test_prose_shows_whatever_was_written(text: str) -> None:
    assert_shown(text)


def assert_shown(text: str) -> None:
    without = re.compile(r"[\s`]")
    assert without.sub("", shown(PARSER.parse(prose(text)))) == without.sub("", visible(text))


@quick
@given(hostile_text)
def test_prose_is_one_plain_paragraph(text: str) -> None:
    for line in (prose(text), f"- {prose(text)}", f"**SG101** x · `y`: {prose(text)}"):
        kinds = {token.type for token in PARSER.parse(line)}
        assert kinds <= {
            "paragraph_open", "paragraph_close", "inline",
            "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("`sha256` of `a/b.onnx` differs", "`sha256` of `a/b.onnx` differs"),
        ("mean >= 0.95, not 0.93", "mean \\>= 0.95, not 0.93"),
        ("see @octo, please", "see `@octo`, please"),
        ("(https://x.example/a_b)", "\\(`https://x.example/a_b`\\)"),
        ("`a`@b", "`a` `@b`"),
        ("# heading", "`#` heading"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("a_b *c*", "a\\_b \\*c\\*"),
    ],
)
def test_prose(message: str, expected: str) -> None:
    assert prose(message) == expected


def test_the_verdict_comes_first() -> None:
    assert markdown.render([NEEDS_OWNER]).split("\n")[0].startswith("🔑 **NEEDS OWNER** · ")
    assert "**self-attested**" in markdown.render([SELF_ATTESTED]).split("\n")[0]
    first = markdown.render([PASSED, SELF_ATTESTED, BLOCKED]).split("\n")[0]
    assert first == "⛔ **BLOCK** · 3 registries: 1 BLOCK, 2 PASS · **self-attested** (1)"


def test_the_marker_finds_the_comment_again() -> None:
    assert markdown.marker([PASSED]) == f"<!-- smokegate:verdict registry={REGISTRY} -->"
    assert markdown.render([BLOCKED]).rstrip("\n").endswith(markdown.marker([PASSED]))
    assert (
        markdown.marker([report(registry="a-->b--!>--")])
        == "<!-- smokegate:verdict registry=a-%2D%3Eb-%2D%21%3E-%2D -->"
    )


def within(rendered: str, limit: int) -> bool:
    return max(len(rendered), len(rendered.encode()), len(rendered.encode("utf-16-le")) // 2) <= limit


def left_out(rendered: str) -> dict[str, tuple[int, int]]:
    line = next(line for line in rendered.split("\n") if line.startswith("**Left out here for length:**"))
    counts = re.findall(r"([\d,]+) of ([\d,]+) ([a-z ]+?)s?[,.]", line)
    return {noun: (int(left.replace(",", "")), int(total.replace(",", ""))) for left, total, noun in counts}


@pytest.mark.parametrize("limit", [markdown.COMMENT_LIMIT, 20_000, 5_000])
def test_a_long_report_is_cut_whole_and_says_so(limit: int) -> None:
    rendered = markdown.render([MANY], limit=limit)
    assert within(rendered, limit)
    assert len(rendered.encode()) > limit * 0.75
    blocks = assert_only_ours(rendered)
    cut = left_out(rendered)
    rows, fences = columns(blocks), [token for token in blocks if token.type == "fence"]
    assert cut["change"] == (2_000 - (len(rows) - 2), 2_000)
    fewer, total = (sum(pair) for pair in zip(cut["blocking finding"], cut["warning"], strict=True))
    assert total - fewer == len(fences) - 1
    assert fences[-1].content.startswith("smokegate check --format text --verbose --base 4f2a91c0")
    assert rendered.rstrip("\n").endswith(markdown.marker([MANY]))


def test_a_short_report_is_not_cut() -> None:
    assert "Left out" not in markdown.render([BLOCKED])


def test_a_cut_report_names_the_whole_one() -> None:
    rendered = markdown.render([MANY], full_report="https://host.example/runs/1/artifacts/2?x=(1)>")
    assert "[The full report](https://host.example/runs/1/artifacts/2?x=%281%29%3E) has them." in rendered


@pytest.mark.parametrize("unit", ["a", "`", "\\", "|", "\U000e0001", "\u202e", "é", "🧪", "@x ", "\n"])
def test_endless_text_stays_within_the_limit(unit: str) -> None:
    rendered = markdown.render([hostile(unit * 60_000)])
    assert within(rendered, markdown.COMMENT_LIMIT)
    assert_only_ours(rendered)


def test_an_endless_message_is_shortened_and_says_so() -> None:
    one = report(Verdict.BLOCK, findings=(finding(message="long " * 50_000), finding(subject="next")))
    rendered = markdown.render([one])
    assert "\\[...\\]" in rendered and "`next`" in rendered and "Left out" not in rendered


def test_an_endless_fix_is_left_out_rather_than_halved() -> None:
    one = report(Verdict.BLOCK, findings=(finding(fix="echo " + "x" * 5_000),))
    assert "xxxx" not in markdown.render([one])
    assert "The fix is too long to show here" in markdown.render([one])


def test_many_registries_share_a_page() -> None:
    reports = [report(registry=f"r{number}/registry.json", findings=(finding(blocks=False),)) for number in range(400)]
    rendered = markdown.render([*reports, BLOCKED])
    assert within(rendered, markdown.COMMENT_LIMIT)
    told = int(re.search(r"\*\*Left out here for length:\*\* (\d+) registries\.", rendered)[1])  # type: ignore[index]
    assert told == 401 - rendered.count("*smokegate ")
    assert "### Blocking (3)" in rendered, "the worst comes first"
    assert_only_ours(rendered)


def test_the_step_summary_holds_more() -> None:
    rendered = github.summary([MANY])
    assert 65_536 < len(rendered.encode()) <= 1_048_576
    assert within(github.summary([MANY] * 5), 1_048_576)


def test_what_happens_to_production() -> None:
    changes = (
        Change("a", What.CHANGED, ("notes",), None, "smoke", "smoke"),
        Change("b", What.DEMOTED, ("smoke",), None, "production", "smoke"),
        Change("c", What.CHANGED, ("sidecar.feature_mean",), None, "production", "production", "1", "2", True),
        Change("d", What.CHANGED, ("bytes",), None, "production", "production", "1", "1"),
    )
    rendered = markdown.render([report(changes=changes)])
    rows = [line for line in rendered.split("\n") if line.startswith("| ")][2:]
    assert rows == [
        "| `b` leaves production: back to smoke | `smoke` |",
        "| what `c` computes in production changes | `sidecar.feature_mean` |",
        "| `d` is edited; what it computes in production stays the same | `bytes` |",
        "| smoke entry `a` is edited | `notes` |",
    ]
    assert "| nothing changes in production | |" in markdown.render([report(changes=changes[:1])])
    assert "| what production runs stays the same | |" in markdown.render([report(changes=changes[3:])])
