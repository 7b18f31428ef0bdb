"""Nobody of the same user looks into the process that holds the token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from github_side.composite import load
from github_side.test_runner_io import environment

# Root reads everything, and a process that changes its user is closed already: so it is opened again first.
STEP = """
import ctypes, json, os, sys
from smokegate.github.step import sealed
from smokegate.github.verdicts import workplace

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)

def seen_by_a_child():
    read_end, write_end = os.pipe()
    if not os.fork():
        found = []
        for name in ("environ", "mem", "auxv"):
            try:
                with open(f"/proc/{os.getppid()}/{name}", "rb") as file:
                    found.append(name if name != "environ" or b"tell-nobody" in file.read() else "no token")
            except OSError:
                pass
        os.write(write_end, json.dumps(found).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(read_end, 1000))

before = seen_by_a_child()
workplace.opened(os.environ)
print(json.dumps([before, seen_by_a_child()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own word on who reads whom is Linux's")
def test_what_it_starts_reads_neither_its_environment_nor_its_memory(tmp_path: Path) -> None:
    given = {**os.environ, **environment(tmp_path), "SMOKEGATE_TOKEN": "tell-nobody"}
    done = subprocess.run([sys.executable, "-c", STEP], env=given, capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout)
    if "environ" not in before:
        pytest.skip("this machine closes every process to its own user")
    assert after == []


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", [".", ".github/actions/smokegate"])
def test_no_shell_stays_behind_that_has_the_secrets_and_keeps_the_signals(tmp_path: Path, folder: str) -> None:
    """The runner signals the shell that it started when a job is cancelled."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "action").write_text("echo $$\n")
    step = next(one for one in load(ROOT / folder / "action.yml")["runs"]["steps"] if one.get("id") == "run")
    (tmp_path / "script.sh").write_text(step["run"])
    given = {**os.environ, "GITHUB_ACTION_PATH": str(tmp_path)}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(tmp_path / "script.sh")]
    with subprocess.Popen(shell, env=given, stdout=subprocess.PIPE, text=True) as process:
        assert process.communicate()[0] == f"{process.pid}\n"
