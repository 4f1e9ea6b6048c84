"""What a question is answered with: status, media type and bytes.

Rules:
  * The content itself is sent with its own media type, a whole result with that of its envelope.
  * An error, and an identity that was given up, have no content: they are told by a whole result,
    whatever was accepted; that of dereferencing where that was asked for.
  * The URLs of a service are a redirect to the first of them, with an empty body. A URL comes from
    the chain: what may not stand in a header is percent-encoded.
  * Given up is 410 in every envelope, and no error.
  * Whole results name the block that they are of. It can be replaced by a later one, with which the
    rest of the answer is the same.

Spec: DID Resolution v0.3 section 12.1, steps 6 to 10.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ethr_did.core.dereferencing import URI_LIST, select
from ethr_did.core.resolution import (
    DereferencingResult,
    ReadAt,
    ResolutionResult,
    error_to_dict,
)
from ethr_did.core.strict_json import write_json
from ethr_did.errors import ChainError, EthrDIDError, outcome_of
from ethr_did.service.negotiation import DEREFERENCING, RESOLUTION, Choice, Envelope
from ethr_did.service.problems import outside_words
from ethr_did.service.relative_urls import expanded

if TYPE_CHECKING:
    from ethr_did.core.history import View
    from ethr_did.service.questions import Question

__all__ = ["Answer", "answer", "refusal"]

_URL_CHARACTERS = ":/?#[]@!$&'()*+,;=%-._~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent. The body is in three parts, of which the middle one is the block it is of."""

    status: int
    media_type: str
    """Empty where there is no body."""
    head: bytes = b""
    block: bytes = b""
    tail: bytes = b""
    location: str | None = None
    """Where a redirect leads."""
    view: View | None = None
    """What was read; None where that failed."""
    read_at: ReadAt | None = None
    """The block that it was read at."""

    @property
    def body(self) -> bytes:
        """What is sent behind the headers."""
        return self.head + self.block + self.tail


def answer(question: Question, result: ResolutionResult) -> Answer:
    """What a resolution says to a question."""
    error, envelope = result.error, question.choice.envelope
    if error is not None or result.view is None or result.read_at is None:
        return refusal(error or EthrDIDError("nothing was resolved"), question.choice)
    names_part = question.is_part or question.choice.form == URI_LIST
    if envelope is Envelope.DEREFERENCING or (envelope is Envelope.NONE and names_part):
        return _dereferenced(question, result, result.view, result.read_at)
    return _resolved(question, result, result.view, result.read_at)


def refusal(
    error: EthrDIDError,
    choice: Choice | None,
    view: View | None = None,
    read_at: ReadAt | None = None,
) -> Answer:
    """What is sent about an error.

    Args:
        error: what stood in the way.
        choice: how a result would have been sent; None where that is not known.
        view: what was read nevertheless.
        read_at: the block it was read at.
    """
    told = error_to_dict(error)
    if isinstance(error, ChainError):
        detail, hint = outside_words(error)
        told["error"] |= {"detail": detail, "hint": hint}
    status = outcome_of(error).http_status
    if choice is not None and choice.envelope is Envelope.DEREFERENCING:
        whole = {"dereferencingMetadata": told, "content": None, "contentMetadata": {}}
        media_type = DEREFERENCING
    else:
        whole = {"didResolutionMetadata": told, "didDocument": None, "didDocumentMetadata": {}}
        media_type = _envelope_type(choice)
    return Answer(
        status=status, media_type=media_type, head=write_json(whole), view=view, read_at=read_at
    )


def _envelope_type(choice: Choice | None) -> str:
    """The name that whoever asks knows a resolution result by."""
    named = choice is not None and choice.envelope is Envelope.RESOLUTION
    return choice.media_type if choice is not None and named else RESOLUTION


def _resolved(question: Question, result: ResolutionResult, view: View, read_at: ReadAt) -> Answer:
    choice = question.choice
    whole = replace(result, media_type=choice.form).to_dict()
    document = whole["didDocument"]
    if document is not None and question.expands:
        document = whole["didDocument"] = expanded(document, question.url.did.text)
    if document is not None and choice.envelope is Envelope.NONE:
        return _content(choice.media_type, document, view, read_at)
    status = HTTPStatus.GONE if document is None else HTTPStatus.OK
    return _whole(status, _envelope_type(choice), whole, view, read_at)


def _dereferenced(
    question: Question, result: ResolutionResult, view: View, read_at: ReadAt
) -> Answer:
    choice, document = question.choice, result.did_document
    if document is None and choice.envelope is Envelope.NONE:
        return _resolved(question, result, view, read_at)
    try:
        if document is None:
            found = DereferencingResult(content_type=choice.form, view=view)
        else:
            found = select(question.url, document, view, choice.form)
    except EthrDIDError as error:
        return refusal(error, choice, view, read_at)
    if choice.envelope is Envelope.NONE and found.content_type == URI_LIST:
        return _redirect(str(found.content), view, read_at)
    whole = found.to_dict()
    if question.expands and isinstance(whole["content"], dict):
        whole["content"] = expanded(whole["content"], question.url.did.text)
    if choice.envelope is Envelope.NONE:
        return _content(choice.media_type, whole["content"], view, read_at)
    whole["dereferencingMetadata"]["readAt"] = read_at.to_dict()
    status = HTTPStatus.GONE if document is None else HTTPStatus.OK
    return _whole(status, DEREFERENCING, whole, view, read_at)


def _content(media_type: str, content: Any, view: View, read_at: ReadAt) -> Answer:
    return Answer(
        status=HTTPStatus.OK,
        media_type=media_type,
        head=write_json(content),
        view=view,
        read_at=read_at,
    )


def _whole(
    status: int, media_type: str, whole: dict[str, Any], view: View, read_at: ReadAt
) -> Answer:
    # Metadata comes first, and begins with two members that nobody outside has a hand in: what is
    # found is the block, not a text of the same form further on.
    head, block, tail = write_json(whole).partition(write_json(read_at.to_dict()))
    return Answer(
        status=status,
        media_type=media_type,
        head=head,
        block=block,
        tail=tail,
        view=view,
        read_at=read_at,
    )


def _redirect(urls: str, view: View, read_at: ReadAt) -> Answer:
    location = quote(urls.split("\n", maxsplit=1)[0], safe=_URL_CHARACTERS)
    return Answer(
        status=HTTPStatus.SEE_OTHER, media_type="", location=location, view=view, read_at=read_at
    )
