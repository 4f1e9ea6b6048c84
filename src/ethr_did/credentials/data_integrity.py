"""Credentials with a Data Integrity proof over canonical JSON: eddsa-jcs-2022 and ecdsa-jcs-2019.

Rules:
  1. What is signed is SHA-256 of the canonical proof without its value, and behind it SHA-256 of
     the canonical document without its proof: 64 bytes.
  2. Two suites, one kind of key each: Ed25519, and P-256. P-384 is refused, and so are the suites
     that make RDF of the document first: their time has no bound.
  3. The proof that is made carries the document's ``@context``. Where one that is read has it, the
     document's begins with it; what follows there is not signed, and is cut off.
  4. ``proofValue`` is base58btc. ECDSA has two values for one signature, r, s and r, n-s; the suite
     takes both.

Spec: Data Integrity EdDSA Cryptosuites 1.0 section 3.3; Data Integrity ECDSA Cryptosuites 1.0
section 3.3; Verifiable Credential Data Integrity 1.0 section 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.keys import format_multibase, parse_multibase
from ethr_did.core.resolution import format_time
from ethr_did.credentials.credential import Credential, CredentialFormat
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.proofs import (
    PURPOSE,
    ProvenDocument,
    canonical,
    check_issuable,
    credential_in,
    take_apart,
)
from ethr_did.credentials.signatures import is_signed_by
from ethr_did.credentials.verification_methods import Purpose
from ethr_did.errors import InvalidCredential, InvalidInput, InvalidKey, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.credentials.signing_keys import SigningKey

__all__ = [
    "DATA_INTEGRITY_TYPE",
    "SUITES",
    "IntegrityProof",
    "read_data_integrity",
    "read_integrity_proof",
    "sign_data_integrity",
]

DATA_INTEGRITY_TYPE: Final = "DataIntegrityProof"

SUITES: Final[Mapping[str, Algorithm]] = {
    "eddsa-jcs-2022": Algorithm.EDDSA,
    "ecdsa-jcs-2019": Algorithm.ES256,
}
"""The suites, and how each signs."""

_SUITE_OF = {KeyKind.ED25519: "eddsa-jcs-2022", KeyKind.P256: "ecdsa-jcs-2019"}
_SIGNATURE, _P384_SIGNATURE = 64, 96


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityProof:
    """The signature of a Data Integrity proof."""

    algorithm: Algorithm
    method_id: str
    message: bytes = field(repr=False)
    """What is signed, see rule 1."""
    signature: bytes = field(repr=False)

    def check(self, key: PublicKey) -> None:
        """See ``Proof``."""
        if self.algorithm not in key.algorithms:
            raise InvalidCredential(
                f"a proof with {self.algorithm.value} does not go with a {key.kind.value} key",
                hint="eddsa-jcs-2022 needs an Ed25519 key, ecdsa-jcs-2019 one on P-256.",
            )
        if not is_signed_by(key, self.signature, self.message, algorithm=self.algorithm):
            raise InvalidCredential(
                "the proof was not made with the key",
                hint="The document was changed, or signed with another key.",
            )


def sign_data_integrity(
    document: Mapping[str, Any], key: SigningKey, *, method_id: str, now: int
) -> dict[str, Any]:
    """The credential with its proof; the suite follows from the key.

    Args:
        document: of the Data Model 2.0, without a proof.
        key: the issuer's, Ed25519 or P-256.
        method_id: of the issuer's document, a whole DID URL.
        now: Unix seconds.

    Raises:
        InvalidCredential: it is no such document, or the method is not its issuer's.
        InvalidKey: no suite is for such a key.
        SignerError: it was not signed.
    """
    check_issuable(document, method_id=method_id)
    suite = _SUITE_OF.get(key.public.kind)
    if suite is None:
        raise InvalidKey(
            f"a {key.public.kind.value} key makes no Data Integrity proof",
            hint="Ed25519 and P-256 keys do. An Ethereum key signs VC-JWTs and EIP-712 proofs.",
        )
    proof = {
        "@context": document["@context"],
        "type": DATA_INTEGRITY_TYPE,
        "cryptosuite": suite,
        "created": format_time(now),
        "verificationMethod": method_id,
        "proofPurpose": PURPOSE,
    }
    signature = key.sign(SUITES[suite], _message(document, proof))
    signed = {**document, "proof": {**proof, "proofValue": format_multibase(signature)}}
    read_data_integrity(signed)  # so that nothing is given out that is not read again
    return signed


def read_data_integrity(signed: Mapping[str, Any]) -> Credential:
    """The credential; its proof is not verified.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    parts, proof = read_integrity_proof(signed)
    return credential_in(parts, proof, CredentialFormat.DATA_INTEGRITY, signed)


def read_integrity_proof(
    signed: Mapping[str, Any], purpose: Purpose = Purpose.ASSERTION
) -> tuple[ProvenDocument, IntegrityProof]:
    """What is signed, and the proof, of any document: it need not be a credential.

    Args:
        signed: the document with its proof.
        purpose: what the proof must be for.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    parts = take_apart(signed, DATA_INTEGRITY_TYPE, members={"cryptosuite"}, purpose=purpose)
    algorithm = _algorithm(parts.proof.get("cryptosuite"))
    parts = _as_signed(parts)
    config = {name: value for name, value in parts.proof.items() if name != "proofValue"}
    return parts, IntegrityProof(
        algorithm=algorithm,
        method_id=parts.method,
        message=_message(parts.document, config),
        signature=_signature(parts.value),
    )


def _message(document: Mapping[str, Any], config: Mapping[str, Any]) -> bytes:
    return b"".join(sha256(canonical(dict(one))).digest() for one in (config, document))


def _algorithm(suite: object) -> Algorithm:
    found = SUITES.get(suite) if isinstance(suite, str) else None
    if found is None:
        raise InvalidCredential(
            f"cryptosuite {shown(suite)} is not accepted",
            hint=f"Accepted: {', '.join(sorted(SUITES))}. Suites over RDF are not read.",
        )
    return found


def _as_signed(parts: ProvenDocument) -> ProvenDocument:
    """With no more of the document's ``@context`` than is signed."""
    if "@context" not in parts.proof:
        return parts
    context, whole = parts.proof["@context"], parts.document.get("@context")
    wanted, found = _listed(context), _listed(whole)
    if canonical(found[: len(wanted)]) != canonical(wanted):
        raise InvalidCredential(
            "the document's @context does not begin with that of its proof",
            hint="The proof was made for a document with another @context.",
        )
    if context == whole:
        return parts
    document = {**parts.document, "@context": context}
    return replace(
        parts, document=document, secured=canonical({**document, "proof": dict(parts.proof)})
    )


def _listed(context: object) -> list[object]:
    return context if isinstance(context, list) else [context]


def _signature(value: str) -> bytes:
    try:
        signature = parse_multibase(value)
    except InvalidInput as cause:
        raise InvalidCredential(f"proofValue is {cause.message}", hint=cause.hint) from cause
    if len(signature) == _P384_SIGNATURE:
        raise InvalidCredential(
            "the proof is a signature on P-384, which is not used here",
            hint="ecdsa-jcs-2019 is read with keys on P-256.",
        )
    if len(signature) != _SIGNATURE:
        raise InvalidCredential(f"proofValue has {len(signature)} bytes, not {_SIGNATURE}")
    return signature
