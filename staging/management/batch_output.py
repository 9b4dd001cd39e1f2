"""What `batches` prints: lines for people and documents for programs, both made from one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from mapping.core.document import Problem
from monday.core.forecast import Forecast
from staging.batches.describe import BatchPicture, Happened
from staging.batches.diff import FieldChange, OrderPicture, SizeChange

SCHEMA_VERSION = 1
LONGEST = 160  # letters of one value on a line


def table(pictures: Sequence[BatchPicture]) -> Iterator[str]:
    """One line for each batch, under a heading."""
    rows = [(str(p.id), _state(p.state), p.customer, p.holds) for p in pictures]
    heads = ("batch", "state", "customer", "holds")
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    yield "  ".join(head.ljust(width) for head, width in zip(heads, widths, strict=True)) + "  what it does"
    for row, picture in zip(rows, pictures, strict=True):
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=True)), picture.sentence])


def listed(pictures: Sequence[BatchPicture]) -> dict[str, Any]:
    """The same list as data."""
    return {"schema_version": SCHEMA_VERSION, "batches": [plain(picture) for picture in pictures]}


def page(
    picture: BatchPicture,
    checked: Sequence[Problem] | str,
    orders: Sequence[OrderPicture],
    history: Sequence[Happened],
    ahead: Forecast | None = None,
) -> Iterator[str]:
    """One batch in full. `checked` is what a check found, or the sentence why it could not be made."""
    yield picture.title
    yield f"{_state(picture.state).capitalize()}. {picture.sentence} Built from {picture.built_from}."
    if picture.approved_by:
        at = f" at {moment(picture.approved_at)}" if picture.approved_at else ""
        yield f"Approved by {picture.approved_by}{at}."
    if ahead is not None:
        yield f"A push: {ahead}"
    yield f"check    {_check(checked)}"
    if not isinstance(checked, str):
        yield from (f"         {problem.sentence()}" for problem in checked)
    for order in orders:
        yield from _order(order)
    left = sum(picture.counts.values()) - len(orders)
    if left > 0:
        yield f"... and {left:,} more; --orders {len(orders) + left} shows all."
    yield "history"
    yield from (f"  {moment(one.at)}  {one.actor}: {one.what}{_because(one.reason)}" for one in history)


def paged(
    picture: BatchPicture,
    checked: Sequence[Problem] | str,
    orders: Sequence[OrderPicture],
    history: Sequence[Happened],
    ahead: Forecast | None = None,
) -> dict[str, Any]:
    """The same page as data; `check.problems` is null where the check could not be made."""
    problems = None if isinstance(checked, str) else [asdict(problem) for problem in checked]
    return {
        "schema_version": SCHEMA_VERSION,
        **plain(picture),
        "check": {"status": _check(checked), "problems": problems},
        "forecast": forecast_data(ahead) if ahead is not None else None,
        "orders": [plain(order) for order in orders],
        "history": [plain(event) for event in history],
    }


def forecast_data(ahead: Forecast) -> dict[str, Any]:
    """A forecast as data; `share` is of the calls left today, null where they are not known; `finish` is in UTC."""
    finish = None if ahead.finish is None else datetime.fromtimestamp(ahead.finish, UTC).isoformat()
    return {"calls": ahead.calls, "operations": ahead.operations, "share": ahead.share, "finish": finish}


def plain(picture: BatchPicture | OrderPicture | Happened) -> dict[str, Any]:
    """A picture as JSON-able data; times are ISO 8601 in UTC."""
    return {name: _plain(value) for name, value in asdict(picture).items()}


def moment(at: datetime | None) -> str:
    """A time in UTC to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "never"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return dict(value) if isinstance(value, Mapping) else value


def _check(checked: Sequence[Problem] | str) -> str:
    if isinstance(checked, str):
        return f"not checked: {checked}"
    errors = sum(problem.severity == "error" for problem in checked)
    warnings = len(checked) - errors
    return f"{errors} blocking, {warnings} {'warning' if warnings == 1 else 'warnings'}"


def _order(order: OrderPicture) -> Iterator[str]:
    key = f" ({order.key})" if order.key else ""
    why = "" if order.problem else _because(order.reason)
    yield f"  #{order.id} {order.operation} {order.label}{key} - {_state(order.state)}{why}"
    if order.problem:
        yield f"      refused: {_cut(order.problem)}"
    new = order.operation == "create"
    yield from (f"      {change.title}: {_change(change, new)}" for change in order.fields)
    if order.sizes:
        yield f"      sizes: {', '.join(f'{size.size} {_change(size, new)}' for size in order.sizes)}"
    for conflict in order.conflicts:
        yield (
            f"      conflict in {conflict.title}: last written {_side(conflict.written)}, the source says "
            f"{_side(conflict.wanted)}, the board shows {_side(conflict.live)}"
        )
    yield from (f"      note: {_cut(warning)}" for warning in order.warnings)


def _change(change: FieldChange | SizeChange, new: bool) -> str:
    """Old -> new; of an order that is new only what it will be."""
    return _side(change.after) if new else f"{_side(change.before)} -> {_side(change.after)}"


def _side(value: str | int | None) -> str:
    return "(empty)" if value is None else _cut(str(value))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


def _because(reason: str) -> str:
    return f": {_cut(reason)}" if reason else ""


def _state(state: str) -> str:
    return state.replace("_", " ")
