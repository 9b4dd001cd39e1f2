"""The front page and the lists behind its cards: what they claim of the board stays true whatever people press."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from staging import jobs
from staging.models import Batch
from staging.running import runs
from tests.db.admin_line import opened_line, signed_in, staged
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def cards(client: Client) -> dict[str, Any]:
    return {card.title: card for card in client.get("/today/").context["cards"]}


def test_what_was_given_up_or_goes_out_again_is_not_told_as_taken_by_the_board(line: World) -> None:
    line.add(9)
    line.sync()
    batch = staged(line, 1, 2)
    Batch.objects.filter(pk=batch.pk).update(state="needs_attention")
    problem = {"code": "ColumnValueException", "message": "no such label", "remedy": "Add it.", "owner": "board"}
    batch.orders.update(state="rejected", problem=problem)
    client = signed_in("operator")
    client.post("/rejected/retry/", {"code": "ColumnValueException", "order": [line.order(1).pk]})
    assert cards(client)["Rejected"].words == "order the board refused"
    client.post("/rejected/give_up/", {"code": "ColumnValueException", "reason": "no longer sold"})
    text = client.get("/rejected/").content.decode()
    assert "Nothing is rejected.</p>" in text and "1 order was refused and given up" in text
    assert cards(client)["Rejected"].words == "nothing waits for a retry"
    (link,) = re.findall(r'href="(/staging/stagedorder/\?state__exact=given_up[^"]*)"', unescape(text))
    assert [order.pk for order in client.get(link).context["cl"].result_list] == [line.order(2).pk]


def test_what_is_approved_and_not_sent_is_counted_and_leads_to_its_batches(line: World) -> None:
    batch, client = staged(line, 1, 2, 3), signed_in("viewer")
    assert "Approved, not sent" not in cards(client)
    line.approve(batch)
    push = jobs.ask_push(batch, actor="anna", trigger="admin")
    runs.cancel(push, actor="anna", now=timezone.now())
    for state in ("approved", "paused", "failed", "needs_attention"):
        Batch.objects.filter(pk=batch.pk).update(state=state)
        card = cards(client)["Approved, not sent"]
        assert (card.value, card.tone) == ("3", "wait") and card.words.startswith("of 1 batch;"), state
        assert [one.pk for one in client.get(card.url).context["cl"].result_list] == [batch.pk], state
    Batch.objects.filter(pk=batch.pk).update(state="pushing")
    assert "Approved, not sent" not in cards(client) and not client.get(card.url).context["cl"].result_list
