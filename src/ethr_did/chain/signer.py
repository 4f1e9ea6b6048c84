"""Who signs: a protocol of few methods, and the names by which users choose one.

Rules:
  * A signer is named by where its key is, never by the key:

    ====================  ==========================================================
    ``keystore:PATH``     Web3 secret storage, version 3; the password is asked late
    ``keyfile:PATH``      32 bytes in hex, readable by its owner only
    ``remote:URL#0x…``    another process, by JSON-RPC: Clef, Web3Signer, a node
    ====================  ==========================================================

  * What a signer cannot do it says (``SignerError``); nothing is signed in another form instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ethr_did.chain.keystore import KeystoreSigner, open_key_file, read_password_file
from ethr_did.chain.local_signer import LocalSigner
from ethr_did.chain.masking import mask_text
from ethr_did.chain.remote_signer import RemoteSigner
from ethr_did.core.keys import parse_address
from ethr_did.errors import InvalidConfiguration, nearest, shown

if TYPE_CHECKING:
    from ethr_did.core.keys import Address

__all__ = ["KeystoreSigner", "LocalSigner", "RemoteSigner", "Signer", "open_signer"]

AskPassword = Callable[[str], str]
"""Asks a person; is given the words to show and returns the password."""


@runtime_checkable
class Signer(Protocol):
    """Whatever can sign for one account."""

    @property
    def address(self) -> Address:
        """The account, 20 bytes. Knowing it needs no password."""

    def sign_transaction(self, tx: Mapping[str, Any]) -> bytes:
        """The signed transaction as it goes over the wire.

        Args:
            tx: ``chainId``, ``nonce``, ``gas``, ``value`` and the fees as numbers, ``data`` in
                hex, ``to`` in EIP-55 or absent; ``type`` 2 with ``maxFeePerGas`` and
                ``maxPriorityFeePerGas``, or none with ``gasPrice``.

        Raises:
            SignerError: it was not signed.
        """

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature of 32 bytes as they are, without any prefix: r, s and v (27 or 28).

        Raises:
            SignerError: it was not signed; remote signers refuse all digests.
        """

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """The signature of EIP-712 typed data: r, s and v (27 or 28).

        Args:
            message: ``types``, ``primaryType``, ``domain`` and ``message``.

        Raises:
            SignerError: it was not signed.
        """


def open_signer(
    uri: str, *, ask_password: AskPassword, password_file: Path | None = None
) -> Signer:
    """The signer of that name. Passwords are asked when the first signature is due.

    Args:
        uri: see the table above.
        ask_password: asks a person for the password of a keystore.
        password_file: holds the password instead; readable by its owner only.

    Raises:
        InvalidConfiguration: not such a name.
        SignerError: a file that cannot be used.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in _OPENERS or not rest:
        # A key pasted by mistake must not be echoed.
        said = shown(scheme) if colon else "without a colon"
        raise InvalidConfiguration(
            f"not the name of a signer: {said}",
            hint="Write keystore:PATH, keyfile:PATH or remote:URL#0xADDRESS; as --signing-key also"
            " jwkfile:PATH." + (f" {nearest(scheme, _OPENERS)}" if colon else ""),
        )
    ask = ask_password
    if password_file is not None:
        chosen = password_file

        def ask(_words: str) -> str:
            return read_password_file(chosen)

    return _OPENERS[scheme](rest, ask)


def _open_keystore(rest: str, ask: AskPassword) -> Signer:
    return KeystoreSigner(Path(rest).expanduser(), ask_password=ask)


def _open_key_file(rest: str, _ask: AskPassword) -> Signer:
    return open_key_file(Path(rest).expanduser())


def _open_remote(rest: str, _ask: AskPassword) -> Signer:
    url, _, address = rest.partition("#")
    if not address:
        raise InvalidConfiguration(
            f"remote:{mask_text(url, url)} does not say which account signs",
            hint="Add # and the address: remote:http://127.0.0.1:8550#0x…",
        )
    return RemoteSigner(url, parse_address(address))


_OPENERS: dict[str, Callable[[str, AskPassword], Signer]] = {
    "keystore": _open_keystore,
    "keyfile": _open_key_file,
    "remote": _open_remote,
}
