"""Stored rows as the dictionaries that the resolvers answer with."""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Iterable
from typing import Any

from . import items, showing
from .boards import Board, BoardColumn
from .exchange import Exchange, iso
from .groups import BoardGroup
from .items import BoardItem
from .labels import BoardLabel

VISIBLE = "visible"


class ItemSurroundings:
    """What the pictures of one item's cells need; the column changes from cell to cell."""

    __slots__ = ("column", "created_at", "creator_id", "exchange", "item_id", "updated_at", "zone")

    def __init__(self, exchange: Exchange, item: BoardItem, zone: zoneinfo.ZoneInfo) -> None:
        self.exchange = exchange
        self.item_id = item.id
        self.creator_id = item.creator
        self.created_at = iso(item.created_at) or ""
        self.updated_at = iso(item.updated_at) or ""
        self.zone = zone
        self.column: BoardColumn | None = None

    def label(self, label_id: int) -> BoardLabel | None:
        return self.exchange.label(self.column, label_id) if self.column else None

    def person(self, kind: str, person_id: int) -> str:
        return "Sandbox" if str(person_id) == self.exchange.user_id else f"{kind.capitalize()} {person_id}"

    def names(self, item_ids: list[int]) -> list[tuple[int, str]]:
        return [(item.id, item.name) for item in items.by_ids(self.exchange.db, item_ids) if item.state == "active"]

    def subitem_names(self) -> list[tuple[int, str]]:
        return [(item.id, item.name) for item in items.subitems_of(self.exchange.db, self.item_id)]


def cells(exchange: Exchange, item: BoardItem, columns: Iterable[BoardColumn]) -> list[dict[str, Any]]:
    """The cells of an item for these columns, as `column_values` answers them."""
    stored: dict[str, Any] = json.loads(item.cells)
    around = ItemSurroundings(exchange, item, exchange.zone)
    result = []
    for column in columns:
        around.column = column
        cell = showing.shown(column.kind, _fitting(column, stored.get(column.id)), around)
        cell["id"], cell["type"], cell["column_row"], cell["item_row"] = column.id, _type(column.kind), column, item
        result.append(cell)
    return result


def _fitting(column: BoardColumn, stored: Any) -> Any:
    # A column that was deleted and made anew, or retyped, does not show what was written for another kind.
    is_text = column.kind in ("text", "numbers")
    return stored if stored is None or isinstance(stored, str) == is_text else None


def item(row: BoardItem) -> dict[str, Any]:
    return {
        "row": row,
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "creator_id": row.creator,
        "email": f"item-{row.id}@sandbox.invalid",
        "relative_link": f"/boards/{row.board_id}/pulses/{row.id}",
        "url": f"https://sandbox.invalid/boards/{row.board_id}/pulses/{row.id}",
    }


def board(row: Board) -> dict[str, Any]:
    return {
        "row": row,
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "state": row.state,
        "board_kind": row.kind,
        "type": row.type,
        "permissions": "everyone",
        "hierarchy_type": "classic",
        "items_count": row.items_count,
        "items_limit": row.items_limit,
        "item_terminology": "item",
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "url": f"https://sandbox.invalid/boards/{row.id}",
        "access_level": "edit",
        "team_owners": [],
        "team_subscribers": [],
        "views": [],
    }


def column(row: BoardColumn) -> dict[str, Any]:
    return {
        "row": row,
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "type": _type(row.kind),
        "width": row.width,
        "archived": row.archived,
        "revision": row.revision,
        "capabilities": {"visibility": VISIBLE},
    }


def group(row: BoardGroup) -> dict[str, Any]:
    return {
        "row": row,
        "id": row.id,
        "title": row.title,
        "color": row.color,
        "position": f"{row.position:g}",
        "archived": row.state == "archived",
        "deleted": row.state == "deleted",
    }


def user(exchange: Exchange) -> dict[str, Any]:
    """The one person of a sandbox account, who owns the token."""
    return {
        "id": exchange.user_id,
        "account_id": exchange.account_id,
        "country_code": None,
        "created_at": "2026-01-01T00:00:00Z",
        "email": "sandbox@sandbox.invalid",
        "is_deleted": False,
        "kind": "member",
        "name": "Sandbox",
        "status": "ACTIVE",
        "time_zone_identifier": exchange.behaviour.time_zone,
        "title": "",
        "url": f"https://sandbox.invalid/users/{exchange.user_id}",
        "utc_hours_diff": 0.0,
        "teams": [],
        "serial_number": 1,
        "is_email_confirmed": True,
        "became_active_at": "2026-01-01T00:00:00Z",
        "last_activity": iso(exchange.clock()),
        "invitation_method": "UNKNOWN",
        "photo_url": None,
    }


def account(exchange: Exchange) -> dict[str, Any]:
    tier = "enterprise" if exchange.plan == "none" else exchange.plan
    return {
        "id": exchange.account_id,
        "name": "Sandbox",
        "slug": "sandbox",
        "tier": tier,
        "country_code": None,
        "first_day_of_the_week": "monday",
        "is_during_trial": False,
        "is_trial_expired": False,
        "show_timeline_weekends": True,
        "active_members_count": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "logo": None,
        "sign_up_product_kind": "core",
        "products": [{"id": 1, "kind": "core", "tier": tier, "default_workspace_id": 1}],
        "plan": {"max_users": 200, "period": "yearly", "tier": tier, "version": 1},
    }


def _type(kind: str) -> str:
    return kind if kind in KINDS else "unsupported"


_OFTEN = (
    "board_relation checkbox date dropdown email item_id link long_text mirror name numbers people phone status text"
)
_SELDOM = "auto_number button color_picker country creation_log dependency direct_doc doc file formula group hour"
_MORE = "integration item_assignees last_updated location person progress rating subtasks tags team time_tracking"
KINDS = frozenset(f"{_OFTEN} {_SELDOM} {_MORE} timeline unsupported vote week world_clock".split())
