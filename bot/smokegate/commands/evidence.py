"""`smokegate evidence`: sign evidence, and say whether a signature stands for it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smokegate.errors import UsageError

if TYPE_CHECKING:
    from smokegate.evidence.attestation import Attested, Refusal, SigningPolicy
    from smokegate.evidence.keys import PublicKey
    from smokegate.evidence.signer import KeyType

FILE = click.Path(path_type=Path)
EXIT_REFUSED = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

_passphrase = click.option(
    "--passphrase-env", metavar="NAME", help="The environment variable that holds the key's passphrase."
)


@click.group("evidence")
def command() -> None:
    """Sign evidence, verify a signature, make a key."""


@command.command()
@click.argument("file", type=FILE)
@click.option("--key", required=True, type=FILE, metavar="KEY.pem", help="Private key: PEM, P-256 or Ed25519.")
@click.option("--key-id", help="What the envelope calls the key. Default: a name drawn from the key.")
@click.option("--out", type=FILE, metavar="FILE", help="Default: FILE.dsse.json, beside the evidence.")
@_passphrase
@click.option("--allow-open-key", is_flag=True, help="Take a key file that others than its owner can read.")
def sign(
    file: Path, key: Path, key_id: str | None, out: Path | None, passphrase_env: str | None, allow_open_key: bool
) -> int:
    """Sign the exact bytes of an evidence file, for the models that it names."""
    from smokegate.evidence.signer import sign_file

    secret = _secret(passphrase_env)
    signed = sign_file(file, key, key_id=key_id, out=out, passphrase=secret, allow_open=allow_open_key)
    click.echo(f"wrote {signed.path}")
    click.echo(f"key id: {signed.key_id}")
    return 0


@command.command()
@click.argument("file", type=FILE)
@click.option("--repo", default=".", show_default=True, help="A folder in the git repository.")
@click.option("--registry", help="The registry, named from the root of the repo; needed where there are several.")
@click.option("--policy", metavar="FILE", help="Trust the keys of this policy instead of base's; needs no repo.")
def verify(file: Path, repo: str, registry: str | None, policy: str | None) -> int:
    """Say whether evidence is signed, as it lies there, by a key or identity of the policy on base.

    Exit code 0: attested. 1: refused, or unsigned. 2: cannot judge.
    """
    from smokegate.evidence.signer import read_evidence
    from smokegate.policy_file import parse
    from smokegate.review.locate import policy_in_force

    data = read_evidence(file)
    loaded = parse(_policy_bytes(policy), policy) if policy else policy_in_force(repo, registry, None, None)
    judged = _judged(file, data, loaded.policy)
    attested = _say(file, judged)
    click.echo(f"policy: {loaded.source}")
    return 0 if attested else EXIT_REFUSED


@command.command()
@click.argument("file", type=FILE)
def statement(file: Path) -> int:
    """Print the statement that a signature has to be over, byte for byte, for a signer of your own (Sigstore)."""
    from smokegate.evidence.signer import statement_of

    click.echo(statement_of(file), nl=False)
    return 0


@command.command()
@click.option(
    "--out", required=True, type=FILE, metavar="KEY.pem", help="Where the private key goes; never over a file."
)
@click.option("--type", "kind", type=click.Choice(("p256", "ed25519")), default="p256", show_default=True)
@click.option("--id", "name", metavar="NAME", help="The key's id in the policy. Default: a name drawn from the key.")
@_passphrase
def keygen(out: Path, kind: KeyType, name: str | None, passphrase_env: str | None) -> int:
    """Make a key to sign with, and print the lines that let the policy trust it."""
    from smokegate.evidence import keys
    from smokegate.evidence.signer import generate

    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a key's id", fix="--id takes letters, digits, `.`, `_` and `-`, 64 at most"
        )
    public = generate(out, kind, _secret(passphrase_env))
    click.echo(f"# wrote {out}, the private key: keep it with the runner that signs, and out of git.", err=True)
    click.echo("# For .smokegate.yml, by an owner's approval; it counts once it is on the base branch:", err=True)
    click.echo(_policy_lines(name or keys.key_id(public), public), nl=False)
    return 0


def _judged(file: Path, data: bytes, policy: SigningPolicy) -> list[tuple[Path, Attested | Refusal]]:
    """Each signature that lies beside the evidence, and what it is worth."""
    from smokegate.evidence import attestation
    from smokegate.evidence.signer import read_signature

    judged = []
    for kind in attestation.Kind:
        place = file.with_name(file.name + kind.value)
        signature = read_signature(place)
        if signature is not None:
            judged.append((place, attestation.verify(data, file.name, signature, kind, policy)))
    return judged


def _say(file: Path, judged: list[tuple[Path, Attested | Refusal]]) -> bool:
    from smokegate.evidence.attestation import Attested, Kind

    for place, answer in judged:
        if isinstance(answer, Attested):
            _echo(f"attested: {file} is signed by {answer.by}, in {place.name}")
            if answer.signed_as != file.name:
                _echo(f"  it was called {answer.signed_as!r} when it was signed; its bytes are the same")
        else:
            _echo(f"refused: {place.name}: {answer.reason}")
            _echo(f"  fix: {answer.fix}")
    if not judged:
        names = " nor ".join(f"{file.name}{kind.value}" for kind in Kind)
        _echo(f"unsigned: neither {names} lies beside {file}")
        _echo(f"  fix: smokegate evidence sign {file} --key KEY.pem")
    return any(isinstance(answer, Attested) for _, answer in judged)


def _echo(text: str) -> None:
    """Names and library messages come from what is judged: they command no terminal."""
    from smokegate.render.escape import visible_lines

    click.echo("\n".join(visible_lines(text)))


def _secret(variable: str | None) -> bytes | None:
    if variable is None:
        return None
    value = os.environ.get(variable)
    if not value:
        fix = f"export {variable}=... in the runner's environment, from its secret store"
        raise UsageError(f"the environment variable {variable} is not set, or empty", fix=fix)
    return value.encode()


def _policy_bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(
            f"the policy {path} cannot be read: {error.strerror}", fix="name a file with --policy"
        ) from None


def _policy_lines(name: str, public: PublicKey) -> str:
    from smokegate.evidence.keys import public_pem

    pem = "".join(f"        {line}\n" for line in public_pem(public).splitlines())
    return f'signatures:\n  keys:\n    - id: "{name}"\n      pem: |\n{pem}'
