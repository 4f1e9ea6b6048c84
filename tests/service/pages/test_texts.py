"""What others wrote, shown harmlessly."""

from __future__ import annotations

import json

import pytest

from ethr_did.service.pages.texts import MOST, harmless, json_text, web_address


def test_a_plain_text_stays_as_it_is() -> None:
    assert harmless("https://hub.example.com/Köln ✓") == "https://hub.example.com/Köln ✓"


@pytest.mark.parametrize(
    "code", [0x202E, 0x2066, 0x200F, 0x200B, 0xFEFF, 0xAD, 0x0A, 0x00, 0x1B, 0xD800, 0x2028]
)
def test_what_cannot_be_seen_is_shown_by_its_number(code: int) -> None:
    assert harmless(f"a{chr(code)}b") == f"a[U+{code:04X}]b"


def test_a_long_text_is_cut_and_says_so() -> None:
    shown = harmless("x" * 1_048_576)
    assert shown == "x" * MOST + "… (cut: it has 1,048,576 characters)"


def test_what_is_no_text_is_shown_as_json() -> None:
    assert harmless({"a": [1, None]}) == '{"a": [1, null]}'


def test_json_stays_json() -> None:
    data = {"text": f"a{chr(0x202E)}b{chr(0xD800)}", "more": ["Köln", 1]}
    text, cut = json_text(data)
    assert (json.loads(text), cut) == (data, 0)
    assert chr(0x202E) not in text
    assert "Köln" in text


def test_long_json_is_cut_and_says_how_much() -> None:
    text, cut = json_text(["x" * 100], most=50)
    assert len(text) == 50
    assert len(json.dumps(["x" * 100], indent=2)) == 50 + cut


@pytest.mark.parametrize(
    "text", ["https://hub.example.com", "http://hub.example.com:8080/a?b=c#d", "https://[::1]/"]
)
def test_a_web_address_is_a_link(text: str) -> None:
    assert web_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "ftp://example.com",
        "//example.com",
        "https:",
        "https:///path",
        "https://bank.example@evil.example/",
        "https://bank.example\\@evil.example/",
        "https://example.com:port/",
        "https://[::1/",
        "https://exаmple.com/",  # noqa: RUF001 - a Cyrillic letter is meant
        f"https://example.com/{chr(0x202E)}gpj.exe",
        "https://example.com/a b",
        "https://example.com/" + "a" * 3000,
        "",
        None,
        7,
        {"uri": "https://example.com"},
    ],
)
def test_everything_else_is_no_link(text: object) -> None:
    assert web_address(text) is None
