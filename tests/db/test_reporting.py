"""The views for reporting tools: on the database at hand, and as SQL Server would take them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ordersite import commandline
from staging.models import Receipt, Snapshot, StagedOrder, SyncRun
from staging.reports import reporting
from tests.tsql import offline
from tests.world import World


def rows(view: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {view}")
        names = [part[0] for part in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_each_view_shows_what_the_tables_hold(world: World) -> None:
    world.add(1)
    world.add(2)
    world.sync()
    links = rows("ordersite_links")
    snapshots = {snapshot.record: snapshot for snapshot in Snapshot.objects.all()}
    assert {link["uuid"]: link["item_id"] for link in links} == {r: s.item_id for r, s in snapshots.items()}
    assert all(link["order_fingerprint"] == snapshots[link["uuid"]].order_fingerprint for link in links)
    assert {link["customer"] for link in links} == {"HARBOUR"}
    assert len(rows("ordersite_receipts")) == Receipt.objects.count() > 0
    assert json.loads(rows("ordersite_receipts")[0]["fields_after"]) is not None
    assert len(rows("ordersite_runs")) == SyncRun.objects.count()
    changes = rows("ordersite_changes")
    assert [(change["operation"], change["state"]) for change in changes] == [("create", "applied")] * 2
    assert rows("ordersite_rejected") == []
    StagedOrder.objects.filter(pk=changes[0]["id"]).update(state="rejected")
    assert [row["id"] for row in rows("ordersite_rejected")] == [changes[0]["id"]]


@pytest.mark.parametrize("spelled", [str.upper, str.lower])
def test_the_documented_join_finds_each_order_however_its_table_keeps_uuids(
    world: World, spelled: Callable[[str], str]
) -> None:
    world.add(1)
    world.add(2)
    world.sync()
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (query,) = re.findall(r"```sql\n(.*?)\n```", readme, flags=re.DOTALL)
    items = {snapshot.record: snapshot.item_id for snapshot in Snapshot.objects.all()}
    kept = {"postgresql": "uuid", "microsoft": "uniqueidentifier"}.get(connection.vendor, "varchar(36)")
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE TABLE "ORDERS_UNIFIED" (record_uuid {kept})')
        try:
            for record in items:
                cursor.execute('INSERT INTO "ORDERS_UNIFIED" VALUES (%s)', [spelled(record)])
            cursor.execute(query)
            found = {str(uuid).lower(): item for uuid, item in cursor.fetchall()}
        finally:
            cursor.execute('DROP TABLE "ORDERS_UNIFIED"')
    assert found == items and len(items) == 2


@pytest.mark.django_db
def test_the_columns_are_the_promised_ones() -> None:
    for view in reporting.VIEWS:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {view.name} WHERE 1 = 0")
            assert [part[0] for part in cursor.description] == [name for name, _, _ in view.columns]


@pytest.mark.django_db(transaction=True)
def test_tables_can_change_though_views_hang_on_them() -> None:
    call_command("migrate", "staging", "0001", verbosity=0)
    with pytest.raises(DatabaseError):
        rows("ordersite_links")
    call_command("migrate", verbosity=0)
    assert rows("ordersite_links") == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="who may read a view is a matter of servers")
@pytest.mark.parametrize("back", [False, True])
def test_whoever_may_read_the_views_still_may_after_migrate(back: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT SELECT ON ordersite_links TO PUBLIC")
        cursor.execute("GRANT SELECT ON ordersite_runs TO pg_read_all_data WITH GRANT OPTION")
    if back:
        ((_, last),) = MigrationLoader(connection).graph.leaf_nodes("staging")
        MigrationRecorder(connection).record_unapplied("staging", last)
        call_command("migrate", "staging", last, fake=True, verbosity=0)
    else:
        call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('pg_read_all_stats', 'ordersite_links', 'SELECT')")
        assert cursor.fetchone() == (True,)
        cursor.execute("SELECT has_table_privilege('pg_read_all_data', 'ordersite_runs', 'SELECT WITH GRANT OPTION')")
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only there nothing may hang on a view that goes")
def test_what_others_built_on_the_views_stands_or_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW my_report AS SELECT uuid, item_id FROM ordersite_links")
        cursor.execute("GRANT SELECT ON ordersite_links TO pg_read_all_data")
    try:
        call_command("migrate", verbosity=0)
        assert rows("my_report") == []
        with pytest.raises(
            CommandError, match=r"view my_report depends on view ordersite_links.*Remedy: drop it"
        ) as said:
            call_command("migrate", "staging", "0021", verbosity=0)
        assert said.value.returncode == 2
        assert rows("my_report") == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP VIEW my_report")
    told = StringIO()
    call_command("migrate", "staging", "0021", verbosity=0, stderr=told)
    assert 'GRANT SELECT ON "ordersite_links" TO "pg_read_all_data"' in told.getvalue()
    call_command("migrate", verbosity=0)
    assert rows("ordersite_links") == []


@pytest.mark.django_db
def test_a_view_of_another_version_gives_way() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP VIEW ordersite_links")
        cursor.execute("CREATE VIEW ordersite_links AS SELECT 1 AS other, 2 AS columns")
    call_command("migrate", verbosity=0)
    assert rows("ordersite_links") == []


@pytest.mark.django_db
def test_an_account_that_may_not_make_views_is_told_so_and_has_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise DatabaseError("CREATE VIEW permission denied in database 'ordersite'.")

    monkeypatch.setattr(reporting, "make", refused)
    said = StringIO()
    call_command("migrate", verbosity=0, stderr=said)
    assert "CREATE VIEW permission denied" in said.getvalue()
    assert "Remedy: let the account create views" in said.getvalue()


@pytest.mark.django_db
def test_a_full_disk_is_not_taken_for_a_missing_right(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(reporting, "make", full)
    with pytest.raises(OperationalError) as problem:
        call_command("migrate", verbosity=0)
    sentence, code = commandline.explain(problem.value)
    assert code == 1 and sentence.startswith("The disk is full.")
    assert rows("ordersite_links") == [], "the former views stay"


@pytest.mark.django_db(transaction=True)
def test_two_that_migrate_at_once_are_told_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["manage.py", "migrate"])
    monkeypatch.setattr(commandline.MigrationExecutor, "migration_plan", lambda *_: ["one is missing"])
    sentence, code = commandline.explain(DatabaseError("duplicate key value"))
    assert code == 2 and sentence.startswith(
        "The app database refused a change (duplicate key value), as it does while"
    )


@pytest.mark.django_db
def test_views_that_cannot_be_made_for_another_cause_end_migrate_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise DatabaseError("lock timeout")

    monkeypatch.setattr(reporting, "make", broken)
    with pytest.raises(CommandError, match=r"could not be made \(lock timeout\).* Remedy: see to the cause") as failed:
        call_command("migrate", verbosity=0)
    assert failed.value.returncode == 1


@pytest.mark.skipif(bool(offline.unavailable()), reason=offline.unavailable())
@pytest.mark.parametrize("view", reporting.VIEWS, ids=lambda view: view.name)
def test_sql_server_takes_each_view(view: reporting.View) -> None:
    text = reporting.statement(view, offline.connection())
    assert offline.problems(text.replace("%", "%%")) == [], text
    assert "[staging_" in text
    assert text.startswith("CREATE OR ALTER VIEW ")  # it keeps the rights that others have
