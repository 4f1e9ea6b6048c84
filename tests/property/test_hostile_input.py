"""Whatever comes in, only our errors come out."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.changes import change_from_dict, changes_from_list
from ethr_did.core.did import DIDURL, EthrDID
from ethr_did.core.document import DIDDocument
from ethr_did.core.erc1056 import ATTRIBUTE_TOPIC, TOPICS, decode_log, identity_topic
from ethr_did.core.keys import decompress_secp256k1, parse_address
from ethr_did.core.resolution import choose_media_type, parse_time, parse_version
from ethr_did.errors import EthrDIDError, InvalidAnswer, InvalidKey
from support.events import IDENTITY
from support.fake_chain import FakeChain, Person
from support.strategies import POINT, json_values

ALICE = Person(IDENTITY)
DID = f"did:ethr:dev:0x{IDENTITY.hex()}"
pieces = st.sampled_from(
    [
        *[
            "did",
            "ethr",
            "0x",
            ":",
            ";",
            "/",
            "?",
            "#",
            "&",
            "=",
            "%",
            "%41",
            "%zz",
            "\x00",
            "é",
            "🦊",
            ",",
            "q=0.5",
            "*/*",
            "application",
            "did+json",
        ],
        DID,
        " ",
    ]
)
hostile = st.text(max_size=40) | st.lists(pieces, max_size=12).map("".join)
surrogates = st.text(st.characters(codec=None, categories=("Cs", "Lu")), max_size=4)
anything = json_values | surrogates


@settings(max_examples=150)
@given(hostile | st.builds(lambda tail: DID + tail, hostile))
def test_did_urls(text: str) -> None:
    for parse in (EthrDID.parse, DIDURL.parse):
        with suppress(EthrDIDError):
            assert str(getattr(parse(text), "text", None)) == text


@settings(max_examples=100)
@given(hostile)
def test_accept(text: str) -> None:
    with suppress(EthrDIDError):
        choose_media_type(text)


@settings(max_examples=100)
@given(hostile | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fullmatch=True), anything)
def test_versions(text: str, option: Any) -> None:
    for call in (
        lambda: parse_time(text),
        lambda: parse_version({"versionId": text}),
        lambda: parse_version({}, option),
        lambda: parse_version({}, None, option),
        lambda: parse_version({"versionTime": text}, option),
    ):
        with suppress(EthrDIDError):
            call()


@settings(max_examples=100)
@given(anything)
def test_addresses(value: Any) -> None:
    with pytest.raises(EthrDIDError):
        parse_address(value)


@settings(max_examples=100)
@given(st.binary(max_size=70) | st.binary(min_size=32, max_size=32).map(lambda x: b"\2" + x))
def test_keys(key: bytes) -> None:
    with suppress(InvalidKey):
        assert len(decompress_secp256k1(key)) == 64


hexes = st.binary(max_size=70).map(lambda data: "0x" + data.hex())
fields = anything | hexes | st.integers(0, 2**70).map(hex)
logs = st.fixed_dictionaries(
    {},
    optional={
        "topics": st.just([ATTRIBUTE_TOPIC, identity_topic(IDENTITY)])
        | st.lists(st.sampled_from(TOPICS) | fields, max_size=3)
        | fields,
        "data": fields
        | st.binary(max_size=40).map(
            lambda value: (
                "0x"
                + encode(["bytes32", "bytes", "uint256", "uint256"], [b"n" * 32, value, 1, 2]).hex()
            )
        ),
        "blockHash": st.just("0x" + "00" * 32) | fields,
        "transactionHash": st.just("0x" + "00" * 32) | fields,
        "blockNumber": st.just("0x1") | fields,
        "logIndex": st.just("0x1") | fields,
        "blockTimestamp": st.none() | st.just("0x1") | fields,
    },
)


@settings(max_examples=300)
@given(logs | anything)
def test_logs(log: Any) -> None:
    with suppress(InvalidAnswer):
        decode_log(log)


members = st.sampled_from(
    [
        "owner",
        "delegateType",
        "delegate",
        "validity",
        "name",
        "value",
        "type",
        "publicKey",
        "purpose",
        "endpoint",
        "x",
    ]
)
words = ["changeOwner", "deactivate", "addDelegate", "revokeDelegate", "setAttribute"]
words += ["revokeAttribute", "addKey", "revokeKey", "addService", "revokeService", "x"]
good = st.sampled_from([f"0x{IDENTITY.hex()}", "0x" + POINT.hex(), "Ed25519", "Hub", "veriKey", 5])
change_like = st.builds(
    lambda word, rest: {**rest, "change": word},
    st.sampled_from(words) | anything,
    st.dictionaries(members, good | hexes | anything, max_size=4),
)


@settings(max_examples=300)
@given(change_like | anything)
def test_changes(data: Any) -> None:
    with suppress(EthrDIDError):
        assert change_from_dict(change_from_dict(data).to_dict())
    with suppress(EthrDIDError):
        changes_from_list([data, data])


@settings(max_examples=150)
@given(
    st.dictionaries(
        st.sampled_from(["id", "verificationMethod", "service", "authentication", "@context"]),
        anything
        | st.lists(st.dictionaries(st.sampled_from(["id", "type", "controller"]), anything)),
    )
    | anything
)
def test_documents(data: Any) -> None:
    with suppress(EthrDIDError):
        DIDDocument.from_dict(data)


METHODS = ["eth_call", "eth_getLogs", "eth_getBlockByNumber", "eth_getCode"]


def answer_always(answer: Any, _params: Any) -> Any:
    return answer


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(METHODS), fields | st.lists(logs, max_size=2), min_size=1))
def test_nodes(answers: dict[str, Any]) -> None:
    fake = FakeChain()
    fake.add_service(ALICE, "Hub", "https://h.example")
    for method, answer in answers.items():
        fake.answers[method] = partial(answer_always, answer)
    result = fake.resolver().resolve(DID)
    assert (result.error is None) != (result.view is None)
    assert fake.rounds < 40


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=160) | st.binary(min_size=141, max_size=141).map(lambda b: b"\1" + b[1:]))
def test_probe_answers(data: bytes) -> None:
    fake = FakeChain()
    fake.add_service(ALICE, "Hub", "https://h.example")
    whole = fake._call
    fake.answers["eth_call"] = lambda p: whole(*p) if "to" in p[0] else "0x" + data.hex()
    result = fake.resolver().resolve(DID)
    if result.error is None:
        assert len(result.require_document().service) == 1


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=60), st.integers(0, 2**256 - 1))
def test_attributes(name: bytes, value: bytes, valid_to: int) -> None:
    fake = FakeChain()
    fake.raw_attribute(ALICE, name, value, valid_to)
    fake.raw_attribute(ALICE, b"did/svc/" + name[:24], value, valid_to)
    fake.raw_attribute(ALICE, b"did/pub/" + name[:24], value, valid_to)
    result = fake.resolver().resolve(DID)
    assert result.error is None
    assert result.to_dict()["didDocument"]["id"] == DID
