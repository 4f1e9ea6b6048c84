"""Presentations as JWTs: of the Data Model 2.0 signed and read, of 1.1 read."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.credentials.credential import Presentation, PresentationFormat
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.data_model import CONTEXT_1, CONTEXT_2
from ethr_did.credentials.jose import parse_token, sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.presented_documents import MAX_CREDENTIALS
from ethr_did.credentials.vp_jwt import read_vp_jwt, sign_vp_jwt
from ethr_did.errors import InvalidCredential, SignerError
from support.offline import NOW, credential_document, person_sd_jwt, presented, somebody, vc_jwt
from support.signed_documents import DELETE
from support.triangle import NONCE, SHOP

ISSUER = somebody("issuer")
HOLDER = somebody("student", KeyKind.SECP256K1)
TOKEN = vc_jwt(ISSUER)
SD_JWT = person_sd_jwt(ISSUER)
OBJECT = sign_data_integrity(
    credential_document(ISSUER.did), ISSUER.key, method_id=ISSUER.method_id, now=NOW
)
ENVELOPED = {"type": "EnvelopedVerifiableCredential", "id": f"data:application/vc+jwt,{TOKEN}"}
CLAIMS: dict[str, Any] = {
    "@context": [CONTEXT_2],
    "type": ["VerifiablePresentation"],
    "holder": HOLDER.did,
    "verifiableCredential": [ENVELOPED],
    "nonce": NONCE,
    "aud": SHOP,
}
OLD: dict[str, Any] = {
    "@context": [CONTEXT_1],
    "type": ["VerifiablePresentation"],
    "verifiableCredential": [TOKEN],
}


def without_deleted(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not DELETE}


def token(*, header: Any = None, **claims: Any) -> str:
    """A token of the holder that says anything."""
    head = {"alg": "ES256K", "typ": "vp+jwt", "kid": HOLDER.method_id, **(header or {})}
    return sign_token(without_deleted(head), without_deleted({**CLAIMS, **claims}), HOLDER.key)


def old(vp: Any = OLD, *, header: Any = None, **claims: Any) -> str:
    """A presentation of the Data Model 1.1, as did-jwt-vc writes it."""
    head = {"alg": "ES256K", "typ": "JWT", **(header or {})}
    given = without_deleted({"iss": HOLDER.did, "vp": vp, **claims})
    return sign_token(without_deleted(head), given, HOLDER.key)


def refused(text: str) -> str:
    """Why it is no presentation."""
    with pytest.raises(InvalidCredential) as caught:
        read_vp_jwt(text)
    return caught.value.message


# -- signed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KeyKind)
def test_presentation_is_read_as_it_was_signed(kind: KeyKind) -> None:
    holder = somebody("student", kind)
    found = read_vp_jwt(presented(holder, TOKEN, SD_JWT, OBJECT))
    assert found.format is PresentationFormat.VP_JWT
    assert found.holder == holder.did
    assert found.credentials == (TOKEN, SD_JWT, OBJECT)
    assert (found.nonce, found.audience) == (NONCE, (SHOP,))
    assert (found.issued_at, found.valid_from, found.valid_until) == (NOW, None, NOW + 299)
    assert (found.proof.algorithm, found.proof.method_id) == (holder.algorithm, holder.method_id)
    found.proof.check(holder.key.public)


def test_credentials_that_are_tokens_are_enveloped_with_their_media_type() -> None:
    claims = parse_token(presented(HOLDER, TOKEN, SD_JWT, OBJECT)).claims
    ids = [one.get("id", "") for one in claims["verifiableCredential"][:2]]
    assert [one.partition(",")[0] for one in ids] == [
        "data:application/vc+jwt",
        "data:application/dc+sd-jwt",
    ]
    assert claims["verifiableCredential"][2] == OBJECT


def test_token_of_1_1_is_enveloped_as_a_jwt_and_not_as_one_of_2_0() -> None:
    header = {"alg": "ES256K", "typ": "JWT"}
    old = sign_token(header, {"iss": HOLDER.did, "vc": {"type": []}}, HOLDER.key)
    text = presented(HOLDER, old)

    assert (
        parse_token(text).claims["verifiableCredential"][0]["id"] == f"data:application/jwt,{old}"
    )
    assert read_vp_jwt(text).credentials == (old,)


def test_lifetime_is_as_long_as_it_is_said() -> None:
    found = read_vp_jwt(presented(HOLDER, TOKEN, lifetime=10))
    assert (found.issued_at, found.valid_until) == (NOW, NOW + 9)


@pytest.mark.parametrize("name", ["nonce", "audience"])
def test_presentation_for_everybody_is_not_signed(name: str) -> None:
    with pytest.raises(InvalidCredential, match="names a nonce and an audience") as caught:
        presented(HOLDER, TOKEN, **{name: ""})
    assert "The verifier chooses the nonce" in caught.value.hint


def test_number_of_credentials_is_bounded() -> None:
    assert len(read_vp_jwt(presented(HOLDER, *[TOKEN] * 64)).credentials) == MAX_CREDENTIALS
    for count in (0, 65):
        with pytest.raises(InvalidCredential, match="1 to 64 credentials"):
            presented(HOLDER, *[TOKEN] * count)


def test_holder_is_a_did_and_signs_with_a_key_of_it() -> None:
    def signed(holder: str, method_id: str, algorithm: Algorithm = Algorithm.ES256K) -> str:
        options = {"nonce": NONCE, "audience": SHOP, "now": NOW}
        return sign_vp_jwt(
            [TOKEN],
            HOLDER.key,
            algorithm=algorithm,
            method_id=method_id,
            holder=holder,
            **options,  # type: ignore[arg-type]  # of several types
        )

    assert parse_token(signed(HOLDER.did, "#key")).kid == HOLDER.method_id
    with pytest.raises(InvalidCredential, match="holder is not a DID"):
        signed("https://a.example", "#key")
    with pytest.raises(InvalidCredential, match="is not a key of"):
        signed(HOLDER.did, ISSUER.method_id)
    with pytest.raises(SignerError, match="does not sign with EdDSA"):
        signed(HOLDER.did, "#key", Algorithm.EDDSA)


# -- 2.0, read -----------------------------------------------------------------------------------


def test_holder_may_be_an_object() -> None:
    named = {"id": HOLDER.did, "name": "Ada"}
    assert read_vp_jwt(token(holder=named)).holder == HOLDER.did
    assert read_vp_jwt(token(iss=HOLDER.did)).holder == HOLDER.did


@pytest.mark.parametrize("holder", [DELETE, None, "", 7, {}, {"id": 7}, "https://a.example", []])
def test_holder_that_is_no_did_is_refused(holder: object) -> None:
    assert "holder is not a DID" in refused(token(holder=holder))


@pytest.mark.parametrize("iss", [ISSUER.did, None, [HOLDER.did]])
def test_issuer_of_the_token_is_the_holder(iss: object) -> None:
    assert f"iss is {iss!r}, the holder is '{HOLDER.did}'" in refused(token(iss=iss))


@pytest.mark.parametrize("typ", [DELETE, "JWT", "vc+jwt", "kb+jwt", "vp+ld+jwt"])
def test_type_of_something_else_is_refused(typ: object) -> None:
    assert refused(token(header={"typ": typ})).endswith("not vp+jwt")


@pytest.mark.parametrize(
    ("kid", "fault"),
    [
        (DELETE, "names no verification method"),
        ("73voMXFNmNlOEpuYCSJlh8eN0dscykoO6gBukgRS1uU", "names no verification method"),
        (ISSUER.method_id, "is not a key of"),
    ],
)
def test_kid_is_a_key_of_the_holder(kid: object, fault: str) -> None:
    assert fault in refused(token(header={"kid": kid}))


def test_claim_vc_has_no_place_in_a_presentation() -> None:
    assert "the claim vc has no place" in refused(token(vc={}))


@pytest.mark.parametrize("context", [DELETE, None, [], CONTEXT_1, [CONTEXT_1, CONTEXT_2], {}, 7])
def test_context_is_that_of_2_0(context: object) -> None:
    text = token(**{"@context": context})
    assert "@context of the presentation begins with" in refused(text)
    assert read_vp_jwt(token(**{"@context": CONTEXT_2})).holder == HOLDER.did


@pytest.mark.parametrize("kinds", [DELETE, None, [], "VerifiableCredential", ["A", 7], {"a": 1}])
def test_type_names_the_presentation(kinds: object) -> None:
    assert "type does not name VerifiablePresentation" in refused(token(type=kinds))
    assert read_vp_jwt(token(type="VerifiablePresentation")).holder == HOLDER.did


@pytest.mark.parametrize("nonce", ["", 7, ["n"], {}, False])
def test_nonce_is_a_text(nonce: object) -> None:
    assert "nonce is not a text" in refused(token(nonce=nonce))


@pytest.mark.parametrize("audience", ["", 7, [""], [7], {}, ["a"] * 17, [["a"]]])
def test_audience_is_a_text_or_several(audience: object) -> None:
    assert "aud is not a text or a list of texts" in refused(token(aud=audience))


def test_nonce_and_audience_may_be_missing_or_several() -> None:
    bare = read_vp_jwt(token(nonce=DELETE, aud=DELETE))
    assert (bare.nonce, bare.audience) == (None, ())
    assert read_vp_jwt(token(nonce=None, aud=None)).audience == ()
    assert read_vp_jwt(token(aud=["a", "b"])).audience == ("a", "b")
    assert len(read_vp_jwt(token(aud=["a"] * 16)).audience) == 16


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
def test_time_is_a_number_of_seconds(name: str) -> None:
    assert f"{name} is not a number of seconds" in refused(token(**{name: "2026-01-01"}))


def test_window_is_that_of_the_token() -> None:
    found = read_vp_jwt(token(nbf=5, exp=9, iat=6))
    assert (found.valid_from, found.valid_until, found.issued_at) == (5, 8, 6)


# -- credentials inside --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        *("application/vc+jwt", "application/dc+sd-jwt", "application/jwt"),
        *("application/vc+jwt;charset=utf-8", "application/vc+jwt;a=b;c=d"),
    ],
)
def test_enveloped_credential_is_what_stands_behind_the_media_type(head: str) -> None:
    enveloped = {**ENVELOPED, "type": ["EnvelopedVerifiableCredential"], "id": f"data:{head},a,b~c"}
    assert read_vp_jwt(token(verifiableCredential=enveloped)).credentials == ("a,b~c",)


@pytest.mark.parametrize(
    "id_",
    [
        *(None, "", 7, "not-a-credential", TOKEN, "https://a.example", "data:,abc", "data:text,a"),
        *("data:application/vc+cose;base64,abc", "data:application/vc+sd-jwt,abc"),
        *("data:application/vc+jwt,", "data:application/vc+jwt", "DATA:application/vc+jwt,a"),
    ],
)
def test_enveloped_credential_of_another_kind_is_refused(id_: object) -> None:
    with pytest.raises(InvalidCredential, match="no data: URL of a known kind") as caught:
        read_vp_jwt(token(verifiableCredential=[{**ENVELOPED, "id": id_}]))
    assert "application/dc+sd-jwt" in caught.value.hint


@pytest.mark.parametrize("value", [7, None, [TOKEN], True])
def test_what_is_neither_a_token_nor_an_object_is_no_credential(value: object) -> None:
    assert "not a credential" in refused(token(verifiableCredential=[value]))


def test_object_without_an_envelope_is_the_credential() -> None:
    assert read_vp_jwt(token(verifiableCredential=[OBJECT])).credentials == (OBJECT,)
    assert read_vp_jwt(token(verifiableCredential=[{}])).credentials == ({},)


@pytest.mark.parametrize("value", [DELETE, None, []])
def test_presentation_holds_a_credential(value: object) -> None:
    assert "holds no credential" in refused(token(verifiableCredential=value))


def test_presentation_does_not_hold_many() -> None:
    message = refused(token(verifiableCredential=[TOKEN] * 65))
    assert "verifiableCredential has 65 values; at most 64 are read" in message


# -- 1.1 -----------------------------------------------------------------------------------------


def test_presentation_of_1_1_is_read() -> None:
    found: Presentation = read_vp_jwt(old(nonce=NONCE, aud=SHOP, iat=NOW))
    assert found.format is PresentationFormat.VP_JWT_1
    assert (found.holder, found.credentials) == (HOLDER.did, (TOKEN,))
    assert (found.nonce, found.audience, found.issued_at) == (NONCE, (SHOP,), NOW)
    assert found.proof.method_id is None
    found.proof.check(HOLDER.key.public)


def test_key_of_1_1_may_be_named_and_is_then_the_holder_s() -> None:
    assert read_vp_jwt(old(header={"kid": "#key"})).proof.method_id == HOLDER.method_id
    assert "is not a key of" in refused(old(header={"kid": ISSUER.method_id}))


@pytest.mark.parametrize("iss", [DELETE, None, 7, "https://a.example"])
def test_holder_of_1_1_is_the_issuer_of_the_token(iss: object) -> None:
    assert "iss is not a DID" in refused(old(iss=iss))


@pytest.mark.parametrize("holder", [ISSUER.did, {"id": ISSUER.did}, 7])
def test_holder_of_1_1_that_is_somebody_else_is_refused(holder: object) -> None:
    message = refused(old({**OLD, "holder": holder}))
    assert message == f"iss is '{HOLDER.did}', holder is {holder!r}"


def test_holder_of_1_1_may_stand_there_twice() -> None:
    for holder in (HOLDER.did, {"id": HOLDER.did}):
        assert read_vp_jwt(old({**OLD, "holder": holder})).holder == HOLDER.did


@pytest.mark.parametrize("typ", ["vp+jwt", "vc+jwt", "kb+jwt"])
def test_type_of_1_1_is_jwt_or_none(typ: str) -> None:
    assert f"typ of the token is '{typ}', not JWT" in refused(old(header={"typ": typ}))
    assert read_vp_jwt(old(header={"typ": DELETE})).holder == HOLDER.did


@pytest.mark.parametrize("vp", [None, "nooo", [], 7])
def test_claim_vp_is_an_object(vp: object) -> None:
    assert "the claim vp is not an object" in refused(old(vp))


def test_presentation_of_1_1_has_its_context_and_type() -> None:
    assert "@context of the presentation" in refused(old({**OLD, "@context": [CONTEXT_2]}))
    assert "type does not name" in refused(old({**OLD, "type": ["VerifiableCredential"]}))
