"""What credentials say about their status, and what is taken for nothing of the kind."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.keys import Address
from ethr_did.core.status_entry import (
    MAX_ENTRIES,
    MAX_URL,
    Anchor,
    BitstringEntry,
    ContractId,
    Entry,
    ListEntry,
    RecordEntry,
    Registry2019Entry,
    Registry2022Entry,
    StatusMessage,
    TokenEntry,
    entries_of,
    entry_from_dict,
    issuer_of,
    status_members,
)
from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.errors import InvalidAddress, InvalidInput, InvalidStatusEntry, InvalidStatusList

CHECKSUMMED = "0x03d5003bf0e79C5F5223588F347ebA39AfbC3818"
REGISTRY = ContractId(1, Address(bytes.fromhex(CHECKSUMMED[2:])))
URL = "https://issuer.example/statuses/3"
DELETE = object()


def a_list(
    bits: int = 1, flags: Flag | None = None, purpose: Purpose = Purpose.REVOCATION
) -> ListId:
    return ListId.build(
        purpose=purpose, bits=bits, capacity=2**17, random=bytes(27), flags=flags or Flag(0)
    )


ON_CHAIN, W3C = a_list(), a_list(flags=Flag.ANCHORED)
IETF = a_list(2, Flag.ANCHORED | Flag.LSB_FIRST, Purpose.LIFECYCLE)
W3C_WIDE = a_list(2, Flag.ANCHORED)
MESSAGES = tuple(StatusMessage(value=value, message=f"is {value}") for value in range(4))

OURS = ListEntry(registry=REGISTRY, list_id=ON_CHAIN, index=94567)
RECORD = RecordEntry(registry=REGISTRY, salt=b"\x5a" * 32)
BITSTRING = BitstringEntry(
    list_url=URL,
    index=7,
    purpose=Purpose.REVOCATION,
    anchor=Anchor(registry=REGISTRY, list_id=W3C),
)
TOKEN = TokenEntry(uri=URL, index=7, anchor=Anchor(registry=REGISTRY, list_id=IETF))
OLD = Registry2019Entry(network="", registry=REGISTRY.address)
OLDER = Registry2022Entry(
    registry=REGISTRY, namespace=Address(b"\xaa" * 20), list_id=b"\x01" * 32, key=b"\x02" * 32
)


def changed(entry: Entry, **members: object) -> dict[str, Any]:
    """The entry as JSON with other members; ``DELETE`` takes one away."""
    found = {**entry.to_dict(), **members}
    return {name: value for name, value in found.items() if value is not DELETE}


def refused(data: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        entry_from_dict(data)
    return caught.value.message


# -- contracts -----------------------------------------------------------------------------------


def test_a_contract_is_named_in_caip_10() -> None:
    assert REGISTRY.text == f"eip155:1:{CHECKSUMMED}"
    assert ContractId.parse(REGISTRY.text) == REGISTRY
    assert ContractId.parse(REGISTRY.text.lower()) == REGISTRY


@pytest.mark.parametrize(
    "text",
    [
        *("", CHECKSUMMED, f"eip155:{CHECKSUMMED}", f"eip155:0:{CHECKSUMMED}"),
        *(f"eip155:01:{CHECKSUMMED}", f"eip155:0x1:{CHECKSUMMED}", f"EIP155:1:{CHECKSUMMED}"),
        *(f" eip155:1:{CHECKSUMMED}", f"eip155:1:{CHECKSUMMED}\n", f"eip155:1:{CHECKSUMMED}00"),
        *(f"eip155:-1:{CHECKSUMMED}", f"eip155:{'1' * 79}:{CHECKSUMMED}", "eip155:1:bob.eth"),
        *(None, 1, [REGISTRY.text]),
    ],
)
def test_what_names_no_contract_is_refused(text: object) -> None:
    with pytest.raises(InvalidStatusEntry, match="not a contract"):
        ContractId.parse(text)


def test_a_contract_with_a_typing_error_is_refused() -> None:
    with pytest.raises(InvalidAddress, match="checksum"):
        ContractId.parse(REGISTRY.text.replace("0x03d5", "0x03D5"))


# -- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        OURS,
        RECORD,
        BITSTRING,
        TOKEN,
        OLD,
        OLDER,
        BitstringEntry(list_url=URL, index=0, purpose=Purpose.MESSAGE, bits=2, messages=MESSAGES),
        BitstringEntry(list_url=URL, index=0, purpose=Purpose.REFRESH, bits=8),
        BitstringEntry(list_url=URL, index=0, purpose=Purpose.REVOCATION, messages=MESSAGES[:2]),
        TokenEntry(uri=URL, index=2**32 - 1),
        Registry2019Entry(network="sepolia", registry=REGISTRY.address),
        Registry2019Entry(network="0x1", registry=REGISTRY.address),
    ],
    ids=lambda entry: type(entry).__name__,
)
def test_an_entry_comes_back_from_its_json(entry: Entry) -> None:
    assert entry_from_dict(entry.to_dict()) == entry


@pytest.mark.parametrize("entry", [OURS, RECORD, BITSTRING, TOKEN, OLDER])
def test_members_that_are_not_known_are_ignored(entry: Entry) -> None:
    assert entry_from_dict({**entry.to_dict(), "id": "urn:x", "unknown": 7}) == entry


def test_our_entry_is_written_as_the_specification_says() -> None:
    assert OURS.to_dict() == {
        "type": "EthereumStatusListEntry",
        "statusPurpose": "revocation",
        "registry": REGISTRY.text,
        "listId": ON_CHAIN.text,
        "statusListIndex": "94567",
        "statusSize": 1,
    }


def test_a_w3c_entry_of_one_bit_is_written_plainly() -> None:
    plain = BitstringEntry(list_url=URL, index=7, purpose=Purpose.REVOCATION)
    assert plain.to_dict() == {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": URL,
    }
    assert BITSTRING.to_dict()["anchor"] == {"registry": REGISTRY.text, "listId": W3C.text}


def test_an_ietf_reference_is_written_plainly() -> None:
    assert TokenEntry(uri=URL, index=7).to_dict() == {"status_list": {"idx": 7, "uri": URL}}


@pytest.mark.parametrize(
    "kinds", [["EthereumStatusListEntry"], ["Other", "EthereumStatusListEntry"]]
)
def test_one_of_several_types_is_enough(kinds: list[str]) -> None:
    assert entry_from_dict(changed(OURS, type=kinds)) == OURS


def test_messages_are_found_by_their_value() -> None:
    entry = BitstringEntry(
        list_url=URL, index=0, purpose=Purpose.MESSAGE, bits=2, messages=MESSAGES
    )
    assert entry.message_of(2) == "is 2"
    assert entry.message_of(4) == ""


# -- what is none --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        *({}, {"type": None}, {"type": "StatusList2021Entry"}, {"type": []}, {"type": [None, 7]}),
        *({"type": "ethereumstatuslistentry"}, {"type": {"EthereumStatusListEntry": 1}}),
        {"type": "Unknown", "status_list": {"idx": 1, "uri": URL}},
    ],
)
def test_a_type_that_is_not_known_is_an_error(data: object) -> None:
    assert refused(data).startswith("not a known type of status")


@pytest.mark.parametrize("data", [None, "revoked", 7, [], ["a"], True])
def test_what_is_no_object_is_refused(data: object) -> None:
    assert refused(data).startswith("credentialStatus is not an object")


@pytest.mark.parametrize("index", ["1e3", "01", "+1", "-1", "", " 1", "1.0", 1, 1.0, None, DELETE])
@pytest.mark.parametrize("entry", [OURS, BITSTRING], ids=["ours", "w3c"])
def test_an_index_is_a_text_of_plain_digits(entry: Entry, index: object) -> None:
    assert refused(changed(entry, statusListIndex=index)).startswith("not an index")


@pytest.mark.parametrize("entry", [OURS, BITSTRING], ids=["ours", "w3c"])
def test_an_index_is_in_its_list(entry: Entry) -> None:
    message = refused(changed(entry, statusListIndex="131072"))
    assert message == "index 131072 is not in a list of 131072 entries"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"registry": DELETE}, "not a contract: None"),
        ({"registry": CHECKSUMMED}, "not a contract"),
        ({"listId": DELETE}, "not a list id: None"),
        ({"listId": "0x1234"}, "not a list id"),
        ({"listId": W3C.text}, "is the id of a list kept off chain"),
        ({"statusPurpose": "suspension"}, "statusPurpose is 'suspension', and the list has"),
        ({"statusPurpose": None}, "statusPurpose is None"),
        ({"statusSize": 2}, "statusSize is 2, and the list has 1"),
        ({"statusSize": "1"}, "statusSize is '1', and the list has 1"),
        ({"statusSize": 1.0}, "statusSize is 1.0, and the list has 1"),
        ({"statusSize": True}, "statusSize is True, and the list has 1"),
    ],
)
def test_our_entry_agrees_with_its_list(members: dict[str, object], message: str) -> None:
    assert message in refused(changed(OURS, **members))


def test_purpose_and_width_of_our_entry_may_be_left_out() -> None:
    assert entry_from_dict(changed(OURS, statusPurpose=DELETE, statusSize=DELETE)) == OURS


@pytest.mark.parametrize("index", [-1, 131_072])
def test_our_entry_cannot_be_made_behind_the_end(index: int) -> None:
    with pytest.raises(InvalidStatusEntry, match=f"index {index} is not in a list"):
        ListEntry(registry=REGISTRY, list_id=ON_CHAIN, index=index)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"registry": None}, "not a contract"),
        ({"salt": DELETE}, "not 32 bytes: None"),
        ({"salt": "0x" + "5a" * 31}, "not 32 bytes"),
        ({"statusPurpose": "revocation"}, "and the list has 'lifecycle'"),
    ],
)
def test_a_record_needs_contract_and_salt(members: dict[str, object], message: str) -> None:
    assert message in refused(changed(RECORD, **members))


# -- W3C -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["", None, 7, "a" * (MAX_URL + 1), [URL], DELETE])
def test_a_list_has_an_address(url: object) -> None:
    assert "not the address of a list" in refused(changed(BITSTRING, statusListCredential=url))
    claim = {"status_list": {"idx": 7, "uri": url}}
    assert "uri is not the address of a list" in refused(claim)


def test_an_address_may_be_long() -> None:
    url = "a" * MAX_URL
    assert entry_from_dict(changed(BITSTRING, statusListCredential=url)) != BITSTRING


def test_the_id_of_an_entry_is_not_the_lists() -> None:
    assert "the id of a status entry" in refused(changed(BITSTRING, id=URL))


@pytest.mark.parametrize("purpose", ["revoked", "Revocation", None, 0, ["revocation"], DELETE])
def test_a_w3c_entry_has_a_purpose(purpose: object) -> None:
    assert "not a status purpose" in refused(changed(BITSTRING, statusPurpose=purpose))


@pytest.mark.parametrize("size", [0, 3, 16, -1, "1", 1.0, 2.0, True, None, [1]])
def test_widths_are_whole_numbers(size: object) -> None:
    message = refused(changed(BITSTRING, anchor=DELETE, statusSize=size))
    assert message.startswith("statusSize is")


def test_a_w3c_entry_agrees_with_its_anchor() -> None:
    def with_anchor(list_id: ListId, **members: object) -> str:
        anchor = {"registry": REGISTRY.text, "listId": list_id.text}
        return refused(changed(BITSTRING, anchor=anchor, **members))

    assert "statusSize is 1, and the list has 2" in with_anchor(W3C_WIDE)
    assert "is the id of a list on chain" in with_anchor(ON_CHAIN)
    lsb = a_list(1, Flag.ANCHORED | Flag.LSB_FIRST)
    assert "in the order of the other kind of list" in with_anchor(lsb)
    other = a_list(1, Flag.ANCHORED, Purpose.SUSPENSION)
    assert "statusPurpose is 'revocation', and the list has 'suspension'" in with_anchor(other)


@pytest.mark.parametrize(
    "anchor",
    [None, "anchor", [], {}, {"registry": REGISTRY.text}, {"listId": W3C.text}],
)
def test_a_broken_anchor_is_not_passed_over(anchor: object) -> None:
    assert refused(changed(BITSTRING, anchor=anchor))
    assert refused({**TOKEN.to_dict(), "anchor": anchor})


def test_an_anchor_names_a_list_kept_off_chain() -> None:
    with pytest.raises(InvalidStatusEntry, match="is the id of a list on chain"):
        Anchor(registry=REGISTRY, list_id=ON_CHAIN)
    with pytest.raises(InvalidStatusList):
        Anchor.from_dict({"registry": REGISTRY.text, "listId": "0x"})


def a_message(status: object = "0x1", message: object = "no") -> dict[str, object]:
    return {"status": status, "message": message}


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ("none", "statusMessage has not 2 members"),
        ([a_message()], "statusMessage has not 2 members"),
        ([a_message()] * 3, "statusMessage has not 2 members"),
        ([a_message(), a_message("0x1")], "statusMessage does not name each of the 2 values once"),
        ([a_message("0x0"), a_message("0x2")], "does not name each of the 2 values once"),
        ([a_message(), "0x0"], "statusMessage is not an object"),
        ([a_message(), a_message("0")], "without its status"),
        ([a_message(), a_message(0)], "without its status"),
        ([a_message(), a_message("0x100")], "without its status"),
        ([a_message(), a_message("0x0", None)], "without its message"),
        ([a_message(), a_message("0x0", "a" * 513)], "without its message"),
    ],
)
def test_messages_name_every_value_once(messages: object, fault: str) -> None:
    assert fault in refused(changed(BITSTRING, statusMessage=messages))


# -- IETF ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", ["7", -1, 2**32, 7.0, True, None])
def test_idx_is_a_whole_number(index: object) -> None:
    assert "idx is not an index" in refused({"status_list": {"idx": index, "uri": URL}})


@pytest.mark.parametrize("reference", [None, "a", [], 7])
def test_a_status_list_is_an_object(reference: object) -> None:
    assert "status_list is not an object" in refused({"status_list": reference})


def test_an_ietf_reference_agrees_with_its_anchor() -> None:
    def with_anchor(list_id: ListId, index: int = 7) -> str:
        anchor = {"registry": REGISTRY.text, "listId": list_id.text}
        return refused({"status_list": {"idx": index, "uri": URL}, "anchor": anchor})

    assert "in the order of the other kind of list" in with_anchor(W3C)
    assert "index 131072 is not in a list" in with_anchor(IETF, 131_072)
    assert "is the id of a list on chain" in with_anchor(ON_CHAIN)


# -- older ones ----------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", [None, "", "sepolia", "sepolia:0x12", f"{CHECKSUMMED}:1", 7])
def test_an_entry_of_2019_names_its_contract(id_: object) -> None:
    with pytest.raises(InvalidAddress):
        entry_from_dict(changed(OLD, id=id_))


@pytest.mark.parametrize(
    "members",
    [
        *({"chainId": DELETE}, {"chainId": "0x1"}, {"chainId": "01"}, {"chainId": True}),
        *({"registry": DELETE}, {"registry": "0x12"}, {"namespace": DELETE}, {"namespace": 7}),
        *({"revocationList": "0x12"}, {"revocationKey": DELETE}, {"chainId": "1:0x"}),
    ],
)
def test_an_entry_of_2022_is_complete(members: dict[str, object]) -> None:
    assert refused(changed(OLDER, **members))


def test_the_chain_of_an_entry_of_2022_may_be_a_number() -> None:
    assert entry_from_dict(changed(OLDER, chainId=1)) == OLDER


# -- credentials ---------------------------------------------------------------------------------


def test_all_entries_of_a_credential_are_found() -> None:
    one, two, three = OURS.to_dict(), BITSTRING.to_dict(), TOKEN.to_dict()
    assert entries_of({}) == ()
    assert entries_of({"credentialStatus": None, "status": None, "vc": "text"}) == ()
    assert entries_of({"credentialStatus": one}) == (OURS,)
    assert entries_of({"credentialStatus": [one, two]}) == (OURS, BITSTRING)
    assert entries_of({"vc": {"credentialStatus": one}}) == (OURS,)
    found = entries_of(
        {"credentialStatus": one, "vc": {"credentialStatus": [two]}, "status": three}
    )
    assert found == (OURS, BITSTRING, TOKEN)


@pytest.mark.parametrize(
    "status",
    [{"type": "Unknown"}, [OURS.to_dict(), {"type": "Unknown"}], ["revoked"], "revoked", 0, False],
)
def test_no_entry_is_passed_over(status: object) -> None:
    with pytest.raises(InvalidStatusEntry):
        entries_of({"credentialStatus": status})


def test_a_claim_that_is_no_reference_is_not_passed_over() -> None:
    with pytest.raises(InvalidStatusEntry, match="not a known type of status"):
        entries_of({"status": {}})


def test_of_very_many_entries_none_is_read() -> None:
    assert len(entries_of({"credentialStatus": [OURS.to_dict()] * MAX_ENTRIES})) == MAX_ENTRIES
    with pytest.raises(InvalidStatusEntry, match="33 status entries; at most 32 are read"):
        status_members({"credentialStatus": [{}] * (MAX_ENTRIES + 1)})


def test_entries_can_be_had_as_they_stand() -> None:
    assert status_members({"credentialStatus": ["x", 7], "status": "y"}) == ("x", 7, "y")


DID = "did:ethr:" + CHECKSUMMED


@pytest.mark.parametrize(
    "credential",
    [
        {"issuer": DID},
        {"issuer": {"id": DID, "name": "x"}},
        {"iss": DID},
        {"iss": DID, "vc": {"issuer": DID}},
        {"vc": {"issuer": {"id": DID}}},
        {"iss": DID, "vc": "text"},
    ],
)
def test_the_issuer_is_found(credential: dict[str, Any]) -> None:
    assert issuer_of(credential) == DID


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"issuer": {}},
        {"issuer": {"id": 7}},
        {"issuer": DID, "iss": 7},
        {"issuer": [DID]},
        {"iss": DID, "vc": {"issuer": "did:ethr:0x12"}},
        {"iss": DID, "issuer": {"id": "did:web:a"}},
    ],
)
def test_a_credential_has_one_issuer(credential: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatusEntry, match="names no single issuer"):
        issuer_of(credential)


# -- whatever comes ------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=8,
)
forms = [entry.to_dict() for entry in (OURS, RECORD, BITSTRING, TOKEN, OLD, OLDER)]


@settings(deadline=None)
@given(st.sampled_from(forms), st.data())
def test_whatever_a_member_is_it_is_read_or_refused(
    form: dict[str, Any], data: st.DataObject
) -> None:
    member = data.draw(st.sampled_from([*sorted(form), "statusMessage", "anchor", "statusSize"]))
    with contextlib.suppress(InvalidInput):
        entry_from_dict({**form, member: data.draw(anything)})
