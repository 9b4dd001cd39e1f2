"""What the account of the orders may do besides reading its table: by grants, by roles that it is in, by what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from staging.core.source_dialects import DIALECTS, quoted_table
from staging.source.order_table import demo_mark

from .finding import Finding, ok, warning

NAME = "order rights"
SUPERUSER, TABLE, OTHER, SCHEMA, DATABASE, MEMBER = "superuser", "table", "other", "schema", "database", "member"
ACCOUNT, ROLE = "account", "role"
BEYOND = (ACCOUNT, ROLE)  # what reaches beyond this database, and no demo needs
SCRIPTS = {"postgresql": "deploy/grants/orders_postgresql.sql", "microsoft": "deploy/grants/orders_sqlserver.sql"}

# Each gives rows of: where, which right, through which role ("" for the account itself), on how many things, the first.
# One that the account is in counts also where nothing of it is inherited: SET ROLE takes it up. For a superuser no
# grant is looked at, as none limits it. The embedded source has no accounts.
POSTGRESQL = """
WITH me AS (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
may AS (
    SELECT r.oid, CASE WHEN r.rolname = current_user THEN '' ELSE r.rolname::text END AS through,
        r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls
    FROM pg_roles AS r CROSS JOIN me WHERE NOT me.rolsuper AND pg_has_role(r.oid, 'MEMBER')
    UNION ALL SELECT 0::oid, 'PUBLIC', '', false, false, false, false, false
),
tables AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relowner, c.relacl, c.oid = to_regclass(%s) AS asked
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
),
granted AS (
    SELECT t.oid, x.grantee, x.privilege_type AS word
    FROM tables AS t CROSS JOIN LATERAL aclexplode(COALESCE(t.relacl, acldefault('r', t.relowner))) AS x
    UNION ALL SELECT t.oid, x.grantee, x.privilege_type
    FROM tables AS t JOIN pg_attribute AS a ON a.attrelid = t.oid CROSS JOIN LATERAL aclexplode(a.attacl) AS x
    UNION ALL SELECT t.oid, t.relowner, 'ALTER' FROM tables AS t
),
found AS (
    SELECT CASE WHEN t.asked THEN 'table' ELSE 'other' END AS place, g.word, g.grantee, t.name
    FROM granted AS g JOIN tables AS t ON t.oid = g.oid
    WHERE g.word IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'ALTER')
        OR (t.asked AND g.word IN ('REFERENCES', 'TRIGGER'))
    UNION ALL SELECT 'schema', x.privilege_type, x.grantee, n.nspname
    FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) AS x
    WHERE x.privilege_type = 'CREATE'
    UNION ALL SELECT 'database', x.privilege_type, x.grantee, d.datname
    FROM pg_database AS d CROSS JOIN LATERAL aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) AS x
    WHERE d.datname = current_database() AND x.privilege_type = 'CREATE'
    UNION ALL SELECT 'account', k.word, m.oid, ''
    FROM may AS m CROSS JOIN LATERAL (VALUES ('SUPERUSER', m.rolsuper), ('CREATEROLE', m.rolcreaterole),
        ('CREATEDB', m.rolcreatedb), ('REPLICATION', m.rolreplication), ('BYPASSRLS', m.rolbypassrls)) AS k(word, has)
    WHERE k.has
    UNION ALL SELECT 'role', m.rolname::text, 0::oid, '' FROM may AS m WHERE m.rolname IN
        ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files', 'pg_write_all_data')
)
SELECT f.place, f.word, m.through, COUNT(DISTINCT f.name), MIN(f.name)
FROM found AS f JOIN may AS m ON m.oid = f.grantee CROSS JOIN me WHERE NOT me.rolsuper
GROUP BY f.place, f.word, m.through
UNION ALL SELECT 'superuser', '', '', 1, '' FROM me WHERE me.rolsuper
"""
# Roles pass on what they may there, so what the account itself may is all. In capitals and small letters as the backend
# leaves them alone.
MICROSOFT_TABLE = (
    "SELECT DISTINCT 'table', p.permission_name, '', 1, '' FROM sys.fn_my_permissions(%s, 'OBJECT') AS p "
    "WHERE p.permission_name IN ('INSERT', 'UPDATE', 'DELETE', 'ALTER', 'CONTROL', 'TAKE OWNERSHIP')"
)
MICROSOFT_OTHERS = (
    "SELECT 'other', k.word, '', COUNT(*), MIN(SCHEMA_NAME(t.schema_id) + '.' + t.name) FROM sys.tables AS t "
    "CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('ALTER')) AS k(word) "
    "WHERE t.object_id <> COALESCE(OBJECT_ID(%s), 0) AND HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(t.schema_id)) + '.' "
    "+ QUOTENAME(t.name), 'OBJECT', k.word) = 1 group by k.word"
)
MICROSOFT_DATABASE = (
    "SELECT 'database', k.word, '', 1, DB_NAME() FROM (VALUES ('CREATE TABLE'), ('CREATE SCHEMA'), ('EXECUTE'), "
    "('ALTER'), ('CONTROL')) AS k(word) WHERE HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', k.word) = 1"
)
MICROSOFT_ROLES = (
    "SELECT 'member', r.name, '', 1, '' FROM (VALUES ('db_owner'), ('db_datawriter'), ('db_ddladmin'), "
    "('db_securityadmin'), ('db_accessadmin')) AS r(name) WHERE IS_ROLEMEMBER(r.name) = 1"
)
MICROSOFT_SERVER = (
    "SELECT 'role', r.name, '', 1, '' FROM (VALUES ('sysadmin'), ('securityadmin'), ('serveradmin'), ('dbcreator'), "
    "('bulkadmin')) AS r(name) WHERE IS_SRVROLEMEMBER(r.name) = 1"
)
ASKED: dict[str, tuple[tuple[str, bool], ...]] = {
    "postgresql": ((POSTGRESQL, True),),
    "microsoft": (
        (MICROSOFT_TABLE, True),
        (MICROSOFT_OTHERS, True),
        (MICROSOFT_DATABASE, False),
        (MICROSOFT_ROLES, False),
        (MICROSOFT_SERVER, False),
    ),
}
"""The statements of each vendor, and whether one is asked of the table."""


@dataclass(frozen=True, slots=True)
class Right:
    """One right beyond reading the table: where, which, through which role, on how many things, and the first one."""

    place: str
    word: str
    through: str
    number: int
    first: str


def examine(connection: BaseDatabaseWrapper, table: str) -> Iterator[Finding]:
    """Whether the account may read the table and do nothing else. Raises django.db.Error."""
    if connection.vendor not in ASKED:
        return
    found = _rights(connection, table)
    remedy = (
        f"Give it an account with SELECT only, as {SCRIPTS[connection.vendor]} makes it; a sync never writes there."
    )
    if any(one.place == SUPERUSER for one in found):
        yield warning(NAME, "The account of ORDERS_DATABASE_URL is a superuser, whom no grant limits.", remedy)
        return
    if not found:
        yield ok(NAME, f"The account may read {table} and not change it.")
    elif not _of_the_demo(connection, table):  # whoever may not write need not be able to read the mark
        yield from _told(found, table, remedy)
    elif beyond := [one for one in found if one.place in BEYOND]:
        yield from _told(beyond, table, remedy)
    else:
        yield ok(NAME, f"{table} holds demo orders, which the account may change.")


def _told(found: list[Right], table: str, remedy: str) -> Iterator[Finding]:
    here = [one for one in found if one.place == TABLE]
    if here:
        words = ", ".join(sorted({_with_role(one.word, one.through) for one in here}))
        yield warning(NAME, f"The account of ORDERS_DATABASE_URL may change {table} ({words}).", remedy)
    if more := "; ".join(_phrases([one for one in found if one.place != TABLE])):
        yield warning(NAME, f"The account of ORDERS_DATABASE_URL may do more than read {table}: {more}.", remedy)


def _phrases(found: list[Right]) -> Iterator[str]:
    """What else it may, one phrase for all rights on the same things through the same role."""
    groups: dict[tuple[str, str, int, str], list[str]] = {}
    for one in sorted(found, key=lambda one: (one.place, one.through, one.word)):
        groups.setdefault((one.place, one.through, one.number, one.first), []).append(one.word)
    for (place, through, number, first), words in groups.items():
        more = f" and {number - 1:,} more" if number > 1 else ""
        on = {
            OTHER: f" on {first}{more}",
            SCHEMA: f" on the schema {first}{more}",
            DATABASE: f" on the database {first}",
        }
        if place in (ROLE, MEMBER):
            yield f"member of {', '.join(words)}"
        else:
            yield _with_role(f"{', '.join(words)}{on.get(place, '')}", through)


def _with_role(words: str, through: str) -> str:
    if through == "PUBLIC":
        return f"{words}, as everybody may (PUBLIC)"
    return f"{words} by its role {through}" if through else words


def _rights(connection: BaseDatabaseWrapper, table: str) -> list[Right]:
    reference = quoted_table(DIALECTS[connection.vendor], table).replace("%%", "%")
    found = []
    with connection.cursor() as cursor:
        for statement, of_the_table in ASKED[connection.vendor]:
            cursor.execute(statement, [reference] if of_the_table else None)
            found += [Right(str(a), str(b), str(c), int(d), str(e or "")) for a, b, c, d, e in cursor.fetchall()]
    return found


def _of_the_demo(connection: BaseDatabaseWrapper, table: str) -> bool:
    try:
        return demo_mark(connection, table) is not None
    except DatabaseError:  # a table of marks that somebody else made tells nothing of this one
        return False
