"""Refusals in every shape: which they are, and what an answer says of its request."""

import json

import pytest

from monday.core.answers import Verdict, read_reply
from monday.core.errors import FAULTS, Retry, fault_of

OWNERS = {"source", "mapping", "board", "access", "outage"}


def answer(status=200, headers=None, **body):
    return read_reply(status, headers or {}, json.dumps(body).encode())


def error(code, message="no", path=None, **extensions):
    entry = {"message": message, "extensions": {"code": code, **extensions}}
    return {**entry, "path": path} if path else entry


def test_every_fault_says_what_it_means_what_helps_and_whose_job_that_is():
    for fault in FAULTS:
        assert fault.meaning.endswith(".")
        assert fault.remedy.endswith(".")
        assert fault.owner in OWNERS
    codes = [fault.code.replace("_", "").lower() for fault in FAULTS]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    "spelling", ["COMPLEXITY_BUDGET_EXHAUSTED", "ComplexityBudgetExhausted", "complexity budget exhausted"]
)
def test_a_code_is_known_in_every_spelling(spelling):
    assert fault_of(spelling).code == "COMPLEXITY_BUDGET_EXHAUSTED"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Minute limit rate exceeded", "MINUTE_RATE_LIMIT_EXCEEDED"),
        ("Concurrency limit exceeded", "MAX_CONCURRENCY_EXCEEDED"),
        ("Call limit exceeded for CreateBoard", "CALL_LIMIT_EXCEEDED"),
        ("Resource is currently locked, please try again later", "RESOURCE_LOCKED"),
        ("Your ip is restricted", "IP_RESTRICTED"),
        ('Parse error on "}" (RCURLY)', "GRAPHQL_PARSE_FAILED"),
        ("Internal server error", "INTERNAL_SERVER_ERROR"),
    ],
)
def test_a_message_without_a_code_is_known_too(message, code):
    assert fault_of("", message).code == code


def test_the_older_complexity_refusal_is_told_from_a_request_that_is_too_heavy():
    assert fault_of("ComplexityException", "Complexity budget exhausted, reset in 31 seconds").retry is Retry.WAIT
    assert fault_of("ComplexityException", "Query has complexity of 6000000").retry is Retry.HALVE


def test_a_cursor_that_ran_out_is_known_whatever_code_it_comes_with():
    for code in ("CursorExpiredException", "INVALID_CURSOR_EXCEPTION", ""):
        assert fault_of(code, "The cursor has expired").retry is Retry.ANEW
    assert fault_of("InvalidArgumentException", "Cursor expired").retry is Retry.ANEW
    assert fault_of("InvalidArgumentException", "Daily limit of things").retry is Retry.NEVER


def test_an_unknown_refusal_keeps_its_code_and_is_not_tried_again():
    fault = fault_of("SomethingNewException", "no")
    assert (fault.code, fault.retry, fault.transient) == ("SomethingNewException", Retry.NEVER, False)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, {"data": {"a0": {"id": "1"}}}, Verdict.ANSWERED),
        (200, {"data": {"a0": None}, "errors": [error("ColumnValueException", path=["a0"])]}, Verdict.ANSWERED),
        (200, {"data": {"a0": None, "a1": {"id": "1"}}, "errors": [error("RATE_LIMIT_EXCEEDED")]}, Verdict.ANSWERED),
        (200, {"data": {"a0": None}, "errors": [error("COMPLEXITY_BUDGET_EXHAUSTED")]}, Verdict.WAIT),
        (200, {"data": None, "errors": [error("ColumnValueException", path=["a0"])]}, Verdict.ANSWERED),
        (429, {"errors": [error("IP_RATE_LIMIT_EXCEEDED", retry_in_seconds=3)]}, Verdict.WAIT),
        (200, {"errors": [{"message": "x", "extensions": {"status_code": 429}}]}, Verdict.WAIT),
        (423, {"errors": [{"message": "Resource is currently locked, please try again later"}]}, Verdict.WAIT),
        (429, {"errors": [error("DAILY_LIMIT_EXCEEDED", retry_in_seconds=3599)]}, Verdict.SPENT),
        (409, {"errors": [error("IDEMPOTENCY_CONFLICT")]}, Verdict.RUNNING),
        (200, {"errors": [error("ComplexityException")]}, Verdict.HEAVY),
        (401, {"errors": ["Not Authenticated"]}, Verdict.REJECTED),
        (403, {"error_code": "UserUnauthorizedException", "error_message": "no", "status_code": 403}, Verdict.REJECTED),
        (200, {"errors": [error("undefinedField")]}, Verdict.REJECTED),
        (400, {"error": "bad"}, Verdict.REJECTED),
        (500, {"errors": [error("internalServerError")]}, Verdict.BROKEN),
        (500, {"error_message": "Internal server error", "status_code": 500}, Verdict.BROKEN),
        (504, {"errors": [{"message": "Gateway time-out"}]}, Verdict.BROKEN),
        (200, {"data": None}, Verdict.BROKEN),
        (200, {}, Verdict.BROKEN),
        (
            200,
            {"error_code": "ComplexityException", "error_message": "Complexity budget exhausted, reset in 9 seconds"},
            Verdict.WAIT,
        ),
    ],
)
def test_what_an_answer_says_of_its_request(status, body, verdict):
    assert answer(status, **body).verdict is verdict


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (502, b"<html>bad gateway</html>", Verdict.BROKEN),
        (200, b'{"data": {"a0": {"id": "12', Verdict.BROKEN),
        (200, b"", Verdict.BROKEN),
        (200, b"\xff\xfe", Verdict.BROKEN),
        (200, b"[" * 100_000, Verdict.BROKEN),
        (200, b'"text"', Verdict.BROKEN),
        (408, b"", Verdict.BROKEN),
        (429, b"<html>slow down</html>", Verdict.WAIT),
        (413, b"<html>too large</html>", Verdict.HEAVY),
        (403, b"<html>no</html>", Verdict.REJECTED),
        (404, b"<html>nothing here</html>", Verdict.REJECTED),
        (301, b"", Verdict.REJECTED),
    ],
)
def test_a_page_or_a_broken_answer_is_judged_by_its_status(status, body, verdict):
    assert read_reply(status, {}, body).verdict is verdict


def test_the_wait_is_found_wherever_it_is_told():
    assert answer(429, {"Retry-After": "7"}, errors=[error("x", retry_in_seconds=3)]).wait == 7
    assert answer(429, errors=[error("x", retry_in_seconds=3)]).wait == 3
    assert answer(429, errors=[error("x", retryAfterMs=1500)]).wait == 1.5
    assert answer(429, errors=[{"message": "reset in 31 seconds"}]).wait == 31
    assert answer(429, {"Retry-After": "soon"}, errors=[error("x")]).wait is None


def test_a_refusal_names_its_column_and_value():
    about = {"column_id": "numeric_1", "column_value": {"labels": ["x"]}}
    reply = answer(errors=[error("ColumnValueException", path=["a3"], error_data=about)], data={"a3": None})
    problem = reply.of_alias("a3")
    assert (problem.column, problem.value) == ("numeric_1", '{"labels": ["x"]}')
