"""A Sigstore instance of one's own: certificate authority, certificate log, transparency log, and their root of trust.

It speaks the published formats (Fulcio's certificate profile, RFC 6962, signed notes, Rekor's `dsse` 0.0.1 entries),
so that what verifies a bundle of the public instance verifies these, given this root.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from smokegate.evidence import dsse, keyless, keys

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_ISSUER_V1 = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_V2 = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")

Key = ec.EllipticCurvePrivateKey


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def log_id(key: Key) -> bytes:
    return hashlib.sha256(spki(key)).digest()


class Sigstore:
    def __init__(self) -> None:
        self.authority, self.certificate_log, self.transparency_log = (
            ec.generate_private_key(ec.SECP256R1()) for _ in range(3)
        )
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "home")])
        self.certificate = self._root()

    # -- the root of trust -------------------------------------------------------------------------------------------

    def root(self) -> bytes:
        since = {"start": "2026-01-01T00:00:00Z"}
        document = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self._log("https://rekor.invalid", self.transparency_log, since)],
            "ctlogs": [self._log("https://ctfe.invalid", self.certificate_log, since)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "home", "commonName": "home"},
                    "uri": "https://fulcio.invalid",
                    "certChain": {"certificates": [{"rawBytes": b64(self.certificate.public_bytes(Encoding.DER))}]},
                    "validFor": since,
                }
            ],
            "timestampAuthorities": [],
        }
        return json.dumps(document).encode()

    @staticmethod
    def _log(url: str, key: Key, since: dict[str, str]) -> dict[str, Any]:
        public = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since}
        return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": {"keyId": b64(log_id(key))}}

    def _root(self) -> x509.Certificate:
        public = self.authority.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(1)
            .not_valid_before(NOW - timedelta(days=30))
            .not_valid_after(NOW + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self.authority, SHA256())
        )

    # -- signing -----------------------------------------------------------------------------------------------------

    def bundle(
        self,
        payload: bytes,
        identity: str,
        issuer: str,
        *,
        payload_type: str = dsse.PAYLOAD_TYPE,
        logged_at: datetime = NOW,
        logged: bytes | None = None,
        eku: ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
    ) -> dict[str, Any]:
        """`logged`: what the log was told was signed, where that is to be something else."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._leaf(key, identity, issuer, eku)
        signature = keys.sign(key, dsse.pae(payload_type, payload))
        body = _canonical(_entry(payload if logged is None else logged, signature, certificate))
        return {
            "mediaType": keyless.MEDIA_TYPES[0],
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(certificate.public_bytes(Encoding.DER))},
                "tlogEntries": [self._logged(body, int(logged_at.timestamp()))],
            },
            "dsseEnvelope": {
                "payload": b64(payload),
                "payloadType": payload_type,
                "signatures": [{"sig": b64(signature)}],
            },
        }

    def _leaf(self, key: Key, identity: str, issuer: str, eku: ObjectIdentifier) -> x509.Certificate:
        name = x509.RFC822Name(identity) if "://" not in identity else x509.UniformResourceIdentifier(identity)
        der_issuer = bytes([0x0C, len(issuer)]) + issuer.encode()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(minutes=1))
            .not_valid_after(NOW + timedelta(minutes=9))
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([eku]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V1, issuer.encode()), critical=False)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V2, der_issuer), critical=False)
        )
        seen = builder.sign(self.authority, SHA256()).tbs_certificate_bytes
        stamped = x509.UnrecognizedExtension(_SCT_LIST, self._certificate_timestamp(seen))
        return builder.add_extension(stamped, critical=False).sign(self.authority, SHA256())

    def _certificate_timestamp(self, seen: bytes) -> bytes:
        """RFC 6962, section 3.3: a list of one, in an OCTET STRING."""
        stamp = struct.pack("!Q", int(NOW.timestamp() * 1000))
        entry = log_id(self.authority) + len(seen).to_bytes(3, "big") + seen
        data = b"\0\0" + stamp + struct.pack("!H", 1) + entry + b"\0\0"
        signature = keys.sign(self.certificate_log, data)
        sct = b"\0" + log_id(self.certificate_log) + stamp + b"\0\0" + b"\x04\x03" + _long(signature)
        listed = _long(_long(sct))
        return bytes([0x04, len(listed)]) + listed if len(listed) < 128 else bytes([0x04, 0x81, len(listed)]) + listed

    def _logged(self, body: bytes, when: int) -> dict[str, Any]:
        """The second entry of a log of two."""
        other = hashlib.sha256(b"\0another entry").digest()
        top = hashlib.sha256(b"\1" + other + hashlib.sha256(b"\0" + body).digest()).digest()
        key = self.transparency_log
        note = f"rekor.invalid - 1\n2\n{b64(top)}\n"
        seal = b64(log_id(key)[:4] + keys.sign(key, note.encode()))
        promise = {"body": b64(body), "integratedTime": when, "logID": log_id(key).hex(), "logIndex": 1}
        return {
            "logIndex": "1",
            "logId": {"keyId": b64(log_id(key))},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(when),
            "inclusionPromise": {"signedEntryTimestamp": b64(keys.sign(key, _canonical(promise)))},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(top),
                "treeSize": "2",
                "hashes": [b64(other)],
                "checkpoint": {"envelope": f"{note}\n\u2014 rekor.invalid {seal}\n"},
            },
            "canonicalizedBody": b64(body),
        }


def _entry(payload: bytes, signature: bytes, certificate: x509.Certificate) -> dict[str, Any]:
    verifier = b64(certificate.public_bytes(Encoding.PEM))
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(b"an envelope").hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [{"signature": b64(signature), "verifier": verifier}],
    }
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _long(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _usage(**granted: bool) -> x509.KeyUsage:
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: granted.get(name, False) for name in every.split()})
