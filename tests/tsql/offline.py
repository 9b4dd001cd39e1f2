"""T-SQL without a server: compiles querysets and migrations for SQL Server, parses the text, and applies rules.

The parser alone is too lenient (it takes a comparison in the select list, or 3,000 parameters), hence the rules.
The version trick uses private names of mssql-django, which is pinned; keep it in this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlglot
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models import QuerySet
from django.db.utils import ConnectionHandler
from sqlglot import exp

ALIAS = "default"  # migrations ask Django's own table of connections for this name
MOST_PARAMETERS = 2_050  # the server's limit is 2,100, and the driver needs some


def unavailable() -> str:
    """Why querysets and migrations cannot be compiled here; "" where they can."""
    try:
        _handler()[ALIAS]
    except ImproperlyConfigured:
        return "mssql-django cannot load here: it needs the system library libodbc2"
    return ""


def problems(sql: str, params: Sequence[Any] = ()) -> list[str]:
    """What SQL Server would refuse, or we do not want; nothing for a good statement.

    `sql` is in Django's style: `%s` for a parameter, `%%` for a percent sign.
    """
    text = sql.replace("%s", "?").replace("%%", "%")
    found = [message for pattern, message in FORBIDDEN if re.search(pattern, text)]
    if len(params) > MOST_PARAMETERS:
        found.append(f"{len(params):,} parameters, more than {MOST_PARAMETERS:,}")
    try:
        statements = [statement for statement in sqlglot.parse(text, read="tsql") if statement is not None]
    except sqlglot.errors.SqlglotError as problem:
        return [*found, f"does not parse: {problem}"]
    for statement in statements:
        if isinstance(statement, exp.Command) and not text.lstrip().upper().startswith(("EXEC", "DECLARE", "ALTER")):
            found.append(f"was not understood: {text[:80]}")
        for select in statement.find_all(exp.Select):
            found.extend(_select_problems(select))
    return found


FORBIDDEN = (
    (r"#Temp_params", "a list of more than 2,048 values, which is written to a temporary table while compiling"),
    (r"REGEXP_LIKE", "a regular expression, which needs an assembly on the server"),
    (r"\bLIMIT\b", "LIMIT, which T-SQL does not know"),
    (r"\|\|", "||, which T-SQL does not know"),
    (r"\bDISTINCT ON\b", "DISTINCT ON, which T-SQL does not know"),
    (r"(?i)=\s*(true|false)\b", "true or false, which T-SQL does not know"),
)


def _select_problems(select: exp.Select) -> Iterator[str]:
    for projection in select.expressions:
        value = projection.unalias()
        while isinstance(value, exp.Paren):
            value = value.this
        if isinstance(value, exp.Predicate | exp.And | exp.Or | exp.Not | exp.Exists):
            yield f"a yes-or-no in the select list: {projection.sql(dialect='tsql')[:80]}"
    ordered = select.args.get("order") is not None
    if select.args.get("offset") is not None and not ordered:
        yield "OFFSET without ORDER BY"
    inner = isinstance(select.parent, exp.Subquery)
    bounded = any(select.args.get(part) is not None for part in ("limit", "offset", "for_"))
    if ordered and inner and not bounded:
        yield "ORDER BY in a subquery without TOP or OFFSET"


def connection() -> BaseDatabaseWrapper:
    """A SQL Server connection that compiles and never connects. See `unavailable`."""
    made = _handler()[ALIAS]
    made._known_versions = {ALIAS: 2022}  # type: ignore[attr-defined]
    made._known_azures = {ALIAS: False}  # type: ignore[attr-defined]
    made.connect = _refuse  # type: ignore[method-assign]
    return made


def compiled(queryset: QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    """A queryset's T-SQL and parameters."""
    sql, params = queryset.query.get_compiler(connection=connection()).as_sql()
    return str(sql), tuple(params)


def migration_statements(*app_labels: str, backwards: bool = False) -> list[str]:
    """The T-SQL of all migrations of these apps (of every app where none is named), or of taking them back."""
    made = connection()
    made.features.can_rollback_ddl = False  # else collecting would open a transaction
    loader = MigrationLoader(None)
    loader.connection = made
    nodes = sorted(node for node in loader.graph.nodes if not app_labels or node[0] in app_labels)
    statements: list[str] = []
    with _answering_nothing(made):
        for node in nodes:
            statements += loader.collect_sql([(loader.graph.nodes[node], backwards)])
    return [statement for statement in statements if statement.strip() and not statement.startswith("--")]


def _handler() -> ConnectionHandler:
    options = {"python_driver": "mssql_python"}
    entry = {"ENGINE": "mssql", "NAME": "none", "HOST": "none.invalid", "USER": "none", "OPTIONS": options}
    return ConnectionHandler({ALIAS: entry})


def _refuse() -> None:
    raise AssertionError("An offline statement asked the server.")


@contextmanager
def _answering_nothing(made: BaseDatabaseWrapper) -> Iterator[None]:
    """Migrations that alter a column look into the catalogue first; here it is empty."""
    made.cursor = _Nothing  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        del made.cursor


class _Nothing:
    """A cursor of an empty database."""

    description = None
    rowcount = 0

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def execute(self, sql: str, params: Sequence[Any] | None = None) -> _Nothing:
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return []

    def fetchone(self) -> tuple[int]:
        return (0,)

    def close(self) -> None:
        return None
