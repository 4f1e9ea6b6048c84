"""Lists of trusted issuers: who may issue which kinds of credentials, and from when until when.

Rules:
  1. A list is JSON, read strictly: a member that is not known, or is there twice, makes it no list.
     A mistyped ``validUntil`` would otherwise trust for ever. All faults are named at once.
  2. Times are first and last good seconds; fractions are cut so that no window grows.
  3. A list whose own time is over says nothing any more: nobody is trusted by it.
  4. An issuer may stand there several times, with other kinds or windows; together they count.

The form, version 1::

    {"format": "ethr-did/trust-list/1", "name": "Universities", "issuer": "did:…",
     "validUntil": "2027-12-31T23:59:59Z",
     "entries": [{"issuer": "did:…", "types": ["DiplomaCredential"],
                  "validFrom": "…", "validUntil": "…", "note": "…"}]}

Only ``format`` and ``entries`` must be there, and in an entry ``issuer`` and ``types``. ``*`` is any
kind, see ``credential_types.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ethr_did.chain.networks import Networks
from ethr_did.core.date_time import parse_date_time
from ethr_did.core.resolution import format_time
from ethr_did.core.strict_json import read_json
from ethr_did.credentials.credential_types import ANY_TYPE, not_covered, type_fault
from ethr_did.credentials.did_comparison import did_fault, is_same_did, spelling_free
from ethr_did.credentials.trust_decision import TrustDecision, TrustReason
from ethr_did.errors import InvalidInput, InvalidTrustList, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ethr_did.credentials.trust_decision import Issued

__all__ = [
    "FORMAT",
    "MAX_BYTES",
    "MAX_ENTRIES",
    "TrustEntry",
    "TrustList",
    "read_trust_list",
    "trust_list_from_dict",
    "write_trust_list",
]

FORMAT: Final = "ethr-did/trust-list/1"

MAX_BYTES: Final = 1 << 20
"""Of a list as JSON."""

MAX_ENTRIES: Final = 10_000

_MAX_TYPES = 64
_MAX_TEXT = 500
_MAX_FAULTS = 20
_LAST_SECOND = 253_402_300_799
"""The last of the year 9999."""
_LIST_MEMBERS = ("format", "name", "issuer", "validUntil", "entries")
_ENTRY_MEMBERS = ("issuer", "types", "validFrom", "validUntil", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustEntry:
    """An issuer, and what it is trusted for.

    Example:
        >>> entry = TrustEntry(issuer="did:web:uni.example", types=("DiplomaCredential",))
        >>> entry.is_open(1_800_000_000)
        True
    """

    issuer: str
    """A DID."""
    types: tuple[str, ...]
    """Kinds of credentials; ``*`` stands alone, for any."""
    valid_from: int | None = None
    """First good Unix second; None: always was."""
    valid_until: int | None = None
    """Last good Unix second; None: without end."""
    note: str = ""
    """For people."""

    def __post_init__(self) -> None:
        """Raises ``InvalidTrustList`` with every fault."""
        members = {
            "issuer": self.issuer,
            "types": self.types,
            "validFrom": self.valid_from,
            "validUntil": self.valid_until,
            "note": self.note,
        }
        _raise_faults("the entry", list(_entry_faults(members)))

    def is_open(self, at: int) -> bool:
        """Whether a time is in the window."""
        return not self.is_before(at) and not self.is_after(at)

    def is_before(self, at: int) -> bool:
        """Whether a time is before the window."""
        return self.valid_from is not None and at < self.valid_from

    def is_after(self, at: int) -> bool:
        """Whether the window is over."""
        return self.valid_until is not None and at > self.valid_until

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON."""
        members: dict[str, Any] = {"issuer": self.issuer, "types": list(self.types)}
        if self.valid_from is not None:
            members["validFrom"] = format_time(self.valid_from)
        if self.valid_until is not None:
            members["validUntil"] = format_time(self.valid_until)
        return {**members, "note": self.note} if self.note else members


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """Issuers, and what they are trusted for.

    Example:
        >>> diploma = TrustEntry(issuer="did:web:uni.example", types=("DiplomaCredential",))
        >>> universities = TrustList(name="Universities", entries=(diploma,))
        >>> from ethr_did.credentials.trust_decision import TrustQuestion
        >>> asked = TrustQuestion(issuer="did:web:uni.example", types=("LibraryCard",))
        >>> universities.find(asked, at=1_800_000_000).reason.value
        'issuer_not_trusted_for_type'
    """

    entries: tuple[TrustEntry, ...]
    name: str = ""
    """For people."""
    issuer: str | None = None
    """The DID of whose list it is; only a signature shows that it is."""
    valid_until: int | None = None
    """Last good Unix second of the whole list; None: without end."""
    _places: Mapping[str | bytes, Sequence[int]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    """Numbers of the entries, by what is the same in all spellings of their issuers."""

    def __post_init__(self) -> None:
        """Raises ``InvalidTrustList`` with every fault."""
        members = {
            "name": self.name,
            "issuer": self.issuer,
            "validUntil": self.valid_until,
            "entries": self.entries,
        }
        _raise_faults("the trust list", list(_list_faults(members)))
        places: dict[str | bytes, list[int]] = {}
        for number, entry in enumerate(self.entries):
            places.setdefault(spelling_free(entry.issuer), []).append(number)
        object.__setattr__(self, "_places", places)

    @property
    def label(self) -> str:
        """Its name, or words in place of one."""
        return f"trust list {self.name!r}" if self.name else "trust list"

    def entries_of(self, issuer: str, networks: Networks | None = None) -> tuple[TrustEntry, ...]:
        """The entries of an issuer, however its DID is written.

        Args:
            issuer: a DID.
            networks: that names and chain ids stand for; None for the built-in ones.
        """
        table = Networks() if networks is None else networks
        found = (self.entries[number] for number in self._places.get(spelling_free(issuer), ()))
        return tuple(entry for entry in found if is_same_did(entry.issuer, issuer, table))

    def find(
        self,
        credential: Issued,
        *,
        at: int,
        now: int | None = None,
        networks: Networks | None = None,
    ) -> TrustDecision:
        """What the list says about the issuer of a credential.

        Args:
            credential: or a ``TrustQuestion``.
            at: Unix seconds at which the issuer must be trusted.
            now: Unix seconds at which the list itself must be good; None: the same.
            networks: as for ``entries_of``.
        """
        moment = at if now is None else now
        if self.valid_until is not None and moment > self.valid_until:
            return self._decision(
                TrustReason.EXPIRED, f"the list ended at {format_time(self.valid_until)}"
            )
        entries = self.entries_of(credential.issuer, networks)
        if not entries:
            return self._decision(
                TrustReason.UNKNOWN, f"{shown(credential.issuer)} is not in the list"
            )
        open_types = _types_of(entry for entry in entries if entry.is_open(at))
        missing = not_covered(credential.types, open_types)
        if missing:
            return self._refusal(entries, missing, credential.issuer, at)
        said = ", ".join(shown(one) for one in credential.types)
        return self._decision(
            TrustReason.TRUSTED, f"{shown(credential.issuer)} is trusted for {said}"
        )

    def _refusal(
        self, entries: Sequence[TrustEntry], missing: tuple[str, ...], issuer: str, at: int
    ) -> TrustDecision:
        """Why an issuer that is in the list is not trusted for some types."""
        later = _types_of(entry for entry in entries if not entry.is_after(at))
        earlier = _types_of(entry for entry in entries if not entry.is_before(at))
        said = f"{shown(issuer)} {{}} trusted for {', '.join(shown(one) for one in missing)}"
        if not not_covered(missing, earlier):
            return self._decision(TrustReason.NO_LONGER, said.format("is no longer"))
        if not not_covered(missing, later):
            return self._decision(TrustReason.NOT_YET, said.format("is not yet"))
        return self._decision(TrustReason.WRONG_TYPE, said.format("is in the list, and not"))

    def _decision(self, reason: TrustReason, message: str) -> TrustDecision:
        return TrustDecision(source=self.label, reason=reason, message=message)

    def to_dict(self) -> dict[str, Any]:
        """The list as JSON."""
        members: dict[str, Any] = {
            "format": FORMAT,
            "name": self.name or None,
            "issuer": self.issuer,
            "validUntil": None if self.valid_until is None else format_time(self.valid_until),
            "entries": [entry.to_dict() for entry in self.entries],
        }
        return {name: value for name, value in members.items() if value is not None}


def _types_of(entries: Iterable[TrustEntry]) -> set[str]:
    return {kind for entry in entries for kind in entry.types}


# -- JSON ----------------------------------------------------------------------------------------


def read_trust_list(data: bytes) -> TrustList:
    """The list in a JSON text.

    Raises:
        InvalidTrustList: it is none; every fault is named.
    """
    if len(data) > MAX_BYTES:
        raise InvalidTrustList(f"a trust list of {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        value = read_json(data)
    except InvalidInput as cause:
        raise InvalidTrustList(f"the trust list is {cause.message}") from cause
    return trust_list_from_dict(value)


def write_trust_list(trust_list: TrustList) -> bytes:
    """The list as a JSON text for a file that people edit.

    Raises:
        InvalidTrustList: longer than any list that is read.
    """
    text = json.dumps(trust_list.to_dict(), indent=2, ensure_ascii=False) + "\n"
    data = text.encode()
    if len(data) > MAX_BYTES:
        raise InvalidTrustList(f"a trust list of {len(data)} bytes; at most {MAX_BYTES} are read")
    return data


def trust_list_from_dict(data: object) -> TrustList:
    """The list in a JSON object.

    Raises:
        InvalidTrustList: it is none; every fault is named.
    """
    if not isinstance(data, Mapping):
        raise InvalidTrustList(f"a trust list is a JSON object, not {shown(data)}")
    if data.get("format") != FORMAT:
        raise InvalidTrustList(
            f"format is {shown(data.get('format'))}, not {FORMAT!r}",
            hint="Is this a trust list? `ethr-did trust add` makes one.",
        )
    faults: list[str] = list(_unknown(data, _LIST_MEMBERS))
    members = _with_times(data, ("validUntil",), faults)
    entries = _read_entries(data.get("entries"), faults)
    faults += _list_faults({**members, "entries": entries})
    _raise_faults("the trust list", faults)
    return TrustList(
        name=members.get("name", ""),
        issuer=members.get("issuer"),
        valid_until=members.get("validUntil"),
        entries=entries,
    )


def _read_entries(value: object, faults: list[str]) -> tuple[TrustEntry, ...]:
    """The entries; adds what is wrong to faults."""
    if not isinstance(value, list):
        faults.append(f"entries: not a list: {shown(value)}")
        return ()
    found = []
    for number, item in enumerate(value[: MAX_ENTRIES + 1]):
        place = f"entries[{number}]"
        if not isinstance(item, Mapping):
            faults.append(f"{place}: not a JSON object: {shown(item)}")
            continue
        own: list[str] = list(_unknown(item, _ENTRY_MEMBERS))
        members = _with_times(item, ("validFrom", "validUntil"), own)
        if isinstance(members.get("types"), list):
            members["types"] = tuple(members["types"])
        own += _entry_faults(members)
        faults += [f"{place}.{fault}" for fault in own]
        if not own:
            found.append(
                TrustEntry(
                    issuer=members["issuer"],
                    types=members["types"],
                    valid_from=members.get("validFrom"),
                    valid_until=members.get("validUntil"),
                    note=members.get("note", ""),
                )
            )
    return tuple(found)


def _unknown(data: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    for name, value in data.items():
        if name not in known:
            yield f"{name}: not a member that is known"
        elif value is None:
            yield f"{name}: null; leave it out"


def _with_times(data: Mapping[str, Any], names: Sequence[str], faults: list[str]) -> dict[str, Any]:
    """The members with times as whole Unix seconds; adds what is wrong to faults."""
    members = {name: value for name, value in data.items() if value is not None}
    for name in (one for one in names if one in members):
        try:
            seconds = parse_date_time(data[name])
        except InvalidInput as error:
            faults.append(f"{name}: {error.message}")
            del members[name]
        else:
            members[name] = math.ceil(seconds) if name == "validFrom" else math.floor(seconds)
    return members


# -- rules ---------------------------------------------------------------------------------------


def _entry_faults(members: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the members of an entry, their times as Unix seconds."""
    issuer, start, end = (members.get(name) for name in ("issuer", "validFrom", "validUntil"))
    fault = did_fault(issuer)
    if fault:
        yield f"issuer: {fault}"
    yield from _type_faults(members.get("types"))
    yield from _time_faults({"validFrom": start, "validUntil": end})
    if isinstance(start, int) and isinstance(end, int) and start > end:
        yield "validUntil: before validFrom"
    yield from _text_faults("note", members.get("note", ""))


def _type_faults(types: object) -> Iterator[str]:
    if not isinstance(types, tuple) or not 0 < len(types) <= _MAX_TYPES:
        yield f"types: not a list of 1 to {_MAX_TYPES} types: {shown(types)}"
        return
    for number, kind in enumerate(types):
        fault = type_fault(kind)
        if fault:
            yield f"types[{number}]: {fault}"
        elif kind in types[:number]:
            yield f"types[{number}]: {shown(kind)} is there twice"
    if ANY_TYPE in types and len(types) > 1:
        yield f"types: {ANY_TYPE!r} stands for all, and alone"


def _list_faults(members: Mapping[str, Any]) -> Iterator[str]:
    yield from _text_faults("name", members.get("name", ""))
    issuer = members.get("issuer")
    fault = None if issuer is None else did_fault(issuer)
    if fault:
        yield f"issuer: {fault}"
    yield from _time_faults({"validUntil": members.get("validUntil")})
    count = len(members["entries"])
    if count > MAX_ENTRIES:
        yield f"entries: more than {MAX_ENTRIES}"


def _time_faults(times: Mapping[str, object]) -> Iterator[str]:
    for name, value in times.items():
        if value is not None and (type(value) is not int or not 0 <= value <= _LAST_SECOND):
            yield f"{name}: not a time between 1970 and 9999: {shown(value)}"


def _text_faults(name: str, value: object) -> Iterator[str]:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
        yield f"{name}: not a line of at most {_MAX_TEXT} printable characters: {shown(value)}"


def _raise_faults(what: str, faults: Sequence[str]) -> None:
    if not faults:
        return
    count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    told = [f"  {fault}" for fault in faults[:_MAX_FAULTS]]
    if len(faults) > _MAX_FAULTS:
        told.append(f"  and {len(faults) - _MAX_FAULTS} more")
    raise InvalidTrustList(
        f"{what} has {count}:\n" + "\n".join(told),
        hint="Nothing of it is used until all are corrected.",
        faults=tuple(faults),
    )
