"""Undoing several batches at once: shown before anything is done, and only what was shown is done."""

from __future__ import annotations

from typing import Any

import pytest

from staging.models import Batch, Foreseen, SyncRun
from staging.models.run import Kind
from tests.db.admin_line import opened_line, signed_in, work_off
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def two_pushed(line: World) -> list[Batch]:
    line.add(1)
    line.add(2)
    line.add(3, CUSTOMER="B'HOOD")
    line.sync()
    return list(Batch.objects.order_by("pk"))


def test_an_undo_of_several_shows_what_each_and_all_would_do_before_anything_is_done(line: World) -> None:
    batches = two_pushed(line)
    line.edit(1, numeric_price="77")
    client = signed_in("approver")
    ids = [batch.pk for batch in batches]
    there = client.post("/staging/batch/", {"action": "undo", "_selected_action": ids, "index": "0"}, follow=True)
    here = f"/staging/batch/undo/?ids={ids[0]},{ids[1]}"
    assert there.redirect_chain[-1][0] == here
    text = there.content.decode()
    assert text.count("Not looked at yet.") == 2 and "Look at the board for 2 batches" in text
    client.post("/staging/batch/undo/", {"ids": ids, "do": "look"})
    assert "0 of 2 batches looked at" in client.get(here).content.decode()
    client.post("/staging/batch/undo/", {"ids": ids, "do": "look"})
    assert SyncRun.objects.filter(kind=Kind.PREVIEW).count() == 2
    work_off()
    page = client.get(here)
    assert page.context["total"] == {"orders": 3, "back": 2, "kept": 1, "cannot": 0, "forced": 0}
    assert "Undo 2 batches, 3 orders" in page.content.decode() and len(line.shown()) == 3
    fields = {f"seen-{row.batch.pk}": row.seen for row in page.context["ready"]}
    client.post("/staging/batch/undo/", {"ids": ids, "do": "go", "reason": "wrong season", **fields})
    work_off()
    assert [batch.state for batch in Batch.objects.order_by("pk")] == ["partly_undone", "undone"]
    assert len(line.shown()) == 1


def test_an_undo_of_several_does_only_what_its_page_showed(line: World) -> None:
    batches = two_pushed(line)
    client, ids = signed_in("approver"), [batch.pk for batch in batches]
    client.post("/staging/batch/undo/", {"ids": ids, "do": "go"})
    client.post("/staging/batch/undo/", {"ids": ids, "do": "look"})
    work_off()
    page = client.get("/staging/batch/undo/", {"ids": ids})
    fields = {f"seen-{row.batch.pk}": row.seen for row in page.context["ready"]}
    Foreseen.objects.filter(order__batch=batches[0], order__label__endswith="A1").update(chosen=False)
    told = client.post("/staging/batch/undo/", {"ids": ids, "do": "go", **fields}, follow=True)
    assert [str(message) for message in told.context["messages"]] == [
        f"Batch {ids[0]}: its preview is not what was shown. Remedy: look at it again.",
        f"Batch {ids[1]}: the undo is on its way.",
    ]
    assert SyncRun.objects.filter(kind=Kind.UNDO).count() == 1
    busy = client.get("/staging/batch/undo/", {"ids": ids}).content.decode()
    assert "Left out: Undo run" in busy and "Field by field" in busy


def test_more_batches_than_a_page_can_show_are_refused_with_the_remedy(line: World) -> None:
    (batch, _), client = two_pushed(line), signed_in("approver")
    Batch.objects.bulk_create([Batch(**_copied(batch)) for _ in range(51)])
    ids = list(Batch.objects.values_list("pk", flat=True))
    told = client.get("/staging/batch/undo/", {"ids": ids}, follow=True)
    assert "At most 50 batches are undone at once. Remedy: tick fewer." in told.content.decode()


def _copied(batch: Batch) -> dict[str, Any]:
    names = [field.attname for field in Batch._meta.concrete_fields if not field.primary_key]
    return {name: getattr(batch, name) for name in names}
