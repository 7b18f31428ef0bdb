"""Reports to render: one for each verdict, and some that were sent by an enemy."""

from __future__ import annotations

from smokegate.judge.report import Change, Finding, Report, Severity, Verdict, What

BASE, HEAD = "4f2a91c07b3d5e6f8091a2b3c4d5e6f708192a3b", "b7e0d2c4a6f8192b3c4d5e6f708192a3b4c5d6e7"
POLICY = "9c1185a5c5e9fc54612808977ee8f548b2258d31bcdf4b5f5a2f4b6f3f1f0c2d"
REGISTRY = "model/tiny/registry.json"

HOSTILE = (
    "`",
    "``x``",
    "a`b``c",
    "x`\n\n# heading\n\n- item",
    "[click](https://evil.example)",
    "![pixel](http://evil.example/a.png)",
    "[click](javascript:alert(1))",
    "[ref]: https://evil.example",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</details><h1>PASS</h1>",
    "<!-- x -->",
    "-->",
    "--!>",
    "<https://evil.example>",
    "https://evil.example www.evil.example mailto:a@evil.example",
    "@maintainers @octo/team please merge",
    "#123 owner/repo#1 GH-7 a3f5c0de9b8",
    "a|b|c",
    "a \\| b",
    "\\",
    "\\`",
    "| --- | --- |",
    "---",
    "===",
    "1. one",
    "1) one",
    "+ one",
    "> quote",
    "> [!NOTE]\n> pass",
    "***bold*** __bold__ ~~gone~~ *x* _x_",
    "&lt;b&gt; &#64;admin &copy;",
    "&copy; a&amp;b",
    "/etc/passwd",
    "//evil.example/x",
    "C:\\x",
    "../../x",
    "$x$ $$y$$ $`z`$",
    ":tada: :+1:",
    "[^1]",
    "::error::pwned",
    "\n::set-output name=x::y",
    "##[error]pwned ##[add-path]/tmp",
    "a,b:c%0Ad%",
    "\r\n::warning::x",
    "\x1b[2J\x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "\u202egpj.exe\u2066\u200b\u200d\ufeff\u00ad",
    "\u2028::error::x\u2029\x85\x0b\x0c",
    "\x00\x7f\x9b31m",
    "\udcff\udc80\ud800",
    "\u3164\u115f\ufe0f\U000e0041",
    "```\n# out\n```",
    "~~~\n<b>out</b>\n~~~",
    "    indented",
    "<details>\n<summary>PASS</summary>",
    "'; rm -rf / #",
    '"',
    "",
    " ",
    "   `  ",
)


def finding(code: str = "SG202", *, blocks: bool = True, introduced: bool = True, **parts: object) -> Finding:
    values: dict[str, object] = {
        "check": {"SG202": "digest", "SG601": "license", "SG403": "flip-evidence", "SG701": "owner"}.get(code, "check"),
        "subject": "vmaf_tiny_v2",
        "path": REGISTRY,
        "line": 12,
        "column": 17,
        "message": "`sha256` is not that of `vmaf_tiny_v2.onnx`: the entry says 5f0c9ab1..., the bytes are 77aa01cd...",
        "fix": "smokegate pin vmaf_tiny_v2",
    }
    severity = Severity.BLOCK if blocks else Severity.WARN
    return Finding(code=code, severity=severity, introduced=introduced, **{**values, **parts})  # type: ignore[arg-type]


def report(verdict: Verdict = Verdict.PASS, **parts: object) -> Report:
    values: dict[str, object] = {
        "base": BASE,
        "head": HEAD,
        "registry": REGISTRY,
        "policy_sha256": POLICY,
        "changes": (),
        "findings": (),
        "entries_before": 12,
        "entries_after": 12,
    }
    return Report(verdict=verdict, **{**values, **parts})  # type: ignore[arg-type]


PASSED = report(
    changes=(
        Change("clip_filter_v1", What.ADDED, stage_after="smoke"),
        Change("saliency_student_v1", What.CHANGED, ("notes",), None, "production", "production"),
    ),
    findings=(
        finding(
            "SG601",
            blocks=False,
            introduced=False,
            subject="saliency_student_v1",
            line=None,
            column=None,
            message="no `license`",
            fix="",
        ),
    ),
    entries_after=13,
)

BLOCKED = report(
    Verdict.BLOCK,
    changes=(
        Change("vmaf_tiny_v3", What.FLIPPED, ("smoke", "evidence"), None, "smoke", "production"),
        Change("vmaf_tiny_v2", What.CHANGED, ("sha256", "bytes"), None, "production", "production", "id1", "id2", True),
        Change("old_filter", What.RETIRED, (), None, "production", None),
        Change("nr_metric_v2", What.RENAMED, (), "nr_metric_v1", "smoke", "smoke"),
    ),
    findings=(
        finding(),
        finding(
            subject="vmaf_tiny_v3",
            path="model/tiny/vmaf tiny v3.onnx",
            line=None,
            column=None,
            message="the LFS pointer's `oid` is not the `sha256` of the entry; the registry is stale",
            fix="git lfs pull --include 'model/tiny/vmaf tiny v3.onnx'\nsmokegate pin vmaf_tiny_v3",
        ),
        finding(
            "SG403",
            subject="vmaf_tiny_v3",
            message="the flip of `vmaf_tiny_v3` carries no evidence. " * 4,
            fix="/promote vmaf_tiny_v3",
        ),
        finding(
            "SG601", blocks=False, message="`license` is not an SPDX identifier: Foo-1.0", fix="see docs/checks.md"
        ),
        *(
            finding("SG601", blocks=False, introduced=False, subject=f"debt_{number}", message="no `license`", fix="")
            for number in range(3)
        ),
    ),
    notes=(
        "The registry on base cannot be read (line 3: conflict marker); its ancestor 1a2b3c4d5e6f stands in for it.",
    ),
    entries_after=11,
)

NEEDS_EVIDENCE = report(
    Verdict.NEEDS_EVIDENCE,
    changes=(Change("vmaf_tiny_v3", What.FLIPPED, ("smoke",), None, "smoke", "production"),),
    findings=(finding("SG403", subject="vmaf_tiny_v3", message="no evidence", fix="/promote vmaf_tiny_v3"),),
)

NEEDS_OWNER = report(
    Verdict.NEEDS_OWNER,
    findings=(finding("SG701", subject=".smokegate.yml", path=".smokegate.yml", message="the policy gets weaker"),),
)

SELF_ATTESTED = report(
    changes=(Change("vmaf_tiny_v3", What.FLIPPED, ("smoke",), None, "smoke", "production"),), self_attested=True
)

MANY = report(
    Verdict.BLOCK,
    changes=tuple(Change(f"m{number}", What.CHANGED, ("sha256",), None, "smoke", "smoke") for number in range(2_000)),
    findings=tuple(
        finding(subject=f"model_{number}", path=f"model/tiny/model_{number}.onnx", blocks=number % 4 != 0)
        for number in range(2_000)
    )
    + tuple(finding(introduced=False, subject=f"debt_{number}") for number in range(500)),
    notes=("Judged without history: the clone is shallow.",),
)


def hostile(text: str) -> Report:
    """`text` wherever a report may hold text that somebody else chose."""
    return report(
        Verdict.BLOCK,
        registry=text,
        head=text,
        changes=(
            Change(text, What.ADDED, (text, "smoke"), None, None, "production"),
            Change(text, What.RENAMED, (), text, "smoke", "smoke"),
            Change(text, What.CHANGED, (f"sidecar.{text}",), None, "production", "production"),
        ),
        findings=(
            finding(subject=text, path=text, message=text, fix=text),
            finding(subject=text, path=text, line=None, message=f"the file {text} of `{text}` (see '{text}'), is odd."),
            finding("SG601", blocks=False, subject=text, path=text, message=f"x{text}y", fix=f"git rm '{text}'"),
            finding("SG601", introduced=False, subject=text, path=text, message=f"{text} {text}", fix=text),
        ),
        notes=(text, f"base is {text}"),
    )


GOLDEN = {
    "pass": [PASSED],
    "block": [BLOCKED],
    "needs-evidence": [NEEDS_EVIDENCE],
    "needs-owner": [NEEDS_OWNER],
    "self-attested": [SELF_ATTESTED],
    "several": [PASSED, report(Verdict.BLOCK, registry="other/registry.json", findings=(finding(),)), SELF_ATTESTED],
    "none": [],
    "hostile": [
        hostile("a`b|c\n::error::x@y #1 <b>![i](http://e.example)\x1b[31m\u202e--> \udcff"),
        hostile("</details>\n\n# PASS"),
    ],
}
