"""Signed status changes: what is signed, what is refused, what a file may say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import decode
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data

from ethr_did.core.calls import selector
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.relay import RelayMessage
from ethr_did.core.signed_message import (
    MAX_SIGNATURE,
    choose_deadline,
    list_reader,
    read_members,
    read_number,
    recover_signer,
)
from ethr_did.core.signed_status import MAX_PARTS, change_of
from ethr_did.core.status_batches import Batch
from ethr_did.core.status_calls import (
    NO_HEADER,
    Header,
    ListUpdate,
    Publication,
    WordUpdate,
)
from ethr_did.core.status_changes import RecordUpdate
from ethr_did.core.status_list import (
    ANY_WORD,
    INVALID,
    PAYLOAD_BITS,
    SUSPENDED,
    VALID,
    Authority,
    Flag,
    ListId,
    Purpose,
)
from ethr_did.core.status_message import (
    MAX_LIFETIME,
    Publish,
    SetKeys,
    SetStatus,
    SignedChange,
    StatusRelayMessage,
    UpdateLists,
    choose_status_deadline,
    recover_status_signer,
)
from ethr_did.errors import (
    InvalidChange,
    InvalidFile,
    InvalidOption,
    InvalidStatusEntry,
)
from support.status import NESTED, ORDER, TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = bytes(31) + b"\x07"
SIGNER = Address(bytes.fromhex(Account.from_key(KEY).address[2:]))
ISSUER = Address(b"\x11" * 20)
CONTRACT = Address(b"\xcc" * 20)
DEADLINE = 1_900_000_000
NOW = 1_800_000_000
WRITTEN = 7 << PAYLOAD_BITS
CONSENT = "(address,uint256,bytes)"
HEADER_TYPE = "(bytes32,bytes32,uint256,uint256,uint256,uint256)"


def a_list(
    *, bits: int = 1, capacity: int = 131_072, flags: Flag = Flag.TERMINAL, purpose: int = 0
) -> ListId:
    return ListId.build(
        purpose=Purpose(purpose), bits=bits, capacity=capacity, random=b"\x5a" * 27, flags=flags
    )


FINAL = a_list()
PLAIN = a_list(flags=Flag(0))
LIFE = a_list(bits=2, purpose=Purpose.LIFECYCLE)
ANCHORED = a_list(flags=Flag.ANCHORED)
HEADER = Header(
    content_digest=b"\x01" * 32,
    bitmap_root=b"\x02" * 32,
    version=3,
    published_at=NOW,
    valid_until=NOW + 5,
    block_number=9,
)


def set_status(**other: Any) -> SetStatus:
    members: dict[str, Any] = {
        "identity": ISSUER,
        "authority": Authority.OWNER,
        "list_id": FINAL,
        "index": 300,
        "value": INVALID,
        "expected_word": ANY_WORD,
    }
    return SetStatus(**{**members, **other})


def words(*updates: WordUpdate, **other: Any) -> ListUpdate:
    members: dict[str, Any] = {
        "identity": ISSUER,
        "authority": Authority.OWNER,
        "list_id": FINAL,
        "words": updates,
    }
    return ListUpdate(**{**members, **other})


def word(number: int = 0, **other: int) -> WordUpdate:
    return WordUpdate(**{"word": number, "set": 1, "clear": 0, "expected": ANY_WORD, **other})


def set_keys(*keys: bytes, **other: Any) -> SetKeys:
    members: dict[str, Any] = {
        "identity": ISSUER,
        "authority": Authority.OWNER,
        "value": INVALID,
        "keys": keys or (b"\x01" * 32, b"\x02" * 32),
        "expected": (),
    }
    return SetKeys(update=RecordUpdate(**{**members, **other}))


def publication(**other: Any) -> Publication:
    members: dict[str, Any] = {
        "identity": ISSUER,
        "authority": Authority.OWNER,
        "list_id": ANCHORED,
        "previous": HEADER,
        "content_digest": b"\x03" * 32,
        "bitmap_root": b"\x04" * 32,
        "valid_until": NOW + 3600,
    }
    return Publication(**{**members, **other})


CHANGES: list[SignedChange] = [
    set_status(),
    set_status(list_id=PLAIN, value=VALID, expected_word=WRITTEN | 1 << (300 - 208)),
    UpdateLists(
        lists=(
            words(word(), word(3, set=6)),
            words(
                word(2, set=0b10, clear=0b01, expected=WRITTEN),
                word(5, expected=0),
                list_id=LIFE,
                authority=Authority.ALL_LISTS,
                identity=Address(b"\x12" * 20),
            ),
        )
    ),
    set_keys(),
    set_keys(value=SUSPENDED, expected=(0, 5 << 48 | 3)),
    Publish(publication=publication()),
    Publish(publication=publication(previous=NO_HEADER, authority=Authority.ONE_LIST)),
]
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.kind)


def message(change: SignedChange, **other: Any) -> StatusRelayMessage:
    members: dict[str, Any] = {
        "chain_id": 31337,
        "contract": CONTRACT,
        "change": change,
        "signer": SIGNER,
        "deadline": DEADLINE,
        "signature": b"",
    }
    return StatusRelayMessage(**{**members, **other})


def signed(change: SignedChange) -> StatusRelayMessage:
    unsigned = message(change)
    signature = Account.sign_typed_data(KEY, full_message=unsigned.typed_data()).signature
    return replace(unsigned, signature=bytes(signature))


# -- what is signed ------------------------------------------------------------------------------


def members_from_the_specification(change: SignedChange) -> dict[str, Any]:
    """The members of the typed message, put together a second time."""
    match change:
        case SetStatus():
            return {
                "identity": to_checksum_address(change.identity),
                "authority": change.authority.value,
                "listId": change.list_id.value,
                "index": change.index,
                "value": change.value,
                "expectedWord": change.expected_word,
            }
        case UpdateLists():
            lists = [
                {
                    "identity": to_checksum_address(one.identity),
                    "authority": one.authority.value,
                    "listId": one.list_id.value,
                    "words": [
                        {
                            "set": each.word << 208 | each.set,
                            "clear": each.clear,
                            "expected": each.expected,
                        }
                        for each in one.words
                    ],
                }
                for one in change.lists
            ]
            return {"lists": lists}
        case SetKeys():
            return {
                "identity": to_checksum_address(change.update.identity),
                "authority": change.update.authority.value,
                "value": change.update.value,
                "keys": list(change.update.keys),
                "expected": list(change.update.expected),
            }
        case Publish():
            wanted = change.publication
            return {
                "identity": to_checksum_address(wanted.identity),
                "authority": wanted.authority.value,
                "listId": wanted.list_id.value,
                "previousHead": wanted.previous.head,
                "contentDigest": wanted.content_digest,
                "bitmapRoot": wanted.bitmap_root,
                "validUntil": wanted.valid_until,
            }


@each_change
def test_the_digest_is_the_one_of_the_specification_s_types(change: SignedChange) -> None:
    name = "StatusListAnchorRegistry" if change.kind == "Publish" else "CredentialStatusRegistry"
    domain = {
        "name": name,
        "version": "1",
        "chainId": 31337,
        "verifyingContract": to_checksum_address(CONTRACT),
    }
    types = {kind: TYPES[kind] for kind in (change.kind, *NESTED.get(change.kind, ()))}
    body = {
        **members_from_the_specification(change),
        "signer": to_checksum_address(SIGNER),
        "deadline": DEADLINE,
    }

    expected = _hash_eip191_message(encode_typed_data(domain, types, body))

    assert message(change).digest == expected


@each_change
def test_the_signer_is_recovered_from_the_signature(change: SignedChange) -> None:
    assert recover_status_signer(signed(change)) == SIGNER
    assert recover_signer(signed(change)) == SIGNER


@each_change
@pytest.mark.parametrize(
    "other",
    [
        {"chain_id": 1},
        {"contract": Address(b"\xcd" * 20)},
        {"signer": ISSUER},
        {"deadline": DEADLINE + 1},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_names_the_place_is_signed(change: SignedChange, other: dict[str, Any]) -> None:
    assert message(change, **other).digest != message(change).digest
    assert recover_status_signer(replace(signed(change), **other)) != SIGNER


@pytest.mark.parametrize(
    ("change", "function"),
    [
        (
            CHANGES[0],
            f"setStatusBySig(address,uint256,bytes32,uint32,uint8,uint256,{CONSENT})",
        ),
        (
            CHANGES[2],
            f"updateListsBySig((address,uint256,bytes32,(uint256,uint256,uint256)[])[],{CONSENT})",
        ),
        (
            CHANGES[3],
            f"setKeysBySig(address,uint256,uint8,bytes32[],uint256[],{CONSENT})",
        ),
        (
            CHANGES[5],
            f"publishBySig((address,uint256,bytes32,{HEADER_TYPE},bytes32,bytes32,uint256),{CONSENT})",
        ),
    ],
    ids=["SetStatus", "UpdateLists", "SetKeys", "Publish"],
)
def test_the_call_carries_change_and_consent(change: SignedChange, function: str) -> None:
    call = signed(change).call()

    assert call[:4] == selector(function)
    kinds = function.partition("(")[2][:-1]
    assert bytes(SIGNER) in call
    # The last argument is the consent.
    *_, consent = decode([f"({kinds})"], b"\0" * 31 + b"\x20" + call[4:])[0]
    assert consent[1:] == (DEADLINE, signed(change).signature)


@pytest.mark.parametrize(
    ("batch", "change"),
    [
        (
            Batch(updates=(words(word(3, set=1 << 5)),), gas=0),
            set_status(index=3 * 208 + 5),
        ),
        (
            Batch(
                updates=(
                    words(word(set=0b10 << 4, clear=0b01 << 4, expected=WRITTEN), list_id=LIFE),
                ),
                gas=0,
            ),
            set_status(list_id=LIFE, index=2, value=SUSPENDED, expected_word=WRITTEN),
        ),
        (
            Batch(
                updates=(
                    words(word(set=0, clear=0b11 << 4, expected=WRITTEN | 0b10 << 4), list_id=LIFE),
                ),
                gas=0,
            ),
            set_status(list_id=LIFE, index=2, value=VALID, expected_word=WRITTEN | 0b10 << 4),
        ),
        (
            Batch(updates=(words(word(set=3)),), gas=0),
            UpdateLists(lists=(words(word(set=3)),)),
        ),
        (Batch(records=set_keys().update, gas=0), set_keys()),
    ],
    ids=["revoke", "suspend", "reinstate", "two entries", "records"],
)
def test_what_a_transaction_would_do_is_signed_as_its_plainest_change(
    batch: Batch, change: SignedChange
) -> None:
    assert change_of(batch) == change


# -- signatures ----------------------------------------------------------------------------------


def compact(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:64]) | (signature[64] - 27) << 255
    return signature[:32] + s.to_bytes(32)


def high(signature: bytes) -> bytes:
    s = ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([27 + 28 - signature[64]])


@pytest.mark.parametrize("key", [KEY, bytes(31) + b"\x09", bytes(31) + b"\x0a"])
def test_the_short_form_of_a_signature_counts(key: bytes) -> None:
    account = Account.from_key(key)
    signer = Address(bytes.fromhex(account.address[2:]))
    for index in range(4):  # both parities come up
        unsigned = message(set_status(index=index), signer=signer)
        signature = bytes(account.sign_typed_data(full_message=unsigned.typed_data()).signature)
        short = replace(unsigned, signature=compact(signature))
        assert recover_status_signer(short) == signer


@pytest.mark.parametrize(
    "broken",
    [
        high,
        lambda _: b"",
        lambda good: good + b"\0",
        lambda good: good[:64] + b"\x1d",
        lambda good: bytes(32) + good[32:],
        lambda good: good[:32] + bytes(32) + good[64:],
    ],
    ids=["high s", "none", "too long", "v of 29", "r of zero", "s of zero"],
)
def test_what_the_contract_takes_for_no_signature_has_no_signer(
    broken: Callable[[bytes], bytes],
) -> None:
    good = signed(set_status())

    assert recover_status_signer(replace(good, signature=broken(good.signature))) is None


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"deadline": 0}, "needs a deadline"),
        ({"deadline": -1}, "needs a deadline"),
        ({"signer": Address(bytes(20))}, "zero address"),
    ],
)
def test_no_message_is_without_end_or_signer(other: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidChange, match=what):
        message(set_status(), **other)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"list_id": PLAIN}, "only final revocations"),
        ({"value": VALID}, "only final revocations"),
        ({"list_id": LIFE, "value": SUSPENDED}, "only final revocations"),
        ({"list_id": ANCHORED}, "kept off chain"),
        (
            {"list_id": a_list(flags=Flag.OWNER_ONLY), "authority": Authority.ALL_LISTS},
            "owner's alone",
        ),
        ({"value": VALID, "expected_word": WRITTEN | 1 << 92}, "entry 300 is INVALID, which is"),
        ({"expected_word": 5}, "no word is ever 0x5"),
        (
            {
                "list_id": LIFE,
                "value": SUSPENDED,
                "authority": Authority.REVOCATION_ONLY,
                "expected_word": 0,
            },
            "can make entry 300 INVALID only",
        ),
    ],
)
def test_an_entry_that_the_contract_would_refuse_is_not_signed(
    other: dict[str, Any], what: str
) -> None:
    with pytest.raises(InvalidChange, match=what):
        set_status(**other)


@pytest.mark.parametrize("other", [{"index": 131_072}, {"index": -1}, {"value": 2}])
def test_an_entry_that_does_not_exist_is_not_signed(other: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatusEntry):
        set_status(**other)


@pytest.mark.parametrize(
    ("lists", "what"),
    [
        ((), "there is no word"),
        ((words(),), "has no word"),
        ((words(word(), word()),), "word 0 of .* is there twice"),
        ((words(word()), words(word())), "word 0 of .* is there twice"),
        ((words(word(), list_id=PLAIN),), "only final revocations"),
        ((words(word(set=0b10), list_id=LIFE),), "only final revocations"),
        ((words(word(set=0b01), list_id=LIFE),), "only final revocations"),
        ((words(word(set=0, clear=1)),), "only final revocations"),
        ((words(word(631)),), "word 631: not in a list of 131072"),
        ((words(word(630, set=1 << 32)),), "word 630: not in a list of 131072"),
        ((words(word(630, set=0, clear=1 << 32)),), "word 630: not in a list of 131072"),
        ((words(word(expected=5)),), "no word is ever 0x5"),
        (
            (words(word(set=0, clear=1, expected=WRITTEN | 1), list_id=FINAL),),
            "entry 0 is INVALID, which is final",
        ),
        (
            (words(word(set=2, expected=0), list_id=LIFE, authority=Authority.REVOCATION_ONLY),),
            "can make entry 0 INVALID only",
        ),
        (
            tuple(words(word(number)) for number in range(MAX_PARTS + 1)),
            f"{MAX_PARTS + 1} words are more than {MAX_PARTS}",
        ),
    ],
)
def test_words_that_the_contract_would_refuse_are_not_signed(
    lists: tuple[ListUpdate, ...], what: str
) -> None:
    with pytest.raises(InvalidChange, match=what):
        UpdateLists(lists=lists)


@pytest.mark.parametrize(
    "lists",
    [
        (words(word(630, set=1 << 31)),),
        (words(word(set=0b01_00_01, clear=0b10_00_10), list_id=LIFE),),
        (words(word(), authority=Authority.REVOCATION_ONLY),),
        (words(word(set=1 << 207, expected=WRITTEN | 1), authority=Authority.ONE_LIST),),
        (words(word(set=0, clear=1, expected=WRITTEN | 1), list_id=PLAIN),),
        # The lower bit alone, where the higher one is not set: a whole revocation all the same.
        (words(word(expected=0), list_id=LIFE, authority=Authority.REVOCATION_ONLY),),
    ],
)
def test_words_that_the_contract_may_take_are_signed(lists: tuple[ListUpdate, ...]) -> None:
    assert UpdateLists(lists=lists).lists == lists


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda: set_keys(keys=()), "there is no key"),
        (lambda: set_keys(b"\x01" * 32, b"\x01" * 32), "a key is there twice"),
        (lambda: set_keys(b"\x01" * 31), "a key has 32 bytes"),
        (lambda: set_keys(value=256, expected=(0, 0)), "status 256 does not fit into 8 bits"),
        (lambda: set_keys(value=SUSPENDED), "only a revocation may leave out"),
        (lambda: set_keys(expected=(0,)), "2 keys, and 1 records expected"),
        (lambda: set_keys(expected=(0, 0, 0)), "2 keys, and 3 records expected"),
        (lambda: set_keys(value=VALID, expected=(1, 0)), "record 0x01.* is INVALID, which is"),
        (lambda: set_keys(authority=Authority.ONE_LIST), "for one list cannot change records"),
        (
            lambda: set_keys(authority=Authority.REVOCATION_ONLY, value=2, expected=(0, 0)),
            "for revocations may not write status 2",
        ),
    ],
)
def test_records_that_the_contract_would_refuse_are_not_signed(
    change: Callable[[], SetKeys], what: str
) -> None:
    with pytest.raises(InvalidChange, match=what):
        change()


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"list_id": FINAL}, "list on chain"),
        ({"authority": Authority.REVOCATION_ONLY}, "may not publish"),
        ({"content_digest": bytes(32)}, "stands for nothing"),
        ({"bitmap_root": bytes(32)}, "stands for nothing"),
        (
            {
                "list_id": a_list(flags=Flag.ANCHORED | Flag.OWNER_ONLY),
                "authority": Authority.ALL_LISTS,
            },
            "owner's alone",
        ),
    ],
)
def test_a_version_that_the_contract_would_refuse_is_not_signed(
    other: dict[str, Any], what: str
) -> None:
    with pytest.raises(InvalidChange, match=what):
        Publish(publication=publication(**other))


# -- deadlines -----------------------------------------------------------------------------------


def test_a_message_is_good_for_an_hour_unless_said_otherwise_and_for_a_day_at_most() -> None:
    assert choose_status_deadline(NOW) == NOW + 3600
    assert choose_status_deadline(NOW, lifetime=60) == NOW + 60
    assert choose_status_deadline(NOW, deadline=NOW + 9) == NOW + 9
    assert choose_status_deadline(NOW, lifetime=MAX_LIFETIME) == NOW + MAX_LIFETIME
    with pytest.raises(InvalidOption, match="cannot be withdrawn"):
        choose_status_deadline(NOW, lifetime=MAX_LIFETIME + 1)
    forced = choose_status_deadline(NOW, lifetime=MAX_LIFETIME + 1, force=True)
    assert forced == NOW + MAX_LIFETIME + 1


@pytest.mark.parametrize(
    "wrong",
    [{"deadline": NOW}, {"deadline": 0}, {"lifetime": 0}, {"deadline": NOW + 1, "lifetime": 5}],
)
def test_a_deadline_that_has_passed_or_is_said_twice_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidOption):
        choose_deadline(NOW, **wrong)


# -- files ---------------------------------------------------------------------------------------


@each_change
def test_a_message_survives_its_file(change: SignedChange) -> None:
    again = StatusRelayMessage.from_dict(json.loads(json.dumps(signed(change).to_dict())))

    assert again == signed(change)
    assert recover_status_signer(again) == SIGNER


@pytest.mark.parametrize("data", [None, [], {}, {"format": "ethr-did/relay/1"}, "text"])
def test_what_is_no_message_is_said_to_be_none(data: object) -> None:
    with pytest.raises(InvalidFile, match="not a status message"):
        StatusRelayMessage.from_dict(data)


def faults(data: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidFile, match="a broken status message") as caught:
        StatusRelayMessage.from_dict(data)
    found: list[str] = caught.value.facts["faults"]
    return found


def test_all_faults_of_a_file_are_reported_each_by_its_place() -> None:
    data = signed(CHANGES[2]).to_dict()
    del data["signer"]
    data |= {"deadline": "soon", "chainId": True, "signature": "0x1", "surplus": 1}
    data["contract"] = "0x" + "CC" * 19 + "c"
    lists = data["change"]["lists"]
    lists[0]["words"][1]["expected"] = "0x1"
    lists[0]["authority"] = 4
    lists[1]["words"] = {"word": 1}
    lists[1]["more"] = None

    assert [fault.split(" ")[0] for fault in faults(data)] == [
        "surplus",
        "chainId:",
        "contract:",
        "signer",
        "deadline:",
        "signature:",
        "change.lists[0].authority:",
        "change.lists[0].words[1].expected:",
        "change.lists[1].more",
        "change.lists[1].words:",
    ]


@pytest.mark.parametrize(
    ("change", "member", "value", "fault"),
    [
        (0, "index", 131_072, "change: index 131072 is not in a list"),
        (0, "index", "5", "change.index: not a whole number: '5'"),
        (0, "value", 1.0, "change.value: not a whole number: 1.0"),
        (0, "listId", FINAL.text[:-1], "change.listId: not a list id"),
        (0, "expectedWord", "0x01", "change.expectedWord: not 32 bytes"),
        (1, "expectedWord", "0x" + "0" * 63 + "1", "only final revocations may leave out"),
        (0, "authority", -1, "change.authority: not a whole number"),
        (3, "keys", ["0x11"], "change.keys[0]: not 32 bytes"),
        (3, "expected", ["0x" + "00" * 32], "2 keys, and 1 records expected"),
        (3, "keys", ["0x" + "00" * 32] * (MAX_PARTS + 1), "change.keys: not a list of at most"),
        (5, "previous", [], "change.previous: not an object: []"),
        (5, "previous", {}, "change.previous.contentDigest is missing"),
        (5, "validUntil", -1, "change.validUntil: not a whole number: -1"),
        (2, "lists", None, "change.lists: not a list of at most"),
    ],
)
def test_a_change_that_is_broken_is_named(
    change: int, member: str, value: object, fault: str
) -> None:
    data = signed(CHANGES[change]).to_dict()
    data["change"][member] = value

    assert fault in faults(data)[0]


@pytest.mark.parametrize("kind", ["SetEverything", None, 5, ["SetStatus"]])
def test_a_kind_that_is_not_known_is_refused(kind: object) -> None:
    (fault,) = faults({**signed(CHANGES[0]).to_dict(), "kind": kind})
    assert fault.startswith("change: of the unknown kind")


def test_a_message_without_end_is_refused_in_a_file_too() -> None:
    with pytest.raises(InvalidFile, match="needs a deadline"):
        StatusRelayMessage.from_dict({**signed(CHANGES[0]).to_dict(), "deadline": 0})


def test_a_signature_has_an_end() -> None:
    data = signed(CHANGES[0]).to_dict()
    most = {**data, "signature": "0x" + "00" * MAX_SIGNATURE}
    assert len(StatusRelayMessage.from_dict(most).signature) == MAX_SIGNATURE
    (fault,) = faults({**data, "signature": "0x" + "00" * (MAX_SIGNATURE + 1)})
    assert fault == "signature: longer than 8192 bytes"


def test_readers_of_lists_report_all_items() -> None:
    read = list_reader(read_number, limit=3)

    assert read([1, 2]) == (1, 2)
    with pytest.raises(InvalidFile) as caught:
        read(["a", 1, "b"])
    assert caught.value.facts["faults"] == [
        "[0]: not a whole number: 'a'",
        "[2]: not a whole number: 'b'",
    ]
    with pytest.raises(InvalidFile, match="not an object"):
        read_members([], {})


def test_relay_messages_of_the_did_registry_are_read_as_before() -> None:
    with pytest.raises(InvalidFile, match="a broken relay message: kind is missing; chainId is"):
        RelayMessage.from_dict({"format": "ethr-did/relay/1"})
