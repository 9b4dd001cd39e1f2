"""The audit tells everything, and tells when somebody touched it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from staging import audit
from staging.models import AuditChain, AuditEvent, SyncRun
from tests.world import World


@pytest.fixture
def told(world: World) -> World:
    """Two runs with decisions and an undo."""
    world.add(1)
    world.stage()
    world.approve()
    world.push()
    world.undo()
    world.sync()
    return world


def chains() -> dict[str, int]:
    return {chain.name: chain.length for chain in AuditChain.objects.all()}


def first_run() -> str:
    """The chain of the first run, whose number a server goes on counting from test to test."""
    return f"run:{SyncRun.objects.order_by('pk')[0].pk}"


def test_what_happened_stands_in_a_chain_per_run_and_one_of_decisions(told: World) -> None:
    runs = sorted(f"run:{run}" for run in SyncRun.objects.values_list("pk", flat=True))
    assert {"decisions", *runs} == set(chains()) and len(runs) == 2
    sound, broken = audit.verify()
    assert (sound, broken) == (sum(chains().values()), [])
    first = AuditEvent.objects.filter(chain__name=first_run()).order_by("sequence")
    assert first[0].action == "run.started"


def test_every_event_names_actor_time_and_subject(told: World) -> None:
    for event in AuditEvent.objects.all():
        assert event.actor
        assert event.at
        assert event.subject


def edit(field: str, value: object) -> Callable[[AuditEvent], object]:
    return lambda event: AuditEvent.objects.filter(pk=event.pk).update(**{field: value})


@pytest.mark.parametrize(
    "touch",
    [
        edit("actor", "somebody else"),
        edit("reason", "another reason"),
        edit("action", "batch.decline"),
        edit("subject", "batch:0"),
        edit("data", {"hash": "another"}),
        edit("previous_hash", "0" * 64),
        edit("hash", "0" * 64),
        lambda event: AuditEvent.objects.filter(pk=event.pk).update(at=event.at + timedelta(microseconds=1)),
        lambda event: event.delete(),
    ],
    ids=["actor", "reason", "action", "subject", "data", "previous hash", "hash", "time", "removed"],
)
@pytest.mark.parametrize("place", [1, 2, -1], ids=["first", "second", "last"])
def test_an_event_that_was_touched_is_found_at_its_place(
    told: World, touch: Callable[[AuditEvent], object], place: int
) -> None:
    events = list(AuditEvent.objects.filter(chain__name="decisions").order_by("sequence"))
    event = events[place - 1 if place > 0 else place]
    touch(event)
    _, broken = audit.verify()
    (found,) = broken
    assert found.chain == "decisions"
    assert found.sequence in (event.sequence, event.sequence + 1)


def test_an_event_whose_hash_was_made_anew_breaks_the_next_one(told: World) -> None:
    event = AuditEvent.objects.filter(chain__name="decisions").order_by("sequence")[1]
    event.actor = "somebody else"
    event.hash = audit.digest(event, "decisions")
    event.save()
    (broken,) = audit.verify()[1]
    assert broken.sequence == event.sequence + 1


def test_two_events_that_changed_places_are_found(told: World) -> None:
    first, second = AuditEvent.objects.filter(chain__name="decisions").order_by("sequence")[:2]
    AuditEvent.objects.filter(pk=first.pk).update(sequence=1000)
    AuditEvent.objects.filter(pk=second.pk).update(sequence=first.sequence)
    AuditEvent.objects.filter(pk=first.pk).update(sequence=second.sequence)
    assert audit.verify()[1]


def test_a_tail_that_was_cut_off_is_found_even_with_its_head(told: World) -> None:
    chain = AuditChain.objects.get(name="decisions")
    chain.events.order_by("-sequence")[0].delete()
    (broken,) = audit.verify()[1]
    assert (broken.event, "cut off" in broken.what) == (None, True)


def test_an_event_of_another_chain_does_not_fit_in(told: World) -> None:
    chain = AuditChain.objects.get(name="decisions")
    foreign = AuditEvent.objects.filter(chain__name=first_run()).order_by("-sequence")[0]
    AuditEvent.objects.filter(pk=foreign.pk).update(chain=chain, sequence=chain.length + 1)
    assert {broken.chain for broken in audit.verify()[1]} == {"decisions", first_run()}


def test_a_place_in_a_chain_is_taken_once(told: World) -> None:
    event = AuditEvent.objects.order_by("id")[0]
    event.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        event.save(force_insert=True)


def test_an_event_comes_and_goes_with_the_change_that_it_tells_of(world: World) -> None:
    world.add(1)
    world.stage()
    before = chains()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        world.approve()
        raise ZeroDivisionError
    assert chains() == before
    assert audit.verify()[1] == []
    assert world.batch().state == "open"


def test_a_long_chain_is_read_in_pages(told: World) -> None:
    with transaction.atomic():
        for _ in range(1005):
            audit.record(chain="long", actor="ben", action="look", subject="x:1", now=told.clock.now())
    sound, broken = audit.verify()
    assert (sound, broken) == (sum(chains().values()), [])
    assert sound > 1005
