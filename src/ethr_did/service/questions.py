"""What a request asks: a DID or DID URL with its options, read from the path, query and body.

Rules:
  * A path that begins with ``did:`` holds the DID URL as it is, and the query of the request is
    its query. ``%23`` and ``%3F`` in it are the ``#`` and ``?`` that HTTP would take away; after
    a ``?`` in the path, the query of the request holds options.
  * Any other path is percent-encoded, and is decoded once; the query holds options.
  * DID parameters count as options of the same name. What is given twice, and what breaks a rule
    of its option, is an invalid option; an option that is not known is an unsupported feature.
  * In a query ``+`` is a plus, not a space: media types have it.
  * ``noCache`` lets anybody cause work, so it is refused unless whoever runs the service allows it.
    It is refused by name, so that clients can ask again without.

Spec: DID Resolution v0.3 sections 3, 4.1, 4.4, 5.4.1, 12.1 and 13.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from ethr_did.core.did import DIDURL, MAX_LENGTH, VERSION_PARAMETERS
from ethr_did.core.resolution import VersionQuery, parse_version
from ethr_did.core.strict_json import read_json
from ethr_did.errors import InvalidDIDURL, InvalidInput, InvalidOption, UnsupportedFeature, shown
from ethr_did.service.negotiation import Choice, choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.chain.networks import Network, Networks

__all__ = [
    "OPTIONS",
    "Question",
    "asked_envelope",
    "body_options",
    "is_part",
    "query_options",
    "read_question",
]

OPTIONS: Final = (*VERSION_PARAMETERS, "accept", "expandRelativeUrls", "noCache")
"""The options that are known."""

_LONGEST = 3 * MAX_LENGTH
"""Bytes of a path or query: each character may be encoded as three."""
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_FLAGS: Mapping[object, bool] = {"true": True, "false": False, True: True, False: False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question to a resolver, and how its answer is sent."""

    url: DIDURL
    network: Network
    version: VersionQuery
    choice: Choice
    expands: bool = False
    """Whether relative DID URLs are made absolute."""
    is_fresh: bool = False
    """Whether it must be answered anew."""
    key: str = field(init=False)
    """The same for questions with the same answer, to the byte."""

    def __post_init__(self) -> None:
        chosen = self.choice
        parts = (self.version.block_number, self.version.time, self.expands)
        key = f"{self.url.text} {parts} {chosen.form} {chosen.media_type}"
        object.__setattr__(self, "key", key)

    @property
    def is_part(self) -> bool:
        """Whether it asks for more, or less, than the document of a DID."""
        return is_part(self.url)

    @property
    def is_fixed(self) -> bool:
        """Whether it asks for a version by its number or time."""
        return self.version != VersionQuery()


def is_part(url: DIDURL) -> bool:
    """Whether a DID URL names more than the document of its DID."""
    named = url.parameters.keys() & {"service", "serviceType", "relativeRef"}
    return bool(url.path or named) or url.fragment is not None


def read_question(
    path: bytes,
    query: bytes,
    accept: str | None,
    networks: Networks,
    *,
    body: Mapping[str, Any] | None = None,
    allows_fresh: bool = False,
) -> Question:
    """The question of a request.

    Args:
        path: as it was sent, behind ``/1.0/identifiers/``.
        query: as it was sent, without its question mark.
        accept: the header; None where there is none.
        networks: where DIDs may live.
        body: options that were posted; None where there are none.
        allows_fresh: whether ``noCache`` is allowed.

    Raises:
        EthrDIDError: what stands in the way; nothing was asked of a node.
    """
    text, option_query = _read_target(path, query)
    url = DIDURL.parse(text)
    own = {name: value for name, value in url.parameters.items() if name in OPTIONS}
    options = _merged(own, query_options(option_query), body or {})
    choice = choose(accept, _text_option(options, "accept"), is_part=is_part(url))
    is_fresh = _flag(options, "noCache")
    if is_fresh and not allows_fresh:
        raise UnsupportedFeature(
            "this service does not answer past its cache (noCache)",
            hint="Ask without noCache. Answers are kept only while nothing changes.",
        )
    given = {name: options.get(name) for name in VERSION_PARAMETERS}
    return Question(
        url=url,
        version=parse_version({}, given["versionId"], given["versionTime"]),
        network=networks.find(url.did.network),
        choice=choice,
        expands=_flag(options, "expandRelativeUrls"),
        is_fresh=is_fresh,
    )


def asked_envelope(accept: str | None, path: bytes) -> Choice | None:
    """How an error is sent; None where the header cannot be read."""
    try:
        return choose(accept, is_part=any(mark in path for mark in (b"%23", b"#")))
    except InvalidInput:
        return None


# -- the DID URL -------------------------------------------------------------------------------


def _read_target(path: bytes, query: bytes) -> tuple[str, bytes]:
    """The DID URL, and the query that holds options."""
    if max(len(path), len(query)) > _LONGEST:
        raise InvalidDIDURL(f"a DID URL of more than {MAX_LENGTH} characters")
    if not path.startswith(b"did:"):
        return _decoded(path), query
    path = re.sub(rb"%3[fF]", b"?", path, count=1)
    path, hash_sign, fragment = re.sub(rb"%23", b"#", path, count=1).partition(b"#")
    if b"?" not in path and query:
        path, query = path + b"?" + query, b""
    return _ascii(path + hash_sign + fragment), query


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as cause:
        raise InvalidDIDURL(
            f"a DID URL is ASCII: {shown(data)}", hint="Percent-encode other characters."
        ) from cause


def _decoded(data: bytes) -> str:
    """What percent-encoded UTF-8 says."""
    if _BROKEN_ESCAPE.search(data):
        raise InvalidDIDURL(
            f"a percent sign without two hex digits: {shown(data)}", hint="Write it as %25."
        )
    try:
        return unquote_to_bytes(data).decode("utf-8")
    except UnicodeDecodeError as cause:
        raise InvalidDIDURL(f"percent-encoded, but not UTF-8: {shown(data)}") from cause


# -- the options -------------------------------------------------------------------------------


def query_options(query: bytes) -> dict[str, str]:
    """The options in a query.

    Raises:
        InvalidOption: one is there twice, or is not percent-encoded UTF-8.
    """
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        if not pair:
            continue
        name, value = _pair(pair)
        if name in found:
            raise _twice(name)
        found[name] = value
    return found


def _pair(pair: bytes) -> tuple[str, str]:
    name, _, value = pair.partition(b"=")
    try:
        return _decoded(name), _decoded(value)
    except InvalidDIDURL as cause:
        raise InvalidOption(f"the query is {cause.message}", hint=cause.hint) from cause


def body_options(data: bytes) -> dict[str, Any]:
    """The options in the body of a request; none in an empty one.

    Raises:
        InvalidOption: it is not a JSON object.
    """
    if not data.strip():
        return {}
    try:
        options = read_json(data)
    except InvalidInput as cause:
        raise InvalidOption(f"the body is {cause.message}") from cause
    if not isinstance(options, dict):
        raise InvalidOption(
            f"the body is {shown(options)}, not an object", hint='Such as {"versionId": "7"}.'
        )
    return options


def _merged(*sources: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for options in sources:
        for name, value in options.items():
            if name not in OPTIONS:
                raise UnsupportedFeature(
                    f"the option {shown(name)} is not supported",
                    hint=f"Known: {', '.join(OPTIONS)}.",
                )
            if name in merged:
                raise _twice(name)
            merged[name] = value
    return merged


def _twice(name: str) -> InvalidOption:
    return InvalidOption(f"the option {shown(name)} is given twice", name=shown(name))


def _text_option(options: Mapping[str, Any], name: str) -> str | None:
    value = options.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidOption(f"the option {name} is {shown(value)}, not a text")
    return value


def _flag(options: Mapping[str, Any], name: str) -> bool:
    value = options.get(name)
    if value is None:
        return False
    if not isinstance(value, (bool, str)) or value not in _FLAGS:
        raise InvalidOption(f"the option {name} is {shown(value)}, not true or false")
    return _FLAGS[value]
