"""Attacks on whoever pastes a fix: a name is one argument, of one file, whatever it is made of."""

from __future__ import annotations

import os
import random
import subprocess

import pytest

from forge import Forge
from onnx_models import mlp
from smokegate.judge.shell import pathspec, word
from smokegate.render.escape import visible

HOSTILE = [
    "plain/name-1.0_x.onnx",
    "a b",
    "it's",
    '"quoted"',
    "$(touch pwned)",
    "`touch pwned`",
    "a;touch pwned",
    "a|b&c>d<e",
    "*",
    "[a]?*.onnx",
    "!history",
    "~root",
    "#comment",
    "-rf",
    "--output=x",
    ":(exclude)x",
    ":/",
    "back\\slash",
    "new\nline",
    "tab\there",
    "bell\x07\x1b[31mred",
    "::error::file",
    "##[error]x",
    "{base}",
    "caf\u00e9",
    "cafe\u0301",
    "\u202etxt.exe",
    "byte\udcff",
    "\u0660\U0001f600",
    "%s%n",
    "x\x011",
]


def names() -> list[str]:
    rng = random.Random(7)  # noqa: S311 - the same names every time
    letters = "".join(HOSTILE)
    made = ["".join(rng.choices(letters, k=rng.randint(1, 12))) for _ in range(400)]
    return [*HOSTILE, *made]


def test_every_name_is_one_word_of_a_shell() -> None:
    script = "printf '%s\\0' " + " ".join(f"@{word(n)}" if not n.startswith("-") else word(n) for n in names())
    out = subprocess.run(["bash", "-c", os.fsencode(script)], capture_output=True, check=True).stdout
    read = [os.fsdecode(part).removeprefix("@") for part in out.split(b"\0")[:-1]]
    assert read == [f"./{n}" if n.startswith("-") else n for n in names()]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_word_survives_being_shown(name: str) -> None:
    """What a renderer spells out would no longer be what is to be pasted."""
    assert visible(word(name)) == word(name)
    assert visible(pathspec(name)) == pathspec(name)
    assert "{base}" not in word(name)


def test_git_takes_every_name_for_that_one_file(forge: Forge) -> None:
    files = [n for n in names() if "/" not in n and n not in {".", ".."}]
    for name in files:
        forge.write(f"/{name}", name.encode("utf-8", "surrogateescape"))
    forge.commit()
    forge.write("/bystander", b"")
    script = "; ".join(f"git ls-files -z -- {pathspec(n)}; printf '\\0'" for n in files)
    out = subprocess.run(["bash", "-c", os.fsencode(script)], cwd=forge.root, capture_output=True, check=True).stdout
    assert [os.fsdecode(found) for found in out.split(b"\0\0")[:-1]] == files


@pytest.mark.parametrize("name", ["a' b.onnx", "new\nline.onnx", "-x.onnx", "*.onnx"])
def test_a_stray_model_of_any_name_is_removed_by_its_fix_alone(forge: Forge, name: str) -> None:
    forge.add("alpha_v1")
    forge.start()
    forge.write(name, mlp(4))
    (finding,) = [f for f in forge.judged().findings if f.code == "SG208"]
    command = finding.fix.partition("or: ")[2]
    subprocess.run(["bash", "-c", os.fsencode(command)], cwd=forge.root, check=True, capture_output=True)
    assert not forge.path(name).exists()
    assert forge.path("alpha_v1.onnx").exists()
