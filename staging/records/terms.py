"""Remembers by which words a record is found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from staging.core.terms import MOST, parts, terms
from staging.models import Snapshot, StagedOrder, Term, insert_rows

PAGE = 500


def any_known(board_id: int) -> bool:
    """Whether any record of the board is found by anything yet."""
    return Term.objects.filter(board_id=board_id).exists()


def remember(board_id: int, found: Mapping[str, set[str]], *, ask: bool = True) -> None:
    """Add what these records are found by, terms by record. Requires an open transaction; known ones write nothing,
    which is not asked of records that are all new to the board."""
    records, fresh = list(found), list[tuple[int, str, str]]()
    for start in range(0, len(records), PAGE):
        page = records[start : start + PAGE]
        rows = Term.objects.filter(board_id=board_id, record__in=page).values_list("record", "text") if ask else ()
        known = set(rows)
        wanted = ((record, text[:MOST]) for record in page for text in found[record])
        fresh += [(board_id, record, text) for record, text in wanted if (record, text) not in known]
    fresh.sort(key=itemgetter(2, 1))  # in the order of the index by text, whose pages are then each written once
    insert_rows(Term, ("board_id", "record", "text"), fresh)


def of_orders(orders: Iterable[StagedOrder], columns: Iterable[str] = ()) -> dict[str, set[str]]:
    """What staged orders are found by; `columns` are the board's columns whose cells count too."""
    listed = tuple(columns)
    found: dict[str, set[str]] = {}
    for order in orders:
        cells = (order.after or order.before or {}).get("cells", {})
        more = [value for column in listed if isinstance(value := cells.get(column), str)]
        words = terms(parts(order.key), order.label, *more)
        found.setdefault(order.record, set()).update(words, (order.record, order.link_key))
    return found


def of_snapshots(snapshots: Iterable[Snapshot]) -> dict[str, set[str]]:
    """What linked records are found by, as after an adoption or under a new UUID."""
    return {s.record: terms(parts(s.key), s.record, s.link_key, str(s.order.get("name") or "")) for s in snapshots}
