"""Items that another client put on the board before us: as the source says, or nearly so, without our keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from mapping.core.order import Order, Rendered
from mapping.publish import load_family
from monday import boards
from monday.core.operations import CreateItem, CreateSubitem
from staging.boards.adopt import Adopted, adopt
from staging.models import SyncRun
from staging.models.run import Kind, RunState
from staging.running.runs import end, now_on
from staging.setup import silent
from tests.world import World, uuid


def rendered(world: World, numbers: Sequence[int]) -> list[Order]:
    """The orders that the rows of these records render to."""
    family, structure = load_family().family, world.setup().structure
    rows = {row["record_uuid"]: row for row in world.source.orders}
    renderers: dict[str, Any] = {}
    orders = []
    for number in numbers:
        row = rows[uuid(number)]
        customer = family.customer_of(row["CUSTOMER"])
        assert customer
        if customer not in renderers:
            renderers[customer] = family.renderer(customer, world.source.names, structure)
        found = renderers[customer](tuple(row.get(name) for name in world.source.names))
        assert isinstance(found, Rendered), found
        orders.append(found.order)
    return orders


def put(
    world: World, *numbers: int, link: bool = False, lines: bool = True, keyed: bool = False, **cells: Any
) -> list[str]:
    """Put items for these records on the board; `cells` replace what the source says. Returns their ids."""
    orders = rendered(world, numbers)
    client, board = world._eye, world.known_board()
    groups = boards.ensure_groups(
        board=board, client=client, titles=[order.group for order in orders], now=world.clock.now()
    )
    creations = []
    for number, order in zip(numbers, orders, strict=True):
        values = {name: value for name, value in {**order.cells, **cells}.items() if value is not None}
        if link:
            values["text_record_uuid"] = uuid(number)
        creations.append(CreateItem(board.board_id, groups[order.group], order.name, values, create_labels=True))
    ids = world.by_hand(*creations)
    subitems = []
    for number, item, order in zip(numbers, ids, orders, strict=True):
        for size, quantity in order.sizes.items() if lines else ():
            values = {"dropdown_size": [size], "numeric_qty": str(quantity)}
            if keyed:
                values["text_size_key"] = f"{uuid(number)}/{size}"
            subitems.append(CreateSubitem(item, size, values, create_labels=True))
    if subitems:
        world.by_hand(*subitems)
    return ids


def adopted(world: World, *, apply: bool = True, mode: str = "TEST", **more: Any) -> Adopted:
    """One adoption, as the command does it. Its sums must hold."""
    world.clock.sleep(1)
    setup = world.setup()
    with now_on(
        kind=Kind.ADOPT, subject=f"board:{mode}", board=setup.board, mode=mode, actor="cli:ben", scope={"apply": apply}
    ) as run:
        done = adopt(run=run, setup=setup, apply=apply, progress=more.pop("progress", silent), **more)
        end(run, RunState.COMPLETED, now=timezone.now(), notes=done.notes)
    assert done.counts.problems() == []
    return done


def adoption() -> SyncRun:
    """The newest adoption."""
    return SyncRun.objects.filter(kind=Kind.ADOPT).latest("id")
