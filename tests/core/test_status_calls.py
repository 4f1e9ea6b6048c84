"""Calldata of the status contracts as their ABI has it; results read strictly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core import status_calls
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_calls import (
    NO_HEADER,
    Consent,
    Header,
    LensAnswer,
    LensKind,
    LensMoment,
    LensQuestion,
    ListUpdate,
    Publication,
    WordUpdate,
    parse_address_result,
    parse_bool_result,
    parse_lens_result,
    parse_list_result,
    parse_record_result,
    parse_status_result,
)
from ethr_did.core.status_list import ANY_WORD, Authority, Flag, ListId, Purpose
from ethr_did.errors import InvalidAnswer, InvalidStatusEntry

IDENTITY, SIGNER = Address(b"\x11" * 20), Address(b"\x22" * 20)
LIST = ListId.build(purpose=Purpose.REVOCATION, bits=1, capacity=2**17, random=b"\x5a" * 27)
ANCHORED = ListId.build(
    purpose=Purpose.REVOCATION, bits=1, capacity=2**17, random=b"\x5a" * 27, flags=Flag.ANCHORED
)
KEYS = [b"\x33" * 32, b"\x44" * 32]
UPDATE = ListUpdate(
    identity=IDENTITY,
    authority=Authority.ONE_LIST,
    list_id=LIST,
    words=(
        WordUpdate(word=0, set=5, clear=7, expected=ANY_WORD),
        WordUpdate(word=630, set=(1 << 208) - 1, clear=0, expected=9 << 208),
    ),
)
OTHER_UPDATE = replace(UPDATE, identity=SIGNER, authority=Authority.OWNER, words=())
HEADER = Header(
    content_digest=b"\x55" * 32,
    bitmap_root=b"\x66" * 32,
    version=3,
    published_at=1_700_000_000,
    valid_until=1_700_086_400,
    block_number=99,
)
PUBLICATION = Publication(
    identity=IDENTITY,
    authority=Authority.ALL_LISTS,
    list_id=ANCHORED,
    previous=HEADER,
    content_digest=b"\x77" * 32,
    bitmap_root=b"\x88" * 32,
    valid_until=1_800_000_000,
)
CONSENT = Consent(signer=SIGNER, deadline=1_900_000_000, signature=bytes(range(65)))

WORDS = [(5, 7, 1), (630 << 208 | (1 << 208) - 1, 0, 9 << 208)]
UPDATE_STRUCT = (IDENTITY, 3, LIST.value, WORDS)
OTHER_STRUCT: tuple[Any, ...] = (SIGNER, 0, LIST.value, [])
HEADER_STRUCT = (b"\x55" * 32, b"\x66" * 32, 3, 1_700_000_000, 1_700_086_400, 99)
PUBLICATION_STRUCT = (
    IDENTITY,
    1,
    ANCHORED.value,
    HEADER_STRUCT,
    b"\x77" * 32,
    b"\x88" * 32,
    1_800_000_000,
)
CONSENT_STRUCT = (SIGNER, 1_900_000_000, bytes(range(65)))
QUESTIONS = [
    LensQuestion(registry=SIGNER, kind=LensKind.ENTRY, identity=IDENTITY, id=LIST.value, index=7),
    LensQuestion(registry=SIGNER, kind=LensKind.ANCHOR, identity=IDENTITY, id=ANCHORED.value),
]
QUESTION_STRUCTS = [(SIGNER, 0, IDENTITY, LIST.value, 7), (SIGNER, 2, IDENTITY, ANCHORED.value, 0)]

REGISTRY = ContractName.CREDENTIAL_STATUS_REGISTRY
ANCHORS = ContractName.STATUS_LIST_ANCHOR_REGISTRY
LENS = ContractName.CREDENTIAL_STATUS_LENS

Case = tuple[ContractName, str, tuple[Any, ...], dict[str, Any], tuple[Any, ...]]
"""Contract, function, arguments for ours, and those that the contract must get."""

CASES: dict[str, Case] = {
    "set_status": (
        REGISTRY,
        "setStatus",
        (IDENTITY, Authority.REVOCATION_ONLY, LIST, 94567, 1),
        {},
        (IDENTITY, 2, LIST.value, 94567, 1),
    ),
    "update_words": (REGISTRY, "updateWords", (UPDATE,), {}, UPDATE_STRUCT),
    "update_lists": (
        REGISTRY,
        "updateLists",
        ([UPDATE, OTHER_UPDATE],),
        {},
        ([UPDATE_STRUCT, OTHER_STRUCT],),
    ),
    "revoke_key": (
        REGISTRY,
        "revokeKey",
        (IDENTITY, Authority.OWNER, KEYS[0]),
        {},
        (IDENTITY, 0, KEYS[0]),
    ),
    "set_keys": (
        REGISTRY,
        "setKeys",
        (IDENTITY, Authority.OWNER, 2, KEYS, [8, 9]),
        {},
        (IDENTITY, 0, 2, KEYS, [8, 9]),
    ),
    "set_status_by_sig": (
        REGISTRY,
        "setStatusBySig",
        (IDENTITY, Authority.OWNER, LIST, 7, 1),
        {"expected_word": 3 << 208, "consent": CONSENT},
        (IDENTITY, 0, LIST.value, 7, 1, 3 << 208, CONSENT_STRUCT),
    ),
    "update_lists_by_sig": (
        REGISTRY,
        "updateListsBySig",
        ([UPDATE], CONSENT),
        {},
        ([UPDATE_STRUCT], CONSENT_STRUCT),
    ),
    "set_keys_by_sig": (
        REGISTRY,
        "setKeysBySig",
        (IDENTITY, Authority.OWNER, 1, KEYS, []),
        {"consent": CONSENT},
        (IDENTITY, 0, 1, KEYS, [], CONSENT_STRUCT),
    ),
    "publish": (ANCHORS, "publish", (PUBLICATION,), {}, (PUBLICATION_STRUCT,)),
    "publish_many": (
        ANCHORS,
        "publishMany",
        ([PUBLICATION, PUBLICATION],),
        {},
        ([PUBLICATION_STRUCT, PUBLICATION_STRUCT],),
    ),
    "publish_by_sig": (
        ANCHORS,
        "publishBySig",
        (PUBLICATION, CONSENT),
        {},
        (PUBLICATION_STRUCT, CONSENT_STRUCT),
    ),
    "locate": (
        ANCHORS,
        "locate",
        (IDENTITY, Authority.OWNER, ANCHORED, "https://example.com/ü"),
        {},
        (IDENTITY, 0, ANCHORED.value, "https://example.com/ü"),
    ),
    "did_registry": (REGISTRY, "didRegistry", (), {}, ()),
    "domain": (REGISTRY, "eip712Domain", (), {}, ()),
    "status": (REGISTRY, "statusOf", (IDENTITY, LIST, 7), {}, (IDENTITY, LIST.value, 7)),
    "statuses": (
        REGISTRY,
        "statusesOf",
        (IDENTITY, LIST, (7, 8)),
        {},
        (IDENTITY, LIST.value, [7, 8]),
    ),
    "words": (REGISTRY, "wordsOf", (IDENTITY, LIST, 0, 631), {}, (IDENTITY, LIST.value, 0, 631)),
    "record": (REGISTRY, "recordOf", (IDENTITY, KEYS[0]), {}, (IDENTITY, KEYS[0])),
    "records": (REGISTRY, "recordsOf", (IDENTITY, KEYS), {}, (IDENTITY, KEYS)),
    "is_authorized": (
        REGISTRY,
        "isAuthorized",
        (IDENTITY, Authority.ALL_LISTS, LIST, SIGNER),
        {},
        (IDENTITY, 1, LIST.value, SIGNER),
    ),
    "head": (ANCHORS, "headOf", (IDENTITY, ANCHORED), {}, (IDENTITY, ANCHORED.value)),
    "is_current": (
        ANCHORS,
        "isCurrent",
        (IDENTITY, ANCHORED, HEADER),
        {},
        (IDENTITY, ANCHORED.value, HEADER_STRUCT),
    ),
    "status_from_proof": (
        ANCHORS,
        "statusFromProof",
        (IDENTITY, ANCHORED, HEADER, 300),
        {"word": KEYS[0], "siblings": KEYS},
        (IDENTITY, ANCHORED.value, HEADER_STRUCT, 300, KEYS[0], KEYS),
    ),
    "lens": (LENS, "query", (QUESTIONS,), {}, (QUESTION_STRUCTS,)),
}


def form(argument: Any) -> str:
    """The ABI type of an argument."""
    kind: str = argument["type"]
    if not kind.startswith("tuple"):
        return kind
    inside = ",".join(form(component) for component in argument["components"])
    return f"({inside}){kind.removeprefix('tuple')}"


@pytest.mark.parametrize("name", CASES)
def test_calldata_is_that_of_the_abi(name: str) -> None:
    contract, function, arguments, more, expected = CASES[name]
    (entry,) = [
        one for one in load(contract).abi if one["type"] == "function" and one["name"] == function
    ]
    kinds = [form(one) for one in entry["inputs"]]
    signature = f"{function}({','.join(kinds)})"
    made = getattr(status_calls, f"{name}_call")(*arguments, **more)
    assert made == keccak(signature.encode())[:4] + encode(kinds, expected)


def test_every_call_is_compared() -> None:
    made = {name.removesuffix("_call") for name in status_calls.__all__ if name.endswith("_call")}
    assert made == set(CASES)


def test_right_to_records_is_asked_for_without_a_list() -> None:
    data = status_calls.is_authorized_call(IDENTITY, Authority.OWNER, None, SIGNER)
    kinds = ["address", "uint256", "bytes32", "address"]
    expected = (to_checksum_address(IDENTITY).lower(), 0, bytes(32))
    assert decode(kinds, data[4:])[:3] == expected


def test_records_are_changed_without_expectations_unless_some_are_given() -> None:
    data = status_calls.set_keys_call(IDENTITY, Authority.OWNER, 1, KEYS)
    kinds = ["address", "uint256", "uint8", "bytes32[]", "uint256[]"]
    assert decode(kinds, data[4:])[4] == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"word": -1},
        {"word": 1 << 48},
        {"set": 1 << 208},
        {"clear": 1 << 208},
    ],
)
def test_change_outside_of_a_word_is_refused(wrong: dict[str, int]) -> None:
    fields = {"word": 0, "set": 1, "clear": 1, "expected": 0, **wrong}
    with pytest.raises(InvalidStatusEntry):
        WordUpdate(**fields)


def test_head_is_the_hash_of_the_header() -> None:
    kinds = ["bytes32", "bytes32", "uint256", "uint256", "uint256", "uint256"]
    assert HEADER.head == keccak(encode(kinds, HEADER_STRUCT))
    assert NO_HEADER.head == bytes(32)


# -- results -------------------------------------------------------------------------------------


def test_results_are_read() -> None:
    assert parse_bool_result((1).to_bytes(32)) is True
    assert parse_bool_result(bytes(32)) is False
    assert parse_address_result(IDENTITY.rjust(32, b"\0")) == IDENTITY
    assert parse_status_result(encode(["uint256", "uint256"], [2, 9])) == (2, 9)
    record = parse_record_result(encode(["uint256"] * 4, [2, 1_700_000_000, 9, 7]))
    assert (record.value, record.changed_at, record.changed_block, record.previous_block) == (
        2,
        1_700_000_000,
        9,
        7,
    )
    assert parse_list_result(encode(["uint256[]"], [[5, 6]]), 2) == (5, 6)


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_bool_result, b""),
        (parse_bool_result, (2).to_bytes(32)),
        (parse_address_result, bytes(31)),
        (parse_address_result, b"\x01" * 32),
        (parse_status_result, bytes(32)),
        (parse_record_result, bytes(96)),
        (lambda data: parse_list_result(data, 2), encode(["uint256[]"], [[5]])),
        (lambda data: parse_list_result(data, 2), encode(["uint256[]"], [[5, 6, 7]])),
        (lambda data: parse_list_result(data, 1), encode(["uint256"] * 3, [64, 1, 5])),
        (lambda data: parse_list_result(data, 1), encode(["uint256"] * 3, [32, 2, 5])),
    ],
)
def test_result_of_another_form_is_no_answer(parse: Any, data: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        parse(data)


MOMENT_KIND = "(uint256,uint256,uint256,bytes32)"
ANSWER_KIND = "(bool,bool,uint256,uint256,uint256,address,bytes32)"
LENS_MOMENT = (31337, 9, 1_700_000_000, b"\x99" * 32)
LENS_ROW = (True, True, 1, 8, 0, IDENTITY, bytes(32))


def lens_result(*rows: tuple[Any, ...]) -> bytes:
    data: bytes = encode([MOMENT_KIND, f"{ANSWER_KIND}[]"], [LENS_MOMENT, list(rows)])
    return data


def test_what_the_lens_saw_is_read() -> None:
    unanswered = (False, False, 0, 0, 0, bytes(20), bytes(32))
    moment, answers = parse_lens_result(lens_result(LENS_ROW, unanswered), 2)
    assert moment == LensMoment(
        chain_id=31337, block_number=9, timestamp=1_700_000_000, parent_hash=b"\x99" * 32
    )
    assert answers[0] == LensAnswer(
        answered=True,
        found=True,
        value=1,
        changed_block=8,
        changed_at=0,
        owner=IDENTITY,
        head=bytes(32),
    )
    assert not answers[1].answered


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 1),
        (lens_result(LENS_ROW), 2),
        (lens_result(LENS_ROW, LENS_ROW), 1),
        (lens_result(LENS_ROW)[:-1], 1),
        (lens_result(LENS_ROW) + b"\0", 1),
    ],
)
def test_lens_that_answers_in_another_form_is_none(data: bytes, count: int) -> None:
    with pytest.raises(InvalidAnswer):
        parse_lens_result(data, count)


@pytest.mark.parametrize(("word", "value"), [(4, 32), (5, 2), (6, 2), (11, 1 << 160)])
def test_word_that_the_lens_cannot_have_written_is_refused(word: int, value: int) -> None:
    data = bytearray(lens_result(LENS_ROW))
    data[word * 32 : word * 32 + 32] = value.to_bytes(32)
    with pytest.raises(InvalidAnswer):
        parse_lens_result(bytes(data), 1)
