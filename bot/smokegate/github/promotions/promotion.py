"""A promotion as it was asked for: the document that travels from the comment to the runner and back.

Every value in it was checked against GitHub when it was written, and none is believed by whoever reads it: the
harness and the job that finishes ask GitHub again. It is read strictly, so that what they check is all there is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from smokegate.errors import SmokegateError
from smokegate.policy_github import GitHub
from smokegate.registry import strict_json
from smokegate.render.escape import clip

SCHEMA = "smokegate-promotion-v1"
Harness = Literal["ensemble", "saliency"]
HARNESSES: tuple[str, ...] = get_args(Harness)

MOST_IDS = 50
MOST_INPUTS, INPUTS_LIMIT = 25, 65_535
"""GitHub's bounds on the inputs of one dispatch: how many, and how many characters in all."""
AROUND_IT = 30
"""Minutes that the job gets on top of the harness's own, for what comes before and after: the harness says why it was
stopped, and GitHub would not."""
RUN_NAME = "smokegate ${{ inputs.harness }} ${{ inputs.nonce }}"
"""`run-name` of the harness's workflow. Both values are ours, of letters and digits alone."""

_FORMS = {
    "repository": re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}", re.ASCII),
    "base_ref": re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,255}"),
    "base_sha": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII),
    "head_sha": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII),
    "registry": re.compile(r"(?!/)(?!(?:[^/]*/)*(?:\.{0,2}/|\.{0,2}$))[^\\\x00-\x1f\x7f]{1,512}"),
    "harness": re.compile("|".join(HARNESSES)),
    "gate": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII),
    "policy_sha256": re.compile(r"[0-9a-f]{64}", re.ASCII),
    "actor": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,98}(?:\[bot\])?", re.ASCII),
    "nonce": re.compile(r"[0-9a-f]{32}", re.ASCII),
    "asked_at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII),
}
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


class RequestError(SmokegateError):
    """A request that is not one, or not the one that it says it is."""


@dataclass(frozen=True, slots=True)
class Request:
    repository: str
    pr: int
    base_ref: str
    base_sha: str
    head_sha: str
    """What the bot's own verdict judged, and what alone may be measured."""
    registry: str
    ids: tuple[str, ...]
    harness: str
    gate: str
    policy_sha256: str
    actor: str
    comment: int
    nonce: str
    asked_at: str

    def __post_init__(self) -> None:
        for name, form in _FORMS.items():
            value = getattr(self, name)
            if not isinstance(value, str) or not form.fullmatch(value) or not _encodable(value):
                raise RequestError(f"a promotion's {name} cannot be {_shown(value)}")
        for name in ("pr", "comment"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
                raise RequestError(f"a promotion's {name} cannot be {_shown(value)}")
        if not 0 < len(self.ids) <= MOST_IDS or len(set(self.ids)) != len(self.ids):
            raise RequestError(f"a promotion names 1 to {MOST_IDS} entries, each once; this one {len(self.ids)}")
        for one in self.ids:
            if not isinstance(one, str) or not _ID.fullmatch(one):
                raise RequestError(f"no entry's id can be {_shown(one)}")


def write(request: Request) -> str:
    """One line of JSON, sorted: equal requests are equal texts."""
    return json.dumps({"schema": SCHEMA, **asdict(request)}, sort_keys=True, separators=(",", ":"))


def read(text: str) -> Request:
    try:
        value = strict_json.parse(text.encode(), max_bytes=INPUTS_LIMIT, max_depth=3)
    except (strict_json.JsonFault, UnicodeEncodeError) as fault:
        raise RequestError(f"the promotion's request is not JSON: {clip(str(fault), 200)}") from fault
    names = {"schema", *(one.name for one in fields(Request))}
    if not isinstance(value, dict) or set(value) != names:
        given = sorted(value) if isinstance(value, dict) else [_shown(value)]
        raise RequestError(f"a promotion's request has {', '.join(sorted(names))}; this has {clip(str(given), 300)}")
    if value.pop("schema") != SCHEMA:
        raise RequestError(f"this promotion's request is not of the form {SCHEMA}")
    ids = value.pop("ids")
    if not isinstance(ids, list):
        raise RequestError(f"a promotion's ids cannot be {_shown(ids)}")
    return Request(**value, ids=tuple(ids))


def inputs(request: Request, settings: GitHub) -> dict[str, str]:
    """What the harness's workflow is dispatched with. It puts into expressions what is ours or the policy's alone."""
    said = {
        "request": write(request),
        "nonce": request.nonce,
        "harness": request.harness,
        "runner_labels": json.dumps(list(settings.runner_labels)),
        "timeout_minutes": str(settings.harness_timeout_minutes + AROUND_IT),
    }
    if len(said) > MOST_INPUTS or sum(len(name) + len(value) for name, value in said.items()) > INPUTS_LIMIT:
        raise RequestError("this promotion is too large to be dispatched", fix="name fewer entries")
    return said


def from_inputs(given: Mapping[str, str]) -> Request:
    """The request, which the inputs beside it must agree with."""
    if "request" not in given:
        raise RequestError(
            "this run was dispatched without a request",
            fix="ask for a promotion with `/promote` on a pull request, and let the bot dispatch it",
        )
    request = read(given["request"])
    for name in ("nonce", "harness"):
        if given.get(name) != getattr(request, name):
            said = _shown(given.get(name))
            raise RequestError(f"the input {name} is {said}, and the request says {getattr(request, name)!r}")
    return request


def run_name(request: Request) -> str:
    """By which the run is found again where the server does not say its id."""
    return f"smokegate {request.harness} {request.nonce}"


def nonce_of(title: str) -> str | None:
    """Of a run's name, where the run is a promotion's."""
    found = re.fullmatch(rf"smokegate (?:{'|'.join(HARNESSES)}) ([0-9a-f]{{32}})", title, re.ASCII)
    return found[1] if found else None


def differences(request: Request, now: Mapping[str, Any]) -> list[str]:
    """In what a request is not what GitHub says now, in words; empty where nothing moved."""
    return [
        f"{name.replace('_', ' ')} is {_shown(value)}, and was {_shown(getattr(request, name))}"
        for name, value in now.items()
        if value != getattr(request, name)
    ]


def _encodable(text: str) -> bool:
    return not any("\ud800" <= ch <= "\udfff" for ch in text)


def _shown(value: object) -> str:
    return clip(repr(value), 80)
