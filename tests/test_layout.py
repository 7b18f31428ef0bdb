"""Who may know whom: the arrows between modules, read off their imports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE_ROOTS = (ROOT / "bot", ROOT / "runners")

Graph = Mapping[str, frozenset[str]]

# Lowest first. A module belongs to the row with its longest prefix; a row imports from rows below it and from itself.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("smokegate", "smokegate.errors", "smokegate.globs", "smokegate.allowlist"),
    ("smokegate.apart",),
    (
        "smokegate.policy",
        "smokegate.policy_explain",
        "smokegate.policy_file",
        "smokegate.policy_github",
        "smokegate.policy_mistakes",
        "smokegate.policy_starter",
        "smokegate.policy_terms",
        "smokegate.policy_yaml",
        "smokegate.strictness",
    ),
    ("smokegate.sources", "smokegate.registry"),
    ("smokegate.evidence",),
    ("smokegate.judge.ports",),
    ("smokegate.lab",),
    ("smokegate.judge",),
    ("smokegate.render",),
    ("smokegate.review",),
    ("smokegate.github", "smokegate.github.api"),
    ("smokegate.github.step",),
    ("smokegate.github.comments",),
    ("smokegate.github.verdicts",),
    ("smokegate.github.promotions",),
    ("smokegate.github.measuring",),
    ("smokegate.github.flips",),
    ("smokegate.github.adoption", "smokegate.github.schedule"),
    (
        "smokegate_runners",
        "smokegate_runners.saliency.columns",
        "smokegate_runners.saliency.cores",
        "smokegate_runners.saliency.output",
        "smokegate_runners.saliency.progress",
        "smokegate_runners.saliency.settings",
        "smokegate_runners.saliency.work",
    ),
    ("smokegate_runners.saliency.agreement", "smokegate_runners.saliency.clips", "smokegate_runners.saliency.video"),
    ("smokegate_runners.saliency.formats", "smokegate_runners.saliency.network"),
    ("smokegate_runners.saliency",),
    ("smokegate_runners.saliency.batches",),
    ("smokegate_runners.commands",),
    ("smokegate.cli", "smokegate.commands", "smokegate.demo", "smokegate.__main__"),
)
PLACES = {name: level for level, row in enumerate(LAYERS) for name in row}
# The package itself holds the version and nothing else: a module that is on no row belongs nowhere.
LEAVES = frozenset({"smokegate"})

# Of the sources, the judge knows the interface and what is worked out through it; those are as pure as itself.
PURE_SOURCES = ("smokegate.sources.tree", "smokegate.sources.lfs", "smokegate.sources.links")
PURE = ("smokegate.judge", "smokegate.render", *PURE_SOURCES)
OUTSIDE_WORLD = (
    "asyncio",
    "builtins.open",
    "ctypes",
    "fcntl",
    "ftplib",
    "glob",
    "http",
    "importlib",
    "io.open",
    "mmap",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "requests",
    "secrets",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "uuid",
)
HARMLESS = ("pathlib.PurePath", "pathlib.PurePosixPath")
# `smokegate.apart` is how a process gives up its rights, and knows nothing of models: a runner runs a stranger's as
# the judge's laboratory does, and two such jails would be one too many to keep shut.
RUNNERS_MAY_KNOW = (
    "smokegate",
    "smokegate.apart",
    "smokegate.errors",
    "smokegate.evidence",
    "smokegate.globs",
    "smokegate.policy",
    "smokegate.policy_file",
    "smokegate.registry",
)
HEAVY = (
    "av",
    "cryptography",
    "github",
    "jax",
    "jsonschema_rs",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "ray",
    "ruamel",
    "sigstore",
)


def under(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def imports_of(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Every dotted name that a module imports, wherever in it, and `builtins.open` where it opens files itself."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - max(node.level - 1, 0)]
            base = ".".join([*(parents if node.level else []), *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _called(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "open" and isinstance(node.func, ast.Name):
        yield "builtins.open"
    if name in {"import_module", "__import__"} and node.args and isinstance(node.args[0], ast.Constant):
        yield str(node.args[0].value)


def settle(name: str, modules: frozenset[str]) -> str:
    """`package.module.Thing` is an import of `package.module`; names of other projects stay as they are."""
    known = name
    while known not in modules and "." in known:
        known = known.rpartition(".")[0]
    return known if known in modules else name


def read_graph(roots: tuple[Path, ...] = SOURCE_ROOTS) -> Graph:
    files = {_module(path, root): path for root in roots for path in sorted(root.rglob("*.py"))}
    modules = frozenset(files)
    return {
        module: frozenset(
            settle(name, modules)
            for name in imports_of(path.read_text("utf-8"), module, is_package=path.name == "__init__.py")
        )
        - {module}
        for module, path in files.items()
    }


def _module(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def place(module: str) -> int | None:
    """The level of a module; None when no row names it or a package above it."""
    name = module
    while name and name not in PLACES:
        name = name.rpartition(".")[0]
    if not name or (name in LEAVES and name != module):
        return None
    return PLACES[name]


def ours(graph: Graph) -> Iterator[tuple[str, str]]:
    """Import edges between modules of this project."""
    return ((user, used) for user, names in sorted(graph.items()) for used in sorted(names) if used in graph)


def unplaced(graph: Graph) -> list[str]:
    return sorted(module for module in graph if place(module) is None)


def upward(graph: Graph) -> list[str]:
    levels = {module: place(module) for module in graph}
    return [
        f"{user} imports {used}, which lies above it"
        for user, used in ours(graph)
        if (low := levels[user]) is not None and (high := levels[used]) is not None and high > low
    ]


def impure(graph: Graph) -> list[str]:
    return [
        f"{user} imports {used}"
        for user, names in sorted(graph.items())
        if under(user, PURE)
        for used in sorted(names)
        if (under(used, OUTSIDE_WORLD) and not under(used, HARMLESS))
        or (under(used, ("smokegate.sources",)) and not under(used, PURE_SOURCES))
        or under(used, ("smokegate.apart", "smokegate.lab"))
    ]


def runner_leaks(graph: Graph) -> list[str]:
    """The judge never knows the runners; the runners know of the judge's side only what the documents are."""
    leaks = []
    for user, used in ours(graph):
        in_runners, of_runners = under(user, ("smokegate_runners",)), under(used, ("smokegate_runners",))
        allowed = used == "smokegate" or under(used, RUNNERS_MAY_KNOW[1:])
        if (of_runners and not in_runners and user != "smokegate.cli") or (
            in_runners and not of_runners and not allowed
        ):
            leaks.append(f"{user} imports {used}")
    return leaks


def cycles(graph: Graph) -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for used in sorted(graph[module] & graph.keys()):
            if used not in index:
                visit(used)
                low[module] = min(low[module], low[used])
            elif used in stack:
                low[module] = min(low[module], index[used])
        if low[module] == index[module]:
            start = stack.index(module)
            component = sorted(stack[start:])
            del stack[start:]
            if len(component) > 1:
                found.append(component)

    for module in sorted(graph):
        if module not in index:
            visit(module)
    return found


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_graph()


def test_the_graph_is_really_read(graph: Graph) -> None:
    assert "smokegate.errors" in graph["smokegate.registry.schemas"]
    assert "smokegate.registry.graph" in graph["smokegate.judge.ports"]
    assert "smokegate_runners" in graph


def test_every_module_has_a_place(graph: Graph) -> None:
    assert unplaced(graph) == []


def test_imports_go_one_way(graph: Graph) -> None:
    assert upward(graph) == []


def test_judge_and_render_are_pure(graph: Graph) -> None:
    assert impure(graph) == []


def test_runners_and_judge_keep_apart(graph: Graph) -> None:
    assert runner_leaks(graph) == []


def test_no_cycles(graph: Graph) -> None:
    assert cycles(graph) == []


def test_nothing_is_importable_as_bot() -> None:
    assert not (ROOT / "bot" / "__init__.py").exists()
    assert not (ROOT / "runners" / "__init__.py").exists()


def test_the_command_line_starts_light() -> None:
    code = "import sys, smokegate.cli; print(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    path = os.pathsep.join(str(root) for root in SOURCE_ROOTS)
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    loaded = run.stdout.split()
    assert "smokegate" in loaded
    assert sorted(set(loaded) & set(HEAVY)) == []


def made_up(**edges: str) -> Graph:
    """`a__b="c.d e"` -> {"smokegate.a.b": {"c.d", "e"}}, every named smokegate module with a row of its own."""
    graph = {f"smokegate.{user.replace('__', '.')}": frozenset(used.split()) for user, used in edges.items()}
    named = {name for names in graph.values() for name in names if under(name, ("smokegate", "smokegate_runners"))}
    return {**dict.fromkeys(named, frozenset()), **graph}


def test_an_upward_import_is_caught() -> None:
    assert upward(made_up(policy="smokegate.sources.git", sources__git="smokegate.policy")) == [
        "smokegate.policy imports smokegate.sources.git, which lies above it"
    ]
    assert upward(made_up(lab__run="smokegate.judge.verdict smokegate.judge.ports smokegate.registry.graph")) == [
        "smokegate.lab.run imports smokegate.judge.verdict, which lies above it"
    ]
    assert upward(made_up(review="smokegate.render.text smokegate.judge", github__app="smokegate.review")) == []


def test_a_module_without_a_place_is_caught() -> None:
    assert unplaced(made_up(stray="smokegate.errors", judge__checks__sg101="smokegate.errors")) == ["smokegate.stray"]


@pytest.mark.parametrize(
    "used",
    [
        "builtins.open",
        "os.path",
        "pathlib",
        "pathlib.Path",
        "socket",
        "subprocess",
        "time.time",
        "smokegate.apart.jail",
        "smokegate.lab.box",
        "smokegate.sources.git",
    ],
)
def test_a_judge_that_looks_outside_is_caught(used: str) -> None:
    assert impure(made_up(judge__checks__sg201=used)) == [f"smokegate.judge.checks.sg201 imports {used}"]
    assert impure(made_up(render__text=used)) == [f"smokegate.render.text imports {used}"]
    assert impure(made_up(review=used)) == []


def test_what_the_judge_may_use_passes() -> None:
    allowed = "smokegate.sources.tree.Tree smokegate.sources.lfs pathlib.PurePosixPath posixpath ossaudit json"
    assert impure(made_up(judge__verdict=allowed)) == []


def test_a_leak_between_judge_and_runners_is_caught() -> None:
    assert runner_leaks(made_up(cli="smokegate_runners.batch")) == []
    assert runner_leaks(made_up(github__dispatch="smokegate_runners.batch")) == [
        "smokegate.github.dispatch imports smokegate_runners.batch"
    ]
    graph = {
        "smokegate_runners.batch": frozenset(
            {"smokegate.apart.jail", "smokegate.judge.verdict", "smokegate.evidence.gate", "smokegate.lab.client"}
        ),
        "smokegate.apart.jail": frozenset[str](),
        "smokegate.judge.verdict": frozenset[str](),
        "smokegate.lab.client": frozenset[str](),
        "smokegate.evidence.gate": frozenset[str](),
    }
    assert runner_leaks(graph) == [
        "smokegate_runners.batch imports smokegate.judge.verdict",
        "smokegate_runners.batch imports smokegate.lab.client",
    ]


def test_a_cycle_is_caught() -> None:
    graph = made_up(
        judge__a="smokegate.judge.b",
        judge__b="smokegate.judge.c json",
        judge__c="smokegate.judge.a",
        judge__d="smokegate.judge.a",
    )
    assert cycles(graph) == [["smokegate.judge.a", "smokegate.judge.b", "smokegate.judge.c"]]


def test_imports_are_found_wherever_they_are() -> None:
    source = """
import os.path
from typing import TYPE_CHECKING
from . import report
from .checks import sg101
from ..errors import UsageError
if TYPE_CHECKING:
    from smokegate.lab import box
def late():
    import subprocess
    importlib.import_module("smokegate_runners.batch")
    return open("x")
"""
    assert set(imports_of(source, "smokegate.judge.verdict")) == {
        "os.path",
        "typing.TYPE_CHECKING",
        "smokegate.judge.report",
        "smokegate.judge.checks.sg101",
        "smokegate.errors.UsageError",
        "smokegate.lab.box",
        "subprocess",
        "smokegate_runners.batch",
        "builtins.open",
    }
    assert set(imports_of("from .a import b", "smokegate.judge", is_package=True)) == {"smokegate.judge.a.b"}
