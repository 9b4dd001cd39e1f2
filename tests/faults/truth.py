"""What must be true in the end, asked of the order table, the board and the app's database apart from each other."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from mapping.core.order import Order, Rendered
from monday.calls import CallLog
from monday.client import MondayClient
from monday.token import Token
from staging import audit
from staging.core.changeset import differences
from staging.core.counts import Counts
from staging.core.fingerprint import order_of
from staging.core.identity import canonical
from staging.core.pushplan import accepted
from staging.models import AuditEvent, Batch, Receipt, Snapshot, StagedOrder, SyncRun
from staging.setup import Setup, whole
from staging.wiring import opened

HIDDEN = ("name", "subtasks")
REMOVED = "Removed"
Item = tuple[str, str, dict[str, Any], list[tuple[str, Any]]]
"""Name, group, cells and (size key, quantity) of an item."""


def plain_records() -> list[str]:
    """The identities of the rows that stand once, render without any problem and have sizes."""
    with opened(mode="TEST", calls=CallLog()) as setup:
        return [record for record, _, rendered in _rendered(setup) if not rendered.problems and rendered.order.sizes]


def untrue() -> list[str]:
    """Everything that is not as it must be after the last run; empty where all is well."""
    with opened(mode="TEST", calls=CallLog()) as setup:
        shown, problems = _shown(setup)
        problems += list(_equality(setup, shown))
    problems += list(_settled())
    problems += list(_receipts())
    problems += list(_folds(shown))
    for run in SyncRun.objects.filter(kind="sync").exclude(counts={}):
        problems += [f"run {run.pk}: {sentence}" for sentence in Counts.from_json(run.counts).problems()]
    problems += [f"audit: {broken}" for broken in audit.verify()[1]]
    return problems


def figures() -> dict[str, int]:
    """What the app's database holds by the end."""
    return {
        "runs": SyncRun.objects.count(),
        "orders": StagedOrder.objects.count(),
        "applied": StagedOrder.objects.filter(state="applied").count(),
        "receipts": Receipt.objects.count(),
        "unclear": Receipt.objects.filter(outcome="unclear").count(),
        "refused": Receipt.objects.filter(outcome="refused").count(),
        "events": sum(chain.length for chain in audit.AuditChain.objects.all()),
    }


def created(store: Path) -> dict[str, int]:
    """How many items and subitems were ever created on the board, and how many requests came."""
    with closing(sqlite3.connect(store, timeout=30)) as board:
        number = "SELECT seq FROM sqlite_sequence WHERE name = 'requests'"
        return {
            "items": int(board.execute("SELECT count(*) FROM items WHERE parent_id IS NULL").fetchone()[0]),
            "lines": int(board.execute("SELECT count(*) FROM items WHERE parent_id IS NOT NULL").fetchone()[0]),
            "requests": int((board.execute(number).fetchone() or [0])[0]),
        }


def _rendered(setup: Setup) -> Iterator[tuple[str, str, Rendered]]:
    """(identity, record, rendered order) of every row that can be used."""
    family, columns = setup.mappings.family, [column.name for column in setup.source.columns]
    at = columns.index(family.board.source.customer)
    scope = whole(setup)
    standing = Counter(raw for raw, _ in setup.source.fingerprints(scope) if raw is not None)
    for raw, _, row in setup.source.rows([raw for raw, times in standing.items() if times == 1], scope):
        customer = family.customer_of(str(row[at]))
        rendered = family.renderer(customer, columns, setup.structure)(row) if customer else None
        record = canonical(raw)
        if isinstance(rendered, Rendered) and record is not None:
            yield raw, record, rendered


def _shown(setup: Setup) -> tuple[dict[str, tuple[str, Item]], list[str]]:
    """Item id and content by link key, and what stands twice."""
    client = MondayClient(address=setup.board.address, token=Token("looking"))
    structure = client.board(setup.board.board_id)
    titles = {group.id: group.title for group in structure.groups}
    columns = [column for column in structure.columns.values() if column.id not in HIDDEN]
    below = structure.subitems.columns.values() if structure.subitems else ()
    found: dict[str, tuple[str, Item]] = {}
    problems: list[str] = []
    lines_columns = [column for column in below if column.id not in HIDDEN]
    for item in client.all_items(structure.id, columns=columns, subitem_columns=lines_columns):
        cells = {name: value for name, value in item.values.items() if value not in (None, "", [])}
        key = str(cells.pop("text_record_uuid", "")).lower()
        lines = sorted(
            (str(line.values.get("text_size_key") or line.name), line.values.get("numeric_mkra7j8e"))
            for line in item.subitems
            if line.state == "active"
        )
        if key in found:
            problems.append(f"two items carry {key}: {found[key][0]} and {item.id}")
        problems += [f"{size} stands {n} times" for size, n in Counter(k for k, _ in lines).items() if n > 1]
        found[key] = (item.id, (item.name, titles.get(item.group_id, "?"), cells, lines))
    client.close()
    return found, problems


def _equality(setup: Setup, shown: dict[str, tuple[str, Item]]) -> Iterator[str]:
    """Where the board is not what the table says."""
    linked = {snapshot.record: snapshot for snapshot in Snapshot.objects.filter(board=setup.board)}
    wanted = {record: rendered.order for _, record, rendered in _rendered(setup)}
    mine = set()
    for record, order in wanted.items():
        snapshot = linked.pop(record, None)
        if snapshot is None or snapshot.link_key not in shown:
            why = "" if snapshot is None else f" (its item {snapshot.item_id} is missing)"
            yield f"{record} ({order.name}) is not on the board{why}: {_last_word(record)}"
            continue
        mine.add(snapshot.link_key)
        item_id, item = shown[snapshot.link_key]
        if snapshot.item_id != item_id:
            yield f"{record} is linked to item {snapshot.item_id} and shown as {item_id}"
        expected = _as_item(order, snapshot.link_key)
        if item != expected:
            yield f"{record}: on the board {_difference(item, expected)}: {_last_word(record)}"
    for record, snapshot in linked.items():
        mine.add(snapshot.link_key)
        group = shown[snapshot.link_key][1][1] if snapshot.link_key in shown else "nowhere"
        if group != REMOVED:
            yield f"{record} is gone from the table, and its item stands in {group}: {_last_word(record)}"
    for key in sorted(shown.keys() - mine):
        yield f"item {shown[key][0]} with the key {key!r} belongs to nobody"


def _as_item(order: Order, key: str) -> Item:
    cells = {column: value for column, value in order.cells.items() if value is not None}
    lines: list[tuple[str, Any]] = sorted((f"{key}/{size}", str(n)) for size, n in order.sizes.items())
    return (order.name, order.group, cells, lines)


def _difference(item: Item, expected: Item) -> str:
    """What differs, part by part: of cells and sizes only the differing ones."""
    parts = []
    for one, other in zip(item, expected, strict=True):
        pairs = (one.items(), other.items()) if isinstance(one, dict) and isinstance(other, dict) else (one, other)
        if one != other:
            left, right = ([repr(p) for p in side] if not isinstance(side, str) else [side] for side in pairs)
            parts.append(f"{[p for p in left if p not in right]} is not {[p for p in right if p not in left]}")
    return "; ".join(parts)


def _last_word(record: str) -> str:
    last = StagedOrder.objects.filter(record=record).order_by("-id").first()
    return "nothing was staged" if last is None else f"{last.operation} is {last.state}: {last.reason[:200]}"


def _settled() -> Iterator[str]:
    """Nothing is half done."""
    for order in StagedOrder.objects.filter(state__in=["sending", "undoing", "unclear", "approved", "rejected"]):
        yield f"{order} is still {order.state}: {order.reason[:200]}"
    for batch in Batch.objects.filter(state__in=["draft", "pushing", "failed", "paused"]):
        yield f"{batch} is still {batch.state}, held by {batch.lease_owner or 'nobody'}: {_last_event(batch)}"
    for run in SyncRun.objects.filter(state__in=["queued", "running"]):
        yield f"{run} is still {run.state}"


def _last_event(batch: Batch) -> str:
    last = AuditEvent.objects.filter(subject=f"batch:{batch.pk}").order_by("-id").first()
    return "no event" if last is None else f"{last.action} at {last.at:%H:%M:%S}: {last.reason}"


def _receipts() -> Iterator[str]:
    """Every receipt has its answer, and nothing was created by two of them."""
    for receipt in Receipt.objects.filter(outcome__in=["intended", "sent"]):
        yield f"{receipt} was never settled"
    done = Receipt.objects.filter(outcome="done")
    for receipt in done.filter(kind__in=["create_item", "create_line"], item_id=""):
        yield f"{receipt} does not say what it created"
    made = Counter(done.filter(kind__in=["create_item", "create_line"]).values_list("item_id", flat=True))
    for item, times in made.items():
        if times > 1:
            yield f"item {item} was created by {times} receipts"


def _folds(shown: dict[str, tuple[str, Item]]) -> Iterator[str]:
    """Every receipt is true: folded, those of a record are what the board accepted and what it shows."""
    folds: dict[str, Order | None] = defaultdict(lambda: None)
    items: dict[str, set[str]] = defaultdict(set)
    for order, item_id, kind, after in (
        Receipt.objects.filter(outcome="done").order_by("id").values_list("order__link_key", "item_id", "kind", "after")
    ):
        folds[order] = accepted(folds[order], after)
        if kind in ("create_item", "change_item", "move_item"):
            items[order].add(item_id)
    for snapshot in Snapshot.objects.all():
        fold = folds[snapshot.link_key]
        if fold is None or differences(fold, order_of(snapshot.order)):
            yield f"{snapshot} is not what its receipts say"
        if len(items[snapshot.link_key]) > 1:
            yield f"{snapshot}: its receipts name several items {sorted(items[snapshot.link_key])}"
        item = shown.get(snapshot.link_key)
        if item is not None and fold is not None and item[1] != _as_item(fold, snapshot.link_key):
            said = _difference(item[1], _as_item(fold, snapshot.link_key))
            yield f"{snapshot}: the board does not show what its receipts say: {said}"
