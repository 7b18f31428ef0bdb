"""`smokegate audit-trail` and `smokegate evidence show` as they are typed."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result

from audit.conftest import Golden, promote
from evidence import specimens
from evidence.signing import ed, p256, signed, trusting
from forge import Forge
from smokegate.commands import audit_trail, evidence_show
from smokegate.errors import DocumentError, PolicyError, RepositoryError, UsageError
from smokegate.evidence import write
from smokegate.policy_file import LoadedPolicy
from smokegate.registry import schemas
from smokegate.render import evidence_json, evidence_page, trail, trail_json
from smokegate.render.examined import Shown
from smokegate.review.audit import trail as told_by
from smokegate.review.check import Question, Workbench

V1 = Path(__file__).parents[1] / "data/evidence/v1"
SCHEMA = jsonschema_rs.Draft202012Validator(json.loads(schemas.load("audit-trail")))
DATES = {"GIT_AUTHOR_DATE": "2026-11-02T09:00:00Z", "GIT_COMMITTER_DATE": "2026-11-02T09:30:00Z"}
HOSTILE = "\x1b[31mred\x07\u202e::error::x ##[group]\n| `</td><script>@team"


@pytest.fixture
def dated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit ids that are the same on every day."""
    for name, value in DATES.items():
        monkeypatch.setenv(name, value)


def run(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


def done(command: Any, *arguments: object) -> str:
    result = run(command, *arguments)
    assert (result.exception, result.return_value) == (None, 0), result.output
    return result.stdout


# -- the trail ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def life(forge: Forge, dated: None) -> Forge:
    """Added, flipped, renamed, edited by another hand, lost, restored, and in the end tampered with."""
    promote(forge)
    forge.entry("saliency_v1")["id"] = "saliency_final"
    forge.commit("rename")
    forge.entry("saliency_final")["notes"] = "seen"
    forge.save()
    forge.git("add", "-A")
    forge.git("commit", "-q", "--author", "Somebody Else <s@example.invalid>", "-m", "note")
    entry = forge.drop("saliency_final")
    forge.commit("lost in a merge")
    forge.registry["models"].append(entry)
    forge.commit("back")
    forge.write("PROMOTE.json", forge.path("PROMOTE.json").read_bytes().replace(b"0.65", b"0.66"))
    forge.commit("better numbers")
    return forge


@pytest.mark.parametrize("format_", ["text", "markdown", "json"])
def test_golden(life: Forge, bench: Workbench, golden: Golden, format_: str) -> None:
    told = told_by(Question(str(life.root)), "saliency_final", bench)
    ways = {
        "text": trail.text(told),
        "markdown": trail.markdown(told),
        "json": trail_json.render(told, version="0.0.0"),
    }
    golden(f"trail.{format_}", masked(ways[format_]))


def masked(text: str) -> str:
    """Digests by the order in which they come, as long as they are: they follow from every default of the policy."""
    known: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        digest = found[0]
        number = known.setdefault(digest[:12], f"{len(known) + 1:012x}")
        return number.ljust(len(digest), "0")

    return re.sub(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{12})\b", name, text)


def test_the_command_writes_each_format(life: Forge, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smokegate.review.audit.Workbench", lambda: nullcontext(bench))
    ask = ("saliency_v1", "--repo", life.root)
    text = done(audit_trail.command, *ask)
    assert text.startswith("saliency_v1, also known as saliency_final in model/tiny/registry.json")
    assert "they prove nothing" in " ".join(text.split())
    assert "by Somebody Else <s@example.invalid>, committed by A Maintainer" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    assert "**flipped: smoke to production**" in done(audit_trail.command, *ask, "--format", "markdown")
    SCHEMA.validate(json.loads(done(audit_trail.command, *ask, "--format", "json")))


def test_in_colour(life: Forge, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    told = told_by(Question(str(life.root)), "saliency_final", bench)
    coloured = trail.text(told, colour=True)
    assert "\x1b[31m" in coloured
    stripped = coloured
    for code in ("1", "2", "31", "32", "33", "36", "1;31", "1;32", "1;33"):
        stripped = stripped.replace(f"\x1b[{code}m", "")
    assert stripped.replace("\x1b[0m", "") == trail.text(told)


def test_hostile_names_command_nothing(forge: Forge, bench: Workbench) -> None:
    forge.add("saliency_v1", notes=HOSTILE)
    forge.save()
    forge.git("add", "-A")
    forge.git("commit", "-q", "--author", f"{HOSTILE} <a@b>", "-m", HOSTILE)
    told = told_by(Question(str(forge.root)), "saliency_v1", bench)
    text, page, data = trail.text(told), trail.markdown(told), trail_json.render(told)
    for shown in (text, page, data):
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
        assert "##[" not in shown
    assert "<script>" not in page.replace("`", "\n").split("\n")[0]
    assert max(map(len, text.splitlines())) <= 100
    SCHEMA.validate(json.loads(data))


def test_an_unknown_revision(life: Forge) -> None:
    result = run(audit_trail.command, "saliency_v1", "--repo", life.root, "--head", "nowhere")
    assert getattr(result.exception, "exit_code", None) == 2


# -- the page ----------------------------------------------------------------------------------------------------------


def shown(tmp_path: Path, document: dict[str, Any] | bytes, policy: Any = None, name: str = "PROMOTE.json") -> Shown:
    path = tmp_path / name
    path.write_bytes(document if isinstance(document, bytes) else write.to_bytes(document))
    return evidence_show.examined(path, LoadedPolicy(policy or specimens.POLICY, "0" * 64, "a policy", ""))


def page(one: Shown, **how: Any) -> str:
    text = evidence_page.render(replace(one, file=Path(one.file).name), **how)  # no folder of this run's decides a wrap
    assert max(map(len, text.splitlines())) <= 100
    return text.replace(one.file, "PROMOTE.json")


@pytest.mark.parametrize("shape", specimens.SOUND)
def test_golden_page(tmp_path: Path, golden: Golden, shape: str) -> None:
    policy = specimens.POLICY.model_copy(update={"gates": {**specimens.POLICY.gates, "speed": specimens.SPEED}})
    golden(f"{shape}.txt", page(shown(tmp_path, specimens.SOUND[shape](), policy)))


def test_golden_page_of_version_1(tmp_path: Path, golden: Golden) -> None:
    golden("v1.txt", page(shown(tmp_path, (V1 / "promote_unknown_fields.json").read_bytes())))


def test_a_hold_agrees_with_itself(tmp_path: Path) -> None:
    low = [specimens.loso(seed, [specimens.fold(s, 0.9) for s in specimens.SOURCES]) for seed in range(5)]
    one = shown(tmp_path, specimens.ensemble(seeds=low))
    assert (one.recomputed, one.agrees, one.in_the_way) == ("HOLD", True, ())
    text = page(one)
    assert text.startswith("HOLD  ensemble-plcc")
    assert "recomputed: agrees: mean_plcc is 0.9, less than 0.95" in text
    assert "MISSED" in text


def test_a_hold_that_is_called_promote_does_not_agree(tmp_path: Path) -> None:
    low = [specimens.loso(seed, [specimens.fold(s, 0.9) for s in specimens.SOURCES]) for seed in range(5)]
    one = shown(tmp_path, {**specimens.ensemble(seeds=low), "verdict": "PROMOTE"})
    assert one.agrees is False
    assert "recomputed: DOES NOT AGREE: the numbers come to HOLD" in page(one)
    assert "What is in the way" in page(one)


def test_a_forged_mean_does_not_agree(tmp_path: Path) -> None:
    document = specimens.ensemble()
    document["gate"]["mean_plcc"] = 0.99
    one = shown(tmp_path, document)
    assert one.agrees is False
    assert "DOES NOT AGREE with itself: `gate.mean_plcc` says 0.99" in page(one)


def test_weaker_thresholds_are_in_the_way(tmp_path: Path) -> None:
    strict = specimens.ENSEMBLE.bounds["mean_plcc"].model_copy(update={"min": 0.96})
    gate = specimens.ENSEMBLE.model_copy(update={"bounds": {**specimens.ENSEMBLE.bounds, "mean_plcc": strict}})
    policy = specimens.POLICY.model_copy(update={"gates": {"ensemble-plcc": gate}})
    one = shown(tmp_path, specimens.ensemble(), policy)
    assert one.agrees is True
    assert {fault.code for fault in one.in_the_way} == {"SG504"}
    assert "SG504" in page(one)
    assert ">= 0.96" in page(one)


def test_no_gate_of_the_policy_shows_what_the_document_says(tmp_path: Path) -> None:
    one = shown(tmp_path, specimens.metrics())
    assert (one.result, one.agrees) == (None, None)
    assert "no gate of the policy judges this" in page(one)
    assert "psnr dehaze_a 31.000000 >= 30.000000, drop <= 0.500000 met" in " ".join(page(one).split())


def test_who_signed(tmp_path: Path) -> None:
    key, other = ed(), p256()
    data = write.to_bytes(specimens.ensemble())
    (tmp_path / "PROMOTE.json.dsse.json").write_bytes(signed(data, ("harness", key)))
    trusted = page(shown(tmp_path, data, trusting(("harness", key))))
    assert "attested: signed by key `harness`" in trusted
    refused = shown(tmp_path, data, trusting(("harness", other)))
    assert "signature REFUSED: PROMOTE.json.dsse.json: " in page(refused)
    assert refused.signatures[0].by is None
    nobody = page(shown(tmp_path, data))
    assert "the policy trusts none" in " ".join(nobody.split())


def test_unsigned_and_pinned(tmp_path: Path) -> None:
    data = (V1 / "promote_corpus_digest.json").read_bytes()
    plain = shown(tmp_path, data)
    assert "unsigned: nobody vouches for it, and the policy refuses that" in page(plain)
    pin = {"id": "fr_v1", "identity": "5f" * 32, "evidence_sha256": plain.evidence.sha256}
    pinned = specimens.POLICY.model_validate({"legacy_evidence": [pin]})
    assert "pinned: the policy accepts these very bytes for fr_v1" in page(shown(tmp_path, data, pinned))
    allowed = specimens.POLICY.model_validate({"unattested": "allow"})
    assert "the policy allows that (self-attested)" in page(shown(tmp_path, data, allowed))


def values_of(value: Any) -> list[tuple[Any, Any]]:
    """Every container and key of a document, so that each value in it can be replaced."""
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    found = [(value, key) for key, _ in pairs]
    for _, inner in pairs:
        found += values_of(inner) if isinstance(inner, dict | list) else []
    return found


BAD = {
    "hostile": HOSTILE,
    "null": None,
    "true": True,
    "huge": -1e300,
    "long integer": 10**299,
    "list": [],
    "object": {},
    "long": "x" * 5_000,
    "hostile list": [HOSTILE],
    "hostile key": {HOSTILE: 1},
}
SMALL = {
    "ensemble": specimens.ensemble(
        seeds=[specimens.loso(0, [specimens.fold("Tennis", 0.98)])], subjects=[specimens.subject(specimens.IDS[0], 0)]
    ),
    "comparison": specimens.comparison(items=specimens.items(2)),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("shape", SMALL)
def test_any_value_anywhere_is_shown_inert(tmp_path: Path, shape: str, bad: str) -> None:
    """Field by field, by enumeration: the page is a page, whatever stands there."""
    for at in range(len(values_of(SMALL[shape]))):
        copy = json.loads(json.dumps(SMALL[shape]))
        container, key = values_of(copy)[at]
        container[key] = BAD[bad]
        one = shown(tmp_path, json.dumps(copy).encode())
        for text in (page(one), evidence_json.render(one)):
            assert not {"\x1b", "\x07", "\u202e"} & set(text)
            assert not any(line.lstrip().startswith("::") for line in text.splitlines())
            assert "##[" not in text


def test_hostile_keys_are_inert(tmp_path: Path) -> None:
    document = specimens.metrics()
    document["measurements"]["entries"] = {HOSTILE: {HOSTILE: 1.0, "x" * 500: 2.0}}
    document[HOSTILE] = 1
    document["subjects"][0]["external_data"] = [{"path": HOSTILE, "sha256": HOSTILE, "size": 1}]
    text = page(shown(tmp_path, document))
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "Unknown fields" in text


def test_wide_characters_fit_too(tmp_path: Path) -> None:
    document = specimens.ensemble()
    document["subjects"][0]["id"] = "模" * 90
    document["corpus"]["sources"][0] = "型" * 300
    text = evidence_page.render(shown(tmp_path, document))
    table = [line for line in text.splitlines() if "模" in line]
    assert table
    assert all(sum(2 if ord(one) > 0x2E80 else 1 for one in line) <= 100 for line in table if "…" in line)


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize("path", sorted(V1.glob("*.json")), ids=lambda path: path.stem)
def test_the_command_shows_what_lies_in_the_wild(path: Path, format_: str, tmp_path: Path) -> None:
    text = done(evidence_show.command, path, "--repo", tmp_path, "--format", format_)
    if format_ == "json":
        assert json.loads(text)["document"] == json.loads(path.read_bytes())
        assert json.loads(text)["lacks"]
    else:
        assert "What version 1 does not say" in text
        assert "policy" in text


def test_outside_of_a_repository_the_built_in_policy_holds_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "PROMOTE.json").write_bytes(write.to_bytes(specimens.ensemble()))
    text = " ".join(done(evidence_show.command, tmp_path / "PROMOTE.json", "--repo", tmp_path).split())
    assert "policy built-in default (" in text
    assert "is not in a git repository" in text
    with pytest.raises(RepositoryError, match="is not in a git repository"):
        evidence_show._policy(None, str(tmp_path), "registry.json")


def test_in_a_repository_the_policy_on_base_holds(forge: Forge) -> None:
    promote(forge)
    text = done(evidence_show.command, forge.path("PROMOTE.json"), "--repo", forge.root)
    assert "recomputed: agrees" in text
    assert "attested: signed by key `harness`" in text
    assert "Unknown fields" not in text


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_what_cannot_be_read_is_exit_2(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "PROMOTE.json").write_bytes(data)
    result = run(evidence_show.command, tmp_path / "PROMOTE.json", "--repo", tmp_path)
    assert isinstance(result.exception, DocumentError), result.output
    assert result.exception.exit_code == 2
    assert "PROMOTE.json" in result.exception.message


def test_what_is_not_there_is_exit_2(tmp_path: Path) -> None:
    missing = run(evidence_show.command, tmp_path / "nothing.json", "--repo", tmp_path)
    assert isinstance(missing.exception, UsageError)
    (tmp_path / "PROMOTE.json").write_bytes(b"{}")
    policy = run(evidence_show.command, tmp_path / "PROMOTE.json", "--policy", tmp_path / "nothing.yml")
    assert isinstance(policy.exception, PolicyError)


def test_an_empty_object_is_shown(tmp_path: Path) -> None:
    text = page(shown(tmp_path, b"{}"))
    assert text.startswith("no verdict  unnamed gate")
    assert "none: it names no model bytes" in text


def test_the_examples_of_the_docs_are_real() -> None:
    docs = Path(__file__).parents[2] / "docs" / "audit.md"
    golden = [path.read_text("utf-8") for path in (Path(__file__).parent / "golden").iterdir()]
    examples = re.findall(r"^```text\n(.*?)\n```$", docs.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(examples) == 5
    assert [example for example in examples if not any(example in text for text in golden)] == []
