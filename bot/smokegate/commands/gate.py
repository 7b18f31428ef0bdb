"""`smokegate gate`: judge what leaving one source out at a time gave, and write PROMOTE.json or HOLD.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from smokegate.commands import terminal
from smokegate.errors import PolicyError, RepositoryError, UsageError

if TYPE_CHECKING:
    from smokegate.evidence.examine import Fault
    from smokegate.evidence.gates import GateResult
    from smokegate.policy import Gate, Policy
    from smokegate.policy_file import LoadedPolicy

EXIT_HOLD = 1
SubjectRows = Sequence[Mapping[str, Any]]


def _seeds(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    from smokegate.evidence import seeds

    del context, parameter
    try:
        return None if value is None else seeds.read(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("gate")
@click.argument("loso_dir", type=click.Path(path_type=Path))
@click.option("--corpus", type=click.Path(path_type=Path), metavar="FILE|DIR", help="What it was measured on.")
@click.option("--seeds", callback=_seeds, metavar="N,N,...", help="Seeds to read. Default: those that the gate names.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the document goes. Default: LOSO_DIR."
)
@click.option("--gate", "gate_name", metavar="NAME", help="The policy's gate. Default: its only one for ensembles.")
@click.option("--policy", metavar="FILE", help="Judge by this policy instead of the repository's.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(
    loso_dir: Path,
    corpus: Path | None,
    seeds: tuple[int, ...] | None,
    out: Path | None,
    gate_name: str | None,
    policy: str | None,
    format_: str,
) -> int:
    """Judge the loso_seed{N}.json files of LOSO_DIR and write PROMOTE.json or HOLD.json.

    Exit code 0: PROMOTE. 1: HOLD. 2: cannot judge.
    """
    return judge(loso_dir, corpus, seeds, out, gate_name, policy, format_)


def judge(
    loso_dir: Path,
    corpus: Path | None,
    seeds: tuple[int, ...] | None,
    out: Path | None,
    gate_name: str | None,
    policy: str | None,
    format_: str,
    subjects: SubjectRows = (),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """`subjects` are rows of a version 2 document: the models that the numbers are about, as measured."""
    from smokegate.commands import gate_files
    from smokegate.evidence import write
    from smokegate.evidence.documents import Evidence, read, subjects_of
    from smokegate.evidence.examine import examine
    from smokegate.evidence.gates import evaluate

    loaded = policy_of(policy)
    name, gate = _gate(loaded.policy, gate_name)
    measured = gate_files.loso(loso_dir, seeds or gate.seeds)
    folder = out or loso_dir
    document = write.promote(
        gate=gate,
        gate_name=name,
        measurements={"shape": "ensemble", "seeds": measured},
        corpus=gate_files.corpus(corpus),
        policy_sha256=loaded.sha256,
        generated_at_utc=now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        subjects=subjects,
        loso_dir=loso_dir.as_posix(),
        follows_hold=gate_files.hold_before(folder),
    )
    path = gate_files.store(document, folder)
    result = evaluate(gate, name, document["measurements"], subjects_of(document["subjects"]))
    evidence = read(write.to_bytes(document), path.name)
    faults = examine(evidence, gate, name, loaded.policy, []) if isinstance(evidence, Evidence) else []
    _tell(document, path, gate, result, faults if result.passed else [], loaded, format_)
    return 0 if result.passed else EXIT_HOLD


def policy_of(file: str | None) -> LoadedPolicy:
    """The operator's; else the one in force here; outside of a repository with a registry, the built-in one."""
    from smokegate.policy_file import default_policy, parse
    from smokegate.review.locate import policy_in_force

    if file is not None:
        try:
            return parse(Path(file).read_bytes(), file)
        except OSError as error:
            raise PolicyError(f"{file} cannot be read: {error.strerror}", fix="name a policy with --policy") from None
    try:
        return policy_in_force(".", None, None, None)
    except (RepositoryError, UsageError):
        return default_policy()


def _gate(policy: Policy, name: str | None) -> tuple[str, Gate]:
    ours = {key: gate for key, gate in policy.gates.items() if gate.shape == "ensemble"}
    names = ", ".join(ours) or "none"
    if name is not None:
        if name not in ours:
            said = f"the gate {name} judges no ensembles" if name in policy.gates else f"there is no gate {name}"
            raise UsageError(f"{said}; the policy's gates for ensembles: {names}", fix="name one of them with --gate")
        return name, ours[name]
    if len(ours) != 1:
        raise UsageError(
            f"the policy has {len(ours)} gates for ensembles: {names}",
            fix="name one with --gate" if ours else "write one under `gates`, with `shape: ensemble`",
        )
    return next(iter(ours.items()))


def _tell(
    document: Mapping[str, Any],
    path: Path,
    gate: Gate,
    result: GateResult,
    faults: Sequence[Fault],
    loaded: LoadedPolicy,
    format_: str,
) -> None:
    if format_ == "json":
        said = {
            "verdict": document["verdict"],
            "path": path.as_posix(),
            "policy_sha256": loaded.sha256,
            "gate": document["gate"],
            "reasons": list(result.reasons),
            "in_the_way": [{"code": one.code, "message": one.message} for one in faults],
        }
        click.echo(json.dumps(said, indent=2, sort_keys=True))
        return
    from smokegate.commands import gate_chart
    from smokegate.render.escape import visible

    click.echo(
        gate_chart.render(document, gate, result, faults, width=terminal.width(), colour=terminal.colour()), color=True
    )
    click.echo(f"policy: {visible(loaded.source)}")
    click.echo(f"wrote {visible(str(path))}")
