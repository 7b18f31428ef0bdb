"""What a harness leaves behind, whichever harness it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence import specimens
from smokegate.evidence import write
from smokegate.evidence.models import Runner
from smokegate_runners import verdict


def document(which: str, **fields: Any) -> dict[str, Any]:
    gain = 0.05 if which == write.PROMOTE else -0.05
    found = specimens.comparison(items=specimens.items(gain=gain), **fields)
    assert found["verdict"] == which
    return found


@pytest.mark.parametrize(("first", "second"), [(write.HOLD, write.PROMOTE), (write.PROMOTE, write.HOLD)])
def test_one_verdict_takes_the_other_away(first: str, second: str, tmp_path: Path) -> None:
    verdict.leave(document(first), tmp_path)
    path = verdict.leave(document(second), tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [f"{second}.json"] == [path.name]
    assert path.read_bytes() == write.to_bytes(document(second))


def test_a_hold_counts_for_its_own_models(tmp_path: Path) -> None:
    held = document(write.HOLD)
    identities = [one["identity"] for one in held["subjects"]]
    assert verdict.hold_before(tmp_path, identities) is None
    verdict.leave(held, tmp_path)
    assert verdict.hold_before(tmp_path, identities) == held["generated_at_utc"]
    assert verdict.hold_before(tmp_path, ["0" * 64]) is None and verdict.hold_before(tmp_path, []) is None
    for broken in (b"{", b"[]", json.dumps({**held, "generated_at_utc": "\x1b[31m"}).encode()):
        (tmp_path / "HOLD.json").write_bytes(broken)
        assert verdict.hold_before(tmp_path, identities) is None


@pytest.mark.parametrize(
    ("told", "gpu", "driver"),
    [
        ("echo 'NVIDIA Tesla, 16 GB, 550.90.07'; echo 'another, 1'", "NVIDIA Tesla, 16 GB", "550.90.07"),
        ("echo no devices were found", None, None),
        ("exit 9", None, None),
        ("printf '\\033[31mred, 1\\n'", None, None),
    ],
)
def test_a_card_is_named_by_its_own_tool(
    told: str, gpu: str | None, driver: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{told}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = verdict.runner(("numpy",), 1.23456, provider="CUDAExecutionProvider")
    assert (found["gpu"], found["driver"], found["wall_time_s"]) == (gpu, driver, 1.235)
    Runner.model_validate(found)
    on_cpu = verdict.runner(("numpy",), 1.0)
    assert (on_cpu["gpu"], on_cpu["driver"], on_cpu["execution_provider"]) == (None, None, verdict.CPU_PROVIDER)
    assert verdict.runner((), 1.0, gpu="as JAX calls it")["gpu"] == "as JAX calls it"
