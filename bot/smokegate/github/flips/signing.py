"""Evidence signed by the job that verified it, with a key that never touches a disk, a log or another process."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smokegate.errors import UsageError
from smokegate.evidence import dsse, keys, statement
from smokegate.evidence.keys import KeyFault
from smokegate.evidence.refused import Refused
from smokegate.policy import Policy

if TYPE_CHECKING:
    from smokegate.evidence.keys import PrivateKey

KEY, PASSPHRASE = "SMOKEGATE_SIGNING_KEY", "SMOKEGATE_SIGNING_PASSPHRASE"


@dataclass(frozen=True, slots=True)
class Pen:
    _key: PrivateKey = field(repr=False)

    def sign(self, evidence: bytes, name: str, policy: Policy) -> bytes:
        """A signature file for it."""
        public = keys.public_pem(self._key.public_key()).strip()
        hint = next((one.id for one in policy.signatures.keys if one.pem.strip() == public), None)
        try:
            payload = statement.build(evidence, name)
        except Refused as refused:
            raise UsageError(f"the evidence is not signed: {refused.reason}", fix=refused.fix) from None
        signature = keys.sign(self._key, dsse.pae(dsse.PAYLOAD_TYPE, payload))
        return dsse.write(payload, [dsse.Signature(hint or keys.key_id(self._key.public_key()), signature)])


def taken(environ: MutableMapping[str, str]) -> Pen | None:
    """The key, out of the environment before any process is started; None where evidence is not signed here."""
    pem, passphrase = environ.pop(KEY, ""), environ.pop(PASSPHRASE, "")
    if not pem.strip():
        return None
    keys.need_cryptography()
    try:
        return Pen(keys.load_private(pem.replace("\\n", "\n").strip().encode() + b"\n", passphrase.encode() or None))
    except KeyFault:
        # What is wrong with a key is told without a word of it.
        raise UsageError(
            f"the signing key in {KEY} cannot be used",
            fix="store a PEM private key (ECDSA P-256 or Ed25519) as the secret, and its passphrase in "
            f"{PASSPHRASE} where it has one; `smokegate evidence keygen` makes one",
        ) from None
