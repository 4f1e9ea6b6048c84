"""The EIP-712 types of JSON documents: made, and held against a document.

Rules for types that are made (the "types generation algorithm"):
  1. Members in the order of their names in UTF-16. A text is ``string``, a truth value ``bool``, a
     whole number from zero ``uint256``; a list of one of these is that type with ``[]``. An object
     is a struct, named as its member, with a capital letter.
  2. The algorithm has no types for null, fractions, negative numbers, empty and mixed lists and
     lists of objects, and no two structs of one name. Documents with these are refused.

Rules for types that are given:
  3. They cover every member of the document, and the document has every member that they name.
     Encoders leave out a member that no type names: it would look signed, and be anybody's.
  4. Values are of their type as JSON writes it. Encoders take "1", 1 and "0x1" for one number and
     more of the kind: the document could be changed under its signature. Of types whose values have
     several spellings (``address``, ``bytes``, lists of fixed length) none is accepted.
  5. Every struct is used, none is named like a type of Solidity, and no name holds a character that
     separates names: the types would read in two ways.
  6. Structs, their members and the objects of a document are bounded in number.

Spec: EthereumEip712Signature2021, "Types Generation"; EIP-712, "Definition of encodeType".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from ethr_did.errors import InvalidCredential, shown

__all__ = ["Types", "check_types", "generate_types"]

Types: TypeAlias = dict[str, list[dict[str, str]]]
"""Structs by name, each a list of ``{"name": …, "type": …}``."""

MAX_TYPES: Final = 256
"""Structs."""

MAX_OBJECTS: Final = 1024
"""Objects in a document: hashing one takes a tenth of a millisecond, however small it is."""

_MAX_MEMBERS = 1024
_MAX_KIND = 160
"""Characters of a type with its brackets."""
_NAME = re.compile(r"[^\s\x00-\x1f\x7f(),\[\]]{1,128}")
_RESERVED = re.compile(r"bool|string|address|function|EIP712Domain|(?:bytes|u?int|u?fixed)[0-9x]*")
_INTEGERS: Final[Mapping[str, tuple[int, int]]] = {
    **{f"uint{bits}": (0, 1 << bits) for bits in range(8, 257, 8)},
    **{f"int{bits}": (-(1 << bits - 1), 1 << bits - 1) for bits in range(8, 257, 8)},
}
"""The lowest of each type, and the first that is too high."""
_ATOMS: Final = frozenset({"string", "bool", *_INTEGERS})
_LIST = "[]"
_UNSIGNED_VALUE: Final = (("proof",), "proofValue", "string")
"""What DIDKit puts into the types, though a signature cannot cover itself: it hashes as zero."""

_Path: TypeAlias = tuple[str | int, ...]


# -- made ----------------------------------------------------------------------------------------


def generate_types(document: Mapping[str, Any], primary_type: str) -> Types:
    """The types of a document.

    Args:
        document: what is to be signed.
        primary_type: the name of the outermost struct.

    Raises:
        InvalidCredential: a part of it has no type.

    Example:
        >>> generate_types({"name": {"first": "Jane"}, "ages": [1, 2]}, "Document")["Document"]
        [{'name': 'ages', 'type': 'uint256[]'}, {'name': 'name', 'type': 'Name'}]
    """
    types: Types = {}
    fields = _fields(document, types, (), {primary_type})
    return {**types, primary_type: fields}


def _fields(
    value: Mapping[str, Any], types: Types, path: _Path, taken: set[str]
) -> list[dict[str, str]]:
    """The members of a struct; the structs within are added to the types."""
    found = []
    for name in sorted(value, key=lambda one: one.encode("utf-16be", "surrogatepass")):
        part, where = value[name], (*path, name)
        kind = name[:1].upper() + name[1:] if isinstance(part, dict) else _type_of(part, where)
        found.append({"name": name, "type": kind})
        if isinstance(part, dict):
            if kind in taken:
                raise _untyped(where, f"a second struct with the name {shown(kind)}")
            taken.add(kind)
            types[kind] = _fields(part, types, where, taken)
    return found


def _type_of(value: object, path: _Path) -> str:
    match value:
        case bool():
            return "bool"
        case int() if value >= 0:
            return "uint256"
        case str():
            return "string"
        case [first, *_] if not isinstance(first, list):
            kinds = {_type_of(one, (*path, place)) for place, one in enumerate(value)}
            if len(kinds) == 1:
                return kinds.pop() + _LIST
    raise _untyped(path, _kind_of(value))


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case int():
            return "a negative number"
        case float():
            return "a fraction"
        case []:
            return "an empty list"
        case list():
            return "a list of lists or of values of several kinds"
        case _:
            return "an object in a list"


def _untyped(path: _Path, what: str) -> InvalidCredential:
    return InvalidCredential(
        f"{_shown(path)}: {what} has no type in this format",
        hint="Write it as a text, or differently named, or issue in another format.",
    )


# -- given ---------------------------------------------------------------------------------------


def check_types(types: object, primary_type: object, document: Mapping[str, Any]) -> Types:
    """The types, which cover the document exactly.

    Args:
        types: as given, without that of the domain.
        primary_type: the name of the outermost struct.
        document: what is said to be signed, with its proof.

    Raises:
        InvalidCredential: they do not, or break a rule.
    """
    if not isinstance(types, dict) or not 0 < len(types) <= MAX_TYPES:
        raise InvalidCredential(f"the types are not an object of at most {MAX_TYPES} structs")
    structs = {name: _read_struct(name, fields) for name, fields in types.items()}
    if not isinstance(primary_type, str) or primary_type not in structs:
        raise InvalidCredential(f"primaryType is none of the types: {shown(primary_type)}")
    for fields in structs.values():
        _check_kinds(fields.values(), structs)
    used: list[str] = []
    _check_value(document, primary_type, structs, (), used)
    if unused := sorted(structs.keys() - {*used}):
        raise InvalidCredential(f"a type is not used: {shown(unused[0])}")
    return types


_Structs: TypeAlias = Mapping[str, Mapping[str, str]]


def _read_struct(name: object, fields: object) -> dict[str, str]:
    """The types of the members by their names."""
    _check_name(name)
    if _RESERVED.fullmatch(str(name)):
        raise InvalidCredential(f"a struct is named like a type of Solidity: {shown(name)}")
    if not isinstance(fields, list) or len(fields) > _MAX_MEMBERS:
        raise InvalidCredential(
            f"the type {shown(name)} is not a list of at most {_MAX_MEMBERS} members"
        )
    found: dict[str, str] = {}
    for one in fields:
        if not isinstance(one, dict) or one.keys() != {"name", "type"}:
            raise InvalidCredential(f"a member of {shown(name)} is not a name and a type")
        _check_name(one["name"])
        kind = one["type"]
        if not isinstance(kind, str) or len(kind) > _MAX_KIND:
            raise InvalidCredential(f"a type is not a short text: {shown(kind)}")
        if one["name"] in found:
            raise InvalidCredential(f"{shown(name)} has the member {shown(one['name'])} twice")
        found[one["name"]] = kind
    return found


def _check_kinds(kinds: Iterable[str], structs: _Structs) -> None:
    for kind in kinds:
        base = _base(kind)
        if base not in structs and base not in _ATOMS:
            raise InvalidCredential(
                f"there is no such type, or none that is read: {shown(kind)}",
                hint="Read are string, bool, whole numbers such as uint256, structs, and lists.",
            )


def _base(kind: str) -> str:
    """The type in a list, or in a list of lists."""
    while kind.endswith(_LIST):
        kind = kind.removesuffix(_LIST)
    return kind


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidCredential(
            f"not a name that can be signed: {shown(name)}",
            hint="It has at most 128 characters, no spaces, brackets and commas.",
        )


def _check_value(value: object, kind: str, structs: _Structs, path: _Path, used: list[str]) -> None:
    """Raises ``InvalidCredential`` unless the value is exactly of its type."""
    if kind in structs:
        used.append(kind)
        if len(used) > MAX_OBJECTS:
            raise InvalidCredential(f"the document has more than {MAX_OBJECTS} objects")
        _check_struct(value, kind, structs, path, used)
    elif kind.endswith(_LIST):
        inner = kind.removesuffix(_LIST)
        if not isinstance(value, list):
            raise _mismatch(path, kind)
        if not value and _base(inner) in structs:
            # The type hash would have to be made of types that no value pays for with its length.
            raise InvalidCredential(f"{_shown(path)}: an empty list of objects is not read")
        for place, one in enumerate(value):
            _check_value(one, inner, structs, (*path, place), used)
    elif not _is_atom(value, kind):
        raise _mismatch(path, kind)


def _check_struct(
    value: object, kind: str, structs: _Structs, path: _Path, used: list[str]
) -> None:
    if not isinstance(value, dict):
        raise _mismatch(path, kind)
    fields = structs[kind]
    if unsigned := sorted(value.keys() - fields.keys()):
        raise InvalidCredential(
            f"not covered by the signature: {_shown((*path, unsigned[0]))}",
            hint="The signed types do not name it; anybody could have added it.",
        )
    for name, inner in fields.items():
        if name in value:
            _check_value(value[name], inner, structs, (*path, name), used)
        elif (path, name, inner) != _UNSIGNED_VALUE:
            raise InvalidCredential(f"signed and not there: {_shown((*path, name))}")


def _is_atom(value: object, kind: str) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case _:
            low, high = _INTEGERS[kind]
            return type(value) is int and low <= value < high


def _mismatch(path: _Path, kind: str) -> InvalidCredential:
    return InvalidCredential(
        f"{_shown(path)} is not a value of its type {shown(kind)} as JSON writes it"
    )


def _shown(path: _Path) -> str:
    from ethr_did.credentials.claim_paths import path_text

    return shown(path_text(path)) if path else "the document"
