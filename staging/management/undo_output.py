"""What the preview of an undo prints: three groups, for people and as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from staging.batches.diff import field_titles, shown
from staging.core.undoplan import ITEM
from staging.core.words import counted
from staging.models import Batch
from staging.undoing.foresee import ANEW, Foresight, Seen

SHOWN = 20  # orders of each group


def lines(batch: Batch, found: Sequence[Foresight], *, left: int) -> list[str]:
    """The preview of an undo in lines; `left` is how many orders were not sent yet."""
    titles = field_titles(batch)
    back = [one for one in found if one.back]
    kept = [one for one in found if one.kept]
    cannot = [one for one in found if one.why]
    told = [
        f"Batch {batch.pk} - {batch.customer.name}: an undo would put back fields of {counted(len(back), 'order')}, "
        f"keep what somebody edited since in {len(kept):,}, and cannot reverse something in {len(cannot):,}."
    ]
    told += _group("will be reversed (board now -> as before)", back, lambda one: _reversed(one, titles))
    told += _group("will be kept, because somebody edited it since", kept, lambda one: _kept(one, titles))
    told += _group("cannot be reversed", cannot, lambda one: _cannot(one, titles))
    if left:
        told.append(f"  {counted(left, 'order')} not sent yet will not be sent; the next sync stages them anew.")
    return told


def data(found: Sequence[Foresight]) -> dict[str, Any]:
    """The same as data: for each group its orders with their fields."""
    groups: dict[str, list[dict[str, Any]]] = {"back": [], "kept": [], "cannot": []}
    for one in found:
        about = {"order": one.order, "label": one.label, "operation": one.operation}
        for group, fields in (("back", one.back), ("kept", one.kept), ("cannot", one.cannot)):
            if fields or (group == "cannot" and one.why):
                why = {"why": one.why} if group == "cannot" else {}
                groups[group].append({**about, **why, "fields": [asdict(seen) for seen in fields]})
    return groups


def _group(title: str, orders: Sequence[Foresight], words: Callable[[Foresight], str]) -> Iterator[str]:
    if not orders:
        return
    yield f"  {title}"
    yield from (f"    #{one.order} {one.label}: {words(one)}" for one in orders[:SHOWN])
    if len(orders) > SHOWN:
        yield f"    ... and {len(orders) - SHOWN:,} more; --json shows all, --orders some"


def _reversed(one: Foresight, titles: Callable[[str], str]) -> str:
    if one.back[0].field == ITEM:
        return "the item is made anew" if one.back[0].why == ANEW else "the item is archived"
    return ", ".join(f"{titles(seen.field)} {_side(seen.live)} -> {_side(seen.before)}" for seen in one.back)


def _kept(one: Foresight, titles: Callable[[str], str]) -> str:
    parts = [_three(seen, titles) for seen in one.kept if seen.field != ITEM]
    return "; ".join(parts)


def _three(seen: Seen, titles: Callable[[str], str]) -> str:
    values = f"written {_side(seen.written)}, board now {_side(seen.live)}, before {_side(seen.before)}"
    return f"{titles(seen.field)}: {values}"


def _cannot(one: Foresight, titles: Callable[[str], str]) -> str:
    named = ", ".join(titles(seen.field) for seen in one.cannot if seen.field != ITEM)
    return f"{one.why}{f' ({named})' if named else ''}"


def _side(value: Any) -> str:
    return shown(value) or "(empty)"
