"""Keys in files: Web3 secret storage, and plain key files.

Rules:
  * A keystore is JSON of version 3: the key encrypted under a password, its address beside it.
  * Its work factors are bounded before it is opened: they are read from the file, and could
    otherwise ask for any amount of memory and time.
  * The password is asked for when the first signature is due, and the key then kept in memory.
  * The address that the key gives must be the one that the file states.

Spec: Web3 Secret Storage Definition, version 3.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.chain.secret_files import read_private_file, read_small_file, write_new_file
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.errors import InvalidKey, SignerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = [
    "KeystoreEntry",
    "KeystoreSigner",
    "import_key",
    "import_key_file",
    "list_keystores",
    "new_keystore",
    "open_key_file",
    "open_keystore",
    "read_key_file",
    "read_password_file",
]

SCRYPT_N = 2**18
"""Work factor of new keystores, as in geth: about a second and 256 MiB."""

_MAX_KEYSTORE = 16 * 1024
_MAX_KEY_FILE = 256
_MAX_PASSWORD_FILE = 1024
_MAX_SCRYPT_MEMORY = 2**30
_MAX_SCRYPT_P = 16
_MAX_PBKDF2 = 10_000_000
_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
_ADDRESS = re.compile(r"(?:0x)?([0-9a-fA-F]{40})")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeystoreEntry:
    """One file of a keystore directory."""

    path: Path
    address: Address | None
    """As the file states it; None where it cannot be used."""
    problem: str = ""
    """Why it cannot be used; empty where it can."""


class KeystoreSigner:
    """Signs with a key from a keystore file."""

    __slots__ = ("_ask", "_signer", "_stated", "path")

    def __init__(self, path: Path, *, ask_password: Callable[[str], str]) -> None:
        """A signer; the file is read and checked now, the password asked later.

        Raises:
            SignerError: the file is missing or is no keystore.
        """
        self.path = path
        self._ask = ask_password
        self._stated = _stated_address(_read_keystore(path), path)
        self._signer: LocalSigner | None = None

    @property
    def address(self) -> Address:
        """The account, 20 bytes."""
        return self._unlocked().address if self._stated is None else self._stated

    def sign_transaction(self, tx: Mapping[str, Any]) -> bytes:
        """The signed transaction as it goes over the wire; see ``Signer``."""
        return self._unlocked().sign_transaction(tx)

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature of 32 bytes as they are; see ``Signer``."""
        return self._unlocked().sign_digest(digest)

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """The signature of EIP-712 typed data; see ``Signer``."""
        return self._unlocked().sign_typed_data(message)

    def _unlocked(self) -> LocalSigner:
        if self._signer is None:
            data = _read_keystore(self.path)
            name = self.path.name if self._stated is None else to_checksum_address(self._stated)
            key = _decrypt(data, self._ask(f"Password for {name}"), self.path)
            self._signer = _checked(key, self._stated, self.path)
        return self._signer

    def __repr__(self) -> str:
        return f"KeystoreSigner({str(self.path)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer holds a key and cannot be pickled or copied")


def open_keystore(path: Path, password: str) -> Secret:
    """The key in a keystore file.

    Raises:
        SignerError: the file is missing, is no keystore, or has another password.
        InvalidKey: what it holds is no private key.
    """
    content = _read_keystore(path)
    key = _decrypt(content, password, path)
    _checked(key, _stated_address(content, path), path)
    return key


def _checked(key: Secret, stated: Address | None, path: Path) -> LocalSigner:
    """The signer of a key, whose address is the one that the file states."""
    signer = LocalSigner(key)
    if stated is not None and signer.address != stated:
        raise SignerError(
            f"{path} states the address {to_checksum_address(stated)}, but its key is that of "
            f"{to_checksum_address(signer.address)}",
            hint="The file was tampered with or mixed up; do not use it.",
            path=str(path),
        )
    return signer


def open_key_file(path: Path) -> LocalSigner:
    """The signer of a key in the clear: 32 bytes in hex, in a file only its owner can read.

    Raises:
        SignerError: the file cannot be used; the words say why, and never what is in it.
    """
    try:
        return LocalSigner(read_key_file(path))
    except InvalidKey as cause:
        raise SignerError(f"{path}: {cause.message}", path=str(path)) from cause


def read_key_file(path: Path) -> Secret:
    """The key in the clear in a file: 32 bytes in hex, of whatever kind they are.

    Raises:
        SignerError: the file cannot be used; the words say why, and never what is in it.
    """
    if _KEY.fullmatch(str(path)):
        # Neither echoed nor looked for.
        raise SignerError(
            "what was given looks like a private key, not like the path of a file",
            hint="Put it into a file and chmod 600 that. What is typed on a command line stays in "
            "the history of the shell: remove it there, or choose another key.",
        )
    match = _KEY.fullmatch(_text(read_private_file(path, limit=_MAX_KEY_FILE), path).strip())
    if match is None:
        raise SignerError(
            f"{path} does not hold a private key",
            hint="It must hold 64 hexadecimal digits and nothing else.",
            path=str(path),
        )
    return Secret(bytes.fromhex(match[1]))


def read_password_file(path: Path) -> str:
    """The password in a file: its first line.

    Raises:
        SignerError: the file cannot be used, or is empty.
    """
    text = _text(read_private_file(path, limit=_MAX_PASSWORD_FILE), path)
    password = text.splitlines()[0] if text else ""
    if not password:
        raise SignerError(f"{path} holds no password", path=str(path))
    return password


def new_keystore(
    directory: Path, password: str, *, now: int, scrypt_n: int = SCRYPT_N
) -> KeystoreEntry:
    """The keystore of a new random key.

    Args:
        directory: made where it is missing, with mode 0700.
        password: of the file; not empty.
        now: Unix seconds, for the name of the file.
        scrypt_n: work factor, a power of two; lower it for tests only.

    Raises:
        SignerError: the file cannot be written, or the password is empty.
    """
    from eth_account import Account  # 0.4 s, needed only by those who sign

    return import_key(directory, bytes(Account.create().key), password, now=now, scrypt_n=scrypt_n)


def import_key(
    directory: Path, key: bytes, password: str, *, now: int, scrypt_n: int = SCRYPT_N
) -> KeystoreEntry:
    """The keystore of a key that exists already; arguments as for ``new_keystore``.

    Raises:
        InvalidKey: not a private key.
        SignerError: the directory holds that account already, the file cannot be written, or the
            password is empty.
    """
    from eth_account import Account

    if not password:
        raise SignerError(
            "an empty password would leave the key unprotected", hint="Choose a password."
        )
    address = LocalSigner.from_key(key).address
    _check_not_there(directory, address)
    # The salt, the initialisation vector and the id are random; eth-account draws them itself.
    content = Account.encrypt(key, password, kdf="scrypt", iterations=scrypt_n)
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    path = directory / f"UTC--{moment}--{address.hex()}"
    write_new_file(path, json.dumps(content, separators=(",", ":")).encode() + b"\n")
    return KeystoreEntry(path=path, address=address)


def import_key_file(
    directory: Path, path: Path, password: str, *, now: int, scrypt_n: int = SCRYPT_N
) -> KeystoreEntry:
    """The keystore of a key that lies in the clear in a file; arguments as for ``new_keystore``.

    Args:
        directory: of the keystores.
        path: as for ``open_key_file``; it is left as it is.
        password: of the new file.
        now: Unix seconds.
        scrypt_n: work factor.

    Raises:
        SignerError: the key file cannot be used, or as ``import_key``.
    """
    key = read_key_file(path)
    try:
        return import_key(directory, key.reveal(), password, now=now, scrypt_n=scrypt_n)
    except InvalidKey as cause:
        raise SignerError(f"{path}: {cause.message}", path=str(path)) from cause


def list_keystores(directory: Path) -> list[KeystoreEntry]:
    """The keystores of a directory, by name; those that cannot be used with the reason.

    Raises:
        SignerError: the directory cannot be read. A missing one holds none.
    """
    try:
        paths = sorted(directory.iterdir()) if directory.exists() else []
    except OSError as cause:
        raise SignerError(f"{directory} cannot be read: {cause.strerror or cause}") from cause
    return [_entry(path) for path in paths if not path.name.startswith(".")]


def _entry(path: Path) -> KeystoreEntry:
    try:
        address = _stated_address(_read_keystore(path), path)
    except SignerError as error:
        return KeystoreEntry(path=path, address=None, problem=error.message)
    problem = "" if address is not None else f"{path} does not state its address"
    return KeystoreEntry(path=path, address=address, problem=problem)


def _check_not_there(directory: Path, address: Address) -> None:
    for entry in list_keystores(directory):
        if entry.address == address:
            raise SignerError(
                f"{entry.path} already holds {to_checksum_address(address)}",
                hint="Use that file, or another directory.",
                path=str(entry.path),
            )


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Not chained: the decoder's error holds the bytes.
        pass
    raise SignerError(f"{path} is not text", path=str(path))


def _read_keystore(path: Path) -> dict[str, Any]:
    data = read_small_file(path, limit=_MAX_KEYSTORE)
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as cause:
        raise _no_keystore(path, "it is not JSON") from cause
    if not isinstance(content, dict) or content.get("version") != 3:  # noqa: PLR2004 - see above
        raise _no_keystore(path, "it is not of version 3")
    crypto = content.get("crypto", content.get("Crypto"))  # geth before 2015 had the capital
    if not isinstance(crypto, dict) or not isinstance(crypto.get("kdfparams"), dict):
        raise _no_keystore(path, "its crypto member is missing")
    _check_work(crypto, path)
    return content


def _check_work(crypto: Mapping[str, Any], path: Path) -> None:
    names = {"scrypt": ("n", "r", "p"), "pbkdf2": ("c",)}.get(str(crypto.get("kdf")))
    if names is None:
        raise _no_keystore(path, "its key derivation is neither scrypt nor pbkdf2")
    work = [crypto["kdfparams"].get(name) for name in names]
    if not all(type(number) is int and number > 0 for number in work):
        raise _no_keystore(path, f"its {', '.join(names)} are not positive numbers")
    if len(names) == 1:
        excessive = work[0] > _MAX_PBKDF2
    else:
        n, r, p = work
        excessive = 128 * n * r > _MAX_SCRYPT_MEMORY or p > _MAX_SCRYPT_P
    if excessive:
        raise _no_keystore(path, "opening it would take an unreasonable amount of work")


def _no_keystore(path: Path, reason: str) -> SignerError:
    return SignerError(
        f"{path} is no usable keystore: {reason}",
        hint="A keystore is Web3 secret storage, version 3, as geth writes it.",
        path=str(path),
    )


def _stated_address(content: Mapping[str, Any], path: Path) -> Address | None:
    stated = content.get("address")
    if stated is None:
        return None
    match = _ADDRESS.fullmatch(stated) if isinstance(stated, str) else None
    if match is None:
        raise _no_keystore(path, "its address is not one")
    return Address(bytes.fromhex(match[1]))


def _decrypt(content: Mapping[str, Any], password: str, path: Path) -> Secret:
    from eth_account import Account

    try:
        return Secret(bytes(Account.decrypt(dict(content), password)))
    except Exception as cause:  # noqa: BLE001 - whatever a damaged file sets off in the libraries below
        if "MAC mismatch" in str(cause):
            raise SignerError(
                f"wrong password for {path}", hint="Try again.", path=str(path)
            ) from None
        raise _no_keystore(path, f"it is damaged ({type(cause).__name__})") from None
