"""Patterns of schemas: what they mean, what is refused, and that time does not run away."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.credentials.patterns import MAX_PATTERN, MAX_STATES, Pattern
from ethr_did.errors import InvalidInput


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("", ["", "x"], []),
        ("b", ["abc"], ["ac"]),
        ("^b", ["bc"], ["ab", ""]),
        ("b$", ["ab"], ["ba", "b\n"]),
        ("^$", [""], ["a"]),
        ("^a*$", ["", "aaa"], ["ab"]),
        ("^a+$", ["a", "aaa"], ["", "b"]),
        ("^a?b$", ["b", "ab"], ["aab"]),
        ("^a{2}$", ["aa"], ["a", "aaa"]),
        ("^a{2,}$", ["aa", "aaaa"], ["a"]),
        ("^a{1,3}$", ["a", "aaa"], ["", "aaaa"]),
        ("^a{0}b$", ["b"], ["ab"]),
        ("^(?:a{0}){3}b$", ["b"], ["ab"]),
        ("^a+?b$", ["ab", "aab"], ["b"]),
        ("^(ab|c)+$", ["abc", "cab"], ["ac", ""]),
        ("^(a|b|c|)$", ["a", "b", "c", ""], ["d"]),
        ("^(|a)b$", ["b", "ab"], ["a"]),
        ("^(?:(?:a*)*)*$", ["", "aa"], ["b"]),
        ("^.$", ["a", "é", "😀"], ["", "\n", "ab"]),
        ("^[a-cx]$", ["a", "b", "x"], ["d", "-"]),
        ("^[^a-c]$", ["d", "\n"], ["a"]),
        ("^[a-]$", ["a", "-"], ["b"]),
        ("^[-a]$", ["a", "-"], ["b"]),
        (r"^[\w-]$", ["_", "-"], ["."]),
        (r"^[\]\\^]$", ["]", "\\", "^"], ["a"]),
        (r"^[\b]$", ["\b"], ["b"]),
        (r"^[\d\p{Lu}]$", ["7", "Ä"], ["ä"]),
        ("^[]$", [], ["", "a"]),
        ("^[^]$", ["a", "\n"], [""]),
        (r"^\d\D\w\W\s\S$", ["1a_- x"], ["aa_- x", "11_- x"]),
        (r"^\d$", ["5"], ["\u0665"]),
        (r"^\w$", ["z"], ["é"]),
        (r"^\s$", [" ", "\t", "\u00a0", "\ufeff"], ["x"]),
        (r"^\x41\u0042\t\n\r\f\v\0$", ["AB\t\n\r\f\v\0"], ["AB"]),
        (r"^\.\/\-\^\$\{\}$", ["./-^${}"], ["x/-^${}"]),
        (r"^\p{L}+$", ["Ωmega"], ["a1", ""]),
        (r"^\P{L}+$", ["12"], ["1a"]),
        (r"^\p{Nd}$", ["\u0665"], ["Ⅷ"]),
        (r"^(\([0-9]{3}\))?[0-9]{3}-[0-9]{4}$", ["(888)555-1212", "555-1212"], ["(88)555-1212"]),
        ("^[^@]+@[^@]+\\.[^@]+$", ["a@b.c"], ["a@b", "@b.c"]),
    ],
)
def test_patterns_mean_what_they_mean_elsewhere(
    pattern: str, fits: list[str], does_not: list[str]
) -> None:
    parsed = Pattern.parse(pattern)
    assert [text for text in [*fits, *does_not] if parsed.is_in(text)] == fits


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "a ( is not closed"),
        (")", "a ) closes nothing"),
        ("a)", "a ) closes nothing"),
        ("[a", "it breaks off"),
        ("\\", "it breaks off"),
        ("*a", "a * stands alone"),
        ("^*", "a * stands alone"),
        ("a]", "a ] stands alone"),
        ("a**", "two quantifiers"),
        ("a{2}{3}", "two quantifiers"),
        ("a{", "a { begins no number"),
        ("a{,2}", "a { begins no number"),
        ("a{2;", "a { begins no number"),
        ("a{2,3;", "a { begins no number"),
        ("a{3,2}", "a { begins no number"),
        ("a{00001}", "or too many"),
        ("(?=a)", "look around"),
        ("(?<!a)", "look around"),
        ("(?<n>a)", "look around"),
        (r"(a)\1", r"\1 is not understood"),
        (r"\ba", r"\b is not understood"),
        (r"\k<a>", r"\k is not understood"),
        (r"\x4g", "not followed by hex digits"),
        (r"\u{1F600}", "not followed by hex digits"),
        (r"\p{Greek}", "no general category"),
        (r"\pL", "no general category"),
        (r"\p{L", "it breaks off"),
        ("[c-a]", "leads nowhere"),
        (r"[\d-a]", "leads nowhere"),
        (r"[a-\d]", "leads nowhere"),
        ("a" * (MAX_PATTERN + 1), "characters"),
        ("(" * 40 + ")" * 40, "nested too deep"),
        ("a{2001}", "states"),
        ("(a{1000}){3}", "states"),
        ("(a{1000}){2,}", "states"),
        ("(a{1000}|b{1000})", "states"),
        ("a{1500}b{1500}", "states"),
    ],
)
def test_what_is_not_understood_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(why)):
        Pattern.parse(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "^(a|a)*$",
        "^(a*)*b",
        "(a?){50}a{50}c",
        "(.*)(.*)(.*)(.*)(.*)x",
        "^(([a-z])+.)+[A-Z]",
    ],
)
def test_no_pattern_takes_long(pattern: str) -> None:
    begun = time.process_time()
    assert not Pattern.parse(pattern).is_in("a" * 200 + "!")
    assert time.process_time() - begun < 1


def test_each_character_is_paid_for() -> None:
    paid: list[int] = []
    Pattern.parse("^a*$").is_in("aaa", pay=paid.append)
    assert len(paid) == 3
    assert all(0 < amount <= MAX_STATES for amount in paid)


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "(a|b)", "(?:ab)", r"\d"])
_QUANTIFIERS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "*?"])
_PARTS = st.lists(st.tuples(_ATOMS, _QUANTIFIERS).map("".join), max_size=5).map("".join)


@given(
    pattern=st.tuples(st.sampled_from(["", "^"]), _PARTS, st.sampled_from(["", r"$"])).map("".join),
    text=st.text("ab1", max_size=8),
)
def test_the_answer_is_that_of_the_library_that_backtracks(pattern: str, text: str) -> None:
    expected = re.search(pattern, text, re.ASCII) is not None
    assert Pattern.parse(pattern).is_in(text) is expected
