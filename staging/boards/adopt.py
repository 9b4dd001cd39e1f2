"""Adopting: items that stand on a board already are linked to their records, so that no sync creates them again.

A dry run reads the board and the source and says what belongs to what. With `apply` the snapshots are made: what the
board shows counts as last seen, and the next sync stages what differs, with the link key that the item lacks, as an
ordinary batch. Besides a receipt this is the only way in which an accepted order moves, and it is audited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from mapping.models import Customer
from staging.core.lifecycle import OPEN, OrderState
from staging.detection.guards import GuardRefused, check_rows, check_source
from staging.models import Snapshot, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.records import terms
from staging.running import runs
from staging.setup import Progress, Setup, whole
from staging.transitions import move_orders

from . import findings
from .board_items import Spool
from .pairing import Counts, Link, Pairing

PAGE = 500
ORPHANS = 0.20  # share of a board's items without a record that nobody needs to vouch for


@dataclass(frozen=True, slots=True)
class Adopted:
    """What an adoption found, and with `apply` did. `notes` are sentences for a person."""

    counts: Counts
    notes: list[str]


def adopt(
    *,
    run: SyncRun,
    setup: Setup,
    apply: bool,
    progress: Progress,
    expect_rows: int | None = None,
    expect_orphans: int | None = None,
) -> Adopted:
    """Match a board's items with the records of the source; with `apply` link what is certain. Safe to repeat.

    The findings are stored with the run. Opens short transactions, none while board or source is waited for. Raises
    GuardRefused before anything is linked, Stopped between two pages (what is linked stays, and the next one goes on),
    SourceRefused and Unavailable.
    """
    check_source(setup.board, setup.mappings.family, setup.source.columns, vouched=expect_rows is not None)
    rows = setup.source.count(whole(setup))
    check_rows(setup.board, rows, expected=expect_rows)
    if apply:
        _guard_board(setup)
    with Spool() as spool:
        pairing = Pairing(setup, findings.begin(run), spool, progress)
        pairing.read_board()
        pairing.read_source(rows)
        links = pairing.links()
        if apply:
            _guard_orphans(pairing.counts, expect_orphans)
            _link_all(run, setup, pairing, links, progress)
    findings.keep_only(run)
    return Adopted(pairing.counts, pairing.notes)


# --- guards -------------------------------------------------------------------------------------------------------
def _guard_board(setup: Setup) -> None:
    """Nothing is linked on a board that cannot carry the keys, or where creations are on their way."""
    family, structure = setup.mappings.family, setup.structure
    lacking = [] if family.default.board.uuid_column in structure.columns else [family.default.board.uuid_column]
    keys = {mapping.sizes.key_column for mapping in family.mappings() if mapping.sizes}
    if structure.subitems is not None:
        lacking += sorted(key for key in keys if key not in structure.subitems.columns)
    if lacking:
        raise GuardRefused(
            f"{setup.board} lacks the column {' and '.join(lacking)}, without which nobody can tell our items and "
            "subitems from those of people; nothing was linked. Remedy: python manage.py prepare_board --apply"
        )
    # What is held goes nowhere; what an earlier adoption left unsure is held until this one knows better.
    on_their_way = sorted(OPEN - {OrderState.HELD})
    creations = StagedOrder.objects.filter(board=setup.board, operation="create", state__in=on_their_way).count()
    if creations:
        raise GuardRefused(
            f"{creations:,} creations are staged for {setup.board}, and their items may stand there already; nothing "
            "was linked. Remedy: decline their batches, or let them go out first."
        )
    if SyncRun.objects.filter(board=setup.board, kind=Kind.SYNC, state=RunState.RUNNING).exists():
        raise GuardRefused(f"A sync of {setup.board} is running; nothing was linked. Remedy: wait for its end.")


def _guard_orphans(counts: Counts, expected: int | None) -> None:
    """Many items without a record point to a source that is not whole: their orders would be created again later."""
    if expected is not None and expected != counts.orphaned:
        raise GuardRefused(
            f"{counts.orphaned:,} items have no record, not {expected:,} as stated; nothing was linked. "
            "Remedy: look at the dry run again."
        )
    if expected is None and counts.orphaned > max(5, counts.items * ORPHANS):
        raise GuardRefused(
            f"{counts.orphaned:,} of {counts.items:,} items have no record. If the source were not whole, their orders "
            "would be created again later; nothing was linked. Remedy: look at the orphaned ones; if it is right, say "
            f"so with --expect-orphans {counts.orphaned}."
        )


# --- linking ------------------------------------------------------------------------------------------------------
def _link_all(run: SyncRun, setup: Setup, pairing: Pairing, links: Sequence[Link], progress: Progress) -> None:
    """Make the links page by page; a run that is cut off goes on where it stopped."""
    run.scope = {**run.scope, "linking": True}
    run.save(update_fields=["scope"])
    customers = dict(Customer.objects.values_list("name", "pk"))
    for start in range(0, len(links), PAGE):
        progress("link", start, len(links))
        pairing.counts.adopted += _link_page(run, setup, pairing, links[start : start + PAGE], customers)
    progress("link", len(links), len(links))


def _link_page(run: SyncRun, setup: Setup, pairing: Pairing, page: Sequence[Link], customers: dict[str, int]) -> int:
    now = setup.clock.now()
    with transaction.atomic():
        records = [link.pair.record for link in page]
        taken = set(Snapshot.objects.filter(board=setup.board, record__in=records).values_list("record", flat=True))
        made = [link for link in page if link.pair.record not in taken]
        snapshots = [pairing.snapshot(link) for link in made]
        for snapshot, link in zip(snapshots, made, strict=True):
            snapshot.customer_id = customers[link.known.customer]
        Snapshot.objects.bulk_create(snapshots, batch_size=50)
        for board in {snapshot.board_id for snapshot in snapshots}:
            terms.remember(board, terms.of_snapshots(snapshots))
        _supersede_creations(run, [link.pair.record for link in made], now)
        if made:
            data = {"items": {link.pair.record: [link.pair.item, link.pair.by] for link in made}}
            runs.tell(run, "adopted", run.actor, now, {"count": len(made), **data})
    return len(made)


def _supersede_creations(run: SyncRun, records: Sequence[str], now: datetime) -> None:
    """What was held as a creation is none any more: the next sync stages what differs."""
    held = StagedOrder.objects.filter(board=run.board, record__in=records, operation="create", state=OrderState.HELD)
    for order in held.select_related("batch").order_by("pk"):
        why = "The adoption found the item that stands for it."
        move_orders(order.batch, [order.pk], "supersede", actor=run.actor, now=now, reason=why, current=False)
