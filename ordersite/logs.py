"""Logs: structured lines, readable ones to stderr and, with LOG_FILE, JSON lines to a rotating file.

A line says where it belongs wherever that is known. Code further down binds it once, for all lines below:

    with structlog.contextvars.bound_contextvars(run=run.pk, customer=name):
        ...

Values go in as keyword arguments, `log.info("batch pushed", orders=41)`, and no secret gets out: every line passes
the redactor. Logging never stops the program; a file that fails is named once on stderr.
"""

from __future__ import annotations

import json
import logging
import logging.config
import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured, PermissionDenied

from .redaction import Redactor

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FILE_BYTES, FILES_KEPT = 10 * 1024 * 1024, 5
FIRST_KEYS = ("timestamp", "level", "event", "run", "batch", "customer", "record")

Event = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings ask for: the least level on stderr, the file ("" for none), and the secrets to hide."""

    level: str = "WARNING"
    file: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)


class StderrHandler(logging.Handler):
    """Writes to whatever `sys.stderr` is at the moment, also after somebody replaced it."""

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        try:
            print(line, file=sys.stderr, flush=True)
        except (OSError, ValueError):
            # The reader of stderr is gone. There is nobody left to tell.
            return


class LogFile(RotatingFileHandler):
    """A rotating file that several processes may share, and that says once on stderr when it cannot be written."""

    _told = False

    def emit(self, record: logging.LogRecord) -> None:
        self._follow()
        super().emit(record)

    def _follow(self) -> None:
        """Open the file again where another process has rotated it away under us."""
        if not self.stream:
            return
        try:
            here, there = os.fstat(self.stream.fileno()), os.stat(self.baseFilename)
        except FileNotFoundError:
            moved = True
        except (OSError, ValueError):
            return
        else:
            moved = (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)
        if moved:
            # What was buffered may not be writable; the line that failed has been reported already.
            with suppress(OSError):
                self.stream.close()
            # Without a stream the handler opens the file again at the next line.
            self.stream = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name is logging's
        if self._told:
            return
        self._told = True
        problem = sys.exc_info()[1]
        reason = getattr(problem, "strerror", None) or type(problem).__name__
        try:
            print(
                f"The log file {self.baseFilename} cannot be written ({reason}); work goes on without it. "
                "Remedy: free space or check its rights.",
                file=sys.stderr,
            )
        except (OSError, ValueError):
            return


def configure(wanted: Wanted) -> None:
    """Set up structlog and the standard library's logging; Django calls it through LOGGING_CONFIG.

    Raises ImproperlyConfigured where the log file cannot be written.
    """
    handlers: dict[str, dict[str, Any]] = {
        "stderr": {"()": StderrHandler, "level": wanted.level, "formatter": "text"},
    }
    lowest = wanted.level
    if wanted.file:
        _try(Path(wanted.file))
        file_level = min(wanted.level, "INFO", key=LEVELS.index)
        lowest = min(lowest, file_level, key=LEVELS.index)
        handlers["file"] = {
            "()": LogFile,
            "filename": wanted.file,
            "maxBytes": FILE_BYTES,
            "backupCount": FILES_KEPT,
            "encoding": "utf-8",
            "errors": "backslashreplace",
            "delay": True,
            "level": file_level,
            "formatter": "json",
        }
    to_root = {"handlers": [], "level": "NOTSET", "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "text": _formatter(wanted.secrets, as_text),
                "json": _formatter(wanted.secrets, as_json),
            },
            "handlers": handlers,
            "loggers": {
                "django": to_root,
                "django.server": to_root,
                # Its DEBUG lines are one per request and say nothing that ours do not.
                "urllib3": {"level": "WARNING"},
            },
            "root": {"handlers": list(handlers), "level": lowest},
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_stamps(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def as_text(_logger: object, _method: str, event: Event) -> str:
    """One line for a person: time, level, event, then key=value; a traceback follows on lines of its own."""
    traceback = event.pop("exception", "")
    head = [str(event.pop(key, "")) for key in ("timestamp", "level", "event")]
    line = f"{head[0]} {head[1]:<8} {_one_line(head[2])}"
    rest = " ".join(f"{key}={_one_word(value)}" for key, value in event.items())
    return "  ".join(part for part in (line, rest) if part) + (f"\n{traceback}" if traceback else "")


def as_json(_logger: object, _method: str, event: Event) -> str:
    """One JSON object on one line."""
    return json.dumps(event, ensure_ascii=False, default=str)


def _stamps() -> list[Any]:
    """What is known about a line at the moment it is written, whoever writes it."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(secrets: tuple[str, ...], render: Any) -> dict[str, Any]:
    redactor = Redactor(secrets)

    def without_secrets(_logger: object, _method: str, event: Event) -> Event:
        return {key: redactor.value(value, key) for key, value in event.items()}

    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _stamps(),
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            _without_trace,
            structlog.processors.format_exc_info,
            without_secrets,
            _in_order,
            render,
        ],
    }


def _without_trace(_logger: object, _method: str, event: Event) -> Event:
    """A refusal for want of a right is an ordinary answer; where it was raised tells nobody anything."""
    raised = event.get("exc_info")
    if isinstance(raised, tuple) and isinstance(raised[1], PermissionDenied):
        del event["exc_info"]
    return event


def _in_order(_logger: object, _method: str, event: Event) -> Event:
    first = {key: event[key] for key in FIRST_KEYS if key in event}
    return first | {key: value for key, value in event.items() if key not in first}


def _one_line(text: str) -> str:
    """Without line ends and control characters: a name from outside must not forge a line or move the cursor."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _one_word(value: object) -> str:
    if not isinstance(value, str):
        return _one_line(json.dumps(value, ensure_ascii=False, default=str))
    text = _one_line(value)
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=\\') else text


def _try(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as problem:
        raise ImproperlyConfigured(
            f"LOG_FILE {path} cannot be written ({problem.strerror or type(problem).__name__}). "
            "Remedy: name a file in a folder that may be written, or leave LOG_FILE unset."
        ) from None
