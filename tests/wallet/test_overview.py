"""What a holder sees of a credential, and which key it is bound to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ethr_did.chain.local_signer import Secret
from ethr_did.core.base64url import encode_base64url
from ethr_did.core.keys import to_checksum_address
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.reading import read_credential
from ethr_did.credentials.sd_jwt import SDJWT
from ethr_did.credentials.sd_jwt_vc import add_key_binding
from ethr_did.credentials.signing_keys import LocalKey
from ethr_did.credentials.vp_jwt import sign_vp_jwt
from ethr_did.errors import InvalidCredential
from ethr_did.wallet.binding import bound_key
from ethr_did.wallet.keys import KINDS, WalletKey
from ethr_did.wallet.overview import overview
from support.wallets import ISSUER, ISSUER_KEY, METHOD, NOW, data_integrity, sd_jwt, token, vc_jwt

HOLDER_KEYS = [LocalKey(kind, Secret(b"\x09" * 32)) for kind in KINDS]
KEYS = [WalletKey(label="", public=one.public, created_at=NOW) for one in HOLDER_KEYS]
SECP256K1, P256, ED25519 = KEYS


def bound(raw: Any) -> WalletKey | None:
    """The key of the wallet that a credential is bound to."""
    return bound_key(read_credential(raw), KEYS)


def did_of(key: WalletKey) -> str:
    return f"did:key:{key.public.to_multikey()}"


def account_of(key: WalletKey) -> str:
    assert key.public.address is not None
    return to_checksum_address(key.public.address)


# -- claims --------------------------------------------------------------------------------------


def test_claims_of_an_sd_jwt_say_whether_they_can_be_hidden() -> None:
    seen = overview(sd_jwt())
    found = {line.name: (line.value, line.can_be_hidden) for line in seen.lines}
    assert found == {
        "iss": (ISSUER, False),
        "vct": ("https://credentials.example/person", False),
        "iat": (NOW, False),
        "exp": (NOW + 86_400, False),
        "given_name": ("Erika", True),
        "birthdate": ("1984-01-26", True),
        "address.locality": ("Köln", True),
        "address.country": ("DE", True),
        "nationalities[0]": ("DE", True),
        "nationalities[1]": ("FR", True),
        "age_equal_or_over.18": (True, True),
        "age_equal_or_over.65": (False, False),
    }
    assert seen.credential.issuer == ISSUER


@pytest.mark.parametrize("raw", [vc_jwt(), json.dumps(data_integrity())])
def test_other_credentials_are_shown_whole(raw: str) -> None:
    lines = overview(raw).lines
    assert not any(line.can_be_hidden for line in lines)
    assert ("credentialSubject.degree.name", "Law") in [(one.name, one.value) for one in lines]


def test_empty_lists_and_objects_are_lines_of_their_own() -> None:
    found = {line.name: line.value for line in overview(sd_jwt(a=[], b={}, c=None)).lines}
    assert (found["a"], found["b"], found["c"]) == ([], {}, None)


def test_overview_shows_no_values_by_itself() -> None:
    assert "Erika" not in repr(overview(sd_jwt()))


def test_presentations_are_not_held() -> None:
    key = LocalKey(KeyKind.P256, Secret(b"\x05" * 32))
    holder = f"did:key:{key.public.to_multikey()}"
    shown = sign_vp_jwt(
        [vc_jwt()],
        key,
        algorithm=Algorithm.ES256,
        method_id=f"{holder}#{key.public.to_multikey()}",
        holder=holder,
        nonce="n",
        audience="https://shop.example",
        now=NOW,
    )
    with_binding = add_key_binding(
        SDJWT.parse(sd_jwt(cnf={"jwk": key.public.to_jwk()})),
        key,
        algorithm=Algorithm.ES256,
        nonce="n",
        audience="https://shop.example",
        now=NOW,
    )
    for raw in (shown, with_binding):
        with pytest.raises(InvalidCredential, match="a presentation, not a credential"):
            overview(raw)


def test_what_is_no_credential_is_refused() -> None:
    with pytest.raises(InvalidCredential):
        overview(token("x"))


# -- binding -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.kind.value)
def test_key_in_the_credential_is_found(key: WalletKey) -> None:
    assert bound(sd_jwt(cnf={"jwk": key.public.to_jwk()})) == key


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.kind.value)
def test_key_is_found_by_the_did_that_it_is(key: WalletKey) -> None:
    did, multikey = did_of(key), key.public.to_multikey()
    jwk = encode_base64url(json.dumps(key.public.to_jwk()).encode())
    assert bound(vc_jwt(did)) == key
    assert bound(vc_jwt(f"did:jwk:{jwk}")) == key
    assert bound(sd_jwt(cnf={"kid": f"{did}#{multikey}"})) == key
    assert bound(sd_jwt(cnf={"kid": f"{did}#other"})) is None
    assert bound(data_integrity(did)) == key


def test_key_is_found_by_its_account() -> None:
    account = account_of(SECP256K1)
    assert bound(vc_jwt(f"did:ethr:sepolia:{account}")) == SECP256K1
    assert bound(vc_jwt(f"did:ethr:0x{SECP256K1.public.data.hex()}")) == SECP256K1
    assert bound(vc_jwt(f"did:pkh:eip155:1:{account}")) == SECP256K1
    assert bound(sd_jwt(cnf={"kid": f"did:ethr:{account}#controller"})) == SECP256K1
    assert bound(sd_jwt(cnf={"kid": f"did:ethr:{account}#delegate-1"})) is None


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "did:web:example.com",
        "did:key:zzz",
        "did:ethr:nobody",
        "https://example.com/alice",
        ISSUER,
        "did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
    ],
)
def test_other_subjects_are_bound_to_no_key_of_the_wallet(subject: str | None) -> None:
    assert bound(vc_jwt(subject)) is None


@pytest.mark.parametrize("confirmation", [{}, {"jwk": {"kty": "RSA"}}, {"jkt": "x"}, {"kid": 7}])
def test_what_cnf_says_otherwise_is_no_key_of_the_wallet(confirmation: dict[str, Any]) -> None:
    assert bound(sd_jwt(cnf=confirmation, sub=did_of(P256))) is None


def test_first_of_several_keys_is_taken() -> None:
    same = WalletKey(label="same", public=P256.public, created_at=0)
    credential = read_credential(sd_jwt(cnf={"jwk": P256.public.to_jwk()}))
    assert bound_key(credential, [ED25519, P256, same]) is P256
    assert ISSUER_KEY.public.to_multikey() in METHOD
