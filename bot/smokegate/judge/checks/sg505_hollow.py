"""SG505: the corpus behind it is there, accepted, and whole."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import docket
from smokegate.judge.law import Law
from smokegate.judge.problem import Problems


def change(change: RegistryChange, law: Law) -> Problems:
    return docket(change, law).problems("SG505")
