from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from evidence.home_sigstore import Sigstore
from evidence.signing import document, evidence, p256, subject
from forge import Forge
from smokegate.commands.evidence import command
from smokegate.errors import PolicyError, SmokegateError, UsageError
from smokegate.evidence import dsse
from smokegate.policy_file import parse


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)


def done(*arguments: object) -> str:
    result = run(*arguments)
    assert (result.exception, result.return_value) == (None, 0), result.output
    return result.stdout


def cannot(*arguments: object) -> SmokegateError:
    """Exit 2."""
    result = run(*arguments)
    assert isinstance(result.exception, SmokegateError), result.output
    assert result.exception.exit_code == 2
    return result.exception


def refused(*arguments: object) -> str:
    result = run(*arguments)
    assert (result.exception, result.return_value) == (None, 1), result.output
    assert "fix: " in result.stdout
    return result.stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "PROMOTE.json"
    path.write_bytes(evidence())
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return written(tmp_path / "key.pem", p256())


def written(path: Path, key: Any, passphrase: bytes | None = None, mode: int = 0o600) -> Path:
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_a_made_key_signs_and_its_printed_policy_trusts_it(tmp_path: Path, file: Path, kind: str) -> None:
    made = tmp_path / "made.pem"
    policy = tmp_path / "policy.yml"
    policy.write_text(done("keygen", "--out", made, "--type", kind))
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    said = done("sign", file, "--key", made)
    name = parse(policy.read_bytes(), "policy.yml").policy.signatures.keys[0].id
    assert said == f"wrote {file}.dsse.json\nkey id: {name}\n"
    envelope = json.loads(Path(f"{file}.dsse.json").read_bytes())
    assert envelope["signatures"][0]["keyid"] == name
    assert f"is signed by key `{name}`" in done("verify", file, "--policy", policy)


def test_the_printed_policy_stands_alone_and_the_rest_goes_elsewhere(tmp_path: Path) -> None:
    result = run("keygen", "--out", tmp_path / "k.pem", "--id", "harness")
    assert parse(result.stdout.encode(), "x").policy.signatures.keys[0].id == "harness"
    assert "keep it with the runner" in result.stderr
    assert "PRIVATE KEY" not in result.output


@pytest.mark.parametrize("name", ["123", "no", "1e3", "a.b-c_d", "x" * 64])
def test_an_id_reads_back_as_it_was_given(tmp_path: Path, name: str) -> None:
    said = done("keygen", "--out", tmp_path / "k.pem", "--id", name)
    assert parse(said.encode(), "x").policy.signatures.keys[0].id == name


@pytest.mark.parametrize("name", ["", "a b", "-x", 'a"', "x" * 65, "\u00e9"])
def test_an_id_that_no_policy_takes_makes_no_key(tmp_path: Path, name: str) -> None:
    assert "cannot be a key's id" in cannot("keygen", "--out", tmp_path / "k.pem", f"--id={name}").message
    assert not (tmp_path / "k.pem").exists()


def test_a_key_is_never_overwritten(key: Path) -> None:
    before = key.read_bytes()
    assert "is there already" in cannot("keygen", "--out", key).message
    assert key.read_bytes() == before


def test_a_key_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.pem").symlink_to(tmp_path / "elsewhere.pem")
    assert "is there already" in cannot("keygen", "--out", tmp_path / "link.pem").message
    assert not (tmp_path / "elsewhere.pem").exists()


def test_a_passphrase_comes_from_the_environment(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "made.pem"
    monkeypatch.setenv("KEY_PASS", "correct horse")
    done("keygen", "--out", made, "--passphrase-env", "KEY_PASS")
    assert b"ENCRYPTED" in made.read_bytes()
    assert "is encrypted" in cannot("sign", file, "--key", made).message
    monkeypatch.setenv("OTHER", "wrong")
    assert "the passphrase is wrong" in cannot("sign", file, "--key", made, "--passphrase-env", "OTHER").message
    assert "NOT_SET is not set" in cannot("sign", file, "--key", made, "--passphrase-env", "NOT_SET").message
    done("sign", file, "--key", made, "--passphrase-env", "KEY_PASS")


@pytest.mark.parametrize(("mode", "who"), [(0o640, "its group"), (0o604, "everybody"), (0o620, "its group")])
def test_a_key_that_others_can_reach_signs_nothing(tmp_path: Path, file: Path, mode: int, who: str) -> None:
    key = written(tmp_path / "open.pem", p256(), mode=mode)
    error = cannot("sign", file, "--key", key)
    assert f"is open to {who} (mode {mode:04o})" in error.message
    assert str(error.fix).startswith(f"chmod 600 {key}")
    assert not Path(f"{file}.dsse.json").exists()
    done("sign", file, "--key", key, "--allow-open-key")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "is on the curve secp384r1"),
        (rsa.generate_private_key(65537, 2048), "is an RSA key of 2048 bits"),
    ],
)
def test_a_key_of_another_kind_signs_nothing(tmp_path: Path, file: Path, key: Any, said: str) -> None:
    assert said in cannot("sign", file, "--key", written(tmp_path / "k.pem", key)).message


def test_what_is_no_key_signs_nothing(tmp_path: Path, file: Path) -> None:
    (tmp_path / "k.pem").write_text("hello")
    (tmp_path / "k.pem").chmod(0o600)
    assert "not a private key" in cannot("sign", file, "--key", tmp_path / "k.pem").message
    assert "No such file" in cannot("sign", file, "--key", tmp_path / "none.pem").message


def test_evidence_that_names_no_bytes_is_not_signed(file: Path, key: Path) -> None:
    first = {k: v for k, v in document().items() if k != "subjects"}
    file.write_text(json.dumps(first | {"schema_version": 1}))
    error = cannot("sign", file, "--key", key)
    assert "names no model bytes" in error.message
    assert "legacy_evidence" in str(error.fix)


def test_a_signature_is_not_overwritten(file: Path, key: Path) -> None:
    done("sign", file, "--key", key)
    place = Path(f"{file}.dsse.json")
    before = place.read_bytes()
    error = cannot("sign", file, "--key", key)
    assert error.fix == f"to sign anew, take it away first:  rm {place}"
    assert place.read_bytes() == before
    done("sign", file, "--key", key, "--out", f"{file}.other", "--key-id", "mine")
    assert json.loads(Path(f"{file}.other").read_bytes())["signatures"][0]["keyid"] == "mine"


def test_nothing_half_written_is_left(file: Path, key: Path) -> None:
    assert "cannot be written" in cannot("sign", file, "--key", key, "--out", file.parent / "no" / "x").message
    assert sorted(p.name for p in file.parent.iterdir()) == ["PROMOTE.json", "key.pem"]


def test_a_statement_is_printed_as_it_is_signed(file: Path, key: Path) -> None:
    """So that a signer of somebody else's signs the very same."""
    printed = run("statement", file).stdout_bytes
    done("sign", file, "--key", key)
    assert dsse.read(Path(f"{file}.dsse.json").read_bytes()).payload == printed
    file.write_text("{}")
    assert "names no model bytes" in cannot("statement", file).message


def test_a_workflows_bundle_is_verified_by_the_policys_identity(tmp_path: Path, file: Path) -> None:
    """Under the public root, a bundle from elsewhere is refused, with no question to the network."""
    home = Sigstore()
    bundle = home.bundle(run("statement", file).stdout_bytes, "https://w.invalid", "https://i.invalid")
    Path(f"{file}.sigstore.json").write_text(json.dumps(bundle))
    policy = tmp_path / "p.yml"
    policy.write_text("signatures:\n  identities:\n    - {identity: https://w.invalid, issuer: https://i.invalid}\n")
    assert "does not verify against the public Sigstore instance's root" in refused("verify", file, "--policy", policy)


def test_unsigned_evidence_is_no_pass(tmp_path: Path, file: Path) -> None:
    (tmp_path / "p.yml").write_text("unattested: allow\n")
    assert refused("verify", file, "--policy", tmp_path / "p.yml").startswith(
        "unsigned: neither PROMOTE.json.dsse.json nor PROMOTE.json.sigstore.json lies beside"
    )


def test_what_cannot_be_judged_is_no_verdict(tmp_path: Path, file: Path, key: Path) -> None:
    done("sign", file, "--key", key)
    assert "cannot be read" in cannot("verify", tmp_path / "none.json", "--policy", "x").message
    assert "cannot be read" in cannot("verify", file, "--policy", tmp_path / "none.yml").message
    (tmp_path / "bad.yml").write_text("signatures: 3\n")
    assert isinstance(cannot("verify", file, "--policy", tmp_path / "bad.yml"), PolicyError)
    assert isinstance(cannot("verify", file, "--repo", tmp_path), SmokegateError)
    os.mkfifo(tmp_path / "PROMOTE.json.sigstore.json")
    (tmp_path / "good.yml").write_text("schema_version: 1\n")
    assert isinstance(cannot("verify", file, "--policy", tmp_path / "good.yml"), UsageError)


def test_a_broken_signature_beside_a_good_one_is_said_and_does_not_undo_it(tmp_path: Path, file: Path) -> None:
    made = tmp_path / "made.pem"
    (tmp_path / "p.yml").write_text(done("keygen", "--out", made))
    done("sign", file, "--key", made)
    Path(f"{file}.sigstore.json").write_text("{}\n")
    said = done("verify", file, "--policy", tmp_path / "p.yml")
    assert "attested: " in said
    assert "refused: PROMOTE.json.sigstore.json" in said


def test_a_hostile_signature_commands_no_terminal(tmp_path: Path, file: Path) -> None:
    made = tmp_path / "made.pem"
    (tmp_path / "p.yml").write_text(done("keygen", "--out", made))
    hint = "\x1b[2J\u202e::error::\n##[error]"
    signatures = [{"keyid": hint, "sig": "AAAA"}]
    envelope = {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": signatures}
    Path(f"{file}.dsse.json").write_text(json.dumps(envelope))
    said = refused("verify", file, "--policy", tmp_path / "p.yml")
    assert said.isascii()
    assert "\x1b" not in said
    assert not any(line.startswith(("::", "##[")) for line in said.splitlines())


def test_base_says_whom_to_trust_and_the_working_tree_does_not(forge: Forge, tmp_path: Path) -> None:
    ours, mallory = tmp_path / "ours.pem", tmp_path / "mallory.pem"
    trusted, other = done("keygen", "--out", ours), done("keygen", "--out", mallory)
    forge.add("fr_v1")
    forge.write("/.smokegate.yml", trusted)
    forge.start()
    file = forge.path("PROMOTE.json")
    file.write_bytes(evidence(subject("fr_v1")))
    forge.write("/.smokegate.yml", other)
    done("sign", file, "--key", mallory)
    assert "unknown key" in refused("verify", file, "--repo", forge.root)
    Path(f"{file}.dsse.json").unlink()
    done("sign", file, "--key", ours)
    said = done("verify", file, "--repo", forge.root)
    assert said.startswith("attested: ")
    assert "policy: .smokegate.yml" in said
