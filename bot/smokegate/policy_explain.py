"""What pydantic says of a policy, in the words and at the places of the file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from smokegate.policy import CHECK_CODES, Level, Policy
from smokegate.policy_mistakes import Mistake, Place, dotted, excerpt
from smokegate.policy_yaml import Node

_LEVELS = "`block`, `warn` or `off`"
_LEVEL_FOR = {"false": "off", "no": "off", "none": "off", "ignore": "off", "error": "block", "true": "block"}
_PATTERNS = {
    "owners": "a login like `ana` or a team like `acme/model-owners`, without `@`",
    "allow": "an operator like `Conv`, or `com.microsoft:Gelu` in another domain",
    "extra": "an operator like `Conv`, or `com.microsoft:Gelu` in another domain",
    "gates": "a name of letters, digits, `.`, `_` and `-`, at most 64",
    "groups": "a name of letters, digits, `.`, `_` and `-`, at most 64",
    "bounds": "a metric's name of letters, digits, `.`, `_` and `-`, at most 64",
    "digests": "a SHA-256 digest: 64 lower-case hexadecimal digits",
    "identity": "a SHA-256 digest: 64 lower-case hexadecimal digits",
    "evidence_sha256": "a SHA-256 digest: 64 lower-case hexadecimal digits",
    "pem": "a public key in PEM: `-----BEGIN PUBLIC KEY-----` and so on",
    "issuer": "a URL that starts with `https://`",
    "harness": "the file name of a workflow, such as `gpu-harness.yml`, without its folder",
    "refresh": "the file name of a workflow, such as `saliency-refresh.yml`, without its folder",
    "runner_labels": "a runner's label: letters, digits, `.`, `_`, `:` and `-`, at most 100",
    "check_name": "a name of letters, digits, spaces and `._/:()-`, at most 100",
}

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "less_than": "less than {lt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}: this smokegate reads no other",
    "too_short": "at least one item",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} characters",
    "value_error": "{error}",
}

Loc = tuple[str | int, ...]


def mistakes_of(error: ValidationError, root: Node, known: Collection[Place]) -> Iterator[Mistake]:
    """One mistake for each of pydantic's, but for places where a mistake is already known."""
    for one in error.errors(include_url=False):
        loc: Loc = one["loc"]
        of_key = one["type"] in {"extra_forbidden", "missing"} or loc[-1:] == ("[key]",)
        loc = loc[:-1] if loc[-1:] == ("[key]",) else loc
        key, node = _found(root, loc)
        if (key if of_key else node.place) in known or (one["type"] == "too_short" and one["input"]):
            continue  # items that were refused do not count for pydantic, and have been named already
        found, expected = _said(one, loc, of_key=loc is not one["loc"])
        yield Mistake(key if of_key or node.value is None else node.place, dotted(loc), found, expected)


def _found(root: Node, loc: Loc) -> tuple[Place, Node]:
    """Where the key is, and its value; of a key that is missing, those of what should hold it."""
    node, place = root, root.place
    for part in loc:
        if isinstance(node.value, dict) and isinstance(part, str) and part in node.value:
            place, node = node.keys[part], node.value[part]
        elif isinstance(node.value, list) and isinstance(part, int):
            node = node.value[part]
            place = node.place
        else:
            break
    return place, node


def _said(one: Mapping[str, Any], loc: Loc, *, of_key: bool) -> tuple[str, str]:
    given, bounds = one["input"], one.get("ctx", {})
    match one["type"]:
        case "extra_forbidden":
            return "an unknown key", _known_key(loc)
        case "missing":
            return "nothing", f"the key `{loc[-1]}`, which has no default"
        case "enum":
            return _shown(given), _level(given)
        case "tuple_type":
            return _shown(given), _list_for(loc, given)
        case "string_pattern_mismatch":
            field = loc[-2] if isinstance(loc[-1], int) or of_key else loc[-1]
            return _shown(given), _PATTERNS.get(str(field), f"text that fits {bounds['pattern']}")
        case "string_type":
            return _shown(given), f"text{_quoted(given)}"
        case "dict_type" | "model_type":
            return _shown(given), "a mapping: `key: value`, one to a line"
        case plain:
            wanted = _EXPECTED.get(plain, str(one["msg"]).replace("{", "{{").replace("}", "}}"))
            return _shown(given, typed=plain.startswith(("int", "float"))), wanted.format_map(bounds)


def _shown(given: object, *, typed: bool = False) -> str:
    match given:
        case None:
            return "nothing"
        case bool():
            return f"`{json.dumps(given)}`, a boolean"
        case str():
            return f"the text {excerpt(given)}" if typed else excerpt(given)
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list" if given else "an empty list"
    return excerpt(str(given))


def _level(given: object) -> str:
    text = json.dumps(given) if isinstance(given, bool) else str(given).lower()
    near = _LEVEL_FOR.get(text) or next(
        iter(difflib.get_close_matches(text, [level.value for level in Level], n=1)), None
    )
    return f"{_LEVELS}; did you mean `{near}`?" if near else _LEVELS


def _list_for(loc: Loc, given: object) -> str:
    if not isinstance(given, str):
        return "a list"
    return f"a list; write `{loc[-1]}: [{json.dumps(given[:60], ensure_ascii=False)}]`"


def _quoted(given: object) -> str:
    return (
        f"; write `{json.dumps(str(given))}`" if isinstance(given, int | float) and not isinstance(given, bool) else ""
    )


def _known_key(loc: Loc) -> str:
    """The right key at this level that is most like the wrong one, or the level where it would be right."""
    *parents, wrong = loc
    here = _keys_at(parents)
    if near := difflib.get_close_matches(str(wrong), here, n=1):
        return f"a key that exists; did you mean `{near[0]}`?"
    if wrong in CHECK_CODES:
        return f"check codes under `checks`: write `checks: {{{wrong}: warn}}`"
    for level in ([], *([key] for key in _keys_at([]))):
        if near := difflib.get_close_matches(str(wrong), _keys_at(level), n=1):
            return f"a key that exists here; did you mean `{dotted([*level, near[0]])}`?"
    return f"one of {', '.join(f'`{key}`' for key in here)}"


def _keys_at(path: Sequence[str | int]) -> list[str]:
    model: Any = Policy
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            model = fields[str(part)].annotation
        else:
            model = next(
                one for one in reversed(get_args(model)) if one is not ...
            )  # dict[name, Model], tuple[Model, ...]
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]
