"""The file format: what opens, and that nothing else does."""

from __future__ import annotations

import json
import random
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.base64url import encode_base64url
from ethr_did.core.strict_json import write_json
from ethr_did.errors import WalletError
from ethr_did.wallet.envelope import MAX_CONTENT, Envelope
from support.wallets import PASSWORD, SMALL

if TYPE_CHECKING:
    from ethr_did.chain.local_signer import Secret

DAMAGED = r"damaged|not a wallet"
CONTENT = b'{"keys":[]}'


@pytest.fixture(scope="module")
def made() -> tuple[Envelope, Secret]:
    """A sealed content, and its key."""
    return Envelope.create(CONTENT, PASSWORD, kdf=SMALL, random=secrets.token_bytes)


@pytest.fixture(scope="module")
def data(made: tuple[Envelope, Secret]) -> bytes:
    """The same as a file."""
    return made[0].to_bytes()


def with_digest(body: bytes) -> bytes:
    """The file whose digest fits, as somebody makes it who knows the format."""
    return body + b',"digest":"' + encode_base64url(sha256(body).digest()).encode() + b'"}\n'


def forged(data: bytes, *path: str, value: Any) -> bytes:
    """The file with another member, and a digest that fits."""
    members = json.loads(data)
    del members["digest"]
    place = members
    for name in path[:-1]:
        place = place[name]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return with_digest(write_json(members)[:-1])


def error_of(data: bytes, password: str = PASSWORD) -> str:
    """What is said of a file that does not open."""

    def read() -> bytes:
        envelope = Envelope.parse(data)
        return envelope.open(envelope.unlock(password))

    with pytest.raises(WalletError) as caught:
        read()
    assert caught.value.hint
    return caught.value.message


# -- opening -------------------------------------------------------------------------------------


def test_what_was_sealed_is_opened(data: bytes) -> None:
    envelope = Envelope.parse(data)
    assert envelope.open(envelope.unlock(PASSWORD)) == CONTENT


def test_format_is_frozen() -> None:
    """What version 1 wrote must open for ever: these bytes are not to be made anew."""
    envelope, key = Envelope.create(
        CONTENT, PASSWORD, kdf=SMALL, random=lambda count: bytes(range(count))
    )
    digest = sha256(envelope.to_bytes()).hexdigest()
    assert key.reveal() == bytes(range(32))
    assert digest == "f3b790233e607aa38c528b0b2bd6adf1ef2196894264843540629560b6bbac51"


def test_wrong_password_is_said_to_be_wrong(data: bytes) -> None:
    assert error_of(data, "correct horse ") == "wrong password"


def test_file_shows_neither_password_nor_content(made: tuple[Envelope, Secret]) -> None:
    content = b'{"label":"my secret diploma"}'
    envelope = made[0].reseal(content, made[1], random=secrets.token_bytes)
    text = repr(envelope).encode() + envelope.to_bytes()
    for hidden in (b"diploma", PASSWORD.encode(), encode_base64url(made[1].reveal()).encode()):
        assert hidden not in text


def test_same_content_is_sealed_differently_each_time(made: tuple[Envelope, Secret]) -> None:
    envelope, key = made
    again = envelope.reseal(CONTENT, key, random=secrets.token_bytes)
    assert again.content != envelope.content
    assert again.is_under_the_key_of(envelope)
    assert again.open(key) == CONTENT


def test_another_wallet_is_under_another_key(made: tuple[Envelope, Secret]) -> None:
    other, _ = Envelope.create(CONTENT, PASSWORD, kdf=SMALL, random=secrets.token_bytes)
    assert not other.is_under_the_key_of(made[0])


def test_content_of_one_file_does_not_open_in_another(made: tuple[Envelope, Secret]) -> None:
    other, _ = Envelope.create(
        CONTENT, PASSWORD, kdf=SMALL, random=lambda count: made[1].reveal()[:count]
    )
    moved = json.loads(made[0].to_bytes())["content"]
    assert "changed by something else" in error_of(forged(other.to_bytes(), "content", value=moved))


@pytest.mark.parametrize("count", [0, 1, 4096, 4097, 100_000, 1_000_003])
def test_length_tells_no_more_than_an_eighth(made: tuple[Envelope, Secret], count: int) -> None:
    content = b"{" + b"x" * count + b"}"
    sealed = made[0].reseal(content, made[1], random=secrets.token_bytes)
    length = len(sealed.content.data) - 16
    assert length % 4096 == 0
    assert len(content) <= length <= max(4096 * (len(content) // 4096 + 1), len(content) * 9 // 8)
    assert sealed.open(made[1]) == content


def test_too_much_is_not_sealed(made: tuple[Envelope, Secret]) -> None:
    with pytest.raises(WalletError, match="the wallet is full"):
        made[0].reseal(b"x" * (MAX_CONTENT + 1), made[1], random=secrets.token_bytes)


def test_an_empty_password_is_refused() -> None:
    with pytest.raises(WalletError, match="empty password"):
        Envelope.create(CONTENT, "", kdf=SMALL, random=secrets.token_bytes)


# -- damage --------------------------------------------------------------------------------------


def test_no_byte_can_change_unseen(data: bytes) -> None:
    chance = random.Random(1)  # noqa: S311 - the same in every run
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        with pytest.raises(WalletError, match=DAMAGED):
            Envelope.parse(bytes(changed))


def test_no_byte_can_change_even_if_the_digest_is_made_to_fit(data: bytes) -> None:
    body = data[: data.index(b',"digest"')]
    chance = random.Random(2)  # noqa: S311 - the same in every run
    places = [*range(400), *chance.sample(range(400, len(body)), 400)]
    said = set()
    for place in places:
        changed = bytearray(body)
        changed[place] ^= 1 << chance.randrange(8)
        said.add(error_of(with_digest(bytes(changed))).partition(":")[0])
    assert said >= {
        "wrong password",
        "the wallet cannot be used",
        "the content of the wallet was changed by something else than this program",
    }


@pytest.mark.parametrize("count", [1, 2, 40, 300, 4000])
def test_truncated_file_is_damaged(data: bytes, count: int) -> None:
    assert "the wallet is damaged" in error_of(data[:-count])


def test_file_with_something_behind_it_is_damaged(data: bytes) -> None:
    assert "the wallet is damaged" in error_of(data + b"\n")


@pytest.mark.parametrize("other", [b"", b"{}", b"[]", b"\x00" * 5000, b'{"version":3}', b"\xff"])
def test_other_files_are_no_wallets(other: bytes) -> None:
    assert "not a wallet" in error_of(other)


@pytest.mark.parametrize(
    "body", [b"{", b"[", b'"', b"1", b"", b'{"a":1,"a":2', b'{"format":"ethr-did/wallet/1"']
)
def test_digest_that_fits_makes_no_wallet(body: bytes) -> None:
    assert "cannot be used" in error_of(with_digest(body))


# -- what a file may ask for ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("format",), "ethr-did/wallet/2", "which this version does not know"),
        (("format",), 1, "which this version does not know"),
        (("cipher",), "AES-128-CBC", "it needs 'argon2id' and 'AES-128-CBC'"),
        (("kdf",), "argon2id", "a member is missing"),
        (("kdf", "name"), "pbkdf2", "it needs 'pbkdf2'"),
        (("kdf", "memory"), 1 << 30, "memory of Argon2id is not from 1"),
        (("kdf", "memory"), "8", "memory of Argon2id is not from 1"),
        (("kdf", "iterations"), 1 << 30, "iterations of Argon2id"),
        (("kdf", "lanes"), 2, "8 KiB for each of 2 lanes"),
        (("kdf", "salt"), "AAAA", "3 bytes where 16 are needed"),
        (("kdf", "salt"), "AAAAA", "not base64url"),
        (("kdf", "salt"), 7, "not base64url"),
        (("kdf", "salt"), None, "a member is missing"),
        (("key", "sealed"), "AAAA", "3 bytes where 48 are needed"),
        (("content", "nonce"), "AAAA", "3 bytes where 12 are needed"),
        (("content", "sealed"), None, "a member is missing"),
        (("more",), True, "written by something else"),
        (("kdf", "more"), 1, "written by something else"),
    ],
)
def test_member_that_is_not_as_it_was_written_is_refused(
    data: bytes, path: tuple[str, ...], value: Any, words: str
) -> None:
    assert words in error_of(forged(data, *path, value=value))


def test_content_shorter_than_its_tag_is_refused(data: bytes) -> None:
    found = error_of(forged(data, "content", "sealed", value="AAAA"))
    assert "changed by something else" in found


def test_parameters_cannot_be_exchanged(data: bytes) -> None:
    assert error_of(forged(data, "kdf", "iterations", value=2)) == "wrong password"
