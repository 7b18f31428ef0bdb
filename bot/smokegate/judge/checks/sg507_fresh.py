"""SG507: it is fresh: bound by identity, or pinned by base's policy."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import docket
from smokegate.judge.law import Law
from smokegate.judge.problem import Problems


def change(change: RegistryChange, law: Law) -> Problems:
    return docket(change, law).problems("SG507")
