"""Wallets that cost no time to open, and what goes into them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from ethr_did.chain.local_signer import Secret
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.sd_jwt_vc import sign_sd_jwt_vc
from ethr_did.credentials.signing_keys import LocalKey
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from ethr_did.wallet.derivation import KdfParameters
from ethr_did.wallet.wallet import Wallet

if TYPE_CHECKING:
    from pathlib import Path

SMALL = KdfParameters(memory=8, iterations=1, lanes=1)
PASSWORD = "correct horse"
NOW = 1_800_000_000


def make_wallet(path: Path, password: str = PASSWORD) -> Wallet:
    """A new wallet whose password costs nothing to try."""
    return Wallet.create(path, password, random=secrets.token_bytes, kdf=SMALL)


def open_wallet(path: Path, password: str = PASSWORD) -> Wallet:
    """The wallet in a file."""
    return Wallet.open(path, password, random=secrets.token_bytes)


def token(name: object) -> str:
    """Something that looks like a token."""
    return f"eyJhbGciOiJFUzI1NiJ9.{name}.c2lnbmF0dXJl"


def add(wallet: Wallet, name: object) -> str:
    """The id of a credential, now in the wallet."""
    added = wallet.add_credential(token(name), format_name="vc+jwt", now=NOW, label=str(name))
    return added.credential.id


# -- credentials that can be read ----------------------------------------------------------------

ISSUER_KEY = LocalKey(KeyKind.P256, Secret(b"\x07" * 32))
ISSUER = f"did:key:{ISSUER_KEY.public.to_multikey()}"
METHOD = f"{ISSUER}#{ISSUER_KEY.public.to_multikey()}"
VCT = "https://credentials.example/person"
HIDDEN: tuple[tuple[str | int | None, ...], ...] = (
    ("given_name",),
    ("birthdate",),
    ("address",),
    ("address", "locality"),
    ("nationalities", None),
    ("age_equal_or_over", "18"),
)


def sd_jwt(**claims: Any) -> str:
    """A person's credential, most of which may be hidden."""
    person = {
        "iss": ISSUER,
        "vct": VCT,
        "iat": NOW,
        "exp": NOW + 86_400,
        "given_name": "Erika",
        "birthdate": "1984-01-26",
        "address": {"locality": "Köln", "country": "DE"},
        "nationalities": ["DE", "FR"],
        "age_equal_or_over": {"18": True, "65": False},
        **claims,
    }
    return sign_sd_jwt_vc(
        person,
        ISSUER_KEY,
        algorithm=Algorithm.ES256,
        method_id=METHOD,
        hidden=HIDDEN,
        random=secrets.token_bytes,
    )


def diploma(holder: str | None = None, **members: Any) -> dict[str, Any]:
    """A diploma, unsigned."""
    subject = {"degree": {"type": "BachelorDegree", "name": "Law"}}
    return {
        "@context": [CONTEXT_2],
        "type": ["VerifiableCredential", "DiplomaCredential"],
        "issuer": ISSUER,
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": subject if holder is None else {"id": holder, **subject},
        **members,
    }


def vc_jwt(holder: str | None = None, **members: Any) -> str:
    """A diploma as a JWT."""
    document = diploma(holder, **members)
    return sign_vc_jwt(document, ISSUER_KEY, algorithm=Algorithm.ES256, method_id=METHOD)


def data_integrity(holder: str | None = None) -> dict[str, Any]:
    """A diploma with a Data Integrity proof."""
    return sign_data_integrity(diploma(holder), ISSUER_KEY, method_id=METHOD, now=NOW)
