"""What lists tell beside their rows: whose runs and when, whether the audit is whole, who approves for a customer."""

from __future__ import annotations

import re
from html import unescape
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


@pytest.mark.tsql
def test_a_customers_runs_hold_the_pushes_and_undos_of_its_batches_too(
    line: World, django_assert_max_num_queries: Any
) -> None:
    line.add(5, CUSTOMER="B'HOOD")
    line.stage()
    own, other = Batch.objects.get(customer__name="B'HOOD"), line.order(1).batch
    ended = {"mode": "TEST", "state": "completed", "started_at": timezone.now()}
    done = [SyncRun.objects.create(kind=kind, subject=f"batch:{own.pk}", **ended) for kind in ("push", "undo")]
    for subject in (f"batch:{other.pk}", f"batch:{own.pk}0", f"board:{own.pk}"):
        SyncRun.objects.create(kind="push", subject=subject, **ended)
    client = signed_in("viewer")
    with django_assert_max_num_queries(14):
        found = client.get("/staging/syncrun/", {"customer": own.customer_id}).context["cl"].result_list
    assert {run.pk for run in found} == {own.run_id, *(run.pk for run in done)}


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


def test_the_list_of_runs_says_what_began_each_and_what_it_counted(line: World) -> None:
    client, run = signed_in("viewer"), SyncRun.objects.latest("pk")
    counts = {"read": 1234, "unchanged": 1200, "new": 20, "changed": 3, "invalid": 9, "duplicate": 2, "removed": None}
    SyncRun.objects.filter(pk=run.pk).update(counts=counts, trigger="schedule", actor="schedule")
    Batch.objects.filter(run=run).get().orders.update(state="rejected")
    SyncRun.objects.create(kind="push", trigger=f"run {run.pk}", actor="anna", counts={}, started_at=timezone.now())
    page = client.get("/staging/syncrun/").content.decode()
    push, sync = (part.split("</tr>")[0] for part in page.split('<th class="field-name">')[1:3])
    cells = dict(re.findall(r'<td class="field-(\w+)">(.*?)</td>', sync))
    told = {name: re.sub("<[^>]+>", "", cell) for name, cell in cells.items()}
    wanted = {"n_read": "1,234", "n_unchanged": "1,200", "n_new": "20", "n_changed": "3", "n_invalid": "9"}
    wanted |= {"n_removed": "not checked", "n_applied": "0", "n_rejected": "1", "n_held": "0", "asked_by": "Schedule"}
    assert {name: told[name] for name in wanted} == wanted
    (place,) = re.findall(r'href="([^"]+)"', cells["n_rejected"])
    assert len(client.get(unescape(place)).context["cl"].result_list) == 1
    assert f"Run {run.pk}<span" in push and "anna" in push and '<span class="none">-</span>' in push
    taken = client.get("/staging/syncrun/export/?format=csv").content.decode("utf-8-sig").splitlines()
    rows = [dict(zip(taken[0].split(","), row.split(","), strict=True)) for row in taken[1:]]
    mine = next(row for row in rows if row["id"] == str(run.pk))
    assert (mine["unchanged"], mine["invalid"], mine["trigger"], mine["held"]) == ("1200", "9", "schedule", "0")


def test_an_undo_is_told_in_words_as_no_column_is_for_what_it_counts(line: World) -> None:
    now = timezone.now()
    ended = {"mode": "TEST", "state": "with_errors", "subject": "batch:7", "started_at": now, "finished_at": now}
    SyncRun.objects.create(kind="undo", counts={"undone": 13, "kept": 8}, **ended)
    page = signed_in("viewer").get("/staging/syncrun/").content.decode()
    undo = page.split('<th class="field-name">')[1].split("</tr>")[0]
    assert "TEST undo of batch 7: 13 undone, 8 kept" in undo
    cells = dict(re.findall(r'<td class="field-(n_\w+)">(.*?)</td>', undo))
    assert {re.sub("<[^>]+>", "", cell) for cell in cells.values()} == {"-"}
