"""Every statement that reads the orders is good T-SQL, for the real column names and for every type of column."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from staging.core.ports import Condition, Scope
from staging.core.source_dialects import DIALECTS, Column, Statement
from staging.core.source_sql import SourceSql
from staging.source.demo_columns import COLUMNS
from staging.source.order_table import TYPES

from .offline import problems

SQLSERVER = DIALECTS["microsoft"]
NATIVES = (
    *("bigint", "bit", "char", "date", "datetime", "datetime2", "datetimeoffset", "decimal", "float", "geography"),
    *("image", "int", "money", "nchar", "ntext", "numeric", "nvarchar", "real", "smalldatetime", "smallint", "text"),
    *("time", "timestamp", "tinyint", "uniqueidentifier", "varbinary", "varchar", "xml"),
)
SCOPES = (
    Scope(),
    Scope(customers=("B'HOOD", "WHITE|FOX", "云端服饰"), po_number="PO 1%"),
    Scope(customers=()),
    Scope(customers=tuple(f"C{number}" for number in range(1_500))),
    Scope(
        include=(
            Condition("ORDER TYPE", values=("ACTIVE", "CANCELLED")),
            Condition("EX FACTORY DATE", after=date(2026, 1, 1), before=date(2026, 12, 31)),
            Condition("MONTH", after=date(2026, 1, 1)),
        )
    ),
)


def facts() -> SourceSql:
    columns = tuple(Column(name, TYPES["microsoft"][word].partition("(")[0], word) for name, word in COLUMNS)
    return SourceSql(SQLSERVER, "dbo.ORDERS_UNIFIED", columns, "record_uuid", "CUSTOMER NAME", "PO NUMBER")


def every_type() -> SourceSql:
    odd = "[odd] 100% {name} 'quoted' \"?\""
    natives = [Column(f"{odd} {native}", native, SQLSERVER.word(native)) for native in NATIVES]
    columns = (Column("id", "nvarchar", "text"), Column("customer", "varchar", "text"), *natives)
    return SourceSql(SQLSERVER, "orders", columns, "id", "customer", "")


def statements(source: SourceSql, scope: Scope) -> Iterator[Statement]:
    yield source.count(scope)
    yield source.customers()
    yield source.fingerprints(scope)
    page = [f"0F8FAD5B-D9CB-469F-A165-{number:012d}" for number in range(500)]
    yield source.rows(page, scope)
    yield source.fingerprints_of(page, scope)
    yield source.rows_without_identity(scope)
    key = [column.name for column in source.columns[:4]]
    yield source.repeated_keys([key], scope)
    yield source.repeated_keys([key, key[:2], [key[0], source.columns[5].name]], scope)
    yield source.with_keys(key, [("A'1", "50% [off]", "", "云"), ("x", "y", "z", "")], scope)
    yield source.with_keys(key, (), scope)
    yield source.with_keys([column.name for column in source.columns], None, scope)
    yield source.search([column.name for column in source.columns[:4]], "50% [off]_!")
    yield source.search([], "nothing")
    yield SQLSERVER.catalogue(source.table)


@pytest.mark.parametrize("scope", SCOPES, ids=range(len(SCOPES)))
def test_statements_over_the_real_columns_are_good_tsql(scope: Scope) -> None:
    for statement in statements(facts(), scope):
        assert problems(statement.text, statement.params) == []
        assert statement.text.replace("%%", "").count("%s") == len(statement.params)


def test_statements_over_every_type_and_an_odd_name_are_good_tsql() -> None:
    for statement in statements(every_type(), Scope()):
        assert problems(statement.text, statement.params) == []


def test_no_statement_triggers_the_rewriting_of_groups() -> None:
    # mssql-django rewrites statements with these words in capitals by str.format, which braces in a name would break.
    for statement in statements(every_type(), Scope(customers=("x",))):
        assert "GROUP BY" not in statement.text


def test_the_lists_of_names_never_exceed_what_the_server_takes() -> None:
    assert SQLSERVER.most_parameters < 2_100
