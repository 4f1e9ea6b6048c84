"""What a request asks, read from its path, query and body."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.core.resolution import VersionQuery
from ethr_did.errors import (
    EthrDIDError,
    InvalidDID,
    InvalidDIDURL,
    InvalidOption,
    UnknownNetwork,
    UnsupportedFeature,
    UnsupportedMethod,
)
from ethr_did.service.questions import Question, body_options, read_question
from support.fake_chain import FakeChain, Person

DID = Person.named("alice").did
NETWORKS = Networks([FakeChain().network()])


def read(path: str, query: str = "", accept: str | None = None, **options: Any) -> Question:
    return read_question(path.encode(), query.encode(), accept, NETWORKS, **options)


def encoded(text: str) -> str:
    return quote(text, safe="")


# -- the DID URL -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query", "url"),
    [
        (DID, "", DID),
        (encoded(DID), "", DID),
        (DID, "versionId=5", f"{DID}?versionId=5"),
        (DID, "service=a&relativeRef=%2Fb%3Fc%23d", f"{DID}?service=a&relativeRef=%2Fb%3Fc%23d"),
        (f"{DID}/path/x%20y", "", f"{DID}/path/x%20y"),
        (f"{DID}%23controller", "", f"{DID}#controller"),
        (f"{DID}%23controller", "versionId=5", f"{DID}?versionId=5#controller"),
        (f"{DID}%3Fservice=a%23b", "", f"{DID}?service=a#b"),
        (f"{DID}%3fservice=a%23b%23", "versionId=5", f"{DID}?service=a#b%23"),
        (encoded(f"{DID}?service=a&relativeRef=%2Fb#c"), "", f"{DID}?service=a&relativeRef=%2Fb#c"),
        (encoded(f"{DID}#controller"), "versionId=5", f"{DID}#controller"),
        (encoded(DID.lower()).lower(), "", DID.lower()),
    ],
)
def test_did_url_is_read(path: str, query: str, url: str) -> None:
    assert read(path, query).url.text == url


def test_query_of_a_plain_did_is_that_of_the_did_url() -> None:
    question = read(DID, "versionId=5&hl=z1")
    assert question.url.parameters == {"versionId": "5", "hl": "z1"}
    assert question.version == VersionQuery(block_number=5)


def test_query_of_an_encoded_did_holds_options() -> None:
    question = read(encoded(DID), "versionId=5")
    assert question.url.parameters == {}
    assert question.version == VersionQuery(block_number=5)


def test_query_behind_an_encoded_one_holds_options() -> None:
    question = read(f"{DID}%3Fservice=a", "versionId=5")
    assert question.url.parameters == {"service": "a"}
    assert question.version == VersionQuery(block_number=5)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("", InvalidDID),
        ("nonsense", InvalidDID),
        ("..", InvalidDID),
        ("../methods", InvalidDID),
        ("..%2F..%2Fetc%2Fpasswd", InvalidDID),
        ("%2e%2e/", InvalidDID),
        ("//", InvalidDID),
        ("/did:ethr:dev", InvalidDID),
        ("did:", InvalidDID),
        ("did:ethr:", InvalidDID),
        ("did:ethr:dev:0x12", InvalidDID),
        ("did:ETHR:dev:0x12", InvalidDID),
        (f"{DID}%00", InvalidDID),
        (f"{DID}%2500", InvalidDID),
        (f"{DID}%zz", InvalidDID),
        (f"{DID}/%zz", InvalidDIDURL),
        (f"{DID}/a b", InvalidDIDURL),
        (f"{DID}/\u00e9", InvalidDIDURL),
        (encoded(DID) + "%00", InvalidDID),
        (encoded(DID) + "%", InvalidDIDURL),
        (encoded(DID) + "%zz", InvalidDIDURL),
        ("%ff%fe", InvalidDIDURL),
        ("%C3%28", InvalidDIDURL),
        (encoded(encoded(DID)), InvalidDID),
        ("did%3Aweb%3Aexample.com", UnsupportedMethod),
        ("did:web:example.com", UnsupportedMethod),
        ("did:ethr:nowhere:" + DID[-42:], UnknownNetwork),
        ("did:ethr:" + "a" * 5000, InvalidDID),
        ("a" * 20_000, InvalidDIDURL),
        (f"{DID}%3Fa=1&a=2", InvalidDIDURL),
    ],
)
def test_what_is_no_did_url_is_refused(path: str, error: type[EthrDIDError]) -> None:
    with pytest.raises(error) as caught:
        read(path)
    assert type(caught.value) is error


# -- the options -----------------------------------------------------------------------------------

WAYS = ["parameter", "option", "body"]


def ask(way: str, name: str, value: str, **options: Any) -> Question:
    match way:
        case "parameter":
            return read(DID, f"{name}={value}", **options)
        case "option":
            return read(encoded(DID), f"{name}={value}", **options)
        case _:
            return read(DID, body={name: value}, **options)


@pytest.mark.parametrize("way", WAYS)
def test_every_option_is_read(way: str) -> None:
    time = "2026-01-01T00:00:00Z"
    assert ask(way, "versionId", "7").version == VersionQuery(block_number=7)
    assert ask(way, "versionTime", time).version == VersionQuery(time=1767225600)
    assert ask(way, "accept", "application/did+json").choice.form == "application/did+json"
    assert ask(way, "expandRelativeUrls", "true").expands
    assert not ask(way, "expandRelativeUrls", "false").expands
    assert not ask(way, "noCache", "false").is_fresh
    assert ask(way, "noCache", "true", allows_fresh=True).is_fresh


@pytest.mark.parametrize("way", WAYS)
def test_answer_past_the_cache_is_not_for_everybody(way: str) -> None:
    with pytest.raises(UnsupportedFeature, match="noCache"):
        ask(way, "noCache", "true")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("versionId", ""),
        ("versionId", "-1"),
        ("versionId", "latest"),
        ("versionId", "0x5"),
        ("versionTime", "2026-01-01"),
        ("versionTime", "2026-01-01T00:00:00.5Z"),
        ("expandRelativeUrls", "yes"),
        ("expandRelativeUrls", ""),
        ("noCache", "1"),
    ],
)
def test_option_out_of_its_form_is_refused(way: str, name: str, value: str) -> None:
    with pytest.raises(InvalidOption):
        ask(way, name, value)


@pytest.mark.parametrize("way", ["option", "body"])
def test_unknown_option_is_not_supported(way: str) -> None:
    with pytest.raises(UnsupportedFeature, match="blockTag"):
        ask(way, "blockTag", "5")


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        (encoded(DID), "versionId=5&versionId=5", None),
        (encoded(DID), "accept=a/b&accept=a/b", None),
        (DID, "versionId=5&versionId=6", None),
        (DID, "versionId=5", {"versionId": "5"}),
        (encoded(DID), "noCache=false", {"noCache": False}),
        (encoded(f"{DID}?versionId=5"), "versionId=5", None),
        (encoded(f"{DID}?versionId=5"), "versionTime=2026-01-01T00:00:00Z", None),
        (DID, "versionId=5&versionTime=2026-01-01T00:00:00Z", None),
        (encoded(DID), "version%49d=5&versionId=5", None),
    ],
)
def test_option_that_is_given_twice_is_refused(
    path: str, query: str, body: dict[str, Any] | None
) -> None:
    with pytest.raises(InvalidOption):
        read(path, query, body=body)


@pytest.mark.parametrize("query", ["versionId=%zz", "%ff=1", "versionId=%", "versionId=%C3%28"])
def test_option_that_is_not_well_encoded_is_refused(query: str) -> None:
    with pytest.raises(InvalidOption, match="the query is"):
        read(encoded(DID), query)


def test_plus_is_a_plus() -> None:
    assert read(encoded(DID), "accept=application/did+json").choice.form == "application/did+json"


def test_empty_parts_of_a_query_are_nothing() -> None:
    assert read(encoded(DID), "&&versionId=5&").version.block_number == 5


# -- what was posted -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (b"", {}),
        (b" \n", {}),
        (b"{}", {}),
        (b'{"versionId": "5"}', {"versionId": "5"}),
        (b'{"noCache": true}', {"noCache": True}),
    ],
)
def test_body_is_read(body: bytes, options: dict[str, Any]) -> None:
    assert body_options(body) == options


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'"a"',
        b"5",
        b"{",
        b'{"a":1,"a":1}',
        b'{"a":NaN}',
        b"\xff",
        b"[" * 5000,
        b"{} {}",
        b"versionId=5",
    ],
)
def test_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidOption, match="the body is"):
        body_options(body)


@pytest.mark.parametrize(
    "body",
    [
        {"versionId": True},
        {"versionId": 5.0},
        {"versionId": []},
        {"versionTime": 5},
        {"accept": 5},
        {"accept": ["application/did"]},
        {"expandRelativeUrls": 1},
        {"expandRelativeUrls": [True]},
        {"noCache": {}},
    ],
)
def test_option_of_another_type_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        read(DID, body=body)


def test_option_that_is_null_is_not_given() -> None:
    body = {"versionId": None, "versionTime": None, "accept": None, "noCache": None}
    assert read(DID, body=body).key == read(DID).key


def test_number_of_a_block_may_be_a_number() -> None:
    assert read(DID, body={"versionId": 5}).version.block_number == 5


# -- keys ------------------------------------------------------------------------------------------


def test_same_question_in_other_words_has_the_same_key() -> None:
    keys = {
        read(DID).key,
        read(encoded(DID)).key,
        read(DID, accept="*/*").key,
        read(DID, accept="application/did+ld+json;q=0.3").key,
        read(encoded(DID), "expandRelativeUrls=false").key,
    }
    assert len(keys) == 1


def test_other_questions_have_other_keys() -> None:
    questions = [
        read(DID),
        read(DID, "versionId=5"),
        read(DID, "versionId=50"),
        read(encoded(DID), "versionTime=2026-01-01T00:00:00Z"),
        read(encoded(DID), "expandRelativeUrls=true"),
        read(DID, accept="application/did"),
        read(DID, accept="application/did-resolution"),
        read(DID, accept="application/did-resolution, application/did"),
        read(DID, accept="application/did-url-dereferencing"),
        read(f"{DID}%23controller"),
        read(Person.named("bob").did),
    ]
    assert len({question.key for question in questions}) == len(questions)
