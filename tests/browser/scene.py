"""An installation in which every page has something to show: sent, waiting, refused, held, undone and declined."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request

from tests.journeys.installation import Installation

# The label goes when the first items are created, so the board refuses what carries it.
FAULTS = """
faults:
  - {kind: label_deactivated, every: 1, times: 1, "on": create_item,
     board: "5600100200", column: dropdown_mkr518fc, label: CANCELLED}
behaviour: {server_timeout: 1}
"""

EX_FACTORY = "date_mkr57811"  # the board's column of EX FACTORY DATE
EDIT = """
from staging.models import Batch, Snapshot
linked = Snapshot.objects.exclude(item_id="").order_by("id")
answer = [[s.item_id, s.record] for s in linked[:60]]
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


def furnish(place: Installation, *, rows: int = 300) -> None:
    """Make the scene in an empty folder; takes about half a minute. Its local board goes on being served."""
    place.manage("migrate", "--verbosity", "0")
    place.manage("load_demo_orders", "--rows", str(rows))
    place.board(0, faults=FAULTS)
    place.command("sync_orders", "--mode", "TEST", "--limit", "60")
    linked = place.ask(EDIT)
    for item, _ in linked[:4]:
        _edit_by_hand(place.env["MONDAY_API_URL"], item)
    place.ask(MOVE % [record for _, record in linked[:6]])
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
    seen = place.ask(FIND)
    place.command("batches", "decline", str(seen["open"][-1]), "--reason", "the season is over")
    place.command("batches", "hold", str(seen["open"][0]), "--orders", str(seen["order"]), "--reason", "ask the buyer")


def _edit_by_hand(api: str, item: str) -> None:
    """A planner changes an item's first date on the local board's own page."""
    home = api.removesuffix("/v2")
    with urllib.request.urlopen(f"{home}/items/{item}") as page:
        form = page.read().decode()
    key = re.search(r'name="form_key" value="([^"]+)"', form)
    assert key and EX_FACTORY in form, form[:400]
    body = urllib.parse.urlencode({"form_key": key[1], EX_FACTORY: "2027-06-30"}).encode()
    asked = urllib.request.Request(f"{home}/items/{item}", data=body, headers={"Origin": home})
    urllib.request.urlopen(asked).close()
