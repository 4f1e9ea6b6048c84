"""Single disclosures: read, made, hashed."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from ethr_did.credentials.disclosures import (
    MAX_DISCLOSURE,
    RESERVED_NAMES,
    Disclosure,
    HashName,
)
from ethr_did.errors import InvalidCredential, InvalidInput
from support.vectors import load_vectors

SALT = "_26bc4LT-ac6q2KI6cBW5es"
MOEBIUS = {
    "plain": "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
    "escaped": "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd",
    "without spaces": "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTcO2Yml1cyJd",
    "with new lines": (
        "WwoiXzI2YmM0TFQtYWM2cTJLSTZjQlc1ZXMiLAoiZmFtaWx5X25hbWUiLAoiTcO2Yml1cyIKXQ"
    ),
}
"""RFC 9901, section 4.2.1."""


def encoded(data: bytes | list[Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


# -- read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", MOEBIUS.values(), ids=MOEBIUS)
def test_member_is_read_however_its_json_is_written(text: str) -> None:
    found = Disclosure.parse(text)
    assert (found.salt, found.name, found.value) == (SALT, "family_name", "Möbius")
    assert found.encoded == text


def test_element_has_no_name() -> None:
    found = Disclosure.parse("WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0")
    assert (found.salt, found.name, found.value) == ("lklxF5jMYlGTPUovMNIvCA", None, "FR")


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "", [], {}, [None], {"a": [{}]}])
def test_value_is_any_json(value: object) -> None:
    assert Disclosure.parse(encoded(["salt", value])).value == value
    assert Disclosure.parse(encoded(["salt", "name", value])).value == value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b'"salt"',
        b'{"salt": "name"}',
        b"null",
        b'["salt", NaN]',
        b'["salt", 1e999]',
        b'["salt", {"a": 1, "a": 2}]',
        b'["salt", "\xff"]',
        b'["salt", 1] []',
        b'["salt", ' + b"[" * 32 + b"]" * 32 + b"]",
    ],
)
def test_what_is_no_json_array_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidCredential, match="not a JSON array in base64url"):
        Disclosure.parse(encoded(content))


@pytest.mark.parametrize("count", [0, 1, 4])
def test_array_of_another_length_is_refused(count: int) -> None:
    with pytest.raises(InvalidCredential, match=f"has {count} parts, not two or three"):
        Disclosure.parse(encoded(["salt"] * count))


@pytest.mark.parametrize("salt", [None, 1, True, ["salt"], {}])
def test_salt_that_is_no_text_is_refused(salt: object) -> None:
    for parts in ([salt, "value"], [salt, "name", "value"]):
        with pytest.raises(InvalidCredential, match="salt"):
            Disclosure.parse(encoded(parts))


@pytest.mark.parametrize("name", [None, 1, True, ["name"], {}])
def test_name_that_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(InvalidCredential, match="name"):
        Disclosure.parse(encoded(["salt", name, "value"]))


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidCredential, match="may not be called"):
        Disclosure.parse(encoded(["salt", name, "value"]))
    with pytest.raises(InvalidCredential, match="may not be called"):
        Disclosure.build("value", salt=bytes(16), name=name)


@pytest.mark.parametrize(
    "text",
    [
        "WyJhIiwxXQ==",  # padded
        "WyJhIiwxXR",  # spare bits that are not zero
        "WyJhIiwxX",  # a length that no bytes have
        " WyJhIiwxXQ",
        "WyJhIiwxXQ\n",
        "WyJh.IiwxXQ",
        "WyJhIiwiw78/Il0",  # plain base64
        "WyJhIiwiw78+Il0",
        "WyJhIiwx!XQ",
        "WyJhIiwxXQ\u00e4",
        "WyJhIiwxXQ\ud800",
    ],
)
def test_text_that_is_not_the_one_way_to_write_its_bytes_is_refused(text: str) -> None:
    assert Disclosure.parse("WyJhIiwxXQ").value == 1
    with pytest.raises(InvalidCredential, match="base64url"):
        Disclosure.parse(text)


def test_disclosure_that_is_too_long_is_refused() -> None:
    longest = encoded(["salt", "x" * (MAX_DISCLOSURE * 3 // 4 - 12)])
    assert len(longest) == MAX_DISCLOSURE
    Disclosure.parse(longest)
    with pytest.raises(InvalidCredential, match="has 262148 characters, not at most 262144"):
        Disclosure.parse(longest + "AAAA")
    with pytest.raises(InvalidCredential, match="more than the 262144"):
        Disclosure.build("x" * MAX_DISCLOSURE, salt=bytes(16))


def test_claims_and_salts_are_in_no_error() -> None:
    for content in (b'["s3cret", "Erika", 1', b'["s3cret", "Erika", 1, 2]', b'"s3cret Erika"'):
        with pytest.raises(InvalidCredential) as caught:
            Disclosure.parse(encoded(content))
        assert "s3cret" not in str(caught.value)
        assert "Erika" not in str(caught.value)
        assert caught.value.__context__ is None


# -- made ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, "family_name"])
def test_what_was_made_is_read_again(name: str | None) -> None:
    made = Disclosure.build({"Möbius": [1]}, salt=bytes(range(16)), name=name)
    found = Disclosure.parse(made.encoded)
    assert (found.salt, found.name, found.value) == (made.salt, name, {"Möbius": [1]})
    assert made.salt == "AAECAwQFBgcICQoLDA0ODw"


def test_short_salt_is_refused() -> None:
    with pytest.raises(InvalidInput, match="16 bytes or more, not 15"):
        Disclosure.build(1, salt=bytes(15))
    assert len(Disclosure.build(1, salt=bytes(32)).salt) == 43


def test_json_may_be_written_in_other_ways() -> None:
    salt = base64.urlsafe_b64decode("2GLC42sKQveCfGfryNRN9w==")
    made = Disclosure.build(
        "John", salt=salt, name="given_name", write=lambda value: json.dumps(value).encode()
    )
    assert made.encoded == "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd"


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x", "\ud800", ENDLESS])
def test_value_that_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(InvalidCredential, match="cannot be written as JSON") as caught:
        Disclosure.build(value, salt=bytes(16))
    assert caught.value.__context__ is None


def test_equal_are_those_with_the_same_text() -> None:
    plain, escaped = (Disclosure.parse(MOEBIUS[name]) for name in ("plain", "escaped"))
    assert plain == Disclosure.parse(MOEBIUS["plain"])
    assert plain != escaped
    assert len({plain, escaped, Disclosure.parse(MOEBIUS["plain"])}) == 2


def test_claim_and_salt_are_not_in_the_representation() -> None:
    text = repr(Disclosure.parse(MOEBIUS["plain"]))
    assert text == "Disclosure(name='family_name')"


# -- digests -------------------------------------------------------------------------------------


def test_digest_is_that_of_the_text_as_it_was_given() -> None:
    assert Disclosure.parse(MOEBIUS["plain"]).digest() == (
        "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    )
    assert len({Disclosure.parse(text).digest() for text in MOEBIUS.values()}) == 4


@pytest.mark.parametrize("name", list(HashName))
def test_digest_is_of_the_function_that_is_named(name: HashName) -> None:
    text = MOEBIUS["plain"]
    raw = hashlib.new(name.value.replace("-", ""), text.encode()).digest()
    assert Disclosure.parse(text).digest(name) == encoded(raw)


@pytest.mark.parametrize(
    ("payload", "name"),
    [({}, HashName.SHA_256), *(({"_sd_alg": name.value}, name) for name in HashName)],
)
def test_hash_function_is_sha_256_unless_another_is_named(
    payload: dict[str, Any], name: HashName
) -> None:
    assert HashName.of(payload) is name


def test_disclosures_of_the_rfc_are_read_and_hashed() -> None:
    for vector in load_vectors("sd_jwt_rfc9901"):
        for expected in vector["disclosures"]:
            found = Disclosure.parse(expected["disclosure"])
            assert found.digest() == expected["digest"]
            assert (found.salt, found.name) == (expected["salt"], expected.get("name"))
            assert found.value == expected["value"]
