"""SG509: it covers every entry that goes up, and the seeds the policy names."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import docket
from smokegate.judge.law import Law
from smokegate.judge.problem import Problems


def change(change: RegistryChange, law: Law) -> Problems:
    return docket(change, law).problems("SG509")
