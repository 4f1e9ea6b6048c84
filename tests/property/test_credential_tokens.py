"""Credentials and presentations of every format: what was signed is verified, and nothing else.

No byte can be changed, left out or doubled. Of documents with a proof inside it is the values that
are signed, so that white space between them, or another spelling of a letter, is no change: their
texts are mutated as they are written here, without any.
"""

from __future__ import annotations

import functools
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.base64url import encode_base64url
from ethr_did.core.strict_json import write_json
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.data_model import CONTEXT_1
from ethr_did.credentials.eip712 import sign_eip712
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.report import Verdict
from ethr_did.credentials.sd_jwt import SDJWT
from ethr_did.credentials.sd_jwt_vc import add_key_binding, sign_sd_jwt_vc
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from support.offline import (
    NOW,
    credential_document,
    person_sd_jwt,
    presented,
    somebody,
    vc_jwt,
    verifier,
)
from support.signed_documents import changed, json_values, mutations, typed_objects
from support.triangle import NONCE, SHOP, VCT, Chance, Party

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ethr_did.credentials.report import Report
    from ethr_did.credentials.verification import Verifier

ALONE = Policy()
AT_THE_SHOP = Policy(nonce=NONCE, audience=SHOP)
HOLDER = somebody("student")
SECP256K1 = somebody("secp256k1", KeyKind.SECP256K1)
RECOVERED = somebody("recovered", KeyKind.SECP256K1, Algorithm.ES256K_R)
ACCOUNT = somebody("account", KeyKind.ACCOUNT)
P256 = somebody("p256")
ED25519 = somebody("ed25519", KeyKind.ED25519)
ISSUERS = [SECP256K1, RECOVERED, ACCOUNT, P256, ED25519]


@functools.cache
def everybody_knows() -> Verifier:
    """A verifier who has all documents."""
    return verifier(*ISSUERS, HOLDER)


def judged(subject: Any, policy: Policy = ALONE) -> Report:
    """What is said about something; whatever it is, there is a report, and it is JSON."""
    report = everybody_knows().verify(subject, policy)
    json.dumps(report.to_dict())
    return report


# -- what was signed is verified -----------------------------------------------------------------

every_issuer = pytest.mark.parametrize("issuer", ISSUERS, ids=[one.did[12:] for one in ISSUERS])
subjects = st.dictionaries(st.text(max_size=5).filter(lambda name: name != "id"), json_values)


@every_issuer
@settings(max_examples=10, deadline=None)
@given(subject=subjects)
def test_jwt_says_what_was_signed(issuer: Party, subject: dict[str, Any]) -> None:
    document = credential_document(issuer.did, credentialSubject={"id": HOLDER.did, **subject})
    token = sign_vc_jwt(document, issuer.key, **issuer.signing)
    report = judged(presented(HOLDER, token), AT_THE_SHOP)
    assert report.verdict is Verdict.VALID, report.to_dict()
    assert report.credentials[0].claims == document


@every_issuer
@settings(max_examples=10, deadline=None)
@given(
    claims=st.dictionaries(st.text("abcde", min_size=1, max_size=5), json_values), data=st.data()
)
def test_sd_jwt_says_what_was_signed_and_disclosed(
    issuer: Party, claims: dict[str, Any], data: st.DataObject
) -> None:
    given_ = {"iss": issuer.did, "vct": VCT, "cnf": {"jwk": HOLDER.key.public.to_jwk()}, **claims}
    hidden = [(name,) for name in claims if data.draw(st.booleans())]
    credential = sign_sd_jwt_vc(
        given_, issuer.key, **issuer.signing, hidden=hidden, random=Chance()
    )
    report = judged(with_key_binding(credential), AT_THE_SHOP)
    assert report.verdict is Verdict.VALID, report.to_dict()
    assert report.credentials[0].claims == given_


@settings(max_examples=15, deadline=None)
@given(subject=typed_objects())
def test_typed_document_says_what_was_signed(subject: dict[str, Any]) -> None:
    signed = with_typed_proof(ACCOUNT, credentialSubject={"id": HOLDER.did, **subject})
    for raw in (signed, write_json(signed)):
        report = judged(raw)
        assert report.verdict is Verdict.VALID, report.to_dict()


@pytest.mark.parametrize("issuer", [P256, ED25519], ids=["ecdsa-jcs-2019", "eddsa-jcs-2022"])
@settings(max_examples=15, deadline=None)
@given(subject=subjects)
def test_canonical_document_says_what_was_signed(issuer: Party, subject: dict[str, Any]) -> None:
    signed = with_canonical_proof(issuer, credentialSubject={"id": HOLDER.did, **subject})
    for raw in (signed, write_json(signed)):
        report = judged(raw)
        assert report.verdict is Verdict.VALID, report.to_dict()


# -- nothing else is -----------------------------------------------------------------------------


def with_key_binding(credential: str) -> str:
    return add_key_binding(
        SDJWT.parse(credential),
        HOLDER.key,
        algorithm=HOLDER.algorithm,
        nonce=NONCE,
        audience=SHOP,
        now=NOW,
    )


def with_typed_proof(issuer: Party, **members: Any) -> dict[str, Any]:
    document = credential_document(issuer.did, **members)
    return sign_eip712(
        document,
        issuer.key,  # type: ignore[arg-type]  # of an account
        method_id=issuer.method_id,
        now=NOW,
    )


def with_canonical_proof(issuer: Party, **members: Any) -> dict[str, Any]:
    document = credential_document(issuer.did, **members)
    return sign_data_integrity(document, issuer.key, method_id=issuer.method_id, now=NOW)


def vc_1_1(issuer: Party, **claims: Any) -> str:
    document = {
        "@context": [CONTEXT_1],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"degree": "Law"},
    }
    given_ = {"iss": issuer.did, "sub": HOLDER.did, "nbf": NOW, "vc": document, **claims}
    return sign_token({"alg": issuer.algorithm.value, "typ": "JWT"}, given_, issuer.key)


def vp_1_1(*credentials: str, **claims: Any) -> str:
    document = {
        "@context": [CONTEXT_1],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": list(credentials),
    }
    given_ = {"iss": HOLDER.did, "nonce": NONCE, "aud": SHOP, "vp": document, **claims}
    return sign_token({"alg": HOLDER.algorithm.value, "typ": "JWT"}, given_, HOLDER.key)


def held(issuer: Party) -> str:
    return person_sd_jwt(issuer, cnf={"jwk": HOLDER.key.public.to_jwk()})


SHORT = {"credentialSubject": {"id": HOLDER.did, "honours": True, "credits": [1, 20]}}
"""Typed data is hashed anew for each mutant, with all its types: 1 ms and more."""

TEXTS: dict[str, Callable[[], bytes]] = {
    "vc+jwt ES256K": lambda: vc_jwt(SECP256K1).encode(),
    "vc+jwt ES256K-R": lambda: vc_jwt(RECOVERED).encode(),
    "vc+jwt ES256K-R by an account": lambda: vc_jwt(ACCOUNT).encode(),
    "vc+jwt ES256": lambda: vc_jwt(P256).encode(),
    "vc+jwt EdDSA": lambda: vc_jwt(ED25519).encode(),
    "vp+jwt": lambda: presented(HOLDER, vc_jwt(ED25519)).encode(),
    "dc+sd-jwt": lambda: held(ED25519).encode(),
    "dc+sd-jwt+kb": lambda: with_key_binding(held(ED25519)).encode(),
    "EthereumEip712Signature2021": lambda: write_json(with_typed_proof(ACCOUNT, **SHORT)),
    "eddsa-jcs-2022": lambda: write_json(with_canonical_proof(ED25519)),
    "ecdsa-jcs-2019": lambda: write_json(with_canonical_proof(P256)),
    "jwt_vc": lambda: vc_1_1(RECOVERED).encode(),
    "jwt_vp": lambda: vp_1_1(vc_1_1(ACCOUNT)).encode(),
}
PRESENTED = {"vp+jwt", "dc+sd-jwt+kb", "jwt_vp"}
every_format = pytest.mark.parametrize("name", TEXTS)


def mutants(text: bytes) -> Iterator[tuple[str, bytes]]:
    """The text with each byte changed, and with some left out or doubled: of long texts fewer."""
    dice = random.Random(len(text))  # noqa: S311  # tests repeat
    used = sorted(set(text))
    step = 3 if len(text) < 1500 else 12
    for place, byte in enumerate(text):
        before, behind = text[:place], text[place + 1 :]
        # One that the text has elsewhere is read further than one of all others.
        other = dice.choice([one for one in used if one != byte])
        yield f"{place}: {other}", before + bytes([other]) + behind
        if place % step == 0:
            other = (byte + dice.randrange(1, 256)) % 256
            yield f"{place}: {other}", before + bytes([other]) + behind
            yield f"{place}: left out", before + behind
            yield f"{place}: doubled", before + bytes([byte, byte]) + behind


@every_format
def test_no_mutated_byte_verifies(name: str) -> None:
    text = TEXTS[name]()
    policy = AT_THE_SHOP if name in PRESENTED else ALONE
    assert judged(text, policy).verdict is Verdict.VALID, judged(text, policy).to_dict()
    ask = everybody_knows().verify
    assert [what for what, mutant in mutants(text) if ask(mutant, policy).is_valid] == []


# -- whatever is signed, there is a report -------------------------------------------------------

LOADED: dict[str, Any] = {
    "cnf": {"jwk": HOLDER.key.public.to_jwk()},
    "status": {"status_list": {"idx": 7, "uri": "https://lists.example/1"}},
    "credentialSchema": {"id": "https://a.example", "type": "JsonSchema", "digestSRI": "sha256-"},
    "credentialStatus": [
        {"type": "EthereumStatusRecordEntry", "salt": "0x00"},
        {
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "1",
            "statusListCredential": "https://lists.example/2",
        },
    ],
    "nbf": NOW,
    "exp": NOW + 10,
    "iat": NOW,
}
HARD = [2**63, -1, 1e300, "\ud800", "did:example:p256#", {"a": {"b": []}}, [[]], True]


def variants(value: dict[str, Any]) -> list[Any]:
    """Everything that differs in one place, and some that are hard to digest."""
    found = [made for _, made in mutations(value) if isinstance(made, dict)]
    for name in value:
        found += [changed(value, (name,), hard) for hard in HARD]
    return [{**value, "hard": hard} for hard in HARD] + found


def signed_by_hand(head: dict[str, Any], claims: Any, issuer: Party) -> str:
    """A token as nobody here would sign it."""
    parts = [json.dumps(one).encode() for one in (head, claims)]
    text = ".".join(map(encode_base64url, parts))
    return f"{text}.{encode_base64url(issuer.key.sign(issuer.algorithm, text.encode()))}"


JWT_HEAD = {"alg": "EdDSA", "typ": "vc+jwt", "kid": ED25519.method_id}


def test_whatever_is_in_a_jwt_there_is_a_report() -> None:
    for claims in variants({**credential_document(ED25519.did), **LOADED}):
        judged(signed_by_hand(JWT_HEAD, claims, ED25519))


def test_whatever_is_in_its_header_there_is_a_report() -> None:
    document = credential_document(ED25519.did)
    for head in variants(JWT_HEAD):
        judged(signed_by_hand(head, document, ED25519))


def test_whatever_is_in_a_jwt_of_1_1_there_is_a_report() -> None:
    vc = {**credential_document(ED25519.did), "@context": [CONTEXT_1], **LOADED}
    vc["issuanceDate"] = vc.pop("validFrom")
    claims = {"iss": ED25519.did, "sub": HOLDER.did, "jti": vc["id"], "nbf": NOW, "vc": vc}
    head = {"alg": "EdDSA"}
    for one in variants({**claims, "vc": vc}):
        judged(signed_by_hand(head, one, ED25519))


def test_whatever_is_in_an_sd_jwt_there_is_a_report() -> None:
    claims = {
        "iss": ED25519.did,
        "vct": VCT,
        "aka_vcts": ["a"],
        "_sd": ["47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"],
        "_sd_alg": "sha-256",
        "list": [{"...": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFV"}],
        **LOADED,
    }
    head = {**JWT_HEAD, "typ": "dc+sd-jwt"}
    for one in variants(claims):
        text = f"{signed_by_hand(head, one, ED25519)}~"
        judged(text)
        judged(with_any_key_binding(text), AT_THE_SHOP)


def with_any_key_binding(text: str) -> str:
    """As ``with_key_binding``, of what need not be a good credential."""
    claims = {
        "iat": NOW,
        "aud": SHOP,
        "nonce": NONCE,
        "sd_hash": SDJWT.parse(text).sd_hash(),
    }
    head = {"alg": HOLDER.algorithm.value, "typ": "kb+jwt"}
    return text + signed_by_hand(head, claims, HOLDER)


def test_whatever_is_in_a_presentation_there_is_a_report() -> None:
    envelope = {
        "type": ["EnvelopedVerifiableCredential"],
        "id": f"data:application/vc+jwt,{vc_jwt(ED25519)}",
    }
    claims = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": {"id": HOLDER.did},
        "verifiableCredential": [envelope],
        "nonce": NONCE,
        "aud": [SHOP],
        "iat": NOW,
        "exp": NOW + 10,
    }
    head = {"alg": HOLDER.algorithm.value, "typ": "vp+jwt", "kid": HOLDER.method_id}
    for one in variants(claims):
        judged(signed_by_hand(head, one, HOLDER), AT_THE_SHOP)
    for hard in HARD:
        one = changed(claims, ("verifiableCredential", 0), hard)
        judged(signed_by_hand(head, one, HOLDER), AT_THE_SHOP)


@pytest.mark.parametrize("make", [with_typed_proof, with_canonical_proof])
def test_whatever_is_in_a_document_with_a_proof_there_is_a_report(
    make: Callable[..., dict[str, Any]],
) -> None:
    issuer = ACCOUNT if make is with_typed_proof else ED25519
    for one in variants(make(issuer)):
        judged(one)
