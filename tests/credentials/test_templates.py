"""Templates: what they take, what they compute, what they let a holder withhold."""

from __future__ import annotations

import json
import secrets
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.credentials.concealing import conceal
from ethr_did.credentials.schema import Schema
from ethr_did.credentials.sd_jwt_vc import ALWAYS_SHOWN
from ethr_did.credentials.templates import (
    NO_CLAIMS,
    THRESHOLDS,
    Template,
    age_on,
    built_in_templates,
    find_template,
    load_template,
)
from ethr_did.errors import InvalidClaims, InvalidFile, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 20)
PERSON = {"family_name": "Mustermann", "given_name": "Erika", "birthdate": "2008-11-20"}

SAMPLES: dict[str, dict[str, Any]] = {
    "identity": {
        **PERSON,
        "birth_place": "Berlin",
        "sex": "female",
        "personal_number": "7",
        "nationalities": ["DE", "AT"],
        "address": {"street_address": "Weg 1", "locality": "Köln", "country": "DE"},
        "portrait": "/9j/" + "A" * 150_000,
    },
    "age": {"birthdate": "2008-11-20"},
    "diploma": {
        **PERSON,
        "degree": {"type": "BachelorDegree", "name": "BSc"},
        "grade": "1.0",
        "awarded_on": "2026-07-01",
    },
    "student-card": {**PERSON, "institution": "University", "student_number": "4711"},
    "employment": {
        "family_name": "M",
        "given_name": "E",
        "employer": {"name": "Works"},
        "start_date": "2026-01-01",
    },
    "membership": {"organisation": "Club", "member_number": "12"},
    "driving-licence": {
        **PERSON,
        "document_number": "B072RRE2I55",
        "issuing_country": "DE",
        "driving_privileges": [
            {"vehicle_category_code": "B", "codes": ["01"]},
            {"vehicle_category_code": "AM"},
        ],
    },
}


# -- those that are there ------------------------------------------------------------------------


def test_there_is_a_sample_of_each_template() -> None:
    assert set(SAMPLES) == set(built_in_templates())


@pytest.mark.parametrize("name", SAMPLES)
def test_each_template_takes_its_sample_and_refuses_what_it_does_not_know(name: str) -> None:
    template = find_template(name)
    made = template.prepare(SAMPLES[name], day=TODAY)
    assert Schema.read(template.issued_schema).faults(made) == ()
    subject = {"id": "did:example:1", **made}
    assert Schema.read(template.credential_schema).faults({"credentialSubject": subject}) == ()
    with pytest.raises(InvalidClaims, match="/more: it is not allowed"):
        template.prepare({**SAMPLES[name], "more": 1}, day=TODAY)


@pytest.mark.parametrize("name", SAMPLES)
def test_each_claim_of_each_template_can_be_withheld(name: str) -> None:
    template = find_template(name)
    made = template.prepare(SAMPLES[name], day=TODAY)
    payload, _ = conceal(
        made, template.hidden(made), random=secrets.token_bytes, never=ALWAYS_SHOWN
    )
    shown = set(payload) - {"_sd", "_sd_alg"}
    # Of these it is seen that they are there, and nothing of what they say.
    assert shown <= {"age_equal_or_over", "nationalities", "driving_privileges"}
    for place in shown:
        inner = payload[place]
        parts = [inner] if isinstance(inner, dict) else inner
        assert all(set(part) <= {"_sd", "..."} for part in parts)


@pytest.mark.parametrize("name", SAMPLES)
def test_templates_are_read_as_they_are_written(name: str) -> None:
    template = find_template(name)
    assert Template.read(json.dumps(template.to_dict()).encode()) == template


def test_types_and_names_are_of_one_template_each() -> None:
    found = built_in_templates().values()
    assert len({one.vct for one in found}) == len({one.types for one in found}) == len(found)


def test_a_name_that_is_not_known_is_answered_with_those_that_are() -> None:
    with pytest.raises(NotFoundError) as caught:
        find_template("diplom")
    assert "Did you mean diploma?" in caught.value.hint


# -- ages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        ("2008-11-20", "2026-11-19", 17),
        ("2008-11-20", "2026-11-20", 18),
        ("2008-11-20", "2026-11-21", 18),
        ("2008-11-20", "2008-11-20", 0),
        ("2008-02-29", "2026-02-28", 17),
        ("2008-02-29", "2026-03-01", 18),
        ("2008-02-29", "2028-02-28", 19),
        ("2008-02-29", "2028-02-29", 20),
        ("2007-03-01", "2024-02-29", 16),
        ("2007-12-31", "2026-01-01", 18),
        ("2008-01-01", "2025-12-31", 17),
        ("1900-01-01", "2026-01-01", 126),
    ],
)
def test_an_age_is_reached_on_the_birthday(birth: str, day: str, age: int) -> None:
    assert age_on(date.fromisoformat(birth), date.fromisoformat(day)) == age


_DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@given(birth=_DAYS, days=st.integers(0, 40_000))
def test_ages_grow_by_one_each_year_and_never_fall(birth: date, days: int) -> None:
    day = birth + timedelta(days)
    today, tomorrow = age_on(birth, day), age_on(birth, day + timedelta(1))
    assert 0 <= today <= tomorrow <= today + 1
    if tomorrow > today:
        following = day + timedelta(1)
        assert (following.month, following.day) in {(birth.month, birth.day), (3, 1)}


def test_each_threshold_is_computed_and_can_be_shown_alone() -> None:
    template = find_template("identity")
    made = template.prepare(PERSON, day=TODAY)
    assert made["age_equal_or_over"] == {
        "12": True,
        "14": True,
        "16": True,
        "18": True,
        "21": False,
        "65": False,
    }
    hidden = template.hidden(made)
    assert ("birthdate",) in hidden
    assert {("age_equal_or_over", str(one)) for one in THRESHOLDS} <= set(map(tuple, hidden))


def test_a_proof_of_age_says_nothing_of_the_birthdate() -> None:
    made = find_template("age").prepare({"birthdate": "1990-01-01"}, day=TODAY)
    assert list(made) == ["age_equal_or_over"]


def test_without_a_birthdate_nothing_is_computed() -> None:
    template = find_template("membership")
    made = template.prepare(SAMPLES["membership"], day=TODAY)
    assert "age_equal_or_over" not in made
    assert template.hidden(made) == [("organisation",), ("member_number",)]


@pytest.mark.parametrize(
    ("birthdate", "message"),
    [
        ("2026-11-21", "/birthdate: it is after the day of issuance"),
        ("2023-02-29", "/birthdate: it is no date"),
        ("20081120", "/birthdate: it is no date"),
        (20081120, "/birthdate: it is no string"),
    ],
)
def test_a_birthdate_that_cannot_be_is_refused_once(birthdate: Any, message: str) -> None:
    with pytest.raises(InvalidClaims) as caught:
        find_template("age").prepare({"birthdate": birthdate}, day=TODAY)
    assert caught.value.facts["faults"] == [message]


def test_a_birthdate_is_a_day_even_where_the_schema_does_not_say_so() -> None:
    template = read(schema={"type": "object", "properties": {"birthdate": {}}}, ages={})
    for value in ("20081120", "x", 7):
        with pytest.raises(InvalidClaims, match="/birthdate: it is no day as in 1990-12-31"):
            template.prepare({"birthdate": value}, day=TODAY)


def test_an_age_cannot_be_given() -> None:
    claims = {**PERSON, "age_equal_or_over": {"18": True}}
    with pytest.raises(InvalidClaims, match="/age_equal_or_over: it is not allowed"):
        find_template("identity").prepare(claims, day=TODAY)


# -- claims --------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_and_no_claim_is() -> None:
    claims = {"family_name": "", "given_name": 7, "birthdate": "soon", "nationalities": ["Secret"]}
    with pytest.raises(InvalidClaims) as caught:
        find_template("identity").prepare(claims, day=TODAY)
    assert len(caught.value.facts["faults"]) == 4
    assert "soon" not in str(caught.value.to_dict())
    assert "Secret" not in str(caught.value.to_dict())


@pytest.mark.parametrize("name", sorted(NO_CLAIMS))
def test_names_with_a_meaning_of_their_own_are_no_claims(name: str) -> None:
    template = read(schema={"type": "object"})
    with pytest.raises(InvalidClaims, match="it has a meaning of its own"):
        template.prepare({name: "x"}, day=TODAY)


def test_claims_are_not_nested_without_end() -> None:
    claims: Any = "x"
    for _ in range(17):
        claims = {"a": claims}
    with pytest.raises(InvalidClaims, match="nested deeper than 16"):
        read(schema={"type": "object"}).prepare(claims, day=TODAY)
    assert read(schema={"type": "object"}).prepare(claims["a"], day=TODAY) == claims["a"]


# -- templates of the user -----------------------------------------------------------------------


def content(**members: Any) -> dict[str, Any]:
    usual = {
        "name": "badge",
        "title": "Badge",
        "types": ["BadgeCredential"],
        "vct": "https://works.example/badge",
        "schema": {"type": "object", "properties": {"number": {"type": "integer"}}},
    }
    return {name: one for name, one in {**usual, **members}.items() if one is not None}


def read(**members: Any) -> Template:
    return Template.read(json.dumps(content(**members)).encode())


def test_a_template_of_the_user_is_taken() -> None:
    template = read(
        schemaId="https://works.example/badge.json",
        contexts=["https://works.example/context"],
        validDays=7,
        disclosable=[["number"], ["rooms", None], ["rooms", 0]],
    )
    assert template.disclosable == (("number",), ("rooms", None), ("rooms", 0))
    assert template.hidden({"number": 7, "rooms": []}) == [("number",)]
    assert template.hidden({"rooms": ["a"]}) == [("rooms", None), ("rooms", 0)]
    assert template.credential_schema["$id"] == "https://works.example/badge.json"
    assert template.valid_days == 7
    assert template.to_dict()["contexts"] == ["https://works.example/context"]
    assert "age" not in str(template.issued_schema)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"colour": "red"}, "the member 'colour' is not known"),
        ({"vct": None}, "the member vct is missing"),
        ({"name": "My badge"}, "name is 'My badge'"),
        ({"title": ""}, "title is ''"),
        ({"title": "a\x1b"}, "title is"),
        ({"types": "Badge"}, "types is no list"),
        ({"types": []}, "types is no list of 1"),
        ({"types": ["A b"]}, "types is 'A b'"),
        ({"types": ["A", "A"]}, "names one twice"),
        ({"types": ["VerifiableCredential"]}, "names one twice, or VerifiableCredential"),
        ({"vct": "badge"}, "vct is 'badge'"),
        ({"schemaId": 7}, "schemaId is 7"),
        ({"contexts": ["x"]}, "contexts is 'x'"),
        ({"validDays": 0}, "validDays is no whole number"),
        ({"validDays": True}, "validDays is no whole number"),
        ({"schema": True}, "not one of an object"),
        ({"schema": {}}, "not one of an object"),
        ({"schema": {"type": "object", "$ref": "https://x.example"}}, "leads elsewhere"),
        ({"disclosable": "number"}, "disclosable is no list"),
        ({"disclosable": ["number"]}, "a path is no list"),
        ({"disclosable": [[]]}, "a path is no list"),
        ({"disclosable": [["a", True]]}, "a step of a path"),
        ({"disclosable": [["a", -1]]}, "a step of a path"),
        ({"disclosable": [[0]]}, "a path begins with a claim"),
        ({"disclosable": [["status"]]}, "a path begins with a claim"),
        ({"ages": []}, "ages is no JSON object"),
        ({"ages": {"to": "x"}}, "the member 'to' is not known"),
        ({"ages": {}}, "ages come from a claim of the schema"),
        ({"ages": {"from": "number", "claim": "number"}}, "ages come from"),
        ({"ages": {"from": "number", "claim": "status"}}, "ages come from"),
        ({"ages": {"from": "number", "keep": 1}}, "keep of ages"),
        ({"ages": {"from": "number", "thresholds": 18}}, "thresholds is no list"),
        ({"ages": {"from": "number", "thresholds": [18, 18]}}, "named twice"),
        ({"ages": {"from": "number", "thresholds": [0]}}, "a threshold is no whole number"),
    ],
)
def test_a_template_that_is_none_is_refused(members: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        read(**members)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "no JSON object"),
        (b"{", "not JSON"),
        (b'{"name": "a", "name": "b"}', "a member is there twice"),
        (b" " * 300_000, "at most 262144"),
    ],
)
def test_a_text_that_is_no_template_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        Template.read(data)


def test_a_file_is_named_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "badge.json"
    with pytest.raises(InvalidFile, match="cannot be read"):
        load_template(path)
    path.write_text("{}")
    with pytest.raises(InvalidFile, match=r"badge\.json: the template cannot be used"):
        load_template(path)
    path.write_text(json.dumps(content()))
    assert load_template(path).name == "badge"
