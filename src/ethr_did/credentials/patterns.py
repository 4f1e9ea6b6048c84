r"""Regular expressions of JSON Schemas, in time that grows with the text and never faster.

Schemas come from strangers. With a library that backtracks, ten characters of a pattern and thirty
of a text take minutes. Here a pattern becomes an automaton, and all its states are followed at once.

Rules:
  * The dialect is what JSON Schema calls interoperable, with the meaning of ECMA-262 in Unicode
    mode: classes, groups, alternatives, quantifiers, ``^`` and ``$`` for the ends of the text,
    ``\d`` and ``\w`` for ASCII, ``\p{L}`` for general categories.
  * What needs backtracking is refused: references to groups and looking ahead or behind. So are
    ``\b`` and whatever is not known: a pattern means what its author means, or nothing.
  * Length, nesting and states are bounded, and each step is paid for.

Spec: JSON Schema 2020-12, Core section 6.4; ECMA-262 section 22.2.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from ethr_did.errors import InvalidInput, shown

__all__ = ["MAX_PATTERN", "MAX_STATES", "Pattern"]

MAX_PATTERN: Final = 512
"""Most characters of a pattern."""

MAX_STATES: Final = 2000
"""Most states of an automaton: ``x{1000}`` has a thousand."""

_MAX_DEPTH = 32
_MAX_DIGITS = 4

Test: TypeAlias = Callable[[str], bool]
"""Whether a character is meant."""


@dataclass(frozen=True, slots=True)
class _Split:
    """Goes on at two places, both counted from here."""

    one: int
    other: int


@dataclass(frozen=True, slots=True)
class _At:
    """Goes on only at the beginning or at the end of the text."""

    end: bool


_Block: TypeAlias = "list[Test | _Split | _At]"
"""Steps that end behind the last of them."""

_START, _END = _At(end=False), _At(end=True)


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""A pattern that can be looked for.

    Example:
        >>> Pattern.parse("^(a+)+$").is_in("a" * 40 + "b")
        False
        >>> Pattern.parse(r"^[A-Z]{2}\d+").is_in("DE123 (draft)")
        True
    """

    text: str
    _steps: tuple[Test | _Split | _At, ...]

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """The pattern in a text.

        Raises:
            InvalidInput: it is none, or one that is not looked for here.
        """
        return _parsed(text)

    def is_in(self, text: str, *, pay: Callable[[int], object] = lambda _: None) -> bool:
        """Whether some part of a text fits.

        Args:
            text: of any length.
            pay: is told how many states are looked at, before each character; may raise.
        """
        end, last = len(self._steps), len(text)
        states: set[int] = set()
        for place in range(last + 1):
            self._follow(states, 0, at_start=place == 0, at_end=place == last)
            if end in states:
                return True
            pay(len(states) + 1)
            if place < last:
                states = self._after(states, text[place], at_end=place + 1 == last)
        return False

    def _after(self, states: Iterable[int], char: str, *, at_end: bool) -> set[int]:
        """The states behind a character."""
        found: set[int] = set()
        for state in states:
            step = self._steps[state] if state < len(self._steps) else None
            if callable(step) and step(char):
                self._follow(found, state + 1, at_start=False, at_end=at_end)
        return found

    def _follow(self, states: set[int], first: int, *, at_start: bool, at_end: bool) -> None:
        """Adds a state, and all that are reached from it without a character."""
        waiting = [first]
        while waiting:
            state = waiting.pop()
            if state in states:
                continue
            states.add(state)
            step = self._steps[state] if state < len(self._steps) else None
            if isinstance(step, _Split):
                waiting += (state + step.one, state + step.other)
            elif isinstance(step, _At) and (at_end if step.end else at_start):
                waiting.append(state + 1)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Pattern:
    if len(text) > MAX_PATTERN:
        raise _refused(text, f"it has more than {MAX_PATTERN} characters")
    parser = _Parser(text)
    block = parser.alternatives(0)
    if parser.peek():
        raise _refused(text, "a ) closes nothing")
    return Pattern(text, tuple(block))


def _refused(text: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"the pattern {shown(text)} is not used: {why}",
        hint="Classes, groups, alternatives, quantifiers, ^ and $ are understood; references, "
        "looking around and \\b are not.",
    )


# -- parsing -------------------------------------------------------------------------------------


class _Parser:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self._text[self._at : self._at + 1]

    def sees(self, words: str) -> bool:
        """Whether these characters come next."""
        return self._text.startswith(words, self._at)

    def take(self) -> str:
        """The next character, and goes on behind it."""
        char = self.peek()
        self._at += 1
        if not char:
            raise self.refused("it breaks off")
        return char

    def takes(self, words: str) -> bool:
        """Whether these characters come next; then goes on behind them."""
        if not self.sees(words):
            return False
        self._at += len(words)
        return True

    def refused(self, why: str) -> InvalidInput:
        """The error."""
        return _refused(self._text, why)

    def alternatives(self, depth: int) -> _Block:
        """All up to the end, or to the end of a group."""
        if depth > _MAX_DEPTH:
            raise self.refused("its groups are nested too deep")
        blocks = [self._sequence(depth)]
        while self.takes("|"):
            blocks.append(self._sequence(depth))
        found = blocks.pop()
        for block in reversed(blocks):
            over = len(found) + 1
            found = self._bounded([_Split(1, len(block) + 2), *block, _Split(over, over), *found])
        return found

    def _sequence(self, depth: int) -> _Block:
        block: _Block = []
        while self.peek() not in ("", "|", ")"):
            block = self._bounded(block + self._quantified(depth))
        return block

    def _quantified(self, depth: int) -> _Block:
        if self.takes("^"):
            return [_START]
        if self.takes("$"):
            return [_END]
        block = self._atom(depth)
        match self.peek():
            case "*":
                least, most = 0, None
            case "+":
                least, most = 1, None
            case "?":
                least, most = 0, 1
            case "{":
                return self._repeated(block, *self._bounds())
            case _:
                return block
        self.take()
        return self._repeated(block, least, most)

    def _bounds(self) -> tuple[int, int | None]:
        """What stands in braces."""
        self.take()
        least = self._number()
        if self.takes("}"):
            return least, least
        if not self.takes(","):
            raise self.refused("a { begins no number of times; write \\{")
        most = None if self.peek() == "}" else self._number()
        if not self.takes("}") or (most is not None and most < least):
            raise self.refused("a { begins no number of times; write \\{")
        return least, most

    def _number(self) -> int:
        digits = ""
        while self.peek() in set(string.digits):
            digits += self.take()
        if not 0 < len(digits) <= _MAX_DIGITS:
            raise self.refused("a { begins no number of times, or too many; write \\{")
        return int(digits)

    def _repeated(self, block: _Block, least: int, most: int | None) -> _Block:
        self.takes("?")  # lazy or not, it is the same text that fits
        if self.peek() in ("*", "+", "?", "{"):
            raise self.refused("two quantifiers follow each other")
        if len(block) * max(least, most or 0, 1) > MAX_STATES:
            raise self.refused(f"it has more than {MAX_STATES} states")
        if most is None:
            back = -len(block) - 1
            rest = [_Split(1, len(block) + 2), *block, _Split(back, back)]
        else:
            rest = [_Split(1, len(block) + 1), *block] * (most - least)
        return self._bounded(block * least + rest)

    def _bounded(self, block: _Block) -> _Block:
        if len(block) > MAX_STATES:
            raise self.refused(f"it has more than {MAX_STATES} states")
        return block

    def _atom(self, depth: int) -> _Block:
        match char := self.take():
            case "(":
                return self._group(depth)
            case "[":
                return [_Class(self).test]
            case ".":
                return [lambda c: c not in "\n\r\u2028\u2029"]
            case "\\":
                return [self.escape()]
            case "*" | "+" | "?" | "{" | "}" | "]":
                raise self.refused(f"a {char} stands alone; write \\{char}")
        return [char.__eq__]

    def _group(self, depth: int) -> _Block:
        if not self.takes("?:") and self.peek() == "?":
            raise self.refused("groups that look around or have names are not understood")
        block = self.alternatives(depth + 1)
        if not self.takes(")"):
            raise self.refused("a ( is not closed")
        return block

    def escape(self) -> Test:
        """What follows a backslash."""
        char = self.take()
        if char in _ESCAPED_CLASSES:
            return _ESCAPED_CLASSES[char]
        if char in ("p", "P"):
            return self._category(wanted=char == "p")
        found = self.escaped_char(char)
        return found.__eq__

    def escaped_char(self, char: str) -> str:
        """The one character that an escape stands for."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char in ("x", "u"):
            digits = "".join(self.take() for _ in range(2 if char == "x" else 4))
            if not set(digits) <= set(string.hexdigits):
                raise self.refused(f"\\{char} is not followed by hex digits")
            return chr(int(digits, 16))
        if char not in string.punctuation:
            raise self.refused(f"\\{char} is not understood")
        return char

    def _category(self, *, wanted: bool) -> Test:
        name = self._category_name()
        return lambda char: unicodedata.category(char).startswith(name) is wanted

    def _category_name(self) -> str:
        name = ""
        if self.takes("{"):
            while self.peek() not in ("}", ""):
                name += self.take()
            self.take()
        if name not in _CATEGORIES:
            raise self.refused(f"\\p{{{name}}} is no general category")
        return name


class _Class:
    """What stands in brackets."""

    def __init__(self, parser: _Parser) -> None:
        self._parser = parser
        self._ranges: list[tuple[str, str]] = []
        self._tests: list[Test] = []
        self._negated = parser.takes("^")
        while not parser.takes("]"):
            self._add()

    def test(self, char: str) -> bool:
        """Whether a character is in it."""
        found = any(low <= char <= high for low, high in self._ranges)
        return (found or any(one(char) for one in self._tests)) is not self._negated

    def _add(self) -> None:
        low = self._member()
        if not self._parser.sees("-]") and self._parser.takes("-"):
            high = self._member()
            if low is None or high is None or high < low:
                raise self._parser.refused("a range in brackets leads nowhere")
            self._ranges.append((low, high))
            return
        if low is not None:
            self._ranges.append((low, low))

    def _member(self) -> str | None:
        """A character; None for an escape that stands for several, which is added at once."""
        char = self._parser.take()
        if char != "\\":
            return char
        kind = self._parser.peek()
        if kind in _ESCAPED_CLASSES or kind in ("p", "P"):
            self._tests.append(self._parser.escape())
            return None
        return "\b" if self._parser.takes("b") else self._parser.escaped_char(self._parser.take())


_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_WORD = frozenset(string.ascii_letters + string.digits + "_")
_DIGITS = frozenset(string.digits)
_CATEGORIES = frozenset(
    [
        *("L", "M", "N", "P", "S", "Z", "C", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me"),
        *("Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"),
        *("Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn", "Cs"),
    ]
)


def _is_space(char: str) -> bool:
    return char in "\t\n\v\f\r\u2028\u2029\ufeff" or unicodedata.category(char) == "Zs"


_ESCAPED_CLASSES: dict[str, Test] = {
    "d": _DIGITS.__contains__,
    "D": lambda char: char not in _DIGITS,
    "w": _WORD.__contains__,
    "W": lambda char: char not in _WORD,
    "s": _is_space,
    "S": lambda char: not _is_space(char),
}
