"""SG502: its verdict is PROMOTE, and not from a dry run."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import docket
from smokegate.judge.law import Law
from smokegate.judge.problem import Problems


def change(change: RegistryChange, law: Law) -> Problems:
    return docket(change, law).problems("SG502")
