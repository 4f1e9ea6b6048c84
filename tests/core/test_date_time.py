"""Times with a time zone."""

from __future__ import annotations

import pytest

from ethr_did.core.date_time import parse_date_time
from ethr_did.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:01.25Z", 1.25),
        ("2026-01-31T23:59:59Z", 1769903999),
    ],
)
def test_time_is_read(text: str, seconds: float) -> None:
    assert parse_date_time(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T23:59:59",  # no time zone
        "2026-02-31T00:00:00Z",
        "2026-01-31",
        "2026-01-31t23:59:59z",
        "2026-01-31T23:59:59Z ",
        "2026-01-31T25:00:00Z",
        1769903999,
        None,
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="not a time"):
        parse_date_time(value)
