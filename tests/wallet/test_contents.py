"""What is in a wallet, as a value."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.chain.local_signer import Secret
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.signing_keys import LocalKey
from ethr_did.errors import InvalidCredential, InvalidInput, NotFoundError, WalletError
from ethr_did.wallet.contents import MAX_CREDENTIALS, MAX_KEYS, Contents
from ethr_did.wallet.held import MAX_RAW, HeldCredential, ids_of, new_credential
from ethr_did.wallet.keys import KINDS, StoredKey, WalletKey
from support.wallets import NOW, token


def stored(kind: KeyKind = KeyKind.ED25519, number: int = 1, **changes: Any) -> StoredKey:
    """A key and its secret half."""
    secret = Secret(number.to_bytes(32))
    members = {"label": "", "created_at": NOW, **changes}
    return StoredKey(key=WalletKey(public=LocalKey(kind, secret).public, **members), secret=secret)


def held(raw: str = token(1), **changes: Any) -> HeldCredential:
    """A credential as it goes in."""
    members = {
        "taken": (),
        "format_name": "vc+jwt",
        "label": "",
        "key_id": None,
        "now": NOW,
        "issuer": "did:example:1",
        "types": ("VerifiableCredential",),
        "anchors": (),
    }
    return new_credential(raw, **{**members, **changes})


# -- keys ----------------------------------------------------------------------------------------


def test_id_of_a_key_is_that_of_its_public_half() -> None:
    one, other = stored(label="one").key, stored(label="other", created_at=0).key
    assert one.id == other.id
    assert len(one.id) == 16
    assert len({stored(kind).key.id for kind in KINDS} | {stored(number=2).key.id}) == 4


def test_key_as_json_has_no_secret() -> None:
    key = stored(KeyKind.SECP256K1, label="diploma", imported_from="a keystore").key
    found = key.to_dict()
    assert found["address"] == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    assert found["publicKeyJwk"]["crv"] == "secp256k1"
    assert found["publicKeyMultibase"].startswith("zQ3sh")
    assert found["importedFrom"] == "a keystore"
    assert stored().key.to_dict()["address"] is None
    assert stored().key.to_dict()["importedFrom"] is None


def test_key_shows_no_secret() -> None:
    assert "secret" not in repr(stored())


def test_same_key_is_not_kept_twice() -> None:
    contents = Contents().with_key(stored(label="first"))
    with pytest.raises(WalletError, match=r"holds that key already: .* 'first'") as caught:
        contents.with_key(stored(label="second"))
    assert caught.value.facts["key_id"] == stored().key.id


def test_keys_are_counted() -> None:
    full = Contents(keys=(stored(),) * MAX_KEYS)
    with pytest.raises(WalletError, match="10000 keys"):
        full.with_key(stored(number=2))


# -- credentials ---------------------------------------------------------------------------------


def test_credential_is_kept_as_it_came() -> None:
    text = '{"b": 1.0,  "a": "\\u00e9"}'
    assert held(f"\n{text}\n").raw == text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (token(1), f" {token(1)}\n", True),
        (token(1), token(2), False),
        ('{"a": 1, "b": [1, 2]}', '{"a":1,"b":[1,2]}', True),
        ('{"a": 1}', '{"a": 2}', False),
        ('{"a": "\\u00e9"}', '{"a": "é"}', True),
        ("a~b~", "a~", False),
    ],
)
def test_same_credential_is_recognised(one: str, other: str, *, same: bool) -> None:
    contents = Contents().with_credential(held(one))
    assert (contents.same_as(other) is not None) is same
    assert (ids_of(one) == ids_of(other)) is same


def test_credentials_whose_ids_begin_alike_are_two() -> None:
    """The first credential got the id that the second would have had."""
    first = replace(held(token(1)), id=ids_of(token(2))[0])
    contents = Contents().with_credential(first)
    assert contents.same_as(token(2)) is None
    second = held(token(2), taken=contents.credentials)
    assert second.id == ids_of(token(2))[1]
    assert contents.with_credential(second).same_as(token(2)) is second
    assert contents.with_credential(second).credential(first.id) is first


@pytest.mark.parametrize("raw", ["", " \n", "x" * (MAX_RAW + 1), "half \ud800"])
def test_what_is_no_text_of_a_credential_is_refused(raw: str) -> None:
    with pytest.raises(InvalidCredential, match="a credential is text of 1 to") as caught:
        held(raw)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("raw", ['{"a": 1', '{"a": 1, "a": 2}', "{" * 40, '{"a": NaN}'])
def test_what_begins_like_json_must_be_json(raw: str) -> None:
    with pytest.raises(InvalidCredential, match="the credential is not JSON"):
        held(raw)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": "x" * 201}, "label is not printable text"),
        ({"label": "a\x1b[31m"}, "label is not printable text"),
        ({"format_name": "x" * 65}, "format is not printable text"),
        ({"issuer": "x" * 2049}, "issuer is not printable text"),
        ({"types": ["x" * 513]}, "type is not printable text"),
        ({"types": ["x"] * 33}, "33 types"),
        ({"anchors": [{"a": "x" * 70_000}]}, "has 70008 bytes"),
        ({"anchors": [{"a": number} for number in range(33)]}, "33 proofs"),
        ({"anchors": [{"a": {1, 2}}]}, "not a JSON object"),
        ({"anchors": [{"a": float("nan")}]}, "not a JSON object"),
        ({"anchors": [1]}, "not a JSON object"),
        ({"anchors": [{"a": json.loads("[" * 40 + "]" * 40)}]}, "nested too deep"),
    ],
)
def test_what_is_beside_a_credential_is_bounded(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        held(**changes)


def test_proofs_come_later_and_once() -> None:
    credential = held(anchors=[{"block": 1}])
    contents = Contents().with_credential(held(token(2))).with_credential(credential)
    changed = contents.with_anchors(credential, [{"block": 2}, {"block": 1}])
    assert changed.credential(credential.id).anchors == ({"block": 1}, {"block": 2})
    assert changed.credentials[0].anchors == ()


def test_credential_shows_no_claims() -> None:
    credential = held(anchors=[{"block": 1}])
    assert token(1) not in repr(credential)
    assert hash(credential) == hash(held())


def test_credentials_are_counted() -> None:
    full = Contents(credentials=(held(),) * MAX_CREDENTIALS)
    with pytest.raises(WalletError, match="10000 credentials"):
        full.with_credential(held(token(2)))


def test_credential_can_be_taken_out() -> None:
    one, other = held(token(1)), held(token(2))
    contents = Contents().with_credential(one).with_credential(other)
    assert contents.without(one).credentials == (other,)


# -- names ---------------------------------------------------------------------------------------


def test_things_are_found_by_id_beginning_and_label() -> None:
    credential, key = held(label="my diploma"), stored(label="my key")
    contents = Contents().with_credential(credential).with_key(key)
    for name in (credential.id, credential.id[:4], "my diploma"):
        assert contents.credential(name) is credential
    for name in (key.key.id, key.key.id[:4], "my key"):
        assert contents.key(name) is key


@pytest.mark.parametrize("name", ["", "zzz", "my"])
def test_what_is_not_there_is_said(name: str) -> None:
    contents = Contents().with_credential(held(label="my diploma")).with_key(stored())
    with pytest.raises(NotFoundError, match="the wallet holds no credential"):
        contents.credential(name)
    with pytest.raises(NotFoundError, match="the wallet holds no key"):
        contents.key(name)


def test_name_of_two_things_names_neither() -> None:
    one, other = held(token(1), label="same"), held(token(2), label="same")
    contents = Contents().with_credential(one).with_credential(other)
    with pytest.raises(NotFoundError, match="more than one credential 'same'") as caught:
        contents.credential("same")
    assert one.id in caught.value.hint
    assert other.id in caught.value.hint


def test_exact_id_counts_before_everything_else() -> None:
    one = held(token(1))
    other = held(token(2), label=one.id)
    contents = Contents().with_credential(other).with_credential(one)
    assert contents.credential(one.id) is one


# -- as JSON -------------------------------------------------------------------------------------

texts = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20)
documents = st.dictionaries(texts, texts | st.integers(-(2**53), 2**53), min_size=1, max_size=3)


@given(
    raws=st.lists(texts.filter(lambda text: text[:1] not in ("", "{")), unique=True, max_size=4),
    kinds=st.lists(st.sampled_from(KINDS), unique=True),
    label=texts,
    anchors=st.lists(documents, max_size=3),
)
def test_contents_are_read_as_they_were_written(
    raws: list[str], kinds: list[KeyKind], label: str, anchors: list[dict[str, Any]]
) -> None:
    contents = Contents(generation=7)
    for kind in kinds:
        contents = contents.with_key(stored(kind, label=label, imported_from="a key file"))
    for raw in raws:
        new = held(raw, label=label, anchors=anchors, taken=contents.credentials)
        contents = contents.with_credential(new)
    again = Contents.from_bytes(contents.to_bytes())
    assert again.generation == 7
    assert again.credentials == contents.credentials
    assert [one.key for one in again.keys] == [one.key for one in contents.keys]
    secrets = [[one.secret.reveal() for one in some.keys] for some in (again, contents)]
    assert secrets[0] == secrets[1]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "ethr-did/wallet-content/2"},
        {"generation": "x"},
        {"keys": 1},
        {"keys": [{"kind": "RSA"}]},
        {"credentials": [{}]},
        {"credentials": [1]},
    ],
)
def test_contents_of_another_version_are_not_guessed(change: dict[str, Any]) -> None:
    members = json.loads(Contents().with_key(stored()).to_bytes())
    with pytest.raises(WalletError, match="another version") as caught:
        Contents.from_bytes(json.dumps({**members, **change}).encode())
    assert caught.value.__context__ is None


def test_contents_that_are_no_json_are_not_guessed() -> None:
    for data in (b"", b"[]", b"1", b"{}"):
        with pytest.raises(WalletError, match="another version"):
            Contents.from_bytes(data)
