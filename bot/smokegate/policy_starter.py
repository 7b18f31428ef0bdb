"""The policy as text: a first file for `policy init`, and the one in force for `policy show`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from smokegate import globs
from smokegate.policy import BUILT_IN_GATES, POLICY_NAME, Policy
from smokegate.policy_file import LoadedPolicy, default_policy, plain

if TYPE_CHECKING:
    from smokegate.policy_yaml import Json

_WIDTH = 100
_SPECIAL = frozenset({"true", "false", "null", "yes", "no", "on", "y", "n"})
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+-]*\Z")


def starter(
    registry_path: str, entry_ids: Sequence[str], groups_found: Mapping[str, Sequence[str]], has_schema: bool
) -> str:
    """A `.smokegate.yml` for this registry: every key with what it means, off at its default but for two.

    A line that starts with `# ` explains; one that starts with `#` and no space is a key at its default.
    """
    live: dict[str, Json] = {"schema_version": 1, "registries": [globs.escape(registry_path)]}
    notes = {
        "schema": [_schema_note(has_schema)],
        "gates": _gate_notes(entry_ids),
        "groups": [f"Found here: {_listed([name])} ({_listed(ids)})." for name, ids in groups_found.items()],
    }
    lines = [
        f"# {POLICY_NAME}: what smokegate holds this registry to. The file on the base branch judges a change.",
        "# A line `# like this` explains; a line `#like: this` is a key at its default: take the `#` away to set it.",
    ]
    for key, description, default in _fields(Policy, default_policy().policy):
        lines += ["", *_comment(description)]
        for note in notes.get(key, ()):
            lines += _comment(note)
        if key in live:
            lines += _lines(key, live[key])
        else:
            lines += [f"#{line}" for line in _commented(key, default)]
    return "\n".join(lines) + "\n"


def show(loaded: LoadedPolicy) -> str:
    """The policy in force, defaults written out: a file that means the same."""
    ours, default = plain(loaded.policy), plain(default_policy().policy)
    changed = list(_different(ours, default))
    lines = [
        *_comment(f"The policy in force, from: {_clean(loaded.source)}"),
        f"# sha256: {loaded.sha256}",
        *_comment(f"Not default: {', '.join(changed)}" if changed else "Everything is at its default."),
    ]
    if isinstance(ours, dict):
        for key, value in ours.items():
            lines += _lines(key, value)
    return "\n".join(lines) + "\n"


def _fields(model: type[BaseModel], values: BaseModel) -> Iterator[tuple[str, str, Any]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field.description or "", getattr(values, name)


def _commented(key: str, default: Any) -> Iterator[str]:
    """A key at its default; the keys of a part of the policy have their descriptions among them."""
    if not isinstance(default, BaseModel):
        yield from _lines(key, plain(default))
        return
    yield f"{key}:"
    for inner, description, value in _fields(type(default), default):
        yield from (f"  {line}" for line in _comment(description))
        yield from (f"  {line}" for line in _commented(inner, value))


def _schema_note(has_schema: bool) -> str:
    if has_schema:
        return "Found here: `registry.schema.json` beside the registry. As it stands on base, it is the law."
    return "Found here: none beside the registry, so the built-in schema holds."


def _gate_notes(entry_ids: Sequence[str]) -> Iterator[str]:
    judged = {
        name: [one for one in entry_ids if globs.matches_any(gate.match, one)] for name, gate in BUILT_IN_GATES.items()
    }
    for name, ids in judged.items():
        if ids:
            yield f"Found here: {name} judges {_listed(ids)}."
    without = [one for one in entry_ids if not any(one in ids for ids in judged.values())]
    if without:
        yield f"Found here: no built-in gate judges {_listed(without)}; without a gate an entry cannot flip."


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(_clean(name) for name in names[:most]) + more


def _clean(text: str) -> str:
    """Text from a repository, fit for a comment: it cannot end the line."""
    return "".join(one if one.isprintable() else "?" for one in text)[:120]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False
    )


def _different(ours: Json, default: Json, path: str = "") -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(default, dict) and path.count(".") < 1 and path not in ("gates",):
        for key in dict.fromkeys([*ours, *default]):
            yield from _different(ours.get(key), default.get(key), f"{path}.{key}" if path else key)
    elif ours != default:
        yield path


def _lines(key: str, value: Json) -> Iterator[str]:
    """`key: value`, nested in block style, lists of texts in wrapped flow style."""
    head = f"{_scalar(key)}:"
    match value:
        case dict() if value:
            yield head
            for inner, item in value.items():
                yield from (f"  {line}" for line in _lines(inner, item))
        case list() if any(isinstance(item, dict) for item in value):
            yield head
            for item in value:
                lines = (
                    [line for key, one in item.items() for line in _lines(key, one)] if isinstance(item, dict) else []
                )
                yield from (f"  {'  ' if n else '- '}{line}" for n, line in enumerate(lines))
        case list() if value:
            one_line = f"{head} [{', '.join(map(_scalar, value))}]"
            if len(one_line) <= _WIDTH:
                yield one_line
                return
            yield head
            *most, last = map(_scalar, value)
            words = [*(f"{one}," for one in most), f"{last}]"]
            yield from (f"  {line}" for line in _filled([f"[{words[0]}", *words[1:]]))
        case _:
            yield f"{head} {_scalar(value)}"


def _filled(words: Sequence[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(line) + len(word) + 1 > _WIDTH:
            yield line
            line = ""
        line += f" {word}" if line else word
    yield line


def _scalar(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return value if _PLAIN.match(value) and value.lower() not in _SPECIAL else _quoted(value)
        case dict():
            return "{}"
        case list():
            return "[]"


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one.isprintable():
        return one
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"
