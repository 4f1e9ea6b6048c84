"""Files of requests: what they hold, and that all faults are told at once and no claim is."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.credentials import batch_files
from ethr_did.credentials.batch_files import BatchReader
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.templates import Template, find_template
from ethr_did.errors import InvalidFile, InvalidOption
from support.credential_office import HOLDER, NOW, PERSON, key_of

if TYPE_CHECKING:
    from ethr_did.credentials.issue_request import IssueRequest

JWK = key_of(seed="holder").public.to_jwk()


def reader(template: str | Template = "student-card", **options: Any) -> BatchReader:
    chosen = find_template(template) if isinstance(template, str) else template
    usual: dict[str, Any] = {"format": CredentialFormat.VC_JWT}
    return BatchReader(template=chosen, **{**usual, **options})


def read(data: str | bytes, with_: BatchReader | None = None, **options: Any) -> list[IssueRequest]:
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return (with_ or reader(**options)).read(stream, "cards.csv", now=NOW)


def faults(data: str | bytes, with_: BatchReader | None = None, **options: Any) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        read(data, with_, **options)
    found: list[str] = caught.value.facts.get("faults", [caught.value.message])
    return found


HEADER = "reference,subject,family_name,given_name,institution,student_number\n"
ROW = f"card-1,{HOLDER},Mustermann,Erika,University,7\n"
LINE = {
    "reference": "card-1",
    "subject": HOLDER,
    "claims": {
        "family_name": "Mustermann",
        "given_name": "Erika",
        "institution": "University",
        "student_number": "7",
    },
}


def line(**members: Any) -> str:
    given = {**LINE, **members}
    return json.dumps({name: one for name, one in given.items() if one is not None}) + "\n"


def test_a_table_and_lines_of_json_ask_for_the_same() -> None:
    (one,), (other,) = read(HEADER + ROW), read(line())
    assert one == other
    assert (one.reference, one.subject, one.claims) == ("card-1", HOLDER, LINE["claims"])


@pytest.mark.parametrize("mark", [";", "\t"])
def test_fields_are_set_off_by_other_marks_too(mark: str) -> None:
    (one,) = read((HEADER + ROW).replace(",", mark))
    assert one.claims == LINE["claims"]


def test_a_mark_at_the_beginning_empty_lines_and_fields_are_passed_over() -> None:
    table = HEADER.replace("\n", ",faculty\n") + "\n" + ROW.replace("\n", ",\n")
    (one,) = read(b"\xef\xbb\xbf" + table.encode())
    assert "faculty" not in one.claims
    assert len(read("\n" + line() + "\n" + line(reference="card-2"))) == 2


def test_times_and_keys_are_read_from_both() -> None:
    quoted = json.dumps(JWK).replace('"', '""')
    header = HEADER.replace("\n", ",holder_key,valid_from,valid_until\n")
    row = ROW.replace("\n", f',"{quoted}",2027-01-15T08:00:00.5Z,2027-02-01T00:00:00.9Z\n')
    (one,) = read(header + row, valid_days=7)
    (other,) = read(
        line(
            holderKey=JWK, validFrom="2027-01-15T08:00:00.5Z", validUntil="2027-02-01T00:00:00.9Z"
        ),
        valid_days=7,
    )
    assert one == other
    assert one.holder_key == key_of(seed="holder").public
    # The window never grows by what is cut off.
    assert (one.valid_from, one.valid_until) == (NOW + 1, 1_801_440_000)
    assert (one.valid_days, read(line(), valid_days=7)[0].valid_days) == (None, 7)


def test_columns_lead_into_objects_and_fields_are_what_the_schema_says() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {
                "type": "object",
                "properties": {
                    "count": {"type": "integer"},
                    "rate": {"type": "number"},
                    "good": {"type": "boolean"},
                    "tags": {"type": "array"},
                    "more": {"type": "object"},
                    "word": {"enum": ["7"]},
                },
            }
        },
    }
    template = Template.read(
        json.dumps(
            {
                "name": "any",
                "title": "Any",
                "types": ["AnyCredential"],
                "vct": "https://any.example",
                "validDays": 1,
                "schema": schema,
            }
        ).encode()
    )
    with_ = reader(template)
    table = (
        "reference;subject;a.count;a.rate;a.good;a.tags;a.more;a.word;b.c\n"
        f'r;{HOLDER};-7;1.5;true;["x"];{{}};7;8\n'
    )
    (one,) = read(table, with_)
    assert one.claims == {
        "a": {"count": -7, "rate": 1.5, "good": True, "tags": ["x"], "more": {}, "word": "7"},
        "b": {"c": "8"},
    }
    for field_, words in {
        "01": "'a.count' is no integer",
        "yes": "'a.good' is no boolean",
        "[": "'a.tags' is no JSON",
    }.items():
        column = words.split("'")[1]
        table = f"reference,subject,{column}\nr,{HOLDER},{field_}\n"
        assert faults(table, with_) == [f"cards.csv line 2: {words}"]


def test_a_field_in_quotation_marks_may_hold_line_ends() -> None:
    row = ROW.replace("University", '"Uni,\nversity"')
    (one,) = read(HEADER + row)
    assert one.claims["institution"] == "Uni,\nversity"


def test_all_faults_are_told_by_line_and_claim_and_no_claim_is() -> None:
    rows = [
        ROW,
        ROW.replace(",7", ","),
        "card-3,Erika,M,E,U,7\n",
        "card-4,,M,E,U,7\n",
        ",did:example:1,M,E,U,7\n",
        "card-6,did:example:1,M\n",
        ROW.replace("Mustermann", "x" * 201),
    ]
    found = faults(HEADER + "".join(rows))
    assert found == [
        "cards.csv line 3: the whole: student_number is missing",
        "cards.csv line 4: the subject is not a DID",
        "cards.csv line 5: a credential is bound to its holder",
        "cards.csv line 6: it has no reference",
        "cards.csv line 7: 3 fields where the header has 6",
        "cards.csv line 8: /family_name: it is longer than 200",
    ]
    assert not any("Erika" in one or "xxx" in one for one in found)


def test_references_are_of_one_row_each() -> None:
    assert faults(HEADER + ROW + ROW) == ["cards.csv line 3: the reference is that of line 2"]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("", "cards.csv is empty"),
        ("\n", "cards.csv is empty"),
        (HEADER, "cards.csv is empty"),
        (b"reference\n\xff\n", "cards.csv: not UTF-8"),
        ("reference,,a\nr,s,t\n", "a column has no name"),
        ("reference,a,a\nr,s,t\n", "a column has no name, or one that is there twice"),
        ("subject,a\ns,t\n", "there is no column reference"),
        ("reference,a,a.b\nr,s,t\n", "the column 'a.b' leads into another one"),
        ("reference,a.\nr,s\n", "the column 'a.' leads into another one, or nowhere"),
        (HEADER + 'card-1,"x"y\n', "not CSV"),
        (HEADER + 'card-1,"x\n', "not CSV"),
        ('{"reference": 1\n', "it is no JSON object as it is read here"),
        (line(reference=None), "it has no reference"),
        (line(reference=7), "it has no reference"),
        (line(claims=None), "its claims are no object"),
        (line(subject=7), "its subject is no text"),
        (line(name="Erika"), "the member 'name' is not known"),
        (line(validFrom="tomorrow"), "not a time: 'tomorrow'"),
        (line(validUntil="2020-01-01T00:00:00Z"), "a credential cannot be valid"),
        (line(holderKey={"kty": "RSA"}), "keys of this kind are not used here"),
    ],
)
def test_what_is_no_request_is_refused(data: str | bytes, fault: str) -> None:
    (found,) = faults(data)
    assert fault in found


def test_lines_that_are_no_json_do_not_hide_those_that_are() -> None:
    found = faults(line() + "[]\n" + '{"reference": "Erika\n' + line(reference="b", claims={}))
    assert found[:2] == [
        "cards.csv line 2: it is no JSON object as it is read here",
        "cards.csv line 3: it is no JSON object as it is read here",
    ]
    assert "is missing" in found[2]
    assert "Erika" not in str(found)


def test_the_caller_checks_more() -> None:
    def check(request: IssueRequest) -> None:
        raise InvalidOption(f"{request.reference} is no name for a file")

    assert faults(line(), check=check) == ["cards.csv line 1: card-1 is no name for a file"]


def test_who_may_show_them_is_said_once() -> None:
    (one,) = read(line(subject=None), bearer=True)
    assert one.bearer


def test_bytes_and_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_files, "MAX_BYTES", 1000)
    assert faults(line() * 10) == ["cards.csv is longer than 1,000 bytes"]
    monkeypatch.setattr(batch_files, "MAX_ROWS", 1)
    assert faults(line() + line(reference="b")) == ["cards.csv has more than 1 rows"]


def test_the_person_of_the_other_tests_can_be_issued_from_a_table() -> None:
    header = "reference,subject,family_name,given_name,birthdate,degree.type,degree.name,grade"
    degree: Any = PERSON["degree"]
    fields = [PERSON["family_name"], PERSON["given_name"], PERSON["birthdate"]]
    row = ",".join(["d", HOLDER, *map(str, fields), *degree.values(), str(PERSON["grade"])])
    (one,) = read(f"{header}\n{row}\n", template="diploma")
    assert one.claims == PERSON
