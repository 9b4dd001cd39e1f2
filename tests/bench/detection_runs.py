"""What the benchmark of detection runs in processes of their own: `python -m tests.bench.detection_runs NAME`.

Each prints what it found as one line of JSON. They work on the databases that the environment names.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

PAGE, TIMES = 2_000, 3
RUN = ("staging_syncrun", "staging_auditchain", "staging_auditevent")  # a run, and the audit of its begin and end
Clock = Callable[[], float]


def main() -> None:
    print(json.dumps(CHILDREN[sys.argv[1]]()))


def spent() -> float:
    """Processor seconds of this process, and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def bare(path: str) -> None:
    """The floor: every row into Python, and away."""
    with closing(sqlite3.connect(path)) as table:
        cursor = table.execute("SELECT * FROM ORDERS_UNIFIED")
        while cursor.fetchmany(PAGE):
            pass


def in_turns(runs: list[Callable[[], object]], clock: Clock, times: int = TIMES) -> list[float]:
    """Of each run the quickest."""
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(times):
        for run, seconds in zip(runs, found, strict=True):
            began = clock()
            run()
            seconds.append(clock() - began)
    return [min(seconds) for seconds in found]


def with_setup(work: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    import django

    django.setup()
    from monday.calls import CallLog
    from staging.wiring import opened

    calls = CallLog(waits=lambda seconds: None)
    with opened(mode="TEST", calls=calls) as setup:
        answer = work(setup)
    return {"mutations": calls.mutations, **answer}


def synced(setup: Any, *, counted: bool) -> dict[str, Any]:
    """One run to staged and checked batches; `counted` with what it fetched, rendered and wrote, which takes time."""
    from django.db import connection, connections

    from monday.calls import CallLog
    from staging.setup import silent
    from staging.sync import Request, sync
    from tests.db.fetched import Fetched

    fetched, work = Fetched(), Work()
    if counted:
        fetched.watch(connections["orders"])
        work.watch(connection)
    request = Request(mode="TEST", actor="bench", by_person=True, push_now=False)
    began = spent()
    done = sync(request=request, setup=setup, calls=CallLog(waits=lambda seconds: None), progress=silent)
    cpu = spent() - began
    assert not done.error, done.error
    counts = done.counts
    numbers = {"new": counts.new, "changed": counts.changed, "read": counts.read}
    asked = {"fetched": fetched.letters, "statements": fetched.statements}
    return {"cpu": cpu, **numbers, **asked, "rendered": work.rendered, "written": work.written}


class Work:
    """Counts the rows that are rendered, and by table those that are written of anything but the run itself."""

    def __init__(self) -> None:
        self.rendered = 0
        self.written: dict[str, int] = {}

    def watch(self, connection: Any) -> None:
        """Count from here on."""
        from staging.detection.rows import Rows

        render = Rows.render

        def rendering(*arguments: Any) -> Any:
            self.rendered += 1
            return render(*arguments)

        def writing(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            done = execute(sql, params, many, context)
            verb, *_, table = [*sql.split('"')[:1], "", *sql.split('"')[1:2]]
            if verb.split()[0] in ("INSERT", "UPDATE", "DELETE") and table not in RUN:
                self.written[table] = self.written.get(table, 0) + max(context["cursor"].rowcount, 0)
            return done

        Rows.render = rendering  # type: ignore[method-assign]
        connection.execute_wrappers.append(writing)


def accept() -> dict[str, Any]:
    """As if the board had accepted every row: snapshots that stand at the rows' fingerprints, and nothing staged."""
    return with_setup(accepted)


def accepted(setup: Any) -> dict[str, Any]:
    from django.db import connection, transaction
    from django.utils import timezone

    from mapping.core.order import Order
    from mapping.models import Customer
    from staging.core.fingerprint import payload
    from staging.core.identity import canonical
    from staging.detection.detect import mapping_keys
    from staging.detection.rows import Rows
    from staging.models import Batch, Snapshot, StagedLine, StagedOrder, insert_rows
    from staging.setup import whole

    order = json.dumps(payload(Order("Order", "Group")))
    key, scheme, now = sorted(mapping_keys(setup))[0], setup.source.scheme, timezone.now()
    customer = Customer.objects.order_by("pk").first()
    assert customer is not None
    columns = ("board_id", "record", "link_key", "customer_id", "key", "key_hash", "source_fingerprint", "scheme")
    more = ("mapping_key", "order_fingerprint", "order", "item_id", "lines", "withheld", "said", "state", "accepted_at")

    def row(record: str, print_: str) -> tuple[Any, ...]:
        told = (setup.board.pk, record, record, customer.pk, "", "", print_, scheme)
        return (*told, key, "", order, "1", "{}", "{}", "[]", "linked", now)

    found: dict[str, str] = {}
    for page in setup.source.fingerprint_pages(whole(setup)):
        found.update((canonical(raw), print_) for raw, print_ in page if raw is not None)
    found.update(Rows(setup, whole(setup)).derived_fingerprints())
    with transaction.atomic():
        for model in (StagedLine, StagedOrder):
            model.objects.all()._raw_delete(connection.alias)
        Batch.objects.all().delete()
        insert_rows(Snapshot, (*columns, *more), (row(*pair) for pair in found.items()))
    return {"accepted": len(found)}


def glanced(setup: Any, *, alone: bool) -> dict[str, Any]:
    from django.conf import settings

    from staging.detection.glance import glance
    from staging.setup import whole
    from staging.source import halves

    if alone:
        halves.possible = lambda connection: False
    path = str(settings.DATABASES["orders"]["NAME"])
    runs: list[Callable[[], object]] = [partial(bare, path), lambda: glance(setup=setup, scope=whole(setup))]
    floor_wall, wall = in_turns(runs, time.perf_counter)
    return {"wall": wall, "floor": floor_wall, "cpu": in_turns(runs[1:], spent)[0]}


def fingerprinted(setup: Any) -> dict[str, Any]:
    from staging.setup import whole
    from staging.source import halves

    halves.possible = lambda connection: False

    def drained() -> None:
        for _ in setup.source.fingerprint_pages(whole(setup)):
            pass

    return {"cpu": in_turns([drained], spent)[0]}


CHILDREN: dict[str, Callable[[], dict[str, Any]]] = {
    "first_load": lambda: with_setup(partial(synced, counted=False)),
    "sync": lambda: with_setup(partial(synced, counted=False)),
    "quiet_sync": lambda: with_setup(partial(synced, counted=True)),
    "accept": accept,
    "check_one": lambda: with_setup(lambda setup: glanced(setup, alone=True)),
    "check_two": lambda: with_setup(lambda setup: glanced(setup, alone=False)),
    "fingerprints": lambda: with_setup(fingerprinted),
}


if __name__ == "__main__":
    main()
