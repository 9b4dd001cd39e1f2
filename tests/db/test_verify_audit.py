"""`verify_audit`: an audit that somebody touched is found, and where."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from staging import audit
from staging.models import AuditChain, AuditEvent
from tests.world import World


def verify(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def events(db: None) -> list[AuditEvent]:
    """Three events of a run and one decision."""
    now, made = timezone.now(), []
    with transaction.atomic():
        for number in range(3):
            at = now + timedelta(seconds=number)
            made.append(audit.record(chain="run:7", actor="anna", action=f"step {number}", subject="run:7", now=at))
        audit.record(chain=audit.DECISIONS, actor="ben", action="batch.approve", subject="batch:1", now=now)
    return made


def test_an_empty_audit_is_whole(db: None) -> None:
    assert verify() == (0, "The audit is whole: 0 events in 0 chains.\n", "")


def test_an_untouched_audit_is_whole(events: list[AuditEvent]) -> None:
    assert verify() == (0, "The audit is whole: 4 events in 2 chains.\n", "")
    assert json.loads(verify("--json")[1]) == {
        "schema_version": 1,
        "status": "sound",
        "chains": 2,
        "sound_events": 4,
        "broken": [],
        "pruned": [],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "somebody else"},
        {"reason": "made up"},
        {"data": {"count": 1}},
        {"at": timezone.now() - timedelta(days=1)},
        {"action": "step 9"},
    ],
)
def test_an_edited_event_is_found(events: list[AuditEvent], change: dict[str, Any]) -> None:
    AuditEvent.objects.filter(pk=events[1].pk).update(**change)
    code, out, err = verify()
    assert (code, out) == (1, "")
    assert f"Chain run:7 is broken at event 2 (row {events[1].pk}): it was edited." in err
    assert "1 of 2 chains are broken; 2 events before those places are sound. Remedy: " in err


def test_a_missing_event_is_found(events: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(pk=events[1].pk).delete()
    assert "event 2 is missing" in verify()[2]


def test_a_tail_that_was_cut_off_is_found(events: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(pk=events[2].pk).delete()
    assert "1 events are cut off its end" in verify()[2]


def test_events_that_changed_places_are_found(events: list[AuditEvent]) -> None:
    first, second = events[0], events[1]
    AuditEvent.objects.filter(pk=first.pk).update(sequence=99)
    AuditEvent.objects.filter(pk=second.pk).update(sequence=1)
    AuditEvent.objects.filter(pk=first.pk).update(sequence=2)
    assert verify()[0] == 1


def test_a_broken_audit_is_told_as_data_too(events: list[AuditEvent]) -> None:
    AuditChain.objects.filter(name="run:7").update(head="0" * 64)
    code, out, _ = verify("--json")
    told = json.loads(out)
    assert code == 1
    assert told["status"] == "broken"
    assert told["broken"][0]["chain"] == "run:7"


def test_the_newest_runs_chain_that_is_gone_whole_is_missed_by_the_run(world: World) -> None:
    world.add(1)
    run = world.sync().run
    assert audit.verify()[1] == []
    chain = AuditChain.objects.get(name=f"run:{run.pk}")
    AuditEvent.objects.filter(chain=chain).delete()
    chain.delete()
    code, _, said = verify()
    assert code == 1 and f"run:{run.pk}" in said and "nothing of its chain is left" in said


def test_a_run_that_ends_while_the_audit_is_read_is_not_missed(world: World) -> None:
    world.add(1)
    world.sync()
    asked: list[str] = []
    runs: list[int] = []

    def meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        if len(asked) == 2:
            runs.append(world.sync().run.pk)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meanwhile):
        assert list(audit._chainless()) == []
    assert runs
