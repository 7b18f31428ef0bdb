"""What is a command and what is not, held to a real CommonMark parser."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from render.attacks import hostile_text
from smokegate.github.comments.grammar import (
    LONGEST_COMMENT,
    LONGEST_REASON,
    MOST_COMMANDS,
    MOST_IDS,
    USAGE,
    Asked,
    Command,
    read,
)

SHA = "a3f5c0de9b8a3f5c0de9b8a3f5c0de9b8a3f5c0d"
PARSER = MarkdownIt("gfm-like", {"linkify": False})


def said(body: str) -> list[str]:
    return [str(command) for command in read(body).commands]


def why(body: str) -> str:
    asked = read(body)
    assert not asked.commands
    return "; ".join(mistake.why for mistake in asked.mistakes)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/promote", Command("promote")),
        ("/promote   a_1\tb-2 ", Command("promote", ("a_1", "b-2"))),
        ("/promote a, b,c", Command("promote", ("a", "b", "c"))),
        ("/promote a b a", Command("promote", ("a", "b"))),
        (f"/promote @{SHA}", Command("promote", (), SHA)),
        ("/promote a @a3f5c0d", Command("promote", ("a",), "a3f5c0d")),
        ("/PROMOTE a", Command("promote", ("a",))),
        ("/hold", Command("hold")),
        ("/hold a b", Command("hold", ("a", "b"))),
        ("/status ", Command("status")),
        ("/recheck", Command("recheck")),
        ("/retire a  it is $(old), and <b>slow</b>", Command("retire", ("a",), None, "it is $(old), and <b>slow</b>")),
        ("/help me, please", Command("help")),
    ],
)
def test_each_command(body: str, expected: Command) -> None:
    assert read(body) == Asked((expected,))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_several_in_one_comment(ending: str) -> None:
    asked = read(ending.join(("Fine by me, the numbers are good.", "/promote a", "/hold b", "", "/status", "thanks")))
    assert [(str(one), one.line) for one in asked.commands] == [("/promote a", 2), ("/hold b", 3), ("/status", 5)]


def test_the_same_twice_is_said_once() -> None:
    assert said("/status\n/status\n\n/promote a\n/promote  a") == ["/status", "/promote a"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "please /promote a",
        " /promote a",
        "    /promote a",
        "\t/promote a",
        "> /promote a",
        ">/promote a",
        "```\n/promote a\n```",
        "```\n/promote a",
        "~~~ sh\n\n/promote a\n```\n/promote b\n~~~",
        "````\n```\n/promote a\n````",
        "``` \n/promote a\n```x\n/promote b",
        "<!-- \n/promote a\n\n/promote b -->",
        "<!--\n/promote a",
        "<pre>\n\n/promote a\n</pre>",
        "<?\n/promote a\n?>",
        "<![CDATA[\n\n/promote a\n]]>",
        "`/promote a`",
        "- /promote a",
        "1. /promote a",
        "# /promote a",
        "\u200b/promote a",
        "x\u2028/promote a\u2028/promote b",
        "x\x0b/promote a\x0c/promote b\x85/promote c",
        "/retest",
        "/retitle x",
        "/test",
        "/promote/x",
        "/status/500 is what it says",
        "/ promote",
        "//promote",
        "/",
        "x" * LONGEST_COMMENT + "\n/promote a",
    ],
)
def test_what_is_no_command_is_left_alone(body: str) -> None:
    assert not read(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/promot a", "no such command"),
        ("/promoted a", "no such command"),
        ("/promote-all", "no such command"),
        ("/promo a", "no such command"),
        ("/pro\u200bmote a", "cannot be seen"),
        ("/promote\u200b a", "cannot be seen"),
        ("/promote \u202ea", "cannot be seen"),
        ("/promote\u00a0a", "cannot be seen"),
        ("/\u0440romote a", "no such command"),
        ("/rechec\u212a", "no such command"),
        ("/promote \u0430", "an entry's id"),
        ("/promote A", "an entry's id"),
        ("/promote $(id)", "an entry's id"),
        ("/promote `a`", "an entry's id"),
        ("/promote " + "a" * 65, "an entry's id"),
        ("/promote @main", "comes a commit"),
        ("/promote @abc", "comes a commit"),
        (f"/promote @{SHA}0", "comes a commit"),
        ("/promote @a3f5c0d @b3f5c0d", "two commits"),
        ("/hold @a3f5c0d", "comes a commit"),
        ("/status now", "nothing goes after it"),
        ("/retire", "names no entry"),
        ("/retire a", "gives no reason"),
        ("/retire a " + "x" * (LONGEST_REASON + 1), "longer than"),
        ("/retire A because", "an entry's id"),
        ("/promote " + " ".join(f"a{n}" for n in range(MOST_IDS + 1)), "more than 50 entries"),
        ("> quoted\n/promote a", "the quote above"),
        ("`code\n/promote a\n`", "the link, code, table or tag above"),
        ("\\`a`\n/promote a\n`", "the link, code, table or tag above"),
        ("`a` and \\`b\n/promote a\n`", "the link, code, table or tag above"),
        ('[x](y "\n/promote a\n")', "the link, code, table or tag above"),
        ("[x]:\n/promote", "the link, code, table or tag above"),
        ("<a title='\n/promote a\n'>", "the link, code, table or tag above"),
        ("| a |\n| - |\n/promote a", "the link, code, table or tag above"),
        ("~~no\n/promote a~~", "the link, code, table or tag above"),
        ("<details><summary>x</summary>\n\n/promote a\n\n</details>", "inside HTML that folds"),
        ("<details>\n<details>\n\n</details>\n\n/promote a\n\n</details>", "inside HTML that folds"),
        ("<blockquote>\n\n/promote a\n\n</blockquote>", "inside HTML that folds, quotes"),
        ("so: <del>\n\n/promote a\n\n</del>", "inside HTML that folds, quotes or crosses it out"),
        ("- a\n\n  ```\n\n/promote a", "the code or HTML above"),
        ("see <!-- that\n\n/promote a", "the code or HTML above"),
        ("<div>\n```\n\n/promote a", "the code or HTML above"),
        ("</details>\n`\n<!X\n</script>\n/promote a", "the link, code, table or tag above"),
        ("- > a\n/promote a", "the quote above"),
        ("*\n  <!--\n> x\n```<!--\n~~~\nb --> c\n\n/promote a", "the code or HTML above"),
        ("</script>\n<!X\n\n~~~\n]]>\n\n/promote a", "the code or HTML above"),
        ("    ```\n?>\n    ```\n/promote a\n\t```", "the link, code, table or tag above"),
        ("# a `\n`b\n/promote a\n`", "the link, code, table or tag above"),
    ],
)
def test_what_was_meant_for_us_is_answered_and_not_acted_on(body: str, expected: str) -> None:
    assert expected in why(body)


@pytest.mark.parametrize(
    "body",
    [
        "```\n/hold a\n```\n/promote a",
        "> /hold a\n\n/promote a",
        "`seed0` and ``x ` y`` are fine now.\n/promote a",
        "<!-- hidden -->\n\n/promote a",
        "<details>\n\nlog\n\n</details>\n\n/promote a",
        "<blockquote>\n\n/hold a\n\n</blockquote>\n\n/promote a",
        "<samp>one</samp><br>\n<small>two</small>\n\n/promote a",
        "- one\n- two\n\n/promote a",
        "# So\n/promote a",
        "~~~\n```\n~~~\n\n/promote a",
    ],
)
def test_what_stands_above_and_is_over_does_not_matter(body: str) -> None:
    assert said(body) == ["/promote a"]


def test_the_number_of_commands_is_bounded() -> None:
    asked = read("\n".join(f"/hold a{n}" for n in range(3_000)))
    assert len(asked.commands) == MOST_COMMANDS
    assert {mistake.why for mistake in asked.mistakes} == {"it is one of more than 10 commands in one comment"}
    assert len(asked.mistakes) == MOST_COMMANDS


MADE = {
    unit: (unit * LONGEST_COMMENT)[: LONGEST_COMMENT - 100]
    for unit in (
        "`",
        "` ",
        "<",
        "<!--",
        "<details>",
        "/help\n",
        "/promot \n",
        "> \n",
        "/promote a\n`\n",
        "- ```\n",
        "[",
    )
}
MADE["fences"] = "- x\n" + "\n".join(f" {'`' * n}" for n in range(3, 250)) + "\n" + "x\n" * 16_000


@pytest.mark.parametrize("made", MADE)
def test_a_comment_of_any_make_is_read_in_no_time(made: str) -> None:
    for body in (MADE[made], f"/help\n{MADE[made]}\n/help", f"/help\n{MADE[made].replace(chr(10), ' ')}\n/help"):
        assert len(body) <= LONGEST_COMMENT
        begun = time.process_time()
        read(body)
        assert time.process_time() - begun < 5


_ids = st.lists(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True), max_size=5, unique=True).map(tuple)
_reasons = st.from_regex(r"[^\s\x00-\x1f](?:[ -~]{0,30}[!-~])?", fullmatch=True).filter(str.isprintable)
_commands = st.one_of(
    st.builds(Command, st.just("promote"), _ids, st.none() | st.from_regex(r"[0-9a-f]{7,40}", fullmatch=True)),
    st.builds(Command, st.just("hold"), _ids),
    st.builds(Command, st.sampled_from(["status", "recheck", "help"])),
    st.builds(
        lambda one, reason: Command("retire", (one,), None, reason),
        st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True),
        _reasons,
    ),
)


@given(_commands)
def test_what_is_written_is_read_back(command: Command) -> None:
    assert read(str(command)) == Asked((command,))


@given(hostile_text | st.text())
def test_reading_never_fails(body: str) -> None:
    for asked in (read(body), read(f"/promote {body}"), read(f"{body}\n/promote a"), read(f"/{body}")):
        assert all(one.name in USAGE for one in asked.commands)


_pieces = st.sampled_from(
    [
        *(
            "```",
            "~~~",
            "````",
            "``` x",
            "  ```",
            "    ```",
            "- ```",
            "> ```",
            "```x`",
            "`",
            "``",
            "\\`",
            "a",
            "- a",
            "1. a",
        ),
        *(
            "",
            "",
            "",
            "> a",
            "  > a",
            "- > a",
            "<!--",
            "-->",
            "a <!-- b",
            "b --> c",
            "<div>",
            "</div>",
            "<pre>",
            "</pre>",
        ),
        *(
            "<script>",
            "</script>",
            "<?",
            "?>",
            "<!X",
            ">",
            "<![CDATA[",
            "]]>",
            "<b title='",
            "'>",
            '[a](b "',
            '")',
            "[a]:",
        ),
        *(
            "[a]: b '",
            "'",
            "![",
            "](b)",
            "| a |",
            "| - |",
            "# a",
            "---",
            "===",
            "\t```",
            "*",
            "$$",
            "  a",
            "      a",
            "-",
        ),
        *(
            "/hold a",
            "/hold b",
            "<details>",
            "</details>",
            "\\",
            "<",
            "&lt;",
            "- - ```",
            "  - ~~~",
            "1. > ```",
            "<a",
            "<!-->",
        ),
        *(
            "<textarea>",
            "</textarea>",
            "<PRE",
            "text <pre>",
            "`<!--`",
            "```<!--",
            "-->```",
            "~~~`",
            "  <!--",
            "    <!--",
        ),
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(_pieces, max_size=14))
def test_whatever_is_acted_on_is_plain_text_on_the_page(pieces: list[str]) -> None:
    body = "\n".join([*pieces, "/promote zz"])
    for command in read(body).commands:
        assert str(command) in plain_lines(PARSER.parse(body)), body


@settings(max_examples=300, deadline=None)
@given(st.lists(_pieces, max_size=5))
def test_an_empty_line_and_no_open_block_are_enough(pieces: list[str]) -> None:
    """Where nothing above opens a block, the command at the end is acted on."""
    quiet = [one for one in pieces if not any(sign in one for sign in ("``", "~~", "<"))]
    body = "\n".join([*quiet, "", "/promote zz"])
    assert "/promote zz" in said(body)


def plain_lines(tokens: Sequence[Token]) -> set[str]:
    """Lines of text that stand in no quote, code or HTML."""
    lines: set[str] = set()
    quotes = 0
    for token in tokens:
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        if token.type == "inline" and not quotes:
            lines.update("".join(_texts(token.children or ())).split("\n"))
    return lines


def _texts(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "text":
            yield token.content
        elif token.type in ("softbreak", "hardbreak"):
            yield "\n"
        else:
            yield "\x00"
