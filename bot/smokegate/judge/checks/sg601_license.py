"""SG601: a licence is present, and is an SPDX expression or one the policy names."""

from __future__ import annotations

from functools import cache

from smokegate.judge.law import Law
from smokegate.judge.problem import Problem, Problems
from smokegate.judge.side import Side
from smokegate.registry.entry import Entry


def entry(side: Side, entry: Entry, law: Law) -> Problems:
    license_name = entry.text("license")
    if license_name is None:
        message = "has no `license`"
    elif license_name in law.policy.licenses.extra or is_spdx(license_name):
        return
    else:
        message = f"has the license {license_name!r}, which is neither SPDX nor named by the policy"
    yield Problem(
        subject=entry.key,
        path=side.registry_path,
        pointer=entry.pointer("license"),
        message=message,
        fix=f"give `{entry.key}` an SPDX identifier such as Apache-2.0, or name the licence in licenses.extra",
        cause=(license_name,),
    )


@cache
def is_spdx(expression: str) -> bool:
    from packaging.licenses import (  # noqa: PLC0415 - only where there is a licence to look up
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    try:
        canonicalize_license_expression(expression)
    except InvalidLicenseExpression:
        return False
    return True
