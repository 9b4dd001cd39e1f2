"""The preview of an undo: what will be reversed, what will be kept, and what cannot be reversed, from the live board.

It is made from the plan that the undo itself carries out, and writes nothing to the board. What a person then ticks is
remembered beside it, and holds only while the board shows what they saw.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count

from staging.core.lifecycle import BATCH, ORDER, NotAllowed, allowed
from staging.core.undoplan import ITEM, Force, Reversal
from staging.models import Batch, Foreseen, Part, StagedOrder, SyncRun, update_each
from staging.models.run import Kind, RunState
from staging.setup import Progress, Setup

from .reverse import CHUNK, Reversing, destination_of, reversals, undoable

PAGE = 500
ANEW = "The item is made anew: the API brings no archived item back."
TYPED = "What people had typed on the archived item is not brought back."


@dataclass(frozen=True, slots=True)
class Seen:
    """One field in a preview: what it was before the batch, what the batch wrote, what stands on the board now.

    `why` says why it stays; `forcible` is true where a person may have it overwritten.
    """

    field: str
    before: Any = None
    written: Any = None
    live: Any = None
    why: str = ""
    forcible: bool = False


@dataclass(frozen=True, slots=True)
class Foresight:
    """What an undo would do to one order; `why` says why something of it cannot be reversed."""

    order: int
    label: str
    operation: str
    back: tuple[Seen, ...] = ()
    kept: tuple[Seen, ...] = ()
    cannot: tuple[Seen, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person left ticked: `only` these orders (None for all), and what is overwritten in which order."""

    only: frozenset[int] | None
    forces: dict[int, Force]


def foresee(
    *, batch: Batch, setup: Setup, progress: Progress, only: Iterable[int] | None = None
) -> Iterator[Foresight]:
    """What an undo of the batch (of `only` these orders) would do, order by order, the newest first.

    Reads the board in chunks; opens no transaction. Raises NotAllowed and Unavailable.
    """
    if why := allowed(BATCH, batch.state, "undo"):
        raise NotAllowed(f"Batch {batch.pk}: {why}.")
    wanted = None if only is None else frozenset(only)
    ids = [pk for pk in undoable(batch).order_by("-id").values_list("pk", flat=True) if wanted is None or pk in wanted]
    destination = destination_of(batch, setup)
    for start in range(0, len(ids), CHUNK):
        progress("preview", start, len(ids))
        page = StagedOrder.objects.filter(pk__in=ids[start : start + CHUNK]).select_related("batch").order_by("-id")
        for work in reversals(list(page), setup, destination):
            yield _foresight(work)
    progress("preview", len(ids), len(ids))


def unsent(batch: Batch) -> int:
    """Orders of which nothing was written yet: a whole undo leaves them unsent, and the next sync stages them anew."""
    waiting = batch.orders.filter(state__in=sorted(ORDER["supersede"].sources))
    return waiting.exclude(pk__in=undoable(batch).values("pk")).count()


def _foresight(work: Reversing) -> Foresight:
    back = [seen for step in work.plan for seen in _back(step, work)]
    stays = [one for step in work.plan for one in step.stays]
    kept = tuple(Seen(s.field, s.before, s.written, s.live, s.why, s.forcible) for s in stays if _edited(s, stays))
    cannot = [Seen(s.field, s.before, s.written, s.live, s.why) for s in stays if not _edited(s, stays)]
    whys = [seen.why for seen in cannot] + [step.why for step in work.plan if step.why and not step.stays]
    whys += [work.blocked] if work.blocked else []
    if work.typed:
        whys.append(TYPED)
        cannot += [Seen(title, before=value, why=TYPED) for title, value in work.typed.items()]
    order = work.order
    why = " ".join(dict.fromkeys(whys))
    return Foresight(order.pk, order.label, order.operation, tuple(back), kept, tuple(cannot), why)


def _edited(one: Any, stays: Sequence[Any]) -> bool:
    """Whether it stays because of a person; what somebody wrote into a created item is shown beside the item."""
    return one.forcible or any(other.field == ITEM and other.forcible for other in stays)


def _back(step: Reversal, work: Reversing) -> Iterator[Seen]:
    write = step.write
    if write is None:
        return
    if work.anew:
        if not write.size:
            yield Seen(ITEM, before=write.after.get("name", work.order.label), why=ANEW)
    elif "archived" in write.after:
        yield Seen(ITEM, written=work.order.label, live=work.order.label)
    else:
        for name, before in write.after.items():
            yield Seen(name, before=before, written=write.before.get(name), live=write.before.get(name))


# --- remembered, so that a person can tick on it ----------------------------------------------------------------------
def remember(*, run: SyncRun, batch: Batch, setup: Setup, progress: Progress) -> dict[str, int]:
    """Make the preview and keep it under this run, instead of the batch's former ones. Returns orders by part.

    Opens short transactions, none while the board is waited for. Raises NotAllowed and Unavailable.
    """
    Foreseen.objects.filter(run__subject=run.subject).delete()
    rows: list[Foreseen] = []
    for one in foresee(batch=batch, setup=setup, progress=progress, only=run.scope.get("orders")):
        rows += [
            Foreseen(run=run, order_id=one.order, part=part, fields=[asdict(seen) for seen in fields], why=why)
            for part, fields, why in ((Part.BACK, one.back, ""), (Part.KEPT, one.kept, ""), _cannot(one))
            if fields or why
        ]
        if len(rows) >= PAGE:
            _store(rows)
    _store(rows)
    return tally(run)


def _cannot(one: Foresight) -> tuple[Part, tuple[Seen, ...], str]:
    return Part.CANNOT, one.cannot, one.why


def _store(rows: list[Foreseen]) -> None:
    with transaction.atomic():
        Foreseen.objects.bulk_create(rows, batch_size=100)
    rows.clear()


def tally(run: SyncRun) -> dict[str, int]:
    """How many orders of a preview fall into each part."""
    rows = Foreseen.objects.filter(run=run).values_list("part").annotate(number=Count("id")).order_by()
    found = dict(rows)
    return {str(part): found.get(str(part), 0) for part in Part}


def latest(batch: Batch) -> SyncRun | None:
    """The newest preview of a batch, whatever has become of it."""
    return SyncRun.objects.filter(kind=Kind.PREVIEW, subject=f"batch:{batch.pk}").order_by("-id").first()


def why_stale(preview: SyncRun, batch: Batch) -> str:
    """Empty where a preview may still be carried out, else a sentence."""
    if why := allowed(BATCH, batch.state, "undo"):
        return f"Batch {batch.pk}: {why}."
    if preview.state != RunState.COMPLETED:
        return "The preview is not complete. Remedy: look at the board again."
    later = SyncRun.objects.filter(subject=preview.subject, pk__gt=preview.pk).order_by("-id").first()
    if later is not None:
        return f"{later} has worked on the batch since. Remedy: look at the board again."
    return ""


def tick(
    *, preview: SyncRun, rows: Iterable[int] | None, chosen: Iterable[int] = (), forced: dict[int, list[str]]
) -> None:
    """Remember what a person ticked in these rows of a preview (all rows where None: `chosen` then means all of them).

    Only edits of people can be forced. Opens a transaction.
    """
    ticked = set(chosen)
    found = Foreseen.objects.filter(run=preview)
    if rows is not None:
        found = found.filter(pk__in=list(rows)[:1000])
    moved = []
    with transaction.atomic():
        for row in found.order_by("pk").iterator(chunk_size=PAGE):
            chosen_now = row.chosen if rows is None else row.pk in ticked
            may = {seen["field"] for seen in row.fields if seen["forcible"]}
            forced_now = sorted(may & set(forced.get(row.pk, [])))
            if row.part == Part.KEPT and row.forced != forced_now:
                row.forced = forced_now
                moved.append(row)
            elif row.part == Part.BACK and row.chosen != chosen_now:
                row.chosen = chosen_now
                moved.append(row)
        update_each(moved, ["chosen", "forced"])


def force_all(*, preview: SyncRun, force: bool) -> None:
    """Overwrite every edit that was seen, or none. Opens a transaction."""
    moved = []
    with transaction.atomic():
        for row in Foreseen.objects.filter(run=preview, part=Part.KEPT).order_by("pk").iterator(chunk_size=PAGE):
            row.forced = sorted(seen["field"] for seen in row.fields if seen["forcible"]) if force else []
            moved.append(row)
        update_each(moved, ["forced"])


def choose_all(*, preview: SyncRun, chosen: bool) -> None:
    """Tick every order that can be reversed, or none."""
    Foreseen.objects.filter(run=preview, part=Part.BACK).update(chosen=chosen)


def choices(preview: SyncRun) -> Choices:
    """What a person left ticked on a preview."""
    unticked, forces = set[int](), dict[int, Force]()
    for row in Foreseen.objects.filter(run=preview).order_by("pk").iterator(chunk_size=PAGE):
        if row.part == Part.BACK and not row.chosen:
            unticked.add(row.order_id)
        if row.part == Part.KEPT and row.forced:
            forces[row.order_id] = Force(
                seen={seen["field"]: seen["live"] for seen in row.fields if seen["field"] in row.forced}
            )
    if not unticked and not preview.scope.get("orders"):
        return Choices(None, forces)
    all_of_them = set(Foreseen.objects.filter(run=preview).values_list("order_id", flat=True))
    return Choices(frozenset(all_of_them - unticked), {pk: one for pk, one in forces.items() if pk not in unticked})


def what_is_chosen(preview: SyncRun) -> str:
    """A hash over everything that stands ticked; a confirmation binds to it."""
    rows = Foreseen.objects.filter(run=preview).order_by("pk").values_list("pk", "chosen", "forced")
    told = json.dumps([preview.pk, [list(row) for row in rows.iterator(chunk_size=PAGE)]])
    return hashlib.sha256(told.encode()).hexdigest()
