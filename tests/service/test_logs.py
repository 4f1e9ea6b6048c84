"""The log: one object a line, without persons."""

from __future__ import annotations

import io
import json
import logging
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.service.ledger import Entry
from ethr_did.service.logs import RequestLog, capture_logging, open_log, without_persons
from ethr_did.service.options import LogLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

DID = "did:ethr:dev:0xb9c5714089478a327f09197987f16f9e5d936e8a"
ENTRY = Entry(
    1_700_000_000.25, "6f1c", "GET", "/1.0/identifiers/{did}", 200, 0.00123, 42, None, f"/x/{DID}"
)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]


def test_the_line_of_a_request_holds_no_path() -> None:
    stream = io.StringIO()
    RequestLog(LogLevel.INFO, stream).write([ENTRY, ENTRY._replace(key="shop")])
    first, second = lines(stream)
    assert first == {
        "time": 1_700_000_000.25,
        "level": "info",
        "event": "request",
        "id": "6f1c",
        "method": "GET",
        "route": "/1.0/identifiers/{did}",
        "status": 200,
        "ms": 1.23,
        "bytes": 42,
    }
    assert second == {**first, "key": "shop"}


def test_at_debug_it_holds_the_path_whatever_is_in_it() -> None:
    stream = io.StringIO()
    RequestLog(LogLevel.DEBUG, stream).write([ENTRY._replace(path='/"\\\n\u2028ü')])
    assert lines(stream)[0]["path"] == '/"\\\n\u2028ü'
    assert len(stream.getvalue().split("\n")) == 2


def test_at_warning_requests_are_not_logged() -> None:
    stream = io.StringIO()
    RequestLog(LogLevel.WARNING, stream).write([ENTRY])
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{DID} is wrong", "did:ethr:… is wrong"),
        (f"'{DID}#controller'", "'did:ethr:…#controller'"),
        ("did%3Aethr%3Adev%3A0x12", "did%3Aethr%3A…"),
        ("did:web:a.example:users:bob", "did:web:…"),
        (f"owner {DID[13:]} of", "owner … of"),
        ("block 0x12 of 31337", "block 0x12 of 31337"),
        ("https://u:p@h/v3/0123456789abcdef0123", "https://…@h/v3/…"),
    ],
)
def test_persons_and_secrets_are_taken_out(text: str, found: str) -> None:
    assert without_persons(text) == found


def _raised() -> ValueError:
    try:
        raise ValueError(f"{DID} is wrong")
    except ValueError as error:
        return error


@pytest.mark.parametrize(("level", "shown"), [(LogLevel.INFO, False), (LogLevel.DEBUG, True)])
def test_a_fault_is_logged_with_its_trace(level: LogLevel, shown: bool) -> None:  # noqa: FBT001
    stream = io.StringIO()
    open_log(level, stream).error("fault", id="6f1c", error=_raised())
    (line,) = lines(stream)
    assert (line["level"], line["event"], line["id"]) == ("error", "fault", "6f1c")
    assert "_raised" in line["trace"]
    assert (DID in line["trace"]) is shown


def test_below_its_level_nothing_is_logged() -> None:
    stream = io.StringIO()
    open_log(LogLevel.WARNING, stream).info("anything")
    assert stream.getvalue() == ""


@pytest.fixture
def _standard_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, show = root.handlers, root.level, warnings.showwarning
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    warnings.showwarning = show


@pytest.mark.usefixtures("_standard_logging")
def test_what_libraries_log_is_one_object_as_well() -> None:
    stream = io.StringIO()
    capture_logging(LogLevel.INFO, open_log(LogLevel.INFO, stream))
    logging.getLogger("uvicorn.error").info("Started")
    logging.getLogger("uvicorn.access").warning("GET /%s", DID)
    logging.getLogger("other").warning("%s is wrong", DID)
    logging.getLogger("uvicorn.error").error("failed", exc_info=_raised())
    told, failed = lines(stream)
    assert (told["logger"], told["message"]) == ("other", "did:ethr:… is wrong")
    assert failed["logger"] == "uvicorn.error"
    assert "did:ethr:… is wrong" in failed["trace"]
