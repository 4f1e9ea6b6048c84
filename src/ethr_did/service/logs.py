"""The log: JSON, one object a line, on standard error.

Rules:
  * One line for each request: its id, method, route template, status, time, size, and the name of
    the key. Neither path nor address: paths hold DIDs, which may be those of natural persons.
  * At level debug, the path too.
  * Whatever else is logged, by this package or by its libraries, is one object as well. DIDs,
    addresses of identities and what is secret in URLs are taken out of it, at any level but debug.

The line of a request is put together by hand: of what is in it nothing needs to be escaped, and
structlog takes several times as long, a tenth of the time of a whole request.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from ethr_did.chain.masking import mask_text
from ethr_did.service.options import LogLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from structlog.typing import FilteringBoundLogger, WrappedLogger

    from ethr_did.service.ledger import Entry

__all__ = ["RequestLog", "capture_logging", "open_log", "without_persons"]

_LEVELS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
}
_PERSONS = re.compile(
    r"(did(?::|%3A)[a-z0-9]+(?::|%3A))[A-Za-z0-9._:%-]+|0x[0-9a-fA-F]{40,}", re.IGNORECASE
)
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str).encode


def without_persons(text: str) -> str:
    """The text without DIDs, addresses and secrets in URLs.

    Example:
        >>> without_persons("did:ethr:dev:0xb9c5714089478a327f09197987f16f9e5d936e8a is wrong")
        'did:ethr:… is wrong'
    """
    return _PERSONS.sub(lambda found: f"{found[1] or ''}…", mask_text(text))


def open_log(level: LogLevel, stream: TextIO | None = None) -> FilteringBoundLogger:
    """A log of events.

    Args:
        level: what is logged.
        stream: where to; None: standard error.
    """
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
        processors=[_Shape(level)],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        context_class=dict,
    )
    return logger


class _Shape:
    """Makes one line of an event."""

    def __init__(self, level: LogLevel) -> None:
        self._plain = level is LogLevel.DEBUG

    def __call__(self, _logger: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> str:
        line = {"time": round(time.time(), 3), "level": method, **event}
        error = line.pop("error", None)
        if isinstance(error, BaseException):
            line["trace"] = "".join(traceback.format_exception(error))
        if self._plain:
            return _encode(line)
        return _encode({name: _discreet(value) for name, value in line.items()})


def _discreet(value: Any) -> Any:
    return without_persons(value) if isinstance(value, str) else value


class RequestLog:
    """The lines of requests.

    Args:
        level: what is logged.
        stream: where to; None: standard error.
    """

    def __init__(self, level: LogLevel, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shows_paths = level is LogLevel.DEBUG
        self._is_silent = level is LogLevel.WARNING

    def write(self, entries: Iterable[Entry]) -> None:
        """Nothing; the lines are written."""
        if not self._is_silent:
            self._stream.write("".join(map(self._line, entries)))
            self._stream.flush()

    def _line(self, entry: Entry) -> str:
        at, request_id, method, route, status, seconds, size, key, path = entry
        who = f',"key":"{key}"' if key is not None else ""
        where = f',"path":{_encode(path)}' if self._shows_paths else ""
        # Of what stands in quotes here, nothing can hold a quote or a backslash: ids and names are
        # checked, methods are of a few, route templates are ours.
        return (
            f'{{"time":{at:.3f},"level":"info","event":"request","id":"{request_id}",'
            f'"method":"{method}","route":"{route}","status":{status},"ms":{seconds * 1000:.2f},'
            f'"bytes":{size}{who}{where}}}\n'
        )


class _Handler(logging.Handler):
    """What libraries log, as events."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            more = {"error": record.exc_info[1]} if record.exc_info else {}
            self._log.log(
                record.levelno, "log", logger=record.name, message=record.getMessage(), **more
            )
        except Exception:  # noqa: BLE001 - as the standard library has it
            self.handleError(record)


def capture_logging(level: LogLevel, log: FilteringBoundLogger) -> None:
    """Nothing; what libraries log goes to this log, from warnings on, at debug from infos on."""
    root = logging.getLogger()
    root.handlers = [_Handler(log)]
    root.setLevel(logging.INFO if level is LogLevel.DEBUG else logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = name != "uvicorn.access"
        logger.setLevel(logging.NOTSET)
    logging.captureWarnings(capture=True)
