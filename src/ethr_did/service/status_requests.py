"""What requests about statuses say: paths, query parameters, bodies.

Rules:
  * A parameter or member that is not known is refused, and so is one that is there twice: who
    misspells ``atBlock`` would get an answer about another time than the one he asked about.
  * A time is Unix seconds, or ``dateTimeStamp`` of XML Schema, which has a time zone. Blocks have
    whole seconds: a fraction is cut off.
  * Paths name no contract. It is the one that is configured for the network of the issuer.

Spec: Bitstring Status List 1.0, section 3.2, ``timestamp``; Token Status List, draft 21, section
8.4, ``time``; docs/credential-status.md.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.date_time import parse_date_time
from ethr_did.core.did import EthrDID
from ethr_did.core.keys import parse_address
from ethr_did.core.status_answer import FinalityPolicy
from ethr_did.core.status_entry import ContractId, KeyedRecord, ListEntry
from ethr_did.core.status_list import parse_index, parse_key, parse_list_id
from ethr_did.core.strict_json import read_json
from ethr_did.errors import (
    InvalidConfiguration,
    InvalidInput,
    InvalidOption,
    InvalidStatusEntry,
    InvalidStatusList,
    NotFoundError,
    nearest,
    shown,
)
from ethr_did.status.reading import StatusQuestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from ethr_did.chain.networks import Networks
    from ethr_did.status.reading import StatusOptions

__all__ = [
    "MAX_QUESTIONS",
    "Place",
    "StatusBatch",
    "parameters_of",
    "parse_policy",
    "parse_seconds",
    "parse_stamp",
    "parse_when",
    "place_of_list",
    "place_of_record",
    "read_batch",
]

MAX_QUESTIONS: Final = 256
"""In one request."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_FLAGS = {"true": True, "false": False}
_MAX_DID = 2048
_MAX_TOKEN = 1 << 16


# -- parameters ----------------------------------------------------------------------------------


def parameters_of(request: Request, *known: str) -> dict[str, Any]:
    """The query parameters of a request: numbers and flags as such, all others as text.

    Args:
        request: with its URL.
        known: names that have a meaning here.

    Raises:
        InvalidOption: one is not known, or is there twice.
    """
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise InvalidOption(
                f"there is no parameter {shown(name)} here", hint=nearest(name, known)
            )
        if name in found:
            raise InvalidOption(f"the parameter {name} is there twice")
        found[name] = _typed(value)
    return found


def _typed(text: str) -> Any:
    if _NUMBER.fullmatch(text):
        return int(text)
    # A plus that is not encoded has become a space, which no value has.
    return _FLAGS.get(text, text.replace(" ", "+"))


def parse_seconds(value: object, name: str) -> int:
    """The Unix seconds of a time in a parameter or member of that name.

    Raises:
        InvalidOption: it is no whole number from 0 on.
    """
    return _whole(value, name, "Unix seconds, in decimal digits without sign or leading zeros.")


def parse_stamp(value: object, name: str) -> int:
    """The Unix seconds of a ``dateTimeStamp`` in a parameter or member of that name.

    Raises:
        InvalidOption: it is none, or before 1970.

    Example:
        >>> parse_stamp("2023-06-16T14:16:40.5Z", "timestamp")
        1686925000
    """
    try:
        seconds = math.floor(parse_date_time(value))
    except InvalidInput:
        seconds = -1
    if seconds < 0:
        raise InvalidOption(
            f"{name} is not a time: {shown(value)}",
            hint="As 2026-01-31T23:59:59Z, with a time zone, from 1970 on.",
        )
    return seconds


def _whole(value: object, name: str, hint: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise InvalidOption(f"{name} is {shown(value)}", hint=hint)
    return value


def parse_policy(value: object) -> FinalityPolicy | None:
    """The policy of that name; None if none is named.

    Raises:
        InvalidOption: there is none.
    """
    names = [one.value for one in FinalityPolicy]
    if value is not None and value not in names:
        raise InvalidOption(f"not a policy: {shown(value)}", hint=f"Known: {', '.join(names)}.")
    return None if value is None else FinalityPolicy(value)


def parse_when(given: Mapping[str, Any]) -> StatusOptions:
    """How statuses are asked for: ``atBlock``, ``atTime``, ``policy``, ``exactSince``, ``times``.

    Args:
        given: parameters of a query, or members of a body.

    Raises:
        InvalidOption: one has no meaning as given, or block and time are both there.
    """
    if "atBlock" in given and "atTime" in given:
        raise InvalidOption("a status is asked for at a block or at a time, not both")
    options: StatusOptions = {
        "policy": parse_policy(given.get("policy")),
        "exact_since": _flag(given, "exactSince"),
        "times": _flag(given, "times"),
    }
    if "atBlock" in given:
        hint = "The number of a block, in decimal digits without sign or leading zeros."
        options["at_block"] = _whole(given["atBlock"], "atBlock", hint)
    if "atTime" in given:
        moment = given["atTime"]
        parse = parse_stamp if isinstance(moment, str) else parse_seconds
        options["at_time"] = parse(moment, "atTime")
    return options


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise InvalidOption(f"{name} is neither true nor false: {shown(value)}")
    return value


# -- paths ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a path names: an entry or record, and whose it is."""

    issuer: EthrDID
    entry: ListEntry | KeyedRecord

    def to_dict(self) -> dict[str, Any]:
        """The place as JSON."""
        entry = self.entry
        if isinstance(entry, ListEntry):
            return {"issuer": self.issuer.text, "entry": entry.to_dict()}
        record = {"registry": entry.registry.text, "key": "0x" + entry.key.hex()}
        return {"issuer": self.issuer.text, "record": record}


def place_of_list(request: Request, networks: Networks) -> Place:
    """The entry that a path names; the first one where it names a whole list.

    Raises:
        InvalidInput: a part of the path is not of its form.
        NotFoundError: there can be no such list, or it has no such entry.
        UnknownNetwork, InvalidConfiguration: nothing is known about the network of the issuer.
    """
    parts = request.path_params
    issuer, registry = _issuer(parts["issuer"], networks)
    index = parse_index(parts.get("index", "0"))
    text = parts["list_id"]
    try:
        entry = ListEntry(registry=registry, list_id=parse_list_id(text), index=index)
    except (InvalidStatusList, InvalidStatusEntry) as error:
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
            raise
        raise NotFoundError(error.message, hint=error.hint) from error
    return Place(issuer=issuer, entry=entry)


def place_of_record(request: Request, networks: Networks) -> Place:
    """The record that a path names.

    Raises: as ``place_of_list``.
    """
    issuer, registry = _issuer(request.path_params["issuer"], networks)
    key = parse_key(request.path_params["key"])
    return Place(issuer=issuer, entry=KeyedRecord(registry=registry, key=key))


def _issuer(text: str, networks: Networks) -> tuple[EthrDID, ContractId]:
    """The issuer, and the status registry of its network."""
    issuer = EthrDID.parse(text)
    network = networks.find(issuer.network)
    if network.status_registry is None:
        raise InvalidConfiguration(
            f"no status registry is configured for network {network.name}",
            hint="Its address is a line in the configuration of the service.",
            network=network.name,
        )
    return issuer, ContractId(network.chain_id, parse_address(network.status_registry))


# -- bodies --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusBatch:
    """Many questions."""

    questions: tuple[StatusQuestion, ...]
    options: StatusOptions


_MEMBERS = ("questions", "atBlock", "atTime", "policy", "exactSince", "times")
_OF_QUESTION = ("entry", "issuer", "digest", "token")


def read_batch(body: bytes, *, most: int = MAX_QUESTIONS) -> StatusBatch:
    """The questions in a body.

    What is wrong with an entry is for the answer to say; what is wrong with the request is refused.

    Args:
        body: JSON.
        most: questions.

    Raises:
        InvalidInput: something is wrong with it.
    """
    given = _object(read_json(body), "the body", _MEMBERS)
    questions = given.get("questions")
    if not isinstance(questions, list) or not questions:
        raise InvalidOption(
            "there are no questions", hint='{"questions": [{"entry": {…}, "issuer": "did:ethr:…"}]}'
        )
    if len(questions) > most:
        raise InvalidOption(
            f"{len(questions)} questions; at most {most} are answered at once",
            hint="Ask in several requests.",
        )
    return StatusBatch(
        questions=tuple(_question(one, f"questions[{i}]") for i, one in enumerate(questions)),
        options=parse_when(given),
    )


def _object(value: object, name: str, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidOption(f"{name} is not an object: {shown(value)}")
    for member in value:
        if member not in known:
            hint = nearest(member, known)
            raise InvalidOption(f"{name} has an unknown member {shown(member)}", hint=hint)
        if value[member] is None:
            raise InvalidOption(f"{member} of {name} is null", hint="Leave it out.")
    return value


def _question(value: object, name: str) -> StatusQuestion:
    given = _object(value, name, _OF_QUESTION)
    entry = given.get("entry")
    if not isinstance(entry, dict):
        raise InvalidOption(
            f"{name}.entry is not an object: {shown(entry)}",
            hint="It is the credentialStatus of a credential, or its claim status.",
        )
    digest = given.get("digest")
    return StatusQuestion(
        entry=entry,
        issuer=_text(given.get("issuer"), f"{name}.issuer", _MAX_DID),
        digest=None if digest is None else parse_key(digest),
        token=None
        if given.get("token") is None
        else _text(given["token"], f"{name}.token", _MAX_TOKEN),
    )


def _text(value: object, name: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise InvalidOption(f"{name} is not a text of at most {most} characters: {shown(value)}")
    return value
