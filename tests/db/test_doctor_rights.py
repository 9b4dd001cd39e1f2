"""What the doctor says of the orders' account: every right beyond reading one table is named, whichever way it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import dj_database_url
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from ordersite.doctor import source_rights
from ordersite.doctor.finding import Finding
from tests.journeys.installation import postgres_answers, postgres_database
from tests.tsql.offline import problems

TABLE = "ORDERS_UNIFIED"
MARK = "CREATE TABLE ordersite_demo (name varchar(200), made int, seed int, version int, rounds int)"
Said = Callable[..., list[Finding]]
needs_postgres = [
    pytest.mark.django_db,
    pytest.mark.skipif(not postgres_answers(), reason="needs PostgreSQL on 127.0.0.1:5432"),
    pytest.mark.xdist_group("doctor_rights"),
]


@pytest.fixture
def orders() -> Iterator[BaseDatabaseWrapper]:
    """A customer's database: the table, another one, and a schema."""
    with postgres_database() as address:
        connection = ConnectionHandler({"default": dj_database_url.parse(address)})["default"]
        try:
            for statement in (
                "REVOKE CREATE ON SCHEMA public FROM PUBLIC",  # as from PostgreSQL 15 on
                f'CREATE TABLE "{TABLE}" (record_uuid uuid, note text)',
                "CREATE SCHEMA erp CREATE TABLE invoices (number int) CREATE TABLE letters (number int)",
            ):
                run(connection, statement)
            yield connection
        finally:
            connection.close()


@pytest.fixture
def said(orders: BaseDatabaseWrapper) -> Iterator[Said]:
    """What is said to an account that the script of grants made, after these statements; `{me}` is its name and
    `{writer}` that of a role that it is not in."""
    names = {"me": f"reader_{uuid4().hex}", "writer": f"writer_{uuid4().hex}"}

    def ask(*statements: str) -> list[Finding]:
        for statement in statements:
            run(orders, statement.format(**names))
        run(orders, f"SET ROLE {names['me']}")
        try:
            return list(source_rights.examine(orders, TABLE))
        finally:
            run(orders, "RESET ROLE")

    for name in names.values():
        run(orders, f"CREATE ROLE {name}")
    try:
        run(orders, f'GRANT SELECT ON "{TABLE}" TO {names["me"]}')
        yield ask
    finally:
        for name in names.values():
            run(orders, f"REASSIGN OWNED BY {name} TO postgres")
            run(orders, f"DROP OWNED BY {name}")
        for name in names.values():
            run(orders, f"DROP ROLE {name}")


def run(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


class TestOnPostgreSQL:
    pytestmark = needs_postgres

    def test_the_account_of_the_script_reads_one_table_and_nothing_else(self, said: Said) -> None:
        assert [(one.name, one.status) for one in said()] == [("order rights", "ok")]

    @pytest.mark.parametrize(
        ("grant", "words"),
        [
            ('GRANT TRIGGER, REFERENCES ON "ORDERS_UNIFIED" TO {me}', "(REFERENCES, TRIGGER)"),
            ('GRANT UPDATE (note) ON "ORDERS_UNIFIED" TO {me}', "(UPDATE)"),
            ('ALTER TABLE "ORDERS_UNIFIED" OWNER TO {me}', "ALTER, DELETE, INSERT"),
            ('GRANT DELETE ON "ORDERS_UNIFIED" TO PUBLIC', "(DELETE, as everybody may (PUBLIC))"),
            ("GRANT INSERT, DELETE ON erp.invoices TO {me}", "DELETE, INSERT on erp.invoices."),
            ("GRANT UPDATE, TRUNCATE ON ALL TABLES IN SCHEMA erp TO {me}", "UPDATE on erp.invoices and 1 more."),
            ("GRANT UPDATE (number) ON erp.letters TO {me}", "UPDATE on erp.letters."),
            ("GRANT CREATE ON SCHEMA erp TO {me}", "CREATE on the schema erp."),
            ("GRANT CREATE ON SCHEMA public TO PUBLIC", "CREATE on the schema public, as everybody may (PUBLIC)."),
            (
                "DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {me}', current_database()); END$$",
                "CREATE on",
            ),
            ("ALTER ROLE {me} CREATEROLE CREATEDB", "CREATEDB, CREATEROLE."),
            ("ALTER ROLE {me} REPLICATION BYPASSRLS", "BYPASSRLS, REPLICATION."),
            *(
                (f"GRANT {role} TO {{me}}", f"member of {role}.")
                for role in (
                    "pg_execute_server_program",
                    "pg_write_server_files",
                    "pg_read_server_files",
                    "pg_write_all_data",
                )
            ),
        ],
    )
    def test_every_right_beyond_reading_is_named_with_its_remedy(self, said: Said, grant: str, words: str) -> None:
        (found,) = said(grant)
        assert found.status == "warning" and words in found.message, found
        assert "deploy/grants/orders_postgresql.sql" in found.remedy

    def test_a_role_that_must_be_taken_up_first_counts_too(self, said: Said) -> None:
        here, more = said(
            "ALTER ROLE {me} NOINHERIT",
            "ALTER ROLE {writer} CREATEDB",
            'GRANT INSERT ON "ORDERS_UNIFIED", erp.letters TO {writer}',
            "GRANT {writer} TO {me}",
        )
        assert "(INSERT by its role writer_" in here.message
        assert "CREATEDB by its role writer_" in more.message and "INSERT on erp.letters by its role" in more.message

    @pytest.mark.parametrize("readable", [False, True])
    def test_a_table_of_marks_of_somebody_else_hides_no_right(self, said: Said, readable: bool) -> None:
        grants = [f'GRANT UPDATE ON "{TABLE}" TO {{me}}', MARK, "GRANT SELECT ON ordersite_demo TO {me}"]
        (found,) = said(*grants[: 3 if readable else 2])
        assert found.status == "warning" and "(UPDATE)" in found.message

    def test_demo_orders_may_be_changed_and_no_more(self, said: Said) -> None:
        mark = f"INSERT INTO ordersite_demo VALUES ('{TABLE}', 1, 1, 1, 0)"
        (found,) = said(f'ALTER TABLE "{TABLE}" OWNER TO {{me}}', MARK, mark, "GRANT SELECT ON ordersite_demo TO {me}")
        assert found.status == "ok" and "demo" in found.message
        (found,) = said("ALTER ROLE {me} CREATEROLE")
        assert found.status == "warning" and "CREATEROLE" in found.message

    @pytest.mark.parametrize("demo", [False, True])
    def test_a_superuser_is_told_so(self, orders: BaseDatabaseWrapper, demo: bool) -> None:
        for statement in (MARK, f"INSERT INTO ordersite_demo VALUES ('{TABLE}', 1, 1, 1, 0)") if demo else ():
            run(orders, statement)
        (found,) = source_rights.examine(orders, TABLE)
        assert found.status == "warning" and "superuser" in found.message and "deploy/grants/" in found.remedy


def test_what_sql_server_is_asked_is_good_tsql() -> None:
    statements = [statement for statement, _ in source_rights.ASKED["microsoft"]]
    assert len(statements) > 3
    for statement in statements:
        assert problems(statement) == []
