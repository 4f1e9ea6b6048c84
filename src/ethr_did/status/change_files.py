"""Wishes about statuses from files: tables, lines of JSON, credentials.

=================  ==============================================================================
file               what it holds
=================  ==============================================================================
CSV                a header, and a row for each entry: ``listId``, ``index``, ``status``, or for
                   a record ``key``, ``status``. Comma, semicolon or tab between the fields.
lines of JSON      an object in each line, or a JWT
JSON               a list of such objects, or one of them
JWTs               one in each line; SD-JWTs as well. Their signatures are not checked.
=================  ==============================================================================

An object is an entry (``listId`` and ``index``, or ``key``), a ``credentialStatus`` with its
members, or a credential; or it has a member ``credential`` with one, or with its JWT. Its
``status``, a word or a number, says what it is to become, unless all of them become the same.

Rules:
  * All bad rows are named with their lines, and none is carried out.
  * Numbers are plain decimal digits: ``1e3``, ``01`` and ``+1`` are three ways to mean something
    else. JSON holds an index as a number or as such digits in quotes.
  * UTF-8 throughout; a mark at the beginning is passed over.
  * Bytes, rows, and the length of a line are bounded, whoever wrote the file.
  * Further columns and members are ignored, but where they contradict: another contract, another
    purpose or width than the list has.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.base64url import decode_base64url
from ethr_did.core.credential_wishes import wishes_of_credential
from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_list import Purpose, parse_index, parse_key, parse_list_id
from ethr_did.core.status_wishes import (
    RECORD_BITS,
    RecordWish,
    Wish,
    Wishes,
    WishSet,
    parse_status,
)
from ethr_did.core.strict_json import read_json
from ethr_did.errors import InvalidFile, InvalidInput, InvalidStatusEntry, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from ethr_did.core.status_wishes import ListWishes

__all__ = ["MAX_BYTES", "MAX_DOCUMENT", "MAX_LINE", "MAX_ROWS", "ChangeFiles"]

MAX_BYTES: Final = 2 << 30
"""Of a file."""

MAX_ROWS: Final = 10_000_000
"""Of a file."""

MAX_LINE: Final = 1 << 20
"""Bytes of a line; a credential may stand in one."""

MAX_DOCUMENT: Final = 64 << 20
"""Bytes of JSON that is not in lines."""

_MARK = b"\xef\xbb\xbf"
_LIST, _INDEX, _KEY, _STATUS = (
    ("listId", "list_id", "list"),
    ("index", "statusListIndex"),
    ("key",),
    ("status", "value"),
)
"""Names of a column or member."""
_REGISTRY = "registry"
_JWT_PARTS = 3
_USUAL = {"list", "index", "status"}
_USUAL_MEMBERS = {"listId", "index", "status"}
_CHUNK = 1 << 16
_REMEMBERED = 4096
"""Pairs of list and status whose meaning is kept."""


class ChangeFiles:
    r"""Reads files one after the other; ``finish`` tells whether all of them are good.

    Example:
        >>> from io import BytesIO
        >>> from ethr_did.core.keys import Address
        >>> from ethr_did.core.status_list import ListId, Purpose
        >>> statuses = ListId.build(purpose=Purpose.REVOCATION, bits=1, capacity=256, random=bytes(27))
        >>> table = f"listId,index,status\n{statuses.text},7,revoked\n{statuses.text},8,revoked\n"
        >>> files = ChangeFiles(statuses=ContractId(1, Address(bytes(20))))
        >>> files.read(BytesIO(table.encode()), "today.csv")
        >>> files.finish().count
        2
    """

    def __init__(
        self,
        *,
        statuses: ContractId,
        anchors: ContractId | None = None,
        status: str | int | None = None,
        of_credential: Callable[[Mapping[str, Any], str | int], Iterable[Wish | RecordWish]]
        | None = None,
    ) -> None:
        """A reader.

        Args:
            statuses: the issuer's status registry; entries of another one are refused.
            anchors: the issuer's anchor registry.
            status: what all entries become; None: each row says it.
            of_credential: the wishes of a whole credential, such as ``StatusIssuer.wishes_of``,
                which makes sure that it is the issuer's. Without it any issuer's will do.
        """
        self._statuses = statuses
        self._anchors = anchors
        self._status = status
        self._of_entry = partial(wishes_of_credential, statuses=statuses, anchors=anchors)
        self._of_credential = of_credential or self._of_entry
        self._wishes = Wishes()
        self._names: list[str] = []
        self._targets: dict[tuple[str, str], tuple[ListWishes, int]] = {}

    def read_path(self, path: Path) -> None:
        """Reads a file.

        Raises:
            InvalidFile: it cannot be read, or is too large to be looked through.
        """
        try:
            with path.open("rb") as stream:
                self.read(stream, path.name)
        except OSError as cause:
            raise InvalidFile(
                f"{path} cannot be read: {cause.strerror or cause}", path=str(path)
            ) from cause

    def read(self, stream: BinaryIO, name: str) -> None:
        """Reads what comes from a file, a pipe, the standard input.

        Args:
            stream: of bytes.
            name: for the errors.

        Raises:
            InvalidFile: it is too large to be looked through.
        """
        self._names.append(name)
        self._wishes.faults.row = f"{name} line"
        counted = _Lines(stream, name)
        lines = iter(counted)
        first = next((line for line in lines if line.strip()), b"")
        whole = chain([first], lines)
        match first.lstrip()[:1]:
            case b"":
                self._fault(name, "it is empty")
            case b"[":
                self._read_document(_joined(whole, name), name)
            case b"{" if not first.rstrip().endswith(b"}"):
                self._read_document(_joined(whole, name), name)
            case b"{" | b'"' | b"e" if _is_json_line(first):
                for line in whole:
                    if text := line.strip():
                        self._add_text(text, counted.number)
            case _:
                self._read_table(whole, counted)

    def finish(self) -> WishSet:
        """The wishes of all files.

        Raises:
            InvalidFile: with all faults, each by its file and line.
        """
        return self._wishes.finish(", ".join(self._names), kind=InvalidFile)

    # -- tables ----------------------------------------------------------------------------------

    def _read_table(self, whole: Iterable[bytes], counted: _Lines) -> None:
        texts = (self._decoded(line, counted) for line in whole)
        header = next(texts)
        delimiter = _delimiter(header)
        columns = next(csv.reader([header], delimiter=delimiter))
        rows = csv.reader(texts, delimiter=delimiter, strict=True)
        try:
            places = _places(columns, with_status=self._status is None)
        except InvalidFile as fault:
            self._fault(counted.number, fault.message)
            return
        try:
            self._read_rows(rows, places, len(columns), counted)
        except csv.Error as cause:
            # What is behind a quotation mark without its partner belongs to nobody knows which row.
            self._fault(counted.number, f"not CSV: {cause}; not read further")

    def _read_rows(
        self, rows: Iterable[list[str]], places: Mapping[str, int], width: int, counted: _Lines
    ) -> None:
        # A file of a million rows names few lists: what was met before is not looked at again.
        is_usual = set(places) == _USUAL
        name = itemgetter(places["list"], places["status"]) if is_usual else itemgetter(0, 0)
        index = places["index"] if is_usual else 0
        for row in rows:
            if not row:
                continue
            try:
                _check_width(row, width)
                if is_usual and (target := self._targets.get(name(row))):
                    target[0].add(parse_index(row[index]), target[1], counted.number)
                else:
                    found = {kind: row[place] for kind, place in places.items() if row[place]}
                    self._add_named(found, counted.number)
            except InvalidInput as fault:
                self._fault(counted.number, fault.message)

    def _add_named(self, found: Mapping[str, Any], row: int | str) -> None:
        """Takes a wish that names its list and index, or its key."""
        said = found.get("status")
        status = self._status_of(said)
        if "key" in found and "list" in found:
            raise InvalidStatusEntry("it names a list and a key, and one entry is in one of them")
        if "key" in found:
            self._check_registry(found, self._statuses)
            value = parse_status(status, purpose=Purpose.LIFECYCLE, bits=RECORD_BITS)
            self._wishes.add_record(parse_key(found["key"]), value, row)
            return
        wishes, value = self._target(found, status)
        if isinstance(said, str) and _REGISTRY not in found and len(self._targets) < _REMEMBERED:
            self._targets[found["list"], said] = wishes, value
        wishes.add(_index(found.get("index")), value, row)

    def _target(self, found: Mapping[str, Any], status: str | int) -> tuple[ListWishes, int]:
        """The list of a row and the value that its status means there."""
        list_id = parse_list_id(found.get("list"))
        self._check_registry(found, self._anchors if list_id.is_anchored else self._statuses)
        value = parse_status(status, purpose=list_id.purpose, bits=list_id.bits)
        return self._wishes.of(list_id), value

    # -- JSON ------------------------------------------------------------------------------------

    def _add_text(self, text: bytes, row: int) -> None:
        try:
            item = text.decode() if text.startswith(b"eyJ") else read_json(text)
        except UnicodeDecodeError:
            self._fault(row, "not UTF-8")
        except InvalidInput as fault:
            self._fault(row, fault.message)
        else:
            self._add_item(item, row)

    def _read_document(self, data: bytes, name: str) -> None:
        try:
            found = read_json(data)
        except InvalidInput as fault:
            self._fault(name, fault.message)
            return
        for number, item in enumerate(found if isinstance(found, list) else [found], start=1):
            self._add_item(item, f"{name} item {number}")

    def _add_item(self, item: object, row: int | str) -> None:
        try:
            if target := self._met_before(item):
                target[0].add(_index(item["index"]), target[1], row)  # type: ignore[index]
            else:
                self._add_any(item, row)
        except InvalidInput as fault:
            self._fault(row, fault.message)

    def _met_before(self, item: object) -> tuple[ListWishes, int] | None:
        """List and value of an object of the usual members, as of an earlier one."""
        if not isinstance(item, dict) or item.keys() != _USUAL_MEMBERS:
            return None
        listed, status = item["listId"], item["status"]
        if not isinstance(listed, str) or not isinstance(status, str):
            return None
        return self._targets.get((listed, status))

    def _add_any(self, item: object, row: int | str) -> None:
        """Takes the wishes of an object, or of a JWT."""
        if isinstance(item, str):
            self._add_credential(_claims_of(item), self._status_of(None), row)
            return
        if not isinstance(item, Mapping):
            raise InvalidStatusEntry(f"neither an object nor a JWT: {shown(item)}")
        given = item.get("status", item.get("value"))
        said = None if isinstance(given, Mapping) else given  # the claim of an SD-JWT VC
        if "credential" in item:
            self._add_enclosed(item["credential"], self._status_of(said), row)
        elif _is_bare_entry(item):
            self._add_entry(item, self._status_of(said), row)
        elif found := _named(item):
            self._add_named(found if said is None else {**found, "status": said}, row)
        else:
            claims = item if said is None else {n: v for n, v in item.items() if n != "status"}
            self._add_credential(claims, self._status_of(said), row)

    def _add_enclosed(self, credential: object, status: str | int, row: int | str) -> None:
        claims = _claims_of(credential) if isinstance(credential, str) else credential
        if not isinstance(claims, Mapping):
            raise InvalidStatusEntry(f"not a credential: {shown(claims)}")
        self._add_credential(claims, status, row)

    def _add_entry(self, item: Mapping[str, Any], status: str | int, row: int | str) -> None:
        """Takes a ``credentialStatus``, or the claim ``status`` of a Token Status List."""
        members = {name: value for name, value in item.items() if name not in _STATUS}
        claim = "credentialStatus" if "type" in members else "status"
        self._add_wishes(self._of_entry({claim: members}, status), row)

    def _add_credential(self, claims: Mapping[str, Any], status: str | int, row: int | str) -> None:
        # Lines that hold a credential's status alone name no issuer.
        is_whole = any(name in claims for name in ("issuer", "iss", "vc"))
        read = self._of_credential if is_whole else self._of_entry
        self._add_wishes(read(claims, status), row)

    def _add_wishes(self, wishes: Iterable[Wish | RecordWish], row: int | str) -> None:
        for wish in wishes:
            if isinstance(wish, Wish):
                self._wishes.of(wish.list_id).add(wish.index, wish.value, row)
            else:
                self._wishes.add_record(wish.key, wish.value, row)

    # -- both ------------------------------------------------------------------------------------

    def _status_of(self, said: object) -> str | int:
        """What an entry becomes: as it says, or as was said for all; never two things."""
        if said is None:
            said = self._status
        if said is None:
            raise InvalidStatusEntry("it does not say what the entry is to become")
        if isinstance(said, bool) or not isinstance(said, (str, int)):
            raise InvalidStatusEntry(f"not a status: {shown(said)}")
        if self._status is not None and str(said) != str(self._status):
            raise InvalidStatusEntry(
                f"it is to become {shown(said)}, and all of them {shown(self._status)}"
            )
        return said

    def _check_registry(self, found: Mapping[str, Any], ours: ContractId | None) -> None:
        named = found.get(_REGISTRY)
        if _REGISTRY in found and ContractId.parse(named) != ours:
            raise InvalidStatusEntry(
                f"the status is kept in {named}, not in "
                f"{'the contract of this network' if ours is None else ours.text}"
            )

    def _decoded(self, line: bytes, counted: _Lines) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self._fault(counted.number, "not UTF-8")
            return ""

    def _fault(self, row: int | str, what: str) -> None:
        self._wishes.faults.add(row, what)


class _Lines:
    """The lines of a stream, without their ends, counted and bounded."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.number = 0
        """Of the line that was handed out last, from 1."""
        self._stream = stream
        self._name = name

    def __iter__(self) -> Iterator[bytes]:
        size, rest = 0, self._stream.read(_CHUNK).removeprefix(_MARK)
        chunk = rest
        while chunk:
            size += len(chunk)
            *whole, rest = rest.split(b"\n")
            self._check(size, max(len(whole[0]) if whole else 0, len(rest)))
            for line in whole:
                self.number += 1
                yield line
            chunk = self._stream.read(_CHUNK)
            rest += chunk
        if rest:
            self.number += 1
            yield rest

    def _check(self, size: int, longest: int) -> None:
        """Raises if a limit is passed. Only the first line of a chunk can be longer than one."""
        if longest > MAX_LINE:
            raise _too_large(f"{self._name} line {self.number + 1}", f"{MAX_LINE:,} bytes")
        if size > MAX_BYTES:
            raise _too_large(self._name, f"{MAX_BYTES:,} bytes")
        if self.number > MAX_ROWS:
            raise _too_large(self._name, f"{MAX_ROWS:,} rows")


def _too_large(what: str, limit: str) -> InvalidFile:
    return InvalidFile(
        f"{what} is longer than {limit}",
        hint="Nothing was changed. Cut it into smaller files.",
    )


def _joined(lines: Iterable[bytes], name: str) -> bytes:
    parts, size = [], 0
    for line in lines:
        size += len(line) + 1
        if size > MAX_DOCUMENT:
            raise _too_large(
                name, f"{MAX_DOCUMENT:,} bytes, which is the most that is not in lines"
            )
        parts.append(line)
    return b"\n".join(parts)


def _is_json_line(line: bytes) -> bool:
    text = line.strip()
    return text.startswith((b"{", b'"eyJ')) or (text.startswith(b"eyJ") and b"." in text)


def _check_width(row: Sequence[str], width: int) -> None:
    if len(row) != width:
        raise InvalidFile(f"{len(row)} fields where the header has {width}")


def _delimiter(header: str) -> str:
    return next((mark for mark in (",", ";", "\t") if mark in header), ",")


def _places(columns: Sequence[str], *, with_status: bool) -> dict[str, int]:
    """What is in which column."""
    kinds = {
        "list": _LIST,
        "index": _INDEX,
        "key": _KEY,
        "status": _STATUS,
        _REGISTRY: (_REGISTRY,),
    }
    names = [column.strip() for column in columns]
    found: dict[str, int] = {}
    for kind, spellings in kinds.items():
        places = [at for at, name in enumerate(names) if name in spellings]
        if len(places) > 1:
            raise InvalidFile(f"two columns are the {kind}: {shown(columns)}")
        if places:
            found[kind] = places[0]
    wanted = {"status"} if with_status else set()
    if not ({"list", "index"} <= set(found) or "key" in found) or not wanted <= set(found):
        raise InvalidFile(
            f"the header has not the columns listId, index and status, or key and status: "
            f"{shown(columns)}"
        )
    return found


def _named(item: Mapping[str, Any]) -> dict[str, Any]:
    """List, index and key of an object that names them; empty if it names neither."""
    kinds = {"list": _LIST, "index": _INDEX, "key": _KEY, _REGISTRY: (_REGISTRY,)}
    found = {
        kind: item[name] for kind, spellings in kinds.items() for name in spellings if name in item
    }
    return found if "list" in found or "key" in found else {}


def _is_bare_entry(item: Mapping[str, Any]) -> bool:
    """Whether it is a ``credentialStatus``, or a reference to a Token Status List."""
    kinds = item.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    has_type = any(
        isinstance(kind, str) and kind.endswith(("Entry", "2019", "2022")) for kind in kinds
    )
    return has_type or "status_list" in item


def _index(value: object) -> int:
    """An index of JSON, which may be a number, or of CSV."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return parse_index(value)


def _claims_of(token: str) -> Mapping[str, Any]:
    """What a JWT, or the issuer's part of an SD-JWT, claims. Its signature is not looked at."""
    parts = token.partition("~")[0].split(".")
    try:
        if len(parts) != _JWT_PARTS:
            raise InvalidInput("not three parts")
        claims = read_json(decode_base64url(parts[1]))
    except InvalidInput as cause:
        raise InvalidStatusEntry(f"not a JWT: {shown(token, 40)}") from cause
    if not isinstance(claims, Mapping):
        raise InvalidStatusEntry(f"not a JWT with claims: {shown(token, 40)}")
    return claims
