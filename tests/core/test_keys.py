"""Public keys and addresses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import base58
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.core import keys
from ethr_did.core.keys import (
    ED25519_PUB,
    MAX_KEY_LENGTH,
    P256_PUB,
    SECP256K1_PUB,
    address_of_key,
    decompress_secp256k1,
    format_multibase,
    parse_address,
    parse_multibase,
    parse_secp256k1,
    secp256k1_jwk,
    to_checksum_address,
)
from ethr_did.errors import InvalidAddress, InvalidKey
from support.vectors import load_vectors, vectors

ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@pytest.fixture
def without_coincurve(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Python for which coincurve has no wheel."""
    monkeypatch.setitem(sys.modules, "coincurve", None)
    monkeypatch.setattr(keys, "_backend", None)


# -- secp256k1 -----------------------------------------------------------------------------------


@vectors("keys", "secp256k1")
def test_key_has_this_address(vector: dict[str, Any]) -> None:
    key = bytes.fromhex(vector["compressed"])
    assert to_checksum_address(address_of_key(key)) == vector["address"]


@vectors("keys", "secp256k1")
def test_key_has_this_jwk(vector: dict[str, Any]) -> None:
    expected = {"kty": "EC", "crv": "secp256k1", "x": vector["x"], "y": vector["y"]}
    assert secp256k1_jwk(bytes.fromhex(vector["compressed"])) == expected


@vectors("keys", "secp256k1")
def test_three_forms_of_a_key_are_one_point(vector: dict[str, Any]) -> None:
    full = bytes.fromhex(vector["uncompressed"])
    forms = [bytes.fromhex(vector["compressed"]), full, full[1:]]
    assert [decompress_secp256k1(form) for form in forms] == [full[1:]] * 3


@vectors("keys", "secp256k1")
@pytest.mark.usefixtures("without_coincurve")
def test_key_is_the_same_point_without_coincurve(vector: dict[str, Any]) -> None:
    full = bytes.fromhex(vector["uncompressed"])
    forms = [bytes.fromhex(vector["compressed"]), full, full[1:]]
    assert [decompress_secp256k1(form) for form in forms] == [full[1:]] * 3


@vectors("keys", "invalid")
def test_bytes_that_are_no_key_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidKey) as caught:
        decompress_secp256k1(bytes.fromhex(vector["key"]))
    assert caught.value.code == "invalid_key"


@vectors("keys", "invalid")
@pytest.mark.usefixtures("without_coincurve")
def test_bytes_that_are_no_key_are_refused_without_coincurve(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidKey):
        decompress_secp256k1(bytes.fromhex(vector["key"]))


def test_a_process_without_coincurve_says_the_same_of_every_key(tmp_path: Path) -> None:
    (tmp_path / "coincurve.py").write_text("raise ImportError('no wheel')\n")
    known = [vector["compressed"] for vector in load_vectors("keys", "secp256k1")]
    known += [vector["uncompressed"] for vector in load_vectors("keys", "secp256k1")]
    known += [vector["key"] for vector in load_vectors("keys", "invalid")]
    program = (
        "import json, sys\n"
        "from ethr_did.core.keys import decompress_secp256k1\n"
        "from ethr_did.errors import InvalidKey\n"
        "def said(text):\n"
        "    try: return decompress_secp256k1(bytes.fromhex(text)).hex()\n"
        "    except InvalidKey as error: return error.message\n"
        "print(json.dumps([said(text) for text in json.loads(sys.argv[1])]))\n"
    )

    def run(**more: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", program, json.dumps(known)],
            env={**os.environ, **more},
            capture_output=True,
            check=True,
            text=True,
        )
        said: list[str] = json.loads(done.stdout)
        return said

    assert run(PYTHONPATH=str(tmp_path)) == run()


def test_wrong_length_is_named() -> None:
    with pytest.raises(
        InvalidKey, match="33 bytes compressed or 65 uncompressed, not 32"
    ) as caught:
        decompress_secp256k1(bytes(32))
    assert caught.value.facts["length"] == 32


def test_off_curve_key_is_shown() -> None:
    key = bytes.fromhex("02" + "00" * 31 + "05")
    with pytest.raises(InvalidKey, match="not a point of secp256k1: 0x0200") as caught:
        decompress_secp256k1(key)
    assert caught.value.facts["value"] == key
    assert caught.value.__cause__ is not None


def test_hybrid_prefix_is_named() -> None:
    with pytest.raises(InvalidKey, match="prefix 06 is not that of"):
        decompress_secp256k1(b"\x06" + bytes(64))


def test_compressed_key_is_parsed() -> None:
    text = "0x" + load_vectors("keys", "secp256k1")[0]["compressed"]
    assert parse_secp256k1(text).hex() == text[2:]


@pytest.mark.parametrize("text", ["", "0x", "02" * 33, "0x" + "02" * 32, "0x04" + "11" * 64])
def test_text_that_is_no_compressed_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKey, match="not a compressed secp256k1 public key"):
        parse_secp256k1(text)


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [  # EIP-55, "Test Cases"
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_examples_of_eip_55_are_kept(text: str) -> None:
    assert to_checksum_address(parse_address(text)) == text


@pytest.mark.parametrize("text", [ADDRESS, ADDRESS.lower(), "0x" + ADDRESS[2:].upper()])
def test_address_of_any_single_case_is_read(text: str) -> None:
    assert parse_address(text).hex() == ADDRESS[2:].lower()


def test_wrong_checksum_is_refused_with_the_right_one() -> None:
    wrong = ADDRESS.replace("E5F", "e5F")
    with pytest.raises(InvalidAddress, match=f"checksum of {wrong} does not fit") as caught:
        parse_address(wrong)
    assert caught.value.facts["expected"] == ADDRESS
    assert ADDRESS in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "0x", ADDRESS[2:], ADDRESS + "0", ADDRESS[:-1], "0X" + ADDRESS[2:], None, 5, []]
)
def test_what_is_no_address_is_refused(text: Any) -> None:
    with pytest.raises(InvalidAddress, match="not an Ethereum address") as caught:
        parse_address(text)
    assert caught.value.code == "invalid_address"


@pytest.mark.parametrize("length", [0, 19, 21, 32])
def test_address_of_another_length_is_not_written(length: int) -> None:
    with pytest.raises(InvalidAddress, match=f"20 bytes, these are {length}"):
        to_checksum_address(bytes(length))


# -- multibase -----------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.sampled_from([b"", ED25519_PUB, bytes(3)]))
def test_multibase_is_that_of_the_base58_package(key: bytes, prefix: bytes) -> None:
    assert format_multibase(key, prefix) == "z" + base58.b58encode(prefix + key).decode()


def test_longest_key_is_encoded_and_a_longer_one_refused() -> None:
    assert format_multibase(bytes(MAX_KEY_LENGTH)).startswith("z1")
    with pytest.raises(InvalidKey, match="longer than 4096"):
        format_multibase(bytes(MAX_KEY_LENGTH + 1))


@vectors("keys", "multibase")
def test_key_has_this_multibase(vector: dict[str, Any]) -> None:
    key, prefix = bytes.fromhex(vector["key"]), bytes.fromhex(vector["prefix"])
    assert format_multibase(key, prefix) == vector["multibase"]


@vectors("keys", "multibase")
def test_multibase_has_this_key(vector: dict[str, Any]) -> None:
    assert parse_multibase(vector["multibase"]).hex() == vector["prefix"] + vector["key"]


@given(st.binary(max_size=200), st.sampled_from([b"", P256_PUB, bytes(3)]))
def test_multibase_is_read_as_the_base58_package_reads_it(key: bytes, prefix: bytes) -> None:
    text = base58.b58encode(prefix + key).decode()
    assert parse_multibase("z" + text) == base58.b58decode(text) == prefix + key


@given(st.text("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", max_size=100))
def test_every_text_of_the_alphabet_is_the_one_spelling_of_its_bytes(text: str) -> None:
    assert format_multibase(parse_multibase("z" + text)) == "z" + text


@pytest.mark.parametrize("fill", [b"\xff", b"\0"])
def test_longest_key_is_read_again(fill: bytes) -> None:
    text = format_multibase(fill * MAX_KEY_LENGTH, SECP256K1_PUB)
    assert parse_multibase(text) == SECP256K1_PUB + fill * MAX_KEY_LENGTH


def test_text_that_is_longer_than_any_key_is_not_read() -> None:
    assert len(parse_multibase("z" + "1" * 5599)) == 5599
    with pytest.raises(InvalidKey, match="not a text of at most 5600 characters: 'z11"):
        parse_multibase("z" + "1" * 5600)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "115Q",
        "Z115Q",
        "uAAD_",
        "f0000ff",
        "z0",
        "zO",
        "zI",
        "zl",
        "z1 ",
        "z1\n",
        "zä",
        "zz+",
    ],
)
def test_other_bases_and_foreign_characters_are_refused(text: str) -> None:
    with pytest.raises(InvalidKey, match="not multibase in base58btc") as caught:
        parse_multibase(text)
    assert caught.value.hint


@pytest.mark.parametrize("value", [None, 7, b"z11", ["z11"]])
def test_what_is_no_text_is_no_multibase(value: Any) -> None:
    with pytest.raises(InvalidKey, match="not a text"):
        parse_multibase(value)


def test_generated_vectors_are_current() -> None:
    script = Path(__file__).parent.parent / "vectors" / "make_keys.py"
    assert subprocess.run([sys.executable, script, "--check"], check=False).returncode == 0
