"""Parts of a query as it is read: what stands where, and whether it has the form that it must have.

Rules:
  * An error says where in the query something is wrong.
  * Members that nobody asks for are passed over.
  * Texts and arrays are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ethr_did.errors import InvalidQuery, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MAX_TEXT", "MAX_VALUES", "Part"]

T = TypeVar("T")

MAX_TEXT: Final = 1024
"""Most characters of a text."""

MAX_VALUES: Final = 256
"""Most elements of an array of texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A value in a query.

    Example:
        >>> query = Part(where="the query", value={"id": "pid"})
        >>> query.required("id").text()
        'pid'
        >>> query.flag("multiple", default=False)
        False
    """

    where: str
    """For people."""
    value: Any

    def fault(self, words: str) -> InvalidQuery:
        """An error about the value."""
        return InvalidQuery(f"{self.where} {words}: {shown(self.value)}")

    # -- objects ---------------------------------------------------------------------------------

    def check_object(self) -> None:
        """Raises ``InvalidQuery`` unless it is an object."""
        if not isinstance(self.value, Mapping):
            raise self.fault("is not an object")

    def member(self, name: str) -> Part | None:
        """A member of an object; None if it has none of that name."""
        if name not in self.value:
            return None
        return Part(where=f"{name} of {self.where}", value=self.value[name])

    def required(self, name: str) -> Part:
        """A member that must be there.

        Raises:
            InvalidQuery: it is not.
        """
        found = self.member(name)
        if found is None:
            raise self.fault(f"has no {name}")
        return found

    def flag(self, name: str, *, default: bool) -> bool:
        """A member that is true or false.

        Raises:
            InvalidQuery: it is something else.
        """
        found = self.member(name)
        if found is None:
            return default
        if not isinstance(found.value, bool):
            raise found.fault("is neither true nor false")
        return found.value

    def optional(self, name: str, read: Callable[[Part], tuple[T, ...]]) -> tuple[T, ...]:
        """A member that is an array; empty if it is not there.

        Raises:
            InvalidQuery: what ``read`` says.
        """
        found = self.member(name)
        return () if found is None else read(found)

    def build(self, kind: Callable[..., T], **members: Any) -> T:
        """What is made of members; its errors say where it stands.

        Raises:
            InvalidQuery: they break a rule.
        """
        try:
            return kind(**members)
        except InvalidQuery as cause:
            raise InvalidQuery(f"{self.where}: {cause.message}", hint=cause.hint) from cause

    # -- arrays and texts ------------------------------------------------------------------------

    def items(self, *, most: int, least: int = 1) -> Iterator[Part]:
        """The elements of an array.

        Raises:
            InvalidQuery: it is none, or too short or long.
        """
        if not isinstance(self.value, list):
            raise self.fault("is not an array")
        if not least <= len(self.value) <= most:
            raise InvalidQuery(
                f"{self.where} has {len(self.value)} elements, not {least} to {most}"
            )
        for number, one in enumerate(self.value):
            yield Part(where=f"element {number} of {self.where}", value=one)

    def text(self) -> str:
        """The text.

        Raises:
            InvalidQuery: it is none, empty or too long.
        """
        if not isinstance(self.value, str) or not 0 < len(self.value) <= MAX_TEXT:
            raise self.fault("is not a text")
        return self.value

    def texts(self, *, least: int = 1) -> tuple[str, ...]:
        """The texts of an array.

        Raises:
            InvalidQuery: it is no array of texts, or has fewer or more than it may.
        """
        return tuple(one.text() for one in self.items(most=MAX_VALUES, least=least))
