"""Times as XML Schema's ``dateTimeStamp`` writes them: with a time zone, always.

Spec: VC Data Model 2.0 section 4.9; XML Schema 1.1 Part 2, section 3.4.28.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from ethr_did.errors import InvalidInput, shown

__all__ = ["parse_date_time"]

_STAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,20})?(Z|[+-]\d\d:\d\d)", re.ASCII
)


def parse_date_time(value: object) -> float:
    """The Unix seconds of a time.

    Raises:
        InvalidInput: another form, without a time zone, or no such day or hour.

    Example:
        >>> parse_date_time("2026-01-31T23:59:59Z")
        1769903999.0
    """
    match = _STAMP.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        try:
            whole = datetime.fromisoformat(match[1] + match[3]).timestamp()
            return whole + float(f"0{match[2] or ''}")
        except ValueError:  # such as 31 February
            pass
    raise InvalidInput(f"not a time: {shown(value)}", hint="Write it as 2026-01-31T23:59:59Z.")
