"""What a person sees where a command cannot go on: one sentence with its remedy, and the exit code."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, InterfaceError, OperationalError, ProgrammingError

from monday.management.stopping import STOPPED, asked
from ordersite import commandline

TOP = Path(__file__).resolve().parent.parent


def manage(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py in a process of its own on databases of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=TOP,
        env={**os.environ, "ORDERSITE_TESTING": "0", "VAR_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def stops_with(problem: BaseException) -> Callable[[list[str]], object]:
    def command(_arguments: list[str]) -> object:
        raise problem

    return command


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (ImproperlyConfigured("WORKERS must be a number."), 2, "Configuration: WORKERS must be a number."),
        (
            ImproperlyConfigured("Error loading pyodbc module: libodbc.so.2"),
            2,
            "Remedy: install the ODBC driver manager",
        ),
        (KeyboardInterrupt(), 130, "Stopped by the keyboard"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "The disk is full"),
        (OperationalError("database or disk is full"), 1, "The disk is full"),
        (SystemExit("said by a command"), 1, "said by a command"),
        (SystemExit(3), 3, ""),
        (SystemExit(None), 0, ""),
    ],
)
def test_what_is_expected_ends_in_a_sentence(
    problem: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
):
    assert commandline.run(["manage.py", "x"], stops_with(problem)) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert len(shown.err.splitlines()) == bool(said)


STOPPED_BY = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


def asks(number: signal.Signals, made_of_it: BaseException | None) -> Callable[..., object]:
    """A driver's call into which a signal comes, and that makes another error of it, or forgets it."""

    def call(*_arguments: object, **_options: object) -> object:
        try:
            os.kill(os.getpid(), number)
            os.getpid()  # the signal is heard at the latest here
        except KeyboardInterrupt as heard:
            if made_of_it is not None:
                raise made_of_it from heard
        raise OperationalError("the server does not answer")

    return call


@STOPPED_BY
@pytest.mark.parametrize("made_of_it", [OperationalError("timed out"), RuntimeError("HYT00"), SystemExit(2), None])
def test_a_signal_wins_over_the_outage_that_it_came_into(
    made_of_it: BaseException | None, number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
):
    assert commandline.run(["manage.py", "x"], asks(number, made_of_it)) == code
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("Stopped by ") and said.endswith("Remedy: run the same command again to go on.")
    assert asked.code == 0, "the next command line of this process begins anew"


@STOPPED_BY
@pytest.mark.parametrize("made_of_it", [OperationalError("timed out"), RuntimeError("HYT00"), KeyboardInterrupt()])
def test_a_signal_while_an_outage_is_looked_at_wins_too(
    made_of_it: BaseException,
    number: signal.Signals,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    silent = SimpleNamespace(vendor="microsoft", close=lambda: None)
    monkeypatch.setattr(commandline, "connections", {"default": silent})
    monkeypatch.setattr(commandline, "MigrationExecutor", asks(number, made_of_it))
    assert commandline.run(["manage.py", "x"], stops_with(OperationalError("the server does not answer"))) == code
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("Stopped by ")


@STOPPED_BY
@pytest.mark.parametrize("made_of_it", [OperationalError("timed out"), RuntimeError("HYT00"), None])
def test_a_command_tells_the_signal_in_its_document_too(
    made_of_it: BaseException | None,
    number: signal.Signals,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr("staging.management.commands.verify_audit.Command.handle", asks(number, made_of_it))
    assert commandline.run(["manage.py", "verify_audit", "--json"]) == code
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"schema_version": 1, "error": STOPPED}
    assert STOPPED in shown.err and len(shown.err.splitlines()) == 1


@STOPPED_BY
def test_a_signal_that_comes_into_a_finalizer_comes_again(
    number: signal.Signals, code: int, capfd: pytest.CaptureFixture[str]
):
    class Held:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)

    def command(arguments: list[str]) -> None:
        Held()
        time.sleep(30)

    assert commandline.run(["manage.py", "doctor"], command) == code
    assert "Exception ignored" not in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_command_leaves_behind_to_end_its_children_stays(number: signal.Signals):
    before = signal.getsignal(number)

    def handler(_number: int, _frame: object) -> None:
        """What `qcluster` stops its workers with; its command returns long before they end."""

    try:
        assert commandline.run(["manage.py", "x"], lambda _arguments: signal.signal(number, handler)) == 0
        assert signal.getsignal(number) is handler
        signal.signal(number, before)
        assert commandline.run(["manage.py", "x"], lambda _arguments: None) == 0
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, before)


def test_a_mistake_in_the_program_keeps_its_traceback():
    with pytest.raises(FileNotFoundError):
        commandline.run(["manage.py", "x"], stops_with(FileNotFoundError(errno.ENOENT, "no such file")))


def test_a_console_without_unicode_gets_question_marks(monkeypatch: pytest.MonkeyPatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", newline="")
    monkeypatch.setattr(sys, "stdout", console)
    assert commandline.run(["manage.py", "x"], lambda _: print("上海 B’HOOD")) == 0
    assert console.buffer.getvalue().rstrip() == b"?? B\x92HOOD"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_json_document_keeps_every_letter_on_any_console(monkeypatch: pytest.MonkeyPatch, encoding: str):
    console = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    monkeypatch.setattr(sys, "stdout", console)
    told = {"customer": "云端 Süd B’HOOD \U0001f9f5"}
    assert commandline.run(["m", "batches", "--json"], lambda _: print(json.dumps(told, ensure_ascii=False))) == 0
    assert json.loads(console.buffer.getvalue().decode("utf-8")) == told


def test_streams_that_were_closed_before_the_start_are_streams_that_nobody_reads(monkeypatch: pytest.MonkeyPatch):
    def command(_arguments: list[str]) -> None:
        sys.stdout.write("done")
        sys.stderr.write("of note")
        assert sys.stdin.read() == ""
        sys.exit(3)

    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert commandline.run(["manage.py", "x"], command) == 3
    for opened in (sys.stdin, sys.stdout, sys.stderr):
        opened.close()


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX closes streams")
@pytest.mark.parametrize(("closed", "words", "code"), [("1>&-", "help", 0), ("2>&-", "sync_orders --limit 0", 2)])
def test_a_shell_that_closes_a_stream_changes_no_exit_code(tmp_path: Path, closed: str, words: str, code: int):
    outcome = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" manage.py {words} {closed}', sys.executable],
        cwd=TOP,
        env={**os.environ, "ORDERSITE_TESTING": "0", "VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (code, "", "")


def test_settings_that_cannot_be_read_are_told_to_scripts_too(tmp_path: Path):
    outcome = manage("doctor", "--json", folder=tmp_path, WORKERS="x")
    assert outcome.returncode == 2
    assert {"schema_version": 1, "error": outcome.stderr.strip()} == json.loads(outcome.stdout)


@pytest.mark.parametrize(
    ("words", "schema", "expected"),
    [
        ("batches list", "refused", {}),
        ("sync_orders --dry-run", "sync_orders", {"mode": None, "dry_run": True, "status": "failed"}),
        ("sync_orders --check", "sync_orders_check", {"mode": None, "check": True}),
    ],
)
def test_the_document_of_wrong_settings_is_the_commands_own(
    words: str, schema: str, expected: dict[str, object], capsys: pytest.CaptureFixture[str]
):
    wrong = stops_with(ImproperlyConfigured("WORKERS must be a number. Remedy: x."))
    assert commandline.run(["manage.py", *words.split(), "--json"], wrong) == 2
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    jsonschema.validate(document, json.loads((TOP / f"docs/{schema}.schema.json").read_text(encoding="utf-8")))
    assert document == document | expected
    assert document["error"] == shown.err.strip() == "Configuration: WORKERS must be a number. Remedy: x."


@pytest.mark.parametrize(
    "words", ["permission denied for table staging_syncrun", "cannot INSERT in a read-only transaction"]
)
def test_an_app_database_that_refuses_is_one_sentence(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    healthy = SimpleNamespace(vendor="postgresql", close=lambda: None)
    monkeypatch.setattr(commandline, "connections", {"default": healthy})
    executor = SimpleNamespace(
        loader=SimpleNamespace(graph=SimpleNamespace(leaf_nodes=list)), migration_plan=lambda _targets: []
    )
    monkeypatch.setattr(commandline, "MigrationExecutor", lambda _connection: executor)
    assert commandline.run(["manage.py", "x"], stops_with(ProgrammingError(words))) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"The app database refused what it was asked ({words}). Remedy: ") and "doctor" in said


@pytest.mark.parametrize("problem", [OperationalError("the connection is lost"), InterfaceError("already closed")])
def test_a_connection_that_broke_off_and_answers_again_is_one_sentence(
    problem: Error, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def again(vendor: str) -> None:
        healthy = SimpleNamespace(vendor=vendor, close=lambda: None)
        monkeypatch.setattr(commandline, "connections", {"default": healthy})

    graph = SimpleNamespace(leaf_nodes=list)
    executor = SimpleNamespace(loader=SimpleNamespace(graph=graph), migration_plan=lambda _targets: [])
    monkeypatch.setattr(commandline, "MigrationExecutor", lambda _connection: executor)
    again("postgresql")
    assert commandline.run(["manage.py", "x"], stops_with(problem)) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"The app database broke off what it was asked ({problem}). Remedy: run the same command")
    again("sqlite")  # whose file says so of a mistake in a statement
    with pytest.raises(type(problem)):
        commandline.run(["manage.py", "x"], stops_with(problem))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_an_output_that_is_full_is_not_taken_for_the_disk_of_the_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def command(_arguments: list[str]) -> None:
        print("done")
        sys.stdout.flush()

    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert commandline.run(["manage.py", "x"], command) == 1
    assert capsys.readouterr().err.startswith("The output cannot be written (No space left on device). Remedy: ")


def test_settings_that_there_are_none_of_are_a_usage_error(tmp_path: Path):
    done = manage("sync_orders", "--settings", "nope", "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "There are no settings nope. Remedy: leave out --settings.\n")
    assert json.loads(done.stdout)["error"] == done.stderr.strip()


def test_a_command_that_there_is_none_of_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    assert commandline.run(["manage.py", "nope"]) == 2
    assert "Unknown command: 'nope'" in capsys.readouterr().err


def test_an_app_database_that_is_not_migrated_names_the_command(tmp_path: Path):
    outcome = manage("createsuperuser", "--noinput", "--username", "a", "--email", "", folder=tmp_path)
    assert outcome.returncode == 2
    assert outcome.stderr == (
        "The app database is not up to date with this version. Remedy: python manage.py migrate\n"
    )


def test_an_app_database_that_cannot_be_opened_is_one_sentence(tmp_path: Path):
    outcome = manage("migrate", folder=tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}")
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("The app database cannot be used (unable to open database file). Remedy: ")
    assert len(outcome.stderr.splitlines()) == 1


def test_an_unreachable_server_is_one_sentence_without_the_password(tmp_path: Path):
    outcome = manage("migrate", folder=tmp_path, DATABASE_URL="postgres://reader:pass-word@127.0.0.1:1/orders")
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("The app database cannot be used (")
    assert "pass-word" not in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_error_message(tmp_path: Path):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        outcome = subprocess.run(
            [sys.executable, "manage.py", "help"],
            cwd=TOP,
            env={**os.environ, "VAR_DIR": str(tmp_path)},
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert (outcome.returncode, outcome.stderr) == (1, "")
