"""What can go wrong with a target, as errors: one family, told apart by the fact ``reason``.

Rules:
  * The query of a URL is not shown; neither is the address that a name resolves to, which may
    tell of the inside, nor anything that a server sent.
  * Errors of the libraries are not chained for the same reasons; their class is.
"""

from __future__ import annotations

import ssl
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ethr_did.chain.masking import causes, innermost_words
from ethr_did.errors import FetchError
from ethr_did.fetching.addresses import is_opened_by_allow_private

if TYPE_CHECKING:
    from ethr_did.fetching.targets import Target

__all__ = [
    "Reason",
    "bad_redirect",
    "bad_status",
    "broken",
    "encoded",
    "forbidden_address",
    "timed_out",
    "too_large",
    "unconnected",
    "unresolved",
]

Reason: TypeAlias = Literal[
    "url",  # not a URL that is ever fetched
    "forbidden",  # an address, port or scheme that is not allowed
    "unresolved",  # the name has no address
    "unreachable",  # no connection came about
    "tls",  # no connection that proves whom it leads to
    "timeout",
    "broken",  # cut off, or not proper HTTP
    "redirect",  # too many, or to where none may lead
    "status",  # another than 200
    "encoded",  # not the bytes themselves
    "too_large",
]
"""The fact ``reason`` of a ``FetchError``."""

_AGAIN = "Try again; if it stays so, tell whoever serves it."
_TELL = "Tell whoever serves it."
_STATUS_HINTS = MappingProxyType(
    {
        404: "It may have moved or never been published: ask its issuer.",
        410: "It was withdrawn: ask its issuer.",
        429: "Try again later.",
        503: "Try again later.",
    }
)


def forbidden_address(target: Target, kind: str) -> FetchError:
    """The host, or one of its addresses, is of a kind that is not connected to."""
    article = "an" if kind[0] in "aeiou" else "a"
    hint = "Nothing is fetched from such addresses."
    if is_opened_by_allow_private(kind):
        hint = "Where documents of your own network are meant, set allow_private."
    return _error(target, f"is at {article} {kind} address", "forbidden", hint, kind=kind)


def unresolved(target: Target) -> FetchError:
    """The name service has nothing that could be connected to."""
    words = "cannot be fetched: its host has no usable address"
    return _error(target, words, "unresolved", "Check the host name, and the name service.")


def unconnected(target: Target, error: BaseException) -> FetchError:
    """No connection, or none that could be trusted."""
    inner = causes(error)
    refusals = [e for e in inner if isinstance(e, ssl.SSLCertVerificationError)]
    if refusals or any(_is_tls(e) for e in inner):
        words = refusals[-1].verify_message if refusals else "no TLS connection came about"
        hint = "For an authority of your own, set ca_file. Certificates are always checked."
        return _because(_error(target, f"cannot be trusted: {words}", "tls", hint), error)
    late = any(isinstance(e, TimeoutError) for e in inner)
    words = "timed out" if late else innermost_words(error)
    return _because(_error(target, f"cannot be reached: {words}", "unreachable", _AGAIN), error)


def timed_out(target: Target, seconds: float) -> FetchError:
    """The deadline for everything has passed."""
    words = f"was not there within {seconds:g} s"
    return _error(target, words, "timeout", "Try again, or raise the time-out.")


def broken(
    target: Target, words: str = "broke off", error: BaseException | None = None
) -> FetchError:
    """The answer is not a whole answer."""
    return _because(_error(target, words, "broken", _AGAIN), error)


def bad_redirect(target: Target, words: str, hint: str = _TELL) -> FetchError:
    """A redirect that is not followed."""
    return _error(target, words, "redirect", hint)


def bad_status(target: Target, status: int) -> FetchError:
    """An answer, but no document."""
    hint = _STATUS_HINTS.get(status, _TELL)
    return _error(target, f"answered {status}", "status", hint, status=status)


def encoded(target: Target) -> FetchError:
    """The body is compressed or otherwise encoded, though that was ruled out."""
    words = "has an encoded body, though none was asked for"
    return _error(target, words, "encoded", _TELL)


def too_large(target: Target, limit: int) -> FetchError:
    """More than may be read."""
    hint = "If that is right, raise most_bytes."
    return _error(target, f"is longer than {limit} bytes", "too_large", hint, limit=limit)


def _error(target: Target, words: str, reason: Reason, hint: str, **facts: Any) -> FetchError:
    return FetchError(
        f"{target.shown} {words}", hint=hint, url=target.shown, reason=reason, **facts
    )


def _because(failure: FetchError, error: BaseException | None) -> FetchError:
    if error is not None:
        failure.__cause__ = ConnectionError(type(error).__name__)
    return failure


def _is_tls(error: BaseException) -> bool:
    # The peer hanging up in the middle of it is a matter of the network.
    hung_up = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    return isinstance(error, ssl.SSLError) and not isinstance(error, hung_up)
