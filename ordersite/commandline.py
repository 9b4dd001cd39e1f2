"""The edge of the command line: runs a management command and turns what stops it into one sentence and an exit code.

Commands report what they expect themselves. What is caught here may stop any of them: an odd setting (2), an app
database that is not migrated or cannot be reached (2), a full disk (1), Ctrl-C (130), SIGTERM (143), a reader that has
gone away (1).
Everything else is a mistake in the program and keeps its traceback.
"""

from __future__ import annotations

import codecs
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from threading import Timer, current_thread, main_thread
from types import FrameType
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line, get_commands
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from monday.management.stopping import asked
from staging.core.never_begun import without_options

FAILED, CONFIGURATION, INTERRUPTED, TERMINATED = 1, 2, 130, 143
STOPPED = {
    INTERRUPTED: "Stopped by the keyboard. Remedy: run the same command again to go on.",
    TERMINATED: "Stopped by a signal. Remedy: run the same command again to go on.",
}
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
# How SQLite, PostgreSQL and SQL Server say that there is no room left.
FULL_DISK_TEXTS = ("database or disk is full", "no space left on device", "insufficient disk space", "is full due to")
# How servers say that the account may not, or that all of the database is only read.
REFUSED_TEXTS = ("permission denied", "permission was denied", "read-only transaction", "database is read-only")
# mssql-django loads pyodbc, and with it this library, whichever driver it then uses.
DRIVER_REMEDY = ". Remedy: install the ODBC driver manager (Debian: apt install libodbc2)."


def run(arguments: Sequence[str], execute: Callable[[list[str]], object] = execute_from_command_line) -> int:
    """Run one command line (program name first); returns the exit code."""
    make_streams_forgiving(document="--json" in arguments)
    with _terminable():
        code = _stoppable(arguments, execute)
    return code if _flushed() else code or FAILED


def make_streams_forgiving(*, document: bool = False) -> None:
    """Let a console without Unicode (cp1252, ASCII) show a question mark instead of ending the program, and take a
    stream that was closed before the start (`>&-`) for one that nobody reads.

    Whoever reads a JSON `document` needs every letter, and expects UTF-8: such a console gets it in ASCII, with the
    others as JSON writes them.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  for as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    if document and isinstance(sys.stdout, TextIOWrapper) and codecs.lookup(sys.stdout.encoding).name != "utf-8":
        codecs.register_error("json", _as_json_writes_it)
        sys.stdout.reconfigure(encoding="ascii", errors="json")


def _as_json_writes_it(problem: UnicodeError) -> tuple[str, int]:
    assert isinstance(problem, UnicodeEncodeError)
    return json.dumps(problem.object[problem.start : problem.end])[1:-1], problem.end


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does: whatever it holds is given back on the way out."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Within this block both signals end a command by an exception, unless it deals with them itself.

    A command that leaves handlers of its own behind keeps them: `qcluster` returns at once, and works on as children
    that only its handlers end in order.
    """
    if current_thread() is not main_thread():
        yield
        return
    wanted = {signal.SIGINT: _interrupt, signal.SIGTERM: _terminate}
    former = {number: signal.getsignal(number) for number in wanted}
    for number, handler in wanted.items():
        if former[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    unheard, sys.unraisablehook = sys.unraisablehook, _sent_again
    try:
        yield
    finally:
        asked.code = 0
        sys.unraisablehook = unheard
        for number, before in former.items():
            if signal.getsignal(number) is wanted[number]:
                signal.signal(number, before if before is not None else signal.SIG_DFL)


def _sent_again(lost: Any) -> None:
    """A signal that came into a finalizer or a callback of Python's own, where no exception gets out, comes again."""
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    number = signal.SIGTERM if isinstance(lost.exc_value, Terminated) else signal.SIGINT
    again = Timer(0.01, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    asked.code = INTERRUPTED
    raise KeyboardInterrupt


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    asked.code = TERMINATED
    raise Terminated


def _stoppable(arguments: Sequence[str], execute: Callable[[list[str]], object]) -> int:
    """The outcome; a signal wins over an outage, and over whatever a driver that it came into made of it."""
    try:
        code = _outcome(arguments, execute)
        if not asked.code or code not in (FAILED, CONFIGURATION):
            return code
    except BaseException:
        if not asked.code:
            raise
    return _say(STOPPED[asked.code], asked.code)


def _outcome(arguments: Sequence[str], execute: Callable[[list[str]], object]) -> int:
    try:
        execute(list(arguments))
    except SystemExit as leaving:
        # Django ends with 1 where it knows no such command, which is for the person who typed it to correct.
        if leaving.code == FAILED and not {*arguments[1:2]} <= get_commands().keys():
            return CONFIGURATION
        return _exit_code(leaving)
    except ImproperlyConfigured as problem:
        remedy = DRIVER_REMEDY if "pyodbc" in str(problem) and "Remedy" not in str(problem) else ""
        return _refused(arguments, f"Configuration: {problem}{remedy}")
    except ModuleNotFoundError as problem:
        if problem.name != os.environ.get("DJANGO_SETTINGS_MODULE"):
            raise
        return _refused(arguments, f"There are no settings {problem.name}. Remedy: leave out --settings.")
    except Terminated:
        return _say(STOPPED[TERMINATED], TERMINATED)
    except KeyboardInterrupt:
        return _say(STOPPED[INTERRUPTED], INTERRUPTED)
    except BrokenPipeError:
        _swallow_output()
        return FAILED
    except (Error, OSError) as problem:
        if isinstance(problem, OSError) and not _flushed():
            return FAILED  # it is the output that is full
        sentence, code = ("", FAILED) if asked.code else explain(problem)
        if asked.code or not sentence:
            raise
        return _say(sentence, code)
    return 0


def _refused(arguments: Sequence[str], sentence: str) -> int:
    """Say what is wrong with the settings, which no command could be loaded with that would print its document."""
    if "--json" in arguments:
        if arguments[1] == "sync_orders":
            document = without_options(arguments, sentence)
        else:
            document = {"schema_version": 1, "error": sentence}
        print(json.dumps(document, ensure_ascii=False))
    return _say(sentence, CONFIGURATION)


def explain(problem: Error | OSError) -> tuple[str, int]:
    """A sentence with its remedy and the exit code, for what an operator can mend; an empty one for anything else."""
    if disk_is_full(problem):
        return (
            "The disk is full. What was confirmed is kept. Remedy: free space where the data lies "
            f"({settings.VAR_DIR}) or where the output goes, and run the same command again.",
            FAILED,
        )
    if isinstance(problem, Error):
        return _explain_database(problem)
    return "", FAILED


def _explain_database(problem: Error) -> tuple[str, int]:
    """Find out by looking, since no two vendors have the same words for a table that is missing."""
    connection = connections[DEFAULT_DB_ALIAS]
    try:
        # A broken transaction or a dead connection answers no question.
        connection.close()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as reason:
        return (
            f"The app database cannot be used ({_first_line(reason)}). "
            "Remedy: check DATABASE_URL, that the server runs and that its account may connect.",
            CONFIGURATION,
        )
    if missing and sys.argv[1:2] == ["migrate"]:
        return (
            f"The app database refused a change ({_first_line(problem)}), as it does while another migrate is at work. "
            "Remedy: run migrate again; where it says the same, check the rights of DATABASE_URL's account.",
            CONFIGURATION,
        )
    if missing:
        return (
            "The app database is not up to date with this version. Remedy: python manage.py migrate",
            CONFIGURATION,
        )
    if any(word in str(problem).lower() for word in ("locked", "readonly")):
        return (
            f"The app database cannot be written ({_first_line(problem)}). "
            "Remedy: end the process that holds it, or check the file's rights.",
            FAILED,
        )
    if any(word in str(problem).lower() for word in REFUSED_TEXTS):
        return (
            f"The app database refused what it was asked ({_first_line(problem)}). Remedy: give the account of "
            "DATABASE_URL its rights; python manage.py doctor names them.",
            CONFIGURATION,
        )
    # A file's own words for a mistake in a statement are of the same class; a server's are not.
    if connection.vendor != "sqlite" and isinstance(problem, OperationalError | InterfaceError):
        return (
            f"The app database broke off what it was asked ({_first_line(problem)}). "
            "Remedy: run the same command again; what was confirmed is kept.",
            CONFIGURATION,
        )
    return "", FAILED


def disk_is_full(problem: BaseException) -> bool:
    """Whether this, or what led to it, says that there is no room left."""
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in FULL_DISK:
            return True
        if isinstance(seen, Error) and any(text in str(seen).lower() for text in FULL_DISK_TEXTS):
            return True
        seen = seen.__cause__
    return False


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__


def _exit_code(leaving: SystemExit) -> int:
    """What the interpreter itself would make of `sys.exit(...)`: a number, nothing, or a text for stderr."""
    if leaving.code is None:
        return 0
    return leaving.code if isinstance(leaving.code, int) else _say(str(leaving.code), FAILED)


def _say(sentence: str, code: int) -> int:
    try:
        print(sentence, file=sys.stderr, flush=True)
    except OSError:
        # The reader of stderr is gone too; the exit code still tells.
        return code
    return code


def _flushed() -> bool:
    """Write what stdout still holds; false where its reader has gone or the disk behind it is full."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _swallow_output()
        return False
    except OSError as problem:
        _say(f"The output cannot be written ({problem.strerror}). Remedy: free space, or send it elsewhere.", FAILED)
        _swallow_output()
        return False
    return True


def _swallow_output() -> None:
    """Point stdout at nothing, so that the interpreter's own flush at exit has nowhere to fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
