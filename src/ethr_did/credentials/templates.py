"""Templates: what a credential of a kind says, which of its claims can be withheld, what is computed.

Rules:
  1. Claims are checked against the template's schema before anything is signed. The schema is about
     what the issuer gives; what is computed is added afterwards, and is never given.
  2. ``age_equal_or_over`` says for each threshold whether somebody has reached that age on the day
     of issuance. Each threshold can be shown alone, and the birthdate stays hidden.
  3. Ages: the birthdate is a calendar day, the day of issuance that of UTC. An age is reached on the
     birthday. Who was born on 29 February reaches it on 1 March in a common year: where the law
     says 28 February that is a day late, and never a day early. East of Greenwich it may be hours
     late, west of it hours early; an issuer for whom hours matter issues the day after. "True" stays
     true; "false" is good for the day of issuance only, so such credentials should not live long.
  4. Names that mean something in a token or in a VC are no claims.
  5. Templates of the user are JSON, read strictly: a member that is not known is an error.

Spec: RFC 9901 section 4; OpenID4VP 1.0 section 7 (paths); VC JSON Schema section 4.1.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.strict_json import read_json
from ethr_did.credentials.claim_paths import PathPattern, find_paths
from ethr_did.credentials.data_model import CREDENTIAL_TYPE
from ethr_did.credentials.disclosures import RESERVED_NAMES
from ethr_did.credentials.schema import DIALECT, Fault, Schema, check_faults, pointer
from ethr_did.errors import InvalidFile, InvalidInput, NotFoundError, nearest, shown

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "NO_CLAIMS",
    "THRESHOLDS",
    "Ages",
    "Template",
    "age_on",
    "built_in_templates",
    "find_template",
    "load_template",
]

THRESHOLDS: Final = (12, 14, 16, 18, 21, 65)
"""Ages that are usually asked for."""

NO_CLAIMS: Final = RESERVED_NAMES | {
    *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "vct", "vct#integrity", "aka_vcts"),
    *("status", "credentialStatus", "id", "type", "@context", "@id", "@type", "vc", "vp"),
}
"""Names that are no claims about a subject."""

MAX_FILE: Final = 256 << 10
"""Bytes of a template."""

MAX_VALID_DAYS: Final = 36_525

_MAX_DEPTH = 16
_MAX_TYPES = 8
_MAX_PATHS = 256
_MAX_THRESHOLDS = 32
_OLDEST = 150
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9]{0,127}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,511}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def age_on(birth: date, day: date) -> int:
    """The years that somebody has completed on a day; see rule 3 of the module.

    Example:
        >>> age_on(date(2008, 2, 29), date(2026, 2, 28)), age_on(date(2008, 2, 29), date(2026, 3, 1))
        (17, 18)
    """
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """What is computed from a birthdate."""

    source: str = "birthdate"
    """The claim with the birthdate."""
    target: str = "age_equal_or_over"
    """The claim that is added."""
    thresholds: tuple[int, ...] = THRESHOLDS
    keep: bool = True
    """Whether the birthdate is issued as well."""

    def compute(self, claims: dict[str, Any], day: date) -> tuple[dict[str, Any], list[Fault]]:
        """The claims with what is computed, and what is wrong with the birthdate."""
        value = claims.get(self.source)
        if value is None:
            return claims, []
        birth = _parse_day(value)
        if birth is None:
            return claims, [Fault(pointer([self.source]), "it is no day as in 1990-12-31")]
        if birth > day:
            return claims, [Fault(pointer([self.source]), "it is after the day of issuance")]
        age = age_on(birth, day)
        kept = {name: one for name, one in claims.items() if self.keep or name != self.source}
        reached = {str(threshold): age >= threshold for threshold in self.thresholds}
        return {**kept, self.target: reached}, []

    @property
    def schema(self) -> dict[str, Any]:
        """Of what is added."""
        names = [str(threshold) for threshold in self.thresholds]
        return {
            "type": "object",
            "properties": {name: {"type": "boolean"} for name in names},
            "additionalProperties": False,
        }


def _parse_day(value: object) -> date | None:
    if isinstance(value, str) and _DAY.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A kind of credential.

    Example:
        >>> card = find_template("student-card")
        >>> claims = {"given_name": "Ada", "family_name": "L.", "birthdate": "2007-05-01",
        ...           "institution": "University", "student_number": "7"}
        >>> made = card.prepare(claims, day=date(2026, 5, 1))
        >>> made["age_equal_or_over"]["18"], ("age_equal_or_over", "18") in card.hidden(made)
        (True, True)
    """

    name: str
    """Lower case, by which it is chosen."""
    title: str
    """For people."""
    types: tuple[str, ...]
    """Of a VC, beside ``VerifiableCredential``."""
    vct: str
    """Of an SD-JWT VC."""
    schema: Schema
    """Of the claims that the issuer gives."""
    schema_id: str | None = None
    """Where ``issued_schema`` is published; VCs name it."""
    contexts: tuple[str, ...] = ()
    """Of a VC, beside that of the data model."""
    disclosable: tuple[tuple[str | int | None, ...], ...] = ()
    """Paths of the claims that a holder may withhold, each on its own."""
    ages: Ages | None = None
    valid_days: int | None = None
    """How long a credential is valid unless the issuer says otherwise; None: it must say."""

    def prepare(self, claims: Mapping[str, Any], *, day: date) -> dict[str, Any]:
        """The claims to sign: those that were given, checked, and those that are computed.

        Args:
            claims: about the subject.
            day: of issuance, in UTC.

        Raises:
            InvalidClaims: they are not as the template has them; all faults are named.
        """
        given = dict(claims)
        faults = [
            Fault(pointer([name]), "it has a meaning of its own in a credential")
            for name in given
            if name in NO_CLAIMS
        ]
        if _is_deeper(given, _MAX_DEPTH):
            faults.append(Fault("", f"it is nested deeper than {_MAX_DEPTH} levels"))
        else:
            faults += self.schema.faults(given)
        made = given
        if self.ages is not None:
            made, more = self.ages.compute(given, day)
            told = {fault.pointer for fault in faults}
            faults += [fault for fault in more if fault.pointer not in told]
        check_faults(faults, f"the claims for {self.name}")
        return made

    def hidden(self, claims: dict[str, Any]) -> list[PathPattern]:
        """The paths of the claims that are there and can be withheld."""
        thresholds = () if self.ages is None else self.ages.thresholds
        target = "" if self.ages is None else self.ages.target
        patterns = (*self.disclosable, *((target, str(one)) for one in thresholds))
        found: list[PathPattern] = []
        for pattern in patterns:
            with suppress(InvalidInput):  # not there
                if find_paths(claims, pattern):
                    found.append(pattern)
        return found

    @property
    def issued_schema(self) -> dict[str, Any]:
        """The JSON Schema of the claims that are issued, without those that every credential has."""
        content = self.schema.content
        schema = {"$schema": DIALECT, **(content if isinstance(content, Mapping) else {})}
        if self.ages is None:
            return schema
        source, keep = self.ages.source, self.ages.keep
        properties = dict(schema.get("properties", {}))
        if not keep:
            properties.pop(source, None)
            schema["required"] = [one for one in schema.get("required", []) if one != source]
        return {**schema, "properties": {**properties, self.ages.target: self.ages.schema}}

    @property
    def credential_schema(self) -> dict[str, Any]:
        """The JSON Schema of a whole VC: what stands behind ``schema_id``.

        Spec: VC JSON Schema section 4.1; it is the credential that is checked, not its subject.
        """
        subject = {name: value for name, value in self.issued_schema.items() if name != "$schema"}
        subject["properties"] = {"id": {"type": "string"}, **subject.get("properties", {})}
        return {
            "$schema": DIALECT,
            **({} if self.schema_id is None else {"$id": self.schema_id}),
            "title": self.title,
            "type": "object",
            "properties": {"credentialSubject": subject},
            "required": ["credentialSubject"],
        }

    def to_dict(self) -> dict[str, Any]:
        """The template as JSON, as ``read`` takes it."""
        ages = self.ages
        members = {
            "name": self.name,
            "title": self.title,
            "types": list(self.types),
            "vct": self.vct,
            "schemaId": self.schema_id,
            "contexts": list(self.contexts) or None,
            "validDays": self.valid_days,
            "disclosable": [list(path) for path in self.disclosable],
            "ages": ages
            and {
                "from": ages.source,
                "claim": ages.target,
                "thresholds": list(ages.thresholds),
                "keep": ages.keep,
            },
            "schema": self.schema.content,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def read(cls, data: bytes) -> Template:
        """The template in a JSON text.

        Raises:
            InvalidFile: it is none.
        """
        if len(data) > MAX_FILE:
            raise InvalidFile(f"a template of {len(data)} bytes; at most {MAX_FILE} are read")
        try:
            return _Reader(read_json(data)).template()
        except InvalidFile:
            raise
        except InvalidInput as cause:
            raise InvalidFile(
                f"the template cannot be used: {cause.message}", hint=cause.hint
            ) from cause


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in members)


# -- reading -------------------------------------------------------------------------------------

_REQUIRED = {"name", "title", "types", "vct", "schema"}
_KNOWN = _REQUIRED | {"schemaId", "contexts", "validDays", "disclosable", "ages"}
_AGES = {"from", "claim", "thresholds", "keep"}


def _refused(why: str) -> InvalidFile:
    return InvalidFile(
        f"the template cannot be used: {why}",
        hint="`ethr-did credential templates identity` prints a good one.",
    )


class _Reader:
    """Reads the members of a template."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise _refused("it is no JSON object")
        _check_members(value, known=_KNOWN, required=_REQUIRED)
        self._members = value

    def template(self) -> Template:
        """The template."""
        members = self._members
        schema = members["schema"]
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise _refused("its schema is not one of an object (type: object)")
        return Template(
            name=self._text("name", _NAME),
            title=self._title(),
            types=self._texts("types", _TYPE, least=1),
            vct=self._text("vct", _URI),
            schema=Schema.read(schema),
            schema_id=self._text("schemaId", _URI) if "schemaId" in members else None,
            contexts=self._texts("contexts", _URI, least=0) if "contexts" in members else (),
            disclosable=tuple(self._paths()),
            ages=self._ages(schema) if "ages" in members else None,
            valid_days=self._days() if "validDays" in members else None,
        )

    def _text(self, name: str, form: re.Pattern[str]) -> str:
        return _checked(self._members[name], name, form)

    def _title(self) -> str:
        title = self._members["title"]
        if not isinstance(title, str) or not 0 < len(title) <= 200 or not title.isprintable():  # noqa: PLR2004 - a line
            raise _refused(f"title is {shown(title)}")
        return title

    def _texts(self, name: str, form: re.Pattern[str], *, least: int) -> tuple[str, ...]:
        values = self._members[name]
        if not isinstance(values, list) or not least <= len(values) <= _MAX_TYPES:
            raise _refused(f"{name} is no list of {least} to {_MAX_TYPES} texts: {shown(values)}")
        found = tuple(_checked(one, name, form) for one in values)
        if len(set(found)) < len(found) or CREDENTIAL_TYPE in found:
            raise _refused(f"{name} names one twice, or {CREDENTIAL_TYPE}: {shown(values)}")
        return found

    def _days(self) -> int:
        return _number(self._members["validDays"], "validDays", most=MAX_VALID_DAYS)

    def _paths(self) -> list[tuple[str | int | None, ...]]:
        paths = self._members.get("disclosable", [])
        if not isinstance(paths, list) or len(paths) > _MAX_PATHS:
            raise _refused(f"disclosable is no list of at most {_MAX_PATHS} paths")
        return [_path(one) for one in paths]

    def _ages(self, schema: dict[str, Any]) -> Ages:
        members = self._members["ages"]
        if not isinstance(members, dict):
            raise _refused("ages is no JSON object")
        _check_members(members, known=_AGES, required=set())
        usual = Ages()
        source = members.get("from", usual.source)
        target = members.get("claim", usual.target)
        keep = members.get("keep", usual.keep)
        if not isinstance(keep, bool):
            raise _refused(f"keep of ages is {shown(keep)}")
        properties = schema.get("properties", {})
        if source not in properties or target in properties or target in NO_CLAIMS:
            raise _refused(
                f"ages come from a claim of the schema, and go into one that it has not: "
                f"{shown(source)}, {shown(target)}"
            )
        thresholds = members.get("thresholds", list(usual.thresholds))
        return Ages(source=source, target=target, thresholds=_thresholds(thresholds), keep=keep)


def _check_members(value: dict[str, Any], *, known: set[str], required: set[str]) -> None:
    for name in sorted(set(value) - known):
        raise _refused(f"the member {shown(name)} is not known. {nearest(name, known)}")
    for name in sorted(required - set(value)):
        raise _refused(f"the member {name} is missing")


def _checked(value: object, name: str, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise _refused(f"{name} is {shown(value)}")
    return value


def _number(value: object, name: str, *, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise _refused(f"{name} is no whole number from 1 to {most}: {shown(value)}")
    return value


def _thresholds(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_THRESHOLDS:
        raise _refused(f"thresholds is no list of 1 to {_MAX_THRESHOLDS} ages: {shown(value)}")
    found = sorted({_number(one, "a threshold", most=_OLDEST) for one in value})
    if len(found) < len(value):
        raise _refused(f"a threshold is named twice: {shown(value)}")
    return tuple(found)


def _path(value: object) -> tuple[str | int | None, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_DEPTH:
        raise _refused(f"a path is no list of steps: {shown(value)}")
    for step in value:
        if not (step is None or isinstance(step, str) or (type(step) is int and step >= 0)):
            raise _refused(f"a step of a path is a name, an index or null: {shown(value)}")
    if not isinstance(value[0], str) or value[0] in NO_CLAIMS:
        raise _refused(f"a path begins with a claim: {shown(value)}")
    return tuple(value)


# -- those that are there ------------------------------------------------------------------------


@functools.cache
def built_in_templates() -> Mapping[str, Template]:
    """The templates that come with this package, by name."""
    folder = resources.files("ethr_did.credentials") / "template_files"
    files = sorted(one.name for one in folder.iterdir() if one.name.endswith(".json"))
    found = [Template.read((folder / name).read_bytes()) for name in files]
    return {one.name: one for one in found}


def find_template(name: str) -> Template:
    """The template of that name.

    Raises:
        NotFoundError: there is none.
    """
    known = built_in_templates()
    if name not in known:
        raise NotFoundError(
            f"there is no template {shown(name)}",
            hint=f"{nearest(name, known)} A file with one of your own does as well.",
        )
    return known[name]


def load_template(path: Path) -> Template:
    """The template in a file.

    Raises:
        InvalidFile: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as cause:
        raise InvalidFile(
            f"{path} cannot be read: {cause.strerror or cause}", path=str(path)
        ) from cause
    try:
        return Template.read(data)
    except InvalidFile as cause:
        raise InvalidFile(f"{path}: {cause.message}", hint=cause.hint, path=str(path)) from cause
