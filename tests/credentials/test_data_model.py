"""Credentials as JSON objects: what must be there, and in which shape."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.credentials.data_model import (
    CONTEXT_1,
    CONTEXT_2,
    MAX_SUBJECTS,
    check_did,
    listed,
    read_data_model,
)
from ethr_did.errors import InvalidCredential
from support.signed_documents import DELETE, changed

ISSUER = "did:example:university"
DOCUMENT: dict[str, Any] = {
    "@context": [CONTEXT_2, "https://university.example/terms"],
    "type": ["VerifiableCredential", "Degree"],
    "issuer": ISSUER,
    "validFrom": "2026-01-01T00:00:00Z",
    "validUntil": "2027-01-01T00:00:00+01:00",
    "credentialSubject": {"id": "did:example:student", "degree": "Law"},
}
OLD: dict[str, Any] = {
    "@context": [CONTEXT_1],
    "type": "VerifiableCredential",
    "issuer": ISSUER,
    "issuanceDate": "2026-01-01T00:00:00Z",
    "expirationDate": "2027-01-01T00:00:00Z",
    "credentialSubject": {"degree": "Law"},
}


def refused(document: dict[str, Any]) -> InvalidCredential:
    """Why it is no credential."""
    with pytest.raises(InvalidCredential) as caught:
        read_data_model(document)
    return caught.value


def without(document: dict[str, Any], name: str) -> Any:
    return changed(document, (name,), DELETE)


def test_document_of_2_0_is_read() -> None:
    model = read_data_model(DOCUMENT)
    assert (model.version, model.issuer) == (2, ISSUER)
    assert model.subjects == ("did:example:student",)
    assert model.types == ("VerifiableCredential", "Degree")
    assert (model.valid_from, model.valid_until) == (1_767_225_600, 1_798_758_000)
    assert (model.status, model.schemas) == ((), ())


def test_document_of_1_1_is_read() -> None:
    model = read_data_model(OLD)
    assert (model.version, model.types, model.subjects) == (1, ("VerifiableCredential",), ())
    assert (model.valid_from, model.valid_until) == (1_767_225_600, 1_798_761_600)


def test_what_is_not_known_is_passed_over() -> None:
    assert read_data_model({**DOCUMENT, "evidence": [{}], "refreshService": 5}) == read_data_model(
        DOCUMENT
    )


# -- version -------------------------------------------------------------------------------------


def test_first_context_tells_the_version() -> None:
    assert read_data_model({**DOCUMENT, "@context": CONTEXT_2}).version == 2
    assert read_data_model({**OLD, "@context": CONTEXT_1}).version == 1
    both = {**DOCUMENT, **OLD}
    assert read_data_model({**both, "@context": [CONTEXT_2, CONTEXT_1]}).version == 2
    assert read_data_model({**both, "@context": [CONTEXT_1, CONTEXT_2]}).version == 1


@pytest.mark.parametrize(
    "context",
    [
        None,
        "",
        [],
        [[CONTEXT_2]],
        {},
        {"@vocab": CONTEXT_2},
        7,
        CONTEXT_2 + "/",
        ["urn:a", CONTEXT_2],
    ],
)
def test_context_of_no_version_is_refused(context: object) -> None:
    fault = refused({**DOCUMENT, "@context": context})
    assert "@context begins with" in fault.message
    assert CONTEXT_2 in fault.hint


# -- types, issuer, subjects ---------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [None, [], 7, "", [""], ["VerifiableCredential", 7], {"a": 1}])
def test_types_are_texts(kinds: object) -> None:
    assert "type is not a text or a list of texts" in refused({**DOCUMENT, "type": kinds}).message


def test_types_are_not_many() -> None:
    kinds = ["VerifiableCredential"] * 32
    assert len(read_data_model({**DOCUMENT, "type": kinds}).types) == 32
    assert "type is not" in refused({**DOCUMENT, "type": [*kinds, "Degree"]}).message


@pytest.mark.parametrize("kinds", ["Degree", ["Degree"], ["verifiablecredential"]])
def test_types_name_the_one_of_all_credentials(kinds: object) -> None:
    fault = refused({**DOCUMENT, "type": kinds})
    assert "type does not name VerifiableCredential" in fault.message


def test_issuer_is_a_did_or_an_object_with_one() -> None:
    named = {"id": ISSUER, "name": "University"}
    assert read_data_model({**DOCUMENT, "issuer": named}).issuer == ISSUER


@pytest.mark.parametrize(
    "issuer",
    [None, "", 7, [ISSUER], {}, {"id": 7}, {"name": "University"}, "https://university.example"],
)
def test_issuer_that_is_no_did_is_refused(issuer: object) -> None:
    assert "issuer is not a DID" in refused({**DOCUMENT, "issuer": issuer}).message


def test_subjects_are_read_in_order_with_or_without_an_id() -> None:
    subjects = [{"id": "did:example:1"}, {"name": "Ada"}, {"id": "urn:2"}]
    model = read_data_model({**DOCUMENT, "credentialSubject": subjects})
    assert model.subjects == ("did:example:1", "urn:2")


@pytest.mark.parametrize("subject", [None, "did:example:1", 7, {}, [{}], [None], [[]]])
def test_subject_says_something(subject: object) -> None:
    fault = refused({**DOCUMENT, "credentialSubject": subject})
    assert "not an object that says something" in fault.message


@pytest.mark.parametrize("id_", [None, "", 7, ["did:example:1"]])
def test_subject_s_id_is_a_text(id_: object) -> None:
    fault = refused({**DOCUMENT, "credentialSubject": {"id": id_, "name": "Ada"}})
    assert "credentialSubject.id is not a text" in fault.message


def test_subjects_are_some_and_not_too_many() -> None:
    many = [{"name": "Ada"}] * MAX_SUBJECTS
    assert read_data_model({**DOCUMENT, "credentialSubject": many}).subjects == ()
    for wrong in ([], [*many, {"name": "Ada"}]):
        fault = refused({**DOCUMENT, "credentialSubject": wrong})
        assert f"credentialSubject has {len(wrong)} values" in fault.message


# -- times ---------------------------------------------------------------------------------------


def test_times_of_2_0_may_be_missing() -> None:
    model = read_data_model(without(without(DOCUMENT, "validFrom"), "validUntil"))
    assert (model.valid_from, model.valid_until) == (None, None)


def test_issuance_date_of_1_1_may_not_be_missing() -> None:
    assert "issuanceDate is missing" in refused(without(OLD, "issuanceDate")).message
    assert read_data_model(without(OLD, "expirationDate")).valid_until is None


def test_times_of_the_other_version_narrow_the_window() -> None:
    early, late = "2026-03-01T00:00:00Z", "2026-06-01T00:00:00Z"
    for document in (DOCUMENT, OLD):
        for names in (("issuanceDate", "expirationDate"), ("validFrom", "validUntil")):
            model = read_data_model({**document, **dict(zip(names, (early, late), strict=True))})
            assert (model.valid_from, model.valid_until) == (1_772_323_200, 1_780_272_000)
    wider = {"issuanceDate": "2020-01-01T00:00:00Z", "expirationDate": "2030-01-01T00:00:00Z"}
    assert read_data_model({**DOCUMENT, **wider}) == read_data_model(DOCUMENT)
    fault = refused({**DOCUMENT, "expirationDate": "nonsense"})
    assert "expirationDate is not a time" in fault.message


def test_fractions_of_a_second_never_widen_the_window() -> None:
    times = {"validFrom": "1970-01-01T00:00:10.2Z", "validUntil": "1970-01-01T00:00:20.8Z"}
    model = read_data_model({**DOCUMENT, **times})
    assert (model.valid_from, model.valid_until) == (11, 20)


@pytest.mark.parametrize(
    "value", [None, "", 7, "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", ["a"]]
)
@pytest.mark.parametrize("name", ["validFrom", "validUntil"])
def test_time_without_a_zone_or_of_no_calendar_is_refused(name: str, value: object) -> None:
    fault = refused({**DOCUMENT, name: value})
    assert f"{name} is not a time" in fault.message
    assert "2026-01-31T23:59:59Z" in fault.hint


# -- lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["credentialStatus", "credentialSchema"])
def test_status_and_schema_are_one_or_several(name: str) -> None:
    def found(value: object) -> tuple[object, ...]:
        model = read_data_model({**DOCUMENT, name: value})
        return model.status if name == "credentialStatus" else model.schemas

    assert found(None) == found([]) == ()
    assert found({"id": "a"}) == found([{"id": "a"}]) == ({"id": "a"},)
    assert found("nonsense") == ("nonsense",)
    assert len(found([{}] * 32)) == 32
    words = refused({**DOCUMENT, name: [{}] * 33}).message
    assert "33 " in words
    assert "at most 32 are read" in words


def test_a_member_status_counts_as_well() -> None:
    model = read_data_model({**DOCUMENT, "credentialStatus": {"id": "a"}, "status": {"id": "b"}})
    assert model.status == ({"id": "a"}, {"id": "b"})


def test_listed_takes_a_bound() -> None:
    assert listed({"a": [1, 2]}, "a", most=2) == (1, 2)
    with pytest.raises(InvalidCredential, match="a has 3 values; at most 2 are read"):
        listed({"a": [1, 2, 3]}, "a", most=2)


# -- DIDs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "did",
    [
        "did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
        "did:web:a.example%3A8443:people:ada",
        "did:key:z6MkoTHsgNNrby8JzCNQ1iRLyW5QQ6R8Xuu6AA8igGrMVPUM",
        "did:a1:_-.",
    ],
)
def test_did_is_given_back(did: str) -> None:
    assert check_did(did, "holder") == did


@pytest.mark.parametrize(
    "value",
    [
        *(None, 7, "", "did", "did:", "did:ethr", "did:ethr:", "did:Ethr:a", "DID:ethr:a"),
        *("did:ethr:a#key", "did:ethr:a?b=c", "did:ethr:a/b", "did:ethr:a ", "did:ethr:a\n"),
        *("did:ethr:a:", "did:ethr:ä", "urn:uuid:1", "did:a:" + "b" * 2048),
    ],
)
def test_what_is_no_did_is_refused(value: object) -> None:
    with pytest.raises(InvalidCredential, match="holder is not a DID"):
        check_did(value, "holder")
