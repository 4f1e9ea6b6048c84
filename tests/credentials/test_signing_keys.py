"""Private keys: how they are opened and made, what they sign, and that they stay where they are."""

from __future__ import annotations

import copy
import json
import pickle
import stat
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.core.base64url import encode_base64url
from ethr_did.core.keys import to_checksum_address
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.signatures import is_signed_by
from ethr_did.credentials.signing_keys import (
    AccountKey,
    LocalKey,
    new_key_file,
    new_secret,
    open_signing_key,
)
from ethr_did.errors import InvalidConfiguration, InvalidKey, SignerError
from support.triangle import Chance, key_of_kind

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"what is signed"
SECRET = sha256(b"a key").digest()
CURVES = [KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519]
every_curve = pytest.mark.parametrize("kind", CURVES)
TYPED: dict[str, Any] = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}],
        "Note": [{"name": "text", "type": "string"}],
    },
    "primaryType": "Note",
    "domain": {"name": "Notes"},
    "message": {"text": "read this"},
}


def no_password(_words: str) -> str:
    raise AssertionError("nobody is to be asked")


def account_key() -> AccountKey:
    return AccountKey(LocalSigner.from_key(SECRET))


# -- keys in memory ------------------------------------------------------------------------------


@every_curve
def test_key_signs_with_each_of_its_algorithms(kind: KeyKind) -> None:
    key = key_of_kind(kind)
    assert key.public.kind is kind
    for algorithm in key.public.algorithms:
        signature = key.sign(algorithm, DATA)
        assert is_signed_by(key.public, signature, DATA, algorithm=algorithm)


@every_curve
def test_signature_is_the_same_every_time(kind: KeyKind) -> None:
    key = key_of_kind(kind)
    for algorithm in key.public.algorithms:
        assert key.sign(algorithm, DATA) == key.sign(algorithm, DATA)


@pytest.mark.parametrize("make", [account_key, lambda: key_of_kind(KeyKind.SECP256K1)])
def test_es256k_is_es256k_r_without_the_recovery_number(make: Any) -> None:
    key = make()
    with_number = key.sign(Algorithm.ES256K_R, DATA)
    assert with_number[64] in (0, 1)
    assert key.sign(Algorithm.ES256K, DATA) == with_number[:64]


@pytest.mark.parametrize(
    "key", [account_key(), *map(key_of_kind, CURVES)], ids=lambda k: k.public.kind.value
)
def test_key_does_not_sign_with_another_algorithm(key: AccountKey | LocalKey) -> None:
    for algorithm in set(Algorithm) - set(key.public.algorithms):
        with pytest.raises(SignerError, match="does not sign with") as caught:
            key.sign(algorithm, DATA)
        assert algorithm.value in caught.value.message


def test_account_key_signs_for_its_account() -> None:
    key = account_key()
    assert key.public == PublicKey(KeyKind.ACCOUNT, LocalSigner.from_key(SECRET).address)
    for algorithm in key.public.algorithms:
        assert is_signed_by(key.public, key.sign(algorithm, DATA), DATA, algorithm=algorithm)


@pytest.mark.parametrize("key", [account_key(), key_of_kind(KeyKind.SECP256K1)], ids=["a", "s"])
def test_typed_data_is_signed_as_wallets_do(key: AccountKey | LocalKey) -> None:
    signature = key.sign_typed_data(TYPED)
    assert signature[64] in (27, 28)
    found = Account.recover_message(encode_typed_data(full_message=TYPED), signature=signature)
    assert found == to_checksum_address(key.public.address or b"")


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.ED25519])
def test_key_on_another_curve_signs_no_typed_data(kind: KeyKind) -> None:
    with pytest.raises(SignerError, match=f"keys on {kind.value} do not sign EIP-712"):
        key_of_kind(kind).sign_typed_data(TYPED)


@every_curve
@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_private_key_of_another_length_is_refused(kind: KeyKind, length: int) -> None:
    with pytest.raises(InvalidKey, match=f"32 bytes, not {length}"):
        LocalKey(kind, Secret(bytes(length)))


@pytest.mark.parametrize("kind", [KeyKind.SECP256K1, KeyKind.P256])
@pytest.mark.parametrize("value", [bytes(32), b"\xff" * 32])
def test_number_beyond_the_curve_is_refused_and_not_repeated(kind: KeyKind, value: bytes) -> None:
    with pytest.raises(InvalidKey) as caught:
        LocalKey(kind, Secret(value))
    assert value.hex() not in caught.value.message
    assert caught.value.__cause__ is None


def test_account_is_no_curve_of_a_private_key() -> None:
    with pytest.raises(InvalidKey, match="account is no curve"):
        LocalKey(KeyKind.ACCOUNT, Secret(SECRET))


def test_key_does_not_leave_its_object() -> None:
    for key in (key_of_kind(KeyKind.P256), account_key()):
        assert str(key.public) in repr(key)
        assert SECRET.hex() not in repr(key)
        for leave in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled or copied"):
                leave(key)


# -- new keys ------------------------------------------------------------------------------------


@every_curve
def test_new_key_is_what_the_dice_say(kind: KeyKind) -> None:
    assert new_secret(kind, lambda length: SECRET[:length]).reveal() == SECRET
    made = LocalKey.generate(kind, Chance("dice"))
    assert made.public == LocalKey.generate(kind, Chance("dice")).public
    assert made.public != LocalKey.generate(kind, Chance("other dice")).public


@pytest.mark.parametrize("kind", [KeyKind.SECP256K1, KeyKind.P256])
def test_dice_are_thrown_again_for_a_number_beyond_the_curve(kind: KeyKind) -> None:
    throws = iter([b"\xff" * 32, bytes(32), SECRET])
    assert new_secret(kind, lambda _: next(throws)).reveal() == SECRET


# -- files ---------------------------------------------------------------------------------------


def opened(path: Path) -> AccountKey | LocalKey:
    return open_signing_key(f"jwkfile:{path}", ask_password=no_password)


@every_curve
def test_key_file_is_opened_as_it_was_made(tmp_path: Path, kind: KeyKind) -> None:
    path = tmp_path / "key.json"
    public = new_key_file(path, kind, random=Chance())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert opened(path).public == public
    assert set(json.loads(path.read_text())) == {*public.to_jwk(), "d"}


def test_key_file_takes_the_place_of_no_other(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text("mine")
    with pytest.raises(SignerError):
        new_key_file(path, KeyKind.P256, random=Chance())
    assert path.read_text() == "mine"


def test_key_file_in_the_home_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    public = new_key_file(tmp_path / "key.json", KeyKind.ED25519, random=Chance())
    assert open_signing_key("jwkfile:~/key.json", ask_password=no_password).public == public


def test_signer_of_an_account_is_a_key(tmp_path: Path) -> None:
    path = tmp_path / "key.txt"
    path.write_text("0x" + SECRET.hex())
    path.chmod(0o600)
    key = open_signing_key(f"keyfile:{path}", ask_password=no_password)
    assert isinstance(key, AccountKey)
    assert key.public == account_key().public


@pytest.mark.parametrize("uri", ["jwkfile:", "jwkfile", "nothing:here", SECRET.hex(), ""])
def test_other_names_are_no_keys_and_not_repeated(uri: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        open_signing_key(uri, ask_password=no_password)
    assert SECRET.hex() not in str(caught.value)


def written(path: Path, content: object) -> Path:
    """A file that only its owner can read."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(0o600)
    return path


PRIVATE = {**key_of_kind(KeyKind.P256).public.to_jwk(), "d": encode_base64url(SECRET)}
OTHER = key_of_kind(KeyKind.P256, "another").public.to_jwk()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "it is not JSON"),
        ('{"d": 1, "d": 2}', "it is not JSON"),
        ("[]", "not a private JWK"),
        ({**PRIVATE, "d": 5}, "not a private JWK"),
        (key_of_kind(KeyKind.P256).public.to_jwk(), "not a private JWK"),
        ({**PRIVATE, "crv": "P-384"}, "not a private JWK"),
        ({**PRIVATE, "x": PRIVATE["y"]}, "not a private JWK"),
        ({**PRIVATE, "d": encode_base64url(SECRET[1:])}, "not a private JWK"),
        ({**PRIVATE, "d": encode_base64url(bytes(32))}, "not a private JWK"),
        ({**PRIVATE, "d": PRIVATE["d"] + "="}, "not a private JWK"),
        ({**PRIVATE, **OTHER}, "its private key is not that of its public key"),
    ],
)
def test_file_that_is_no_key_is_refused_and_not_repeated(
    tmp_path: Path, content: object, fault: str
) -> None:
    path = written(tmp_path / "key.json", content)
    with pytest.raises(SignerError) as caught:
        opened(path)
    error = caught.value
    assert fault in error.message
    assert "credential key new" in error.hint
    assert error.__cause__ is None
    assert PRIVATE["d"] not in str(error)


def test_key_file_may_hold_more_than_the_key(tmp_path: Path) -> None:
    path = written(tmp_path / "key.json", {**PRIVATE, "alg": "ES256", "kid": "1"})
    assert opened(path).public == key_of_kind(KeyKind.P256).public


def test_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "key.json", PRIVATE)
    path.chmod(0o644)
    with pytest.raises(SignerError, match="can be read or written by others"):
        opened(path)


def test_key_file_that_is_too_long_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignerError, match="more than 4096"):
        opened(written(tmp_path / "key.json", " " * 5000))
    with pytest.raises(SignerError, match="cannot be read"):
        opened(tmp_path / "nothing.json")


@every_curve
def test_what_is_signed_again_is_the_same_to_the_byte(kind: KeyKind) -> None:
    # What a crash interrupted is signed again: there must not be two credentials.
    algorithm = key_of_kind(kind).public.algorithms[0]
    assert key_of_kind(kind).sign(algorithm, DATA) == key_of_kind(kind).sign(algorithm, DATA)
