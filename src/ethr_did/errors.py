"""The whole error tree.

Every error says what happened with the value in it, carries a stable ``code``, the facts as
attributes, a ``hint`` that says what to do next, and chains its cause::

    EthrDIDError
    ├── InvalidInput                 the input is wrong; nothing was asked of a node
    │   ├── InvalidDID               ├── InvalidDIDURL           ├── InvalidOption
    │   ├── InvalidAddress           ├── InvalidKey              ├── InvalidAttribute
    │   ├── InvalidService           ├── InvalidValidity         ├── InvalidChange
    │   ├── InvalidDocument          ├── InvalidFile             ├── InvalidConfiguration
    │   ├── InvalidStatusList        ├── InvalidStatusEntry      ├── InvalidCredential
    │   ├── InvalidQuery             ├── InvalidTrustList        ├── InvalidClaims
    │   ├── UnsupportedMethod        ├── UnsupportedRepresentation
    │   └── UnsupportedFeature       └── UnknownNetwork
    ├── NotFoundError                the chain answered: there is no such version, method, service
    ├── DeactivatedError             the identity exists and has been given up for good
    ├── StatusNotValid               the credential is revoked, suspended or of another status
    ├── StatusUndetermined           its status could not be found out; never a "no", never a "yes"
    ├── CredentialNotValid           a credential or presentation was checked, and is not good
    ├── CredentialUndetermined       some check of it could not be made; never a "no", never a "yes"
    ├── ChainError                   what the chain says could not be found out, or not trusted
    │   ├── NodeUnreachable          no answer: refused, timed out, cut off
    │   ├── NodeBusy                 429 or the node's own words for it
    │   ├── NodeRefused              a JSON-RPC error object
    │   │   └── RangeRefused         the node does not serve a log query of that size
    │   ├── InvalidAnswer            not JSON-RPC, or not what was asked
    │   ├── WrongChain               the node is on another chain
    │   ├── RegistryMissing          no code, or foreign code, at the registry address
    │   ├── HistoryMissing           the chain points at events that the node does not have
    │   ├── NodeInconsistent         answers that contradict each other
    │   ├── ChainMoved               reorganised again and again while it was read
    │   ├── QuorumFailed             not enough nodes agree
    │   ├── IndexBehind              the index has not kept up with the chain
    │   ├── NotIndexed               the index does not hold what was asked for; a node may
    │   └── IndexBroken              the index and the chain contradict each other
    ├── FetchError                   a foreign document could not be fetched, or may not be
    ├── TransactionError             nothing was changed on chain, or it is not known yet
    │   ├── NotAuthorized            the sender is not the owner
    │   ├── Reverted                 the contract refused; its error is named
    │   ├── FeeTooHigh               above the cap that was given
    │   ├── InsufficientFunds
    │   ├── StatusConflict           somebody else changed the same statuses to something else
    │   ├── TransactionPending       sent, not mined within the time given
    │   └── TransactionReplaced      another transaction took the nonce
    ├── SignerError                  keystore, key file, remote signer
    ├── StoreError                   the issuer's database
    ├── WalletError                  the wallet file: password, damage, another process
    ├── DeploymentError              a deployment differs from its record or artifact
    ├── CompilationError             the compiler refused the sources, or there is none
    └── MissingExtra                 an optional part is not installed
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "OUTCOMES",
    "ChainError",
    "ChainMoved",
    "CompilationError",
    "CredentialNotValid",
    "CredentialUndetermined",
    "DeactivatedError",
    "DeploymentError",
    "EthrDIDError",
    "FeeTooHigh",
    "FetchError",
    "HistoryMissing",
    "IndexBehind",
    "IndexBroken",
    "InsufficientFunds",
    "InvalidAddress",
    "InvalidAnswer",
    "InvalidAttribute",
    "InvalidChange",
    "InvalidClaims",
    "InvalidConfiguration",
    "InvalidCredential",
    "InvalidDID",
    "InvalidDIDURL",
    "InvalidDocument",
    "InvalidFile",
    "InvalidInput",
    "InvalidKey",
    "InvalidOption",
    "InvalidQuery",
    "InvalidService",
    "InvalidStatusEntry",
    "InvalidStatusList",
    "InvalidTrustList",
    "InvalidValidity",
    "MissingExtra",
    "NodeBusy",
    "NodeInconsistent",
    "NodeRefused",
    "NodeUnreachable",
    "NotAuthorized",
    "NotFoundError",
    "NotIndexed",
    "Outcome",
    "QuorumFailed",
    "RangeRefused",
    "RegistryMissing",
    "Reverted",
    "SignerError",
    "StatusConflict",
    "StatusNotValid",
    "StatusUndetermined",
    "StoreError",
    "TransactionError",
    "TransactionPending",
    "TransactionReplaced",
    "UnknownNetwork",
    "UnsupportedFeature",
    "UnsupportedMethod",
    "UnsupportedRepresentation",
    "WalletError",
    "WrongChain",
    "nearest",
    "outcome_of",
    "shown",
]


class EthrDIDError(Exception):
    """The root; never raised itself.

    Attributes:
        code: stable, lower-case, for programs.
        facts: what the sentence was made of, by name.
        hint: what to do next, for people; may be empty.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts: Mapping[str, Any] = MappingProxyType(facts)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword arguments do not pickle by themselves; test runners and
        # process pools need them to.
        return _rebuild, (type(self), self.message, self.hint, dict(self.facts))

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON: code, message, hint and facts."""
        out: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.hint:
            out["hint"] = self.hint
        if self.facts:
            out["facts"] = {name: _plain(value) for name, value in self.facts.items()}
        return out


def _rebuild(
    kind: type[EthrDIDError], message: str, hint: str, facts: dict[str, Any]
) -> EthrDIDError:
    return kind(message, hint=hint, **facts)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


class InvalidInput(EthrDIDError, ValueError):
    """What was given breaks a rule; the rule is in the message."""

    code = "invalid_input"


class InvalidDID(InvalidInput):
    """Not a did:ethr."""

    code = "invalid_did"


class InvalidDIDURL(InvalidInput):
    """Not a DID URL."""

    code = "invalid_did_url"


class InvalidOption(InvalidInput):
    """A resolution option or DID parameter has no meaning as given."""

    code = "invalid_option"


class InvalidAddress(InvalidInput):
    """Not an Ethereum address."""

    code = "invalid_address"


class InvalidKey(InvalidInput):
    """Key of the wrong length, form, or not on the curve."""

    code = "invalid_key"


class InvalidAttribute(InvalidInput):
    """An attribute or delegate name that does not fit, or a value nobody could read."""

    code = "invalid_attribute"


class InvalidService(InvalidInput):
    """A service type or endpoint that breaks DID Core section 5.4."""

    code = "invalid_service"


class InvalidValidity(InvalidInput):
    """A validity that is not a whole number of seconds in range."""

    code = "invalid_validity"


class InvalidChange(InvalidInput):
    """A change that the registry would refuse or that would have no effect."""

    code = "invalid_change"


class InvalidDocument(InvalidInput):
    """JSON that is not a DID document."""

    code = "invalid_document"


class InvalidFile(InvalidInput):
    """A file given by the user that cannot be used."""

    code = "invalid_file"


class InvalidConfiguration(InvalidInput):
    """A configuration that cannot be used."""

    code = "invalid_configuration"


class InvalidStatusList(InvalidInput):
    """A status list, or the id of one, that cannot be used."""

    code = "invalid_status_list"


class InvalidStatusEntry(InvalidInput):
    """A status entry, index, value or key that is none, or not in its list."""

    code = "invalid_status_entry"


class InvalidCredential(InvalidInput):
    """A credential, presentation, token or proof that breaks a rule of its format."""

    code = "invalid_credential"


class InvalidClaims(InvalidInput):
    """Claims that the template or the schema of a credential does not allow."""

    code = "invalid_claims"


class InvalidQuery(InvalidInput):
    """A request for a presentation that is none, or that nothing can answer."""

    code = "invalid_query"


class InvalidTrustList(InvalidInput):
    """A list of trusted issuers that cannot be used."""

    code = "invalid_trust_list"


class UnsupportedMethod(InvalidInput):
    """A DID of another method."""

    code = "unsupported_method"


class UnsupportedFeature(InvalidInput):
    """An option that is not known, or not allowed here."""

    code = "unsupported_feature"


class UnsupportedRepresentation(InvalidInput):
    """No representation that ``accept`` allows."""

    code = "unsupported_representation"


class UnknownNetwork(InvalidInput):
    """A network that is not configured."""

    code = "unknown_network"


class NotFoundError(EthrDIDError):
    """The chain was read, and what was asked for is not there."""

    code = "not_found"


class DeactivatedError(EthrDIDError):
    """The identity was deactivated; that is final."""

    code = "deactivated"


class StatusNotValid(EthrDIDError):
    """The credential's status was found out, and is not "valid"."""

    code = "status_not_valid"


class StatusUndetermined(EthrDIDError):
    """The credential's status could not be found out. Never "valid"."""

    code = "status_undetermined"


class CredentialNotValid(EthrDIDError):
    """A credential or presentation was checked, and is not to be accepted."""

    code = "credential_not_valid"


class CredentialUndetermined(EthrDIDError):
    """Some check of a credential or presentation could not be made. Never "valid"."""

    code = "credential_undetermined"


class ChainError(EthrDIDError):
    """What the chain says could not be found out, or cannot be trusted. Never a "no"."""

    code = "chain_error"


class NodeUnreachable(ChainError):
    """No answer from the node."""

    code = "node_unreachable"


class NodeBusy(ChainError):
    """The node asks to come back later."""

    code = "node_busy"


class NodeRefused(ChainError):
    """The node answered with a JSON-RPC error."""

    code = "node_refused"


class RangeRefused(NodeRefused):
    """The node does not serve a log query over so many blocks or results."""

    code = "range_refused"


class InvalidAnswer(ChainError):
    """The answer is not JSON-RPC, or not of the shape that was asked for."""

    code = "invalid_answer"


class WrongChain(ChainError):
    """The node's chain id is not the network's."""

    code = "wrong_chain"


class RegistryMissing(ChainError):
    """The registry address holds no code, or code that is no ERC-1056 registry."""

    code = "registry_missing"


class HistoryMissing(ChainError):
    """The chain says that events exist which the node does not return."""

    code = "history_missing"


class NodeInconsistent(ChainError):
    """Answers of one node contradict each other."""

    code = "node_inconsistent"


class ChainMoved(ChainError):
    """The chain was reorganised at every attempt to read it."""

    code = "chain_moved"


class QuorumFailed(ChainError):
    """Too few nodes gave the same answer."""

    code = "quorum_failed"


class IndexBehind(ChainError):
    """The index has not kept up with the chain: what it says may be of the past."""

    code = "index_behind"


class NotIndexed(ChainError):
    """The index does not hold what was asked for. It says nothing about the chain."""

    code = "not_indexed"


class IndexBroken(ChainError):
    """What the index holds, and what the chain says, contradict each other."""

    code = "index_broken"


class FetchError(EthrDIDError):
    """A foreign document could not be fetched, or may not be. Never a "no"."""

    code = "fetch_error"


class TransactionError(EthrDIDError):
    """A change that did not happen, or is not known to have happened."""

    code = "transaction_error"


class NotAuthorized(TransactionError):
    """The sender or signer is not the owner of the identity."""

    code = "not_authorized"


class Reverted(TransactionError):
    """The contract refused; name and arguments of its error are in the facts."""

    code = "reverted"


class FeeTooHigh(TransactionError):
    """The fee would be above the cap."""

    code = "fee_too_high"


class InsufficientFunds(TransactionError):
    """The sender cannot pay."""

    code = "insufficient_funds"


class StatusConflict(TransactionError):
    """Somebody else changed the same statuses, to something else."""

    code = "status_conflict"


class TransactionPending(TransactionError):
    """Sent and journalled, but not mined within the time given."""

    code = "transaction_pending"


class TransactionReplaced(TransactionError):
    """Another transaction with the same nonce was mined."""

    code = "transaction_replaced"


class SignerError(EthrDIDError):
    """A key could not be used: keystore, key file, password or remote signer."""

    code = "signer_error"


class StoreError(EthrDIDError):
    """The issuer's database could not be used, or has no room left."""

    code = "store_error"


class WalletError(EthrDIDError):
    """The wallet could not be used: its password, its file, or another process."""

    code = "wallet_error"


class DeploymentError(EthrDIDError):
    """A deployment could not be made or is not what its record says."""

    code = "deployment_error"


class CompilationError(EthrDIDError):
    """The compiler refused the sources, or there is no compiler."""

    code = "compilation_error"


class MissingExtra(EthrDIDError):
    """An optional part of the package is not installed."""

    code = "missing_extra"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an error means at the edges."""

    did_error: str
    """Last part of the error type URI of DID Resolution, section 10."""
    http_status: int
    """Status of the DID Resolution HTTP(S) binding."""
    exit_code: int
    """Exit status of the command line."""


_BAD_OPTIONS = Outcome("INVALID_OPTIONS", 400, 2)
_UNKNOWN = Outcome("INTERNAL_ERROR", 500, 4)
_NOT_SENT = Outcome("INTERNAL_ERROR", 500, 5)

OUTCOMES: Mapping[str, Outcome] = MappingProxyType(
    {
        "error": Outcome("INTERNAL_ERROR", 500, 1),
        "invalid_input": _BAD_OPTIONS,
        "invalid_did": Outcome("INVALID_DID", 400, 2),
        "invalid_did_url": Outcome("INVALID_DID_URL", 400, 2),
        "invalid_option": _BAD_OPTIONS,
        "invalid_address": _BAD_OPTIONS,
        "invalid_key": _BAD_OPTIONS,
        "invalid_attribute": _BAD_OPTIONS,
        "invalid_service": _BAD_OPTIONS,
        "invalid_validity": _BAD_OPTIONS,
        "invalid_change": _BAD_OPTIONS,
        "invalid_document": Outcome("INVALID_DID_DOCUMENT", 500, 2),
        "invalid_file": _BAD_OPTIONS,
        "invalid_configuration": Outcome("INTERNAL_ERROR", 500, 7),
        "invalid_status_list": _BAD_OPTIONS,
        "invalid_status_entry": _BAD_OPTIONS,
        "invalid_credential": _BAD_OPTIONS,
        "invalid_claims": _BAD_OPTIONS,
        "invalid_query": _BAD_OPTIONS,
        "invalid_trust_list": _BAD_OPTIONS,
        "unsupported_method": Outcome("METHOD_NOT_SUPPORTED", 501, 2),
        "unsupported_feature": Outcome("FEATURE_NOT_SUPPORTED", 501, 2),
        "unsupported_representation": Outcome("REPRESENTATION_NOT_SUPPORTED", 406, 2),
        # The DID may be perfectly good on a network that this resolver does not know.
        "unknown_network": Outcome("INTERNAL_ERROR", 500, 7),
        "not_found": Outcome("NOT_FOUND", 404, 3),
        "deactivated": Outcome("NOT_FOUND", 410, 3),
        "status_not_valid": Outcome("INTERNAL_ERROR", 500, 10),
        "status_undetermined": _UNKNOWN,
        "credential_not_valid": Outcome("INTERNAL_ERROR", 500, 10),
        "credential_undetermined": _UNKNOWN,
        "chain_error": _UNKNOWN,
        "node_unreachable": _UNKNOWN,
        "node_busy": _UNKNOWN,
        "node_refused": _UNKNOWN,
        "range_refused": _UNKNOWN,
        "invalid_answer": _UNKNOWN,
        "wrong_chain": _UNKNOWN,
        "registry_missing": _UNKNOWN,
        "history_missing": _UNKNOWN,
        "node_inconsistent": _UNKNOWN,
        "chain_moved": _UNKNOWN,
        "quorum_failed": _UNKNOWN,
        "index_behind": _UNKNOWN,
        "not_indexed": _UNKNOWN,
        "index_broken": _UNKNOWN,
        "fetch_error": _UNKNOWN,
        "transaction_error": _NOT_SENT,
        "not_authorized": _NOT_SENT,
        "reverted": _NOT_SENT,
        "fee_too_high": _NOT_SENT,
        "insufficient_funds": _NOT_SENT,
        "status_conflict": _NOT_SENT,
        "transaction_pending": _NOT_SENT,
        "transaction_replaced": _NOT_SENT,
        "signer_error": Outcome("INTERNAL_ERROR", 500, 6),
        "store_error": Outcome("INTERNAL_ERROR", 500, 11),
        "wallet_error": Outcome("INTERNAL_ERROR", 500, 12),
        "deployment_error": Outcome("INTERNAL_ERROR", 500, 8),
        "compilation_error": Outcome("INTERNAL_ERROR", 500, 8),
        "missing_extra": Outcome("FEATURE_NOT_SUPPORTED", 501, 9),
    }
)
"""The one table from error code to DID Resolution error, HTTP status and exit code."""


def outcome_of(error: EthrDIDError) -> Outcome:
    """The row of ``OUTCOMES`` for an error."""
    return OUTCOMES[error.code]


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the closest known word, or lists them all.

    Example:
        >>> nearest("seplia", ["mainnet", "sepolia"])
        'Did you mean sepolia?'
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known: {', '.join(names)}." if names else "None is known."


def shown(value: object, limit: int = 120) -> str:
    """A value from outside, quoted and cut so that it can stand in an error message."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
