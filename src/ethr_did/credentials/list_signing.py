"""Status lists signed by their issuer, for verifiers who do not ask the chain.

Rules:
  1. A W3C list is a credential: a JWT with ``typ: vc+jwt``, or a JSON object with a Data Integrity
     proof. An IETF list is a JWT with ``typ: statuslist+jwt``, always.
  2. ``kid`` or ``verificationMethod`` is a method of the list's issuer, listed for
     ``assertionMethod``; ``kid`` is a whole DID URL, so that it means the same to every reader.
  3. The signature is part of what is anchored. It is made once, and kept with the document: ECDSA
     on P-256 gives another one each time.
  4. What is given out was verified with the key before. No clock is read: the proof is as old as
     the list.

A list that is anchored needs no signature for those who ask the chain; see ``status/lists.py``.

Spec: Bitstring Status List 1.0 section 2.2; Securing VCs using JOSE and COSE section 3.1.1; Token
Status List, draft 21, section 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.date_time import parse_date_time
from ethr_did.core.list_documents import DocumentForm, Served
from ethr_did.core.strict_json import write_json
from ethr_did.credentials.credential import method_of
from ethr_did.credentials.data_integrity import read_data_integrity, sign_data_integrity
from ethr_did.credentials.issuer_keys import find_signing_method
from ethr_did.credentials.jose import check_signature, parse_token, sign_token
from ethr_did.credentials.list_credentials import MAX_LIST_TOKEN
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from ethr_did.errors import InvalidCredential, InvalidStatusList, SignerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.core.document import DIDDocument
    from ethr_did.core.list_documents import Unsigned
    from ethr_did.credentials.keys import Algorithm
    from ethr_did.credentials.signing_keys import SigningKey

__all__ = ["Envelope", "ListSigner"]

_MEDIA_TYPES: Final = {
    DocumentForm.W3C: "application/vc+jwt",
    DocumentForm.IETF: "application/statuslist+jwt",
}


class Envelope(StrEnum):
    """How a W3C list is signed."""

    TOKEN = "jwt"  # noqa: S105 - no secret
    PROOF = "data-integrity"
    """eddsa-jcs-2022 or ecdsa-jcs-2019, by the key; up to a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSigner:
    """Signs the documents of lists; a ``Sign`` for ``Publisher``.

    Example:
        >>> from ethr_did.core.list_documents import Unsigned
        >>> from ethr_did.credentials.keys import Algorithm, KeyKind
        >>> from ethr_did.credentials.signing_keys import LocalKey
        >>> import secrets
        >>> signer = ListSigner(
        ...     key=LocalKey.generate(KeyKind.P256, secrets.token_bytes),
        ...     method_id="did:web:lists.example#key-1",
        ...     algorithm=Algorithm.ES256,
        ... )
        >>> claims = {"iss": "did:web:lists.example", "sub": "https://lists.example/1"}
        >>> unsigned = Unsigned(
        ...     form=DocumentForm.IETF, header={"typ": "statuslist+jwt"}, claims=claims
        ... )
        >>> signer(unsigned).media_type
        'application/statuslist+jwt'
    """

    key: SigningKey
    method_id: str
    """Of the issuer's document, a DID URL."""
    algorithm: Algorithm
    envelope: Envelope = Envelope.TOKEN
    """For W3C lists."""

    @classmethod
    def of_document(
        cls, document: DIDDocument, key: SigningKey, *, envelope: Envelope = Envelope.TOKEN
    ) -> ListSigner:
        """The signer for lists of an issuer; method and algorithm are those of the key.

        Args:
            document: of the issuer's DID, as it is now.
            key: one that its ``assertionMethod`` lists.
            envelope: for W3C lists.

        Raises:
            InvalidKey: the key is none of those.
        """
        method = find_signing_method(document, key.public)
        return cls(key=key, method_id=method.id, algorithm=method.algorithm, envelope=envelope)

    def __call__(self, document: Unsigned, /) -> Served:
        """The document with its signature.

        Raises:
            InvalidStatusList: it cannot be signed: it is too long, or not of the key's DID.
            InvalidKey: there is no Data Integrity suite for the key.
            SignerError: it was not signed, or not with the key.
        """
        try:
            if document.form is DocumentForm.W3C and self.envelope is Envelope.PROOF:
                return self._with_proof(document.claims)
            return self._as_token(document)
        except InvalidCredential as cause:
            raise InvalidStatusList(
                f"the list cannot be signed: {cause.message}", hint=cause.hint
            ) from cause

    def _as_token(self, document: Unsigned) -> Served:
        claims, options = document.claims, {"most": MAX_LIST_TOKEN}
        if document.form is DocumentForm.W3C:
            text = sign_vc_jwt(
                claims, self.key, algorithm=self.algorithm, method_id=self.method_id, **options
            )
        else:
            kid = method_of(self.method_id, str(claims.get("iss")))
            header = {**document.header, "alg": self.algorithm.value, "kid": kid}
            text = sign_token(header, claims, self.key, **options)
        try:
            check_signature(parse_token(text, **options), self.key.public)
        except InvalidCredential as cause:
            raise self._other_key() from cause
        return Served(content=text.encode(), media_type=_MEDIA_TYPES[document.form])

    def _with_proof(self, claims: Mapping[str, Any]) -> Served:
        since = int(parse_date_time(claims.get("validFrom")))
        signed = sign_data_integrity(claims, self.key, method_id=self.method_id, now=since)
        try:
            read_data_integrity(signed).proof.check(self.key.public)
        except InvalidCredential as cause:
            raise self._other_key() from cause
        return Served(content=write_json(signed), media_type="application/vc")

    def _other_key(self) -> SignerError:
        return SignerError(
            f"the signature of the list is not one of {self.key.public}",
            hint="Check the signer: it used another key, or signed something else.",
        )
