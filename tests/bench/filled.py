"""An installation with years behind it, filled in bulk: 100,000 staged orders, a million audit events.

A few real orders are staged in a small world, and their rows are copied with keys and times of their own; so what
pages read of them (payloads, mappings, labels) is what the line writes.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connections, models, transaction

BIG = 10_000  # orders of the batch that waits for approval
A_BATCH = 300  # orders of any other
STATES = (("applied", "pushed", 88), ("rejected", "needs_attention", 3), ("held", "needs_attention", 2))
STATES += (("superseded", "superseded", 5), ("undone", "undone", 2))


@dataclass(frozen=True, slots=True)
class Filled:
    """What the pages are asked for: the keys of what is large or has much behind it."""

    big_batch: int
    order: int
    run: int
    push: int
    po: str
    record: str
    item: str


def fill(folder: Path, *, orders: int, events: int, seed: int = 8) -> Filled:
    """Fill the app's tables. Takes a minute or two."""
    from tests.world import World

    chance = random.Random(seed)
    world = World(folder)
    for number in range(1, 41):
        world.add(number)
    world.sync()
    for number in range(1, 21):
        world.change(number, PRICE="11.75", S=5)
    world.stage()
    world.close()
    now = datetime.now(UTC)
    batches = _runs_and_batches(orders, now, chance)
    lives = _orders(orders, batches, now, chance)
    _writes(lives, now, chance)
    _calls(events // 10, now, chance)
    _unused(orders // 10, now)
    _names(lives)
    _audit(events, now)
    push = _a_run_of_many_events(batches, events // 10, now)
    _readings(lives, batches[-1].pk, now)
    _jobs_and_messages(events // 10, now)
    with connections["default"].cursor() as cursor:
        cursor.execute("ANALYZE")
    return _what_to_ask(batches, push)


def _insert(model: type[models.Model], like: models.Model, rows: Iterable[Mapping[str, Any]]) -> None:
    """Copies of one row, each with the values that are given, which are as fields take them."""
    from staging.models import insert_rows

    connection = connections["default"]
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    stay = {f.attname: f.get_db_prep_save(getattr(like, f.attname), connection) for f in fields}
    times = {f.attname: f for f in fields if isinstance(f, models.DateTimeField)}

    def values() -> Iterable[list[Any]]:
        for row in rows:
            new = {n: times[n].get_db_prep_save(v, connection) if n in times else v for n, v in row.items()}
            yield [*({**stay, **new}.values())]

    with transaction.atomic():
        insert_rows(model, [str(field.column) for field in fields], values())


def _runs_and_batches(orders: int, now: datetime, chance: random.Random) -> list[Any]:
    """A sync every hour, most of which found nothing; and the batches, the large one last."""
    from staging.models import Batch, SyncRun

    run = SyncRun.objects.filter(kind="sync").order_by("id").first()
    batch = Batch.objects.filter(state="open").order_by("-id").first()
    assert run and batch
    count = max(1, (orders - BIG) // A_BATCH)
    _insert(
        SyncRun,
        run,
        (
            {"started_at": now - timedelta(hours=n), "finished_at": now - timedelta(hours=n, minutes=-2)}
            for n in range(5 * count, 0, -1)
        ),
    )
    runs = list(SyncRun.objects.filter(kind="sync").order_by("-id").values_list("pk", flat=True)[:count])
    wanted = [state for _, state, share in STATES for _ in range(share)]
    _insert(
        Batch,
        batch,
        (
            {
                "run_id": runs[n],
                "state": chance.choice(wanted),
                "approved_by": "anna",
                "approved_at": now - timedelta(hours=n),
                "created_at": now - timedelta(hours=n),
            }
            for n in range(count - 1, -1, -1)
        ),
    )
    _insert(Batch, batch, [{"run_id": runs[0], "created_at": now}])
    return list(Batch.objects.filter(pk__gt=batch.pk).order_by("pk"))


def _orders(orders: int, batches: list[Any], now: datetime, chance: random.Random) -> list[tuple[int, int, str, str]]:
    """Orders with two sizes each; a hundred records come back in many batches. (order, batch, record, state)."""
    from staging.models import Snapshot, StagedLine, StagedOrder

    update = StagedOrder.objects.filter(operation="update").order_by("-id").first()
    snapshot = Snapshot.objects.order_by("id").first()
    assert update and snapshot
    states = {batch: [order for order, own, _ in STATES if own == batch] for batch in {b.state for b in batches}}
    problems = {
        "rejected": (
            "ColumnValueException",
            '{"code":"ColumnValueException","message":"The board refused it.","remedy":"Look.","owner":"source"}',
        ),
        "held": ("conflict", '{"conflicts":[{"field":"numeric_price","written":"10","wanted":"11","live":"12"}]}'),
    }

    def rows() -> Iterable[dict[str, Any]]:
        number = 0
        for batch in batches:
            large = batch is batches[-1]
            for place in range(BIG if large else A_BATCH):
                number += 1
                which = place % 100 if not large and place < 100 else 1_000 + number
                state = "staged" if large else "applied"
                if not large and place >= 250:
                    state = chance.choice(states[batch.state])
                record = str(UUID(int=which))
                yield {
                    "batch_id": batch.pk,
                    "record": record,
                    "link_key": record,
                    "label": f"STYLE {which % 977} RED A{which}",
                    "key": f"A{which} / STYLE {which % 977} / RED / P{which}",
                    "key_hash": f"{which:064x}",
                    "state": state,
                    "current": large or (which > 1_000),
                    "ticked": not large,
                    "operation": "remove" if large and place % 200 == 0 else "update",
                    "problem": problems.get(state, ("", None))[1],
                    "cause": problems.get(state, ("", None))[0],
                    "failed_at": now if state == "rejected" else None,
                    "updated_at": batch.created_at,
                }

    last = StagedOrder.objects.order_by("-pk").values_list("pk", flat=True)[0]
    _insert(StagedOrder, update, rows())
    lives = list(
        StagedOrder.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "batch_id", "record", "state")
    )
    line = StagedLine.objects.filter(order__operation="update").first()
    assert line
    _insert(StagedLine, line, ({"order_id": pk, "size": size} for pk, *_ in lives for size in ("M", "XL")))
    known = {record: pk for pk, _, record, state in lives if state != "staged"}
    _insert(
        Snapshot,
        snapshot,
        (
            {
                "record": record,
                "link_key": record,
                "key": f"A{UUID(record).int} / STYLE / RED / P{UUID(record).int}",
                "key_hash": f"{UUID(record).int:064x}",
                "item_id": str(7_000_000_000 + pk),
            }
            for record, pk in known.items()
        ),
    )
    return lives


def _writes(lives: list[tuple[int, int, str, str]], now: datetime, chance: random.Random) -> None:
    from staging.models import Receipt

    receipt = Receipt.objects.order_by("id").first()
    assert receipt
    _insert(
        Receipt,
        receipt,
        (
            {
                "order_id": pk,
                "batch_id": batch,
                "record": record,
                "item_id": str(7_000_000_000 + pk),
                "request_id": f"request-{pk}",
                "size": size,
                "outcome": "refused" if state == "rejected" else "done",
                "undoes_id": None,
            }
            for pk, batch, record, state in lives
            if state != "staged"
            for size in ("", "M")
        ),
    )


def _calls(number: int, now: datetime, chance: random.Random) -> None:
    from monday.models import ApiCall

    call = ApiCall(kind="write", operations=25, status=200, cost=500, seconds=0.3, outcome="done", at=now)
    _insert(
        ApiCall,
        call,
        (
            {
                "at": now - timedelta(minutes=number - n),
                "correlation": f"run:{n // 20 + 1}",
                "request_id": f"request-{n}",
                "outcome": "done" if n % 50 else "RateLimited",
            }
            for n in range(number)
        ),
    )


def _unused(number: int, now: datetime) -> None:
    from monday.models import Board
    from staging.models import Seen

    problems = [{"column": "TOTAL QTY", "value": "7", "reason": "is 7, and the sizes add up to 8", "owner": "source"}]
    like = Seen(board=Board.objects.first(), verdict="invalid", problems=problems, at=now, customer_name="HARBOUR (AU)")
    rows = ({"record": str(UUID(int=10**9 + n)), "key": f"B{n} / STYLE / RED / Q{n}"} for n in range(number))
    _insert(Seen, like, rows)


def _names(lives: list[tuple[int, int, str, str]]) -> None:
    """What each record is found by."""
    from staging.core.terms import term
    from staging.models import Seen, Term

    like = Term(board_id=Seen.objects.values_list("board", flat=True)[0])
    numbers = {record: UUID(record).int for *_, record, _ in lives}
    words = (
        (record, word)
        for record, n in numbers.items()
        for word in (record, f"A{n}", f"STYLE {n % 977}", "RED", f"P{n}", f"STYLE {n % 977} RED A{n}")
    )
    _insert(Term, like, ({"record": record, "text": term(word)} for record, word in words))
    unused = Seen.objects.values_list("record", "key").iterator()
    pairs = ((record, word) for record, key in unused for word in (record, *key.split(" / ")))
    _insert(Term, like, [{"record": record, "text": term(word)} for record, word in pairs])


def _audit(events: int, now: datetime) -> None:
    """Events of decisions and of runs, two hundred to a chain but for the long one of decisions."""
    from staging.models import AuditChain, AuditEvent, Batch

    batches = list(Batch.objects.order_by("pk").values_list("pk", flat=True))
    chains = events // 400
    length = AuditChain.objects.count()
    _insert(AuditChain, AuditChain(name="", length=200), ({"name": f"past:{n}"} for n in range(chains)))
    ids = list(AuditChain.objects.order_by("pk").values_list("pk", flat=True)[length:])
    long = AuditChain.objects.get(name="decisions") if AuditChain.objects.filter(name="decisions") else None
    like = AuditEvent(at=now, actor="anna", action="order.apply", subject="", hash="0" * 64, data={"to": "applied"})
    actions = (
        "batch.open",
        "batch.approve",
        "order.approve",
        "batch.push",
        "order.send",
        "order.apply",
        "batch.finish",
    )

    def rows() -> Iterable[dict[str, Any]]:
        for n in range(events):
            own = n % 2 and long is not None
            yield {
                "chain_id": long.pk if own and long else ids[(n // 2) % chains],
                "sequence": 10_000 + n,
                "at": now - timedelta(seconds=30 * (events - n)),
                "action": actions[n % len(actions)],
                "actor": ("anna", "ben", "policy:test")[n % 3],
                "subject": f"batch:{batches[n % len(batches)]}",
            }

    _insert(AuditEvent, like, rows())


def _readings(lives: list[tuple[int, int, str, str]], big: int, now: datetime) -> None:
    """A preview of the large batch's undo, as if it had been pushed, and a reconciliation in which all has drifted."""
    from monday.models import Board
    from staging.models import BoardFinding, Foreseen, SyncRun

    ended: dict[str, Any] = {"mode": "TEST", "actor": "anna", "trigger": "admin", "state": "completed"}
    ended |= {"started_at": now, "finished_at": now, "board": Board.objects.get()}
    preview = SyncRun.objects.create(kind="preview", subject=f"batch:{big}", scope={"batch": big}, **ended)
    parts = ("back", "back", "kept", "cannot")
    seen = {"field": "numeric_price", "written": "12", "live": "13", "before": "11", "why": "", "forcible": True}
    mine = [order for order, batch, *_ in lives if batch == big]
    like = Foreseen(run=preview, order_id=mine[0], part="back", fields=[seen])
    _insert(Foreseen, like, ({"order_id": order, "part": parts[order % 4]} for order in mine))
    reading = SyncRun.objects.create(kind="reconcile", subject="board:TEST:", scope={"board": None}, **ended)
    drift = BoardFinding(
        run=reading, category="drifted", name="STYLE RED", field="numeric_price", written="1", live="2"
    )
    _insert(BoardFinding, drift, ({"record": record, "item_id": str(7 * 10**9 + pk)} for pk, _, record, _ in lives))


def _jobs_and_messages(number: int, now: datetime) -> None:
    """As many jobs done as the queue keeps, the failures of years, and the messages of years."""
    from django.conf import settings
    from django_q.models import Task

    from staging.models import Channel, Delivery, Notice

    times = [now - timedelta(seconds=30 * n) for n in range(number)]
    names = ("sweep", "canary", "sync-run", "push-run")
    job = Task(func="staging.jobs.sweep", cluster="ordersite", success=True, started=now, stopped=now)
    rows = [
        Task(id=f"{n:032x}", name=names[n % 4], group=names[n % 4], func=job.func, cluster=job.cluster)
        for n in range(number)
    ]
    kept = int(settings.Q_CLUSTER["save_limit"])
    for place, (row, at) in enumerate(zip(rows, times, strict=True)):
        row.started, row.stopped, row.success = at, at, place < kept
    Task.objects.bulk_create(rows, batch_size=1_000)
    channel = Channel.objects.create(name="Planners", kind="email", address="planners@example.com", events=["failed"])
    Channel.objects.create(name="Never used", kind="email", address="warehouse@example.com", events=["failed"])
    news = {"title": "Failed", "lines": ["It failed."], "links": [], "events": ["failed"], "at": now.isoformat()}
    notice = Notice.objects.create(topic="sync", title="Failed - nothing was sent", news=news, at=now)
    like = Delivery(notice=notice, channel=channel, state="sent", due_at=now, began_at=now, ended_at=now)
    _insert(Delivery, like, ({"due_at": at, "began_at": at, "ended_at": at} for at in times[: number // 4]))


def _a_run_of_many_events(batches: list[Any], number: int, now: datetime) -> int:
    """The large batch's run with a long chain of its own, and a push during which all of its batch's events fell."""
    from staging.audit import run_chain
    from staging.models import AuditChain, AuditEvent, SyncRun

    run = SyncRun.objects.get(batches=batches[-1])
    chain, _ = AuditChain.objects.get_or_create(name=run_chain(run.pk), defaults={"length": number})
    like = AuditEvent(chain=chain, at=now, actor="anna", action="order.apply", hash="0" * 64, data={"to": "applied"})
    like.subject = f"batch:{batches[0].pk}"
    actions = ("order.send", "order.apply", "order.reject", "order.send", "order.apply")
    rows = ({"sequence": 10**6 + n, "at": now + timedelta(seconds=n), "action": actions[n % 5]} for n in range(number))
    _insert(AuditEvent, like, rows)
    wide: dict[str, Any] = {"started_at": now - timedelta(days=400), "finished_at": now + timedelta(days=400)}
    wide |= {"mode": "TEST", "actor": "anna", "trigger": "admin", "state": "completed", "board": batches[0].board}
    return SyncRun.objects.create(kind="push", scope={"batch": batches[0].pk}, **wide).pk


def _what_to_ask(batches: list[Any], push: int) -> Filled:
    from staging.models import StagedOrder, SyncRun

    record = str(UUID(int=7))
    order = StagedOrder.objects.filter(record=record).order_by("-pk")[0]
    run = SyncRun.objects.filter(batches=batches[-1]).get()
    lone = StagedOrder.objects.filter(batch=batches[0]).order_by("-pk")[0]
    return Filled(
        batches[-1].pk, order.pk, run.pk, push, lone.key.split(" / ")[-1], record, str(7_000_000_000 + lone.pk)
    )
