"""What a batch says of itself once not all of it takes the ordinary way: heading, sentence, pill and front page."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.conf import settings

from staging.batches.decide import decline, hold
from staging.batches.describe import BatchPicture, describe
from staging.batches.release import release_remembered
from staging.core import meaning
from staging.models import Batch, Receipt
from staging.notices.notify import wording
from tests.core.mapping_samples import HARBOUR
from tests.db.admin_line import opened_line, signed_in, staged
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def told(batch: Batch) -> BatchPicture:
    return describe(Batch.objects.get(pk=batch.pk))


def page(address: str, role: str = "viewer") -> str:
    answer = signed_in(role).get(address)
    assert answer.status_code == 200, answer
    return unescape(answer.content.decode())


def cards() -> dict[str, Any]:
    return {card.title: card for card in signed_in("viewer").get("/").context["cards"]}


# --- out of date ------------------------------------------------------------------------------------------------------
def test_lists_say_which_batches_are_out_of_date_and_ask_no_question_per_batch(
    line: World, django_assert_max_num_queries: Any
) -> None:
    for number, customer in enumerate(["HARBOUR", "HARBOUR", "B'HOOD", "WHITE|FOX", "云杉服饰"], 1):
        line.add(number, CUSTOMER=customer)
    line.stage()
    address = f"/staging/syncrun/{line.order(1).batch.run_id}/live/"
    assert "Out of date" not in page("/staging/batch/") + page(address)
    line.publish(HARBOUR.replace("aliases: [", "aliases: [HARBOUR SPELT ANEW, "))
    client = signed_in("viewer")
    with django_assert_max_num_queries(19):
        client.get("/staging/batch/")
    for place in ("/staging/batch/", address):
        text = page(place).split("<h2>Batches</h2>")[-1]
        assert text.count("Out of date</span>") == 1 and text.count("Waiting for approval</span>") == 3, place
    stale = f"/staging/batch/{line.order(1).batch_id}/change/"
    assert "Out of date</span>" in page(stale) and "Waiting for approval" not in page(stale)
    line.stage()
    assert "Out of date" not in page("/staging/batch/") + page(address)


def test_what_is_out_of_date_waits_for_a_sync_and_not_for_approval(line: World) -> None:
    for number, customer in enumerate(["HARBOUR", "HARBOUR", "B'HOOD"], 1):
        line.add(number, CUSTOMER=customer)
    line.stage()
    line.publish(HARBOUR.replace("aliases: [", "aliases: [HARBOUR SPELT ANEW, "))
    stale, fresh = (f"Batch {line.order(number).batch_id}<" for number in (1, 3))
    waits = cards()["Waiting for approval"]
    assert waits.value == "1"
    assert waits.words == "changes of 1 customer; 1 batch out of date until the next sync"
    approval, sync = page(waits.url), page("/staging/batch/?waits=sync")
    assert (fresh in approval, stale in approval) == (True, False)
    assert (fresh in sync, stale in sync) == (False, True)
    line.stage()
    assert cards()["Waiting for approval"].words == "changes of 2 customers"
    assert stale not in page("/staging/batch/?waits=sync")


def test_a_removal_is_not_out_of_date_whatever_the_mapping_says_by_now(line: World) -> None:
    for number in range(1, 31):
        line.add(number)
    line.sync()
    line.drop(1)
    line.stage()
    line.publish(HARBOUR.replace("aliases: [", "aliases: [HARBOUR SPELT ANEW, "))
    text = page("/staging/batch/")
    assert "Out of date" not in text and "Waiting for approval</span>" in text


# --- settled ----------------------------------------------------------------------------------------------------------
def test_a_declined_batch_says_what_it_holds_and_what_became_of_what_was_released(line: World) -> None:
    batch = staged(line, *range(1, 9))
    decline(batch=batch, actor="ben", now=line.clock.now(), reason="the season is over")
    assert told(batch).title == f"Batch {batch.pk} - HARBOUR - 8 declined"
    assert told(batch).sentence == "Nothing of it is left to send. 8 declined."
    release_remembered(batch=batch, orders=[line.order(1).pk, line.order(2).pk], actor="ben", now=line.clock.now())
    assert told(batch).holds == "6 declined"
    assert told(batch).sentence.endswith("8 declined (2 free for the next sync).")
    line.drop(2)
    line.stage()
    assert line.order(1).batch_id != batch.pk
    assert told(batch).holds == "6 declined"
    assert told(batch).sentence.endswith("8 declined (1 free for the next sync, 1 staged anew since).")
    text = page(f"/staging/batch/{batch.pk}/change/")
    assert "- 6 declined</h1>" in text and "(1 free for the next sync, 1 staged anew since)" in text
    assert "6 declined</td>" in page("/staging/batch/")


def test_a_declined_batch_of_which_all_was_released_holds_nothing(line: World) -> None:
    batch = staged(line, 1, 2)
    decline(batch=batch, actor="ben", now=line.clock.now(), reason="not yet")
    orders = [line.order(1).pk, line.order(2).pk]
    release_remembered(batch=batch, orders=orders, actor="ben", now=line.clock.now())
    assert told(batch).holds == "nothing left of 2 changes"


def test_an_undone_batch_says_what_was_released_of_it_and_what_came_again(line: World) -> None:
    line.add(1)
    line.sync()
    line.change(1, PRICE="12")
    line.sync()
    batch = line.batch()
    line.undo()
    assert (told(batch).holds, told(batch).sentence) == ("1 undone", "Updates 1 item. 1 undone.")
    release_remembered(batch=batch, orders=[line.order(1).pk], actor="ben", now=line.clock.now())
    assert told(batch).sentence == "Updates 1 item. 1 undone (1 free for the next sync)."
    line.stage()
    assert told(batch).sentence == "Updates 1 item. 1 undone (1 staged anew since)."


def test_what_had_a_later_version_when_it_was_undone_was_not_staged_anew(line: World) -> None:
    line.add(1)
    line.sync()
    line.change(1, PRICE="12")
    line.sync()
    first = line.batch()
    line.change(1, NOTES="late")
    line.sync()
    line.undo(first)
    assert "staged anew" not in told(first).sentence and "undone" in told(first).sentence


# --- all held ---------------------------------------------------------------------------------------------------------
def all_held(line: World) -> Batch:
    """The rest of a batch that was approved in part: everything in it is held."""
    staged(line, 1, 2, 3)
    line.approve(only=[line.order(1).pk])
    return Batch.objects.latest("pk")


def test_a_batch_of_which_all_is_held_says_that_nothing_can_be_approved_why_and_what_helps(line: World) -> None:
    batch = all_held(line)
    sentence = (
        "Would create 2 items and 4 subitems. Nothing of it can be approved, as all 2 orders in it are held: "
        f"Not ticked when batch {batch.pk - 1} was approved. "
        "Remedy: release what may go out, or decline the batch."
    )
    assert told(batch).sentence == sentence
    text = page(f"/staging/batch/{batch.pk}/change/")
    assert sentence in text and meaning.ALL_HELD in text and "All held</span>" in text
    assert "Waiting for approval" not in text.split("</header>")[-1]


def test_its_reasons_are_told_with_their_numbers_and_their_own_remedy(line: World) -> None:
    batch = staged(line, 1, 2, 3)
    now = line.clock.now()
    hold(batch=batch, orders=[line.order(1).pk], actor="ben", now=now, reason="ask the buyer")
    assert not told(batch).all_held and "1 held stays here." in told(batch).sentence
    orders = [line.order(2).pk, line.order(3).pk]
    hold(batch=batch, orders=orders, actor="ben", now=now, reason="The board is full. Remedy: make room.")
    assert told(batch).all_held
    assert told(batch).sentence.endswith(
        "as all 3 orders in it are held. 2 of them: The board is full. Remedy: make room. 1 for other reasons."
    )


def test_everywhere_that_a_batch_is_named_it_says_that_all_of_it_is_held(line: World) -> None:
    batch = all_held(line)
    order = batch.orders.order_by("pk").first()
    assert order is not None
    places = ("/staging/batch/", f"/staging/syncrun/{batch.run_id}/change/", f"/staging/stagedorder/{order.pk}/change/")
    for place in (*places, f"/search/?q=batch+{batch.pk}"):
        assert "All held</span>" in page(place), place


def test_the_front_page_counts_each_order_once_and_leads_to_the_batches_that_it_means(line: World) -> None:
    batch = all_held(line)
    assert (cards()["Waiting for approval"].value, cards()["Waiting for approval"].words) == ("0", "nothing waits")
    assert cards()["Held and unclear"].value == "2"
    assert f"Batch {batch.pk}<" not in page(cards()["Waiting for approval"].url)
    assert f"Batch {batch.pk}<" in page("/staging/batch/?waits=release")
    line.add(9, CUSTOMER="B'HOOD")
    line.stage()
    waits = cards()["Waiting for approval"]
    assert (waits.value, waits.words, cards()["Held and unclear"].value) == ("1", "changes of 1 customer", "2")
    assert f"Batch {line.batch().pk}<" in page(waits.url) and f"Batch {batch.pk}<" not in page(waits.url)


def test_the_lists_filter_names_a_state_as_the_list_does(line: World) -> None:
    staged(line, 1)
    text = page("/staging/batch/")
    assert re.search(r'state__exact=open"[^>]*>\s*Waiting for approval', text)
    assert not re.search(r">\s*Open\s*</a>", text)


# --- held in part -----------------------------------------------------------------------------------------------------
def held_in_part(line: World) -> Batch:
    """Of eight new orders two wait for approval, and six are held."""
    batch = staged(line, *range(1, 9))
    orders = [line.order(number).pk for number in range(3, 9)]
    hold(batch=batch, orders=orders, actor="ben", now=line.clock.now(), reason="ask the buyer")
    return batch


def test_what_is_held_is_never_counted_as_going_out(line: World) -> None:
    batch = held_in_part(line)
    picture = told(batch)
    assert picture.sentence == "Creates 2 items and 4 subitems; 6 held stay here."
    assert (picture.holds, picture.changes, picture.operations["create"]) == ("2 changes, 6 held", 2, 2)
    assert picture.title == f"Batch {batch.pk} - HARBOUR - 2 changes, 6 held"
    confirm = f"/staging/batch/act/approve/?ids={batch.pk}"
    for place in (f"/staging/batch/{batch.pk}/change/", "/staging/batch/", confirm):
        text = page(place, "approver")
        assert picture.sentence in text and "2 changes, 6 held" in text, place
    assert "Declines all of it: 2 changes, 6 held." in page(f"/staging/batch/act/decline/?ids={batch.pk}", "approver")
    assert f"HARBOUR: 2 changes, 6 held {settings.SITE_URL}" in "\n".join(wording(batch.run, [batch])[1])
    line.approve(batch)
    assert told(batch).sentence == "Creates 2 items and 4 subitems. 6 held."


def test_what_is_held_alone_in_a_pushed_batch_is_told_as_what_it_would_do(line: World) -> None:
    batch = held_in_part(line)
    batch.orders.exclude(state="held").update(state="superseded")
    Batch.objects.filter(pk=batch.pk).update(state="needs_attention")
    assert told(batch).sentence == "Would create 6 items and 12 subitems. 6 held; 2 out of date."
    assert told(batch).holds == "6 held"


def test_the_front_page_counts_what_the_list_behind_it_says(line: World) -> None:
    held_in_part(line)
    line.add(9, CUSTOMER="B'HOOD")
    line.stage()
    waits = cards()["Waiting for approval"]
    listed = signed_in("viewer").get(waits.url).context["cl"].result_list
    assert sorted(batch.picture.holds for batch in listed) == ["1 change", "2 changes, 6 held"]
    assert waits.value == str(sum(batch.picture.changes for batch in listed)) == "3"
    assert waits.words == "changes of 2 customers"


def test_an_order_that_an_undo_kept_may_be_kept_in_part_only(line: World) -> None:
    line.add(1)
    line.sync()
    line.change(1, PRICE="12", NOTES="late")
    line.sync()
    line.edit(1, numeric_price="99")
    line.undo()
    assert Receipt.objects.filter(undoes__isnull=False, outcome="done").exists(), "its notes were put back"
    assert told(line.batch()).sentence.endswith("1 kept, wholly or in part.")
