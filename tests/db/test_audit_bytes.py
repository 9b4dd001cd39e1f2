"""The audit under somebody with SQL: a byte of any column, a tail with its head; and who signed in or tried to."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from ordersite import roles
from staging import audit
from staging.models import AuditChain, AuditEvent, Batch, SyncRun
from staging.notices import notify
from tests.db.admin_line import PASSWORD
from tests.world import World

TEXTS = ("at", "actor", "action", "subject", "reason", "data", "previous_hash", "hash")
NUMBERS = ("id", "chain_id", "sequence")


@pytest.fixture
def told(world: World) -> World:
    for number in (1, 2):
        world.add(number)
    world.stage()
    batch = world.approve()
    world.push(batch)
    world.undo(batch)
    world.sync()
    assert audit.verify()[1] == []
    return world


def stored(event: AuditEvent, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM staging_auditevent WHERE id = %s", [event.pk])
        return str(cursor.fetchone()[0])


def store(event: AuditEvent, column: str, value: object) -> None:
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE staging_auditevent SET {column} = %s WHERE id = %s", [value, event.pk])


def every_byte(text: str) -> list[str]:
    """The text with each of its characters changed in turn (of a long one every few), one taken out, one put in."""
    step = max(1, len(text) // 25)
    edits = [text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :] for at in range(0, len(text), step)]
    return [*edits, text + " ", " " + text, text[:-1]] if text else ["x", " "]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases store no bytes that are no text")
@pytest.mark.parametrize("column", ["actor", "action", "subject", "reason", "data", "at", "hash"])
@pytest.mark.parametrize("stored_as", ["text", "blob"])
def test_bytes_that_are_no_text_are_missed_at_their_row_and_hide_no_other(
    told: World, column: str, stored_as: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = AuditEvent.objects.filter(chain__name="decisions").order_by("sequence")[1]
    other = AuditEvent.objects.filter(chain__name__startswith="run:").order_by("id").first()
    assert other is not None
    store(other, "reason", "as if")
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE staging_auditevent SET {column} = CAST(x'7bfe22' AS {stored_as}) WHERE id = %s", [event.pk]
        )
    broken = {one.event for one in audit.verify()[1]}
    assert broken == {event.pk, other.pk}
    with pytest.raises((SystemExit, CommandError)):
        call_command("verify_audit")
    said = capsys.readouterr()
    assert f"{event.pk}" in said.out + said.err


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="other databases keep times and numbers in types of their own"
)
@pytest.mark.parametrize("column", TEXTS)
def test_any_byte_of_any_text_of_an_event_is_missed_at_that_row(told: World, column: str) -> None:
    event = AuditEvent.objects.filter(chain__name="decisions").order_by("sequence")[1]
    before = stored(event, column)
    for edited in every_byte(before):
        if edited == before:
            continue
        store(event, column, edited)
        (broken,) = audit.verify()[1]
        assert (broken.chain, broken.sequence, broken.event) == ("decisions", event.sequence, event.pk), edited
        store(event, column, before)
    assert audit.verify()[1] == []


@pytest.mark.parametrize("column", NUMBERS)
@pytest.mark.parametrize("place", [0, 1, -1], ids=["first", "second", "last"])
def test_an_events_number_place_or_chain_is_missed_at_that_row(told: World, column: str, place: int) -> None:
    event = list(AuditEvent.objects.filter(chain__name="decisions").order_by("sequence"))[place]
    other = AuditChain.objects.create(name="run:901").pk
    edited = {"id": event.pk + 10_000, "chain_id": other, "sequence": 10_000}[column]
    store(event, column, edited)
    with connection.constraint_checks_disabled():
        broken = [one for one in audit.verify()[1] if one.chain == "decisions"]
    row = edited if column == "id" else event.pk
    assert [(one.sequence, one.event) for one in broken] == [(event.sequence, row)]


def test_a_row_that_was_put_into_another_chain_is_named_in_both(told: World) -> None:
    event = AuditEvent.objects.filter(chain__name="decisions").order_by("sequence")[1]
    other = AuditChain.objects.filter(name__startswith="run:", length__lt=event.sequence).first()
    other = other or AuditChain.objects.create(name="run:901")
    store(event, "chain_id", other.pk)
    broken = {one.chain: one for one in audit.verify()[1]}
    assert {name: one.event for name, one in broken.items()} == {"decisions": event.pk, other.name: event.pk}
    assert f"stands as event {event.sequence} of chain {other.name}" in broken["decisions"].what


def test_a_row_that_is_gone_is_told_by_the_rows_around_it(told: World) -> None:
    events = list(AuditEvent.objects.filter(chain__name="decisions").order_by("sequence"))
    AuditEvent.objects.filter(pk__in=[events[1].pk, events[2].pk]).delete()
    (broken,) = audit.verify()[1]
    assert (broken.sequence, broken.event) == (2, None)
    assert broken.what == f"events 2 to 3 are missing, between rows {events[0].pk} and {events[3].pk}"


def test_the_first_row_that_is_gone_is_told_by_the_one_behind_it(told: World) -> None:
    first, second = AuditEvent.objects.filter(chain__name="decisions").order_by("sequence")[:2]
    first.delete()
    (broken,) = audit.verify()[1]
    assert broken.event is None and broken.what == f"event 1 is missing, before row {second.pk}"


def test_an_edited_head_or_length_of_a_chain_is_told_as_such(told: World) -> None:
    chain = AuditChain.objects.get(name="decisions")
    one_less = chain.events.get(sequence=chain.length - 1).hash
    for change in ({"head": "0" * 64}, {"length": chain.length - 1}, {"length": chain.length - 1, "head": one_less}):
        AuditChain.objects.filter(pk=chain.pk).update(**change)
        (mine,) = [one for one in audit.verify()[1] if one.chain == "decisions"]
        assert mine.event is None and "its length" in mine.what, change
        AuditChain.objects.filter(pk=chain.pk).update(length=chain.length, head=chain.head)


def test_the_order_of_the_data_and_a_blank_in_them_count_too(told: World) -> None:
    event = AuditEvent.objects.filter(action="batch.approve").get()
    for edited in (json.dumps(event.data), json.dumps(dict(reversed(event.data.items())), separators=(",", ":"))):
        store(event, "data", edited)
        assert audit.verify()[1][0].event == event.pk


def test_a_tail_that_was_cut_off_together_with_its_head_is_seen_by_the_end_of_a_run(told: World) -> None:
    chain = AuditChain.objects.get(name="decisions")
    chain.events.order_by("-sequence")[0].delete()
    last = chain.events.order_by("-sequence")[0]
    AuditChain.objects.filter(pk=chain.pk).update(length=last.sequence, head=last.hash)
    (broken,) = audit.verify()[1]
    assert (broken.chain, broken.sequence) == ("decisions", last.sequence + 1)
    assert "cut off" in broken.what
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit")
    assert ended.value.code == 1


def test_the_events_of_the_first_installations_still_hold(told: World) -> None:
    chain = AuditChain.objects.create(name="run:900")
    previous = ""
    for sequence in (1, 2):
        event = AuditEvent(chain=chain, sequence=sequence, at=told.clock.now(), actor="ben", action="x", subject="y")
        event.data, event.previous_hash = {"b": 1, "a": 2}, previous
        event.hash = previous = audit._former_digest(event, "run:900")
        event.save()
    AuditChain.objects.filter(pk=chain.pk).update(length=2, head=previous)
    assert audit.verify()[1] == []


def test_the_heads_stand_in_the_closing_event_and_in_the_mail(told: World) -> None:
    closing = AuditEvent.objects.filter(action="run.ended").latest("id")
    length, head = closing.data["heads"]["chains"]["decisions"]
    assert AuditEvent.objects.get(chain__name="decisions", sequence=length).hash == head
    _, body = notify.wording(SyncRun.objects.latest("id"))
    assert any(line.startswith(f"Audit: decisions {length} {head[:16]}") for line in body)


def test_a_transition_says_from_where_to_where(told: World) -> None:
    batch = Batch.objects.earliest("id")
    moves = AuditEvent.objects.filter(subject=f"batch:{batch.pk}", action__startswith="batch.").order_by("id")
    pairs = [(event.data["from"], event.data["to"]) for event in moves if "to" in event.data]
    assert pairs[:3] == [("draft", "open"), ("open", "approved"), ("approved", "pushing")]
    assert all(one[1] == other[0] for one, other in pairwise(pairs))
    sent = AuditEvent.objects.filter(action="order.send").earliest("id")
    assert (sent.data["from"], sent.data["to"], sent.data["count"]) == ("approved", "sending", 2)


def test_who_signs_in_and_who_is_not_let_in_stand_in_the_audit(db: None) -> None:
    from django.contrib.auth.models import Group, Permission, User

    roles.establish(Group, Permission)
    User.objects.create_user("anna", password=PASSWORD, is_staff=True)
    client = Client()
    client.post("/login/", {"username": "anna", "password": "wrong-secret-9"})
    client.post("/login/", {"username": "an\x00na" + "x" * 300, "password": "wrong-secret-9"})
    client.post("/login/", {"username": "anna", "password": PASSWORD})
    client.post("/logout/")
    events = list(AuditEvent.objects.order_by("id"))
    assert next(event.action for event in events if event.action.startswith("log")) == "login.failed"
    assert [event.actor for event in events if event.action in ("login", "logout")] == ["anna", "anna"]
    assert events[0].data["address"] == "127.0.0.1"
    everything = " ".join(f"{event.actor} {event.subject} {event.reason} {event.data}" for event in events)
    assert "wrong-secret-9" not in everything and PASSWORD not in everything
    assert audit.verify()[1] == []
