"""An installation in which every page has something to show: sent, waiting, refused, held, undone and declined."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence

from tests.journeys.installation import Installation

# The label goes when the first items are created, so the board refuses what carries it.
FAULTS = """
faults:
  - {kind: label_deactivated, every: 1, times: 1, "on": create_item,
     board: "5600100200", column: dropdown_mkr518fc, label: CANCELLED}
behaviour: {server_timeout: 1}
"""

EX_FACTORY, PRICE = "date_mkr57811", "numeric_mkr5cact"  # the board's columns of EX FACTORY DATE and CUSTOMER PRICE
EDITED = "B'HOOD"  # the customer whose later push meets edits of planners
EDIT = """
from staging.models import Channel, Snapshot
from staging.core.events import Event
everything = [str(event) for event in Event]
Channel.objects.create(name="Planners", kind="email", address="planners@example.com", events=everything)
Channel.objects.create(name="Morning mail", kind="email", address="head@example.com", events=everything, digest=True)
Channel.objects.create(name="Old chat", kind="slack", address="http://127.0.0.1:1/hook", events=everything)
linked = Snapshot.objects.exclude(item_id="").order_by("id")
answer = [[s.item_id, s.record, s.customer.name] for s in linked.select_related("customer")[:60]]
"""
MOVE = """
from django.db import connections
change = 'update "ORDERS_UNIFIED" set "EX FACTORY DATE" = %%s where lower("record_uuid") = %%s'
with connections["orders"].cursor() as cursor:
    answer = [cursor.execute(change, ["2027-12-24", record]).rowcount for record in %r]
"""
FIND = """
from staging.models import Batch, StagedOrder
open_ones = Batch.objects.filter(state="open").order_by("id")
answer = {
    "open": [b.pk for b in open_ones],
    "pushed": [b.pk for b in Batch.objects.filter(state="pushed").order_by("id")],
    "order": getattr(StagedOrder.objects.filter(batch__state="open", state="staged").order_by("id").first(), "pk", 0),
}
"""
UPDATED = """
from staging.models import Receipt
answer = Receipt.objects.filter(item_id=%r, order__operation="update").latest("id").batch_id
"""
DECIDED = """
from datetime import timedelta
from django.db import connections
from django.utils import timezone
from mapping.drafts import save_draft
from mapping.models import Document
from mapping.publish import load_family
from monday.models import Board
from staging import board_jobs, impact_jobs, intake_jobs, jobs
from staging.batches import decide
from staging.batches.conflicts import rule, what_is_seen
from staging.models import Batch, Channel, StagedOrder, SyncRun
from staging.running import runs
by, now, board = {"actor": "operator", "trigger": "admin"}, timezone.now(), Board.objects.get()
with connections["orders"].cursor() as cursor:
    cursor.execute('update "ORDERS_UNIFIED" set "CUSTOMER PRICE" = %%s where lower("record_uuid") = %%s', ["31.50", %r])
jobs.work(jobs.ask_sync(mode="TEST", scope={"by_person": True, "customer": %r}, **by).pk)
batch = Batch.objects.filter(state="open", customer__name=%r).latest("id")
decide.approve(
    batch=batch, mappings=load_family(board.board_id), structure=board.known_structure(), actor="approver", now=now
)
jobs.work(jobs.ask_push(batch, actor="approver", trigger="admin").pk)
batch.refresh_from_db()
order = StagedOrder.objects.get(batch=batch, record=%r)
rule(
    batch=batch, orders=[order], field=%r, take="source", seen=what_is_seen([order], %r), actor="approver", now=now
)
jobs.work(jobs.ask_preview(Batch.objects.get(pk=%r), **by).pk)
document = Document.objects.get(kind="board")
text = document.versions.published().get().text.replace("EX WORKS (USD): {to", "# not for now: EX WORKS (USD): {to")
draft = save_draft(document=document, text=text, actor="administrator", note="Prices come later", now=now).version
jobs.work(impact_jobs.ask_impact(draft, actor="administrator").pk)
jobs.work(board_jobs.ask_reconciliation(mode="TEST", **by).pk)
jobs.work(board_jobs.ask_adoption(mode="TEST", actor="operator", board=None, apply=False).pk)
with open("docs/example-orders.csv", "rb") as file:
    jobs.work(intake_jobs.ask_reading(called="orders of May.csv", pieces=[file.read()], actor="operator").pk)
Channel.objects.create(name="Warehouse", kind="email", address="warehouse@example.com", events=["failed"])
at_work = runs.ask(kind="reconcile", mode="TEST", actor="operator", trigger="admin", board=board, now=now)
SyncRun.objects.filter(pk=at_work.pk).update(
    state="running", phase="board", phase_at=now, done=57, total=91,
    lease_owner="scene", lease_until=now + timedelta(days=1),
)
answer = batch.state
"""


def furnish(place: Installation, *, rows: int = 300) -> None:
    """Make the scene in an empty folder; takes about half a minute. Its local board goes on being served."""
    place.manage("migrate", "--verbosity", "0")
    place.manage("load_demo_orders", "--rows", str(rows))
    place.board(0, faults=FAULTS)
    place.command("sync_orders", "--mode", "TEST", "--limit", "60")
    linked, api = place.ask(EDIT), place.env["MONDAY_API_URL"]
    for item, *_ in linked[:4]:
        _by_hand(api, item, {EX_FACTORY: "2027-06-30"})
    place.ask(MOVE % [record for _, record, _ in linked[:6]])
    place.manage("load_demo_orders", "--mutate", "changed=10,new=6,deleted=2")
    place.command("sync_orders", "--mode", "TEST", "--limit", "40")
    place.command("sync_orders", "--mode", "TEST", "--expect-rows", "3")
    seen = place.ask(FIND)
    place.command("batches", "undo", str(seen["pushed"][0]), "--reason", "the buyer called")
    place.ask(
        "from staging import jobs\nfrom monday.models import Board\n"
        "run = jobs.ask_sync(mode='TEST', actor='operator', trigger='admin', scope={'by_person': True, 'limit': 90})\n"
        "jobs.work(run.pk)\n"
        "answer = jobs.work(jobs.ask_refresh(Board.objects.get(), actor='operator', trigger='admin').pk)"
    )
    _decide(place, [(item, record) for item, record, customer in linked if customer == EDITED], linked[4][0])
    seen = place.ask(FIND)
    place.command("batches", "decline", str(seen["open"][-1]), "--reason", "the season is over")
    place.command("batches", "hold", str(seen["open"][0]), "--orders", str(seen["order"]), "--reason", "ask the buyer")


def _decide(place: Installation, edited: Sequence[tuple[str, str]], written: str) -> None:
    """A push that met edits and a gone item, a ruling, previews and files.

    Of `edited`, (item, record)s of one customer, five move in the source; `written` is an item of the first customer
    that the second sync updated, and is then edited, so that the preview of that batch's undo keeps something.
    """
    api, both = place.env["MONDAY_API_URL"], {EX_FACTORY: "2027-06-30", PRICE: "12"}
    for (item, _), cells in zip(edited, (both, {EX_FACTORY: "2027-07-15"}), strict=False):
        _by_hand(api, item, cells)
    _by_hand(api, edited[2][0], {}, "/archive")
    _by_hand(api, written, {EX_FACTORY: "2027-08-01"})
    place.ask(MOVE % [record for _, record in edited[:5]])
    first = edited[0][1]
    updated = place.ask(UPDATED % written)
    met = place.ask(DECIDED % (first, EDITED, EDITED, first, EX_FACTORY, EX_FACTORY, updated))
    assert met == "needs_attention", met


def _by_hand(api: str, item: str, cells: Mapping[str, str], action: str = "") -> None:
    """A planner changes cells of an item, or takes it away, on the local board's own page."""
    home = api.removesuffix("/v2")
    with urllib.request.urlopen(f"{home}/items/{item}") as page:
        form = page.read().decode()
    key = re.search(r'name="form_key" value="([^"]+)"', form)
    assert key and all(cell in form for cell in cells), form[:400]
    body = urllib.parse.urlencode({"form_key": key[1], **cells}).encode()
    asked = urllib.request.Request(f"{home}/items/{item}{action}", data=body, headers={"Origin": home})
    urllib.request.urlopen(asked).close()
