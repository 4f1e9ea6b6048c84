"""JSON-RPC 2.0 as bytes: a batch of requests out, its replies in the same order back.

Rules:
  * One request goes as an object, several as an array (JSON-RPC 2.0, section 6).
  * Every reply must carry an id that was asked, and each id exactly once; the order is free.
  * A reply holds a result or an error, an error of null counting as none.
  * An object in place of the array refuses the whole batch. That is no fault of the requests:
    the batch is tried again in halves.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ethr_did.chain.masking import mask_text
from ethr_did.chain.node_errors import batch_size_stated, is_about_batches, is_busy
from ethr_did.errors import InvalidAnswer, NodeBusy, NodeRefused, NodeUnreachable, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.chain.request import Request
    from ethr_did.errors import ChainError

__all__ = [
    "BatchRefused",
    "HttpReply",
    "encode_batch",
    "match_replies",
    "read_http",
    "read_replies",
    "refused_batch",
    "retry_after",
]

_DEEP = 500
"""Levels of nesting; a block or a log has five."""
_SAFE_RECURSION = 5000
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

_OK = 200
_UNAUTHORIZED = (401, 403)
_TOO_LARGE = 413
_TOO_MANY = 429
_UNAVAILABLE = 503


class BatchRefused(Exception):
    """The node takes no batch of this size, or none at all; asks for a smaller one, never leaves."""

    def __init__(self, words: str, size: int | None = None) -> None:
        super().__init__(words)
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """An HTTP response, read to its end."""

    status: int
    """Status code."""
    headers: Mapping[str, str]
    """``Retry-After`` and ``Date``, where sent, names in lower case."""
    body: bytes
    """Decompressed, no longer than the limit."""


def encode_batch(batch: Sequence[Request], ids: range) -> bytes:
    """The request body."""
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": request.method, "params": list(request.params)}
        for number, request in zip(ids, batch, strict=True)
    ]
    return json.dumps(calls[0] if len(calls) == 1 else calls, separators=(",", ":")).encode()


def read_http(
    reply: HttpReply, ids: range, *, node: str, url: str | None, now: float
) -> list[dict[str, Any]]:
    """The replies in an HTTP response, in the order of ``ids``.

    Many nodes send their JSON-RPC errors with a status of 4xx or 5xx, so a body that answers what
    was asked counts whatever the status; only 429 and 401/403 are decided by the status alone.

    Args:
        reply: what came back.
        ids: those sent, in order.
        node: masked name of the node.
        url: unmasked, to take its secrets out of the node's words.
        now: unix seconds, to read a ``Retry-After`` that is a date.

    Raises:
        NodeBusy: 429 or 503; the fact ``retry_after`` holds seconds where the node says so.
        NodeUnreachable: another 5xx.
        NodeRefused: another 4xx, such as 401 for a wrong API key.
        InvalidAnswer: a redirect, not JSON, or not JSON-RPC.
        BatchRefused: a smaller batch may be taken.
    """
    if reply.status == _OK:
        return read_replies(reply.body, ids, node=node, url=url)
    ignored: tuple[type[Exception], ...] = (InvalidAnswer,)
    if reply.status >= 500:  # noqa: PLR2004 - server errors
        # A gateway's own error, wrapped as JSON-RPC, must not pass for the node's answer.
        ignored = (InvalidAnswer, BatchRefused, NodeBusy)
    if reply.status not in (_TOO_MANY, *_UNAUTHORIZED):
        try:
            replies = read_replies(reply.body, ids, node=node, url=url)
        except ignored:
            replies = []
        if replies and replies[0].get("id") is not None:
            return replies
    raise _http_failure(reply, ids, node=node, url=url, now=now)


def read_replies(body: bytes, ids: range, *, node: str, url: str | None) -> list[dict[str, Any]]:
    """The replies in a body, in the order of ``ids``.

    Raises:
        InvalidAnswer: not JSON, or not the answer to what was asked.
        BatchRefused: an object where an array was due.
        NodeBusy: that object says: come back later.
    """
    try:
        _check_depth(body)
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        # Not chained: the decoder's error holds the whole body.
        value = None
        problem = f"not JSON: {shown(mask_text(_start_of(body), url))}"
    else:
        problem = ""
    if problem:
        raise InvalidAnswer(f"{node} answered with something that is {problem}", node=node)
    if len(ids) > 1 and isinstance(value, dict):
        raise refused_batch(value, len(ids), node=node, url=url)
    return match_replies(value if len(ids) > 1 else [value], ids, node=node)


def match_replies(value: Any, ids: range, *, node: str) -> list[dict[str, Any]]:
    """The replies sorted by what they answer.

    Raises:
        InvalidAnswer: an id that is missing, unknown or there twice, or a reply that is none.
    """
    if not isinstance(value, list):
        raise InvalidAnswer(f"{node} did not answer a batch with an array", node=node)
    by_id: dict[int, dict[str, Any]] = {}
    for reply in value:
        number = _checked_id(reply, ids, node)
        if number in by_id:
            raise InvalidAnswer(f"{node} answered the same request twice", node=node)
        by_id[number] = reply
    if len(by_id) != len(ids):
        missing = len(ids) - len(by_id)
        raise InvalidAnswer(f"{node} left {missing} of {len(ids)} requests unanswered", node=node)
    return [by_id[number] for number in ids]


def refused_batch(
    value: dict[str, Any], size: int, *, node: str, url: str | None
) -> BatchRefused | NodeBusy:
    """What one error object in place of a whole batch's replies means; returned, not raised."""
    error = value.get("error", value)
    words = mask_text(str(error.get("message", error) if isinstance(error, dict) else error), url)
    if is_busy(error) and not is_about_batches(words):
        return NodeBusy(f"{node} is busy: {shown(words, 300)}", node=node)
    stated = batch_size_stated(error)
    return BatchRefused(words, stated if stated and stated < size else None)


def _checked_id(reply: Any, ids: range, node: str) -> int:
    if not isinstance(reply, dict) or not ("result" in reply or reply.get("error") is not None):
        raise InvalidAnswer(
            f"{node} sent a reply without result and error: {shown(reply)}", node=node
        )
    number = reply.get("id")
    if number is None and reply.get("error") is not None and len(ids) == 1:
        return ids[0]  # JSON-RPC 2.0, section 5: null if the id could not be read
    # True == 1, and 1.0 == 1, in Python.
    if type(number) is not int or number not in ids:
        raise InvalidAnswer(
            f"{node} answered a request that was not sent: id {shown(number)}", node=node
        )
    return number


def _http_failure(
    reply: HttpReply, ids: range, *, node: str, url: str | None, now: float
) -> Exception:
    status, said = reply.status, shown(mask_text(_start_of(reply.body), url))
    message = f"{node} answered with HTTP status {status}: {said}"
    facts: dict[str, Any] = {"node": node, "http_status": status}
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        return InvalidAnswer(
            f"{node} redirects (HTTP status {status}), which is not followed", **facts
        )
    if status in (_TOO_MANY, _UNAVAILABLE):
        return NodeBusy(message, retry_after=retry_after(reply.headers, now), **facts)
    if len(ids) > 1 and (status == _TOO_LARGE or is_about_batches(said)):
        return BatchRefused(message)
    kind: type[ChainError] = NodeUnreachable if status >= 500 else NodeRefused  # noqa: PLR2004 - server errors
    if status < 300:  # noqa: PLR2004 - a success without an answer
        kind = InvalidAnswer
    hint = "Check the API key in the RPC URL." if status in _UNAUTHORIZED else ""
    return kind(message, hint=hint, **facts)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: RFC 9110, section 10.2.3, allows a number or a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    due = _unix(text)
    if due is None:
        return None
    # The node's own clock is the right one to compare with, where it tells us.
    sent = _unix(headers.get("date", ""))
    return max(0.0, due - (now if sent is None else sent))


def _unix(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _start_of(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace")


def _check_depth(body: bytes) -> None:
    """Nothing, or a ``ValueError`` for nesting that could overrun the stack of the decoder.

    Python's decoder is kept from that by the recursion limit, but libraries raise the limit for
    the whole process (py-ecc, under py-evm: to 100,000), and then a hostile node could kill it.
    """
    if sys.getrecursionlimit() <= _SAFE_RECURSION or body.count(b"[") + body.count(b"{") < _DEEP:
        return
    brackets = _JSON_STRING.sub(b"", body).translate(None, delete=_NO_BRACKETS)
    steps = (1 if one in b"[{" else -1 for one in brackets)
    if max(accumulate(steps), default=0) >= _DEEP:
        raise ValueError("nested too deep")


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
