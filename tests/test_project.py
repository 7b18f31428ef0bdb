"""The project around the code: locks, versions, targets and packages agree with each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import smokegate
from smokegate.registry import schemas

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
LOCKS = ("core.lock", "action.lock", "dev.lock", "runners.lock")

PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+?))? \\$", re.MULTILINE)
PLACE = re.compile(
    r"://|\bfile:|--(?:extra-)?index-url|--find-links|--trusted-host|^-[if]\b|(?<![\w-])/\w|@ ", re.MULTILINE
)
YAML_FILES = (".smokegate.yml", ".pre-commit-config.yaml")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def pins(text: str) -> set[tuple[str, str, str]]:
    return {(m["name"], m["version"], m["marker"] or "") for m in PIN.finditer(text)}


def wanted(requirements: list[str]) -> dict[str, SpecifierSet]:
    """Names as locks spell them, with the versions that will do; `smokegate[x]` is what the extra x asks for."""
    extras = pyproject()["project"]["optional-dependencies"]
    named = [Requirement(text) for text in requirements]
    ours = [extra for requirement in named if requirement.name == "smokegate" for extra in requirement.extras]
    parsed = [Requirement(text) for extra in ours for text in extras[extra]]
    parsed += [requirement for requirement in named if requirement.name != "smokegate"]
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in parsed}


@pytest.fixture(scope="module", params=LOCKS)
def lock(request: pytest.FixtureRequest) -> str:
    return (REQUIREMENTS / str(request.param)).read_text("utf-8")


def test_a_lock_names_no_place(lock: str) -> None:
    assert PLACE.findall(lock) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.invalid/simple",
        "--find-links wheels",
        "-f wheels",
        "x @ file:///srv/x.whl",
        "    # via -r /srv/x.txt",
    ],
)
def test_a_place_in_a_lock_is_noticed(line: str) -> None:
    assert PLACE.search(f"click==8 \\\n{line}\n")


def test_a_lock_pins_every_package_with_digests(lock: str) -> None:
    for block in re.split(r"\n(?=\S)", lock.strip()):
        assert PIN.match(block), block.splitlines()[0]
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}", block, re.MULTILINE), block.splitlines()[0]


def test_locks_hold_what_the_project_asks_for() -> None:
    project = pyproject()["project"]
    extras = project["optional-dependencies"]
    core = [*project["dependencies"], *pyproject()["build-system"]["requires"]]
    asked = {
        "core.lock": core,
        "action.lock": core + extras["action"],
        "dev.lock": core + extras["dev"],
        "runners.lock": core + [text for texts in extras.values() for text in texts],
    }
    for lock_name, requirements in asked.items():
        held = [(name, version) for name, version, _ in pins((REQUIREMENTS / lock_name).read_text("utf-8"))]
        for name, specifier in wanted(requirements).items():
            versions = [version for held_name, version in held if held_name == name]
            assert versions, f"{lock_name} lacks {name}; fix: make lock"
            assert all(specifier.contains(version) for version in versions), f"{lock_name}: {name}; fix: make lock"


def test_locks_agree_on_versions() -> None:
    core, action, dev, runners = (pins((REQUIREMENTS / name).read_text("utf-8")) for name in LOCKS)
    assert core
    assert core <= action <= runners
    assert core <= dev <= runners


def test_the_core_stays_small() -> None:
    names = {pin[0] for pin in pins((REQUIREMENTS / "core.lock").read_text("utf-8"))}
    assert (
        names & {"av", "jax", "pandas", "pyarrow", "pygithub", "pytest", "ray", "requests", "scipy", "torch"} == set()
    )


def test_the_build_backend_is_locked_as_it_is_required() -> None:
    assert pyproject()["dependency-groups"]["build"] == pyproject()["build-system"]["requires"]


def test_the_version_is_written_once() -> None:
    assert pyproject()["project"]["dynamic"] == ["version"]
    assert "version" not in pyproject()["project"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:\.dev\d+|rc\d+)?", smokegate.__version__)
    released = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert released[0] == smokegate.__version__


def test_the_licence_is_the_one_declared() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert pyproject()["project"]["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "The smokegate authors" in text


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Without what a `make test` around this very test hands down.
    env = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False
    )


def targets_in(text: str) -> set[str]:
    """`make x` where it is code: in backticks, or at the start of an indented or fenced line."""
    return set(re.findall(r"(?:`|^\s*(?:\$ )?)make ([a-z][a-z-]*)", text, re.MULTILINE))


def documents() -> list[Path]:
    return [
        path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), REQUIREMENTS / "README.md") if path.is_file()
    ]


def test_every_make_target_that_is_named_exists() -> None:
    offered = set(re.findall(r"^make ([a-z]+)", make("help").stdout, re.MULTILINE))
    assert offered == {"help", "demo", "test", "lint", "bench", "check", "lock", "clean"}
    for path in documents():
        assert targets_in(path.read_text("utf-8")) - offered == set(), path.name


def test_targets_in_prose_are_no_targets() -> None:
    assert targets_in("We make sure.\n    make test\n`make lint`, and make do") == {"test", "lint"}


@pytest.mark.parametrize("target", ["help", "demo", "test", "lint", "bench", "check", "lock", "clean"])
def test_a_target_is_no_file_and_its_recipe_expands(target: str) -> None:
    dry = make("--dry-run", target)
    assert dry.returncode == 0, dry.stderr
    assert "up to date" not in dry.stdout


def setup_env(tmp_path: Path, **interpreters: str) -> dict[str, str]:
    """A PATH that holds the tools of a shell and the given interpreters: no uv, no other Python."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, body in interpreters.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    return {"PATH": str(tools)}


def run_setup(tmp_path: Path, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    script = ROOT / ".ci" / "setup"
    return subprocess.run(
        ["/bin/sh", str(script), "none.lock", *arguments],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_setup_says_when_there_is_no_python(tmp_path: Path) -> None:
    shim = "echo 'pyenv: command not found' >&2; exit 127"
    run = run_setup(tmp_path, env=setup_env(tmp_path, **{"python3.13": shim, "python3": shim}))
    assert run.returncode == 2
    assert "no Python 3.11 or newer was found" in run.stderr
    assert "fix: " in run.stderr
    assert "pyenv" not in run.stderr


def test_setup_passes_over_a_shim_that_does_not_run(tmp_path: Path) -> None:
    speak = 'case "$*" in *version_info*) exit 0;; esac; echo "$*" >> python-was-asked; exit 3'
    run = run_setup(tmp_path, env=setup_env(tmp_path, **{"python3.13": "exit 127", "python3.11": speak}))
    assert "python3.11 has no venv module" in run.stderr
    assert (tmp_path / "python-was-asked").is_file()


def test_setup_takes_the_python_that_was_asked_for_or_none(tmp_path: Path) -> None:
    env = setup_env(tmp_path, **{"python3.12": "exit 0"})
    run = run_setup(tmp_path, "/nowhere/python3.11", env=env)
    assert run.returncode == 2
    assert "PYTHON=/nowhere/python3.11" in run.stderr


def test_scripts_may_be_run() -> None:
    for name in ("run", "setup"):
        assert os.access(ROOT / ".ci" / name, os.X_OK)
        shell = ["bash", "sh"][name == "setup"]
        assert subprocess.run([shell, "-n", str(ROOT / ".ci" / name)], check=False).returncode == 0


def test_yaml_parses() -> None:
    from ruamel.yaml import YAML

    found = [*(ROOT / name for name in YAML_FILES), *ROOT.glob("*.yml"), *ROOT.glob(".github/**/*.yml")]
    for path in found:
        assert YAML(typ="safe").load(path) is not None, path.name


def test_decision_records_have_their_four_parts() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [f"{n:04d}" for n in range(1, len(records) + 1)]
    for record in records:
        headings = re.findall(r"^## (.+)$", record.read_text("utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Options rejected", "What it costs"], record.name


def test_a_wheel_holds_both_packages_and_the_schemas(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    run = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    wheel = next(tmp_path.glob("*.whl"))
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    tops = {path.name for path in unpacked.iterdir()}
    assert tops == {"smokegate", "smokegate_runners", f"smokegate-{smokegate.__version__}.dist-info"}
    assert (unpacked / "smokegate" / "py.typed").is_file()
    assert (unpacked / "smokegate_runners" / "py.typed").is_file()
    workflows = {path.name: path.read_bytes() for path in (unpacked / "smokegate" / "workflows").iterdir()}
    assert workflows == {path.name: path.read_bytes() for path in (ROOT / ".github" / "workflows").iterdir()}
    code = "from smokegate.registry import schemas; print(schemas.__file__); print(*schemas.names())"
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    listed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()
    assert listed[0].startswith(str(unpacked))
    assert listed[1].split() == list(schemas.names())


def test_what_is_shipped_names_no_machine() -> None:
    """Paths of a developer's machine and package hosts have no business in what we ship."""
    suspicious = re.compile(r"/home/\w|/root/|/Users/\w|p[y]pi\.org|p[y]thonhosted|/opt/\w")
    shipped = [
        *ROOT.glob("*"),
        *(p for f in ("requirements", ".ci", "schemas", "docs", "model") for p in (ROOT / f).rglob("*")),
    ]
    for path in shipped:
        if path.is_file() and path.suffix in {"", ".md", ".toml", ".lock", ".json", ".py", ".yml", ".yaml"}:
            assert suspicious.findall(path.read_text("utf-8")) == [], path
