"""An answer of the API, in any of its shapes, read into one form; never raises on what a server may send."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .errors import Fault, Retry, fault_of


class Verdict(Enum):
    """What an answer says of its request as a whole."""

    ANSWERED = "answered"  # data came; each operation has its own fate
    WAIT = "told to wait"  # a limit: nothing was processed
    HEAVY = "too heavy"  # nothing was processed, smaller requests may pass
    SPENT = "day spent"  # nothing was processed, nothing will be today
    REJECTED = "rejected"  # nothing was processed, nor will be without help
    RUNNING = "still running"  # the same request, sent before, has not ended
    BROKEN = "broken"  # nobody can tell whether it was processed
    UNSENT = "not sent"  # it never reached the server


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of an answer. `path` begins with the alias that it belongs to; it is empty for the whole request."""

    fault: Fault
    code: str
    message: str
    path: tuple[str | int, ...] = ()
    column: str = ""
    value: str = ""
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or what came instead of one. `status` is 0 and `data` None where no whole answer came."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] | None = None
    problems: tuple[Problem, ...] = ()
    request_id: str = ""
    verdict: Verdict = Verdict.ANSWERED
    reason: str = ""

    @property
    def wait(self) -> float | None:
        """Seconds to wait before the next try as the answer says, None where it does not say."""
        told = _seconds(self.headers.get("retry-after"))
        inside = next((p.wait for p in self.problems if p.wait is not None), None)
        if told is None or (inside is not None and told - 1 < inside <= told):
            return inside  # the header says the same in whole seconds, rounded up
        return told

    @property
    def cost(self) -> int | None:
        """Complexity points that the request took, where it asked for them."""
        points = ((self.data or {}).get("complexity") or {}).get("query")
        return points if isinstance(points, int) else None

    @property
    def whole(self) -> Problem | None:
        """The first error that belongs to the whole request."""
        return next((problem for problem in self.problems if not problem.path), None)

    def of_alias(self, alias: str) -> Problem | None:
        """The first error that belongs to this alias."""
        return next((problem for problem in self.problems if problem.path[:1] == (alias,)), None)


def read_reply(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """The answer in `body`: GraphQL's shape, the API's older flat one, a page of HTML, or a text cut off halfway."""
    lowered = {name.lower(): value for name, value in headers.items()}
    document = _json(body)
    if document is None:
        return _unreadable(status, lowered, body)
    extensions = _mapping(document.get("extensions"))
    data = document.get("data")
    problems = _problems(document, status)
    reply = Reply(
        status=status,
        headers=lowered,
        data=data if isinstance(data, Mapping) else None,
        problems=problems,
        request_id=_text(extensions.get("request_id") or lowered.get("x-request-id")),
    )
    verdict, reason = _judge(reply)
    return Reply(status, lowered, reply.data, problems, reply.request_id, verdict, reason)


def _judge(reply: Reply) -> tuple[Verdict, str]:
    ours = {alias: answer for alias, answer in (reply.data or {}).items() if alias != "complexity"}
    whole = reply.whole
    if any(answer is not None for answer in ours.values()) or (reply.problems and whole is None):
        return Verdict.ANSWERED, ""
    if whole is None:
        if reply.data is not None and reply.status < 400:
            return Verdict.ANSWERED, ""
        return Verdict.BROKEN, f"The answer (HTTP {reply.status}) says nothing of what was asked."
    return _verdict_of(
        whole.fault
    ), f"{whole.fault.meaning} {whole.fault.remedy}" if whole.fault.whole else whole.message


def _verdict_of(fault: Fault) -> Verdict:
    return {
        Retry.WAIT: Verdict.WAIT,
        Retry.HALVE: Verdict.HEAVY,
        Retry.TOMORROW: Verdict.SPENT,
        Retry.SAME_KEY: Verdict.RUNNING,
        Retry.UNSURE: Verdict.BROKEN,
    }.get(fault.retry, Verdict.REJECTED)


def _unreadable(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """A page of a proxy or of the API's own edge, or an answer that was cut off."""
    is_page = body.lstrip()[:1] == b"<"
    if 300 <= status < 500 and status != 408:
        fault = fault_of("", "", status)
        problem = Problem(fault, fault.code, fault.meaning)
        reason = f"{fault.meaning} {fault.remedy}"
        return Reply(status, headers, None, (problem,), headers.get("x-request-id", ""), _verdict_of(fault), reason)
    what = "a web page instead of an answer" if is_page else "an answer that breaks off" if body else "an empty answer"
    reason = f"monday.com sent {what} (HTTP {status})."
    return Reply(status, headers, None, (), headers.get("x-request-id", ""), Verdict.BROKEN, reason)


def _json(body: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, Mapping) else None


def _problems(document: Mapping[str, Any], status: int) -> tuple[Problem, ...]:
    errors = document.get("errors")
    entries = errors if isinstance(errors, list) else [errors] if errors else []
    if document.get("error_code") or document.get("error_message"):
        return (_flat(document, status, entries),)
    if not entries and "data" not in document and status >= 400:
        entries = [document.get("error") or document.get("message") or ""]
    return tuple(_problem(entry, status) for entry in entries)


def _problem(entry: Any, status: int) -> Problem:
    if not isinstance(entry, Mapping):
        return _made(_text(entry), "", status, {}, ())
    extensions = _mapping(entry.get("extensions"))
    path = entry.get("path")
    steps = tuple(step for step in path if isinstance(step, str | int)) if isinstance(path, list) else ()
    inner = extensions.get("status_code")
    # Inside a 200, an error carries the status that it would have had by itself.
    own = inner if isinstance(inner, int) else 0 if steps else status
    return _made(_text(entry.get("message")), _text(extensions.get("code")), own, extensions, steps)


def _flat(document: Mapping[str, Any], status: int, entries: list[Any]) -> Problem:
    """The shape of errors before version 2025-01: one for the whole request, beside no data."""
    inner = document.get("status_code")
    message = _text(document.get("error_message")) or "; ".join(_text(entry) for entry in entries)
    own = inner if isinstance(inner, int) else status
    return _made(message, _text(document.get("error_code")), own, document, ())


def _made(message: str, code: str, status: int, extensions: Mapping[str, Any], path: tuple[str | int, ...]) -> Problem:
    fault = fault_of(code, message, status)
    about = _mapping(extensions.get("error_data"))
    return Problem(
        fault=fault,
        code=code or fault.code,
        message=message or fault.meaning,
        path=path,
        column=_text(about.get("column_id") or about.get("columnId")),
        value=_shown(about.get("column_value", about.get("value"))),
        wait=_wait(extensions, message),
    )


def _wait(extensions: Mapping[str, Any], message: str) -> float | None:
    told = _seconds(extensions.get("retry_in_seconds"))
    if told is None:
        milliseconds = _seconds(extensions.get("retryAfterMs"))
        told = milliseconds / 1000 if milliseconds is not None else None
    if told is None and (found := re.search(r"reset in (\d+) seconds?", message)):
        told = float(found.group(1))
    return told


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
