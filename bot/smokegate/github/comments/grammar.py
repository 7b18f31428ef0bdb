"""What a comment asks for. Reading never fails: what is no command is left alone, or is answered with what is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from smokegate.github.comments.spoken import Line, spoken

USAGE: Mapping[str, str] = MappingProxyType(
    {
        "promote": "/promote [ids] [@sha]",
        "hold": "/hold [ids]",
        "status": "/status",
        "recheck": "/recheck",
        "retire": "/retire <id> <reason>",
        "help": "/help",
    }
)
"""Every command, and how it is written."""

MOST_COMMANDS = 10
MOST_IDS = 50
LONGEST_REASON = 512
"""What a retirement's record takes."""
LONGEST_COMMENT = 65_536
"""What GitHub takes; nothing longer was typed there."""

_WORD = re.compile(r"/(\S+)[ \t]*(.*)", re.DOTALL)
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_SHA = re.compile(r"@[0-9a-f]{7,40}", re.ASCII)
_NEAR = 0.85
_TOO_MANY = f"it is one of more than {MOST_COMMANDS} commands in one comment"


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    ids: tuple[str, ...] = ()
    sha: str | None = None
    reason: str | None = None
    line: int = 1

    def __str__(self) -> str:
        """As it could be written."""
        words = (f"/{self.name}", *self.ids, f"@{self.sha}" if self.sha else None, self.reason)
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that was meant for us, and that is not acted on."""

    line: int
    said: str
    """At most 200 characters of it, as they came."""
    why: str
    usage: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    commands: tuple[Command, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.commands or self.mistakes)


class _Misspelt(Exception):
    pass


def read(body: str) -> Asked:
    if len(body) > LONGEST_COMMENT:
        return Asked()
    commands: dict[tuple[object, ...], Command] = {}
    mistakes = []
    for line in spoken(body):
        named = _WORD.match(line.text)
        name = _meant(named[1]) if named else None
        if named is None or name is None:
            continue
        try:
            command = _command(name, named[1], named[2], line)
        except _Misspelt as why:
            mistakes.append(Mistake(line.number, line.text[:200], str(why), USAGE[name]))
        else:
            said = (command.name, command.ids, command.sha, command.reason)
            if len(commands) < MOST_COMMANDS or said in commands:
                commands.setdefault(said, command)
            else:
                mistakes.append(Mistake(line.number, line.text[:200], _TOO_MANY, None))
        if len(mistakes) == MOST_COMMANDS:
            break
    return Asked(tuple(commands.values()), tuple(mistakes))


def _meant(word: str) -> str | None:
    """Which of ours this is or is very like; None where it is another bot's, a path, or plain text."""
    if "/" in word:
        return None
    plain = "".join(ch for ch in word if ch.isprintable()).lower()[:40]
    for name in USAGE:
        if plain.startswith(name) or (len(plain) > 4 and name.startswith(plain)):
            return name
    return next(iter(difflib.get_close_matches(plain, USAGE, n=1, cutoff=_NEAR)), None)


def _command(name: str, word: str, rest: str, line: Line) -> Command:
    if not line.text.replace("\t", " ").isprintable():
        raise _Misspelt("it holds characters that cannot be seen")
    if word.lower() != name or not word.isascii():
        raise _Misspelt("there is no such command")
    if line.doubt:
        raise _Misspelt(f"this line {line.doubt}; leave an empty line before it, or say it in a comment of its own")
    rest = rest.strip(" \t")
    match name:
        case "promote" | "hold":
            return _with_ids(name, rest, line.number)
        case "retire":
            return _retire(rest, line.number)
        case "help":
            return Command(name, line=line.number)
        case _:
            if rest:
                raise _Misspelt("nothing goes after it")
            return Command(name, line=line.number)


def _with_ids(name: str, rest: str, number: int) -> Command:
    ids: dict[str, None] = {}
    sha = None
    for word in re.split(r"[ \t,]+", rest):
        if _SHA.fullmatch(word) and name == "promote":
            if sha not in (None, word[1:]):
                raise _Misspelt("it names two commits")
            sha = word[1:]
        elif word.startswith("@"):
            raise _Misspelt("after `@` comes a commit: 7 to 40 of the digits 0-9 and a-f")
        elif word:
            ids[_id(word)] = None
    if len(ids) > MOST_IDS:
        raise _Misspelt(f"it names more than {MOST_IDS} entries")
    return Command(name, tuple(ids), sha, line=number)


def _retire(rest: str, number: int) -> Command:
    first, *reason = re.split(r"[ \t]+", rest, maxsplit=1)
    if not first:
        raise _Misspelt("it names no entry")
    if not reason:
        raise _Misspelt("it gives no reason")
    if len(reason[0]) > LONGEST_REASON:
        raise _Misspelt(f"its reason is longer than {LONGEST_REASON:,} characters")
    return Command("retire", (_id(first),), reason=reason[0], line=number)


def _id(word: str) -> str:
    if not _ID.fullmatch(word):
        raise _Misspelt("an entry's id is made of a-z, 0-9, `_` and `-`, and starts with a letter or a digit")
    return word
