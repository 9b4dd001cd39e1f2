"""Two readers of one table: each row once, as all of them stood at one moment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper as Sqlite

from staging.core.ports import Scope, SourceRefused
from staging.core.source_dialects import DIALECTS, Statement
from staging.source import apart, halves
from staging.source.reader import Reader
from staging.source.sql_table import SqlTable

from .source_tables import run, small_table, source, vendor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

COLUMNS = {"id": "text", "who": "text", "po": "text", "S": "int"}
ROWS = [(f"r{number:05d}", ("A", "B")[number % 2], "po" * 400, number) for number in range(3_000)]


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlTable]:
    with small_table(COLUMNS, ROWS):
        found = source()
        monkeypatch.setattr(type(found._sql.dialect), "places", 10)
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        yield found


def paged(found: SqlTable, scope: Scope = Scope()) -> list[Any]:  # noqa: B008
    return sorted(row for page in found.fingerprint_pages(scope) for row in page)


def readers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many readers each reading had; nothing where it was read by one alone."""
    counted: list[int] = []
    together = halves.together

    def counting(reads: Any) -> Any:
        counted.append(len(reads))
        return together(reads)

    monkeypatch.setattr(halves, "together", counting)
    return counted


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started to read."""
    if vendor() != "sqlite":
        pytest.skip("a server reads in processes of its own")
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments: Any, **named: Any) -> Any:
        started.append(popen(*arguments, **named))
        return started[-1]

    monkeypatch.setattr("staging.source.reader.subprocess.Popen", start)
    return started


def test_two_readers_find_each_row_once(orders: SqlTable, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = readers(monkeypatch)
    assert paged(orders) == sorted(orders.fingerprints(Scope()))
    assert len(paged(orders, Scope(customers=("A",)))) == 1_500
    assert counted == ([2, 2] if vendor() != "microsoft" else [])


def test_rows_that_are_not_committed_yet_are_read_by_the_connection_that_wrote_them(
    orders: SqlTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = readers(monkeypatch)
    with transaction.atomic(using="orders"):
        run("UPDATE {} SET po = 'x'".format(connections["orders"].ops.quote_name("SMALL_ORDERS")))
        assert len({fingerprint for _, fingerprint in paged(orders)}) == len(ROWS)
        transaction.set_rollback(True, using="orders")
    assert counted == []


@contextmanager
def loaded_anew(monkeypatch: pytest.MonkeyPatch, times: int) -> Iterator[list[int]]:
    """Somebody moves half of the rows behind the other half after the first of two readers has begun."""
    begun, moved = Reader.begun, list[int]()

    def disturbed(reader: Reader) -> None:
        begun(reader)
        if len(moved) < times:
            moved.append(3_000 * (len(moved) + 1))
            with closing(connections["orders"].copy()) as copy, copy.cursor() as cursor:
                cursor.execute("UPDATE SMALL_ORDERS SET rowid = rowid + 30000 WHERE rowid <= 1500")
                cursor.execute("UPDATE SMALL_ORDERS SET S = S + %s", moved[-1:])

    monkeypatch.setattr(Reader, "begun", disturbed)
    yield moved


@pytest.mark.parametrize(("times", "by"), [(1, [2]), (3, [2]), (20, [])])
def test_a_table_that_is_loaded_anew_between_the_two_beginnings_is_read_as_it_stands_afterwards(
    orders: SqlTable,
    monkeypatch: pytest.MonkeyPatch,
    processes: list[subprocess.Popen[bytes]],
    times: int,
    by: list[int],
) -> None:
    counted = readers(monkeypatch)
    with loaded_anew(monkeypatch, times) as moved:
        found = paged(orders)
    assert found == sorted(orders.fingerprints(Scope()))
    assert counted == by  # where they find no quiet moment, one reads
    assert len(processes) == 2 * min(times // 2 + 2, halves.ATTEMPTS) and ended(processes)
    assert moved


def ended(processes: list[subprocess.Popen[bytes]]) -> bool:
    """Whether nothing is left of any of them, not even a zombie."""
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)
    return True


def test_a_view_is_read_by_one_reader(orders: SqlTable, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = readers(monkeypatch)
    quote = connections["orders"].ops.quote_name
    run(f"CREATE VIEW {quote('SEEN_ORDERS')} AS SELECT * FROM {quote('SMALL_ORDERS')}")
    try:
        assert len(paged(source(table="SEEN_ORDERS"))) == len(ROWS)
        assert counted == []
    finally:
        run(f"DROP VIEW {quote('SEEN_ORDERS')}")


def test_who_stops_reading_leaves_no_reader_behind(orders: SqlTable) -> None:
    pages = orders.fingerprint_pages(Scope())
    next(pages)
    pages.close()
    run(f"DELETE FROM {connections['orders'].ops.quote_name('SMALL_ORDERS')}")  # no reader holds the table
    assert paged(orders) == []


def test_no_process_outlives_a_reading(
    orders: SqlTable, monkeypatch: pytest.MonkeyPatch, processes: list[subprocess.Popen[bytes]]
) -> None:
    paged(orders)
    assert len(processes) == 2 and ended(processes)
    slow(orders, monkeypatch)
    pages = orders.fingerprint_pages(Scope())
    next(pages)
    began = time.monotonic()
    pages.close()
    assert len(processes) == 4 and ended(processes)
    assert time.monotonic() - began < 5


def slow(orders: SqlTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both readers have far more to read than anybody waits for."""
    endless = "SELECT 'r', 'f' FROM {} AS o, {} AS p, {} AS q"
    statement = Statement(endless.replace("{}", "SMALL_ORDERS"))
    monkeypatch.setattr(type(orders), "_halves", lambda self, scope: (statement, statement))


def test_a_reader_that_somebody_kills_is_one_sentence_and_never_half_a_table(
    orders: SqlTable, monkeypatch: pytest.MonkeyPatch, processes: list[subprocess.Popen[bytes]]
) -> None:
    slow(orders, monkeypatch)
    pages = orders.fingerprint_pages(Scope())
    next(pages)
    processes[1].kill()
    with pytest.raises(SourceRefused, match=r"broke off: a process that read .* nothing was changed"):
        list(pages)
    assert ended(processes)


def test_readers_end_when_whoever_asked_them_is_killed() -> None:
    if vendor() != "sqlite":
        pytest.skip("a server reads in processes of its own")
    script = """if True:
        import marshal, subprocess, sys
        reader = subprocess.Popen([sys.executable, *sys.argv[1:3], sys.argv[3]], stdin=-1, stdout=-1)
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        with reader.stdin as asked:
            asked.write(marshal.dumps((":memory:", 5.0, endless, (), 2000), 2))
        print(reader.pid, len(reader.stdout.read(100_000)), flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", script, "-I", "-S", apart.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asker:
        assert asker.stdout
        reader = int(asker.stdout.readline().split()[0])
        os.kill(reader, 0)
        asker.kill()
    patience = time.monotonic() + 10
    while running(reader):
        assert time.monotonic() < patience
        time.sleep(0.02)


def running(process: int) -> bool:
    """Whether it still works: one that ended may wait for somebody to ask how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_cannot_be_started_is_read_by_one(
    orders: SqlTable, monkeypatch: pytest.MonkeyPatch, processes: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    counted = readers(monkeypatch)
    for program in (tmp_path / "none", Path("/bin/true"), tmp_path):
        monkeypatch.setattr(sys, "executable", str(program))
        assert len(paged(orders)) == len(ROWS)
    assert counted == [] and ended(processes)


def test_binary_data_is_named_by_its_column_however_many_read(
    orders: SqlTable, monkeypatch: pytest.MonkeyPatch, processes: list[subprocess.Popen[bytes]]
) -> None:
    run("UPDATE SMALL_ORDERS SET po = x'00ff' WHERE rowid = 2800")
    counted = readers(monkeypatch)
    with pytest.raises(SourceRefused, match=r"binary data .* in po") as by_two:
        paged(orders)
    assert counted == [2] and ended(processes)
    monkeypatch.setattr(halves, "possible", lambda connection: False)
    with pytest.raises(SourceRefused) as by_one:
        paged(orders)
    assert str(by_two.value) == str(by_one.value)


@pytest.mark.parametrize("name", ["two  words", 'it\'s "quoted"', "Übergröße 注文", "50%?#%20&mode=rw", "file:x"])
def test_a_file_is_found_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(type(DIALECTS["sqlite"]), "places", 10)
    counted = readers(monkeypatch)
    settings = {**connections["default"].settings_dict, "NAME": str(tmp_path / name), "OPTIONS": {}}
    with closing(Sqlite(settings, "named")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE Ä (id TEXT, who TEXT, po TEXT, S INT)")
        cursor.execute("BEGIN")
        cursor.executemany("INSERT INTO Ä VALUES (%s, %s, %s, %s)", ROWS)
        cursor.execute("COMMIT")
        table = SqlTable(connection, "Ä", "id", "who", "po")
        assert paged(table) == sorted(table.fingerprints(Scope()))
    assert counted == [2]


@pytest.mark.parametrize(
    ("name", "possible"), [(":memory:", False), ("file:x?mode=memory", False), ("x.sqlite3", True)]
)
def test_a_database_in_memory_is_read_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, possible: bool
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    name = str(tmp_path / name) if possible else name
    with closing(Sqlite({**connections["default"].settings_dict, "NAME": name, "OPTIONS": {}}, "x")) as connection:
        assert halves.possible(connection) == possible


def test_a_reader_that_fails_fails_the_reading(orders: SqlTable, monkeypatch: pytest.MonkeyPatch) -> None:
    if vendor() == "microsoft":
        pytest.skip("the server has one reader")
    parts = [orders._sql.fingerprints(Scope()), orders._sql.fingerprints(Scope())]
    broken = type(parts[0])(parts[0].text + " WHERE 1 = no_such_column")
    monkeypatch.setattr(type(orders), "_halves", lambda self, scope: (parts[0], broken))
    with pytest.raises(SourceRefused, match="broke off"):
        paged(orders)
