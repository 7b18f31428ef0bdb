"""Our comments, put together: parts that are shown whole or counted, and the hidden line by which one is known again.

Every comment of ours that is no verdict ends with keys: what it answers. Whoever may have lost an answer on the way
looks for the key and the author before saying it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from urllib.parse import quote

from smokegate.github.api.port import Comment, Viewer
from smokegate.render import words
from smokegate.render.escape import clip, code
from smokegate.render.markdown import COMMENT_LIMIT
from smokegate.render.page import Section, fill, size

_MARK = "<!-- smokegate:answer "
_KEY = re.compile(r"[a-z]+(?::[A-Za-z0-9]+)*", re.ASCII)
_RULE = "\n\n---\n\n"


def comment_key(comment_id: int) -> str:
    """Of the answer to what one comment asks for."""
    return f"comment:{comment_id}"


def promotion_key(nonce: str) -> str:
    """Of what came of one promotion."""
    return f"promotion:{nonce}"


def put_together(parts: Sequence[str], *keys: str, limit: int = COMMENT_LIMIT) -> str:
    """At most `limit` bytes. What does not fit is counted, never cut half-way."""
    if odd := [key for key in keys if not _KEY.fullmatch(key)]:
        raise ValueError(f"no answer can be known by {odd[0]!r}")
    closing = "\n\n" + "".join(f"{_mark(key)}\n" for key in keys)
    section = Section("answer", "answers", parts, glue=_RULE)
    budget = limit - size(closing)
    (shown,) = fill([section], budget)
    if shown < len(parts):
        (shown,) = fill([section], budget - size(_RULE) - size(_left_out(len(parts))))
        body = _RULE.join((*parts[:shown], _left_out(len(parts) - shown)))
    else:
        body = section.text(shown)
    return body + closing


def _left_out(number: int) -> str:
    return f"**Left out here for length:** {words.count(number, 'answer')}."


def find(comments: Sequence[Comment], key: str, ours: Viewer) -> Comment | None:
    """The answer that was given already: ours, and with this key among its last lines."""
    mine = (one for one in comments if one.author.login.casefold() == ours.login.casefold())
    return next((one for one in mine if _mark(key) in _marks(one.body)), None)


def _mark(key: str) -> str:
    return f"{_MARK}{key} -->"


def _marks(body: str) -> Iterator[str]:
    """The hidden lines at the end. What stands above them may quote anybody, and an empty line parts them from it."""
    lines = (line.rstrip("\r") for line in reversed(body.rstrip().split("\n")))
    return takewhile(lambda line: line.startswith(_MARK), lines)


def link(text: str, address: str) -> str:
    """`text` is ours; an address of anything but the web is not linked."""
    if not re.match(r"https?://", address):
        return text
    return f"[{text}]({quote(address, safe=':/?=&%-._~#')})"


def name(text: str, limit: int = 200) -> str:
    """A name that somebody chose, as code: it mentions nobody and means nothing."""
    return code(clip(text, limit))


def names(texts: Sequence[str], most: int = 12) -> str:
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(map(name, texts[:most])) + more
