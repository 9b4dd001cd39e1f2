"""Preparing: the groups and labels that batches need are made before the first of them is pushed.

Done once for all batches of a run, in a handful of calls, instead of once per chunk. A failure here stops nothing:
each push makes sure of its own groups and labels again.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from django.db import transaction

from monday.boards import GroupFailed, titles
from monday.models import Board
from staging import audit
from staging.batches.check import group_to, label_texts, labelled_columns, mapping_of
from staging.core.lifecycle import OrderState
from staging.models import Batch, StagedOrder
from staging.setup import Setup

from .push import target_of

PAGE = 500
PREPARED = "board.prepared"
"""The event that names the groups and labels which were made."""
log = structlog.get_logger(__name__)


def prepare(*, batches: Iterable[Batch], setup: Setup) -> None:
    """Make groups and labels exist for everything approved in these batches.

    What was made is told by an event, in a short transaction after it. Raises Unavailable.
    """
    groups: set[str] = set()
    labels: dict[str, set[str]] = {}
    batches = list(batches)
    for batch in batches:
        _collect(batch, setup, groups, labels)
    if not groups and not labels:
        return
    known = set(titles(setup.board).values())
    destination = setup.destination(target_of(setup, ""), "")
    try:
        if groups:
            destination.ensure_groups(sorted(groups))
        destination.ensure_labels({column: sorted(texts) for column, texts in labels.items()})
    except GroupFailed as failed:
        log.warning("a group could not be made beforehand", why=str(failed))
        return
    _tell(max(batch.run_id for batch in batches), groups - known, labels, setup)


def _tell(run_id: int, groups: set[str], labels: dict[str, set[str]], setup: Setup) -> None:
    """One event about what the board shows now and did not before, in the chain of the newest run concerned."""
    board = Board.objects.get(pk=setup.board.pk)
    structure = board.known_structure()
    columns = dict(structure.columns) if structure else {}
    columns |= structure.subitems.columns if structure and structure.subitems else {}
    made: dict[str, list[str]] = {}
    for column_id, texts in labels.items():
        column = columns.get(column_id)
        if column is not None and (found := sorted(texts & column.label_texts())):
            made[column.title] = found
    if not groups and not made:
        return
    with transaction.atomic():
        audit.record(
            chain=audit.run_chain(run_id),
            actor="policy:prepare",
            action=PREPARED,
            subject=f"board:{board.pk}",
            now=setup.clock.now(),
            data={"groups": sorted(groups), "labels": made},
        )


def _collect(batch: Batch, setup: Setup, groups: set[str], labels: dict[str, set[str]]) -> None:
    mapping = mapping_of(batch, setup.mappings)
    columns = labelled_columns(mapping, setup)
    made = {rules.to for rules in mapping.columns if rules.labels == "create"}
    if mapping.sizes and mapping.labels == "create":
        made.add(mapping.sizes.size_column)
    approved = StagedOrder.objects.filter(batch=batch, state=OrderState.APPROVED, after__isnull=False)
    for before, after in approved.values_list("before", "after").iterator(chunk_size=PAGE):
        assert after is not None
        if moves_to := group_to(before, after):
            groups.add(moves_to)
        for column_id, texts in label_texts(after, columns, mapping).items():
            missing = texts - columns[column_id].label_texts()
            if missing and column_id in made:
                labels.setdefault(column_id, set()).update(missing)
