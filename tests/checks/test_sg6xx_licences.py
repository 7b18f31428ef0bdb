"""SG601 and SG602: under which licence."""

from __future__ import annotations

import pytest

from forge import Forge, passes, quiet, sha256
from onnx_models import mlp


@pytest.mark.parametrize(
    ("license_name", "known"),
    [
        ("Apache-2.0", True),
        ("mit", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", True),
        ("LicenseRef-Acme-Research", True),
        ("BSD-3-Clause-Plus-Patent", True),
        ("Apache 2", False),
        ("proprietary", False),
        ("", False),
        ("MIT\n::error::x", False),
        ("MIT OR", False),
    ],
)
def test_a_licence_is_spdx_or_named_by_the_policy(forge: Forge, license_name: str, known: bool) -> None:
    forge.write_json("registry.schema.json", {"type": "object"})
    forge.start()
    forge.add("alpha_v1", license=license_name)
    report = forge.judged()
    passes(report)
    assert [f.code for f in report.warnings] == ([] if known else ["SG601"])


def test_the_policy_may_name_more(forge: Forge) -> None:
    forge.write("/.smokegate.yml", "licenses:\n  extra: [In-House]\n")
    forge.start()
    forge.add("alpha_v1", license="In-House")
    quiet(forge.judged())


def test_what_lacked_one_is_debt(forge: Forge) -> None:
    forge.add("alpha_v1", license=None)
    forge.start()
    forge.entry("alpha_v1")["notes"] = "four corpora"
    report = forge.judged()
    quiet(report)
    assert [f.code for f in report.debt] == ["SG601"]


def test_fifteen_licences_at_once_are_no_noise(forge: Forge) -> None:
    for n in range(15):
        forge.add(f"alpha_v{n}", mlp(n), license=None, smoke=n % 2 == 0)
    forge.start()
    for entry in forge.registry["models"]:
        entry["license"] = "Apache-2.0"
    report = forge.judged()
    quiet(report)
    assert not report.debt


def relicensed(forge: Forge) -> None:
    forge.add("alpha_v1", license="MIT")
    forge.start()
    forge.entry("alpha_v1")["license"] = "GPL-3.0-only"


def test_other_bytes_may_have_another_licence(forge: Forge) -> None:
    relicensed(forge)
    forge.write("alpha_v1.onnx", mlp(7))
    forge.write_json("alpha_v1.json", forge.sidecar(mlp(7)))
    forge.entry("alpha_v1")["sha256"] = sha256(mlp(7))
    quiet(forge.judged())


def test_the_same_bytes_may_not_whatever_the_file_is_called(forge: Forge) -> None:
    relicensed(forge)
    for suffix in ("onnx", "json"):
        forge.path(f"alpha_v1.{suffix}").rename(forge.path(f"alpha.{suffix}"))
    forge.entry("alpha_v1")["onnx"] = "alpha.onnx"
    report = forge.judged()
    passes(report)
    assert [f.code for f in report.warnings] == ["SG602"]
