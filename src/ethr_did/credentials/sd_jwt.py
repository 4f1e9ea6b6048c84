"""SD-JWTs: taken apart, put together, and the claims that they disclose.

Rules:
  * Signatures are verified elsewhere: of the issuer before anything here is believed, of the holder
    over what ``sd_hash`` covers. Time and audience are checked on the claims that come out.
  * Text is taken as it is and given back as it was. There is exactly one form: no white space, no
    empty part, and a tilde behind everything but the key binding.
  * Only what the payload refers to is decoded, straight or through another disclosure. A disclosure
    that nothing refers to, or that is there twice, spoils the whole.
  * A digest is found once at most. One that no disclosure has is passed over: hidden, or a decoy.
  * A reserved name that is not what RFC 9901 uses it for spoils the whole, however deep it is.
  * Length, number and nesting are bounded. Every disclosure is used once, so work is as long as
    the text.
  * Neither token nor claim is in an error or a representation.

Spec: RFC 9901, sections 4 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from ethr_did.core.strict_json import MAX_DEPTH
from ethr_did.credentials.claim_paths import Path, PathPattern, find_paths, path_text
from ethr_did.credentials.disclosures import (
    DIGESTS_NAME,
    MAX_DISCLOSURE,
    PLACEHOLDER_NAME,
    RESERVED_NAMES,
    Disclosure,
    HashName,
    read_disclosure,
)
from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "MAX_DISCLOSURES",
    "MAX_LENGTH",
    "SDJWT",
    "Placed",
    "Processed",
    "process",
    "select",
]

MAX_LENGTH: Final = 1 << 20
"""Most characters of an SD-JWT."""

MAX_DISCLOSURES: Final = 1000
"""Most disclosures of an SD-JWT."""

_BASE64URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_JWT_MARKS = b".."
_CONTAINERS = frozenset((dict, list))


@dataclass(frozen=True, slots=True, kw_only=True)
class SDJWT:
    """An SD-JWT in its parts. Each has the right form; nothing else was checked."""

    jwt: str = field(repr=False)
    """What the issuer signed, in compact form."""
    disclosures: tuple[str, ...] = field(default=(), repr=False)
    key_binding: str | None = field(default=None, repr=False)
    """What the holder signed, in compact form; None without."""

    def __post_init__(self) -> None:
        """Raises ``InvalidCredential`` unless every part has its form.

        Spec: RFC 9901, section 4, the ABNF at the end.
        """
        count = len(self.disclosures)
        if count > MAX_DISCLOSURES:
            raise InvalidCredential(f"{count} disclosures are more than {MAX_DISCLOSURES}")
        text = self.text
        if len(text) > MAX_LENGTH:
            raise _too_long(len(text))
        marks = text.encode("ascii", "replace").translate(None, delete=_BASE64URL)
        end = b"" if self.key_binding is None else _JWT_MARKS
        if marks != _JWT_MARKS + b"~" * (count + 1) + end or self._has_empty_part():
            self._refuse()
        if max(map(len, self.disclosures), default=0) > MAX_DISCLOSURE:
            raise InvalidCredential(f"a disclosure has more than {MAX_DISCLOSURE} characters")

    def _has_empty_part(self) -> bool:
        parts = [*self.disclosures, *self.jwt.split(".")]
        if self.key_binding is not None:
            parts += self.key_binding.split(".")
        return "" in parts

    def _refuse(self) -> NoReturn:
        """Raises an error that says what part it is that has not its form."""
        if not _is_jwt(self.jwt):
            raise InvalidCredential("an SD-JWT does not begin with a JWT in compact form")
        for number, disclosure in enumerate(self.disclosures, 1):
            if not _is_base64url(disclosure):
                raise InvalidCredential(
                    f"disclosure {number} is {'not base64url' if disclosure else 'empty'}",
                    hint="Disclosures are base64url, each with a tilde behind it.",
                )
        raise InvalidCredential(
            "an SD-JWT ends with what is no JWT in compact form",
            hint="Without key binding, it ends with a tilde.",
        )

    @property
    def text(self) -> str:
        """The SD-JWT in compact form."""
        return "~".join((self.jwt, *self.disclosures, self.key_binding or ""))

    @property
    def hashed_part(self) -> bytes:
        """What key binding is over: everything but itself.

        Spec: RFC 9901, section 4.3.1.
        """
        return "~".join((self.jwt, *self.disclosures, "")).encode("ascii")

    def sd_hash(self, hash_name: HashName = HashName.SHA_256) -> str:
        """The digest that ties key binding to the rest.

        Args:
            hash_name: of the payload, see ``HashName.of``.

        Spec: RFC 9901, section 4.3.1.
        """
        return hash_name.digest(self.hashed_part)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The SD-JWT in a text, with or without key binding.

        Raises:
            InvalidCredential: it is none.

        Spec: RFC 9901, section 4, and section 7.1 step 1.

        Example:
            >>> SDJWT.parse("e30.e30.c2ln~WyJzYWx0IiwiRlIiXQ~").disclosures
            ('WyJzYWx0IiwiRlIiXQ',)
        """
        if len(text) > MAX_LENGTH:
            raise _too_long(len(text))
        jwt, *disclosures = text.split("~")
        if not disclosures:
            raise InvalidCredential(
                "not an SD-JWT: there is no tilde in it",
                hint="A JWT alone is not one; with a tilde behind it, it would be.",
            )
        key_binding = disclosures.pop() or None
        return cls(jwt=jwt, disclosures=tuple(disclosures), key_binding=key_binding)


def _too_long(length: int) -> InvalidCredential:
    return InvalidCredential(f"an SD-JWT has {length} characters, more than {MAX_LENGTH}")


def _is_base64url(text: str) -> bool:
    return bool(text) and not text.encode("ascii", "replace").translate(None, delete=_BASE64URL)


def _is_jwt(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == len(_JWT_MARKS) + 1 and all(map(_is_base64url, parts))


# -- what is disclosed ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A disclosure, and where its claim is."""

    disclosure: Disclosure
    path: Path
    """In the claims that came out."""
    parents: tuple[Disclosure, ...]
    """The disclosures that it is in, from the outermost. It cannot be shown without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """What an SD-JWT says to whoever has these disclosures."""

    claims: dict[str, Any] = field(repr=False)
    """Without a trace of what is hidden, and of how."""
    places: Mapping[str, Path] = field(repr=False)
    """The path of its claim for each disclosure, in the order in which they were given."""
    hash_name: HashName

    @property
    def disclosed(self) -> tuple[Placed, ...]:
        """The disclosures, decoded: what a wallet shows. Verifiers need not wait for it."""
        read = {path: Disclosure.parse(encoded) for encoded, path in self.places.items()}
        return tuple(
            Placed(
                disclosure=disclosure,
                path=path,
                parents=tuple(read[above] for above in _above(path) if above in read),
            )
            for path, disclosure in read.items()
        )

    def within(self, path: Path) -> tuple[Path, ...]:
        """The paths of what may be hidden in a claim; its own, if it may be hidden itself."""
        return tuple(one for one in self.places.values() if one[: len(path)] == path)

    def needed(self, paths: Iterable[Path]) -> tuple[str, ...]:
        """The disclosures without which not all of these claims can be seen.

        What may be hidden in the claims themselves is not among them: see ``within``.
        """
        wanted: set[Path] = set()
        for path in paths:
            wanted.update((path, *_above(path)))
        return tuple(encoded for encoded, path in self.places.items() if path in wanted)


def _above(path: Path) -> list[Path]:
    """The paths that a path goes through, from the outermost."""
    return [path[:length] for length in range(1, len(path))]


def process(payload: dict[str, Any], disclosures: Sequence[str]) -> Processed:
    """The claims that a payload and disclosures amount to.

    Args:
        payload: what the issuer signed, as ``read_json`` gives it. It is not changed.
        disclosures: of ``SDJWT``.

    Raises:
        InvalidCredential: a rule is broken; the first that is found.

    Spec: RFC 9901, section 7.1, steps 2.4 and 3 to 5.

    Example:
        >>> made = Disclosure.build("DE", salt=bytes(16))
        >>> process({"nationalities": [{"...": made.digest()}, "FR"]}, [made.encoded]).claims
        {'nationalities': ['DE', 'FR']}
    """
    hash_name = HashName.of(payload)
    work = _Revealing(_by_digest(disclosures, hash_name))
    claims = work.object_(payload, ())
    places = work.places
    if len(places) != len(disclosures):
        number = next(n for n, one in enumerate(disclosures, 1) if one not in places)
        raise InvalidCredential(
            f"nothing refers to disclosure {number} of {len(disclosures)}",
            hint="It belongs to another credential, or the disclosure that it is in is missing.",
        )
    in_order = MappingProxyType({one: places[one] for one in disclosures})
    return Processed(claims=claims, places=in_order, hash_name=hash_name)


def _by_digest(disclosures: Sequence[str], hash_name: HashName) -> dict[str, str]:
    if len(disclosures) > MAX_DISCLOSURES:
        raise InvalidCredential(f"{len(disclosures)} disclosures are more than {MAX_DISCLOSURES}")
    digest = hash_name.digest
    # What is not ASCII has no digest, and is refused when it is decoded.
    known = {digest(one.encode("ascii", "replace")): one for one in disclosures}
    if len(known) != len(disclosures):
        raise InvalidCredential("a disclosure is there twice")
    return known


class _Revealing:
    """One pass over a payload."""

    __slots__ = ("_known", "_seen", "places")

    def __init__(self, known: dict[str, str]) -> None:
        self.places: dict[str, Path] = {}
        self._known = known
        self._seen: set[str] = set()

    def object_(self, members: dict[str, Any], path: Path) -> dict[str, Any]:
        """An object with what is disclosed in it, and without digests."""
        _check_depth(path)
        claims: dict[str, Any] = {}
        digests: Any = ()
        for name, value in members.items():
            if name in RESERVED_NAMES:
                if name == DIGESTS_NAME and isinstance(value, list):
                    digests = value
                elif name in (DIGESTS_NAME, PLACEHOLDER_NAME) or path:
                    raise _misused(name, path)
            elif type(value) in _CONTAINERS:
                claims[name] = self._value(value, (*path, name))
            else:
                claims[name] = value
        # What is always to be seen comes first: no disclosure may have its name.
        for digest in digests:
            encoded = self._found(digest, path)
            if encoded is not None:
                self._insert(claims, encoded, path)
        return claims

    def _insert(self, claims: dict[str, Any], encoded: str, path: Path) -> None:
        _, name, value = read_disclosure(encoded)
        if name is None:
            raise InvalidCredential(
                f"a member of {_where(path)} is disclosed as if it were an element of an array"
            )
        below = (*path, name)
        if name in claims:
            raise InvalidCredential(f"{_where(below)} is there twice")
        self.places[encoded] = below
        claims[name] = self._value(value, below)

    def _array(self, elements: list[Any], path: Path) -> list[Any]:
        """An array with the elements that are disclosed, and without those that are not."""
        _check_depth(path)
        claims: list[Any] = []
        for element in elements:
            if type(element) is not dict or PLACEHOLDER_NAME not in element:
                claims.append(self._value(element, (*path, len(claims))))
                continue
            if len(element) != 1:
                raise _misused(PLACEHOLDER_NAME, path)
            encoded = self._found(element[PLACEHOLDER_NAME], path)
            if encoded is not None:
                self._append(claims, encoded, path)
        return claims

    def _append(self, claims: list[Any], encoded: str, path: Path) -> None:
        _, name, value = read_disclosure(encoded)
        if name is not None:
            raise InvalidCredential(
                f"an element of {_where(path)} is disclosed as if it were a member of an object"
            )
        below = (*path, len(claims))
        self.places[encoded] = below
        claims.append(self._value(value, below))

    def _value(self, value: Any, path: Path) -> Any:
        if type(value) is dict:
            return self.object_(value, path)
        if type(value) is list:
            return self._array(value, path)
        return value

    def _found(self, digest: object, path: Path) -> str | None:
        """The disclosure that has a digest; None for what is hidden and for decoys."""
        if type(digest) is not str:
            raise InvalidCredential(f"a digest in {_where(path)} is no text")
        if digest in self._seen:
            raise InvalidCredential(f"a digest is there twice: {shown(digest)}")
        self._seen.add(digest)
        return self._known.get(digest)


def _check_depth(path: Path) -> None:
    if len(path) >= MAX_DEPTH:
        raise InvalidCredential(f"the claims are nested deeper than {MAX_DEPTH} levels")


def _misused(name: str, path: Path) -> InvalidCredential:
    return InvalidCredential(
        f"{name} in {_where(path)} is not what an SD-JWT has it for",
        hint="_sd has a list of digests, ... stands alone in an element, _sd_alg is at the top.",
    )


def _where(path: Path) -> str:
    return shown(path_text(path)) if path else "the payload"


# -- what is chosen ------------------------------------------------------------------------------


def select(sd_jwt: SDJWT, payload: dict[str, Any], paths: Iterable[PathPattern]) -> SDJWT:
    """An SD-JWT that shows some claims, and those only: what of it may be hidden.

    Args:
        sd_jwt: with all disclosures that the holder has. Its key binding is left off.
        payload: of its JWT, as ``read_json`` gives it.
        paths: in what ``process`` makes of both. What is always to be seen may be among them. What
            may be hidden in a claim is shown only if it is asked for too: see ``Processed.within``.

    Raises:
        InvalidCredential: the SD-JWT breaks a rule.
        InvalidInput: a path leads nowhere.

    Spec: RFC 9901, section 7.2.
    """
    processed = process(payload, sd_jwt.disclosures)
    wanted: list[Path] = []
    for pattern in paths:
        found = find_paths(processed.claims, pattern)
        if not found:
            raise InvalidInput(
                f"there is no {shown(path_text(pattern))}: no array there has elements"
            )
        wanted += found
    return SDJWT(jwt=sd_jwt.jwt, disclosures=processed.needed(wanted))
