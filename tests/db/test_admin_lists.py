"""What lists tell beside their rows: whose runs and when, whether the audit is whole, who approves for a customer."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from staging.models import Batch, SyncRun
from tests.db.admin_line import opened_line, signed_in, staged
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    line = opened_line(world, settings, monkeypatch)
    line.add(1)
    line.sync()
    staged(line, 3)
    return line


def test_runs_are_found_by_customer_and_age_and_lead_to_their_orders(line: World) -> None:
    client, batch = signed_in("administrator"), Batch.objects.latest("pk")
    long_ago = "2000-01-01 00:00:00+00:00"
    found = client.get("/staging/syncrun/", {"customer": batch.customer_id, "started_at__gte": long_ago})
    assert {run.pk for run in found.context["cl"].result_list} == set(Batch.objects.values_list("run", flat=True))
    for odd in ("x", "999999", "1 or 1"):
        shown = client.get("/staging/syncrun/", {"customer": odd}).context["cl"]
        assert shown.result_count == SyncRun.objects.filter(rehearsal=False).count() > 1, odd
    assert not client.get("/staging/syncrun/", {"started_at__lt": long_ago}).context["cl"].result_count
    page = client.get(f"/staging/syncrun/{batch.run_id}/change/")
    ((state, number, query),) = page.context["orders"]
    assert (state, number) == ("Staged", 1) and f"?{query.replace('&', '&amp;')}" in page.content.decode()
    listed = client.get(f"/staging/stagedorder/?{query}").context["cl"].result_list
    assert [order.batch_id for order in listed] == [batch.pk]
    csv = client.get(f"/staging/stagedorder/export/?{query}&format=csv").content.decode()
    assert csv.count("\n") == 2 and f"/staging/auditevent/?q=run:{batch.run_id}" in page.content.decode()


def test_the_audits_list_says_whether_its_chains_were_found_whole(line: World) -> None:
    client = signed_in("administrator")
    assert "were never checked here" in client.get("/staging/auditevent/").content.decode()
    now = timezone.now()
    for broken, words in (([], "Every chain was checked"), (["decisions"], "what was found")):
        ended = {"state": "completed", "started_at": now, "finished_at": now}
        SyncRun.objects.create(kind="audit", result={"broken": broken, "chains": 2}, **ended)
        assert words in client.get("/staging/auditevent/").content.decode()


def test_customers_tell_who_approves_for_them(line: World) -> None:
    assert "any approver" in signed_in("viewer").get("/mapping/customer/").content.decode()


def test_a_push_that_kept_orders_back_says_so_beside_completed(line: World) -> None:
    batch, now = Batch.objects.latest("pk"), timezone.now()
    ended = {"kind": "push", "state": "completed", "scope": {"batch": batch.pk}, "started_at": now, "finished_at": now}
    for held, words in ((1, "1 order was kept back"), (2, "2 orders were kept back"), (0, "")):
        run = SyncRun.objects.create(counts={"applied": 3, "held": held}, **ended)
        page = signed_in("viewer").get(f"/staging/syncrun/{run.pk}/change/").content.decode()
        assert words in page and (f"/staging/batch/{batch.pk}/change/?part=held#orders" in page) == bool(held)
