"""A signer in another process, by JSON-RPC: Clef, Web3Signer, a development node.

Rules:
  * What comes back is not believed: it must be exactly what was asked, signed by the account that
    was asked.
  * ``eth_sign`` is not used. It signs under the prefix of EIP-191 version 0x45, so that it cannot
    sign the digests of ERC-1056; and whoever answers raw digests answers everything.
  * Nothing is asked twice: each request may stand before a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ethr_did.chain.masking import mask_url
from ethr_did.chain.request import Request
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.errors import ChainError, NodeRefused, SignerError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ethr_did.chain.request import Answer

__all__ = ["RemoteSigner", "check_signed_transaction"]

_PATIENCE = 300.0
"""Seconds for one signature: a person may have to confirm it on a device."""

_METHOD_NOT_FOUND = -32601
_QUANTITIES = (
    "chainId",
    "nonce",
    "gas",
    "value",
    "gasPrice",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
)
_TRANSACTION_METHODS = ("eth_signTransaction", "account_signTransaction")
_TYPED_DATA_METHODS = ("eth_signTypedData_v4", "eth_signTypedData", "account_signTypedData")
_SIGNATURE_LENGTH = 65


class RemoteSigner:
    """Signs by asking another process."""

    __slots__ = ("_send", "_shown", "address")

    address: Address
    """The account that is asked to sign, 20 bytes."""

    def __init__(
        self,
        url: str,
        address: Address,
        *,
        send: Callable[[Sequence[Request]], Sequence[Answer]] | None = None,
    ) -> None:
        """A signer; nothing is asked yet.

        Args:
            url: where it listens.
            address: the account.
            send: sends one batch there; None for plain HTTP.
        """
        self.address = address
        self._shown = mask_url(url)
        self._send = _http(url) if send is None else send

    def sign_transaction(self, tx: Mapping[str, Any]) -> bytes:
        """The signed transaction as it goes over the wire; see ``Signer``."""
        asked = {name: hex(v) if name in _QUANTITIES else v for name, v in tx.items()}
        asked["from"] = to_checksum_address(self.address)
        if "type" in tx:
            asked["type"] = hex(tx["type"])
        answer = self._ask("transactions", [(name, (asked,)) for name in _TRANSACTION_METHODS])
        raw = answer.get("raw") if isinstance(answer, dict) else answer
        signed = self._bytes(raw)
        check_signed_transaction(signed, tx, self.address, by=str(self))
        return signed

    def sign_digest(self, digest: bytes) -> NoReturn:
        """Nothing: raises ``SignerError``; see the rules of this module."""
        raise SignerError(
            f"{self} does not sign bare digests, such as 0x{digest.hex()}",
            hint="Use typed data (EIP-712), or a keystore for messages in the old ERC-1056 form.",
        )

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """The signature of EIP-712 typed data; see ``Signer``."""
        account = to_checksum_address(self.address)
        calls = [(name, (account, dict(message))) for name in _TYPED_DATA_METHODS]
        signature = self._bytes(self._ask("typed data", calls))
        if len(signature) != _SIGNATURE_LENGTH:
            raise SignerError(f"{self} answered with {len(signature)} bytes, no signature")
        # Some write the parity as 0 and 1.
        last = signature[64]
        signature = signature[:64] + bytes([last + 27 if last < 27 else last])  # noqa: PLR2004
        if _typed_data_signer(message, signature) != self.address:
            raise SignerError(
                f"{self} returned a signature that is not that account's over this message",
                hint="Check that it holds the key, and that nothing between you changes requests.",
            )
        return signature

    def _ask(self, what: str, calls: Sequence[tuple[str, tuple[Any, ...]]]) -> Any:
        """The first answer that is not "no such method": each product has its own name for it."""
        for method, params in calls:
            try:
                (answer,) = self._send([Request(method, params)])
            except ChainError as cause:
                answer = cause
            if not isinstance(answer, ChainError):
                return answer
            if not _is_unknown_method(answer):
                raise SignerError(
                    f"{self} did not sign: {answer.message}", hint=answer.hint
                ) from answer
        names = " nor ".join(method for method, _ in calls)
        raise SignerError(
            f"{self} cannot sign {what}: it knows neither {names}",
            hint="Use another signer for this.",
        )

    def _bytes(self, value: Any) -> bytes:
        try:
            if isinstance(value, str) and value.startswith("0x"):
                return bytes.fromhex(value[2:])
        except ValueError:
            pass
        raise SignerError(f"{self} answered with something that is not bytes: {shown(value)}")

    def __repr__(self) -> str:
        return f"remote:{self._shown}#{to_checksum_address(self.address)}"


def _http(url: str) -> Callable[[Sequence[Request]], Sequence[Answer]]:
    from ethr_did.chain.rpc import Chain  # brings HTTP, needed by this signer only

    return Chain([url], retries=0, timeout=_PATIENCE).send


def _is_unknown_method(answer: ChainError) -> bool:
    if not isinstance(answer, NodeRefused):
        return False
    words = str(answer.facts.get("rpc_message", "")).lower()
    code = answer.facts.get("rpc_code")
    return code == _METHOD_NOT_FOUND or "method not found" in words or "not supported" in words


def _typed_data_signer(message: Mapping[str, Any], signature: bytes) -> bytes | None:
    from eth_account import Account  # 0.4 s, needed only by those who sign
    from eth_account.messages import encode_typed_data

    try:
        account = Account.recover_message(
            encode_typed_data(full_message=dict(message)), signature=signature
        )
    except Exception:  # noqa: BLE001 - each layer has its own class for "no such signature"
        return None
    return bytes.fromhex(str(account)[2:])


def check_signed_transaction(
    raw: bytes, tx: Mapping[str, Any], address: Address, *, by: str
) -> None:
    """Raises ``SignerError`` unless the bytes are that very transaction, signed by that account.

    Args:
        raw: as it would go over the wire.
        tx: as it was asked for.
        address: who had to sign.
        by: who signed, for the error.

    Spec: EIP-1559, EIP-155, EIP-2718.
    """
    from eth_account import Account

    found = _fields(raw)
    if found is None:
        raise SignerError(f"{by} returned something that is not a transaction")
    wrong = sorted(name for name, value in _expected(tx).items() if found.get(name) != value)
    if wrong:
        raise SignerError(
            f"{by} signed another transaction than it was asked to: {', '.join(wrong)} differ",
            hint="It was not sent. Check the signer's own rules for fees and nonces.",
            differs=tuple(wrong),
        )
    try:
        signer = bytes.fromhex(str(Account.recover_transaction(raw))[2:])
    except Exception as cause:  # each layer has its own class for "no such signature"
        raise SignerError(f"{by} returned a transaction whose signature is broken") from cause
    if signer != address:
        raise SignerError(
            f"{by} signed as {to_checksum_address(signer)}, not as {to_checksum_address(address)}",
            hint="Check that it holds the key of that account.",
        )


_Fields = dict[str, "int | bytes"]
_FEE_MARKET_TYPE = 2
_EIP155_OFFSET = 35


def _expected(tx: Mapping[str, Any]) -> _Fields:
    fields: _Fields = {name: tx[name] for name in _QUANTITIES if name in tx}
    fields["to"] = bytes.fromhex(tx.get("to", "0x")[2:])
    fields["data"] = bytes.fromhex(tx.get("data", "0x")[2:])
    return {"accessList": b"", **fields} if "maxFeePerGas" in tx else fields


def _fields(raw: bytes) -> _Fields | None:
    """The fields of a transaction of type 2, or of a legacy one under EIP-155."""
    import rlp

    try:
        if raw[0] == _FEE_MARKET_TYPE:
            chain_id, nonce, tip, fee, gas, to, value, data, access, *_ = rlp.decode(raw[1:])
            numbers = {"maxPriorityFeePerGas": tip, "maxFeePerGas": fee, "chainId": chain_id}
        else:
            nonce, price, gas, to, value, data, v, *_ = rlp.decode(raw)
            eip155 = (int.from_bytes(v) - _EIP155_OFFSET) // 2
            numbers, access = {"gasPrice": price, "chainId": eip155.to_bytes(32)}, []
        numbers |= {"nonce": nonce, "gas": gas, "value": value}
        fields: _Fields = {name: int.from_bytes(number) for name, number in numbers.items()}
    except (rlp.exceptions.RLPException, ValueError, IndexError, TypeError, OverflowError):
        return None
    # An access list was never asked for: any at all is a difference.
    return fields | {
        "to": bytes(to),
        "data": bytes(data),
        "accessList": b"" if not access else b"\1",
    }
