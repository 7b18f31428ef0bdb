"""SG508: somebody whom base trusts vouches for these very bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

import flips
import proofs
from forge import Forge, codes, only, passes
from smokegate.evidence import keys
from smokegate.render import markdown

STRANGER = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
SIGNATURE = "PROMOTE.json.dsse.json"


def named(key: keys.PrivateKey, key_id: str = "other") -> dict[str, str]:
    return {"id": key_id, "pem": keys.public_pem(key.public_key())}


def first_line(forge: Forge) -> str:
    return markdown.render([forge.check()]).strip().splitlines()[0]


def flipped(forge: Forge, **policy: object) -> None:
    flips.saliency(forge, **policy)
    forge.evidence("saliency_v1")


def test_signed_by_a_key_of_the_policy(forge: Forge) -> None:
    flipped(forge)
    report = forge.judged()
    passes(report)
    assert not report.self_attested and "self-attested" not in first_line(forge)


def test_by_a_key_of_the_other_kind(forge: Forge) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    flipped(forge, signatures={"keys": [proofs.TRUSTED, named(key)]})
    forge.sign(key=key)
    passes(forge.judged())


def test_unsigned_it_does_not_count(forge: Forge) -> None:
    flipped(forge)
    forge.delete(SIGNATURE)
    assert "nobody signed it" in only(forge.judged(), "SG508").message


def test_unless_the_policy_says_so_and_then_the_first_line_does(forge: Forge) -> None:
    flipped(forge, unattested="allow")
    forge.delete(SIGNATURE)
    report = forge.judged()
    passes(report)
    assert report.self_attested and "self-attested" in first_line(forge)


def by_a_stranger(forge: Forge) -> None:
    forge.sign(key=STRANGER)


def of_another_file(forge: Forge) -> None:
    signature = forge.path(SIGNATURE).read_bytes()
    flips.rewrite(forge, lambda value: value.update(adr="0320"))
    forge.write(SIGNATURE, signature)


def of_the_same_said_otherwise(forge: Forge) -> None:
    """The same values in another spelling are not what was signed."""
    forge.write_json("PROMOTE.json", dict(reversed(forge.read_json("PROMOTE.json").items())))


def empty(forge: Forge) -> None:
    forge.write(SIGNATURE, b"")


def in_lfs(forge: Forge) -> None:
    forge.to_lfs(SIGNATURE)


def behind_a_link(forge: Forge) -> None:
    forge.path(SIGNATURE).rename(forge.path("/elsewhere.json"))
    forge.link(SIGNATURE, "../../elsewhere.json")


def behind_a_link_that_dangles(forge: Forge) -> None:
    forge.link(SIGNATURE, "nowhere.json")


def cut_short(forge: Forge) -> None:
    forge.write(SIGNATURE, forge.path(SIGNATURE).read_bytes()[:-40])


HARMS = (
    *(by_a_stranger, of_another_file, of_the_same_said_otherwise),
    *(empty, in_lfs, behind_a_link, behind_a_link_that_dangles, cut_short),
)


@pytest.mark.parametrize("unattested", ["deny", "allow"])
@pytest.mark.parametrize("harm", HARMS)
def test_a_signature_that_does_not_hold_blocks(forge: Forge, harm: Callable[[Forge], None], unattested: str) -> None:
    """Even where none is asked for: whoever signed did not mean this."""
    flipped(forge, unattested=unattested)
    harm(forge)
    finding = next(f for f in forge.judged().blocking if f.code == "SG508")
    assert finding.path == "model/tiny/PROMOTE.json" and finding.fix


@pytest.mark.parametrize("level", ["off", "warn"])
def test_a_check_that_does_not_block_makes_nobody_a_signer(forge: Forge, level: str) -> None:
    flips.saliency(forge, checks={"SG508": level})
    forge.evidence("saliency_v1", sign=False)
    report = forge.judged()
    passes(report)
    assert report.self_attested and "self-attested" in first_line(forge)


def test_a_key_that_only_heads_policy_names_vouches_for_nothing(forge: Forge) -> None:
    flipped(forge)
    forge.sign(key=STRANGER)
    forge.trust(signatures={"keys": [proofs.TRUSTED, named(STRANGER)]})
    assert {"SG508", "SG701"} <= set(codes(forge.judged()))


def test_unattested_is_not_allowed_by_the_change_that_needs_it(forge: Forge) -> None:
    flipped(forge)
    forge.delete(SIGNATURE)
    forge.trust(unattested="allow")
    report = forge.judged()
    assert {"SG508", "SG701"} <= set(codes(report)) and not report.self_attested


def test_a_key_that_base_took_back_vouches_no_more(forge: Forge) -> None:
    flipped(forge)
    forge.trust(signatures={"keys": [named(STRANGER)]})
    forge.entry("saliency_v1")["smoke"] = True
    forge.start()
    flips.flip(forge, "saliency_v1")
    only(forge.check(), "SG508")


def test_keyless_where_the_policy_trusts_no_identity(forge: Forge) -> None:
    flipped(forge)
    forge.delete(SIGNATURE)
    forge.write("PROMOTE.json.sigstore.json", "{}\n")
    assert "signatures.identities" in only(forge.judged(), "SG508").message
