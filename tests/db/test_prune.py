"""Pruning: what is past goes into files and away; what an undo, a person or a proof needs stays."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import Success

from monday.models import ApiCall
from staging import audit
from staging.models import AuditChain, AuditEvent, Batch, Notice, Receipt, StagedLine, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.running import runs
from staging.upkeep import care, prune, retention
from tests.world import World, uuid

OLD = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def kept(settings: Any, tmp_path: Path) -> Path:
    """Everything older than ten days may go; the files go into this folder."""
    settings.RETAIN_DAYS = dict.fromkeys(retention.NAMES, 10)
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    return tmp_path / "archive"


def pruned(*kinds: str) -> SyncRun:
    scope = {"kinds": list(kinds)}
    with runs.now_on(kind=Kind.PRUNE, subject=prune.SUBJECT, board=None, mode="", actor="cli:anna", scope=scope) as run:
        runs.end(run, now=timezone.now(), **care.carry_out(run, lambda phase, done, total: None))
    return run


def rows(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Every line of the kind's files, whose checksums must hold."""
    found = []
    for path in sorted(folder.glob(f"{kind}-*.jsonl.gz")):
        told, _, name = Path(f"{path}.sha256").read_text().strip().partition("  ")
        assert (told, name) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
        found += [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return found


def went(world: World, number: int) -> Batch:
    """One order of a record, pushed."""
    world.stage()
    batch = world.approve()
    world.push(batch)
    batch.refresh_from_db()
    assert batch.state == "pushed"
    return batch


@pytest.fixture
def twice(world: World) -> tuple[World, Batch, Batch]:
    """A record that was created by one batch and changed by the next."""
    world.add(1)
    first = went(world, 1)
    world.change(1, S=9)
    return world, first, went(world, 1)


# --- batches --------------------------------------------------------------------------------------------------------
def test_a_superseded_batch_goes_with_its_orders_sizes_and_receipts_and_the_last_word_stays(
    twice: tuple[World, Batch, Batch], kept: Path
) -> None:
    world, first, second = twice
    orders, sizes, receipts = (
        StagedOrder.objects.filter(batch=first).count(),
        StagedLine.objects.filter(order__batch=first).count(),
        Receipt.objects.filter(batch=first).count(),
    )
    run = pruned("batches")
    assert run.state == RunState.COMPLETED
    assert run.counts == {"batches": 1}
    assert [batch.pk for batch in Batch.objects.all()] == [second.pk]
    assert not Receipt.objects.filter(batch=first).exists() and Receipt.objects.filter(batch=second).exists()
    tables = [row["table"] for row in rows(kept, "batches")]
    assert {name: tables.count(name) for name in set(tables)} == {
        "batch": 1,
        "order": orders,
        "receipt": receipts,
        **({"size": sizes} if sizes else {}),
    }
    (told,) = (kind for kind in run.result["kinds"] if kind["name"] == "batches")
    assert told["with"] == {"orders": orders, "sizes": sizes, "receipts": receipts}
    world.check_equal()
    assert world.undo(second).kept == {}  # the undo of what stayed needs nothing of what went
    world.check()


def needs(world: World, what: str, first: Batch) -> None:
    """Make the first batch needed by something."""
    order = StagedOrder.objects.get(batch=first)
    if what == "a later change that was undone":
        world.undo(world.batch())
    elif what == "a receipt without an answer":
        Receipt.objects.filter(batch=first).update(outcome="unclear")
    elif what == "a refused order":
        StagedOrder.objects.filter(pk=order.pk).update(state="rejected")
    elif what == "an order that is kept back":
        StagedOrder.objects.filter(pk=order.pk).update(state="held")
    elif what == "an order that detection compares with":
        StagedOrder.objects.filter(pk=order.pk).update(state="declined", current=True)
    elif what == "a state in which somebody works on it":
        Batch.objects.filter(pk=first.pk).update(state="open")
    elif what == "a person who moved it lately":
        StagedOrder.objects.filter(pk=order.pk).update(updated_at=timezone.now())
    elif what == "what was withheld":
        snapshot = world.snapshot(1)
        snapshot.withheld = {"name": "x"}
        snapshot.save()
    elif what == "a job that waits for it":
        runs.ask(
            kind=Kind.UNDO, mode="TEST", actor="a", trigger="admin", subject=f"batch:{first.pk}", now=timezone.now()
        )
    elif what == "a process that works on it":
        until = timezone.now() + timedelta(minutes=5)
        Batch.objects.filter(pk=first.pk).update(lease_owner="elsewhere:1:x", lease_until=until)


@pytest.mark.parametrize(
    "what",
    [
        "a later change that was undone",
        "a receipt without an answer",
        "a refused order",
        "an order that is kept back",
        "an order that detection compares with",
        "a state in which somebody works on it",
        "a person who moved it lately",
        "what was withheld",
        "a job that waits for it",
        "a process that works on it",
    ],
)
def test_a_batch_that_something_needs_stays(twice: tuple[World, Batch, Batch], what: str, kept: Path) -> None:
    world, first, _ = twice
    needs(world, what, first)
    assert pruned("batches").counts == {"batches": 0}
    assert StagedOrder.objects.filter(batch=first).exists() and Receipt.objects.filter(batch=first).exists()


def test_the_only_batch_of_a_record_stays_however_old(world: World) -> None:
    world.add(1)
    went(world, 1)
    assert pruned("batches").counts == {"batches": 0}


def test_a_kill_between_two_pieces_of_a_batch_loses_nothing_and_the_next_goes_on(
    world: World, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        world.add(number)
    first = went(world, 1)
    for number in (1, 2, 3):
        world.change(number, S=9)
    went(world, 1)
    monkeypatch.setattr(prune, "ORDERS", 1)
    real, calls = prune._as_row, []

    def dies(table: str, row: Any) -> dict[str, Any]:
        calls.append(table)
        if table == "order" and calls.count("order") == 2:
            raise KeyboardInterrupt
        return real(table, row)

    with monkeypatch.context() as once:
        once.setattr(prune, "_as_row", dies)
        with pytest.raises(KeyboardInterrupt):
            pruned("batches")
    assert StagedOrder.objects.filter(batch=first).count() == 2
    assert pruned("batches").counts == {"batches": 1}
    assert not Batch.objects.filter(pk=first.pk).exists()
    assert sorted(row["record"] for row in rows(kept, "batches") if row["table"] == "order") == sorted(
        uuid(number) for number in (1, 2, 3)
    )
    world.check()


# --- the audit ------------------------------------------------------------------------------------------------------


def told(chain: str, number: int, at: datetime, subject: str = "run:7") -> None:
    from django.db import transaction

    with transaction.atomic():
        for step in range(number):
            audit.record(chain=chain, actor="anna", action=f"step {step}", subject=subject, now=at)


def test_the_rest_of_a_pruned_chain_is_proved_from_its_anchor(db: None, kept: Path) -> None:
    told(audit.DECISIONS, 5, OLD)
    told(audit.DECISIONS, 2, timezone.now())
    hashes = list(AuditEvent.objects.order_by("id").values_list("hash", flat=True))
    run = pruned("audit")
    assert run.counts == {"audit": 5}
    chain = AuditChain.objects.get(name=audit.DECISIONS)
    assert (chain.cut_length, chain.cut_hash, chain.length) == (5, hashes[4], 7)
    assert [row["hash"] for row in rows(kept, "audit")] == hashes[:5]
    sound, broken = audit.verify()
    assert broken == [] and sound == AuditEvent.objects.count()
    (event,) = AuditEvent.objects.filter(action=audit.CUT)
    assert event.actor == "cli:anna" and event.subject == f"run:{run.pk}"
    assert event.data["chains"] == {audit.DECISIONS: [5, hashes[4]]}
    assert event.data["sha256"] == hashlib.sha256(next(kept.glob("audit-*.gz")).read_bytes()).hexdigest()


def test_a_long_chain_goes_piece_by_piece_and_many_short_ones_together(
    db: None, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staging.upkeep.cut.EVENTS", 4)
    told(audit.DECISIONS, 11, OLD)
    for number in range(900, 905):
        told(f"run:{number}", 2, OLD)
    assert pruned("audit").counts == {"audit": 21}
    assert len(rows(kept, "audit")) == 21
    cuts = [event.data["events"] for event in AuditEvent.objects.filter(action=audit.CUT).order_by("id")]
    assert cuts == [4, 4, 3, 4, 4, 2]
    assert not AuditChain.objects.filter(name__in=["run:900", "run:904"]).exists()  # runs that are not there any more
    assert audit.verify()[1] == []
    assert pruned("audit").counts == {"audit": 0}


def test_what_an_unfinished_batch_or_run_was_told_of_stays(twice: tuple[World, Batch, Batch]) -> None:
    _, first, _ = twice
    Batch.objects.filter(pk=first.pk).update(state="open")
    before = set(AuditEvent.objects.filter(subject=f"batch:{first.pk}").values_list("pk", flat=True))
    pruned("audit")
    assert before <= set(AuditEvent.objects.values_list("pk", flat=True))
    assert audit.verify()[1] == []


@pytest.mark.parametrize("touch", ["anchor", "event of the pruning", "more of the beginning", "everything"])
def test_a_beginning_that_somebody_else_took_away_is_found(db: None, touch: str) -> None:
    told(audit.DECISIONS, 5, OLD)
    told(audit.DECISIONS, 3, timezone.now())
    pruned("audit")
    mine = AuditChain.objects.filter(name=audit.DECISIONS)
    if touch == "anchor":
        mine.update(cut_hash="0" * 64)
    elif touch == "event of the pruning":
        AuditEvent.objects.filter(action=audit.CUT).delete()
    elif touch == "more of the beginning":
        gone = AuditEvent.objects.get(chain__name=audit.DECISIONS, sequence=6)
        gone.delete()
        mine.update(cut_length=6, cut_hash=gone.hash)
    else:
        AuditEvent.objects.filter(chain__name=audit.DECISIONS).delete()
        mine.delete()
    assert any(broken.chain in (audit.DECISIONS, audit.RETENTION) for broken in audit.verify()[1])


def test_a_broken_chain_is_not_pruned_and_the_run_says_so(db: None) -> None:
    told("run:900", 3, OLD)
    told("run:901", 3, OLD)
    AuditEvent.objects.filter(chain__name="run:900", sequence=2).update(actor="somebody")
    run = pruned("audit")
    assert (run.state, run.counts) == (RunState.WITH_ERRORS, {"audit": 3})
    assert (
        "Chain run:900 is broken at event 2: it was edited. Nothing of it was pruned. Remedy: run verify_audit."
        in run.notes
    )
    assert AuditEvent.objects.filter(chain__name="run:900").count() == 3


def test_what_was_cut_off_by_a_kill_is_mended_before_the_file_gets_its_checksum(db: None, kept: Path) -> None:
    kept.mkdir()
    whole = gzip.compress(b'{"id":1}\n', mtime=0)
    (kept / "audit-20200101-000000-run1.jsonl.gz").write_bytes(whole + gzip.compress(b'{"id":2}\n' * 50, mtime=0)[:-9])
    run = pruned("tasks")
    assert rows(kept, "audit") == [{"id": 1}]
    assert any("audit-20200101-000000-run1.jsonl.gz (SHA-256" in note for note in run.notes)


def test_nothing_goes_where_nothing_can_be_written_down(db: None, settings: Any, tmp_path: Path) -> None:
    told(audit.DECISIONS, 5, OLD)
    settings.ARCHIVE_DIR = str(tmp_path / "file" / "below")
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match=r"cannot be written .* nothing of it was removed\. Remedy: ") as refused:
        call_command("prune", stdout=StringIO(), stderr=StringIO())
    assert refused.value.returncode == 5
    assert AuditEvent.objects.filter(chain__name=audit.DECISIONS).count() == 5
    assert SyncRun.objects.get(kind=Kind.PRUNE).state == RunState.REFUSED


# --- runs and the small kinds ---------------------------------------------------------------------------------------
def ended(kind: Kind, **fields: Any) -> SyncRun:
    given = {"state": RunState.COMPLETED, "mode": "TEST", "trigger": "t", "actor": "a", "started_at": OLD, **fields}
    return SyncRun.objects.create(kind=kind, finished_at=OLD, **given)


def test_runs_go_but_the_newest_of_each_kind_the_last_whole_reading_and_those_at_work(world: World) -> None:
    board = world.board
    quiet, whole, newest = (ended(Kind.SYNC, board=board, full_rows=rows) for rows in (None, 5, None))
    refreshed = [ended(Kind.REFRESH, board=board, subject=f"board:{board.pk}") for _ in range(2)]
    looked = [ended(Kind.RECONCILE, board=board, subject="board:TEST") for _ in range(2)]
    at_work = ended(Kind.PUSH, subject="batch:7", state=RunState.QUEUED)
    told_of = ended(Kind.PUSH, subject="batch:8")
    adopted = ended(Kind.ADOPT, board=board, scope={"linking": True})
    Notice.objects.create(topic="t", title="t", news={}, run=quiet, at=timezone.now())
    assert pruned("runs", "findings").counts == {"runs": 3, "findings": 1}
    left = set(SyncRun.objects.exclude(kind=Kind.PRUNE).values_list("pk", flat=True))
    assert left == {whole.pk, newest.pk, refreshed[1].pk, looked[1].pk, at_work.pk, adopted.pk}
    assert told_of.pk not in left
    assert Notice.objects.get().run_id is None


def test_the_run_of_a_batch_that_stays_stays(twice: tuple[World, Batch, Batch]) -> None:
    _, first, second = twice
    SyncRun.objects.update(finished_at=OLD)
    pushes = [ended(Kind.PUSH, subject=f"batch:{batch.pk}") for batch in (first, second)]
    ended(Kind.SYNC)
    pruned("batches", "runs")
    assert not SyncRun.objects.filter(pk__in=[first.run_id, pushes[0].pk]).exists()
    assert SyncRun.objects.filter(pk__in=[second.run_id, pushes[1].pk]).count() == 2


def test_calls_sign_ins_results_sessions_messages_and_files_go_by_their_age(db: None, tmp_path: Path) -> None:
    now = timezone.now()
    for number, at in enumerate((OLD, now)):
        ApiCall.objects.create(at=at, kind="read", outcome="ok")
        attempt = AccessAttempt.objects.create(username=f"u{number}", ip_address="10.0.0.1", failures_since_start=1)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=at)
        Success.objects.create(id=f"{number:032}", name="n", func="f", started=at, stopped=at, success=True)
        Session.objects.create(session_key=f"key{number}", session_data="", expire_date=at + timedelta(hours=1))
        Notice.objects.create(topic="t", title=f"n{number}", news={}, at=at)
    waiting = Notice.objects.create(topic="t", title="waits", news={}, at=OLD)
    waiting.deliveries.create(recipients=["a@example.com"], due_at=OLD)
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "new.log").write_text("new")
    old = tmp_path / "mail" / "old.log"
    old.write_text("old")
    import os

    os.utime(old, (OLD.timestamp(), OLD.timestamp()))
    run = pruned()
    assert run.counts == {
        "batches": 0,
        "findings": 0,
        "runs": 0,
        "audit": 0,
        "api_calls": 1,
        "notices": 1,
        "signins": 1,
        "tasks": 1,
        "sessions": 1,
        "files": 1,
    }
    assert [call.at for call in ApiCall.objects.all()] == [now]
    assert sorted(Notice.objects.values_list("title", flat=True)) == ["n1", "waits"]
    assert [path.name for path in (tmp_path / "mail").iterdir()] == ["new.log"]
    removed = AuditEvent.objects.filter(action="retention.removed").values_list("data", flat=True)
    assert {event["kind"]: event["count"] for event in removed} == dict.fromkeys(
        ("api_calls", "notices", "signins", "tasks", "sessions", "files"), 1
    )
    assert audit.verify()[1] == []


def test_a_kind_of_zero_days_is_kept_for_ever(db: None, settings: Any) -> None:
    settings.RETAIN_DAYS["api_calls"] = 0
    ApiCall.objects.create(at=OLD, kind="read", outcome="ok")
    assert pruned("api_calls").counts == {"api_calls": 0}
    assert ApiCall.objects.count() == 1


# --- the command ----------------------------------------------------------------------------------------------------
def typed(*words: str) -> str:
    out = StringIO()
    call_command("prune", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_dry_run_tells_exactly_what_a_pruning_then_removes_and_changes_nothing(
    twice: tuple[World, Batch, Batch], kept: Path
) -> None:
    ApiCall.objects.create(at=OLD, kind="read", outcome="ok")
    ended(Kind.SYNC)
    before = {model: model.objects.count() for model in (Batch, AuditEvent, ApiCall, SyncRun)}
    foreseen = json.loads(typed("--dry-run", "--json"))
    assert {model: model.objects.count() for model in before} == before and not kept.exists()
    done = json.loads(typed("--json"))
    assert (foreseen["dry_run"], done["dry_run"], foreseen["run"]) == (True, False, None)
    counts = {kind["name"]: kind["count"] for kind in foreseen["kinds"]}
    # What a batch hangs on goes with it: its sync, and what the run and the batch were told of.
    assert counts["batches"] == 1 and counts["api_calls"] >= 1 and counts["audit"] > 0 and counts["runs"] >= 1
    for was, is_ in zip(foreseen["kinds"], done["kinds"], strict=True):
        if was["count"] or is_["count"]:
            assert (was["count"], was["oldest"], was["newest"], was["with"]) == (
                *(is_["count"], is_["oldest"], is_["newest"], is_["with"]),
            )
    assert {Path(file["file"]).name.split("-")[0] for file in done["files"]} == {"audit", "batches"}


def test_the_pruning_at_work_counts_as_little_as_the_one_that_is_foreseen(db: None) -> None:
    _, last = (ended(Kind.PRUNE, subject=prune.SUBJECT, mode="", actor="cli:anna") for _ in range(2))
    (foreseen,) = json.loads(typed("--dry-run", "--json", "--only", "runs"))["kinds"]
    (done,) = json.loads(typed("--json", "--only", "runs"))["kinds"]
    assert foreseen["count"] == done["count"] == 1
    assert SyncRun.objects.filter(pk=last.pk).exists()


def test_the_command_says_in_words_what_went_and_that_nothing_was_old_enough(db: None) -> None:
    ApiCall.objects.create(at=OLD, kind="read", outcome="ok")
    assert "  api_calls API calls: 1, of 2020-01-01 to 2020-01-01\n" in typed("--dry-run")
    assert "  API calls: 1, of 2020-01-01 to 2020-01-01\n" in typed("--only", "api_calls")
    assert "  Nothing was old enough to go.\n" in typed("--only", "api_calls")


def test_old_batches_that_are_needed_are_not_told_to_be_young(twice: tuple[World, Batch, Batch]) -> None:
    world, first, _ = twice
    needs(world, "a refused order", first)
    Batch.objects.update(created_at=OLD)
    assert ": none that is older than 10 days and needed by nothing later\n" in typed("--dry-run", "--only", "batches")


def test_two_at_once_are_one(db: None) -> None:
    runs.ask(kind=Kind.AUDIT, mode="", actor="a", trigger="admin", subject=prune.SUBJECT, now=timezone.now())
    with pytest.raises(CommandError, match=r"Audit check run \d+ of audit is under way already\. Remedy: wait") as busy:
        typed()
    assert busy.value.returncode == 5
