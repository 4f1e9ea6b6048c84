"""What a contract meant when it refused.

Rules:
  * ``Error(string)`` carries words, ``Panic(uint256)`` a number (Solidity, "Control structures"),
    everything else is found by its selector among the errors of this package's contracts.
  * ``bad_actor`` is the DID registry's word for "you are not the owner", ``NotAuthorized`` that of
    the status registries: ``NotAuthorized``.
  * The 2018 registry reverts without a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.calls import selector
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import NodeRefused, NotAuthorized, Reverted, TransactionError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Reason", "decode_revert", "is_revert", "revert_error"]

_REVERT_CODE = 3
_EXECUTION = re.compile(
    r"revert|invalid (?:opcode|jump)|out of gas|stack (?:limit|underflow)|vm execution error",
    re.IGNORECASE,
)

_PANICS = {
    0x00: "a check of the compiler failed",
    0x01: "an assertion failed",
    0x11: "a number grew beyond its type",
    0x12: "a division by zero",
    0x21: "a number that is no member of its enumeration",
    0x22: "storage of a damaged encoding",
    0x31: "pop() of an empty array",
    0x32: "an index beyond the end of an array",
    0x41: "too much memory was asked for",
    0x51: "a call of an uninitialised function",
}

_HINTS = {
    "bad_actor": "Only the owner of the identity may change it: use the owner's signer.",
    "bad_signature": "The owner changed, the nonce was used, or it was signed for another registry."
    " Sign again.",
    "DeadlineExpired": "Sign a new message with a later deadline.",
    "InvalidNonce": "Sign again: a message is good for one nonce.",
    "InvalidSignature": "It must be signed by the current owner of the identity.",
    "ExpectedTooRecent": "Submit it in the next block.",
    "ExpectationRequired": "Sign it again, with the word or record that is there now.",
    "NotAuthorized": "It has no such right, or none any more: use the owner's signer or a valid status"
    " key.",
    "RecordIsFinal": "What is revoked stays so. Issue the credential again.",
    "StaleHeader": "Somebody else published a version. Read it, and decide again.",
    "StaleRecord": "Somebody else changed it. Read it, and decide again.",
    "StaleWord": "Somebody else changed it. Read it, and decide again.",
    "StatusIsFinal": "What is revoked stays so in this list. Issue the credential again.",
    "OwnerChangeNotLast": "Put the change of owner last.",
    "ValidityOverflow": "Choose a shorter validity.",
}

_NOT_ALLOWED = ("bad_actor", "NotAuthorized")
"""Names of the errors that are about the sender's right."""

_WORD = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a contract refused."""

    name: str
    """Of the error; the text itself for ``Error(string)``; empty where nothing was said."""
    sentence: str
    """For people."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of the error, by name: addresses in EIP-55, bytes in hex."""
    hint: str = ""


def is_revert(answer: object) -> bool:
    """Whether an answer is the refusal of a contract, not of the node."""
    if not isinstance(answer, NodeRefused):
        return False
    words = str(answer.facts.get("rpc_message", ""))
    return answer.facts.get("rpc_code") == _REVERT_CODE or _EXECUTION.search(words) is not None


def revert_error(answer: NodeRefused, *, purpose: str, sender: bytes) -> TransactionError:
    """The error for a refusal that ``is_revert``; returned, not raised.

    Args:
        answer: of ``eth_call`` or ``eth_estimateGas``.
        purpose: what the transaction was for.
        sender: who would have sent it.
    """
    words = str(answer.facts.get("rpc_message", ""))
    reason = decode_revert(_data(answer.facts.get("data")), words)
    kind = NotAuthorized if reason.name in _NOT_ALLOWED else Reverted
    account = to_checksum_address(sender)
    return kind(
        f"{purpose}: the contract refuses this from {account}: {reason.sentence}",
        hint=reason.hint,
        error=reason.name,
        arguments=dict(reason.arguments),
        sender=account,
    )


def decode_revert(data: bytes, words: str = "") -> Reason:
    """The reason in revert data.

    Args:
        data: as the contract returned it, perhaps empty.
        words: of the node, used where the data says nothing.

    Example:
        >>> decode_revert(bytes.fromhex("4e487b71" + f"{0x11:064x}")).sentence
        'a number grew beyond its type (Panic 0x11)'
    """
    head, body = data[:4], data[4:]
    try:
        if head == selector("Error(string)"):
            return _from_words(_decode(["string"], body)[0])
        if head == selector("Panic(uint256)"):
            return _panic(_decode(["uint256"], body)[0])
        if head in _known_errors():
            return _named(_known_errors()[head], body)
    except _undecodable():
        pass
    if data:
        return Reason(
            name="0x" + head.hex(),
            sentence=f"an error that is not known: {shown('0x' + data.hex())}",
        )
    return _without_data(words)


def _without_data(words: str) -> Reason:
    # "execution reverted: bad_actor" where the node sends the words only.
    found = re.search(r"reverted(?: with reason string)?:? '?([^':]+)'?$", words)
    if found:
        return _from_words(found.group(1).strip())
    if "revert" in words.lower() or not words:
        hint = "Registries of 2018 do so when the sender is not the owner or a signature is wrong."
        return Reason(name="", sentence="it gives no reason", hint=hint)
    return Reason(name="", sentence=shown(words, 300))


def _from_words(words: str) -> Reason:
    return Reason(name=words, sentence=shown(words, 300), hint=_HINTS.get(words, ""))


def _panic(code: int) -> Reason:
    meaning = _PANICS.get(code, "an unknown failure")
    return Reason(
        name="Panic", sentence=f"{meaning} (Panic 0x{code:02x})", arguments={"code": code}
    )


def _named(error: Mapping[str, Any], body: bytes) -> Reason:
    inputs = error["inputs"]
    values = _decode([one["type"] for one in inputs], body)
    arguments = {
        one["name"]: _plain(value, one["type"]) for one, value in zip(inputs, values, strict=True)
    }
    said = ", ".join(f"{name} {value}" for name, value in arguments.items())
    return Reason(
        name=error["name"],
        sentence=f"{error['name']}({said})",
        arguments=arguments,
        hint=_HINTS.get(error["name"], ""),
    )


def _plain(value: Any, kind: str) -> Any:
    if kind == "address":
        return str(to_checksum_address(bytes.fromhex(value[2:])))
    return "0x" + value.hex() if isinstance(value, bytes) else value


@cache
def _known_errors() -> Mapping[bytes, Mapping[str, Any]]:
    """Every named error of the contracts, by selector."""
    found: dict[bytes, Mapping[str, Any]] = {}
    for name in ContractName:
        for one in load(name).abi:
            if one["type"] == "error":
                kinds = ",".join(each["type"] for each in one.get("inputs", ()))
                # Where contracts share an error, the first one's names for the arguments count.
                found.setdefault(selector(f"{one['name']}({kinds})"), dict(one))
    return found


def _decode(kinds: Sequence[str], data: bytes) -> tuple[Any, ...]:
    from eth_abi.abi import decode  # 0.3 s, needed only after a refusal

    return tuple(decode(kinds, data))


def _undecodable() -> tuple[type[Exception], ...]:
    from eth_abi.exceptions import DecodingError

    return DecodingError, UnicodeDecodeError, OverflowError


def _data(value: object) -> bytes:
    if isinstance(value, str) and re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", value):
        return bytes.fromhex(value[2:])
    return b""
