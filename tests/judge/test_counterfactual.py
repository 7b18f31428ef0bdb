"""What a check finds in a state is debt once that state stands on base: nobody who leaves it alone pays for it."""

from __future__ import annotations

import pytest

from checks.test_every_check import cases_of
from forge import Forge, codes, quiet
from smokegate.judge.check import Check
from smokegate.judge.table import CHECKS

STATE_CHECKS = [check for check in CHECKS if check.entry is not None or check.side is not None]


@pytest.mark.parametrize("check", STATE_CHECKS, ids=lambda check: check.code)
def test_a_fault_that_stands_blocks_nobody_else(check: Check, forge: Forge) -> None:
    forge.add("bystander_v1")
    subject = cases_of(check).failing(forge)
    assert subject != "bystander_v1"
    forge.base = forge.git("rev-parse", "HEAD")
    text = forge.path("registry.json").read_text(encoding="utf-8")
    assert text.count('"id": "bystander_v1",') == 1
    forge.write("registry.json", text.replace('"id": "bystander_v1",', '"id": "bystander_v1", "notes": "seen",'))
    forge.commit(save=False)
    quiet(forge.check())
    everything = forge.check(deep=True)
    quiet(everything)
    assert (check.code, subject) in {(f.code, f.subject) for f in everything.debt}, codes(everything)
