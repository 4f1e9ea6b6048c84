"""Requests for many credentials from a file: a table, or lines of JSON.

=================  ==============================================================================
file               what it holds
=================  ==============================================================================
CSV                a header, and a row for each credential. The columns ``reference``,
                   ``subject``, ``holder_key``, ``valid_from``, ``valid_until`` mean the same as
                   below; each other one is a claim, a point in its name leads into an
                   object (``degree.name``). Comma, semicolon or tab between the fields.
lines of JSON      an object in each line: ``reference``, ``claims``, and perhaps ``subject``,
                   ``holderKey``, ``validFrom``, ``validUntil``
=================  ==============================================================================

Rules:
  * All rows are checked before the first credential is signed, and all that is wrong is told at
    once, by line and claim. What was claimed is in no message.
  * Each row has a reference of its own.
  * In a table an empty field is a claim that is not there. Numbers, truth values, lists and objects
    are told by the schema: ``7``, ``true``, JSON.
  * Times are written with a time zone, as ``2026-01-31T23:59:59Z``.
  * UTF-8 throughout; a mark at the beginning is passed over. Bytes and rows are bounded.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.date_time import parse_date_time
from ethr_did.core.status_wishes import Faults
from ethr_did.core.strict_json import read_json
from ethr_did.credentials.holder_keys import read_holder_key
from ethr_did.credentials.issue_request import IssueRequest
from ethr_did.errors import InvalidClaims, InvalidFile, InvalidInput, InvalidOption, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from ethr_did.credentials.credential import CredentialFormat
    from ethr_did.credentials.templates import Template

__all__ = ["MAX_BYTES", "MAX_ROWS", "BatchReader"]

MAX_BYTES: Final = 256 << 20
"""Of a file."""

MAX_ROWS: Final = 100_000
"""Of a file."""

_MARK = b"\xef\xbb\xbf"
_MEMBERS = {
    "reference": "reference",
    "subject": "subject",
    "holderKey": "holder_key",
    "validFrom": "valid_from",
    "validUntil": "valid_until",
}
"""Members of JSON to fields of a request; a table calls them as the fields."""
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,30})")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReader:
    r"""Reads files of requests for credentials of one kind.

    Example:
        >>> from io import BytesIO
        >>> from ethr_did.credentials.credential import CredentialFormat
        >>> from ethr_did.credentials.templates import find_template
        >>> reader = BatchReader(template=find_template("age"), format=CredentialFormat.VC_JWT)
        >>> table = b"reference,subject,birthdate\na-1,did:example:1,1990-01-01\n"
        >>> (request,) = reader.read(BytesIO(table), "today.csv", now=1_800_000_000)
        >>> request.reference, dict(request.claims)
        ('a-1', {'birthdate': '1990-01-01'})
    """

    template: Template
    format: CredentialFormat
    bearer: bool = False
    """Whether anybody may show them."""
    valid_days: int | None = None
    """For rows that say no ``valid_until``; None: as the template has it."""
    check: Callable[[IssueRequest], object] = field(default=lambda _: None)
    """What else is to be checked of each; raises ``InvalidInput``."""

    def read(self, stream: BinaryIO, name: str, *, now: int) -> list[IssueRequest]:
        """The requests in a file, without fault, in their order.

        Args:
            stream: of bytes.
            name: for the errors.
            now: Unix seconds of issuance.

        Raises:
            InvalidFile: with all faults, each by its line.
        """
        data = stream.read(MAX_BYTES + 1).removeprefix(_MARK)
        if len(data) > MAX_BYTES:
            raise InvalidFile(f"{name} is longer than {MAX_BYTES:,} bytes", hint="Cut it up.")
        faults = Faults()
        faults.row = f"{name} line"
        rows = _json_rows(data, faults) if _is_json(data) else self._table_rows(data, faults, name)
        found = self._requests(rows, faults, name, now)
        faults.check(name, kind=InvalidFile)
        if not found:
            raise InvalidFile(f"{name} is empty")
        return found

    def _requests(
        self, rows: Iterable[tuple[int, Mapping[str, Any]]], faults: Faults, name: str, now: int
    ) -> list[IssueRequest]:
        found: list[IssueRequest] = []
        lines: dict[str, int] = {}
        for count, (line, members) in enumerate(rows, start=1):
            if count > MAX_ROWS:
                raise InvalidFile(f"{name} has more than {MAX_ROWS:,} rows", hint="Cut it up.")
            try:
                request = self._request(members, now)
            except InvalidInput as fault:
                faults.add(line, _words(fault))
                continue
            before = lines.setdefault(str(request.reference), line)
            if before != line:
                faults.add(line, f"the reference is that of line {before}")
            found.append(request)
        return found

    def _request(self, members: Mapping[str, Any], now: int) -> IssueRequest:
        """The request of a row, checked."""
        for name in members:
            if name not in _MEMBERS and name != "claims":
                raise InvalidOption(f"the member {shown(name)} is not known")
        reference, claims = members.get("reference"), members.get("claims")
        if not isinstance(reference, str) or not reference:
            raise InvalidOption("it has no reference")
        if not isinstance(claims, Mapping):
            raise InvalidOption("its claims are no object")
        subject = members.get("subject")
        if subject is not None and not isinstance(subject, str):
            raise InvalidOption("its subject is no text")
        key = members.get("holderKey")
        until = _time(members, "validUntil")
        request = IssueRequest(
            template=self.template,
            format=self.format,
            claims=claims,
            reference=reference,
            subject=subject,
            holder_key=None if key is None else read_holder_key(key),
            bearer=self.bearer,
            valid_from=_time(members, "validFrom"),
            valid_until=until,
            valid_days=self.valid_days if until is None else None,
        )
        request.prepare(now)
        request.window(now)
        self.check(request)
        return request

    # -- tables ----------------------------------------------------------------------------------

    def _table_rows(
        self, data: bytes, faults: Faults, name: str
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            faults.add(name, "not UTF-8")
            return
        first = text.partition("\n")[0]
        if not first.strip():
            return
        delimiter = next((mark for mark in (",", ";", "\t") if mark in first), ",")
        # A field in quotation marks may hold line ends: they stay as they are.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            header = [column.strip() for column in next(reader)]
            _check_header(header)
            for row in reader:
                if row:
                    yield from self._row(header, row, reader.line_num, faults)
        except csv.Error as cause:
            faults.add(reader.line_num, f"not CSV: {cause}; not read further")
        except InvalidFile as fault:
            faults.add(1, fault.message)

    def _row(
        self, header: list[str], row: list[str], line: int, faults: Faults
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        if len(row) != len(header):
            faults.add(line, f"{len(row)} fields where the header has {len(header)}")
            return
        members: dict[str, Any] = {"claims": {}}
        try:
            for column, text in zip(header, row, strict=True):
                if text:
                    self._put(members, column, text)
        except InvalidInput as fault:
            faults.add(line, fault.message)
        else:
            yield line, members

    def _put(self, members: dict[str, Any], column: str, text: str) -> None:
        """Puts a field where it belongs."""
        for member, name in _MEMBERS.items():
            if column == name:
                members[member] = text
                return
        *above, last = column.split(".")
        place, schema = members["claims"], _plain(self.template.schema.content)
        for step in above:
            place = place.setdefault(step, {})
            schema = _plain(_plain(schema.get("properties")).get(step))
        kind = _plain(_plain(schema.get("properties")).get(last)).get("type")
        place[last] = _value(text, kind, column)


def _plain(schema: object) -> Mapping[str, Any]:
    return schema if isinstance(schema, Mapping) else {}


def _is_json(data: bytes) -> bool:
    return data.lstrip()[:1] == b"{"


def _json_rows(data: bytes, faults: Faults) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, text in enumerate(data.split(b"\n"), start=1):
        if not text.strip():
            continue
        try:
            members = read_json(text)
        except InvalidInput:
            members = None  # the error would show the beginning of the line
        if isinstance(members, dict):
            yield line, members
        else:
            faults.add(line, "it is no JSON object as it is read here")


def _check_header(header: list[str]) -> None:
    twice = {name for name in header if header.count(name) > 1}
    if "" in header or twice:
        raise InvalidFile(f"a column has no name, or one that is there twice: {shown(header)}")
    if "reference" not in header:
        raise InvalidFile(f"there is no column reference: {shown(header)}")
    for name in header:
        steps = name.split(".")
        above = {".".join(steps[:count]) for count in range(1, len(steps))}
        if "" in steps or above & set(header):
            raise InvalidFile(f"the column {shown(name)} leads into another one, or nowhere")


def _value(text: str, kind: object, column: str) -> Any:
    """A field as its claim."""
    match kind:
        case "integer" if _INTEGER.fullmatch(text):
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case "integer" | "boolean":
            raise InvalidOption(f"{shown(column)} is no {kind}")
        case "number" | "array" | "object":
            return _json(text, column)
    return text


def _json(text: str, column: str) -> Any:
    try:
        return read_json(text.encode())
    except InvalidInput:
        pass  # the error shows the field
    raise InvalidOption(f"{shown(column)} is no JSON")


def _time(members: Mapping[str, Any], name: str) -> int | None:
    """Whole seconds, such that the window never grows."""
    value = members.get(name)
    if value is None:
        return None
    seconds = parse_date_time(value)
    return math.ceil(seconds) if name == "validFrom" else math.floor(seconds)


def _words(fault: InvalidInput) -> str:
    """What is wrong with a row."""
    if isinstance(fault, InvalidClaims):
        return "; ".join(fault.facts["faults"])
    return fault.message
