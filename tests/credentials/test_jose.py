"""Tokens: read strictly, signed, verified; what a header may not say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from ethr_did.core.base64url import encode_base64url
from ethr_did.credentials.jose import MAX_TOKEN, Token, check_signature, parse_token, sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.errors import InvalidCredential, SignerError
from support.offline import somebody
from support.triangle import key_of_kind

CLAIMS = {"iss": "did:example:1", "name": "Zoë", "numbers": [1, 2.5, None]}
SIGNATURE = encode_base64url(bytes(64))
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNERS = [
    somebody("secp256k1", KeyKind.SECP256K1),
    somebody("secp256k1", KeyKind.SECP256K1, Algorithm.ES256K_R),
    somebody("account", KeyKind.ACCOUNT),
    somebody("account", KeyKind.ACCOUNT, Algorithm.ES256K),
    somebody("p256", KeyKind.P256),
    somebody("ed25519", KeyKind.ED25519),
]
every_signer = pytest.mark.parametrize(
    "signer", SIGNERS, ids=[f"{s.key.public.kind.value} {s.algorithm.value}" for s in SIGNERS]
)


def part(value: object) -> str:
    """One part of a token."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return encode_base64url(data)


def token(header: object = None, claims: object = CLAIMS, signature: str = SIGNATURE) -> str:
    """A token in its right form, whatever is in it."""
    return f"{part(header or {'alg': 'ES256'})}.{part(claims)}.{signature}"


def refused(text: str, **options: Any) -> InvalidCredential:
    """Why it is no token."""
    with pytest.raises(InvalidCredential) as caught:
        parse_token(text, **options)
    return caught.value


# -- reading -------------------------------------------------------------------------------------


def test_token_is_read_in_its_parts() -> None:
    read = parse_token(token({"alg": "EdDSA", "typ": "JWT", "kid": "#1"}))
    assert (read.algorithm, read.type, read.kid) == (Algorithm.EDDSA, "jwt", "#1")
    assert (read.claims, read.signature) == (CLAIMS, bytes(64))
    assert read.signed == read.text.rpartition(".")[0].encode()
    assert "Zoë" not in repr(read)


def test_example_of_the_standard_is_read_and_verified() -> None:
    # RFC 7515, appendix A.3; its payload has a line break in it.
    text = (
        "eyJhbGciOiJFUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
        "pmWQxfKTUJqPP3-Kg6NU1Q"
    )
    key = PublicKey.from_jwk(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }
    )
    read = parse_token(text)
    check_signature(read, key)
    assert read.claims["iss"] == "joe"


@pytest.mark.parametrize(
    "text", ["", ".", "e30", "e30.e30", "e30.e30.e30.e30", "e30.e30.e30.e30.e30", "a b c"]
)
def test_token_has_three_parts(text: str) -> None:
    fault = refused(text)
    assert "not a token" in fault.message
    assert "three parts" in fault.hint


def test_token_that_is_too_long_is_refused_before_it_is_decoded() -> None:
    assert f"at most {MAX_TOKEN}" in refused("!" * (MAX_TOKEN + 1)).message
    assert "at most 20" in refused(token(), most=20).message
    long_header = {"alg": "ES256", "kid": "k" * 8192}
    assert "the header of the token is too long" in refused(token(long_header)).message
    assert "signature of the token is too long" in refused(token(signature="A" * 129)).message
    assert parse_token(token(signature="A" * 128)).signature == bytes(96)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"e30=.{part(CLAIMS)}.{SIGNATURE}", "the header of the token is not base64url"),
        (f"{part({'alg': 'ES256'})}.e3 0.{SIGNATURE}", "the payload of the token is not base64url"),
        (f"{part({'alg': 'ES256'})}.e31.{SIGNATURE}", "the payload of the token is not base64url"),
        (f"{token()}=", "the signature of the token is not base64url"),
        (f"{token()}B", "the signature of the token is not base64url"),
        (f"{token()}\n", "the signature of the token is not base64url"),
        (f"{token()}é", "the signature of the token is not base64url"),
        (f".{part(CLAIMS)}.{SIGNATURE}", "the header of the token is not JSON"),
        (token(b'{"alg":"ES256","alg":"none"}'), "the header of the token is not JSON"),
        (token(claims=b'{"iss":1,"iss":2}'), "the payload of the token is not JSON"),
        (token(claims=b'{"exp":NaN}'), "the payload of the token is not JSON"),
        (token(claims=b"\xff"), "the payload of the token is not JSON"),
        (token(claims=b"[" * 40 + b"]" * 40), "the payload of the token is not JSON"),
        (token(["ES256"]), "the header of the token is not a JSON object"),
        (token(claims=["iss"]), "the payload of the token is not a JSON object"),
        (token(claims=None), "the payload of the token is not a JSON object"),
    ],
)
def test_each_part_has_one_form(text: str, what: str) -> None:
    assert what in refused(text).message


def test_claims_are_not_in_the_error() -> None:
    for claims in (b'{"name":"Erika",}', b'["Erika"]', b'"Erika"'):
        error = refused(token(claims=claims))
        assert "Erika" not in str(error)
        assert error.__cause__ is None
    text = token(claims={"name": "Erika"})
    assert part({"name": "Erika"})[:20] not in str(refused(text.replace(".", ".=", 1)))


@pytest.mark.parametrize(
    "alg", [None, 1, ["ES256"], "none", "None", "", "HS256", "RS256", "PS256", "ES384", "es256"]
)
def test_algorithm_outside_the_list_is_refused(alg: object) -> None:
    fault = refused(token({"alg": alg, "typ": "JWT"}))
    assert "is not accepted" in fault.message
    assert fault.hint == "Accepted: ES256, ES256K, ES256K-R, EdDSA."
    assert "is not accepted" in refused(token({"typ": "JWT"})).message


def test_long_signature_of_another_algorithm_is_refused_for_its_algorithm() -> None:
    for alg in ("RS256", "ES512"):
        message = refused(token({"alg": alg}, signature="A" * 342)).message
        assert message == f"alg '{alg}' is not accepted"


@pytest.mark.parametrize("crit", [[], ["exp"], ["b64"], "exp", None])
def test_critical_header_is_refused_whatever_it_asks_for(crit: object) -> None:
    fault = refused(token({"alg": "ES256", "crit": crit, "b64": False}))
    assert "crit is not understood" in fault.message


@pytest.mark.parametrize("member", ["jwk", "jku", "x5c", "x5u"])
def test_header_does_not_bring_its_own_key(member: str) -> None:
    fault = refused(token({"alg": "ES256", member: "https://mallory.example"}))
    assert f"brings a key of its own: {member}" in fault.message
    assert "DID document" in fault.hint


def test_header_that_was_refused_once_is_refused_again() -> None:
    good, bad = token({"alg": "ES256"}), token({"alg": "ES256", "crit": ["a"]})
    for _ in range(2):
        assert "crit" in refused(bad).message
        assert parse_token(good).header == {"alg": "ES256"}


@pytest.mark.parametrize("kid", ["", 7, ["#1"], {}, False])
def test_kid_that_is_no_text_is_refused(kid: object) -> None:
    read = parse_token(token({"alg": "ES256", "kid": kid}))
    with pytest.raises(InvalidCredential, match="kid is not a text"):
        _ = read.kid


def test_type_has_no_case_and_no_prefix() -> None:
    def typed(value: object) -> Token:
        return parse_token(token({"alg": "ES256", "typ": value}))

    assert typed("application/VC+JWT").type == typed("vc+jwt").type == "vc+jwt"
    for value in (7, ["JWT"], True):
        with pytest.raises(InvalidCredential, match="typ is not a text"):
            _ = typed(value).type


def test_kid_and_type_may_be_missing() -> None:
    read = parse_token(token())
    assert (read.kid, read.type) == (None, None)


# -- signing and verifying -----------------------------------------------------------------------


@every_signer
def test_signed_token_is_read_as_it_was_written_and_is_its_key_s(signer: Any) -> None:
    header = {"alg": signer.algorithm.value, "typ": "JWT", "kid": signer.method_id}
    read = parse_token(sign_token(header, CLAIMS, signer.key))
    assert (read.header, read.claims) == (header, CLAIMS)
    check_signature(read, signer.key.public)
    check_signature(read, signer.key.public, any_s=True)


@every_signer
def test_token_of_another_key_is_refused(signer: Any) -> None:
    other = somebody("another", signer.key.public.kind)
    read = parse_token(sign_token({"alg": signer.algorithm.value}, CLAIMS, signer.key))
    with pytest.raises(InvalidCredential, match="not that of the key") as caught:
        check_signature(read, other.key.public)
    assert "changed, or signed with another key" in caught.value.hint


@every_signer
def test_algorithm_that_is_not_the_key_s_is_refused(signer: Any) -> None:
    for algorithm in set(Algorithm) - set(signer.key.public.algorithms):
        with pytest.raises(InvalidCredential, match="does not go with") as caught:
            check_signature(parse_token(token({"alg": algorithm.value})), signer.key.public)
        assert "decides about the algorithm" in caught.value.hint
        with pytest.raises(SignerError, match="does not sign with"):
            sign_token({"alg": algorithm.value}, CLAIMS, signer.key)


def test_high_s_is_taken_only_on_request() -> None:
    key = key_of_kind(KeyKind.SECP256K1)
    head, _, text = sign_token({"alg": "ES256K"}, CLAIMS, key).rpartition(".")
    signature = parse_token(f"{head}.{text}").signature
    high = signature[:32] + (ORDER - int.from_bytes(signature[32:])).to_bytes(32)
    read = parse_token(f"{head}.{encode_base64url(high)}")
    with pytest.raises(InvalidCredential, match="not that of the key"):
        check_signature(read, key.public)
    check_signature(read, key.public, any_s=True)


@pytest.mark.parametrize("alg", ["none", "HS256", "ES384"])
def test_nothing_is_signed_with_another_algorithm(alg: str) -> None:
    with pytest.raises(JoseError):
        sign_token({"alg": alg}, CLAIMS, key_of_kind(KeyKind.P256))


def test_token_that_nobody_would_read_is_not_signed() -> None:
    key = key_of_kind(KeyKind.P256)
    with pytest.raises(InvalidCredential, match="at most 100"):
        sign_token({"alg": "ES256"}, CLAIMS, key, most=100)


def test_another_library_verifies_what_is_signed_and_the_other_way_round() -> None:
    ours = key_of_kind(KeyKind.P256)
    made = sign_token({"alg": "ES256", "typ": "JWT"}, CLAIMS, ours)
    read = jws.deserialize_compact(made, ECKey.import_key(dict(ours.public.to_jwk())))
    assert json.loads(read.payload) == CLAIMS
    theirs = ECKey.generate_key("P-256")
    text = jws.serialize_compact({"alg": "ES256"}, b'{"a":1}', theirs)
    check_signature(parse_token(text), PublicKey.from_jwk(theirs.as_dict(private=False)))
