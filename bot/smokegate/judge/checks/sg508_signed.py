"""SG508: it is signed by a key or identity in base's policy, or the policy allows what nobody signed."""

from __future__ import annotations

from smokegate.judge.change import RegistryChange
from smokegate.judge.docket import docket
from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems


def change(change: RegistryChange, law: Law) -> Problems:
    for exhibit in docket(change, law).exhibits:
        if exhibit.signing.fault is not None:
            yield Problem(
                subject=exhibit.path,
                path=exhibit.path,
                line=1,
                message=f"`{exhibit.path}`: {exhibit.signing.fault}",
                fix=exhibit.signing.fix,
                cause=(),
                concerns=exhibit.keys,
            )
