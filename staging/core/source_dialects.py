"""How each database spells what reading the orders needs: names, types in our words, trimmed text, a row's fingerprint.

Text only, no connection. Literals of SQL stand in Django's style: `%s` is a parameter, and a percent sign in a name is
doubled (`Statement.raw` undoes that where a statement goes out without parameters).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# What Python's str.strip() drops; databases know blanks only, so they are told.
BLANKS = "".join(chr(code) for code in (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)))
BLANKS += "\u2028\u2029\u202f\u205f\u3000"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalogue describes it: its name, the database's own word for its type, and ours."""

    name: str
    native: str
    type: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement to execute, `%s` for each parameter."""

    text: str
    params: tuple[Any, ...] = ()

    @property
    def raw(self) -> tuple[str, tuple[Any, ...] | None]:
        """What to hand to a Django cursor: without parameters no backend undoubles `%%`, so it is done here."""
        return (self.text, self.params) if self.params else (self.text.replace("%%", "%"), None)


class Dialect(Protocol):
    """One vendor's spelling. Every method returns SQL text; `name` arguments are unquoted names."""

    vendor: str
    most_parameters: int
    places: int
    """From how many places on a second reader of the same table pays."""

    def quote(self, name: str) -> str: ...

    def catalogue(self, table: str) -> Statement:
        """Name and native type of every column, in the table's order; no row where there is no such table."""

    def word(self, native: str) -> str:
        """The native type in our words."""

    def plain(self, column: Column) -> str:
        """The column as it is selected into Python."""

    def identity(self, column: Column) -> str:
        """The identity as text in the source's spelling, NULL where it is missing."""

    def missing(self, column: Column) -> str:
        """True where the identity is missing, in a form that an index on it serves where the vendor can."""

    def among(self, column: Column, values: Sequence[str]) -> Statement:
        """True where the column is exactly one of these texts."""

    def spelled(self, column: Column) -> str:
        """The value as text just as it stands, compared letter by letter."""

    def trimmed(self, column: Column) -> str:
        """The same without blanks around it."""

    def day(self, column: Column) -> str:
        """The day of a date, or of a text that begins with one, as text YYYY-MM-DD; NULL where it is none."""

    def fingerprint(self, columns: Sequence[Column]) -> str:
        """64 lower-case hex digits of SHA-256 over these columns, NULL-safe and unambiguous."""

    def extent(self, table: str, columns: Sequence[Column]) -> Statement | None:
        """One row: the first and the last place where rows lie; None where one reader is as quick as two."""

    def parted(self, at: int, columns: Sequence[Column]) -> tuple[Statement, Statement]:
        """True for the rows that lie before this place, and for all others."""


def quoted_table(dialect: Dialect, table: str) -> str:
    """`schema.table` as two names, anything else as one."""
    return ".".join(dialect.quote(part) for part in table.split("."))


def chunked(column: str, values: Sequence[str], size: int = 1000) -> Statement:
    """`column IN (...)` in lists of at most `size` values, joined by OR."""
    lists = [values[start : start + size] for start in range(0, len(values), size)]
    text = " OR ".join(f"{column} IN ({', '.join(['%s'] * len(part))})" for part in lists)
    return Statement(f"({text})" if text else "1 = 0", tuple(values))


class Sqlite:
    """SQLite: the embedded default. `sha256` is a function that the adapter registers on the connection."""

    vendor = "sqlite"
    most_parameters = 30_000
    function = "ordersite_sha256"
    places = 20_000  # rows
    per_piece = 90  # a function takes at most 100 arguments in some builds, 127 in others

    def quote(self, name: str) -> str:
        return _quoted(name, '"', '"')

    def catalogue(self, table: str) -> Statement:
        return Statement("SELECT name, type FROM pragma_table_xinfo(%s) WHERE hidden <> 1 ORDER BY cid", (table,))

    def word(self, native: str) -> str:
        # The declared type is a free text here; only its affinity means something to SQLite.
        native = native.upper()
        for word, ours in (
            ("UUID", "uuid"),
            ("UNIQUEIDENTIFIER", "uuid"),
            ("DATETIME", "datetime"),
            ("TIMESTAMP", "datetime"),
            ("DATE", "date"),
            ("BOOL", "bool"),
            ("INT", "int"),
            ("CHAR", "text"),
            ("CLOB", "text"),
            ("TEXT", "text"),
            ("BLOB", "binary"),
            ("REAL", "float"),
            ("FLOA", "float"),
            ("DOUB", "float"),
            ("DEC", "decimal"),
            ("NUMERIC", "decimal"),
        ):
            if word in native:
                return ours
        return "text"

    def plain(self, column: Column) -> str:
        # The + drops the declared type, or the driver would turn a date it cannot read into a silent None.
        return f"+o.{self.quote(column.name)}"

    def identity(self, column: Column) -> str:
        text = self._as_text(column)
        # What begins like a UUID is not blank; trimming every one of them would cost more than reading them.
        return f"CASE WHEN {text} GLOB '[0-9A-Fa-f{{]*' OR trim({text}, {_literal(BLANKS)}) <> '' THEN {text} END"

    def missing(self, column: Column) -> str:
        # Blanks sort before the digits or after the letters and braces of UUIDs.
        text, blank = self._as_text(column), f"{self.trimmed(column)} = ''"
        return f"{text} IS NULL OR ({text} < '0' AND {blank}) OR ({text} > '~' AND {blank})"

    def among(self, column: Column, values: Sequence[str]) -> Statement:
        return chunked(self._as_text(column), values)

    def spelled(self, column: Column) -> str:
        return self._as_text(column)

    def trimmed(self, column: Column) -> str:
        text = self._as_text(column)
        # What begins and ends with a visible ASCII letter needs no trimming, which costs five times the look.
        return f"CASE WHEN {text} GLOB '[!-~]*[!-~]' THEN {text} ELSE trim({text}, {_literal(BLANKS)}) END"

    def day(self, column: Column) -> str:
        text = self.trimmed(column)
        pattern = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*"
        return f"CASE WHEN {text} GLOB '{pattern}' THEN substr({text}, 1, 10) END"

    def fingerprint(self, columns: Sequence[Column]) -> str:
        pieces = [value for column in columns for value in self._pieces(column)]
        starts = range(0, len(pieces), self.per_piece)
        arrays = [f"json_array({', '.join(pieces[start : start + self.per_piece])})" for start in starts]
        # As bytes, so that the function is handed them without a text in between.
        return f"{self.function}(CAST(({' || '.join(arrays) or _literal('')}) AS BLOB))"

    def extent(self, table: str, columns: Sequence[Column]) -> Statement | None:
        row = self._row(columns)
        if not row:
            return None
        # As two queries: in one, SQLite would go through the whole table.
        edges = (f"(SELECT {edge}(o.{row}) FROM {quoted_table(self, table)} AS o)" for edge in ("min", "max"))
        return Statement(f"SELECT {', '.join(edges)}")

    def parted(self, at: int, columns: Sequence[Column]) -> tuple[Statement, Statement]:
        row = self._row(columns)
        return Statement(f"o.{row} < %s", (at,)), Statement(f"o.{row} >= %s", (at,))

    def _row(self, columns: Sequence[Column]) -> str:
        """The name of the row's number that no column of the table hides; a view has none, which asking finds out."""
        taken = {column.name.lower() for column in columns}
        return next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "")

    def _pieces(self, column: Column) -> list[str]:
        """What stands in the JSON array for this column.

        Bare where the declared type keeps out what JSON rounds or refuses (three times as fast over 97,222 rows);
        elsewhere exact digits or hex, with the storage class, so that the text '1.5' and the number 1.5 differ.
        """
        name = f"o.{self.quote(column.name)}"
        if _affinity(column.native) in ("text", "int"):
            return [name]
        digits = f"printf('%%!.17g', {name})"
        exact = f"CASE typeof({name}) WHEN 'blob' THEN hex({name}) WHEN 'real' THEN {digits} ELSE {name} END"
        return [exact, f"typeof({name})"]

    def _as_text(self, column: Column) -> str:
        name = f"o.{self.quote(column.name)}"
        affinity = _affinity(column.native)
        if affinity == "text":
            return name  # bare, so that an index serves the look-up
        if affinity == "blob":
            return f"CASE typeof({name}) WHEN 'blob' THEN hex({name}) ELSE CAST({name} AS TEXT) END"
        return f"CAST({name} AS TEXT)"


class Postgres:
    """PostgreSQL 12 or later: a record's text form quotes every field, so it is unambiguous and tells NULL from ''."""

    vendor = "postgresql"
    most_parameters = 60_000
    places = 1_000  # blocks of 8 kB

    def quote(self, name: str) -> str:
        return _quoted(name, '"', '"')

    def catalogue(self, table: str) -> Statement:
        return Statement(
            "SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a "
            "WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            (quoted_table(self, table).replace("%%", "%"),),
        )

    def word(self, native: str) -> str:
        if native in ("smallint", "integer", "bigint"):
            return "int"
        if native.startswith("timestamp"):
            return "datetime"
        return {
            "numeric": "decimal",
            "real": "float",
            "double precision": "float",
            "date": "date",
            "boolean": "bool",
            "uuid": "uuid",
            "bytea": "binary",
        }.get(native, "text")

    def plain(self, column: Column) -> str:
        return f"o.{self.quote(column.name)}"

    def identity(self, column: Column) -> str:
        text = self._as_text(column)
        return text if column.type == "uuid" else f"CASE WHEN {self.trimmed(column)} = '' THEN NULL ELSE {text} END"

    def missing(self, column: Column) -> str:
        return f"o.{self.quote(column.name)} IS NULL" if column.type == "uuid" else f"{self.identity(column)} IS NULL"

    def among(self, column: Column, values: Sequence[str]) -> Statement:
        if column.type != "uuid":
            return chunked(self._as_text(column), values)
        found = chunked(f"o.{self.quote(column.name)}", values)
        return Statement(found.text.replace("%s", "%s::uuid"), found.params)  # typed, so that an index serves it

    def spelled(self, column: Column) -> str:
        return f'{self._as_text(column)} COLLATE "C"'

    def trimmed(self, column: Column) -> str:
        return f'btrim({self._as_text(column)}, {_literal(BLANKS)}) COLLATE "C"'

    def day(self, column: Column) -> str:
        if column.type in ("date", "datetime"):
            return f"to_char(o.{self.quote(column.name)}, 'YYYY-MM-DD')"
        text = self.trimmed(column)
        return f"CASE WHEN {text} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}' THEN substr({text}, 1, 10) END"

    def fingerprint(self, columns: Sequence[Column]) -> str:
        row = ", ".join(f"o.{self.quote(column.name)}" for column in columns)
        return f"encode(sha256(convert_to(ROW({row})::text, 'UTF8')), 'hex')"

    def extent(self, table: str, columns: Sequence[Column]) -> Statement | None:
        size = "pg_relation_size(to_regclass(%s)) / current_setting('block_size')::bigint + 1"
        return Statement(f"SELECT 0, {size}", (quoted_table(self, table).replace("%%", "%"),))

    def parted(self, at: int, columns: Sequence[Column]) -> tuple[Statement, Statement]:
        place = (f"({at},0)",)
        return Statement("o.ctid < %s::tid", place), Statement("o.ctid >= %s::tid", place)

    def _as_text(self, column: Column) -> str:
        name = f"o.{self.quote(column.name)}"
        return name if column.type == "text" and column.native == "text" else f"{name}::text"


class SqlServer:
    """SQL Server 2017 or later: the row as JSON text, hashed by HASHBYTES (no limit of length since 2016)."""

    vendor = "microsoft"
    most_parameters = 2_000  # the server refuses 2,100
    places = 0
    exact = "COLLATE Latin1_General_100_BIN2"  # or names that differ in case or accents would be one

    def quote(self, name: str) -> str:
        return _quoted(name, "[", "]")

    def catalogue(self, table: str) -> Statement:
        return Statement(
            "SELECT c.name, TYPE_NAME(c.system_type_id) FROM sys.columns AS c "
            "WHERE c.object_id = OBJECT_ID(%s) ORDER BY c.column_id",
            (quoted_table(self, table).replace("%%", "%"),),
        )

    def word(self, native: str) -> str:
        words = {
            "int": ("tinyint", "smallint", "int", "bigint"),
            "decimal": ("decimal", "numeric", "money", "smallmoney"),
            "float": ("float", "real"),
            "date": ("date",),
            "datetime": ("datetime", "datetime2", "smalldatetime", "datetimeoffset"),
            "bool": ("bit",),
            "uuid": ("uniqueidentifier",),
            "binary": ("binary", "varbinary", "image", "timestamp"),
        }
        return next((word for word, natives in words.items() if native.lower() in natives), "text")

    def plain(self, column: Column) -> str:
        return f"o.{self.quote(column.name)}"

    def identity(self, column: Column) -> str:
        text = self._as_text(column)
        return text if column.type == "uuid" else f"CASE WHEN {self.trimmed(column)} = N'' THEN NULL ELSE {text} END"

    def missing(self, column: Column) -> str:
        return f"o.{self.quote(column.name)} IS NULL" if column.type == "uuid" else f"{self.identity(column)} IS NULL"

    def among(self, column: Column, values: Sequence[str]) -> Statement:
        name = f"o.{self.quote(column.name)}"
        if column.type != "uuid":
            return chunked(f"{self._as_text(column)} {self.exact}", values)
        found = chunked(name, values)
        return Statement(found.text.replace("%s", "CONVERT(uniqueidentifier, %s)"), found.params)

    def spelled(self, column: Column) -> str:
        return f"{self._as_text(column)} {self.exact}"

    def trimmed(self, column: Column) -> str:
        return f"TRIM(N{_literal(BLANKS)} FROM {self._as_text(column)} {self.exact})"

    def day(self, column: Column) -> str:
        if column.type in ("date", "datetime"):
            return f"CONVERT(nvarchar(10), CONVERT(date, o.{self.quote(column.name)}), 23)"
        return f"CONVERT(nvarchar(10), TRY_CONVERT(date, LEFT({self.trimmed(column)}, 10), 23), 23)"

    def fingerprint(self, columns: Sequence[Column]) -> str:
        fields = ", ".join(f"{self._json(column)} AS [{position}]" for position, column in enumerate(columns))
        row = f"(SELECT {fields} FOR JSON PATH, INCLUDE_NULL_VALUES, WITHOUT_ARRAY_WRAPPER)"
        return f"LOWER(CONVERT(varchar(64), HASHBYTES('SHA2_256', {row}), 2))"

    def extent(self, table: str, columns: Sequence[Column]) -> Statement | None:
        return None  # the server divides one statement among its own processors

    def parted(self, at: int, columns: Sequence[Column]) -> tuple[Statement, Statement]:
        raise AssertionError("Nothing is parted where there is no extent.")

    def _json(self, column: Column) -> str:
        name = f"o.{self.quote(column.name)}"
        if column.type == "float":
            return f"CONVERT(varchar(32), {name}, 3)"  # style 3 keeps 17 digits; JSON itself would round
        if column.type == "text" and not re.search("char|text", column.native):
            return f"CONVERT(nvarchar(max), {name})"  # types that FOR JSON refuses
        return name

    def _as_text(self, column: Column) -> str:
        name = f"o.{self.quote(column.name)}"
        if column.native in ("nvarchar", "varchar", "nchar", "char"):
            return name
        styles = {"uuid": ("36", ""), "date": ("10", ", 23"), "datetime": ("40", ", 126")}
        length, style = styles.get(column.type, ("max", ""))
        return f"CONVERT(nvarchar({length}), {name}{style})"


DIALECTS: dict[str, Dialect] = {dialect.vendor: dialect for dialect in (Sqlite(), Postgres(), SqlServer())}


def _quoted(name: str, opening: str, closing: str) -> str:
    """Django's own quoting leaves a closing quote inside a name as it is; here it is doubled."""
    return f"{opening}{name.replace(closing, closing * 2).replace('%', '%%')}{closing}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


def _affinity(native: str) -> str:
    """SQLite's rules, https://sqlite.org/datatype3.html section 3.1: they decide which storage classes can occur."""
    native = native.upper()
    if "INT" in native:
        return "int"
    if any(word in native for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    return "blob" if not native or "BLOB" in native else "numeric"
