"""Sigstore bundles, verified offline: https://docs.sigstore.dev/about/bundle/"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from smokegate.errors import SmokegateError
from smokegate.evidence import dsse
from smokegate.evidence.refused import SIGN_AGAIN, Refused
from smokegate.registry.strict_json import JsonFault, parse

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import TrustedRoot

MEDIA_TYPES = ("application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3")
PUBLIC_INSTANCE = "https://tuf-repo-cdn.sigstore.dev"
_DEPTH = 16
_LONGEST = 240
_ISSUER = "1.3.6.1.4.1.57264.1.1"
_ISSUER_V2 = "1.3.6.1.4.1.57264.1.8"


class PolicyIdentity(Protocol):
    @property
    def identity(self) -> str: ...
    @property
    def issuer(self) -> str: ...


def verify(
    bundle: bytes, identities: Sequence[PolicyIdentity], *, trusted_root: bytes | None = None
) -> tuple[str, bytes]:
    """Who signed, and what, by certificate, log entry and time stamp; nothing is asked of the network."""
    _check_shape(bundle)
    root = _root(trusted_root)
    from sigstore.models import Bundle  # noqa: PLC0415 - slow to load, and an extra
    from sigstore.verify import Verifier  # noqa: PLC0415

    trusted = _Trusted(identities)
    try:
        kind, payload = Verifier(trusted_root=root).verify_dsse(Bundle.from_json(bundle), trusted)
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - a forged bundle makes the library raise anything; all of it is a no
        raise _refusal(error, own_root=trusted_root is not None) from None
    if kind != dsse.PAYLOAD_TYPE or trusted.who is None:
        raise Refused(f"the bundle signs a payload of the type {kind!r}, not {dsse.PAYLOAD_TYPE}", SIGN_AGAIN)
    return trusted.who, payload


def verify_bytes(
    bundle: bytes, digest: str, identities: Sequence[PolicyIdentity], *, trusted_root: bytes | None = None
) -> str:
    """Who signed a file of this sha256, be it bare or as the subject of a statement."""
    root = _root(trusted_root)
    from sigstore.hashes import Hashed  # noqa: PLC0415 - slow to load, and an extra
    from sigstore.models import Bundle  # noqa: PLC0415
    from sigstore.verify import Verifier  # noqa: PLC0415
    from sigstore_models.common.v1 import HashAlgorithm  # noqa: PLC0415

    trusted = _Trusted(identities)
    verifier = Verifier(trusted_root=root)
    try:
        parsed = Bundle.from_json(bundle)
        if json.loads(bundle).get("dsseEnvelope") is not None:
            verifier.verify_dsse(parsed, trusted)
        else:
            hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(digest))
            verifier.verify_artifact(hashed, parsed, trusted)
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - a forged bundle makes the library raise anything; all of it is a no
        raise _refusal(error, own_root=trusted_root is not None) from None
    return trusted.who or ""


def _check_shape(bundle: bytes) -> None:
    """Strictly, before the library reads it leniently: one reading of the file, and of a kind that we take."""
    try:
        value = parse(bundle, max_bytes=dsse.MAX_ENVELOPE_BYTES, max_depth=_DEPTH)
    except JsonFault as fault:
        raise _malformed(f"it is not strict JSON: {fault}") from None
    if not isinstance(value, dict):
        raise _malformed("it is not an object")
    if value.get("mediaType") not in MEDIA_TYPES:
        raise _malformed(f"its mediaType is {_shown(value.get('mediaType'))}; version 0.3 is read")
    if value.get("dsseEnvelope") is None:
        raise _malformed("it signs bare bytes, not an in-toto statement in a DSSE envelope")
    if len(dsse.envelope_of(value["dsseEnvelope"]).signatures) != 1:
        raise _malformed("its envelope carries several signatures; the certificate speaks for one")


class _Trusted:
    """What the library asks about a certificate once it chains to the root: is it one of the policy's identities?"""

    def __init__(self, identities: Sequence[PolicyIdentity]) -> None:
        self._identities = identities
        self.who: str | None = None

    def verify(self, cert: Certificate) -> None:
        from sigstore.errors import VerificationError  # noqa: PLC0415
        from sigstore.verify.policy import AllOf, AnyOf, Identity, OIDCIssuer, OIDCIssuerV2  # noqa: PLC0415

        for one in self._identities:
            issuer = AnyOf([OIDCIssuerV2(one.issuer), OIDCIssuer(one.issuer)])
            try:
                AllOf([Identity(identity=one.identity), issuer]).verify(cert)
            except VerificationError:
                continue
            self.who = _person(one.identity, one.issuer)
            return
        raise self._stranger(cert)

    def _stranger(self, cert: Certificate) -> Refused:
        names, issuer = _who(cert)
        same_name = [one for one in self._identities if one.identity in names]
        wanted = " or ".join(_person(one.identity, one.issuer) for one in (same_name or self._identities)[:3])
        return Refused(
            f"wrong {'issuer' if same_name else 'identity'}: signed by {_person(', '.join(names), issuer)}, "
            f"and the policy trusts {wanted}",
            "sign from the workflow that the policy names, or have an owner list this one under "
            "`signatures.identities` on the base branch",
        )


def _who(cert: Certificate) -> tuple[list[str], str]:
    """What a certificate says of its holder, for the message alone."""
    from cryptography import x509  # noqa: PLC0415

    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = [*names.get_values_for_type(x509.UniformResourceIdentifier), *names.get_values_for_type(x509.RFC822Name)]
    extensions = {e.oid.dotted_string: e.value for e in cert.extensions}
    for oid, skipped in ((_ISSUER_V2, 2), (_ISSUER, 0)):
        value = extensions.get(oid)
        if isinstance(value, x509.UnrecognizedExtension):
            return found, value.value[skipped:].decode("utf-8", "replace")
    return found, "none"


# -- the root of trust -----------------------------------------------------------------------------------------------


def _root(given: bytes | None) -> TrustedRoot:
    try:
        from sigstore.models import TrustedRoot  # noqa: PLC0415
        from sigstore_models.trustroot.v1 import TrustedRoot as Model  # noqa: PLC0415
    except ImportError:
        raise SmokegateError(
            "keyless signatures need the package `sigstore`", fix="pip install 'smokegate[signing]'"
        ) from None
    return TrustedRoot(Model.from_json(_embedded() if given is None else given))


@cache
def _embedded() -> bytes:
    """The root that ships inside the package. `Verifier.production(offline=True)` would prefer a cache in the home
    folder, which it does not verify and which whoever ran there before may have written."""
    from sigstore._utils import read_embedded  # noqa: PLC0415

    return read_embedded("trusted_root.json", PUBLIC_INSTANCE)


# -- words -----------------------------------------------------------------------------------------------------------


def _refusal(error: Exception, *, own_root: bool) -> Refused:
    said = " ".join(str(error).split()) or type(error).__name__
    short = said if len(said) <= _LONGEST else f"{said[: _LONGEST - 3]}..."
    root = "the root that was given" if own_root else "the public Sigstore instance's root"
    return Refused(
        f"the bundle does not verify against {root}: {short}",
        f"{SIGN_AGAIN}; a bundle younger than the installed root may want a newer one: pip install --upgrade sigstore",
    )


def _malformed(why: str) -> Refused:
    return Refused(f"the signature file is no Sigstore bundle that is accepted: {why}", SIGN_AGAIN)


def _person(identity: str, issuer: str) -> str:
    return f"identity {_shown(identity)} (issuer {_shown(issuer)})"


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
