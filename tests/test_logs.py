"""Log lines: what they carry, what they hide, and that writing them never stops the work."""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ordersite import logs
from ordersite.redaction import Redactor

TOKEN = "a-token-of-one-installation"


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """A log file in use for the time of a test."""
    path = tmp_path / "folder" / "ordersite.log"
    logs.configure(logs.Wanted(level="WARNING", file=str(path), secrets=(TOKEN,)))
    yield path
    logs.configure(settings.LOGGING)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_carries_run_batch_customer_and_record(log_file: Path):
    with structlog.contextvars.bound_contextvars(run=7, batch=2, customer="B'HOOD", record="0f3b"):
        structlog.get_logger("staging.pushing.push").info("order applied", sizes=4)
        logging.getLogger("somebody.else").warning("seen %s", "too")
    ours, theirs = lines(log_file)
    assert list(ours)[:7] == ["timestamp", "level", "event", "run", "batch", "customer", "record"]
    assert (ours["event"], ours["customer"], ours["sizes"], ours["logger"]) == (
        "order applied",
        "B'HOOD",
        4,
        "staging.pushing.push",
    )
    assert (theirs["event"], theirs["run"], theirs["record"]) == ("seen too", 7, "0f3b")


def test_warnings_go_to_stderr_and_news_to_the_file_only(log_file: Path, capsys: pytest.CaptureFixture[str]):
    log = structlog.get_logger("staging.sync")
    log.debug("detail")
    log.info("news", rows=5000)
    log.warning("look here", customer="WHITE|FOX 中文", path="a b")
    assert [line["event"] for line in lines(log_file)] == ["news", "look here"]
    shown = capsys.readouterr().err
    assert "news" not in shown
    assert 'warning  look here  customer="WHITE|FOX 中文" path="a b"' in shown


def test_a_text_from_outside_forges_no_line_and_moves_no_cursor(log_file: Path, capsys: pytest.CaptureFixture[str]):
    structlog.get_logger("x").warning("customer\nERROR forged", name="\x1b[2Jgone\r\n")
    assert capsys.readouterr().err.count("\n") == 1
    assert len(lines(log_file)) == 1


def test_no_secret_reaches_a_line_not_even_in_a_traceback(log_file: Path, capsys: pytest.CaptureFixture[str]):
    log = structlog.get_logger("monday.client")
    try:
        raise ValueError(f"could not connect to postgres://reader:pass-word@db/orders with {TOKEN}")
    except ValueError:
        log.exception("call failed", headers={"Authorization": "Bearer abcdefghijkl"}, token="whatever")
    log.warning(f"sent {TOKEN}", options=["--password=pass-word"], failure=ValueError("pwd=pass-word;"))
    logging.getLogger("urllib3").warning("to %s", "https://u:pass-word@host/")
    written = log_file.read_text(encoding="utf-8") + capsys.readouterr().err
    assert "Traceback" in written
    for secret in (TOKEN, "pass-word", "abcdefghijkl", "whatever"):
        assert secret not in written


# What the full disk did not take is still in a buffer, whose end complains; it must do so within this test.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_is_named_once_and_stops_nothing(capsys: pytest.CaptureFixture[str]):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full to stand for a full disk")
    logs.configure(logs.Wanted(level="ERROR", file="/dev/full"))
    try:
        for number in range(3):
            structlog.get_logger("x").warning("line", number=number)
    finally:
        logs.configure(settings.LOGGING)
        gc.collect()
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "cannot be written" in shown
    assert "Remedy" in shown
    assert "Traceback" not in shown


def test_a_closed_stderr_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    closed = (tmp_path / "closed").open("w")
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    structlog.get_logger("x").error("nobody reads this")
    assert (tmp_path / "closed").read_text() == ""


def test_a_file_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path):
    with pytest.raises(ImproperlyConfigured, match=r"LOG_FILE .* cannot be written .*Remedy"):
        logs.configure(logs.Wanted(file=str(tmp_path)))
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="LOG_FILE"):
        logs.configure(logs.Wanted(file=str(tmp_path / "file" / "below.log")))


def test_the_file_is_rotated_and_followed_when_another_process_rotates_it(
    log_file: Path, monkeypatch: pytest.MonkeyPatch
):
    handler = next(handler for handler in logging.getLogger().handlers if isinstance(handler, logs.LogFile))
    assert (handler.maxBytes, handler.backupCount) == (10 * 1024 * 1024, 5)
    log = structlog.get_logger("x")
    log.info("first")
    log_file.rename(log_file.with_suffix(".moved"))
    log.info("second")
    assert [line["event"] for line in lines(log_file)] == ["second"]
    monkeypatch.setattr(handler, "maxBytes", 10)
    log.info("third")
    assert [line["event"] for line in lines(log_file)] == ["third"]
    assert [line["event"] for line in lines(log_file.with_suffix(".log.1"))] == ["second"]


@pytest.mark.parametrize(
    "text",
    [
        "postgres://reader:pass-word@db:5432/orders",
        "mssql://reader:pa/ss@pass-word@db/orders",
        "Server=db;UID=reader;PWD=pass-word;",
        '{"password": "pass-word"}',
        "{'MONDAY_API_TOKEN': 'pass-word'}",
        "Authorization: Basic pass-word",
        "SECRET_KEY=pass-word",
        "eyJhbGciOiJIUzI1NiJ9.eyJ0aWQiOjEyMzQ1Njc4.pass-word",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str):
    assert "pass-word" not in Redactor().text(text)


def test_a_known_secret_is_hidden_in_every_spelling_and_short_ones_are_left():
    redactor = Redactor(["p@ss word", "p@ss word and more", "abc"])
    assert redactor.text("p@ss word and more|p%40ss%20word|abc") == "[hidden]|[hidden]|abc"


@pytest.mark.parametrize(
    "text",
    [
        "MONDAY_API_TOKEN is not set. Remedy: set it.",
        "http://127.0.0.1:8765/v2 answers",
        "customer B'HOOD; sizes 12:30",
        "token budget: 5,000",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text: str):
    assert Redactor(["secret-text"]).text(text) == text
