"""At most one process works on a batch or a run, and a dead one is taken over, but never a living one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from staging.core.lifecycle import NotAllowed
from staging.models import Batch, Receipt, SyncRun
from staging.running import lease
from staging.running.lease import (
    GRACE,
    LENGTH,
    LeaseLost,
    clear_left,
    database_now,
    dead,
    free_for,
    here,
    let_go,
    new_owner,
    renew,
)
from tests.world import Sent, World


@pytest.fixture
def batch(world: World) -> Batch:
    world.add(1)
    world.add(2)
    world.stage()
    return world.approve()


def claim(batch: Batch, owner: str, until: timedelta = LENGTH) -> None:
    Batch.objects.filter(pk=batch.pk).update(lease_owner=owner, lease_until=database_now() + until)
    batch.refresh_from_db()


def free(batch: Batch) -> bool:
    batch.refresh_from_db()
    return Batch.objects.filter(free_for(batch, database_now()), pk=batch.pk).exists()


def dead_pid() -> int:
    """The id of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return child.pid


def test_every_claim_has_a_name_of_its_own_that_says_where_it_is_made() -> None:
    one, other = new_owner(), new_owner()
    assert one != other
    assert one.split(":")[1] == str(os.getpid())
    assert len(one) <= 64


def test_an_unclaimed_batch_is_free_and_a_claimed_one_is_not(batch: Batch) -> None:
    assert free(batch)
    claim(batch, "elsewhere:1:a")
    assert not free(batch)


def test_a_claim_is_taken_over_only_long_after_it_ran_out(batch: Batch) -> None:
    claim(batch, "elsewhere:1:a", -GRACE + timedelta(seconds=5))
    assert not free(batch)
    claim(batch, "elsewhere:1:a", -GRACE - timedelta(seconds=5))
    assert free(batch)


@pytest.mark.skipif(os.name == "nt", reason="processes are not asked after on Windows")
def test_a_process_of_this_machine_that_is_gone_need_not_be_waited_for(batch: Batch) -> None:
    claim(batch, f"{here()}:{dead_pid()}:a")
    assert free(batch)
    claim(batch, f"{here()}:{os.getpid()}:a")
    assert not free(batch)
    claim(batch, f"another-host:{dead_pid()}:a")
    assert not free(batch)
    assert not dead("")
    assert not dead("no colon")


@pytest.mark.skipif(not lease.BOOT.exists(), reason="only Linux tells one start of a machine from another")
def test_the_number_of_a_process_elsewhere_says_nothing_here(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Long names of hosts that differ in their end, another machine of the same name, and containers that share it."""

    def named(name: str) -> None:
        monkeypatch.setattr(socket, "gethostname", lambda: name)

    pid = dead_pid()
    named("ordersite-worker-production-01")
    claim(batch, f"{here()}:{pid}:a")
    assert free(batch)
    named("ordersite-worker-production-02")
    assert not free(batch)
    named("ordersite-worker-production-01")
    (tmp_path / "boot").write_text("another")
    (tmp_path / "pid").symlink_to("pid:[1]")
    for name, other in (("BOOT", tmp_path / "boot"), ("NUMBERS", tmp_path / "pid")):
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(lease, name, other)
            assert not free(batch)
    assert len(new_owner()) <= 64


def test_a_renewal_is_fenced_by_its_owner(batch: Batch) -> None:
    claim(batch, "one:1:a", timedelta(seconds=1))
    renew(batch, "one:1:a")
    batch.refresh_from_db()
    assert batch.lease_until is not None
    assert batch.lease_until > database_now() + LENGTH - timedelta(seconds=30)
    with pytest.raises(LeaseLost):
        renew(batch, "another:1:b")


def test_what_another_holds_cannot_be_let_go(batch: Batch) -> None:
    claim(batch, "one:1:a")
    let_go(batch, "another:1:b")
    assert not free(batch)
    let_go(batch, "one:1:a")
    assert free(batch)


def test_a_batch_that_is_being_pushed_is_pushed_or_undone_by_nobody_else(world: World, batch: Batch) -> None:
    refused = []

    def meanwhile(sent: Sent) -> None:
        if sent.writes and not refused:
            for act in (world.push, world.undo):
                with pytest.raises(NotAllowed) as problem:
                    act(Batch.objects.get(pk=batch.pk))
                refused.append(str(problem.value))

    world.wire.before = meanwhile
    world.push(batch)
    world.wire.calm()
    assert len(refused) == 2
    world.check_equal()


def test_a_pusher_whose_claim_was_taken_sends_nothing_more_and_the_other_finishes(world: World, batch: Batch) -> None:
    def steal(sent: Sent) -> None:
        if sent.holds("create_item"):
            claim(batch, "another:1:b")
            world.wire.after = lambda sent: None

    world.wire.after = steal
    with pytest.raises(LeaseLost):
        world.push(batch)
    assert [sent.holds("create_item") for sent in world.wire.writes][-1]  # and its lines were not sent
    batch.refresh_from_db()
    assert (batch.state, batch.lease_owner) == ("pushing", "another:1:b")
    assert set(batch.orders.values_list("state", flat=True)) == {"sending"}
    world.bury()
    world.push(batch)
    world.check_equal()
    assert Receipt.objects.filter(kind="create_item", outcome="done").count() == 2


def test_a_batch_that_a_dead_process_left_pushing_is_taken_over_and_that_is_told(world: World, batch: Batch) -> None:
    from staging.models import AuditEvent

    Batch.objects.filter(pk=batch.pk).update(state="pushing")
    claim(batch, "elsewhere:1:a", -GRACE - timedelta(seconds=5))
    world.push(batch)
    world.check_equal()
    assert AuditEvent.objects.filter(action="batch.taken over").exists()


def test_a_run_that_a_dead_process_left_is_closed_by_the_next(world: World) -> None:
    from staging.models import SyncRun

    world.add(1)
    world.stage()
    run = SyncRun.objects.get()
    SyncRun.objects.filter(pk=run.pk).update(state="running", lease_owner="x:1:a", lease_until=database_now())
    with pytest.raises(NotAllowed):
        world.stage()
    SyncRun.objects.filter(pk=run.pk).update(lease_until=database_now() - GRACE - timedelta(seconds=5))
    world.stage()
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "Its process died.")


def test_the_claim_of_a_slow_push_is_left_to_whoever_goes_on_with_it(batch: Batch) -> None:
    claim(batch, "elsewhere:1:a", -GRACE - timedelta(seconds=5))
    for state in ("pushing", "undoing"):
        Batch.objects.filter(pk=batch.pk).update(state=state)
        assert clear_left() == 0
        renew(batch, "elsewhere:1:a")
        claim(batch, "elsewhere:1:a", -GRACE - timedelta(seconds=5))
    Batch.objects.filter(pk=batch.pk).update(state="pushed")
    assert clear_left() == 1


def test_a_sync_whose_batch_was_taken_from_it_ends_and_says_so(world: World, batch: Batch) -> None:
    def steal(sent: Sent) -> None:
        if sent.holds("create_item"):
            claim(Batch.objects.get(state="pushing"), "another:1:b")
            world.wire.after = lambda sent: None

    world.wire.after = steal
    report = world.sync()
    world.wire.calm()
    assert report.run.state == "failed" and "Remedy" in report.error
    assert not SyncRun.objects.filter(state="running").exists()
