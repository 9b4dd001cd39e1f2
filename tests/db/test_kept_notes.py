"""What a person wrote beside a decision is not lost where the decision is refused."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client

from staging.models import Batch
from tests.core.mapping_samples import HARBOUR
from tests.db.admin_line import opened_line, shown, signed_in, staged
from tests.world import World

NOTE = 'checked <twice> with "Kim"'


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def field(client: Client, action: str, batch: Batch) -> str:
    """What stands in the field of the confirm page."""
    page = client.get(f"/staging/batch/act/{action}/", {"ids": batch.pk}).content.decode()
    return unescape(page.split("<textarea", 1)[1].split(">", 1)[1].split("</textarea>", 1)[0])


def test_the_note_of_an_approval_out_of_date_stands_in_its_field_after_the_next_sync(line: World) -> None:
    batch = staged(line)
    client = signed_in("approver")
    fields = shown(client, batch) | {"reason": NOTE}
    line.publish(HARBOUR.replace("aliases: [", "aliases: [HARBOUR SPELT ANEW, "))
    answer = client.post("/staging/batch/act/approve/", fields, follow=True)
    (told,) = [str(message) for message in answer.context["messages"]]
    assert "is out of date" in told
    assert told.endswith(' What you wrote is kept: it stands in its field when you open "Approve" again.')
    line.stage()
    assert field(client, "approve", batch) == NOTE
    assert field(client, "decline", batch) == ""
    client.post("/staging/batch/act/approve/", shown(client, batch) | {"reason": NOTE})
    batch.refresh_from_db()
    assert (batch.state, batch.note) == ("approved", NOTE)
    client.post("/staging/batch/act/withdraw/", {"ids": batch.pk})
    assert field(client, "approve", batch) == ""


def test_nobody_else_finds_the_note(line: World) -> None:
    batch = staged(line)
    client = signed_in("approver")
    fields = shown(client, batch) | {"reason": NOTE, f"shown-{batch.pk}": "something else"}
    client.post("/staging/batch/act/approve/", fields)
    assert field(client, "approve", batch) == NOTE
    assert field(signed_in("approver"), "approve", batch) == ""


def test_the_note_stands_in_its_field_where_the_ticks_moved_meanwhile(line: World) -> None:
    batch = staged(line)
    client, ticks = signed_in("approver"), f"/staging/batch/{batch.pk}/ticks/"
    first, second, _ = batch.orders.order_by("id")
    client.post(ticks, {"row": first.pk, "orders": first.pk, "do": "hold"})
    page = client.get("/staging/batch/act/hold/", {"ids": batch.pk, "ticked": "1"})
    sent = {"ids": batch.pk, "ticked": page.context["ticked"], "reason": NOTE}
    client.post(ticks, {"row": second.pk, "orders": second.pk})
    client.post("/staging/batch/act/hold/", sent)
    again = client.get("/staging/batch/act/hold/", {"ids": batch.pk, "ticked": "1"})
    assert again.context["note"] == NOTE
