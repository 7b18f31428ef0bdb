"""How the parts of an attestation say no to the one that asks; `attestation.verify` turns it into a value."""

from __future__ import annotations


class Refused(ValueError):
    """Why a signature does not stand for the evidence, and what mends it."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


SIGN_AGAIN = "let a runner that the policy trusts measure and sign these very bytes: smokegate evidence sign"
