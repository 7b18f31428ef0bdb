"""The policy file: where it lies, what it says, and the digest of what it comes to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from smokegate.errors import PolicyError
from smokegate.policy import POLICY_NAME, Bound, Policy

if TYPE_CHECKING:
    from smokegate.policy_yaml import Json

BUILT_IN = "built-in default"
_MISSPELT = (".smokegate.yaml", "smokegate.yml", "smokegate.yaml")


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    policy: Policy
    sha256: str
    """Of what holds in the end, defaults included: two spellings of one policy have one digest."""
    source: str
    text: str


def locate(registry: str, has: Callable[[str], bool]) -> str | None:
    """The policy file of the registry at this path: at the root of the tree, or beside the registry."""
    for folder in _folders(registry):
        for wrong in _MISSPELT:
            if has(folder + wrong):
                raise PolicyError(
                    f"{folder}{wrong} looks like a policy, but only {POLICY_NAME} is read",
                    fix=f"git mv {folder}{wrong} {folder}{POLICY_NAME}",
                )
    found = [folder + POLICY_NAME for folder in _folders(registry) if has(folder + POLICY_NAME)]
    if len(found) > 1:
        raise PolicyError(
            f"two policies claim the registry {registry}: {found[0]} and {found[1]}",
            fix=f"keep one of them, for example: git rm {found[1]}",
        )
    return found[0] if found else None


def places(registry: str) -> list[str]:
    """Every path at which `locate` looks, the misspelt ones included."""
    return [folder + name for folder in _folders(registry) for name in (POLICY_NAME, *_MISSPELT)]


def _folders(registry: str) -> list[str]:
    folder = registry.rpartition("/")[0]
    return list(dict.fromkeys(("", f"{folder}/" if folder else "")))


def parse(data: bytes, name: str) -> LoadedPolicy:
    """Read a policy file. Raises PolicyFileError, which lists every mistake with its line and column."""
    from smokegate.policy_explain import mistakes_of  # noqa: PLC0415 - only where there is a file to read
    from smokegate.policy_mistakes import PolicyFileError  # noqa: PLC0415
    from smokegate.policy_yaml import read  # noqa: PLC0415

    root, mistakes = read(data, name)
    policy = default_policy().policy
    if root is not None and root.value is not None:
        try:
            policy = Policy.model_validate_json(json.dumps(root.plain()), strict=True)
        except ValidationError as error:
            mistakes += mistakes_of(error, root, known={mistake.place for mistake in mistakes})
    if mistakes:
        raise PolicyFileError(name, mistakes)
    return LoadedPolicy(policy, digest(policy), name, data.decode("utf-8"))


@cache
def default_policy() -> LoadedPolicy:
    """What holds where there is no policy file. Constructed, not validated: a test holds the two together."""
    policy = Policy.model_construct()
    return LoadedPolicy(policy, digest(policy), BUILT_IN, "")


def digest(policy: Policy) -> str:
    canonical = json.dumps(plain(policy), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def plain(value: Any) -> Json:
    """A policy, or a part of one, as the values that a file would have, defaults written out."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        said = {field.alias or name: plain(getattr(value, name)) for name, field in fields.items()}
        return {key: one for key, one in said.items() if one is not None} if isinstance(value, Bound) else said
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value + 0.0  # -0.0 is 0.0
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"a policy cannot hold {type(value).__name__}")
