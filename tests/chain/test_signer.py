"""Signers: what they sign, what they refuse, and what they never show."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.datatypes import PrivateKey, Signature

from ethr_did.chain.keystore import (
    KeystoreSigner,
    import_key,
    list_keystores,
    new_keystore,
    open_key_file,
    read_password_file,
)
from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.chain.remote_signer import RemoteSigner
from ethr_did.chain.signer import Signer, open_signer
from ethr_did.core.calls import typed_changes
from ethr_did.core.changes import add_service
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.errors import InvalidConfiguration, InvalidKey, SignerError
from support.fault_proxy import FaultProxy, RpcError, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = bytes.fromhex("a285ab66393c5fdda46d6fbad9e27fafd438254ab72ad5acb681a0e9f20f5d7b")
ADDRESS = Address(bytes.fromhex("2036C6CD85692F0Fb2C26E6c6B2ECed9e4478Dfd"))
OTHER_KEY = bytes(31) + b"\x07"
SCRYPT_N = 2
NOW = 1_800_000_000
TX = {
    "type": 2,
    "chainId": 31337,
    "nonce": 7,
    "gas": 60_000,
    "value": 0,
    "maxFeePerGas": 30 * 10**9,
    "maxPriorityFeePerGas": 10**9,
    "to": "0xdCa7EF03e98e0DC2B855bE647C39ABe984fcF21B",
    "data": "0xf96d0f9f",
}
LEGACY_TX = {
    "chainId": 31337,
    "nonce": 7,
    "gas": 60_000,
    "value": 5,
    "gasPrice": 10**9,
    "to": "0xdCa7EF03e98e0DC2B855bE647C39ABe984fcF21B",
    "data": "0x",
}
TYPED = typed_changes(
    chain_id=31337,
    registry=ADDRESS,
    identity=ADDRESS,
    owner=ADDRESS,
    changes=[add_service("Hub", "https://hub.example.com")],
    nonce=3,
    deadline=NOW,
)


def no_password(_words: str) -> str:
    raise AssertionError("the password was asked for")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY.hex() + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    return import_key(tmp_path / "keys", KEY, "secret words", now=NOW, scrypt_n=SCRYPT_N).path


# -- what is signed ----------------------------------------------------------------------------


def test_a_transaction_is_the_one_that_eth_account_signs() -> None:
    raw = LocalSigner.from_key(KEY).sign_transaction(TX)

    assert raw == bytes(Account.sign_transaction(TX, KEY).raw_transaction)
    assert Account.recover_transaction(raw) == to_checksum_address(ADDRESS)


def test_a_digest_is_signed_as_it_is_with_v_27_or_28() -> None:
    digest = bytes(range(32))

    signature = LocalSigner.from_key(KEY).sign_digest(digest)

    plain = Signature(signature[:64] + bytes([signature[64] - 27]))
    assert plain.recover_public_key_from_msg_hash(digest).to_canonical_address() == ADDRESS


def test_typed_data_is_signed_as_wallets_do() -> None:
    signature = LocalSigner.from_key(KEY).sign_typed_data(TYPED)

    message = encode_typed_data(full_message=TYPED)
    assert Account.recover_message(message, signature=signature) == to_checksum_address(ADDRESS)


def test_a_digest_of_another_length_is_refused() -> None:
    with pytest.raises(SignerError, match="32 bytes, not 31"):
        LocalSigner.from_key(KEY).sign_digest(bytes(31))


@pytest.mark.parametrize("sign", ["transaction", "typed_data"])
def test_nonsense_is_refused(sign: str) -> None:
    with pytest.raises(SignerError):
        getattr(LocalSigner.from_key(KEY), f"sign_{sign}")({"chainId": "so"})


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, KEY + b"\0"])
def test_what_is_no_private_key_is_refused_without_showing_it(key: bytes) -> None:
    with pytest.raises(InvalidKey) as caught:
        LocalSigner.from_key(key)

    assert not key or key.hex() not in "".join(traceback.format_exception(caught.value))


# -- what is never shown -----------------------------------------------------------------------


def shown(value: object) -> str:
    return f"{value!r} {value!s} {value}"


def test_no_signer_shows_its_key(key_file: Path, keystore: Path) -> None:
    unlocked = KeystoreSigner(keystore, ask_password=lambda _: "secret words")
    unlocked.sign_digest(bytes(32))

    for signer in (LocalSigner.from_key(KEY), open_key_file(key_file), unlocked):
        assert KEY.hex() not in shown(signer)
        assert "secret words" not in shown(signer)
        assert not hasattr(signer, "__dict__")


def test_a_secret_shows_itself_only_when_asked_by_name() -> None:
    secret = Secret(KEY)

    assert KEY.hex() not in shown(secret)
    assert repr(KEY) not in shown(secret)
    assert secret.reveal() == KEY


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy])
def test_signers_and_secrets_are_not_copied(
    leak: Callable[[object], object], keystore: Path
) -> None:
    signers = (LocalSigner.from_key(KEY), KeystoreSigner(keystore, ask_password=no_password))

    for value in (Secret(KEY), *signers):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            leak(value)


# -- key files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [KEY.hex(), "0x" + KEY.hex(), f"  {KEY.hex().upper()}\n\n"])
def test_a_key_file_holds_64_hex_digits(key_file: Path, text: str) -> None:
    key_file.write_text(text)

    assert open_key_file(key_file).address == ADDRESS


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_key_file_that_others_can_open_is_refused_with_the_command_that_helps(
    key_file: Path, mode: int
) -> None:
    key_file.chmod(mode)

    with pytest.raises(SignerError, match="by others") as caught:
        open_key_file(key_file)

    assert caught.value.hint == f"chmod 600 {key_file}"


def test_a_key_file_is_not_a_link(key_file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(key_file)

    with pytest.raises(SignerError, match="symbolic link"):
        open_key_file(link)


def test_a_key_file_is_not_a_pipe_that_is_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)

    with pytest.raises(SignerError, match="not a regular file"):
        open_key_file(pipe)


@pytest.mark.parametrize("content", [b"", KEY.hex().encode()[:-1], b"\xff\xfe", b"0" * 300])
def test_other_content_is_refused_without_showing_it(key_file: Path, content: bytes) -> None:
    key_file.write_bytes(content)

    with pytest.raises(SignerError) as caught:
        open_key_file(key_file)

    assert KEY.hex()[:-1] not in "".join(traceback.format_exception(caught.value))


def test_a_key_beyond_the_curve_is_refused_by_the_name_of_its_file(key_file: Path) -> None:
    key_file.write_text("f" * 64)

    with pytest.raises(SignerError, match=r"key: the private key is zero or beyond"):
        open_key_file(key_file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SignerError, match=r"nowhere cannot be read: No such file"):
        open_key_file(tmp_path / "nowhere")


# -- keystores ---------------------------------------------------------------------------------


def test_a_keystore_opens_with_its_password_and_signs(keystore: Path) -> None:
    signer = KeystoreSigner(keystore, ask_password=lambda _: "secret words")

    assert signer.sign_transaction(TX) == LocalSigner.from_key(KEY).sign_transaction(TX)
    assert signer.sign_typed_data(TYPED) == LocalSigner.from_key(KEY).sign_typed_data(TYPED)


def test_the_address_of_a_keystore_needs_no_password(keystore: Path) -> None:
    assert KeystoreSigner(keystore, ask_password=no_password).address == ADDRESS


def test_the_password_is_asked_for_once(keystore: Path) -> None:
    asked: list[str] = []

    def ask(words: str) -> str:
        asked.append(words)
        return "secret words"

    signer = KeystoreSigner(keystore, ask_password=ask)
    signer.sign_digest(bytes(32))
    signer.sign_digest(bytes(32))

    assert asked == [f"Password for {to_checksum_address(ADDRESS)}"]


def test_a_wrong_password_is_said_to_be_wrong_and_not_shown(keystore: Path) -> None:
    signer = KeystoreSigner(keystore, ask_password=lambda _: "guessed")

    with pytest.raises(SignerError, match="wrong password") as caught:
        signer.sign_digest(bytes(32))

    assert "guessed" not in "".join(traceback.format_exception(caught.value))


def test_a_keystore_is_one_that_other_tools_open(keystore: Path) -> None:
    assert bytes(Account.decrypt(json.loads(keystore.read_text()), "secret words")) == KEY


def test_a_new_keystore_holds_a_new_key_each_time(tmp_path: Path) -> None:
    made = [new_keystore(tmp_path, "pw", now=NOW, scrypt_n=SCRYPT_N) for _ in range(2)]

    assert made[0].address != made[1].address
    assert [entry.path.name[:24] for entry in made] == ["UTC--2027-01-15T08-00-00Z"[:24]] * 2


def test_a_keystore_and_its_directory_are_for_their_owner_only(tmp_path: Path) -> None:
    entry = new_keystore(tmp_path / "a" / "b", "pw", now=NOW, scrypt_n=SCRYPT_N)

    assert stat.S_IMODE(entry.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(entry.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in entry.path.parent.iterdir()] == [entry.path.name]


def test_nothing_is_overwritten(keystore: Path) -> None:
    before = keystore.read_bytes()

    with pytest.raises(SignerError, match="already holds 0x2036C6CD"):
        import_key(keystore.parent, KEY, "other", now=NOW, scrypt_n=SCRYPT_N)
    keystore.write_text("damaged")
    with pytest.raises(SignerError, match="exists already"):
        import_key(keystore.parent, KEY, "other", now=NOW, scrypt_n=SCRYPT_N)

    assert keystore.read_text() == "damaged"
    assert before
    assert len(list(keystore.parent.iterdir())) == 1


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignerError, match="empty password"):
        new_keystore(tmp_path, "", now=NOW, scrypt_n=SCRYPT_N)


def test_damaged_files_are_listed_with_what_is_wrong(keystore: Path) -> None:
    content = json.loads(keystore.read_text())
    for name, text in {
        "a": "not json",
        "b": "{}",
        "c": json.dumps({**content, "address": 5}),
        "d": json.dumps({key: value for key, value in content.items() if key != "address"}),
        "e": "x" * 20_000,
    }.items():
        (keystore.parent / name).write_text(text)

    good, *bad = sorted(list_keystores(keystore.parent), key=lambda entry: entry.problem != "")

    assert (good.path, good.address) == (keystore, ADDRESS)
    problems = {entry.path.name: entry.problem for entry in bad}
    assert "not JSON" in problems["a"]
    assert "version 3" in problems["b"]
    assert "address" in problems["c"]
    assert "does not state its address" in problems["d"]
    assert "20000 bytes" in problems["e"]


def test_a_missing_directory_holds_no_keystores(tmp_path: Path) -> None:
    assert list_keystores(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "params", [{"n": 2**30}, {"r": 2**24}, {"p": 1000}, {"n": "2"}, {"n": 0}, {"n": True}]
)
def test_a_keystore_that_asks_for_unreasonable_work_is_refused(
    keystore: Path, params: dict[str, Any]
) -> None:
    content = json.loads(keystore.read_text())
    content["crypto"]["kdfparams"] |= params
    keystore.write_text(json.dumps(content))

    with pytest.raises(SignerError, match=r"unreasonable amount of work|not positive numbers"):
        KeystoreSigner(keystore, ask_password=no_password)


def test_a_keystore_whose_key_is_another_is_refused(keystore: Path) -> None:
    content = json.loads(keystore.read_text())
    keystore.write_text(json.dumps({**content, "address": "00" * 20}))

    with pytest.raises(SignerError, match="states the address 0x0000"):
        KeystoreSigner(keystore, ask_password=lambda _: "secret words").sign_digest(bytes(32))


def test_a_keystore_without_address_is_opened_to_know_it(keystore: Path) -> None:
    content = json.loads(keystore.read_text())
    del content["address"]
    keystore.write_text(json.dumps(content))

    assert KeystoreSigner(keystore, ask_password=lambda _: "secret words").address == ADDRESS


def test_a_damaged_cipher_is_no_wrong_password(keystore: Path) -> None:
    content = json.loads(keystore.read_text())
    content["crypto"]["cipherparams"] = {}
    keystore.write_text(json.dumps(content))

    with pytest.raises(SignerError, match="damaged"):
        KeystoreSigner(keystore, ask_password=lambda _: "secret words").sign_digest(bytes(32))


# -- names -------------------------------------------------------------------------------------


def test_signers_are_opened_by_name(key_file: Path, keystore: Path) -> None:
    names = [f"keyfile:{key_file}", f"keystore:{keystore}"]
    names.append(f"remote:http://127.0.0.1:8550#{to_checksum_address(ADDRESS)}")

    for name in names:
        signer = open_signer(name, ask_password=no_password)
        assert isinstance(signer, Signer)
        assert signer.address == ADDRESS


def test_a_password_file_takes_the_place_of_the_question(keystore: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret words\n")
    password.chmod(0o600)

    signer = open_signer(f"keystore:{keystore}", ask_password=no_password, password_file=password)

    assert len(signer.sign_digest(bytes(32))) == 65


def test_a_password_file_that_others_can_read_or_that_is_empty_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("secret words\n")
    path.chmod(0o644)
    with pytest.raises(SignerError, match="by others"):
        read_password_file(path)
    path.chmod(0o600)
    path.write_text("\nsecond line")
    with pytest.raises(SignerError, match="no password"):
        read_password_file(path)


@pytest.mark.parametrize("name", ["", "keystor:x", "keyfile:", "0x" + KEY.hex(), KEY.hex()])
def test_another_name_is_refused_and_a_pasted_key_not_repeated(name: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        open_signer(name, ask_password=no_password)

    assert KEY.hex() not in f"{caught.value.to_dict()}"
    assert "keystore:PATH" in caught.value.hint


def test_a_remote_signer_needs_its_address_and_shows_no_secret_of_its_url() -> None:
    with pytest.raises(InvalidConfiguration, match="which account") as caught:
        open_signer(
            "remote:https://user:pw@signer.example/0123456789abcdef", ask_password=no_password
        )

    assert "pw" not in caught.value.message
    assert "0123456789abcdef" not in caught.value.message


# -- remote signers ----------------------------------------------------------------------------


class RemoteProcess:
    """Speaks as Web3Signer, Clef or a node does, over real HTTP; what it signs can be bent."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.bend: dict[str, Any] = {}
        self.key = KEY

    def sign_transaction(self, asked: dict[str, Any]) -> str:
        fields = {k: v for k, v in {**asked, **self.bend}.items() if k != "from"}
        return "0x" + bytes(Account.sign_transaction(fields, self.key).raw_transaction).hex()

    def sign_typed_data(self, _account: str, message: dict[str, Any]) -> str:
        signature = bytes(Account.sign_typed_data(self.key, full_message=message).signature)
        return "0x" + signature[:64].hex() + f"{signature[64] - 27:02x}"


def run_remote(**methods: str) -> Iterator[RemoteProcess]:
    remote: RemoteProcess

    def call(name: str) -> Callable[..., Any]:
        # Looked up when it is called: the process knows its proxy, and the proxy the process.
        def later(*params: Any) -> Any:
            return getattr(remote, name)(*params)

        return later

    with FaultProxy(answering({method: call(name) for method, name in methods.items()})) as proxy:
        remote = RemoteProcess(proxy)
        yield remote


@pytest.fixture
def remote() -> Iterator[RemoteProcess]:
    yield from run_remote(
        eth_signTransaction="sign_transaction", eth_signTypedData_v4="sign_typed_data"
    )


@pytest.mark.parametrize("tx", [TX, LEGACY_TX, {k: v for k, v in TX.items() if k != "to"}])
def test_a_remote_signer_returns_the_transaction_that_was_asked_for(
    remote: RemoteProcess, tx: dict[str, Any]
) -> None:
    raw = RemoteSigner(remote.proxy.url, ADDRESS).sign_transaction(tx)

    assert raw == LocalSigner.from_key(KEY).sign_transaction(tx)


@pytest.mark.parametrize(
    "bend",
    [
        {"nonce": "0x8"},
        {"chainId": "0x1"},
        {"to": "0x" + "11" * 20},
        {"data": "0xf96d0f9f00"},
        {"value": "0x1"},
        {"gas": "0xea61"},
        {"maxFeePerGas": hex(10**12)},
        {"maxPriorityFeePerGas": "0x1"},
        {"accessList": [{"address": "0x" + "11" * 20, "storageKeys": []}]},
    ],
)
def test_a_remote_signer_that_signs_something_else_is_found_out(
    remote: RemoteProcess, bend: dict[str, Any]
) -> None:
    remote.bend = bend

    with pytest.raises(SignerError, match="signed another transaction") as caught:
        RemoteSigner(remote.proxy.url, ADDRESS).sign_transaction(TX)

    assert caught.value.facts["differs"] == tuple(bend)


def test_a_remote_signer_that_signs_with_another_key_is_found_out(remote: RemoteProcess) -> None:
    remote.key = OTHER_KEY
    signer = RemoteSigner(remote.proxy.url, ADDRESS)

    with pytest.raises(SignerError, match="signed as 0x"):
        signer.sign_transaction(TX)
    with pytest.raises(SignerError, match="not that account's"):
        signer.sign_typed_data(TYPED)


def test_a_parity_of_0_or_1_becomes_27_or_28(remote: RemoteProcess) -> None:
    signature = RemoteSigner(remote.proxy.url, ADDRESS).sign_typed_data(TYPED)

    assert signature == LocalSigner.from_key(KEY).sign_typed_data(TYPED)


def test_the_method_names_of_clef_are_known() -> None:
    for remote in run_remote(
        account_signTransaction="sign_transaction", account_signTypedData="sign_typed_data"
    ):
        remote.proxy.rewrite("account_signTransaction", lambda _call, raw: {"raw": raw, "tx": {}})
        signer = RemoteSigner(remote.proxy.url, ADDRESS)

        assert signer.sign_transaction(TX) == LocalSigner.from_key(KEY).sign_transaction(TX)
        assert signer.sign_typed_data(TYPED) == LocalSigner.from_key(KEY).sign_typed_data(TYPED)


def test_what_a_remote_signer_cannot_do_is_said() -> None:
    for remote in run_remote():
        signer = RemoteSigner(remote.proxy.url, ADDRESS)

        with pytest.raises(SignerError, match="cannot sign transactions: it knows neither"):
            signer.sign_transaction(TX)
        with pytest.raises(SignerError, match="cannot sign typed data"):
            signer.sign_typed_data(TYPED)


def test_a_remote_signer_is_never_asked_for_a_bare_digest(remote: RemoteProcess) -> None:
    with pytest.raises(SignerError, match="does not sign bare digests"):
        RemoteSigner(remote.proxy.url, ADDRESS).sign_digest(bytes(32))

    assert remote.proxy.round_trips == 0


def test_a_refusal_is_passed_on_and_not_asked_again(remote: RemoteProcess) -> None:
    def refuse(_call: object, _result: object) -> None:
        raise RpcError(-32000, "request denied")

    remote.proxy.rewrite("eth_signTransaction", refuse)

    with pytest.raises(SignerError, match="request denied"):
        RemoteSigner(remote.proxy.url, ADDRESS).sign_transaction(TX)

    assert remote.proxy.round_trips == 1


@pytest.mark.parametrize("answer", [None, 5, "0x", "0xzz", "raw", "0x02c0", "0x00", {"raw": None}])
def test_an_answer_that_is_no_transaction_is_refused(answer: object) -> None:
    node = answering({"eth_signTransaction": lambda _tx: answer})

    with FaultProxy(node) as proxy, pytest.raises(SignerError):
        RemoteSigner(proxy.url, ADDRESS).sign_transaction(TX)


def test_a_remote_signer_that_is_not_there_is_a_signer_error() -> None:
    with pytest.raises(SignerError, match="did not sign"):
        RemoteSigner("http://127.0.0.1:1", ADDRESS).sign_transaction(TX)


def test_eth_keys_agrees_about_the_address() -> None:
    assert PrivateKey(KEY).public_key.to_canonical_address() == LocalSigner.from_key(KEY).address
