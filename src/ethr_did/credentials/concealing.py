"""Claims made selectively disclosable, by their issuer.

Rules:
  * What is concealed leaves the payload: a digest stands for it, and a disclosure has it. Members
    of what is concealed may be concealed too; its disclosure then has their digests.
  * Digests of members are sorted, those of elements stand where the elements stood: no order tells
    what is not known already. Decoys are random digests, among the others wherever chance puts them.
  * Each salt is used once. A source of chance that repeats itself is refused.
  * No claim has a name that means something in an SD-JWT, at any level, concealed or not.
  * What is made can be read again: nesting stays two levels below the bound of readers, because
    digests and disclosures add one each.

Which claims a credential must show always is for the rules of its type to say: see ``never``.

Spec: RFC 9901, sections 4.1, 4.2, 9.3 and 9.7.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, TypeAlias

from ethr_did.core.strict_json import MAX_DEPTH, write_json
from ethr_did.credentials.claim_paths import Path, PathPattern, find_paths, path_text
from ethr_did.credentials.disclosures import (
    ALGORITHM_NAME,
    DIGESTS_NAME,
    PLACEHOLDER_NAME,
    RESERVED_NAMES,
    SALT_LENGTH,
    Disclosure,
    HashName,
)
from ethr_did.errors import InvalidCredential, InvalidInput, shown

__all__ = ["Decoys", "Random", "conceal", "filled_to", "no_decoys"]

Random: TypeAlias = Callable[[int], bytes]
"""As many secret random bytes as it is asked for: ``secrets.token_bytes``."""

Decoys: TypeAlias = Callable[[Path, int], int]
"""How many decoys an object or array gets, by its path and the digests it has."""

_DEEPEST: Final = MAX_DEPTH - 2
_DECOY_LENGTH = 32


def no_decoys(_level: Path, _digests: int) -> int:
    """None: everybody sees how many claims are hidden."""
    return 0


def filled_to(multiple: int) -> Decoys:
    """As many as make the digests of every level that has any a multiple of a number.

    Example:
        >>> filled_to(8)((), 5)
        3
    """

    def fill(_level: Path, digests: int) -> int:
        return -digests % multiple

    return fill


def conceal(
    claims: dict[str, Any],
    paths: Iterable[PathPattern],
    *,
    random: Random,
    decoys: Decoys = no_decoys,
    hash_name: HashName = HashName.SHA_256,
    never: Collection[str] = frozenset(),
    write: Callable[[Any], bytes] = write_json,
) -> tuple[dict[str, Any], tuple[Disclosure, ...]]:
    """The payload to sign, and what discloses the concealed claims: parents first.

    Args:
        claims: JSON. It is not changed.
        paths: of the claims to conceal, each on its own.
        random: see ``Random``.
        decoys: see ``Decoys``.
        hash_name: of the digests.
        never: names at the top that may not be concealed, nor anything in them.
        write: how the JSON of disclosures is written.

    Raises:
        InvalidCredential: the claims have a reserved name, are no JSON or nested too deep.
        InvalidInput: a path leads nowhere, or to what may not be concealed.

    Example:
        >>> import secrets
        >>> claims = {"sub": "did:example:1", "birthdate": "1990-01-01"}
        >>> payload, made = conceal(claims, [("birthdate",)], random=secrets.token_bytes)
        >>> sorted(payload), [one.name for one in made]
        (['_sd', '_sd_alg', 'sub'], ['birthdate'])
    """
    hidden: set[Path] = set()
    for pattern in paths:
        found = find_paths(claims, pattern)
        if pattern[0] in never:
            raise InvalidInput(
                f"{shown(path_text(pattern))} may not be concealed",
                hint="Whoever checks the credential has to see it.",
            )
        hidden.update(found)
    work = _Concealing(hidden, random, decoys, hash_name, write)
    payload = work.object_(claims, ())
    payload[ALGORITHM_NAME] = hash_name.value
    return payload, tuple(work.made)


class _Concealing:
    """One pass over the claims."""

    def __init__(
        self,
        hidden: set[Path],
        random: Random,
        decoys: Decoys,
        hash_name: HashName,
        write: Callable[[Any], bytes],
    ) -> None:
        self.made: list[Disclosure] = []
        self._hidden = hidden
        self._random = random
        self._decoys = decoys
        self._digest = hash_name.digest
        self._write = write
        self._drawn: set[bytes] = set()

    def object_(self, members: dict[str, Any], path: Path) -> dict[str, Any]:
        """An object without its concealed members, with their digests."""
        left: dict[str, Any] = {}
        digests = []
        for name, value in members.items():
            if not isinstance(name, str):
                raise InvalidCredential(f"the name of a claim is not a text: {shown(name)}")
            if name in RESERVED_NAMES:
                raise InvalidCredential(
                    f"a claim may not be called {name}", hint="It has a meaning in an SD-JWT."
                )
            below = (*path, name)
            if below in self._hidden:
                digests.append(self._concealed(value, below, name))
            else:
                left[name] = self._value(value, below)
        digests += [self._decoy() for _ in range(self._decoys(path, len(digests)))]
        return {DIGESTS_NAME: sorted(digests), **left} if digests else left

    def _array(self, elements: list[Any], path: Path) -> list[Any]:
        left = []
        count = 0
        for index, value in enumerate(elements):
            below = (*path, index)
            if below in self._hidden:
                left.append({PLACEHOLDER_NAME: self._concealed(value, below, None)})
                count += 1
            else:
                left.append(self._value(value, below))
        for _ in range(self._decoys(path, count)):
            left.insert(self._below(len(left) + 1), {PLACEHOLDER_NAME: self._decoy()})
        return left

    def _value(self, value: Any, path: Path) -> Any:
        if not isinstance(value, (dict, list)):
            if value is None or isinstance(value, (str, int, float)):
                return value
            raise InvalidCredential(
                f"{shown(path_text(path))} is a {type(value).__name__}, which is no JSON"
            )
        if len(path) >= _DEEPEST:
            raise InvalidCredential(f"the claims are nested deeper than {_DEEPEST} levels")
        return self.object_(value, path) if isinstance(value, dict) else self._array(value, path)

    def _concealed(self, value: Any, path: Path, name: str | None) -> str:
        """The digest that stands for a claim."""
        place = len(self.made)
        # What is in it comes first: its disclosure has their digests.
        left = self._value(value, path)
        salt = self._drawn_once(SALT_LENGTH)
        made = Disclosure.build(left, salt=salt, name=name, write=self._write)
        self.made.insert(place, made)
        return self._digest(made.encoded.encode("ascii"))

    def _decoy(self) -> str:
        return self._digest(self._drawn_once(_DECOY_LENGTH))

    def _drawn_once(self, length: int) -> bytes:
        drawn = self._random(length)
        if drawn in self._drawn:
            raise InvalidInput("chance gave the same bytes twice", hint="Use secrets.token_bytes.")
        self._drawn.add(drawn)
        return drawn

    def _below(self, limit: int) -> int:
        """A random number below a limit; eight bytes make the bias vanish."""
        return int.from_bytes(self._random(8)) % limit
