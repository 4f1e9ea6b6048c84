"""What is written can be read again."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.changes import (
    MAX_VALIDITY,
    AddDelegate,
    Change,
    ChangeOwner,
    RevokeAttribute,
    RevokeDelegate,
    SetAttribute,
    change_from_dict,
)
from ethr_did.core.did import DIDURL, EthrDID
from ethr_did.core.document import DIDDocument
from ethr_did.core.erc1056 import decode_name, encode_name
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.core.resolution import format_time, parse_time
from support.strategies import NAMES, json_values

addresses = st.binary(min_size=20, max_size=20).map(Address)
segments = st.from_regex(r"[A-Za-z0-9._-]{1,8}", fullmatch=True).filter(lambda s: "0x" not in s)
texts = st.text(max_size=8)


@given(addresses)
def test_address(address: Address) -> None:
    assert parse_address(to_checksum_address(address)) == address


@given(addresses, st.lists(segments, max_size=3))
def test_did(address: Address, network: list[str]) -> None:
    name = ":".join(network)
    did = EthrDID.build(to_checksum_address(address), name)
    assert did.address == address
    assert did.network == ("" if name == "mainnet" else name)
    assert EthrDID.parse(str(did)) == did


@given(addresses, st.dictionaries(texts, texts, max_size=3), st.none() | texts)
def test_did_url(address: Address, parameters: dict[str, str], fragment: str | None) -> None:
    pairs = (f"{quote(name, '')}={quote(value, '')}" for name, value in parameters.items())
    query = "&".join(pairs)
    tail = f"?{query}" + ("" if fragment is None else "#" + quote(fragment))
    url = DIDURL.parse(f"did:ethr:{to_checksum_address(address)}{tail}")
    assert url.parameters == parameters
    assert url.query == query
    assert url.fragment == (None if fragment is None else quote(fragment))


@given(st.text(min_size=1, max_size=32).filter(lambda t: "\0" not in t and len(t.encode()) <= 32))
def test_name(text: str) -> None:
    assert decode_name(encode_name(text)) == text


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_time(seconds: int) -> None:
    text = format_time(seconds)
    if len(text) == len("2026-01-01T00:00:00Z"):  # years before 1000 are written shorter
        assert parse_time(text) == seconds


names = st.sampled_from(NAMES).map(encode_name) | st.binary(min_size=32, max_size=32).filter(any)
delegates = addresses.filter(any)
seconds = st.integers(1, MAX_VALIDITY)
values = st.binary(max_size=40)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(ChangeOwner, owner=addresses),
    st.builds(AddDelegate, delegate_type=names, delegate=delegates, validity=seconds),
    st.builds(RevokeDelegate, delegate_type=names, delegate=delegates),
    st.builds(SetAttribute, name=names, value=values, validity=seconds),
    st.builds(RevokeAttribute, name=names, value=values),
)


@settings(max_examples=200)
@given(changes)
def test_change(change: Change) -> None:
    assert change_from_dict(json.loads(json.dumps(change.to_dict()))) == change


ids = st.text(min_size=1, max_size=8)
extras = st.dictionaries(
    st.text(max_size=8).filter(lambda k: k not in {"id", "type", "controller", "serviceEndpoint"}),
    json_values,
    max_size=2,
)


def entries(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda known, extra: {**extra, **known}, st.fixed_dictionaries(members), extras
    )


methods = entries(id=ids, type=ids, controller=ids)
services = entries(
    id=ids, type=ids | st.lists(ids, min_size=1, max_size=2), serviceEndpoint=json_values
)
RELATIONSHIPS = (
    "authentication",
    "assertionMethod",
    "keyAgreement",
    "capabilityInvocation",
    "capabilityDelegation",
)
OWN = {"@context", "id", "verificationMethod", "service", *RELATIONSHIPS}
documents = st.builds(
    lambda known, extra: {**extra, **known},
    st.fixed_dictionaries(
        {"id": ids},
        optional={
            "@context": json_values.filter(lambda value: value is not None),
            "verificationMethod": st.lists(methods, max_size=2),
            "service": st.lists(services, max_size=2),
            **{name: st.lists(ids | methods, max_size=2) for name in RELATIONSHIPS},
        },
    ),
    st.dictionaries(st.text(max_size=8).filter(lambda k: k not in OWN), json_values, max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(documents)
def test_document(data: dict[str, Any]) -> None:
    document = DIDDocument.from_dict(data)
    assert document.to_dict() == data
    assert DIDDocument.from_dict(document.to_dict()) == document
