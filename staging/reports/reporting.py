"""Read-only views for reporting tools, which join them with the order table: names and columns that stay.

The tables behind them may change with any release; a view's column is never renamed or dropped, only added at the end.
`manage.py migrate` brings them up to date in their place, so that who may read them still may, and what others built
on them stands. SQLite and PostgreSQL alter no table that a view hangs on: there they are away while tables change. They
hold no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper


@dataclass(frozen=True, slots=True)
class View:
    """One view: `columns` are (name, table, column) by their order; `joins` are (table, column, other table, column)
    of rows that are always there, `perhaps` the same of rows that need not be. `only` is (column, value) of the first
    table."""

    name: str
    meaning: str
    table: str
    columns: tuple[tuple[str, str, str], ...]
    joins: tuple[tuple[str, str, str, str], ...] = ()
    perhaps: tuple[tuple[str, str, str, str], ...] = ()
    only: tuple[str, str] | None = None


_BOARD = (("board_id", "monday_board", "board_id"), ("environment", "monday_board", "environment"))
_STAGED = "staging_stagedorder"
_CHANGE = (
    *(("id", _STAGED, "id"), ("batch", _STAGED, "batch_id"), ("run", "staging_batch", "run_id"), *_BOARD),
    *(("customer", "mapping_customer", "name"), ("uuid", _STAGED, "record"), ("link_key", _STAGED, "link_key")),
    *(("business_key", _STAGED, "key"), ("item", _STAGED, "label"), ("operation", _STAGED, "operation")),
    *(("state", _STAGED, "state"), ("reason", _STAGED, "reason"), ("changed_at", _STAGED, "updated_at")),
    *(("approved_by", "staging_batch", "approved_by"), ("approved_at", "staging_batch", "approved_at")),
    *(("fingerprint_before", _STAGED, "before_fingerprint"), ("fingerprint_after", _STAGED, "after_fingerprint")),
)
_CHANGE_JOINS = (
    ("staging_batch", "id", _STAGED, "batch_id"),
    ("mapping_customer", "id", "staging_batch", "customer_id"),
    ("monday_board", "id", _STAGED, "board_id"),
)
VIEWS = (
    View(
        "ordersite_links",
        "A row for each record that is on a board: its UUID, both fingerprints and the item's id.",
        "staging_snapshot",
        (
            *(("uuid", "staging_snapshot", "record"), ("link_key", "staging_snapshot", "link_key"), *_BOARD),
            *(("item_id", "staging_snapshot", "item_id"), ("state", "staging_snapshot", "state")),
            *(("customer", "mapping_customer", "name"), ("business_key", "staging_snapshot", "key")),
            ("source_fingerprint", "staging_snapshot", "source_fingerprint"),
            ("order_fingerprint", "staging_snapshot", "order_fingerprint"),
            ("accepted_at", "staging_snapshot", "accepted_at"),
        ),
        (
            ("mapping_customer", "id", "staging_snapshot", "customer_id"),
            ("monday_board", "id", "staging_snapshot", "board_id"),
        ),
    ),
    View(
        "ordersite_runs",
        "A row for each run; `counts` and `api` are JSON.",
        "staging_syncrun",
        (
            *(("run", "staging_syncrun", "id"), ("kind", "staging_syncrun", "kind"), *_BOARD),
            *(("mode", "staging_syncrun", "mode"), ("started_by", "staging_syncrun", "actor")),
            *(("how", "staging_syncrun", "trigger"), ("state", "staging_syncrun", "state")),
            *(("subject", "staging_syncrun", "subject"), ("error", "staging_syncrun", "error")),
            *(("started_at", "staging_syncrun", "started_at"), ("finished_at", "staging_syncrun", "finished_at")),
            *(("source_rows", "staging_syncrun", "full_rows"), ("counts", "staging_syncrun", "counts")),
            ("api", "staging_syncrun", "api"),
        ),
        perhaps=(("monday_board", "id", "staging_syncrun", "board_id"),),
    ),
    View("ordersite_changes", "A row for each change that was ever staged.", _STAGED, _CHANGE, _CHANGE_JOINS),
    View(
        "ordersite_rejected",
        "The changes that the board refuses now; `problem` is its answer as JSON.",
        _STAGED,
        (
            *_CHANGE,
            ("problem", _STAGED, "problem"),
            ("attempts", _STAGED, "attempts"),
            ("failed_at", _STAGED, "failed_at"),
        ),
        _CHANGE_JOINS,
        only=("state", "rejected"),
    ),
    View(
        "ordersite_receipts",
        "A row for each write: the fields before and after as JSON, and what the board answered.",
        "staging_receipt",
        (
            *(("receipt", "staging_receipt", "id"), ("change", "staging_receipt", "order_id"), *_BOARD),
            *(("batch", "staging_receipt", "batch_id"), ("uuid", "staging_receipt", "record")),
            *(("kind", "staging_receipt", "kind"), ("size", "staging_receipt", "size")),
            *(("item_id", "staging_receipt", "item_id"), ("parent_item_id", "staging_receipt", "parent_id")),
            *(("fields_before", "staging_receipt", "before"), ("fields_after", "staging_receipt", "after")),
            *(("outcome", "staging_receipt", "outcome"), ("undoes", "staging_receipt", "undoes_id")),
            *(("request_id", "staging_receipt", "request_id"), ("intended_at", "staging_receipt", "intended_at")),
            *(("sent_at", "staging_receipt", "sent_at"), ("answered_at", "staging_receipt", "answered_at")),
        ),
        (("monday_board", "id", "staging_receipt", "board_id"),),
    ),
)


_IN_PLACE = {"postgresql": "CREATE OR REPLACE VIEW", "microsoft": "CREATE OR ALTER VIEW"}
"""How a vendor changes a view that keeps its rights; any other makes it anew."""


def make(connection: BaseDatabaseWrapper, rights: Sequence[str] = ()) -> None:
    """Make every view or bring it up to date, and give back the `rights` that `drop` returned.

    The tables must be those of this version; opens a transaction. Raises DatabaseError.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for view in VIEWS:
            if connection.vendor not in _IN_PLACE:
                cursor.execute(f"DROP VIEW IF EXISTS {connection.ops.quote_name(view.name)}")
            cursor.execute(statement(view, connection))
        for right in rights:
            cursor.execute(right)


def drop(connection: BaseDatabaseWrapper) -> list[str]:
    """Remove every view that is there; returns the statements that give others what they were allowed on them.

    Opens a transaction. Raises DatabaseError, also where something that others made hangs on a view.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        rights = _rights(cursor, connection.ops.quote_name) if connection.vendor == "postgresql" else []
        for view in VIEWS:
            cursor.execute(f"DROP VIEW IF EXISTS {connection.ops.quote_name(view.name)}")
    return rights


def _rights(cursor: CursorWrapper, quote: Callable[[str], str]) -> list[str]:
    cursor.execute(
        "SELECT privilege_type, table_name, grantee, is_grantable FROM information_schema.table_privileges"
        " WHERE table_schema = current_schema() AND table_name = ANY(%s) AND grantee <> current_user"
        " ORDER BY table_name, grantee, privilege_type",
        [[view.name for view in VIEWS]],
    )
    return [
        f"GRANT {right} ON {quote(view)} TO {grantee if grantee == 'PUBLIC' else quote(grantee)}"
        + (" WITH GRANT OPTION" if onward == "YES" else "")
        for right, view, grantee, onward in cursor.fetchall()
    ]


def statement(view: View, connection: BaseDatabaseWrapper) -> str:
    """The view as this vendor's SQL, every name quoted by the backend."""
    quote = connection.ops.quote_name

    def column(table: str, name: str) -> str:
        return f"{quote(table)}.{quote(name)}"

    chosen = ", ".join(f"{column(table, name)} AS {quote(shown)}" for shown, table, name in view.columns)
    joined = [("INNER", join) for join in view.joins] + [("LEFT", join) for join in view.perhaps]
    source = quote(view.table) + "".join(
        f" {how} JOIN {quote(table)} ON {column(table, name)} = {column(other, key)}"
        for how, (table, name, other, key) in joined
    )
    where = f" WHERE {column(view.table, view.only[0])} = '{view.only[1]}'" if view.only else ""
    return (
        f"{_IN_PLACE.get(connection.vendor, 'CREATE VIEW')} {quote(view.name)} AS SELECT {chosen} FROM {source}{where}"
    )
