"""Credentials that somebody holds: plain values, and real ones that need no chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ethr_did.credentials.credential import Credential, CredentialFormat
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.sd_jwt_vc import sign_sd_jwt_vc
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from support.triangle import Chance, key_of_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ethr_did.credentials.claim_paths import PathPattern
    from ethr_did.credentials.credential import Proof
    from ethr_did.credentials.keys import PublicKey

NOW = 1_800_000_000
VCT = "https://credentials.example/person"
DIPLOMA = "DiplomaCredential"
PERSON: Mapping[str, Any] = {
    "given_name": "Erika",
    "birthdate": "1984-01-26",
    "address": {"locality": "Köln", "country": "DE"},
    "nationalities": ["DE", "FR"],
    "age_equal_or_over": {"18": True, "65": False},
}
HIDDEN: Sequence[PathPattern] = (
    ("given_name",),
    ("birthdate",),
    ("address",),
    ("address", "locality"),
    ("nationalities", None),
    ("age_equal_or_over", "18"),
    ("age_equal_or_over", "65"),
)

ISSUER = key_of_kind(KeyKind.P256, "an issuer")
HOLDER = key_of_kind(KeyKind.P256, "a holder")


def did_of(key: PublicKey) -> str:
    """The did:key of a key."""
    return f"did:key:{key.to_multikey()}"


def method_of(key: PublicKey) -> str:
    """The one verification method of its did:key."""
    return f"{did_of(key)}#{key.to_multikey()}"


def plain(claims: Mapping[str, Any] = PERSON, **members: Any) -> Credential:
    """A credential as it is read, without a signature that anybody could check."""
    given: dict[str, Any] = {
        "format": CredentialFormat.SD_JWT,
        "raw": "",
        "claims": claims,
        "issuer": "did:example:issuer",
        "types": (VCT,),
        "confirmation": {"jwk": HOLDER.public.to_jwk()},
        "proof": cast("Proof", None),
        "secured": b"",
    }
    return Credential(**(given | members))


def sd_jwt(
    holder: PublicKey | None = HOLDER.public,
    *,
    hidden: Iterable[PathPattern] = HIDDEN,
    seed: str = "",
    **claims: Any,
) -> str:
    """A person's credential as an SD-JWT, with all its disclosures."""
    bound = {} if holder is None else {"cnf": {"jwk": holder.to_jwk()}}
    return sign_sd_jwt_vc(
        {"iss": did_of(ISSUER.public), "vct": VCT, **PERSON, **bound, **claims},
        ISSUER,
        algorithm=ISSUER.public.algorithms[0],
        method_id=method_of(ISSUER.public),
        hidden=hidden,
        random=Chance(seed),
    )


def diploma(subject: str | None, **members: Any) -> dict[str, Any]:
    """A diploma, unsigned."""
    named = {} if subject is None else {"id": subject}
    return {
        "@context": [CONTEXT_2],
        "type": ["VerifiableCredential", DIPLOMA],
        "issuer": did_of(ISSUER.public),
        "credentialSubject": {**named, "degree": {"type": "BachelorDegree", "name": "Law"}},
        **members,
    }


def vc_jwt(subject: str | None, **members: Any) -> str:
    """A diploma as a JWT."""
    return sign_vc_jwt(
        diploma(subject, **members),
        ISSUER,
        algorithm=ISSUER.public.algorithms[0],
        method_id=method_of(ISSUER.public),
    )


def data_integrity(subject: str | None, **members: Any) -> dict[str, Any]:
    """A diploma with a Data Integrity proof."""
    return sign_data_integrity(
        diploma(subject, **members), ISSUER, method_id=method_of(ISSUER.public), now=NOW
    )
