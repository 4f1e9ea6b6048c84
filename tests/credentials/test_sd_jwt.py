"""SD-JWTs: taken apart, processed, narrowed down. Rules are named as RFC 9901 numbers them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from ethr_did.core.strict_json import MAX_DEPTH, read_json
from ethr_did.credentials.disclosures import MAX_DISCLOSURE, Disclosure, HashName
from ethr_did.credentials.sd_jwt import (
    MAX_DISCLOSURES,
    MAX_LENGTH,
    SDJWT,
    Processed,
    process,
    select,
)
from ethr_did.errors import InvalidCredential, InvalidInput
from support.vectors import load_vectors, vectors

JWT = "e30.e30.c2lnbmF0dXJl"
DECOY = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
_COMPACT = [vector for vector in load_vectors("sd_jwt_rfc9901") if vector["kind"] == "compact"]
every_compact = pytest.mark.parametrize("vector", _COMPACT, ids=[v["id"] for v in _COMPACT])


def disclosure(*parts: Any) -> str:
    """The text of a disclosure, however wrong."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


def digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refused(payload: Any, *disclosures: str) -> str:
    """Why they are refused."""
    with pytest.raises(InvalidCredential) as caught:
        process(payload, disclosures)
    return caught.value.message


GIVEN = disclosure("salt 1", "given_name", "Erika")
FAMILY = disclosure("salt 2", "family_name", "Mustermann")
GERMAN = disclosure("salt 3", "DE")
FRENCH = disclosure("salt 4", "FR")
STREET = disclosure("salt 5", "street", "Heidestraße 17")
ADDRESS = disclosure("salt 6", "address", {"_sd": [digest(STREET), DECOY], "country": "DE"})
PAYLOAD = {
    "iss": "did:example:1",
    "_sd_alg": "sha-256",
    "_sd": sorted([digest(GIVEN), digest(FAMILY), digest(ADDRESS)]),
    "nationalities": [{"...": digest(GERMAN)}, "AT", {"...": digest(FRENCH)}],
}
ALL = (GIVEN, FAMILY, GERMAN, FRENCH, ADDRESS, STREET)
CLAIMS = {
    "iss": "did:example:1",
    "given_name": "Erika",
    "family_name": "Mustermann",
    "nationalities": ["DE", "AT", "FR"],
    "address": {"country": "DE", "street": "Heidestraße 17"},
}


# -- compact form, section 4 ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "disclosures", "key_binding"),
    [
        (f"{JWT}~", (), None),
        (f"{JWT}~{GIVEN}~", (GIVEN,), None),
        (f"{JWT}~{GIVEN}~{GERMAN}~", (GIVEN, GERMAN), None),
        (f"{JWT}~e30.e30.c2ln", (), "e30.e30.c2ln"),
        (f"{JWT}~{GIVEN}~{GERMAN}~e30.e30.c2ln", (GIVEN, GERMAN), "e30.e30.c2ln"),
    ],
)
def test_sd_jwt_is_taken_apart_and_put_together(
    text: str, disclosures: tuple[str, ...], key_binding: str | None
) -> None:
    found = SDJWT.parse(text)
    assert found == SDJWT(jwt=JWT, disclosures=disclosures, key_binding=key_binding)
    assert found.text == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no tilde"),
        (JWT, "no tilde"),
        ("~", "does not begin with a JWT"),
        (f"~{GIVEN}~", "does not begin with a JWT"),
        ("e30.e30~", "does not begin with a JWT"),
        ("e30.e30.~", "does not begin with a JWT"),
        ("e30..c2ln~", "does not begin with a JWT"),
        (".e30.c2ln~", "does not begin with a JWT"),
        ("e30.e30.c2ln.e30~", "does not begin with a JWT"),
        ("e30.e30.c2ln.e30.e30~", "does not begin with a JWT"),
        (f" {JWT}~", "does not begin with a JWT"),
        ("e30.e30.c2+n~", "does not begin with a JWT"),
        ("e30.e30.c2l\u00e4~", "does not begin with a JWT"),
        ("e30.e30.c2l\ud800~", "does not begin with a JWT"),
        (f"{JWT}~~", "disclosure 1 is empty"),
        (f"{JWT}~{GIVEN}~~", "disclosure 2 is empty"),
        (f"{JWT}~~e30.e30.c2ln", "disclosure 1 is empty"),
        (f"{JWT}~{GIVEN}=~", "disclosure 1 is not base64url"),
        (f"{JWT}~{GERMAN}~{GIVEN}.~", "disclosure 2 is not base64url"),
        (f"{JWT}~ {GIVEN}~", "disclosure 1 is not base64url"),
        (f"{JWT}~\u00e4~", "disclosure 1 is not base64url"),
        (f"{JWT}~e30.e30.c2ln~", "disclosure 1 is not base64url"),
        (f"{JWT}~{GIVEN}", "ends with what is no JWT"),
        (f"{JWT}~{GIVEN}~\n", "ends with what is no JWT"),
        (f"{JWT}~{GIVEN}~ ", "ends with what is no JWT"),
        (f"{JWT}~{GIVEN}~e30.e30", "ends with what is no JWT"),
        (f"{JWT}~{GIVEN}~e30.e30.", "ends with what is no JWT"),
        (f"{JWT}~{GIVEN}~e30.e30.c2ln ", "ends with what is no JWT"),
    ],
)
def test_text_of_another_form_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidCredential, match=words):
        SDJWT.parse(text)


@pytest.mark.parametrize(
    "parts",
    [
        {"jwt": ""},
        {"jwt": f"{JWT}~{GIVEN}"},
        {"jwt": f"{JWT}~"},
        {"jwt": JWT, "disclosures": (f"{GIVEN}~{FAMILY}",)},
        {"jwt": JWT, "disclosures": ("",)},
        {"jwt": JWT, "key_binding": ""},
        {"jwt": JWT, "key_binding": GIVEN},
        {"jwt": JWT, "key_binding": f"{GIVEN}~{JWT}"},
        {"jwt": "e30", "disclosures": ("e30.e30",)},
        {"jwt": "e30.e30.e30.e30.e30", "key_binding": "e30"},
    ],
)
def test_parts_of_another_form_make_no_sd_jwt(parts: dict[str, Any]) -> None:
    with pytest.raises(InvalidCredential):
        SDJWT(**parts)


def test_length_is_bounded() -> None:
    longest = "A" * (MAX_LENGTH - len("e30.e30.~"))
    assert len(SDJWT.parse(f"e30.e30.{longest}~").text) == MAX_LENGTH
    with pytest.raises(InvalidCredential, match="1048577 characters, more than 1048576"):
        SDJWT.parse(f"e30.e30.{longest}A~")
    with pytest.raises(InvalidCredential, match="1048577 characters, more than 1048576"):
        SDJWT(jwt=f"e30.e30.{longest}A")


def test_number_of_disclosures_is_bounded() -> None:
    many = f"{JWT}~" + "e30~" * MAX_DISCLOSURES
    assert len(SDJWT.parse(many).disclosures) == MAX_DISCLOSURES
    with pytest.raises(InvalidCredential, match="1001 disclosures are more"):
        SDJWT.parse(many + "e30~")
    assert "1001 disclosures are more" in refused({}, *["e30"] * 1001)


def test_length_of_each_disclosure_is_bounded() -> None:
    SDJWT.parse(f"{JWT}~{'A' * MAX_DISCLOSURE}~")
    with pytest.raises(InvalidCredential, match="more than 262144 characters"):
        SDJWT.parse(f"{JWT}~{'A' * (MAX_DISCLOSURE + 1)}~")


def test_tokens_are_in_no_error_and_no_representation() -> None:
    assert repr(SDJWT.parse(f"{JWT}~{GIVEN}~{JWT}")) == "SDJWT()"
    for text in (f"{JWT}=~{GIVEN}~", f"{JWT}~{GIVEN}=~", f"{JWT}~{GIVEN}", JWT):
        with pytest.raises(InvalidCredential) as caught:
            SDJWT.parse(text)
        assert JWT not in str(caught.value)
        assert GIVEN not in str(caught.value)


@every_compact
def test_sd_jwts_of_the_rfc_are_given_back_as_they_were(vector: dict[str, Any]) -> None:
    for name in ("issued", "presentation"):
        assert SDJWT.parse(vector[name]).text == vector[name]


def test_digests_for_key_binding_are_those_of_the_rfc() -> None:
    compared = 0
    for vector in _COMPACT:
        if "keyBinding" in vector:
            found = SDJWT.parse(vector["presentation"])
            assert found.sd_hash() == vector["keyBinding"]["payload"]["sd_hash"]
            compared += 1
    assert compared >= 3


@pytest.mark.parametrize("key_binding", [None, JWT])
def test_key_binding_is_over_all_but_itself(key_binding: str | None) -> None:
    found = SDJWT(jwt=JWT, disclosures=(GIVEN, GERMAN), key_binding=key_binding)
    assert found.hashed_part == f"{JWT}~{GIVEN}~{GERMAN}~".encode()
    assert SDJWT(jwt=JWT, key_binding=key_binding).hashed_part == f"{JWT}~".encode()


def test_digest_for_key_binding_is_of_the_function_that_the_payload_names() -> None:
    raw = hashlib.sha512(f"{JWT}~".encode()).digest()
    expected = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert SDJWT(jwt=JWT).sd_hash(HashName.of({"_sd_alg": "sha-512"})) == expected


# -- processing, section 7.1 ---------------------------------------------------------------------


@vectors("sd_jwt_rfc9901")
def test_claims_of_the_rfc_come_out(vector: dict[str, Any]) -> None:
    texts = [one["disclosure"] for one in vector["disclosures"]]
    assert process(vector["payload"], texts).claims == vector["processedIssued"]
    if "processed" in vector:
        shown = [texts[number] for number in vector["shown"]]
        assert process(vector["payload"], shown).claims == vector["processed"]


@every_compact
def test_text_and_signed_payload_of_the_rfc_make_the_claims(vector: dict[str, Any]) -> None:
    found = SDJWT.parse(vector["presentation"])
    segment = found.jwt.split(".")[1]
    payload = read_json(base64.urlsafe_b64decode(segment + "=="))
    assert process(payload, found.disclosures).claims == vector["processed"]


def test_everything_disclosed_comes_out() -> None:
    assert process(PAYLOAD, ALL).claims == CLAIMS


def test_nothing_disclosed_is_hidden_without_a_trace() -> None:
    found = process(PAYLOAD, ())
    assert found.claims == {"iss": "did:example:1", "nationalities": ["AT"]}
    assert found.disclosed == ()


def test_payload_is_not_changed() -> None:
    before = json.loads(json.dumps(PAYLOAD))
    process(PAYLOAD, ALL).claims["nationalities"].append("US")
    assert before == PAYLOAD


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512"])
def test_step_2_4_known_hash_function_is_used(name: str) -> None:
    made = Disclosure.parse(GIVEN)
    payload = {"_sd_alg": name, "_sd": [made.digest(HashName(name))]}
    found = process(payload, [GIVEN])
    assert (found.claims, found.hash_name.value) == ({"given_name": "Erika"}, name)


@pytest.mark.parametrize(
    "name", ["SHA-256", "sha256", "sha-256-64", "sha-1", "md5", "sha3-256", "", None, 256, ["x"]]
)
def test_step_2_4_unknown_hash_function_is_refused(name: object) -> None:
    assert "_sd_alg is not known" in refused({**PAYLOAD, "_sd_alg": name})


def test_step_2_4_hash_function_is_sha_256_unless_another_is_named() -> None:
    payload = {name: value for name, value in PAYLOAD.items() if name != "_sd_alg"}
    assert process(payload, ALL).claims == CLAIMS


@pytest.mark.parametrize(
    "payload",
    [{"a": {"_sd_alg": "sha-256"}}, {"a": [{"_sd_alg": "sha-256"}]}, {"a": {"b": {"_sd_alg": 1}}}],
)
def test_hash_function_named_below_the_top_is_refused(payload: dict[str, Any]) -> None:
    assert "_sd_alg in 'a" in refused(payload)


def test_hash_function_named_in_a_disclosure_is_refused() -> None:
    named = disclosure("salt", "a", {"_sd_alg": "sha-256"})
    assert "_sd_alg in 'a'" in refused({"_sd": [digest(named)]}, named)
    itself = disclosure("salt", "_sd_alg", "sha-256")
    assert "may not be called _sd_alg" in refused({"_sd": [digest(itself)]}, itself)


def test_step_3_1_digest_is_over_the_text_and_not_over_its_content() -> None:
    spaced = base64.urlsafe_b64encode(b'["salt 1","given_name","Erika"]').rstrip(b"=").decode()
    assert Disclosure.parse(spaced).value == Disclosure.parse(GIVEN).value
    assert "nothing refers to disclosure 1 of 1" in refused(PAYLOAD, spaced)


@pytest.mark.parametrize("value", [None, "x", 1, True, {}, {"x": []}])
def test_step_3_2_1_digests_that_are_no_array_are_refused(value: object) -> None:
    assert "_sd in the payload" in refused({"_sd": value})
    assert "_sd in 'a'" in refused({"a": {"_sd": value}})
    made = disclosure("salt", "a", [{"_sd": value}])
    assert "_sd in 'a[0]'" in refused({"_sd": [digest(made)]}, made)


@pytest.mark.parametrize("value", [None, 1, True, [], {}])
def test_step_3_2_1_digest_that_is_no_text_is_refused(value: object) -> None:
    assert "a digest in the payload is no text" in refused({"_sd": [DECOY, value]})


def test_step_3_2_1_array_of_digests_may_be_empty() -> None:
    assert process({"_sd": [], "a": {"_sd": []}}, ()).claims == {"a": {}}


@pytest.mark.parametrize("value", [None, 1, True, [], {}])
def test_step_3_2_2_placeholder_of_what_is_no_text_is_refused(value: object) -> None:
    assert "a digest in 'a' is no text" in refused({"a": [{"...": value}]})


def test_step_3_2_2_placeholder_with_another_member_is_refused() -> None:
    assert "... in 'a'" in refused({"a": [{"...": DECOY, "b": 1}]})
    assert "... in 'a'" in refused({"a": [{"...": DECOY, "_sd": []}]})


@pytest.mark.parametrize(
    "payload", [{"...": DECOY}, {"a": {"...": DECOY}}, {"a": [{"b": {"...": DECOY}}]}]
)
def test_step_3_2_2_placeholder_that_is_no_element_is_refused(payload: dict[str, Any]) -> None:
    assert "... in " in refused(payload)


def test_step_3_2_2_placeholder_behind_a_placeholder_is_refused() -> None:
    made = disclosure("salt", {"...": digest(GERMAN)})
    assert "... in 'a[0]'" in refused({"a": [{"...": digest(made)}]}, made, GERMAN)


def test_step_3_3_1_digest_without_a_disclosure_is_ignored() -> None:
    payload = {"_sd": [DECOY, digest(GIVEN)], "a": [{"...": "no digest at all"}, 1]}
    assert process(payload, [GIVEN]).claims == {"given_name": "Erika", "a": [1]}


def test_step_3_3_2_1_element_disclosed_as_a_member_is_refused() -> None:
    assert "as if it were an element" in refused({"_sd": [digest(GERMAN)]}, GERMAN)


@pytest.mark.parametrize("parts", [(), ("salt",), ("salt", "name", 1, 2)])
def test_step_3_3_2_1_disclosure_of_other_parts_is_refused(parts: tuple[Any, ...]) -> None:
    made = disclosure(*parts)
    assert "parts, not two or three" in refused({"_sd": [digest(made)]}, made)
    assert "parts, not two or three" in refused({"a": [{"...": digest(made)}]}, made)


def test_step_3_3_2_1_disclosure_that_is_no_array_is_refused() -> None:
    made = base64.urlsafe_b64encode(b'{"a": 1}').rstrip(b"=").decode()
    assert "not a JSON array" in refused({"_sd": [digest(made)]}, made)


def test_step_3_3_2_1_disclosure_that_is_not_ascii_is_refused() -> None:
    assert "nothing refers to disclosure 1 of 1" in refused({}, "\u00e4\ud800")
    assert "not a JSON array in base64url" in refused({"_sd": [digest("?")]}, "\u00e4")


@pytest.mark.parametrize("name", ["_sd", "..."])
def test_step_3_3_2_2_reserved_name_is_refused(name: str) -> None:
    made = disclosure("salt", name, [DECOY])
    assert f"may not be called {name}" in refused({"_sd": [digest(made)]}, made)


def test_step_3_3_2_3_name_that_is_already_there_is_refused() -> None:
    payload = {"_sd": [digest(GIVEN)], "given_name": "Max"}
    assert "'given_name' is there twice" in refused(payload, GIVEN)
    nested = {"a": {"given_name": None, "_sd": [digest(GIVEN)]}}
    assert "'a.given_name' is there twice" in refused(nested, GIVEN)


def test_step_3_3_2_3_name_that_is_disclosed_twice_is_refused() -> None:
    other = disclosure("salt 9", "given_name", "Max")
    payload = {"_sd": [digest(GIVEN), digest(other)]}
    assert "'given_name' is there twice" in refused(payload, GIVEN, other)
    assert process(payload, [other]).claims == {"given_name": "Max"}


def test_step_3_3_2_4_member_is_inserted_at_the_level_of_its_digest() -> None:
    payload = {"a": [{"b": {"_sd": [digest(GIVEN)]}}], "given_name": "Max"}
    claims = {"a": [{"b": {"given_name": "Erika"}}], "given_name": "Max"}
    assert process(payload, [GIVEN]).claims == claims


def test_step_3_3_2_5_value_of_a_member_is_processed_too() -> None:
    assert process(PAYLOAD, [STREET, ADDRESS]).claims["address"] == CLAIMS["address"]
    assert process(PAYLOAD, [ADDRESS]).claims["address"] == {"country": "DE"}


def test_step_3_3_3_1_member_disclosed_as_an_element_is_refused() -> None:
    assert "as if it were a member" in refused({"a": [{"...": digest(GIVEN)}]}, GIVEN)


def test_step_3_3_3_2_element_is_put_where_its_digest_was() -> None:
    assert process(PAYLOAD, [FRENCH]).claims["nationalities"] == ["AT", "FR"]
    assert process(PAYLOAD, [GERMAN]).claims["nationalities"] == ["DE", "AT"]


def test_step_3_3_3_3_value_of_an_element_is_processed_too() -> None:
    made = disclosure("salt", {"b": [{"...": digest(GERMAN)}], "_sd": [digest(GIVEN)]})
    payload = {"a": [{"...": digest(made)}]}
    claims = {"a": [{"b": ["DE"], "given_name": "Erika"}]}
    assert process(payload, [GERMAN, made, GIVEN]).claims == claims
    listed = disclosure("salt", [{"...": digest(GERMAN)}, 1])
    assert process({"a": [{"...": digest(listed)}]}, [listed]).claims == {"a": [[1]]}


def test_step_3_4_elements_that_are_not_disclosed_are_removed() -> None:
    payload = {"a": [{"...": DECOY}], "b": [[{"...": "x"}], [{"...": "y"}, None]]}
    assert process(payload, ()).claims == {"a": [], "b": [[], [None]]}


def test_step_3_5_digests_are_removed_and_the_object_stays() -> None:
    assert process({"a": {"_sd": [DECOY]}, "b": [{"_sd": ["x"]}]}, ()).claims == {
        "a": {},
        "b": [{}],
    }


def test_step_3_6_name_of_the_hash_function_is_removed() -> None:
    assert process({"_sd_alg": "sha-256"}, ()).claims == {}


@pytest.mark.parametrize(
    "payload",
    [
        {"_sd": [DECOY, DECOY]},
        {"_sd": [DECOY], "a": {"_sd": [DECOY]}},
        {"a": [{"...": DECOY}, {"...": DECOY}]},
        {"_sd": [DECOY], "a": [{"...": DECOY}]},
        {"a": [{"...": DECOY}], "b": [[{"...": DECOY}]]},
    ],
)
def test_step_4_digest_that_is_there_twice_is_refused(payload: dict[str, Any]) -> None:
    assert "a digest is there twice" in refused(payload)


def test_step_4_digest_that_is_there_again_in_a_disclosure_is_refused() -> None:
    again = disclosure("salt", "a", {"_sd": [digest(GIVEN)]})
    payload = {"_sd": [digest(GIVEN), digest(again)]}
    assert "a digest is there twice" in refused(payload, again)
    assert "a digest is there twice" in refused(payload, again, GIVEN)
    assert process(payload, [GIVEN]).claims == {"given_name": "Erika"}


def test_step_5_disclosure_that_nothing_refers_to_is_refused() -> None:
    foreign = disclosure("salt 9", "is_admin", "yes")
    assert "nothing refers to disclosure 2 of 3" in refused(PAYLOAD, GIVEN, foreign, FAMILY)
    assert "nothing refers to disclosure 1 of 1" in refused({}, GIVEN)


def test_step_5_disclosure_whose_parent_is_not_disclosed_is_refused() -> None:
    assert "nothing refers to disclosure 1 of 1" in refused(PAYLOAD, STREET)


def test_step_5_disclosure_that_nothing_refers_to_is_not_even_decoded() -> None:
    assert "nothing refers to disclosure 1 of 1" in refused(PAYLOAD, "AAAA")


def test_disclosure_that_is_there_twice_is_refused() -> None:
    assert "a disclosure is there twice" in refused(PAYLOAD, GIVEN, FAMILY, GIVEN)


def test_nesting_is_bounded_in_the_payload() -> None:
    def nested(levels: int) -> Any:
        value: Any = []
        for number in range(levels - 2):
            value = [value] if number % 2 else {"a": value}
        return {"a": value}

    assert process(nested(MAX_DEPTH), ()).claims == nested(MAX_DEPTH)
    assert "nested deeper than 32 levels" in refused(nested(MAX_DEPTH + 1))
    assert "nested deeper than 32 levels" in refused(nested(MAX_DEPTH + 2))


def test_nesting_is_bounded_through_disclosures() -> None:
    payload, made = _chain(MAX_DEPTH - 1)
    assert len(process(payload, made).disclosed) == MAX_DEPTH - 1
    payload, made = _chain(MAX_DEPTH)
    assert "nested deeper than 32 levels" in refused(payload, *made)


def _chain(length: int) -> tuple[dict[str, Any], list[str]]:
    """Disclosures each in the one before."""
    value: dict[str, Any] = {}
    made: list[str] = []
    for number in range(length):
        made.append(disclosure(f"salt {number}", "a", value))
        value = {"_sd": [digest(made[-1])]}
    return value, made


def test_name_that_is_long_is_cut_in_errors() -> None:
    made = disclosure("salt", "x" * 1000, 1)
    assert len(refused({"_sd": [digest(made)], "x" * 1000: 2}, made)) < 200


def test_claims_are_not_in_the_representation() -> None:
    found = process(PAYLOAD, ALL)
    assert "Erika" not in repr(found)
    assert "Erika" not in repr(found.disclosed)
    assert GIVEN not in repr(found.disclosed)


# -- where claims are ----------------------------------------------------------------------------


def processed() -> Processed:
    return process(PAYLOAD, ALL)


def test_each_disclosure_is_found_at_its_path_in_the_order_given() -> None:
    assert list(processed().places.items()) == [
        (GIVEN, ("given_name",)),
        (FAMILY, ("family_name",)),
        (GERMAN, ("nationalities", 0)),
        (FRENCH, ("nationalities", 2)),
        (ADDRESS, ("address",)),
        (STREET, ("address", "street")),
    ]


def test_path_is_that_in_what_came_out() -> None:
    assert process(PAYLOAD, [FRENCH]).places[FRENCH] == ("nationalities", 1)


def test_disclosures_are_shown_with_what_they_are_in() -> None:
    found = {one.path: one for one in processed().disclosed}
    street = found["address", "street"]
    assert street.disclosure.value == "Heidestraße 17"
    assert [one.encoded for one in street.parents] == [ADDRESS]
    assert found["nationalities", 0].parents == ()
    assert [one.disclosure.encoded for one in found.values()] == list(ALL)


def test_what_may_be_hidden_in_a_claim_is_found() -> None:
    assert processed().within(("address",)) == (("address",), ("address", "street"))
    assert processed().within(("nationalities",)) == (("nationalities", 0), ("nationalities", 2))
    assert processed().within(("iss",)) == ()


def test_what_a_claim_needs_is_itself_and_what_it_is_in() -> None:
    assert processed().needed([("address", "street")]) == (ADDRESS, STREET)
    assert processed().needed([("address", "country")]) == (ADDRESS,)
    assert processed().needed([("iss",), ("nationalities", 1)]) == ()


# -- choosing ------------------------------------------------------------------------------------

ISSUED = SDJWT(jwt=JWT, disclosures=ALL)


@pytest.mark.parametrize(
    ("paths", "disclosures"),
    [
        ([], ()),
        ([("given_name",)], (GIVEN,)),
        ([("family_name",), ("given_name",)], (GIVEN, FAMILY)),
        ([("address",)], (ADDRESS,)),
        ([("address", "street")], (ADDRESS, STREET)),
        ([("address", "country")], (ADDRESS,)),
        ([("nationalities", 2)], (FRENCH,)),
        ([("nationalities", None)], (GERMAN, FRENCH)),
        ([("iss",), ("nationalities", 1), ("nationalities",)], ()),
        ([("given_name",), ("given_name",)], (GIVEN,)),
    ],
)
def test_what_is_chosen_is_shown_with_what_it_is_in(
    paths: list[tuple[str | int | None, ...]], disclosures: tuple[str, ...]
) -> None:
    chosen = select(ISSUED, PAYLOAD, paths)
    assert chosen == SDJWT(jwt=JWT, disclosures=disclosures)
    process(PAYLOAD, chosen.disclosures)


def test_key_binding_is_left_off() -> None:
    bound = SDJWT(jwt=JWT, disclosures=ALL, key_binding=JWT)
    assert select(bound, PAYLOAD, [("iss",)]).key_binding is None


@pytest.mark.parametrize("path", [("nobody",), ("nationalities", 3), ("address", "zip"), ()])
def test_path_that_leads_nowhere_is_refused(path: tuple[str | int, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"there is no|at least one step"):
        select(ISSUED, PAYLOAD, [("iss",), path])


def test_path_to_what_the_holder_cannot_disclose_is_refused() -> None:
    with pytest.raises(InvalidInput, match="there is no 'family_name'"):
        select(SDJWT(jwt=JWT, disclosures=(GIVEN,)), PAYLOAD, [("family_name",)])


def test_elements_of_an_empty_array_cannot_be_chosen() -> None:
    with pytest.raises(InvalidInput, match=r"there is no 'a\[\*\]': no array there has elements"):
        select(SDJWT(jwt=JWT), {"a": []}, [("a", None)])


def test_sd_jwt_that_breaks_a_rule_is_not_narrowed_down() -> None:
    foreign = SDJWT(jwt=JWT, disclosures=(GIVEN, disclosure("salt", "x", 1)))
    with pytest.raises(InvalidCredential, match="nothing refers to"):
        select(foreign, PAYLOAD, [("given_name",)])
