"""PROMOTE and HOLD as a comment shows them: every number is there, and nothing else than the page is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from evidence import specimens
from evidence.specimens import GATES, SPEED, comparison, ensemble, fold, items, loso, metrics, seeds, subject
from github_side.test_answers import RUN
from github_side.test_promotion import ONE
from render.attacks import hostile_text, quick
from render.specimens import HOSTILE
from render.test_markdown import FOREIGN, PARSER, assert_harmless_in_a_log, flat
from smokegate.evidence.documents import Evidence, read
from smokegate.evidence.gates import evaluate
from smokegate.github.comments import grammar
from smokegate.github.comments.reply import promotion_key, put_together
from smokegate.github.flips.outcome import Outcome, render
from smokegate.policy import Gate

FLIP = "https://github.com/acme/models/pull/8"


def outcome(document: dict[str, Any], shape: str = "ensemble", gate: Gate | None = None, **fields: Any) -> Outcome:
    evidence = read(json.dumps(document).encode(), "PROMOTE.json")
    assert isinstance(evidence, Evidence)
    judged, name = GATES[shape]
    return Outcome(
        request=replace(ONE, gate=name, **fields.pop("request", {})),
        evidence=evidence,
        gate=name,
        result=evaluate(gate or judged, name, evidence),
        attested=fields.pop("attested", "signed by the key harness"),
        run_url=RUN,
        **fields,
    )


LOW = [*seeds(4), loso(4, [fold(source, 0.93) for source in specimens.SOURCES])]
PAGES = {
    "promote": outcome(ensemble(), flip_url=FLIP),
    "hold": outcome(ensemble(seeds=LOW)),
    "comparison": outcome(comparison(), "comparison", flip_url=FLIP, request={"harness": "saliency"}),
    "inconclusive": outcome(comparison(items=items(gain=0.001)), "comparison", request={"harness": "saliency"}),
    "no-incumbent": outcome(comparison(items=items(incumbent=False)), "comparison", flip_url=FLIP),
    "no-better": outcome(comparison(items=items(gain=-0.05)), "comparison", request={"harness": "saliency"}),
    "metrics": outcome(metrics(), "metrics"),
    "faulty": outcome(ensemble(), faults=["SG505: the corpus is not one that the policy accepts"]),
}


@pytest.mark.parametrize("name", PAGES)
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"outcome-{name}.md", render(PAGES[name]) + "\n")


@pytest.mark.parametrize("name", PAGES)
def test_every_number_is_there(name: str) -> None:
    page = render(PAGES[name])
    metrics_ = PAGES[name].result.metrics
    assert page.count("\n| `") == len(metrics_)
    for one in metrics_:
        assert one.value is not None
        assert f"| {one.value:.6f} |" in page
        assert f"| {one.margin:+.6f} |" in page
    assert page.count("**missed**") == sum(not one.passed for one in metrics_)
    assert_inert(page)


def test_the_verdict_is_the_recomputed_one() -> None:
    lying = {**ensemble(seeds=LOW), "verdict": "PROMOTE", "recommendation": "PROMOTE now"}
    assert render(outcome(lying)).startswith("✋ **HOLD**")
    shy = {**ensemble(), "verdict": "HOLD"}
    assert render(outcome(shy)).startswith("🚀 **PROMOTE**")


def test_numbers_that_pass_do_not_promote_faulty_evidence() -> None:
    page = render(PAGES["faulty"])
    assert page.startswith("✋ **HOLD**")
    assert "flip pull request" not in page
    assert "SG505: the corpus is not one that the policy accepts" in page


def test_what_would_help_is_what_the_harness_measures() -> None:
    """An ensemble is trained on the target branch's corpus: what is pushed to the pull request changes nothing."""
    trained, compared = render(PAGES["hold"]), render(PAGES["no-better"])
    assert "rows come into `main` by a pull request of their own" in trained and "push that" not in trained
    assert "Then write `/promote fr_tiny_v1_seed0 fr_tiny_v1_seed1` in a new comment." in trained
    assert "push that to this branch" in compared and "in a new comment, on the new head." in compared


def test_a_comparison_says_with_what() -> None:
    page = render(PAGES["comparison"])
    assert "| compared with | `saliency_v1` |" in page and '"saliency_v1 (in production), macro"' in page
    assert "compared with" not in render(PAGES["no-incumbent"])


def test_small_numbers_keep_their_digits() -> None:
    bounds = {"mse": SPEED.bounds["latency_ms"].model_copy(update={"max": 1e-6})}
    document = {**metrics(), "subjects": [subject("a")]}
    document["measurements"] = {**document["measurements"], "entries": {"a": {"mse": 1.25e-6}}}
    page = render(outcome(document, "metrics", gate=SPEED.model_copy(update={"bounds": bounds})))
    assert "| `mse` | all | 1.25e-06 | ≤ 1e-06 | -2.5e-07 | **missed** |" in page


def test_an_undefined_number_is_said_and_misses() -> None:
    holed = [*seeds(4), loso(4, [fold(source, None) for source in specimens.SOURCES])]
    page = render(outcome(ensemble(seeds=holed)))
    assert re.search(r"\| `seed_plcc` \| `seed 4` \| undefined \| ≥ 0.95 \| undefined \| \*\*missed\*\* \|", page)
    assert "1 undefined" in page


OURS = re.compile(r"<details><summary>What this rests on</summary>\n?|</details>\n?")
HEADINGS = {"What is missing", "Numbers", "Chart", "What to do next"}


def assert_inert(page: str) -> None:
    assert_harmless_in_a_log(page)
    blocks = PARSER.parse(page)
    tokens = list(flat(blocks))
    assert not (FOREIGN - {"link_open"}) & {token.type for token in tokens}, page
    links = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert set(links) <= {RUN, FLIP}, links
    assert all(OURS.fullmatch(token.content) for token in blocks if token.type == "html_block"), page
    assert {blocks[at + 1].content for at, one in enumerate(blocks) if one.type == "heading_open"} <= HEADINGS
    for token in tokens:
        if token.type == "text":
            assert not re.search(r"@\w|#\w|//|www\.|\bGH-\d|\$|:\w+:", token.content), token.content
        if token.type == "fence":
            assert token.info == "mermaid"
            assert re.fullmatch(r"[A-Za-z0-9 _.,:/+()?\-\"\[\]>\n]+", token.content)
    assert not grammar.read(page)


def hostile(text: str) -> list[Outcome]:
    """`text` wherever evidence may hold text that somebody else chose."""
    corpus = specimens.corpus(sha256=text, sources=[text, "x"], encoders=[text] * 20, rows=text)
    folds = [fold(text, 0.97), fold("x" + text, 0.96)]
    rows = [{**one, "id": f"{at}{text}"} for at, one in enumerate(items())]
    return [
        outcome(ensemble(corpus=corpus, seeds=[loso(seed, folds) for seed in range(5)]), attested=text),
        outcome({**ensemble(), "subjects": [{**subject("a", 0), "id": text}]}, faults=[text, f"x{text}"]),
        outcome({**comparison(), "measurements": {**comparison()["measurements"], "items": rows}}, "comparison"),
        outcome(
            {**metrics(), "subjects": [{**subject("a"), "id": text}, subject("b")]},
            "metrics",
            gate=SPEED.model_copy(update={"bounds": {text: SPEED.bounds["psnr"], **SPEED.bounds}}),
        ),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text: str) -> None:
    if any("\ud800" <= ch <= "\udfff" for ch in text):
        text = text.encode("utf-8", "replace").decode()  # strict JSON has none
    for one in hostile(text):
        assert_inert(render(one))


@quick
@given(hostile_text)
def test_any_text_is_inert(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    for one in hostile(text):
        assert_inert(render(one))


def test_it_fits_whatever_there_is_to_say() -> None:
    rows = [subject(f"dehaze_{at}") for at in range(3_000)]
    entries = {one["id"]: {"psnr": 31.0 if at % 2 else 10.0, "latency_ms": 10.0} for at, one in enumerate(rows)}
    many = {**metrics(), "subjects": rows}
    many["measurements"] = {**many["measurements"], "entries": entries}
    one = outcome(many, "metrics", faults=["\u20ac`|<b>" * 3_000] * 200)
    page = render(one)
    body = put_together([page], promotion_key(ONE.nonce))
    assert page in body
    assert len(body.encode()) <= 65_536
    shown = page.count("\n| `")
    assert shown == page.count("**missed**")
    assert f"{len(one.result.metrics) - shown:,} more numbers" in page
    assert "more reasons" in page
    assert_inert(page)
