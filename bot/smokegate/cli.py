"""The command line: the one place where everything is put together, and where a verdict becomes an exit code."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from smokegate import __version__
from smokegate.errors import SmokegateError, UsageError

if TYPE_CHECKING:
    from smokegate.judge.report import Report
    from smokegate.sources.history import Commit

EXIT_BLOCK = 1
EXIT_CANNOT_JUDGE = 2
EXIT_BUG = 3
FORMATS = ("text", "json", "markdown", "sarif", "github")
DOCS_URL = "https://github.com/smokegate/smokegate/blob/main/docs/checks.md"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="smokegate")
def smokegate() -> None:
    """Nothing leaves smoke without proof: judge changes to a registry of models kept in git."""


def _judging(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every judging command shares."""
    options = (
        click.option("--repo", default=".", show_default=True, help="A folder in the git repository."),
        click.option("--registry", help="Judge only this registry, named from the root of the repo."),
        click.option("--policy", metavar="FILE", help="Judge by this policy of your own instead of base's."),
        click.option("--output", metavar="FILE", help="Write there instead of to standard output."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@smokegate.command()
@_judging
@click.option("--base", metavar="REV", help="Default: where head left the default branch. dir:PATH for a folder.")
@click.option("--head", metavar="REV", help="Default: the working tree as git would store it. dir:PATH for a folder.")
@click.option("--all", "deep", is_flag=True, help="Look deep at every entry, not only at what the change touches.")
@click.option("--verbose", is_flag=True, help="Spell out standing debt instead of counting it.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
def check(
    repo: str,
    registry: str | None,
    policy: str | None,
    output: str | None,
    base: str | None,
    head: str | None,
    deep: bool,
    verbose: bool,
    format_: str,
) -> int:
    """Judge a change: is it sound, and if not, what is wrong and how is it mended?

    Exit code 0: pass. 1: blocked, or evidence or an owner is wanted. 2: cannot judge. 3: a bug of ours.
    """
    from smokegate.judge.report import Verdict
    from smokegate.review.check import Question
    from smokegate.review.check import check as review

    reports = review(Question(repo, base, head, registry, policy, deep))
    _write(_rendered(reports, format_, verbose=verbose, to_file=output is not None), output)
    if format_ == "github":
        _step_summary(reports)
    return 0 if all(r.verdict is Verdict.PASS for r in reports) else EXIT_BLOCK


@smokegate.command()
@_judging
@click.option("--head", metavar="REV", default="HEAD", show_default=True, help="Replay what led here.")
@click.option("--since", metavar="REV", help="Leave out this commit and what came before it.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", show_default=True)
def history(
    repo: str,
    registry: str | None,
    policy: str | None,
    output: str | None,
    head: str,
    since: str | None,
    format_: str,
) -> int:
    """Replay every commit that touched the registry, parent against commit, along first parents.

    Exit code 0: every commit passes. 1: some do not. 2: some cannot be judged.
    """
    from smokegate.judge.report import Verdict
    from smokegate.render import json_report, replay
    from smokegate.review.check import Question
    from smokegate.review.history import history as replayed

    rows: list[tuple[Commit, list[str], str | None]] = []
    reports: list[Report] = []
    faults = 0
    lines: list[str] = []
    colour = output is None and _colour(sys.stdout)
    for one in replayed(Question(repo, None, head, registry, policy), since=since):
        faults += one.fault is not None
        reports += one.reports
        told = [json_report.render([report]) for report in one.reports] if format_ == "json" else []
        rows.append((one.commit, told, one.fault))
        shown = [replay.line(one.commit, r, colour=colour, width=_width()) for r in one.reports]
        shown += [replay.fault_line(one.commit, one.fault, colour=colour)] if one.fault else []
        if format_ == "text" and output is None:
            for line in shown:
                click.echo(line, color=True)
        lines += shown
    if format_ == "json":
        _write(replay.document(rows), output)
    elif output is None:
        click.echo(replay.totals(reports, faults))
    else:
        _write("\n".join([*lines, replay.totals(reports, faults), ""]), output)
    if faults:
        return EXIT_CANNOT_JUDGE
    return 0 if all(r.verdict is Verdict.PASS for r in reports) else EXIT_BLOCK


@smokegate.command()
@click.argument("entry_id", metavar="ID")
@click.option("--reason", required=True, help="Why it goes; kept in retired.json for ever.")
@click.option("--superseded-by", metavar="ID", help="The entry that takes its place.")
@click.option("--repo", default=".", show_default=True, help="A folder in the git repository.")
@click.option("--registry", help="The registry, named from the root of the repo; needed where there are several.")
def retire(entry_id: str, reason: str, superseded_by: str | None, repo: str, registry: str | None) -> int:
    """Take an entry out of the registry and record why, as SG401 wants it."""
    from smokegate.review.locate import last_known, working_registry
    from smokegate.review.retire import plan

    working = working_registry(repo, registry)
    retiring = plan(working.path, entry_id, reason, superseded_by, lambda gone: last_known(repo, working.name, gone))
    retiring.write()
    click.echo(f"{entry_id} is retired: {retiring.record.name} says why.")
    click.echo(f"next: git add {_shown(retiring.registry)} {_shown(retiring.record)} && smokegate check")
    return 0


@smokegate.group()
def policy() -> None:
    """Write a starter policy, or show the one in force."""


@policy.command("init")
@click.option("--repo", default=".", show_default=True, help="A folder in the git repository.")
@click.option("--registry", help="The registry, named from the root of the repo; needed where there are several.")
@click.option("--stdout", is_flag=True, help="Print it instead of writing the file.")
def policy_init(repo: str, registry: str | None, stdout: bool) -> int:
    """Write a commented .smokegate.yml for the registry that is found."""
    from smokegate.review.locate import start_policy

    path, text = start_policy(repo, registry)
    if stdout:
        click.echo(text, nl=False)
        return 0
    if path.exists():
        fix = "smokegate policy show; or --stdout to see the starter"
        raise UsageError(f"{_shown(path)} is there already", fix=fix)
    path.write_text(text, encoding="utf-8")
    click.echo(f"wrote {_shown(path)}: every key is in it, commented out at its default.")
    click.echo(f"next: read it, then git add {_shown(path)}; it judges once it is on the base branch")
    return 0


@policy.command("show")
@click.option("--repo", default=".", show_default=True, help="A folder in the git repository.")
@click.option("--registry", help="The registry, named from the root of the repo.")
@click.option("--base", metavar="REV", help="Default: where HEAD left the default branch.")
@click.option("--policy", metavar="FILE", help="Show this file's effect instead of base's.")
def policy_show(repo: str, registry: str | None, base: str | None, policy: str | None) -> int:
    """Print the policy that would judge a change, defaults written out."""
    from smokegate.policy_starter import show
    from smokegate.review.locate import policy_in_force

    click.echo(show(policy_in_force(repo, registry, base, policy)), nl=False)
    return 0


# -- output ----------------------------------------------------------------------------------------------------------


def _rendered(reports: Sequence[Report], format_: str, *, verbose: bool, to_file: bool) -> str:
    match format_:
        case "json":
            from smokegate.render import json_report

            return json_report.render(reports)
        case "markdown":
            from smokegate.render import markdown

            return markdown.render(reports)
        case "sarif":
            from smokegate.render import sarif

            return sarif.render(reports, docs_url=DOCS_URL)
        case "github":
            from smokegate.render import github

            return github.render(reports)
        case _:
            from smokegate.render import text

            colour = not to_file and _colour(sys.stdout)
            return text.render(reports, colour=colour, verbose=verbose, width=_width())


def _step_summary(reports: Sequence[Report]) -> None:
    from smokegate.render import github

    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if place:
        with Path(place).open("a", encoding="utf-8") as stream:
            stream.write(github.summary(reports))


def _write(text: str, output: str | None) -> None:
    if output is None:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", fix="name a writable file with --output") from None


def _colour(stream: Any) -> bool:
    """On a terminal that can, unless NO_COLOR says no or FORCE_COLOR says yes."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def _width() -> int:
    return max(60, min(shutil.get_terminal_size((100, 24)).columns, 140))


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


# -- exit codes --------------------------------------------------------------------------------------------------------


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line; every error ends here and nowhere else."""
    try:
        code = smokegate.main(args=arguments, prog_name="smokegate", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("smokegate: interrupted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return EXIT_CANNOT_JUDGE
    except SmokegateError as error:
        click.echo(f"smokegate: {_inert(str(error))}", err=True)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception:  # noqa: BLE001 - the last line of defence: a bug is exit 3, never a verdict
        traceback.print_exc()
        click.echo(f"smokegate {__version__}: this is a bug of ours, not a verdict; please report it", err=True)
        return EXIT_BUG
    return code if isinstance(code, int) else 0


def _inert(text: str) -> str:
    """Names in errors come from repositories: nothing of theirs commands the terminal, or the runner that reads it."""
    from smokegate.render.escape import visible_lines

    return "\n".join(visible_lines(text))


def main() -> None:
    sys.exit(run())
