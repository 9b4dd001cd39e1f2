"""The command line as people meet it: bad input, odd consoles, signals and sudden death."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .typed import ROOT, Typed, migrated, served, wait_until

KEYS = {"schema_version", "run_id", "mode", "status", "counts", "batches", "api", "duration_s"}
COUNTED = [
    *("read", "unchanged", "new", "changed", "waiting", "rekeyed", "invalid", "duplicate", "removed", "deferred"),
    *("staged", "pending", "applied", "created", "updated", "removed_from_board", "restored", "held", "rejected"),
    *("skipped", "unclear"),
]


together = pytest.mark.xdist_group("quick")  # tests of one installation, so one worker has them all


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """An installation with the board inside the process, 60 rows loaded, ten of them synced."""
    installation = migrated(tmp_path_factory.mktemp("quick"))
    installation.run("load_demo_orders", "--rows", "60")
    document = installation.sync("--mode", "TEST", "--limit", "10")
    assert document["counts"]["created"] == 10 and document["counts"]["removed"] is None
    return installation


@pytest.fixture(scope="module")
def whole(quick: Typed) -> Typed:
    """The same once every order was synced."""
    quick.sync("--mode", "TEST")
    return quick


def as_published(out: str, schema: str = "sync_orders.schema.json") -> dict[str, Any]:
    """The one document of a command, which is what the published schema says."""
    document: dict[str, Any] = json.loads(out)
    jsonschema.validate(document, json.loads((ROOT / "docs" / schema).read_text(encoding="utf-8")))
    return document


CHECK = "sync_orders_check.schema.json"


@together
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--mode", "LIVE"), 2, "LIVE"),
        (("--sizes", "sometimes"), 2, "sometimes"),
        (("--limit", "none"), 2, "--limit"),
        (("--board", "Nowhere"), 2, "Nowhere"),
        (("--mode", "PRODUCTION"), 2, "MONDAY_API_TOKEN"),
        (("--expect-rows", "7"), 5, "not 7 as stated"),
        (("--unknown",), 2, "--unknown"),
    ],
)
def test_a_command_line_that_is_refused_has_its_document_too(
    quick: Typed, arguments: tuple[str, ...], code: int, said: str
) -> None:
    out, _ = quick.end("sync_orders", "--json", *arguments, code=code)
    assert said in str(as_published(out)["error"])


@together
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 0, ""),
        (("--detailed-exitcode", "--customer", "HARBOUR"), 0, ""),
        (("--customer", "HARBOR"), 2, "HARBOUR"),
        (("--full",), 2, "--full"),
        (("--mode", "LIVE"), 2, "LIVE"),
    ],
)
def test_a_check_has_its_document_however_it_ends(
    whole: Typed, arguments: tuple[str, ...], code: int, said: str
) -> None:
    out, _ = whole.end("sync_orders", "--check", "--json", *arguments, code=code)
    document = as_published(out, CHECK)
    assert said in (document["error"] or "") and ("read" in document) == (code == 0)


def test_a_check_without_tables_or_orders_has_its_document(tmp_path: Path) -> None:
    bare = Typed(tmp_path / "bare")
    out, err = bare.end("sync_orders", "--check", "--json", code=2)
    assert "doctor" in str(as_published(out, CHECK)["error"]) and "manage.py migrate" in err
    (tmp_path / "made").mkdir()
    installation = migrated(tmp_path / "made")
    installation.run("load_demo_orders", "--rows", "30")
    installation.sync("--mode", "TEST")
    assert installation.run("sync_orders", "--check", "--detailed-exitcode")
    installation.orders('DELETE FROM "ORDERS_UNIFIED" WHERE rowid = 1')
    out, _ = installation.end("sync_orders", "--check", "--json", "--detailed-exitcode", code=4)
    assert as_published(out, CHECK)["gone"] == 1
    installation.orders('DELETE FROM "ORDERS_UNIFIED"')
    out, _ = installation.end("sync_orders", "--check", "--json", "--detailed-exitcode", code=5)
    assert "empty" in as_published(out, CHECK)["refusal"]
    installation.orders('DROP TABLE "ORDERS_UNIFIED"')
    out, _ = installation.end("sync_orders", "--check", "--json", code=5)
    assert "ORDERS_UNIFIED" in str(as_published(out, CHECK)["error"])
    out, _ = installation.end("sync_orders", "--json", code=5)
    assert as_published(out)["status"] == "refused"


@together
def test_the_json_document_has_what_is_documented(quick: Typed) -> None:
    document = quick.sync("--mode", "TEST", "--dry-run")
    assert document.keys() >= KEYS and list(document["counts"]) == COUNTED
    assert document["api"].keys() == {"calls", "mutations", "retries", "waited_s"}
    assert document["duration_s"].keys() == {"detect", "stage", "check", "push", "total"}
    assert all({"id", "customer", "state", "counts"} <= batch.keys() for batch in document["batches"])


@together
def test_a_run_without_limit_and_then_another_one_finds_nothing(quick: Typed) -> None:
    quick.sync("--mode", "TEST")
    before = _rows_of_every_table(quick)
    document = quick.sync("--mode", "TEST")
    counts = document["counts"]
    assert (counts["new"], counts["changed"], counts["removed"], document["api"]["mutations"]) == (0, 0, 0, 0)
    grown = {name: rows - before[name] for name, rows in _rows_of_every_table(quick).items() if rows != before[name]}
    assert grown.keys() <= {"staging_syncrun", "staging_auditchain", "staging_auditevent", "monday_apicall"}, grown


@together
def test_exactly_the_changes_that_were_made_are_found_and_pushed(quick: Typed) -> None:
    quick.sync("--mode", "TEST")
    quick.run("load_demo_orders", "--mutate", "changed=7,new=5,deleted=3")
    counts = quick.sync("--mode", "TEST")["counts"]
    assert (counts["changed"], counts["new"], counts["removed"]) == (7, 5, 3)
    assert (counts["updated"], counts["created"], counts["removed_from_board"]) == (7, 5, 3)
    assert quick.sync("--mode", "TEST")["counts"]["staged"] == 0


@together
@pytest.mark.parametrize("encoding", ["cp1252", pytest.param("ascii", marks=pytest.mark.long)])
def test_no_console_crashes_over_a_character(quick: Typed, encoding: str) -> None:
    odd = Typed(quick.folder, extra={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    for command in (("sync_orders", "--dry-run", "--full"), ("batches", "list"), ("batches", "show", "1")):
        assert odd.run(*command)


@together
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sync_orders", "--limit", "-1"), 2, "above 0"),
        (("sync_orders", "--limit", "many"), 2, "above 0"),
        (("sync_orders", "--mode", "LIVE"), 2, "LIVE"),
        (("sync_orders", "--customer", "HARBOR"), 2, "HARBOUR"),
        (("sync_orders", "--board", "Nowhere"), 2, "Nowhere"),
        (("sync_orders", "--mode", "PRODUCTION"), 2, "MONDAY_API_TOKEN"),
        (("batches", "show", "999999"), 2, "999999"),
        (("batches", "push", "1"), 2, "push"),
        (("load_orders", "no-such-file.csv"), 2, "no-such-file.csv"),
    ],
)
def test_bad_input_gets_one_sentence_and_the_documented_code(
    quick: Typed, arguments: tuple[str, ...], code: int, said: str
) -> None:
    printed = quick.run(*arguments, code=code)
    assert said in printed
    assert "Remedy" in printed or "must be" in printed or "Did you mean" in printed or "choose from" in printed, printed


def test_an_unmigrated_database_says_which_command_to_run(tmp_path: Path) -> None:
    assert "manage.py migrate" in Typed(tmp_path).run("sync_orders", code=2)


def test_a_missing_table_a_missing_column_and_an_empty_table_are_refused(tmp_path: Path) -> None:
    installation = migrated(tmp_path)
    assert "load_demo_orders" in installation.run("sync_orders", code=5)
    installation.run("load_demo_orders", "--rows", "30")
    installation.sync("--mode", "TEST")
    installation.orders('DELETE FROM "ORDERS_UNIFIED"')
    document = installation.sync("--mode", "TEST", code=5)
    assert document["status"] == "refused" and "empty" in document["error"]
    installation.run("load_demo_orders", "--rows", "30", "--replace")
    installation.orders('ALTER TABLE "ORDERS_UNIFIED" RENAME COLUMN "PO NUMBER" TO "PO"')
    assert "PO NUMBER" in installation.run("sync_orders", code=5)
    installation.orders('ALTER TABLE "ORDERS_UNIFIED" RENAME COLUMN "PO" TO "PO NUMBER"')
    assert installation.sync("--mode", "TEST")["status"] == "completed"
    _retype(installation, "XL", "TEXT")
    refused = installation.sync("--mode", "TEST", code=5)
    assert "'XL' was int and is text" in refused["error"] and refused["api"]["mutations"] == 0
    assert installation.sync("--mode", "TEST", "--expect-rows", "30")["counts"]["staged"] == 0
    for (name,) in installation.orders("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"):
        installation.orders(f'DROP INDEX "{name}"')
    installation.orders('ALTER TABLE "ORDERS_UNIFIED" DROP COLUMN record_uuid')
    assert "record_uuid" in installation.run("sync_orders", code=5)
    assert installation.app("SELECT COUNT(*) FROM staging_receipt WHERE kind IN ('move_item', 'archive_item')") == [
        (0,)
    ]


def _retype(installation: Typed, column: str, kind: str) -> None:
    """Give a column of the order table another type, its cells as they are."""
    installation.orders('ALTER TABLE "ORDERS_UNIFIED" RENAME TO was')
    (made,) = installation.orders("SELECT sql FROM sqlite_master WHERE name = 'was'")[0]
    made = made.replace('"was"', '"ORDERS_UNIFIED"', 1).replace(f'"{column}" INTEGER', f'"{column}" {kind}', 1)
    installation.orders(made)
    installation.orders('INSERT INTO "ORDERS_UNIFIED" SELECT * FROM was')
    installation.orders("DROP TABLE was")


def test_half_a_source_removes_nothing(tmp_path: Path) -> None:
    installation = migrated(tmp_path)
    installation.run("load_demo_orders", "--rows", "40")
    installation.sync("--mode", "TEST")
    installation.orders('DELETE FROM "ORDERS_UNIFIED" WHERE rowid % 2')
    document = installation.sync("--mode", "TEST", code=5)
    assert "--expect-rows" in document["error"] and document["api"]["mutations"] == 0


@pytest.mark.parametrize(
    "ending", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM, signal.SIGKILL]
)
def test_a_push_that_is_stopped_or_killed_goes_on_in_the_next_run(tmp_path: Path, ending: signal.Signals) -> None:
    with served(tmp_path, latency_ms=4) as (installation, board):
        installation.run("load_demo_orders", "--rows", "60")
        process = installation.start("sync_orders", "--mode", "TEST", "--batch-size", "5", "--json")
        wait_until(lambda: _answered(installation) > 20)
        process.send_signal(ending)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err
        assert process.returncode == (-9 if ending == signal.SIGKILL else 128 + ending)
        if ending != signal.SIGKILL:
            assert as_published(out)["status"] == "stopped"
        document = installation.sync("--mode", "TEST")
        assert document["status"] == "completed"
        quiet = installation.sync("--mode", "TEST")
        assert (quiet["counts"]["staged"], quiet["api"]["mutations"]) == (0, 0)
        counts = quiet["counts"]
        stood = board.items()  # itself fails where a record or a size stands twice
        assert len(stood) == counts["unchanged"] == counts["read"] - counts["invalid"] - counts["duplicate"]
        _check_against_the_rows(installation, stood)
        assert installation.run("verify_audit")


@pytest.mark.parametrize(
    ("ending", "as_json"),
    [
        (signal.SIGINT, True),
        (signal.SIGTERM, False),
        pytest.param(signal.SIGINT, False, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, True, marks=pytest.mark.long),
    ],
)
def test_a_check_that_is_stopped_says_so_and_leaves_nothing(
    tmp_path: Path, ending: signal.Signals, as_json: bool
) -> None:
    installation = migrated(tmp_path)
    installation.run("load_demo_orders", "--rows", "30")
    installation.sync("--mode", "TEST", "--limit", "5")
    installation.orders('ALTER TABLE "ORDERS_UNIFIED" RENAME TO once')
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n"
    installation.orders(f'CREATE VIEW "ORDERS_UNIFIED" AS SELECT once.* FROM ({numbers}), once')
    before = _rows_of_every_table(installation)
    process = installation.start("sync_orders", "--check", *(["--json"] if as_json else []))
    started = time.monotonic()
    wait_until(lambda: time.monotonic() > started + 4 or len(_readers(process.pid)) == 2)
    readers = _readers(process.pid)
    process.send_signal(ending)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + ending
    assert err == "Stopped by a signal. Remedy: run it again; a check changes nothing.\n"
    assert (not as_json and out == "") or as_published(out, CHECK)["error"] == err.strip()
    assert _rows_of_every_table(installation) == before
    assert not installation.app("SELECT id FROM staging_syncrun WHERE state = 'running' OR lease_owner <> ''")
    wait_until(lambda: not any(Path(f"/proc/{reader}").exists() for reader in readers))


def _readers(pid: int) -> list[str]:
    """The processes that read the source for this one, where the system shows its processes as files."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = children.read_text().split() if children.exists() else []
    return [child for child in found if b"apart.py" in (Path("/proc") / child / "cmdline").read_bytes()]


def _listens(pid: int) -> bool:
    """Whether our first lines have run: Python by itself does not catch SIGTERM. True where nobody shows it."""
    status = Path(f"/proc/{pid}/status")
    caught = re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.MULTILINE) if status.exists() else None
    return caught is None or bool(int(caught[1], 16) & 1 << (signal.SIGTERM - 1))


@together
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["sync_orders --check", "doctor"])
def test_a_signal_at_any_moment_is_no_traceback(quick: Typed, ending: signal.Signals, command: str) -> None:
    for moment in range(4):
        process = quick.start(*command.split())
        wait_until(lambda pid=process.pid: _listens(pid))
        time.sleep(moment * 0.15)
        process.send_signal(ending)
        out, err = process.communicate(timeout=60)
        # Without a word only when all is printed.
        assert process.returncode in (0, 128 + ending, -ending), (moment, out, err)
        assert "Traceback" not in err and "ignored" not in err, (moment, err)
        assert process.returncode != 128 + ending or "Stopp" in out + err, (moment, out, err)
        assert process.returncode != -ending or out, (moment, out, err)


def test_a_detection_that_is_killed_is_finished_by_the_next_run(tmp_path: Path) -> None:
    installation = migrated(tmp_path)
    installation.run("load_demo_orders", "--rows", "800")
    process = installation.start("sync_orders", "--mode", "TEST", "--json", "--batch-size", "50")
    wait_until(lambda: _count(installation, "SELECT COUNT(*) FROM staging_stagedorder") > 0)
    process.kill()
    process.communicate(timeout=60)
    twice = "SELECT COUNT(*) - COUNT(DISTINCT record) FROM staging_stagedorder"
    document = installation.sync("--mode", "TEST")
    assert document["status"] == "completed"
    assert _count(installation, twice) == 0, "an order was staged twice"
    assert installation.sync("--mode", "TEST")["counts"]["staged"] == 0


def _answered(installation: Typed) -> int:
    return _count(installation, "SELECT COUNT(*) FROM staging_receipt WHERE outcome = 'done'")


def _count(installation: Typed, statement: str) -> int:
    try:
        return int(installation.app(statement)[0][0])
    except sqlite3.OperationalError:
        return 0


def _rows_of_every_table(installation: Typed) -> dict[str, int]:
    names = [name for (name,) in installation.app("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: _count(installation, f'SELECT COUNT(*) FROM "{name}"') for name in names if name != "sqlite_sequence"}


def _check_against_the_rows(installation: Typed, stood: dict[str, dict[str, object]]) -> None:
    """Every item's sizes are those of its row."""
    with closing(sqlite3.connect(installation.folder / "orders.sqlite3")) as database:
        database.row_factory = sqlite3.Row
        rows = {str(row["record_uuid"]).lower(): row for row in database.execute('SELECT * FROM "ORDERS_UNIFIED"')}
    checked = 0
    for record, item in stood.items():
        row = rows.get(record)
        if row is not None:
            sizes: dict[str, str] = item["sizes"]  # type: ignore[assignment]
            assert {size: str(row[size]) for size in sizes} == sizes
            assert sum(map(int, sizes.values())) == int(row["TOTAL QTY"] or 0)
            checked += 1
    assert checked > 40
