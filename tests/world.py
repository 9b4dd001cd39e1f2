"""A small world for the tests of the line: rows in memory, a local board of its own, a clock that stands still.

The board is the real sandbox behind the real client; only the source is a double, and it keeps to the port. `Wire`
stands between client and board and can lose requests and answers; `Mortal` lets the process die at any commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import requests
from django.db import connection

from mapping.core.order import Rendered
from mapping.core.targets import expected_structure
from mapping.models import Alias, Customer, Document, Version
from mapping.publish import load_family
from monday import boards
from monday.calls import CallLog
from monday.client import MondayClient
from monday.models import Board
from monday.sandbox.app import SandboxApp
from monday.sandbox.faults import Fault, FaultScript
from monday.sandbox.store import SandboxStore
from monday.sandbox.transport import ADDRESS, SandboxAdapter, seed
from monday.token import Token
from staging import audit
from staging.batches.decide import approve
from staging.core.ports import Target
from staging.destinations.board import MondayBoard
from staging.models import AuditChain, AuditEvent, Batch, Receipt, Snapshot, StagedOrder, SyncRun
from staging.pushing.push import Pushed, push
from staging.setup import Setup, silent
from staging.sync import Report, Request, sync
from staging.undoing.undo import Undone, undo
from tests.core.mapping_samples import BHOOD, BOARD, HARBOUR

from .memory_source import MemorySource, uuid
from .people import People
from .wire import Died, Mortal, Sent, Wire

FOX = "version: 1\ncustomer: WHITE|FOX\naliases: [WHITE FOX]\n"
SPRUCE = "version: 1\ncustomer: 云杉服饰\naliases: [云杉]\n"
WRITTEN_BY_PUBLISHING: tuple[Any, ...] = (Customer, Document, Version, Alias, AuditChain, AuditEvent)
_published: dict[tuple[str, ...], list[list[tuple[Any, ...]]]] = {}  # by texts: the rows of each of these models
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class FixedClock:
    """Stands still until somebody sleeps or the test moves it."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as people see it, by value; `lines` are (size key, quantity), sorted."""

    key: str
    name: str
    group: str
    cells: Mapping[str, Any]
    lines: tuple[tuple[str, str | None], ...]
    id: str = field(compare=False)
    line_ids: Mapping[str, str] = field(compare=False, default_factory=dict)


class World(People):
    """Everything around the use cases, and the use cases with their arguments filled in."""

    def __init__(
        self,
        folder: Path,
        *,
        board: str = BOARD,
        customers: Sequence[str] = (HARBOUR, BHOOD, FOX, SPRUCE),
        settle_seconds: float = 2.0,
    ) -> None:
        self.clock = FixedClock()
        self.source = MemorySource()
        self.address = ADDRESS + "v2"
        self.board_text = board
        self._publish_first((board, *customers))
        self.store = SandboxStore(folder / "board.sqlite3")
        self.settle_seconds = settle_seconds
        self.app = self._app()
        self.wire = Wire(self.app)
        self._clients: list[MondayClient] = []
        self.calls = CallLog()
        session = self._session(self.wire)
        seed(session, self.address, expected_structure(*load_family().family.mappings()), "sandbox")
        self._client = self._connect(session, lambda call: self.calls(call))
        self._session_of_client = session
        self._hand = self._session(SandboxAdapter(self.app))
        self._eye = self._connect(self._hand, token=Token("planner"))
        self.board = self.known_board()

    def _publish_first(self, texts: tuple[str, ...]) -> None:
        """Publish into an empty database; where these texts were published before, write down what came of it.

        Every world begins so, and publishing asks much. Only SQLite's keys go on behind rows that brought their own.
        """
        empty = connection.vendor == "sqlite" and not any(model.objects.exists() for model in WRITTEN_BY_PUBLISHING)
        with connection.cursor() as cursor:
            if empty and texts in _published:
                for model, rows in zip(WRITTEN_BY_PUBLISHING, _published[texts], strict=True):
                    marks = ", ".join(["%s"] * len(model._meta.concrete_fields))
                    cursor.executemany(f"INSERT INTO {model._meta.db_table} VALUES ({marks})", rows)
                return
            for text in texts:
                self.publish(text)
            if empty:
                _published[texts] = []
                for model in WRITTEN_BY_PUBLISHING:
                    cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY id")
                    _published[texts].append(cursor.fetchall())

    def _app(self, *faults: Fault) -> SandboxApp:
        return SandboxApp(
            self.store,
            faults=FaultScript(faults),
            settle_seconds=self.settle_seconds,
            clock=self.clock.seconds,
            sleep=self.clock.sleep,
        )

    def strike(self, *faults: Fault) -> None:
        """From now on the board has these faults, and no others."""
        self.wire.app = self._app(*faults)

    def use_token(self, token: Token) -> None:
        """From now on the client shows this token."""
        self._client = self._connect(self._session_of_client, lambda call: self.calls(call), token)

    def close(self) -> None:
        """Give back every connection."""
        for client in self._clients:
            client.close()
        self.store.close()

    def _session(self, adapter: SandboxAdapter) -> requests.Session:
        session = requests.Session()
        session.mount(ADDRESS, adapter)
        return session

    def _connect(
        self, session: requests.Session, recorder: Callable[[Any], None] | None = None, token: Token | None = None
    ) -> MondayClient:
        client = MondayClient(
            address=self.address,
            token=token or Token("sandbox"),
            session=session,
            recorder=recorder,
            sleep=self.clock.sleep,
            clock=self.clock.seconds,
        )
        self._clients.append(client)
        return client

    # --- the use cases -----------------------------------------------------------------------------------------------
    def known_board(self) -> Board:
        """The board as the wiring would know it."""
        identity = self._client.identity()
        return boards.know(
            address=self.address,
            account_id=identity.account_id,
            structure=self._client.board(load_family().family.board.board.id),
            sandbox=True,
            now=self.clock.now(),
        )

    def setup(self) -> Setup:
        """What a command would open."""
        mappings = load_family()
        board = self.known_board()
        structure = board.known_structure()
        assert structure is not None
        return Setup(
            board=board,
            mappings=mappings,
            source=self.source,
            structure=structure,
            destination=partial(self._destination, board),
            clock=self.clock,
            settle_seconds=self.settle_seconds,
        )

    def _destination(self, board: Board, target: Target, customer: str) -> MondayBoard:
        return MondayBoard(client=self._client, board=board, target=target, now=self.clock.now, labels={})

    def sync(self, *, mode: str = "TEST", chunk: int = 100, progress: Any = silent, **request: Any) -> Report:
        """One run; TEST approves by policy and pushes, PRODUCTION stops at approval. Its sums must hold."""
        self.clock.sleep(1)
        self.calls = CallLog()
        self.source.rows_read = 0
        before = len(self.wire.sent)
        asked = Request(mode=mode, actor="cli", chunk=chunk, **request)
        report = sync(request=asked, setup=self.setup(), calls=self.calls, progress=progress)
        self.run_writes = [sent for sent in self.wire.sent[before:] if sent.writes]
        assert report.counts.problems() == []
        return report

    def stage(self, **request: Any) -> Report:
        """One run that stops at approval."""
        return self.sync(mode="PRODUCTION", **request)

    def batch(self) -> Batch:
        """The newest batch."""
        return Batch.objects.select_related("customer", "board").latest("id")

    def approve(self, batch: Batch | None = None, only: Sequence[int] | None = None) -> Batch:
        """Approve a batch as a person, the newest where none is given."""
        batch = batch or self.batch()
        setup = self.setup()
        approve(
            batch=batch,
            mappings=setup.mappings,
            structure=setup.structure,
            actor="ben",
            now=self.clock.now(),
            only=only,
        )
        return batch

    def push(self, batch: Batch | None = None, chunk: int = 100, progress: Any = silent) -> Pushed:
        """Push a batch, the newest where none is given."""
        self.clock.sleep(1)
        batch = batch or self.batch()
        batch.refresh_from_db()
        return push(batch=batch, setup=self.setup(), actor="ben", chunk=chunk, progress=progress)

    def undo(self, batch: Batch | None = None, **more: Any) -> Undone:
        """Undo a batch, the newest where none is given."""
        self.clock.sleep(1)
        batch = batch or self.batch()
        batch.refresh_from_db()
        return undo(batch=batch, setup=self.setup(), actor="ben", progress=silent, **more)

    def bury(self, seconds: float = 600) -> None:
        """Time passes: the claims of a dead process run out, and the board is done with whatever reached it."""
        past = START - timedelta(days=1)
        Batch.objects.exclude(lease_owner="").update(lease_until=past)
        SyncRun.objects.exclude(lease_owner="").update(lease_until=past)
        self.clock.sleep(seconds)

    # --- what can be seen --------------------------------------------------------------------------------------------
    def shown(self) -> dict[str, list[Shown]]:
        """The board's active items by link key, as people see them."""
        structure = self._eye.board(self.board.board_id)
        assert structure.subitems is not None
        titles = {group.id: group.title for group in structure.groups}
        hidden = ("name", "subtasks")
        columns = [column for column in structure.columns.values() if column.id not in hidden]
        below = [column for column in structure.subitems.columns.values() if column.id not in hidden]
        found: dict[str, list[Shown]] = {}
        for item in self._eye.all_items(self.board.board_id, columns=columns, subitem_columns=below):
            cells = {name: value for name, value in item.values.items() if value not in (None, "", [])}
            key = str(cells.pop("text_record_uuid", ""))
            lines = [line for line in item.subitems if line.state == "active"]
            pairs = sorted(
                (str(line.values.get("text_size_key") or line.name), line.values.get("numeric_qty")) for line in lines
            )
            ids = {str(line.values.get("text_size_key") or line.name): line.id for line in lines}
            shown = Shown(key, item.name, titles[item.group_id], cells, tuple(pairs), item.id, ids)  # type: ignore[arg-type]
            found.setdefault(key, []).append(shown)
        return found

    def item(self, number: int) -> Shown:
        """The one item of a record."""
        (found,) = self.shown()[uuid(number)]
        return found

    def on_board(self, number: int) -> bool:
        return uuid(number) in self.shown()

    def sizes(self, number: int) -> dict[str, str | None]:
        """Quantity by size of a record's item."""
        return {key.rpartition("/")[2]: quantity for key, quantity in self.item(number).lines}

    def snapshot(self, number: int) -> Snapshot:
        return Snapshot.objects.get(board=self.board, record=uuid(number))

    def order(self, number: int) -> StagedOrder:
        """The newest staged order of a record."""
        return StagedOrder.objects.filter(record=uuid(number)).select_related("batch").latest("id")

    def state(self, number: int) -> str:
        return self.order(number).state

    # --- what must always hold ---------------------------------------------------------------------------------------
    def check(self, *, settled: bool = True) -> None:
        """Nothing stands twice on the board, every receipt is true, and the audit is whole."""
        for key, items in self.shown().items():
            assert not key or len(items) == 1, f"{len(items)} items carry {key}"
            lines = [line for line, _ in items[0].lines]
            assert len(set(lines)) == len(lines), f"a size stands twice under {key}: {lines}"
        sound, broken = audit.verify()
        assert sound
        assert not broken, broken
        if settled:
            assert not StagedOrder.objects.filter(state__in=["sending", "undoing"]).exists()
            assert not Batch.objects.filter(state__in=["draft", "pushing"]).exists()
            assert not Receipt.objects.filter(outcome__in=["intended", "sent"]).exists()
            assert not SyncRun.objects.filter(state="running").exists()

    def check_equal(self) -> None:
        """The board shows exactly what the source says, and so do the snapshots: nothing is lost."""
        self.check()
        family = load_family().family
        shown, structure = self.shown(), self.setup().structure
        wanted = {}
        for row in self.source.orders:
            customer = family.customer_of(row["CUSTOMER"])
            assert customer
            cells = tuple(row.get(name) for name in self.source.names)
            rendered = family.renderer(customer, self.source.names, structure)(cells)
            assert isinstance(rendered, Rendered), rendered
            order = rendered.order
            snapshot = Snapshot.objects.get(board=self.board, record=row["record_uuid"])
            key = snapshot.link_key
            lines = sorted((f"{key}/{size}", str(quantity)) for size, quantity in order.sizes.items())
            values = {column: value for column, value in order.cells.items() if value is not None}
            wanted[key] = [Shown(key, order.name, order.group, values, tuple(lines), "")]
            assert shown.get(key) == wanted[key]
            assert snapshot.item_id == shown[key][0].id
        linked = {key: items for key, items in shown.items() if items[0].group != "Removed"}
        assert linked == wanted


__all__ = ["START", "Died", "FixedClock", "MemorySource", "Mortal", "Sent", "Shown", "Wire", "World", "uuid"]
