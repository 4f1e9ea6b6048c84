"""What a verifier makes of a response. Rules are named as OpenID4VP 1.0 numbers them."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.credentials.credential import Credential, CredentialFormat
from ethr_did.credentials.dcql import MAX_CREDENTIALS, Query
from ethr_did.credentials.dcql_response import (
    MAX_PRESENTATIONS,
    MAX_VP_TOKEN,
    Presented,
    check_credentials,
    check_response,
    read_vp_token,
)
from ethr_did.errors import InvalidCredential
from support.held import PERSON, VCT, plain

ADULT = {
    "id": "adult",
    "format": "dc+sd-jwt",
    "meta": {"vct_values": [VCT]},
    "claims": [{"path": ["age_equal_or_over", "18"], "values": [True]}],
}
DEGREE = {
    "id": "degree",
    "format": "vc+jwt",
    "meta": {"type_values": [["Diploma"]]},
}
SETS = [{"options": [["adult"], ["degree"]]}]
PERSON_SHOWN = plain({"age_equal_or_over": {"18": True}})
DIPLOMA = plain({"a": 1}, format=CredentialFormat.VC_JWT, types=("Diploma",))


def query(*credentials: Any, **members: Any) -> Query:
    return Query.from_dict({"credentials": list(credentials), **members})


def bound(*credentials: Credential) -> list[Presented]:
    return [Presented(credential=one, is_bound=True) for one in credentials]


def faults(asked: Query, **presented: list[Presented]) -> list[tuple[str, str | None]]:
    return [(one.code, one.query_id) for one in check_response(asked, presented)]


# -- 8.6, step 2.2: each credential --------------------------------------------------------------


def test_response_that_answers_the_query_has_no_faults() -> None:
    asked = query(ADULT, DEGREE)
    assert faults(asked, adult=bound(PERSON_SHOWN), degree=bound(DIPLOMA)) == []


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (plain({"age_equal_or_over": {}}), "claims_missing"),
        (plain({"age_equal_or_over": {"18": False}}), "claims_missing"),
        (plain({}), "claims_missing"),
        (plain(types=("other",)), "type_mismatch"),
        (DIPLOMA, "format_mismatch"),
    ],
)
def test_credential_that_does_not_match_is_a_fault(shown: Credential, code: str) -> None:
    assert faults(query(ADULT), adult=bound(shown)) == [(code, "adult")]


def test_more_than_was_asked_for_is_no_fault() -> None:
    assert faults(query(ADULT), adult=bound(plain(PERSON))) == []


def test_authorities_that_cannot_be_checked_are_a_fault() -> None:
    asked = query({**ADULT, "trusted_authorities": [{"type": "aki", "values": ["x"]}]})
    assert faults(asked, adult=bound(PERSON_SHOWN)) == [("authority_mismatch", "adult")]


def test_element_of_an_array_may_be_shown_without_its_neighbours() -> None:
    asked = query({**ADULT, "claims": [{"path": ["nationalities", 1]}]})
    assert faults(asked, adult=bound(plain({"nationalities": ["FR"]}))) == []


def test_fault_does_not_show_what_was_disclosed() -> None:
    asked = query({**ADULT, "claims": [{"path": ["given_name"], "values": ["Otto"]}]})
    (fault,) = check_response(asked, {"adult": bound(plain())})
    assert fault.message == (
        "'adult': what is asked for is not in it: 'given_name' with one of the values"
    )


# -- 8.6, step 2.3: holder binding ---------------------------------------------------------------


def test_credential_without_its_holder_is_a_fault() -> None:
    unbound = [Presented(credential=PERSON_SHOWN, is_bound=False)]
    assert faults(query(ADULT), adult=unbound) == [("holder_binding_missing", "adult")]
    waived = query({**ADULT, "require_cryptographic_holder_binding": False})
    assert faults(waived, adult=unbound) == []


# -- 8.1 and 8.6, step 3: the whole --------------------------------------------------------------


def test_credential_that_nobody_asked_for_is_a_fault() -> None:
    found = faults(query(ADULT), adult=bound(PERSON_SHOWN), other=bound(PERSON_SHOWN))
    assert found == [("unknown_query", "other")]


def test_credential_query_without_an_answer_is_a_fault() -> None:
    asked = query(ADULT, DEGREE)
    assert faults(asked, adult=bound(PERSON_SHOWN)) == [("query_not_answered", "degree")]
    assert faults(asked, adult=bound(PERSON_SHOWN), degree=[]) == [("query_not_answered", "degree")]
    assert faults(asked) == [("query_not_answered", "adult"), ("query_not_answered", "degree")]


def test_several_answers_are_a_fault_unless_several_are_asked_for() -> None:
    two = bound(PERSON_SHOWN, PERSON_SHOWN)
    assert faults(query(ADULT), adult=two) == [("too_many_presentations", "adult")]
    assert faults(query({**ADULT, "multiple": True}), adult=two) == []


def test_each_of_several_answers_must_match() -> None:
    asked = query({**ADULT, "multiple": True})
    assert faults(asked, adult=bound(PERSON_SHOWN, DIPLOMA)) == [("format_mismatch", "adult")]


def test_required_set_needs_one_of_its_options() -> None:
    asked = query(ADULT, DEGREE, credential_sets=SETS)
    assert faults(asked, degree=bound(DIPLOMA)) == []
    (fault,) = check_response(asked, {})
    assert fault.message == "nothing answers 'adult' or 'degree'"
    assert fault.query_id is None


def test_option_needs_all_of_its_credentials() -> None:
    asked = query(ADULT, DEGREE, credential_sets=[{"options": [["adult", "degree"]]}])
    (fault,) = check_response(asked, {"adult": bound(PERSON_SHOWN)})
    assert fault.message == "nothing answers 'adult' and 'degree'"
    assert faults(asked, adult=bound(PERSON_SHOWN), degree=bound(DIPLOMA)) == []


def test_credential_that_does_not_match_answers_no_set() -> None:
    asked = query(ADULT, credential_sets=[{"options": [["adult"]]}])
    found = faults(asked, adult=bound(DIPLOMA))
    assert found == [("format_mismatch", "adult"), ("query_not_answered", None)]


def test_optional_set_may_be_left_out() -> None:
    asked = query(ADULT, credential_sets=[{"options": [["adult"]], "required": False}])
    assert faults(asked) == []


# -- without ids ---------------------------------------------------------------------------------


def unnamed(asked: Query, *presented: Presented) -> list[str]:
    return [one.code for one in check_credentials(asked, presented)]


def test_credentials_find_their_queries() -> None:
    asked = query(ADULT, DEGREE)
    assert unnamed(asked, *bound(DIPLOMA, PERSON_SHOWN)) == []
    assert unnamed(asked, *bound(DIPLOMA)) == ["query_not_answered"]


def test_credential_may_answer_two_queries() -> None:
    assert unnamed(query(ADULT, {**ADULT, "id": "again"}), *bound(PERSON_SHOWN)) == []


def test_credential_that_answers_nothing_is_a_fault_of_its_own() -> None:
    asked = query(ADULT, DEGREE)
    shown = bound(DIPLOMA, PERSON_SHOWN, plain({}))
    (fault,) = check_credentials(asked, shown)
    assert fault.code == "claims_missing"
    assert fault.message == (
        "credential 3 answers none of the queries: what is asked for is not in it: "
        "'age_equal_or_over.18' with one of the values"
    )


def test_nothing_answers_nothing() -> None:
    assert unnamed(query(ADULT)) == ["query_not_answered"]


# -- 8.1: the VP token ---------------------------------------------------------------------------


def test_vp_token_is_read() -> None:
    data = b'{"a": ["eyJ.e30.x", {"proof": {}}], "b": ["eyJ~"]}'
    assert read_vp_token(data) == {"a": ("eyJ.e30.x", {"proof": {}}), "b": ("eyJ~",)}
    assert read_vp_token({"a": ["x"]}) == {"a": ("x",)}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "eyJ.e30.x",
        {},
        {"a": []},
        {"a": "eyJ.e30.x"},
        {"a": {"proof": {}}},
        {"a": [None]},
        {"a": [""]},
        {"a": [{}]},
        {"a": [["x"]]},
        {f"q{n}": ["x"] for n in range(MAX_CREDENTIALS + 1)},
        {"a": ["x"] * (MAX_PRESENTATIONS + 1)},
    ],
)
def test_what_is_no_vp_token_is_refused(value: object) -> None:
    with pytest.raises(InvalidCredential):
        read_vp_token(value)


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": ["x"], "a": ["x"]}', b" " * MAX_VP_TOKEN])
def test_text_that_is_not_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidCredential, match="the VP token is not JSON"):
        read_vp_token(data)


def test_long_vp_token_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidCredential, match="bytes"):
        read_vp_token(b" " * (MAX_VP_TOKEN + 1))
