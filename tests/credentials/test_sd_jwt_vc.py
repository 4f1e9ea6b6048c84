"""SD-JWT VCs: signed, read, presented with key binding; RFC 9901's own examples."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ethr_did.credentials.concealing import conceal, no_decoys
from ethr_did.credentials.credential import CredentialFormat, PresentationFormat
from ethr_did.credentials.disclosures import HashName
from ethr_did.credentials.jose import check_signature, parse_token, sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.sd_jwt import SDJWT, process
from ethr_did.credentials.sd_jwt_vc import (
    ALWAYS_SHOWN,
    SDJWTVC,
    add_key_binding,
    binding_key,
    binding_method,
    holder_of,
    read_sd_jwt_vc,
    sign_sd_jwt_vc,
)
from ethr_did.errors import InvalidCredential, InvalidInput, SignerError
from support.offline import NOW, person_sd_jwt, somebody
from support.signed_documents import DELETE
from support.triangle import NONCE, SHOP, VCT, Chance
from support.vectors import FOLDER, load_vectors

ISSUER = somebody("issuer")
HOLDER = somebody("student", KeyKind.SECP256K1)
CNF = {"jwk": HOLDER.key.public.to_jwk()}
CLAIMS: dict[str, Any] = {"iss": ISSUER.did, "vct": VCT, "iat": NOW, "name": "Erika"}
ISSUED = person_sd_jwt(ISSUER, cnf=CNF)


def without_deleted(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not DELETE}


def signed(*, header: Any = None, hidden: Any = (), **claims: Any) -> str:
    """An SD-JWT of the issuer, whatever is in it; every claim may be hidden."""
    head = {"alg": "ES256", "typ": "dc+sd-jwt", "kid": ISSUER.method_id, **(header or {})}
    given = without_deleted({**CLAIMS, **claims})
    payload, made = conceal(given, hidden, random=Chance(), decoys=no_decoys)
    token = sign_token(without_deleted(head), payload, ISSUER.key)
    return "~".join([token, *(one.encoded for one in made), ""])


def read(text: str) -> SDJWTVC:
    return read_sd_jwt_vc(text)


def refused(text: str) -> str:
    """Why it is no credential."""
    with pytest.raises(InvalidCredential) as caught:
        read_sd_jwt_vc(text)
    return caught.value.message


def bound(sd_jwt: str = ISSUED, /, *, header: Any = None, **claims: Any) -> str:
    """An SD-JWT with a key binding, whatever is in that."""
    head = {"alg": "ES256K", "typ": "kb+jwt", **(header or {})}
    bare = SDJWT.parse(sd_jwt)
    given = {"iat": NOW, "aud": SHOP, "nonce": NONCE, "sd_hash": bare.sd_hash(), **claims}
    return bare.text + sign_token(without_deleted(head), without_deleted(given), HOLDER.key)


# -- signed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KeyKind)
def test_credential_is_read_as_it_was_signed(kind: KeyKind) -> None:
    issuer = somebody("issuer", kind)
    found = read(person_sd_jwt(issuer, sub="did:example:student", cnf=CNF, exp=NOW + 10)).credential
    assert found.format is CredentialFormat.SD_JWT
    assert (found.issuer, found.types) == (issuer.did, (VCT,))
    assert found.subjects == ("did:example:student",)
    assert (found.valid_from, found.valid_until, found.issued_at) == (None, NOW + 9, NOW)
    assert found.claims["name"] == "Erika"
    assert found.confirmation == CNF
    assert (found.proof.algorithm, found.proof.method_id) == (issuer.algorithm, issuer.method_id)
    found.proof.check(issuer.key.public)


def test_what_is_hidden_is_not_in_the_token() -> None:
    token = parse_token(ISSUED.partition("~")[0])
    assert "name" not in token.claims
    # One claim, and decoys up to four.
    assert len(token.claims["_sd"]) == 4
    assert token.header == {"alg": "ES256", "typ": "dc+sd-jwt", "kid": ISSUER.method_id}
    assert read(ISSUED).payload == token.claims
    assert read(ISSUED).credential.statement == token.claims


def test_number_of_decoys_can_be_chosen() -> None:
    text = sign_sd_jwt_vc(
        CLAIMS,
        ISSUER.key,
        **ISSUER.signing,
        hidden=[("name",)],
        random=Chance(),
        decoys=no_decoys,
    )
    assert len(parse_token(text.partition("~")[0]).claims["_sd"]) == 1


@pytest.mark.parametrize("name", sorted(ALWAYS_SHOWN))
def test_claim_that_every_verifier_needs_is_not_hidden(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{name}' may not be concealed"):
        person_sd_jwt(ISSUER, hidden=[(name,)], **{name: CLAIMS.get(name, ["x"])})


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"iss": "https://a.example"}, "iss is not a DID"),
        ({"vct": ""}, "vct is not a text"),
        ({"exp": "2027"}, "exp is not a number of seconds"),
        ({"cnf": "key"}, "cnf is not an object"),
        ({"sub": 7}, "sub is not a text"),
        ({"credentialStatus": [{}] * 33}, "33 status entries"),
    ],
)
def test_what_nobody_would_read_is_not_given_out(claims: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidCredential) as caught:
        person_sd_jwt(ISSUER, **claims)
    assert fault in caught.value.message


def test_key_of_another_did_or_algorithm_is_not_used() -> None:
    with pytest.raises(InvalidCredential, match="is not a key of"):
        person_sd_jwt(replace(ISSUER, method_id=HOLDER.method_id))
    with pytest.raises(SignerError, match="does not sign with EdDSA"):
        person_sd_jwt(replace(ISSUER, algorithm=Algorithm.EDDSA))


# -- read ----------------------------------------------------------------------------------------


def test_claims_are_what_is_disclosed() -> None:
    token = ISSUED.partition("~")[0]
    assert "name" not in read(f"{token}~").credential.claims
    assert set(read(ISSUED).credential.claims) - set(read(f"{token}~").credential.claims) == {
        "name"
    }


@pytest.mark.parametrize("typ", [DELETE, "JWT", "vc+jwt", "kb+jwt", "vc+sd-jwt"])
def test_type_of_something_else_is_refused(typ: object) -> None:
    with pytest.raises(InvalidCredential, match=r"not dc\+sd-jwt$") as caught:
        read(signed(header={"typ": typ}))
    assert "The earlier name vc+sd-jwt is not accepted any more." in caught.value.hint


@pytest.mark.parametrize(
    ("kid", "fault"),
    [(DELETE, "names no verification method"), (HOLDER.method_id, "is not a key of")],
)
def test_kid_is_a_key_of_the_issuer(kid: object, fault: str) -> None:
    assert fault in refused(signed(header={"kid": kid}))


@pytest.mark.parametrize("name", ["iss", "vct"])
def test_claim_that_says_whose_and_what_it_is_is_there(name: str) -> None:
    assert f"{name} is missing, or hidden" in refused(signed(**{name: DELETE}))
    assert f"{name} is missing, or hidden" in refused(signed(hidden=[(name,)]))


@pytest.mark.parametrize("name", ["cnf", "exp", "nbf", "iat", "status", "credentialStatus"])
def test_claim_that_every_verifier_needs_is_not_disclosed(name: str) -> None:
    value = {"cnf": CNF, "status": {}, "credentialStatus": {}}.get(name, NOW)
    text = signed(hidden=[(name,)], **{name: value})
    assert f"{name} is disclosed; it may not be hidden" in refused(text)


def test_part_of_such_a_claim_is_not_disclosed_either() -> None:
    text = signed(hidden=[("cnf", "jwk")], cnf=CNF)
    assert "cnf is disclosed; it may not be hidden" in refused(text)


def test_part_of_such_a_claim_is_not_withheld_either() -> None:
    # A status that the holder would rather not show: without its disclosure there would be none.
    entries = [{"id": "urn:1"}, {"id": "urn:2"}]
    text = signed(hidden=[("credentialStatus", 1)], credentialStatus=entries)
    less = f"{text.partition('~')[0]}~"
    assert "a part of credentialStatus is withheld" in refused(less)
    assert "credentialStatus is disclosed" in refused(text)


@pytest.mark.parametrize("iss", ["https://a.example", 7, None, [ISSUER.did]])
def test_issuer_is_a_did(iss: object) -> None:
    assert "iss is not a DID" in refused(signed(iss=iss))


@pytest.mark.parametrize("vct", ["", 7, None, ["a"]])
def test_kind_is_a_text(vct: object) -> None:
    assert "vct is not a text" in refused(signed(vct=vct))


def test_further_kinds_are_read() -> None:
    assert read(signed(aka_vcts=["a", "b"])).credential.types == (VCT, "a", "b")
    for many in ("a", None, {"a": 1}, ["a"] * 33):
        assert "aka_vcts is not a short list" in refused(signed(aka_vcts=many))
    for value in (7, "", ["a"]):
        assert "aka_vcts holds something else" in refused(signed(aka_vcts=[value]))


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
@pytest.mark.parametrize("value", ["2026-01-01T00:00:00Z", None, True])
def test_time_is_a_number_of_seconds(name: str, value: object) -> None:
    assert f"{name} is not a number of seconds" in refused(signed(**{name: value}))


@pytest.mark.parametrize("sub", [7, [], {}, False])
def test_subject_is_a_text(sub: object) -> None:
    assert "sub is not a text" in refused(signed(sub=sub))


@pytest.mark.parametrize("cnf", ["key", [], 7, False])
def test_confirmation_is_an_object(cnf: object) -> None:
    assert "cnf is not an object" in refused(signed(cnf=cnf))


def test_status_is_read_from_both_of_its_places() -> None:
    entries = {"status": {"status_list": {"idx": 0}}, "credentialStatus": [{"id": "urn:1"}]}
    assert len(read(signed(**entries)).credential.status) == 2
    assert "33 status entries" in refused(signed(credentialStatus=[{}] * 33))


# -- key binding ---------------------------------------------------------------------------------


def test_presentation_is_read_as_it_was_made() -> None:
    text = add_key_binding(
        SDJWT.parse(ISSUED),
        HOLDER.key,
        algorithm=Algorithm.ES256K,
        nonce=NONCE,
        audience=SHOP,
        now=NOW,
    )
    assert text.startswith(ISSUED)
    found = read(text)
    shown = found.presentation
    assert shown is not None
    assert shown.format is PresentationFormat.SD_JWT_KB
    assert (shown.nonce, shown.audience, shown.issued_at) == (NONCE, (SHOP,), NOW)
    assert (shown.holder, shown.credentials, shown.proof.method_id) == (None, (text,), None)
    shown.proof.check(HOLDER.key.public)
    # Whatever was bound before is bound anew.
    again = add_key_binding(
        SDJWT.parse(text),
        HOLDER.key,
        algorithm=Algorithm.ES256K,
        nonce=NONCE,
        audience=SHOP,
        now=NOW,
    )
    assert again == text


def test_credential_alone_is_no_presentation() -> None:
    found = read(ISSUED)
    assert (found.binding, found.presentation) == (None, None)


@pytest.mark.parametrize("name", ["nonce", "audience"])
def test_presentation_for_everybody_is_not_signed(name: str) -> None:
    options: dict[str, Any] = {"nonce": NONCE, "audience": SHOP, name: ""}
    with pytest.raises(InvalidCredential, match="names a nonce and an audience"):
        add_key_binding(
            SDJWT.parse(ISSUED), HOLDER.key, algorithm=Algorithm.ES256K, now=NOW, **options
        )


@pytest.mark.parametrize("typ", [DELETE, "JWT", "dc+sd-jwt", "vp+jwt"])
def test_type_of_the_key_binding_is_its_own(typ: object) -> None:
    assert refused(bound(header={"typ": typ})).endswith("not kb+jwt")


@pytest.mark.parametrize("name", ["nonce", "aud", "sd_hash"])
@pytest.mark.parametrize("value", [DELETE, None, "", 7, ["a"]])
def test_claims_of_the_key_binding_are_texts(name: str, value: Any) -> None:
    assert f"{name} of the key binding is not a text" in refused(bound(**{name: value}))


def test_time_of_the_key_binding_is_there() -> None:
    assert "iat of the key binding is missing" in refused(bound(iat=DELETE))
    assert "iat is not a number" in refused(bound(iat="now"))


def test_window_of_the_key_binding_is_that_of_the_presentation() -> None:
    shown = read(bound(nbf=NOW - 5, exp=NOW + 5)).presentation
    assert shown is not None
    assert (shown.valid_from, shown.valid_until) == (NOW - 5, NOW + 4)


def test_key_binding_is_over_exactly_what_is_shown() -> None:
    binding = bound().rpartition("~")[2]
    token = ISSUED.partition("~")[0]
    with pytest.raises(InvalidCredential, match="sd_hash of the key binding is not that") as caught:
        read(f"{token}~{binding}")
    assert "after the holder signed" in caught.value.hint
    assert "sd_hash" in refused(bound(sd_hash=SDJWT.parse(ISSUED).sd_hash(HashName.SHA_512)))


def test_key_binding_uses_the_digest_of_the_issuer() -> None:
    given = {**CLAIMS, "_sd_alg": "sha-512"}
    head = {"alg": "ES256", "typ": "dc+sd-jwt", "kid": ISSUER.method_id}
    text = f"{sign_token(head, given, ISSUER.key)}~"
    shown = add_key_binding(
        SDJWT.parse(text),
        HOLDER.key,
        algorithm=Algorithm.ES256K,
        nonce=NONCE,
        audience=SHOP,
        now=NOW,
    )
    binding = parse_token(shown.rpartition("~")[2])
    assert binding.claims["sd_hash"] == SDJWT.parse(text).sd_hash(HashName.SHA_512)
    assert read(shown).binding is not None
    assert "sd_hash" in refused(bound(text))


# -- cnf -----------------------------------------------------------------------------------------


def test_key_of_the_holder_is_held_or_named() -> None:
    key = HOLDER.key.public
    named = {"kid": HOLDER.method_id}
    assert (binding_key(CNF), binding_method(CNF)) == (key, None)
    assert (binding_key(named), binding_method(named)) == (None, HOLDER.method_id)
    assert binding_method(None) is None


@pytest.mark.parametrize(
    "cnf",
    [
        {},
        {"x5t": "a"},
        {"jku": "https://a.example"},
        {"jwe": "a"},
        {**CNF, "kid": HOLDER.method_id},
        {**CNF, "jku": "https://a.example"},
    ],
)
def test_confirmation_holds_one_key(cnf: dict[str, Any]) -> None:
    for find in (binding_key, binding_method):
        with pytest.raises(InvalidCredential, match=r"cnf holds .* not one key"):
            find(cnf)


@pytest.mark.parametrize("jwk", [None, "a", {}, {**CNF["jwk"], "d": "AA"}, {"kty": "RSA"}])
def test_key_in_the_confirmation_is_a_public_one(jwk: object) -> None:
    with pytest.raises(InvalidCredential, match=r"^cnf: "):
        binding_key({"jwk": jwk})


@pytest.mark.parametrize("kid", [None, 7, "", "#key", "key", HOLDER.did, "https://a.example#key"])
def test_key_that_the_confirmation_names_is_a_did_url(kid: object) -> None:
    with pytest.raises(InvalidCredential, match="kid"):
        binding_method({"kid": kid})


def test_holder_is_whose_key_the_confirmation_names() -> None:
    named = read(bound(person_sd_jwt(ISSUER, cnf={"kid": HOLDER.method_id})))
    assert holder_of(named.credential) == HOLDER.did
    shown = named.presentation
    assert shown is not None
    assert (shown.holder, shown.proof.method_id) == (HOLDER.did, HOLDER.method_id)
    assert holder_of(read(ISSUED).credential) is None


def test_representation_says_nothing_of_the_person() -> None:
    assert "Erika" not in repr(read(bound()))


# -- the RFC's examples --------------------------------------------------------------------------

SIGNED = [one for one in load_vectors("sd_jwt_rfc9901") if one["kind"] == "compact"]
KEYS = {
    name: PublicKey.from_jwk({member: jwk[member] for member in ("kty", "crv", "x", "y")})
    for name, jwk in json.loads((FOLDER / "sd_jwt_rfc9901.json").read_text("utf-8")).items()
    if name in ("issuerKey", "holderKey")
}
every_example = pytest.mark.parametrize("vector", SIGNED, ids=[one["id"] for one in SIGNED])


@every_example
def test_example_of_the_rfc_is_signed_and_says_what_the_rfc_says(vector: dict[str, Any]) -> None:
    for text, claims in (
        (vector["issued"], vector["processedIssued"]),
        (vector["presentation"], vector["processed"]),
    ):
        sd_jwt = SDJWT.parse(text)
        token = parse_token(sd_jwt.jwt)
        check_signature(token, KEYS["issuerKey"])
        assert process(dict(token.claims), sd_jwt.disclosures).claims == claims
        with pytest.raises(InvalidCredential, match="not that of the key"):
            check_signature(token, KEYS["holderKey"])


@pytest.mark.parametrize(
    "vector",
    [one for one in SIGNED if "keyBinding" in one],
    ids=[one["id"] for one in SIGNED if "keyBinding" in one],
)
def test_key_binding_of_the_rfc_is_signed_with_the_key_in_cnf(vector: dict[str, Any]) -> None:
    sd_jwt = SDJWT.parse(vector["presentation"])
    claims = process(dict(parse_token(sd_jwt.jwt).claims), sd_jwt.disclosures).claims
    key = binding_key(claims["cnf"])
    assert key == KEYS["holderKey"]
    assert sd_jwt.key_binding is not None
    binding = parse_token(sd_jwt.key_binding)
    check_signature(binding, key)
    assert binding.claims["sd_hash"] == sd_jwt.sd_hash()


def test_credential_of_the_rfc_is_refused_for_its_issuer_and_no_other_reason() -> None:
    # An issuer with an https URL is found by its metadata or a certificate, neither of which is
    # used here.
    (vector,) = [one for one in SIGNED if one["id"] == "rfc-a-3-sd-jwt-vc"]
    for text in (vector["issued"], vector["presentation"]):
        message = refused(text)
        assert message == "iss is not a DID: 'https://pid-issuer.bund.de.example'"
