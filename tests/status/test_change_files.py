"""Files of changes: every form gives the same wishes; every bad row is named, and none is applied."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.keys import Address
from ethr_did.core.status_entry import (
    Anchor,
    BitstringEntry,
    ContractId,
    ListEntry,
    RecordEntry,
    TokenEntry,
)
from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.core.status_wishes import RecordWish, Wish, WishSet, gather
from ethr_did.errors import InvalidFile, InvalidStatusEntry
from ethr_did.status import change_files
from ethr_did.status.change_files import ChangeFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STATUSES = ContractId(1, Address(b"\x0c" * 20))
ANCHORS = ContractId(1, Address(b"\x0d" * 20))
FOREIGN = ContractId(5, Address(b"\x0c" * 20))
KEY = b"\x11" * 32


def a_list(purpose: Purpose, *, bits: int = 1, flags: Flag | None = None) -> ListId:
    return ListId.build(
        purpose=purpose, bits=bits, capacity=2**17, random=bytes(27), flags=flags or Flag(0)
    )


REVOKING, SUSPENDING = a_list(Purpose.REVOCATION), a_list(Purpose.SUSPENSION)
TWO_BITS = a_list(Purpose.LIFECYCLE, bits=2)
W3C = a_list(Purpose.REVOCATION, flags=Flag.ANCHORED)
IETF = a_list(Purpose.LIFECYCLE, bits=2, flags=Flag.ANCHORED | Flag.LSB_FIRST)


def files(**more: Any) -> ChangeFiles:
    return ChangeFiles(**{"statuses": STATUSES, "anchors": ANCHORS, **more})


def read(text: str | bytes, **more: Any) -> WishSet:
    reader = files(**more)
    reader.read(BytesIO(text.encode() if isinstance(text, str) else text), "file")
    return reader.finish()


def faults_of(text: str | bytes, **more: Any) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        read(text, **more)
    faults: list[str] = caught.value.facts["faults"]
    return faults


def wishes(*named: tuple[ListId, int, int]) -> WishSet:
    return gather(Wish(list_id=found, index=index, value=value) for found, index, value in named)


def entry(index: int = 7, list_id: ListId = REVOKING) -> dict[str, Any]:
    return ListEntry(registry=STATUSES, list_id=list_id, index=index).to_dict()


def token(claims: Mapping[str, Any]) -> str:
    parts = [b'{"alg":"ES256K"}', json.dumps(claims).encode(), b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


ONE = wishes((REVOKING, 7, 1))
CREDENTIAL = {"issuer": "did:ethr:0x" + "aa" * 20, "credentialStatus": entry()}


# -- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"listId,index,status\n{REVOKING.text},7,revoked\n",
        f"list_id,index,value\n{REVOKING.text},7,1\n",
        f"status,statusListIndex,listId\nrevoked,7,{REVOKING.text}",
        f"listId;index;status\n{REVOKING.text};7;revoked\n",
        f"listId\tindex\tstatus\r\n{REVOKING.text}\t7\trevoked\r\n",
        f'"listId","index","status"\n"{REVOKING.text}","7","revoked"\n',
        f"\n\nlistId,index,status\n\n{REVOKING.text},7,revoked\n\n",
        f"\ufefflistId,index,status\n{REVOKING.text},7,revoked\n",
        f" listId , index , status \n{REVOKING.text},7,revoked\n",
        f"name,listId,index,status,note\nx,{REVOKING.text},7,revoked,\n",
        f"listId,index,status,registry\n{REVOKING.text},7,revoked,{STATUSES.text}\n",
        f"listId,index,status,key\n{REVOKING.text},7,revoked,\n",
        f"listId,index,status\n{REVOKING.text},7,revoked\n{REVOKING.text},7,1\n",
    ],
)
def test_tables_say_the_same_in_many_ways(text: str) -> None:
    assert read(text) == ONE


def test_rows_of_a_table_are_entries_and_records() -> None:
    text = (
        f"listId,index,key,status\n{TWO_BITS.text},7,,suspended\n,,0x{KEY.hex()},revoked\n"
        f"{TWO_BITS.text},8,,3\n{W3C.text},9,,revoked\n"
    )
    gathered = read(text)
    assert gathered.records == {KEY: 1}
    assert list(gathered.entries(TWO_BITS)) == [(7, 2), (8, 3)]
    assert list(gathered.anchored.entries(W3C)) == [(9, 1)]


def test_a_table_without_a_status_becomes_what_was_said_for_all() -> None:
    assert read(f"listId,index\n{REVOKING.text},7\n", status="revoked") == ONE
    assert read(f"listId,index,status\n{REVOKING.text},7,revoked\n", status="revoked") == ONE
    assert read(f"key\n0x{KEY.hex()}\n", status=2).records == {KEY: 2}


def test_what_a_row_says_must_not_be_something_else() -> None:
    text = f"listId,index,status\n{TWO_BITS.text},7,suspended\n{TWO_BITS.text},8,\n"
    assert faults_of(text, status="revoked") == [
        "file line 2: it is to become 'suspended', and all of them 'revoked'"
    ]


@pytest.mark.parametrize(
    "index", ["1e3", "01", "+1", "-1", "1.0", " 7", "7 ", "0x7", "", "\u0667", "7,"]
)
def test_an_index_is_written_in_one_way(index: str) -> None:
    good = f"{REVOKING.text},3,revoked\n"
    rows = f'{good}{REVOKING.text},"{index}",revoked\n{good}'
    (fault,) = faults_of(f"listId,index,status\n{rows}")
    assert fault.startswith("file line 3: not an index")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f"{REVOKING.text},131072,revoked", "index 131072 is not in a list of 131072 entries"),
        (f"{REVOKING.text},7,2", "status 2 does not fit into 1 bit"),
        (f"{REVOKING.text},7,suspended", "cannot say 'suspended'"),
        (f"{REVOKING.text},7,Revoked", "not a status: 'Revoked'"),
        (f"{REVOKING.text},7,01", "not a status: '01'"),
        (f"{REVOKING.text},7,", "it does not say what the entry is to become"),
        (f"{REVOKING.text},7", "2 fields where the header has 3"),
        (f"{REVOKING.text},7,revoked,", "4 fields where the header has 3"),
        ("0x1234,7,revoked", "not a list id: '0x1234'"),
        (f"0x02{REVOKING.text[4:]},7,revoked", "layout 2 is not known"),
        (",7,revoked", "not a list id: None"),
        (f"{REVOKING.text},7,valid", "entry 7 of .* is to become 0, and 1 in an earlier row"),
    ],
)
def test_a_bad_row_is_named_with_its_line(row: str, fault: str) -> None:
    first = f"{REVOKING.text},7,revoked\n"
    (found,) = faults_of(f"listId,index,status\n{first}{row}\n{first}")
    assert found.startswith("file line 3: ")
    with pytest.raises(InvalidFile, match=fault):
        read(f"listId,index,status\n{first}{row}\n")


def test_all_bad_rows_are_named() -> None:
    bad = "".join(f"{REVOKING.text},0{number},revoked\n" for number in range(1, 30))
    with pytest.raises(InvalidFile, match=r"29 faults: file line 2: .*; and 19 more$") as caught:
        read(f"listId,index,status\n{bad}")
    lines = [fault.partition(":")[0] for fault in caught.value.facts["faults"]]
    assert lines == [f"file line {number}" for number in range(2, 31)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("listId,index,staus\n", "file line 1: the header has not the columns"),
        ("listId,status\n", "the header has not the columns"),
        ("\n\nindex,status\n", "file line 3: the header has not the columns"),
        ("listId,list_id,index,status\n", "two columns are the list"),
        ("revoke everything", "the header has not the columns"),
        ("", "file: it is empty"),
        (" \n\n ", "file: it is empty"),
    ],
)
def test_a_table_needs_its_columns(text: str, fault: str) -> None:
    (found,) = faults_of(text)
    assert fault in found


def test_an_open_quotation_mark_ends_the_reading() -> None:
    text = f'listId,index,status\n{REVOKING.text},7,"revoked\n{REVOKING.text},8,revoked\n'
    (fault,) = faults_of(text)
    assert "not CSV: unexpected end of data; not read further" in fault


def test_a_row_names_a_list_or_a_key() -> None:
    text = f"listId,index,key,status\n{REVOKING.text},7,0x{KEY.hex()},revoked\n"
    assert faults_of(text) == [
        "file line 2: it names a list and a key, and one entry is in one of them"
    ]


def test_entries_of_other_contracts_are_refused() -> None:
    header = "listId,index,status,registry\n"
    (fault,) = faults_of(f"{header}{REVOKING.text},7,revoked,{FOREIGN.text}\n")
    assert f"the status is kept in {FOREIGN.text}, not in {STATUSES.text}" in fault
    (fault,) = faults_of(f"{header}{W3C.text},7,revoked,{STATUSES.text}\n")
    assert f"not in {ANCHORS.text}" in fault
    (fault,) = faults_of(f"{header}{W3C.text},7,revoked,{ANCHORS.text}\n", anchors=None)
    assert "not in the contract of this network" in fault
    assert read(f"{header}{W3C.text},7,revoked,{ANCHORS.text}\n") == wishes((W3C, 7, 1))


def test_a_row_that_was_met_before_is_checked_all_the_same() -> None:
    row = f"{REVOKING.text},7,revoked"
    text = f"listId,index,status,registry\n{row},\n{row},{FOREIGN.text}\n{row},None\n"
    assert len(faults_of(text)) == 2


@pytest.mark.parametrize(
    "text",
    [
        b"listId,index,status\n" + REVOKING.text.encode() + b",7,revok\xe9d\n",
        b'{"listId": "' + REVOKING.text.encode() + b'", "index": 7, "status": "revok\xe9d"}\n',
        b"eyJ\xff.a.b\n",
    ],
)
def test_what_is_not_utf_8_is_named(text: bytes) -> None:
    faults = faults_of(text, status="revoked")
    assert faults
    assert all(fault.startswith("file line ") for fault in faults)


def test_utf_16_is_not_utf_8() -> None:
    assert faults_of(f"listId,index,status\n{REVOKING.text},7,revoked\n".encode("utf-16"))


# -- lines of JSON -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "status"),
    [
        ({"listId": REVOKING.text, "index": 7, "status": "revoked"}, None),
        ({"listId": REVOKING.text, "index": "7", "status": "1"}, None),
        ({"list_id": REVOKING.text, "statusListIndex": "7", "value": 1}, None),
        ({"listId": REVOKING.text, "index": 7, "registry": STATUSES.text}, "revoked"),
        ({"listId": REVOKING.text, "index": 7, "reference": "a", "entry": entry()}, "revoked"),
        ({**entry(), "status": "revoked"}, None),
        (entry(), 1),
        ({"credentialStatus": entry(), "status": "revoked"}, None),
        ({"credentialStatus": [entry(), entry(8, SUSPENDING)], "status": "revoked"}, None),
        (CREDENTIAL, "revoked"),
        ({**CREDENTIAL, "status": "revoked"}, None),
        ({"credential": CREDENTIAL, "status": "revoked"}, None),
        ({"credential": token({"vc": CREDENTIAL}), "status": "revoked"}, None),
        ({"iss": CREDENTIAL["issuer"], "vc": {"credentialStatus": entry()}}, "revoked"),
        (token({"vc": CREDENTIAL}), "revoked"),
        (token(CREDENTIAL) + "~WyJkaXNjbG9zdXJlIl0~", "revoked"),
    ],
)
def test_objects_say_the_same_in_many_ways(item: Any, status: str | int | None) -> None:
    text = json.dumps(item)
    assert read(text + "\n", status=status) == ONE
    assert read(f"\ufeff{text}\n\n{text}\n", status=status) == ONE
    assert read(f"[{text}, {text}]", status=status) == ONE
    if isinstance(item, dict):
        assert read(json.dumps(item, indent=2), status=status) == ONE
    if isinstance(item, str):
        assert read(f"{item}\n{item}\n", status=status) == ONE


def test_lists_kept_off_chain_are_named_by_their_anchor() -> None:
    w3c = BitstringEntry(
        list_url="https://a.example/1",
        index=7,
        purpose=Purpose.REVOCATION,
        anchor=Anchor(registry=ANCHORS, list_id=W3C),
    )
    ietf = TokenEntry(
        uri="https://a.example/2", index=8, anchor=Anchor(registry=ANCHORS, list_id=IETF)
    )
    lines = [
        {**w3c.to_dict(), "status": "revoked"},
        {**ietf.to_dict(), "status": "suspended"},
        {
            "iss": "did:example:1",
            "status": {**ietf.to_dict(), "status_list": {"idx": 9, "uri": "u"}},
        },
    ]
    assert read("\n".join(json.dumps(line) for line in lines[:2])) == wishes(
        (W3C, 7, 1), (IETF, 8, 2)
    )
    assert read(json.dumps(lines[2]), status="suspended") == wishes((IETF, 9, 2))


def test_records_are_named_by_their_keys() -> None:
    lines = [{"key": f"0x{KEY.hex()}", "status": "revoked"}] * 2
    assert read("\n".join(map(json.dumps, lines))) == gather([RecordWish(key=KEY, value=1)])


def test_a_credential_with_a_record_is_not_enough() -> None:
    record = RecordEntry(registry=STATUSES, salt=bytes(32)).to_dict()
    (fault,) = faults_of(json.dumps({"credentialStatus": record, "status": "revoked"}))
    assert "a record is found by the digest of the credential" in fault


def test_whole_credentials_are_the_issuers_affair() -> None:
    asked: list[tuple[Any, str | int]] = []

    def of_credential(claims: Mapping[str, Any], status: str | int) -> list[Wish]:
        asked.append((claims["issuer"], status))
        if claims["issuer"] != CREDENTIAL["issuer"]:
            raise InvalidStatusEntry("the credential is somebody else's")
        return [Wish(list_id=REVOKING, index=7, value=1)]

    lines = [CREDENTIAL, {"credential": CREDENTIAL}, entry()]
    text = "\n".join(map(json.dumps, lines))
    assert read(text, status="revoked", of_credential=of_credential) == ONE
    assert asked == [(CREDENTIAL["issuer"], "revoked")] * 2
    foreign = json.dumps({**CREDENTIAL, "issuer": "did:ethr:0x" + "bb" * 20})
    assert faults_of(f"{text}\n{foreign}", status="revoked", of_credential=of_credential) == [
        "file line 4: the credential is somebody else's"
    ]


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ({"listId": REVOKING.text, "index": 7}, "it does not say what the entry is to become"),
        ({"listId": REVOKING.text, "index": True, "status": "revoked"}, "not an index: True"),
        ({"listId": REVOKING.text, "index": 7.0, "status": "revoked"}, "not an index: 7.0"),
        ({"listId": REVOKING.text, "index": "07", "status": "revoked"}, "not an index: '07'"),
        ({"listId": REVOKING.text, "index": -7, "status": "revoked"}, "index -7 is not in a list"),
        ({"listId": REVOKING.text, "status": "revoked"}, "not an index: None"),
        ({"listId": REVOKING.text, "index": 7, "status": True}, "not a status: True"),
        ({"listId": REVOKING.text, "index": 7, "status": 1.0}, "not a status: 1.0"),
        ({"listId": REVOKING.text, "index": 7, "status": ["revoked"]}, "not a status"),
        ({"listId": [REVOKING.text], "index": 7, "status": "revoked"}, "not a list id"),
        ({"listId": REVOKING.text, "index": 7, "status": 1, "registry": None}, "not a contract"),
        ({"key": "0x11", "status": 1}, "not 32 bytes: '0x11'"),
        ({"key": f"0x{KEY.hex()}", "status": 256}, "does not fit into 8 bits"),
        ({"status": "revoked"}, "the credential has no status entry"),
        ({"id": 7, "status": "revoked"}, "the credential has no status entry"),
        ({"type": "OtherEntry", "status": "revoked"}, "not a known type of status"),
        ({"type": ["StatusList2021Entry"], "status": 1}, "not a known type of status"),
        ({"credential": 7, "status": "revoked"}, "not a credential: 7"),
        ({"credential": "eyJ", "status": "revoked"}, "not a JWT: 'eyJ'"),
        ({"credential": "a.b.c", "status": "revoked"}, "not a JWT"),
        ({"credential": "a.e30=.c", "status": "revoked"}, "not a JWT"),
        ({"credential": "a.W10.c", "status": "revoked"}, "not a JWT with claims"),
        ({**entry(), "registry": FOREIGN.text, "status": 1}, f"kept in {FOREIGN.text}"),
        ({**entry(), "statusSize": 2, "status": 1}, "statusSize is 2, and the list has 1"),
        (7, "neither an object nor a JWT: 7"),
        ([], "neither an object nor a JWT"),
        (None, "neither an object nor a JWT: None"),
        ("nonsense", "not a JWT: 'nonsense'"),
    ],
)
def test_a_bad_object_is_named_with_its_line(item: Any, fault: str) -> None:
    good = {"listId": REVOKING.text, "index": 3, "status": "revoked"}
    lines = "\n".join(map(json.dumps, [good, item, good]))
    status = "revoked" if isinstance(item, str) else None
    (found,) = faults_of(lines, status=status)
    assert found.startswith("file line 2: ")
    assert fault in found
    (found,) = faults_of(json.dumps([good, item, good]), status=status)
    assert found.startswith("file item 2: ")
    assert fault in found


@pytest.mark.parametrize(
    "line", ['{"listId": 1, "listId": 2}', "{]}", "{'a': 1}", '{"a": NaN}', "nonsense", "{}{}"]
)
def test_a_line_that_is_not_json_is_named(line: str) -> None:
    good = json.dumps({"listId": REVOKING.text, "index": 3, "status": "revoked"})
    (fault,) = faults_of(f"{good}\n{line}\n{good}\n")
    assert fault.startswith("file line 2: not JSON")


@pytest.mark.parametrize("text", ["[", '[{"a": 1},]', '{\n"listId": ', "[" * 100])
def test_a_document_that_is_not_json_is_named(text: str) -> None:
    (fault,) = faults_of(text)
    assert fault.startswith("file: not JSON")


def test_an_empty_list_is_no_change() -> None:
    assert read("[]").count == 0


# -- several files, and their limits -------------------------------------------------------------


def test_several_files_are_one_change(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.json"
    first.write_text(f"listId,index,status\n{REVOKING.text},7,revoked\n", "utf-8")
    second.write_text(json.dumps([entry(8)]), "utf-8")
    reader = files()
    reader.read_path(first)
    reader.read_path(second)
    with pytest.raises(InvalidFile, match=r"a\.csv, b\.json cannot be used, 1 fault: b\.json item"):
        reader.finish()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(InvalidFile, match="cannot be read"):
            files().read_path(path)


def test_limits_stop_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    row = f"{REVOKING.text},7,revoked\n"
    table = "listId,index,status\n" + row * 2000
    assert read(table).count == 1
    for limit, value, message in (
        ("MAX_BYTES", 100_000, "file is longer than 100,000 bytes"),
        ("MAX_ROWS", 700, "file is longer than 700 rows"),
        ("MAX_LINE", 60, "file line 1 is longer than 60 bytes"),
        ("MAX_DOCUMENT", 100, "file is longer than 100 bytes, which is the most"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(change_files, limit, value)
            text = json.dumps([entry()] * 9, indent=1) if limit == "MAX_DOCUMENT" else table
            with pytest.raises(InvalidFile, match=message):
                read(text)


def test_a_line_without_end_is_not_kept_whole() -> None:
    class Endless:
        """Gives as much as it is asked for, and notes how much that was."""

        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return b"a" * size

    stream = Endless()
    with pytest.raises(InvalidFile, match="file line 1 is longer than 1,048,576 bytes"):
        files().read(stream, "file")  # type: ignore[arg-type]
    assert stream.given < 2 << 20


def test_long_lines_over_many_reads_are_put_together() -> None:
    filler = "x" * 100_000
    rows = "".join(f"{REVOKING.text},{index},revoked,{filler}\n" for index in range(5))
    assert read(f"listId,index,status,note\n{rows}").count == 0 + 5


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([REVOKING, SUSPENDING, TWO_BITS, W3C]),
            st.integers(0, 2**17 - 1),
            st.just(1),
        ),
        max_size=30,
    )
)
def test_tables_and_lines_of_json_are_read_alike(named: list[tuple[ListId, int, int]]) -> None:
    table = "listId,index,status\n" + "".join(f"{a.text},{b},{c}\n" for a, b, c in named)
    lines = [{"listId": a.text, "index": b, "status": str(c)} for a, b, c in named]
    assert read(table) == wishes(*named)
    if named:
        assert read("\n".join(map(json.dumps, lines))) == wishes(*named)
        assert read(json.dumps(lines)) == wishes(*named)


def test_a_credential_may_have_a_record_whose_key_the_issuer_knows() -> None:
    wish = RecordWish(key=KEY, value=1)
    text = json.dumps(CREDENTIAL)
    assert read(text, status="revoked", of_credential=lambda _, __: [wish]).records == {KEY: 1}
