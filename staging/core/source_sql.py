"""The statements that read an order table: counts, customers, fingerprints, rows, repeated keys.

Pure text with parameters, sent by `staging.source.sql_table`. Each statement reads one table, under the alias `o`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .ports import Condition, Scope, SourceColumn
from .source_dialects import Column, Dialect, Statement, chunked, quoted_table

# Part of every scheme: raise it when an expression changes its meaning without changing its text.
VERSION = 1
_MARKS = re.compile(r"[%_!\[\]]")  # what LIKE reads as a pattern, on any of the databases


def _escaped(mark: re.Match[str]) -> str:
    return f"!{mark[0]}"


class NoSuchColumn(LookupError):
    """A statement needs a column that the table lacks; the argument is its name."""


@dataclass(frozen=True)
class SourceSql:
    """An order table as SQL sees it. Methods raise NoSuchColumn for a column that the table lacks."""

    dialect: Dialect
    table: str
    columns: tuple[Column, ...]
    identity: str
    customer: str
    po_number: str

    def source_columns(self) -> tuple[SourceColumn, ...]:
        """The columns in the words of the port."""
        return tuple(SourceColumn(column.name, column.type) for column in self.columns)

    @property
    def scheme(self) -> str:
        """Vendor, version, and a hash of the tracked columns, their types and the expression: under 40 letters."""
        tracked = [[column.name, column.type] for column in self._tracked()]
        body = json.dumps([tracked, self._fingerprint()], ensure_ascii=False)
        return f"{self.dialect.vendor}:{VERSION}:{hashlib.sha256(body.encode()).hexdigest()[:16]}"

    def count(self, scope: Scope) -> Statement:
        """One row, one number."""
        return self._select("COUNT(*)", self._within(scope))

    def customers(self) -> Statement:
        """Every spelling of a customer's name, untrimmed, with its number of rows."""
        name = self.dialect.spelled(self._column(self.customer))
        inner = f"SELECT {name} AS customer FROM {self._from()}"
        # In small letters: the SQL Server backend rewrites statements that hold these words in capitals.
        return Statement(f"SELECT c.customer, COUNT(*) FROM ({inner}) AS c group by c.customer")

    def fingerprints(self, scope: Scope, part: Statement | None = None) -> Statement:
        """Identity as text and fingerprint of every row in scope, or of those of them that lie in one `part`."""
        conditions = [*([part] if part else []), *self._within(scope)]
        return self._select(f"{self._identity()}, {self._fingerprint()}", conditions)

    def extent(self) -> Statement | None:
        """The first and the last place of the table's rows, for `halves`; None where one statement is as quick."""
        return self.dialect.extent(self.table, self.columns)

    def halves(self, scope: Scope, at: int) -> tuple[Statement, Statement]:
        """`fingerprints` as two statements that share no row and leave none out, wherever rows lie by then."""
        before, after = self.dialect.parted(at, self.columns)
        return self.fingerprints(scope, before), self.fingerprints(scope, after)

    def fingerprints_of(self, identities: Sequence[str], scope: Scope) -> Statement:
        """Identity and fingerprint of the rows with these identities, as the source spells them."""
        conditions = [self.dialect.among(self._column(self.identity), identities), *self._within(scope)]
        return self._select(f"{self._identity()}, {self._fingerprint()}", conditions)

    def rows(self, identities: Sequence[str], scope: Scope) -> Statement:
        """Identity, fingerprint and every column of the rows with these identities, as the source spells them."""
        return self._full_rows([self.dialect.among(self._column(self.identity), identities), *self._within(scope)])

    def rows_without_identity(self, scope: Scope) -> Statement:
        """The same for the rows whose identity is missing; the first column is NULL."""
        return self._full_rows([self._missing(), *self._within(scope)])

    def search(self, columns: Sequence[str], text: str) -> Statement:
        """The same for the rows in which one of these columns, trimmed, begins with the text whatever its case.

        Databases fold the letters of their own alphabet only, so the text is asked for as it stands, too.
        """
        found = []
        for name in columns:
            value = self.dialect.trimmed(self._column(name))
            found += [(f"LOWER({value})", text.strip().lower()), (value, text.strip())]
        alternatives = " OR ".join(f"{value} LIKE %s ESCAPE '!'" for value, _ in found)
        params = tuple(f"{_MARKS.sub(_escaped, begins)}%" for _, begins in found)
        return self._full_rows([Statement(alternatives or "1 = 0", params)])

    def repeated_keys(self, keys: Sequence[Sequence[str]], scope: Scope) -> Statement:
        """Of each of these keys, which begin with one column: its number, and the values (trimmed, missing as '', as
        many columns as the widest key has) that stand on more than one row in scope.

        Only values whose first one stands on a row without identity: others need no UUID derived, and sorting the whole
        table by its keys takes long. One pass over the table serves all keys, where the database keeps what it found.
        """
        names = list(dict.fromkeys(name for key in keys for name in key))
        values = [f"COALESCE({self.dialect.trimmed(self._column(name))}, '')" for name in names]
        asked = self._select(values[0], [self._missing()])
        wanted = Statement(f"{values[0]} IN ({asked.text})")
        fields = ", ".join(f"{value} AS k{position}" for position, value in enumerate(values))
        inner = self._select(fields, [*self._within(scope), wanted])
        # In small letters for the same reason as above.
        widest = max(map(len, keys))
        questions = []
        for number, key in enumerate(keys):
            grouped = ", ".join(f"k.k{names.index(name)}" for name in dict.fromkeys(key))
            shown = ", ".join([*(f"k.k{names.index(name)}" for name in key), *["''"] * (widest - len(key))])
            questions.append(f"SELECT {number}, {shown} FROM k group by {grouped} having COUNT(*) > 1")
        return Statement(f"WITH k AS ({inner.text}) {' union all '.join(questions)}", inner.params)

    def with_keys(self, columns: Sequence[str], keys: Sequence[Sequence[str]] | None, scope: Scope) -> Statement:
        """Identity and these columns of the rows in scope, with `keys` only of those that may carry one of them.

        Each column is held against the values that stand at its place, where its text is the same on each database.
        """
        named = [self._column(name) for name in columns]
        conditions = self._within(scope)
        for position, column in enumerate(named if keys is not None else ()):
            if column.type in ("text", "int"):
                texts = list(dict.fromkeys(key[position] for key in keys or ()))
                conditions.append(chunked(f"COALESCE({self.dialect.trimmed(column)}, '')", texts))
        fields = ", ".join([self._identity(), *(self.dialect.plain(column) for column in named)])
        return self._select(fields, conditions)

    def binary_cell(self, column: Column) -> Statement:
        """A row where this column of an SQLite table holds binary data, which its JSON refuses."""
        found = self._select("1", [Statement(f"typeof(o.{self.dialect.quote(column.name)}) = 'blob'")])
        return Statement(f"{found.text} LIMIT 1")

    def _full_rows(self, conditions: list[Statement]) -> Statement:
        row = ", ".join(self.dialect.plain(column) for column in self.columns)
        return self._select(f"{self._identity()}, {self._fingerprint()}, {row}", conditions)

    def _select(self, fields: str, conditions: Sequence[Statement]) -> Statement:
        where = " AND ".join(f"({condition.text})" for condition in conditions)
        params = tuple(value for condition in conditions for value in condition.params)
        return Statement(f"SELECT {fields} FROM {self._from()}{' WHERE ' if where else ''}{where}", params)

    def _within(self, scope: Scope) -> list[Statement]:
        conditions = [part for condition in scope.include for part in self._condition(condition)]
        if scope.customers is not None:
            conditions.append(self.dialect.among(self._column(self.customer), scope.customers))
        if scope.po_number is not None:
            name = self.dialect.trimmed(self._column(self.po_number))
            conditions.append(Statement(f"{name} = %s", (scope.po_number.strip(),)))
        return conditions

    def _condition(self, condition: Condition) -> list[Statement]:
        column = self._column(condition.column)
        parts = []
        if condition.values:
            values = tuple(value.strip() for value in condition.values)
            marks = ", ".join(["%s"] * len(values))
            parts.append(Statement(f"{self.dialect.trimmed(column)} IN ({marks})", values))
        if condition.after is not None:
            parts.append(Statement(f"{self.dialect.day(column)} >= %s", (condition.after.isoformat(),)))
        if condition.before is not None:
            parts.append(Statement(f"{self.dialect.day(column)} <= %s", (condition.before.isoformat(),)))
        return parts

    def _from(self) -> str:
        return f"{quoted_table(self.dialect, self.table)} AS o"

    def _identity(self) -> str:
        return self.dialect.identity(self._column(self.identity))

    def _missing(self) -> Statement:
        return Statement(self.dialect.missing(self._column(self.identity)))

    def _fingerprint(self) -> str:
        return self.dialect.fingerprint(self._tracked())

    def _tracked(self) -> list[Column]:
        return [column for column in self.columns if column.name != self.identity]

    def _column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise NoSuchColumn(name)
