"""Lists of trusted issuers: what is read, what is refused, what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.credentials.trust_decision import TrustQuestion
from ethr_did.credentials.trust_lists import (
    FORMAT,
    MAX_BYTES,
    MAX_ENTRIES,
    TrustEntry,
    TrustList,
    read_trust_list,
    trust_list_from_dict,
    write_trust_list,
)
from ethr_did.errors import InvalidTrustList

NOW = 1_800_000_000
UNI = "did:web:uni.example"
ETHR = "did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
DIPLOMA = {"issuer": UNI, "types": ["DiplomaCredential"]}


def asked(*types: str, issuer: str = UNI) -> TrustQuestion:
    return TrustQuestion(issuer=issuer, types=types)


def entry(*types: str, issuer: str = UNI, **more: Any) -> TrustEntry:
    return TrustEntry(issuer=issuer, types=types, **more)


def code(trust_list: TrustList, question: TrustQuestion, at: int = NOW, **more: Any) -> str:
    return trust_list.find(question, at=at, **more).reason.name


def faults_of(**members: Any) -> tuple[str, ...]:
    """What is wrong with a list that has these members."""
    with pytest.raises(InvalidTrustList) as caught:
        trust_list_from_dict({"format": FORMAT, "entries": [], **members})
    assert all(fault in caught.value.message for fault in caught.value.facts["faults"][:20])
    faults: tuple[str, ...] = caught.value.facts["faults"]
    return faults


def entry_faults(**members: Any) -> list[str]:
    """What is wrong with an entry that has these members; the good ones need not be named."""
    faults = faults_of(entries=[{**DIPLOMA, **members}])
    assert all(fault.startswith("entries[0].") for fault in faults)
    return [fault.removeprefix("entries[0].") for fault in faults]


# -- what a list says ----------------------------------------------------------------------------


def test_an_issuer_is_trusted_for_the_types_of_its_entry() -> None:
    found = TrustList(entries=(entry("DiplomaCredential"),), name="Universities").find(
        asked("VerifiableCredential", "DiplomaCredential"), at=NOW
    )
    assert found.is_trusted
    assert found.to_dict() == {
        "source": "trust list 'Universities'",
        "code": "issuer_trusted",
        "message": "'did:web:uni.example' is trusted for 'VerifiableCredential', "
        "'DiplomaCredential'",
    }


def test_others_are_not_trusted() -> None:
    trust_list = TrustList(entries=(entry("DiplomaCredential"),))
    assert code(trust_list, asked("DiplomaCredential", issuer="did:web:mill.example")) == "UNKNOWN"
    assert code(trust_list, asked("LibraryCard")) == "WRONG_TYPE"
    assert code(TrustList(entries=()), asked("DiplomaCredential")) == "UNKNOWN"


def test_an_issuer_of_library_cards_cannot_make_one_a_diploma() -> None:
    trust_list = TrustList(entries=(entry("LibraryCard"),))
    found = trust_list.find(asked("LibraryCard", "DiplomaCredential"), at=NOW)
    assert found.reason.name == "WRONG_TYPE"
    assert "'DiplomaCredential'" in found.message
    assert "'LibraryCard'" not in found.message


def test_entries_of_an_issuer_count_together() -> None:
    trust_list = TrustList(
        entries=(entry("A"), entry("A", issuer=ETHR), entry("B", valid_until=NOW))
    )
    assert code(trust_list, asked("A", "B")) == "TRUSTED"
    assert code(trust_list, asked("A", "B"), NOW + 1) == "NO_LONGER"


def test_a_star_stands_for_any_type() -> None:
    trust_list = TrustList(entries=(entry("*"),))
    assert code(trust_list, asked("VerifiableCredential")) == "TRUSTED"
    assert code(trust_list, asked("VerifiableCredential", "Whatever")) == "TRUSTED"


def test_a_credential_without_a_type_of_its_own_needs_the_star() -> None:
    assert code(TrustList(entries=(entry("A"),)), asked("VerifiableCredential")) == "WRONG_TYPE"


def test_the_window_of_an_entry_includes_its_ends() -> None:
    trust_list = TrustList(entries=(entry("A", valid_from=NOW, valid_until=NOW + 10),))
    found = [code(trust_list, asked("A"), NOW + shift) for shift in (-1, 0, 10, 11)]
    assert found == ["NOT_YET", "TRUSTED", "TRUSTED", "NO_LONGER"]


def test_between_two_windows_an_issuer_is_no_longer_trusted() -> None:
    windows = (entry("A", valid_until=NOW - 1), entry("A", valid_from=NOW + 1))
    assert code(TrustList(entries=windows), asked("A")) == "NO_LONGER"


def test_an_issuer_that_was_never_trusted_for_both_types_has_the_wrong_one() -> None:
    entries = (entry("A", valid_until=NOW - 1), entry("B", valid_from=NOW + 1))
    assert code(TrustList(entries=entries), asked("A", "B")) == "WRONG_TYPE"


def test_a_list_that_has_ended_trusts_nobody() -> None:
    trust_list = TrustList(entries=(entry("A"),), valid_until=NOW)
    assert code(trust_list, asked("A")) == "TRUSTED"
    found = trust_list.find(asked("A"), at=NOW + 1)
    assert found.reason.name == "EXPIRED"
    assert "2027-01-15T08:00:00Z" in found.message


def test_a_list_must_be_good_now_whatever_time_is_asked_about() -> None:
    trust_list = TrustList(entries=(entry("A", valid_until=NOW),), valid_until=NOW + 10)
    assert code(trust_list, asked("A"), NOW, now=NOW + 10) == "TRUSTED"
    assert code(trust_list, asked("A"), NOW, now=NOW + 11) == "EXPIRED"


@pytest.mark.parametrize(
    "issuer",
    [
        ETHR.lower(),
        ETHR.replace("did:ethr:", "did:ethr:mainnet:"),
        ETHR.replace("did:ethr:", "did:ethr:0x1:"),
        "did:ethr:0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ],
)
def test_an_identity_is_known_in_every_spelling(issuer: str) -> None:
    assert code(TrustList(entries=(entry("A", issuer=ETHR),)), asked("A", issuer=issuer)) == (
        "TRUSTED"
    )


def test_the_same_address_on_another_network_is_somebody_else() -> None:
    elsewhere = ETHR.replace("did:ethr:", "did:ethr:sepolia:")
    trust_list = TrustList(entries=(entry("A", issuer=ETHR),))
    assert code(trust_list, asked("A", issuer=elsewhere)) == "UNKNOWN"


# -- reading -------------------------------------------------------------------------------------


def test_the_form_is_what_it_is() -> None:
    data = {
        "format": "ethr-did/trust-list/1",
        "name": "Universities",
        "issuer": ETHR,
        "validUntil": "2027-12-31T23:59:59Z",
        "entries": [
            {
                "issuer": UNI,
                "types": ["DiplomaCredential", "https://vct.example/card"],
                "validFrom": "2026-01-01T00:00:00Z",
                "validUntil": "2026-12-31T23:59:59Z",
                "note": "by hand",
            },
            {"issuer": ETHR, "types": ["*"]},
        ],
    }
    found = read_trust_list(json.dumps(data).encode())
    assert (found.name, found.issuer, found.valid_until) == ("Universities", ETHR, 1_830_297_599)
    assert found.entries[0] == entry(
        "DiplomaCredential",
        "https://vct.example/card",
        valid_from=1_767_225_600,
        valid_until=1_798_761_599,
        note="by hand",
    )
    assert found.to_dict() == data
    assert read_trust_list(write_trust_list(found)) == found


def test_fractions_of_a_second_make_no_window_longer() -> None:
    found = trust_list_from_dict(
        {
            "format": FORMAT,
            "validUntil": "2026-01-01T00:00:00.9+00:00",
            "entries": [
                {
                    **DIPLOMA,
                    "validFrom": "2026-01-01T00:00:00.1Z",
                    "validUntil": "2026-01-01T02:00:01.9+02:00",
                }
            ],
        }
    )
    assert found.valid_until == 1_767_225_600
    assert (found.entries[0].valid_from, found.entries[0].valid_until) == (
        1_767_225_601,
        1_767_225_601,
    )


times = st.none() | st.integers(0, 253_402_300_799)
texts = st.text(st.characters(categories=("L", "N", "P")), max_size=20)
entries = st.builds(
    lambda issuer, types, ends, note: TrustEntry(
        issuer=issuer,
        types=tuple(types),
        valid_from=min(ends, default=None),
        valid_until=max(ends, default=None),
        note=note,
    ),
    st.sampled_from([UNI, ETHR, "did:key:z6Mk"]),
    st.just(["*"]) | st.lists(st.sampled_from("ABCD"), min_size=1, unique=True),
    st.lists(st.integers(0, 253_402_300_799), max_size=2),
    texts,
)


@given(
    st.builds(
        TrustList,
        entries=st.lists(entries, max_size=4).map(tuple),
        name=texts,
        issuer=st.none() | st.just(ETHR),
        valid_until=times,
    )
)
def test_what_was_written_is_read_again(trust_list: TrustList) -> None:
    assert read_trust_list(write_trust_list(trust_list)) == trust_list


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"format": "ethr-did/trust-list/2", "entries": []}',
        b'{"format": "ethr-did/trust-list/1", "entries": [], "entries": []}',
        b"\xff",
        b" " * (MAX_BYTES + 1),
    ],
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidTrustList):
        read_trust_list(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
members = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("name", "issuer", "types", "validFrom", "validUntil", "note", "entries"), values
    ),
)


@given(members, st.lists(members | values, max_size=3) | values)
def test_whatever_stands_there_is_a_list_or_a_fault(outer: dict[str, Any], inner: object) -> None:
    try:
        found = trust_list_from_dict({**outer, "format": FORMAT, "entries": inner})
    except InvalidTrustList:
        return
    assert read_trust_list(write_trust_list(found)) == found


def test_every_fault_is_named_at_once() -> None:
    faults = faults_of(
        name=1,
        issuer="somebody",
        validUntil="tomorrow",
        validFrom="today",
        entries=[
            DIPLOMA,
            7,
            {"issuer": f"{ETHR}0", "types": "A", "validuntil": "2026-01-01T00:00:00Z"},
            {"types": ["A", "A", "VerifiableCredential", "*"], "note": "\n", "validFrom": None},
        ],
    )
    assert [fault.partition(":")[0] for fault in faults] == [
        "validFrom",
        "validUntil",
        "entries[1]",
        "entries[2].validuntil",
        "entries[2].issuer",
        "entries[2].types",
        "entries[3].validFrom",
        "entries[3].issuer",
        "entries[3].types[1]",
        "entries[3].types[2]",
        "entries[3].types",
        "entries[3].note",
        "name",
        "issuer",
    ]


@pytest.mark.parametrize("value", [None, {}, "A", 1])
def test_entries_are_a_list(value: object) -> None:
    assert any(fault.startswith("entries: ") for fault in faults_of(entries=value))


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"types": []}, "types: not a list of 1 to 64 types"),
        ({"types": [f"T{n}" for n in range(65)]}, "types: not a list of 1 to 64 types"),
        ({"types": ["VerifiableCredential"]}, "types[0]: every W3C credential"),
        ({"types": [1]}, "types[0]: not a type of credentials"),
        ({"types": ["*", "A"]}, "types: '*' stands for all, and alone"),
        ({"validFrom": 1}, "validFrom: not a time"),
        ({"validUntil": "1969-12-31T23:59:59Z"}, "validUntil: not a time between 1970 and 9999"),
        (
            {"validFrom": "2026-01-02T00:00:00Z", "validUntil": "2026-01-01T00:00:00Z"},
            "validUntil: before validFrom",
        ),
        ({"note": "x" * 501}, "note: not a line"),
        ({"issuer": "did:ethr:0x12"}, "issuer: 'did:ethr:0x12' does not end in an address"),
        ({"validUntill": "2026-01-01T00:00:00Z"}, "validUntill: not a member that is known"),
        ({"note": None}, "note: null; leave it out"),
    ],
)
def test_a_fault_of_an_entry_is_named(members: dict[str, Any], fault: str) -> None:
    assert entry_faults(**members)[0].startswith(fault)


def test_of_very_many_faults_the_first_are_told() -> None:
    with pytest.raises(InvalidTrustList, match="and 5 more") as caught:
        trust_list_from_dict({"format": FORMAT, "entries": [1] * 25})
    assert len(caught.value.facts["faults"]) == 25


def test_an_entry_obeys_the_same_rules_however_it_is_made() -> None:
    with pytest.raises(InvalidTrustList, match="the entry has 2 faults"):
        TrustEntry(issuer="x", types=("A",), valid_until=-1)
    with pytest.raises(InvalidTrustList, match="the trust list has one fault"):
        TrustList(entries=(), issuer="x")
    assert TrustList(entries=()).to_dict() == {"format": FORMAT, "entries": []}


def test_a_list_has_an_end() -> None:
    many = [DIPLOMA] * (MAX_ENTRIES + 1)
    assert "entries: more than 10000" in faults_of(entries=many)
    long = TrustList(entries=(entry("A", note="n" * 500),) * 2500)
    with pytest.raises(InvalidTrustList, match="at most 1048576 are read"):
        write_trust_list(long)
