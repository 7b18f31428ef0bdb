"""SG506: it names what goes to production, and measured those very bytes."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import docket
from smokegate.judge.law import Law
from smokegate.judge.problem import Problems


def change(change: RegistryChange, law: Law) -> Problems:
    return docket(change, law).problems("SG506")
