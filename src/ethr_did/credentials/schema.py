"""JSON Schemas of credentials: read with bounds, and claims checked against them offline.

Rules:
  1. Draft 2020-12 only. A ``$schema`` that names another one is refused: keywords changed meaning.
  2. Nothing is fetched. A ``$ref`` leads to a place in the schema itself.
  3. Schemas may come from strangers. Size, nesting, references and the work of a check are bounded;
     patterns are those of ``patterns.py``, whose time does not run away. A schema that wants more is
     "cannot be used", which is neither a yes nor a no.
  4. ``format`` is asserted for ``date``, ``date-time`` and ``email``; the others, ``uri`` included,
     are annotations, as the draft has it.
  5. All faults are told at once, by JSON pointer and rule. What was claimed is personal, and is in
     no message; what the schema demands is not.

Spec: JSON Schema 2020-12, Core and Validation; VC JSON Schema section 4; RFC 6901.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ethr_did.core.date_time import parse_date_time
from ethr_did.core.strict_json import read_json, write_json
from ethr_did.credentials.patterns import Pattern
from ethr_did.errors import InvalidClaims, InvalidInput, shown

__all__ = ["DIALECT", "MAX_SCHEMA", "Fault", "Schema", "check_faults", "pointer"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

MAX_SCHEMA: Final = 64 << 10
"""Bytes of a schema."""

_MAX_CLAIMS = 1 << 20
"""Bytes of what is checked."""
_MAX_WORK = 500_000
"""Of one check; about a second. A state of a pattern that is looked at is one."""
_KEYWORD = 100
"""What a keyword that is applied costs of it."""
_ELEMENT = 20
"""What an element that is compared costs of it."""
_MAX_NESTED = 200
"""Keywords inside of each other: a reference may lead to itself."""
_MAX_FAULTS = 1000
_SHOWN_FAULTS = 10
_FORMATS = ("date", "email")
"""Those that the library knows by itself and that are taken."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong with one claim."""

    pointer: str
    """Where, as a JSON pointer; empty for the whole."""
    rule: str
    """What it breaks, without what was claimed."""

    def __str__(self) -> str:
        return f"{shown(self.pointer)[1:-1] or 'the whole'}: {self.rule}"


def pointer(steps: Iterable[str | int]) -> str:
    """The JSON pointer of some steps.

    Example:
        >>> pointer(["a/b", 0, "m~n"])
        '/a~1b/0/m~0n'
    """
    return "".join("/" + str(one).replace("~", "~0").replace("/", "~1") for one in steps)


def check_faults(faults: Iterable[Fault], subject: str) -> None:
    """Nothing; there are none.

    Raises:
        InvalidClaims: with all of them.
    """
    found = sorted(set(faults))
    if not found:
        return
    text = "; ".join(map(str, found[:_SHOWN_FAULTS]))
    more = f"; and {len(found) - _SHOWN_FAULTS} more" if len(found) > _SHOWN_FAULTS else ""
    raise InvalidClaims(
        f"{subject} cannot be used, {len(found)} fault{'s' * (len(found) > 1)}: {text}{more}",
        hint="Nothing was signed. Correct all of them, and do the same again.",
        faults=[str(one) for one in found],
    )


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that can be used.

    Example:
        >>> schema = Schema.read({"type": "object", "required": ["name"]})
        >>> schema.faults({})
        (Fault(pointer='', rule='name is missing'),)
    """

    content: Mapping[str, Any] | bool = field(repr=False)
    """As it was given."""

    @classmethod
    def read(cls, content: object) -> Schema:
        """The schema in a JSON value.

        Args:
            content: as ``read_json`` gives it.

        Raises:
            InvalidInput: it is none, is another draft, wants something from elsewhere, or is too
                large or otherwise beyond the bounds.
        """
        if not isinstance(content, (dict, bool)):
            raise _unusable("it is neither an object nor true or false")
        data = _written(content)
        if len(data) > MAX_SCHEMA:
            raise _unusable(f"it has {len(data)} bytes, more than {MAX_SCHEMA}")
        own = read_json(data)
        _check_schema(own)
        return cls(own)

    def faults(self, claims: object) -> tuple[Fault, ...]:
        """What is wrong with claims, in the order of their pointers; the first thousand.

        Raises:
            InvalidInput: it could not be found out: checking them takes too much work, or a
                reference leads nowhere.
        """
        if len(_written(claims)) > _MAX_CLAIMS:
            raise _unusable(f"what is checked has more than {_MAX_CLAIMS} bytes")
        found: set[Fault] = set()
        with _bounded_work():
            for error in _validator(self.content).iter_errors(claims):
                found.update(_faults_of(error))
                if len(found) >= _MAX_FAULTS:
                    break
        return tuple(sorted(found))

    def check(self, claims: object, *, subject: str = "the claims") -> None:
        """Nothing; claims are as the schema has them.

        Raises:
            InvalidClaims: they are not; all faults are named.
            InvalidInput: it could not be found out.
        """
        check_faults(self.faults(claims), subject)


def _written(value: object) -> bytes:
    try:
        return write_json(value)
    except (RecursionError, TypeError, ValueError):
        pass  # not chained: the error may hold a claim
    raise _unusable("what is given is no JSON")


def _unusable(why: str) -> InvalidInput:
    return InvalidInput(
        f"the schema cannot be used: {why}",
        hint="JSON Schema 2020-12, without references to elsewhere.",
    )


# -- schemas from strangers ----------------------------------------------------------------------


def _check_schema(content: Any) -> None:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import SchemaError

    names: set[str] = set()
    for part in _parts(content):
        _check_part(part)
        names |= part.keys()
    if names >= {"patternProperties", "unevaluatedProperties"}:
        # What the library does about the two together is not bounded.
        raise _unusable("it has both patternProperties and unevaluatedProperties")
    try:
        Draft202012Validator.check_schema(content, format_checker=FormatChecker(()))
    except SchemaError as cause:
        where = pointer(cause.absolute_path)
        raise _unusable(
            f"{shown(where)} is not as the draft has it: {shown(cause.message)}"
        ) from None


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a schema, those that are no schemas included."""
    if isinstance(value, dict):
        yield value
    members = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)):
        for member in members:
            yield from _parts(member)


def _check_part(part: dict[str, Any]) -> None:
    dialect = part.get("$schema", DIALECT)
    if isinstance(dialect, str) and dialect.removesuffix("#") != DIALECT:
        raise _unusable(f"it is of the dialect {shown(dialect)}")
    for name in ("$ref", "$dynamicRef"):
        target = part.get(name)
        if isinstance(target, str) and not target.startswith("#"):
            raise _unusable(f"{name} leads elsewhere: {shown(target)}")
    named = part.get("patternProperties")
    for pattern in (part.get("pattern"), *(named if isinstance(named, dict) else ())):
        if isinstance(pattern, str):
            Pattern.parse(pattern)


# -- work ----------------------------------------------------------------------------------------


class _Work:
    """How much a check may still do."""

    def __init__(self) -> None:
        self.left = _MAX_WORK
        self.nested = 0

    def pay(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise _TooMuchError

    @contextmanager
    def one_keyword(self) -> Iterator[None]:
        self.pay(_KEYWORD)
        self.nested += 1
        try:
            if self.nested > _MAX_NESTED:
                raise _TooMuchError
            yield
        finally:
            self.nested -= 1


class _TooMuchError(Exception):
    """The work of a check is beyond the bound."""


_WORK: ContextVar[_Work] = ContextVar("_WORK")


@contextmanager
def _bounded_work() -> Iterator[None]:
    from referencing.exceptions import Unresolvable

    token = _WORK.set(_Work())
    try:
        yield
    except (_TooMuchError, RecursionError):
        reason = "checking takes too much work"
    except Unresolvable as cause:
        reason = f"the reference {shown(cause.ref)} leads nowhere"
    except Exception:  # noqa: BLE001 - a reference may lead to what is no schema, a number be too large to be divided: the library trips in many ways
        reason = "the library fails with it"
    else:
        return
    finally:
        _WORK.reset(token)
    raise _unusable(reason)


# -- the validator -------------------------------------------------------------------------------

_Errors: TypeAlias = Generator[Any, None, None]
_Keyword: TypeAlias = Callable[[Any, Any, Any, Any], _Errors]


def _validator(content: Any) -> Any:
    made, formats, registry = _parts_of_validator()
    return made(content, format_checker=formats, registry=registry)


@functools.cache
def _parts_of_validator() -> tuple[Any, Any, Any]:
    """The class of validators, what checks formats, and what fetches nothing."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import extend
    from referencing import Registry

    formats = FormatChecker(_FORMATS)
    formats.checks("date-time", raises=InvalidInput)(_is_date_time)
    keywords: dict[str, _Keyword] = {**Draft202012Validator.VALIDATORS, **_OURS}
    counted = {name: _counted(keyword) for name, keyword in keywords.items()}
    made = extend(Draft202012Validator, counted)
    # A registry without a way to retrieve anything; the library's own would fetch.
    return made, formats, Registry()


def _is_date_time(value: object) -> bool:
    if isinstance(value, str):
        parse_date_time(value)
    return True


def _counted(keyword: _Keyword) -> _Keyword:
    def count(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
        with _WORK.get().one_keyword():
            yield from keyword(validator, value, instance, schema) or ()

    return count


def _error(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)


def _fits(pattern: str, text: str) -> bool:
    return Pattern.parse(pattern).is_in(text, pay=_WORK.get().pay)


def _pattern(_: Any, pattern: str, instance: Any, _schema: Any) -> _Errors:
    if isinstance(instance, str) and not _fits(pattern, instance):
        yield _error("pattern")


def _descend(
    validator: Any, instance: Any, name: str, schema: Any, by: str | None = None
) -> _Errors:
    """The errors of a member; of one that may not be there, the library does not say where."""
    if schema is not False:
        yield from validator.descend(instance[name], schema, path=name, schema_path=by)
        return
    error = _error("not allowed")
    error.path.append(name)
    error.validator = None
    yield error


def _properties(validator: Any, properties: Any, instance: Any, _schema: Any) -> _Errors:
    if isinstance(instance, dict):
        for name, subschema in properties.items():
            if name in instance:
                yield from _descend(validator, instance, name, subschema, by=name)


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> _Errors:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        for name in instance:
            if _fits(pattern, name):
                yield from _descend(validator, instance, name, subschema, by=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> _Errors:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name in instance:
        if name not in known and not any(_fits(one, name) for one in patterns):
            yield from _descend(validator, instance, name, allowed)


def _unique_items(_: Any, wanted: bool, instance: Any, _schema: Any) -> _Errors:  # noqa: FBT001 - jsonschema's form
    """In time that grows with the array; the library compares each with each."""
    if wanted and isinstance(instance, list):
        _WORK.get().pay(_ELEMENT * len(instance))
        if len({json.dumps(_plain(one), sort_keys=True) for one in instance}) < len(instance):
            yield _error("uniqueItems")


def _plain(value: Any) -> Any:
    """The value with whole numbers in one form: 1.0 and 1 are the same number in JSON Schema."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
    return value


_OURS: Mapping[str, _Keyword] = {
    "pattern": _pattern,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}


# -- faults --------------------------------------------------------------------------------------


def _faults_of(error: Any) -> Iterator[Fault]:
    """The faults that an error of the library tells of, in words without what was claimed."""
    path = list(error.absolute_path)
    rule, value = error.validator, error.validator_value
    match rule:
        case "required":
            # The library raises one error for each, and names it in its text only.
            for name in value:
                if name not in error.instance:
                    yield Fault(pointer(path), f"{shown(name)[1:-1]} is missing")
        case "dependentRequired":
            for names in (value[name] for name in value if name in error.instance):
                for name in names:
                    if name not in error.instance:
                        yield Fault(pointer(path), f"{shown(name)[1:-1]} is missing")
        case "unevaluatedProperties" | "unevaluatedItems":
            yield Fault(pointer(path), "it has members that are not allowed")
        case _:
            words = _WORDS.get(rule)
            said = f"it breaks the rule {rule}" if words is None else words(value)
            yield Fault(pointer(path), said if rule is not None else "it is not allowed")


def _kinds(value: Any) -> str:
    return " or ".join(map(str, value)) if isinstance(value, list) else str(value)


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "type": lambda value: f"it is no {_kinds(value)}",
    "const": lambda value: f"it is not {shown(value)}",
    "enum": lambda value: f"it is none of {shown(value, 200)}",
    "pattern": lambda value: f"it does not fit the pattern {shown(value)}",
    "format": lambda value: f"it is no {shown(value)[1:-1]}",
    "minLength": lambda value: f"it is shorter than {value}",
    "maxLength": lambda value: f"it is longer than {value}",
    "minItems": lambda value: f"it has fewer than {value} elements",
    "maxItems": lambda value: f"it has more than {value} elements",
    "minProperties": lambda value: f"it has fewer than {value} members",
    "maxProperties": lambda value: f"it has more than {value} members",
    "minimum": lambda value: f"it is less than {value}",
    "maximum": lambda value: f"it is more than {value}",
    "exclusiveMinimum": lambda value: f"it is not more than {value}",
    "exclusiveMaximum": lambda value: f"it is not less than {value}",
    "multipleOf": lambda value: f"it is no multiple of {value}",
    "uniqueItems": lambda _: "an element is there twice",
    "contains": lambda _: "it does not have the elements that are wanted",
    "minContains": lambda _: "it does not have the elements that are wanted",
    "maxContains": lambda _: "it has too many of some elements",
    "anyOf": lambda value: f"it fits none of {len(value)} alternatives",
    "oneOf": lambda value: f"it does not fit exactly one of {len(value)} alternatives",
    "not": lambda _: "it fits what it must not",
}
