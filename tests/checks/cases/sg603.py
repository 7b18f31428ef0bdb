"""SG603: a declared signature bundle exists, speaks of the model's bytes, and verifies where base says by whom."""

from __future__ import annotations

import base64
from typing import Any

from forge import Forge


def passing(forge: Forge) -> None:
    forge.add("alpha_v1")
    forge.start()
    entry = forge.add("alpha_v2", sigstore_bundle="alpha_v2.sigstore.json")
    forge.write_json("alpha_v2.sigstore.json", bundle(entry["sha256"]))
    forge.commit()


def failing(forge: Forge) -> str:
    forge.add("alpha_v1")
    forge.start()
    entry = forge.add("alpha_v2", sigstore_bundle="alpha_v2.sigstore.json")
    forge.write_json("alpha_v2.sigstore.json", bundle("0" * 64))
    forge.commit()
    return str(entry["id"])


def bundle(digest: str) -> dict[str, Any]:
    """Over the bytes of this sha256, with a signature that only a policy's identities would have looked at."""
    packed = base64.b64encode(bytes.fromhex(digest)).decode()
    signed = {"messageDigest": {"algorithm": "SHA2_256", "digest": packed}, "signature": "c2lnbmVk"}
    return {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "messageSignature": signed}
