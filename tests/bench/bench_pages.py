"""Every list and page over large tables: `python -m tests.bench.bench_pages [--orders 100000] [--events 1000000]`.

Prints, for SQLite and for PostgreSQL where one answers on this machine, the median of 20 answers in milliseconds and
the number of queries. Each stays under 300 ms; the page of a batch with 10,000 changes under a second.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from tests.bench.own import installation

BOUND, BOUND_OF_BIG = 300.0, 1_000.0  # milliseconds
TIMES = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="only pages whose name holds this word")
    parser.add_argument("--database", default="", help="only sqlite or postgresql")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--address", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.address is not None:
        return measured(options)
    from tests.journeys.installation import postgres_answers, postgres_database

    ends = []
    if options.database in ("", "sqlite"):
        ends.append(_apart(options, ""))
    if options.database in ("", "postgresql") and postgres_answers():
        with postgres_database() as address:
            ends.append(_apart(options, address))
    return max(ends, default=0)


def _apart(options: argparse.Namespace, address: str) -> int:
    """The same in a process of its own, as Django knows one database in its life."""
    line = [sys.executable, "-m", "tests.bench.bench_pages", "--orders", str(options.orders)]
    line += ["--events", str(options.events), "--only", options.only, "--address", address]
    return subprocess.run([*line, *(["--json"] if options.json else [])], check=False).returncode


def measured(options: argparse.Namespace) -> int:
    """Fill one database and ask for every page; 1 where a bound is missed."""
    with installation(database=options.address) as folder:
        from django.db import connections

        from tests.bench.filled import fill

        vendor, began = connections["default"].vendor, time.perf_counter()
        filled = fill(folder, orders=options.orders, events=options.events)
        if not options.json:
            took = time.perf_counter() - began
            print(f"{vendor}: {options.orders:,} orders, {options.events:,} audit events, filled in {took:.0f} s")
            print(f"{'page':<46} {'median':>9} {'bound':>9} {'queries':>8}")
        rows = [row for name, place in pages(filled).items() if options.only in name for row in [_ask(name, place)]]
    for row in rows:
        if options.json:
            print(json.dumps({"database": vendor, **row}))
        else:
            late = "" if row["median"] <= row["bound"] else "  missed"
            print(f"{row['page']:<46} {row['median']:>6.0f} ms {row['bound']:>6.0f} ms {row['queries']:>8}{late}")
    return int(any(row["median"] > row["bound"] for row in rows))


def pages(filled: Any) -> dict[str, str]:
    """Every page by name with its address, and what people ask of large lists."""
    from django.urls import reverse

    from tests.browser.places import places

    batch = reverse("admin:staging_batch_change", args=[filled.big_batch])
    orders, audit = reverse("admin:staging_stagedorder_changelist"), reverse("admin:staging_auditevent_changelist")
    receipts, seen = reverse("admin:staging_receipt_changelist"), reverse("admin:staging_seen_changelist")
    log = reverse("admin:staging_syncrun_log", args=[filled.run])
    batches, links = reverse("admin:staging_batch_changelist"), reverse("admin:staging_snapshot_changelist")
    approve = reverse("admin:staging_batch_act", args=["approve"])
    calls, search = reverse("admin:monday_apicall_changelist"), reverse("admin:search")
    # The newest open batch is the large one, which has a bound of its own.
    large = ("batch open", "confirm")
    known = {n: place for n, place in places().items() if "local board" not in n and not n.startswith(large)}
    undo = reverse("admin:staging_batch_undo", args=[filled.big_batch])
    return known | {
        "front page, its cards alone": reverse("admin:today"),
        "batch of 10,000": batch,
        "batch of 10,000, a page in its midst": f"{batch}?after={filled.order // 2}",
        "batch of 10,000, searched": f"{batch}?q=style+77",
        "batch of 10,000, by a field that changes": f"{batch}?field=numeric_price",
        "batch of 10,000, by a size that changes": f"{batch}?field=size%3A&kind=update",
        "batch of 10,000, undo of it": undo,
        "batch of 10,000, undo of it, a page in its midst": f"{undo}?back={filled.order}",
        "batch of 10,000, confirming its undo": f"{undo}?confirm=1",
        "batch of 10,000, approving it": f"{approve}?ids={filled.big_batch}",
        "order with a long life": reverse("admin:staging_stagedorder_change", args=[filled.order]),
        "run with a batch of 10,000": reverse("admin:staging_syncrun_change", args=[filled.run]),
        "run with a batch of 10,000, live part": reverse("admin:staging_syncrun_live", args=[filled.run]),
        "log of a run with 100,000 events": log,
        "log of a run with 100,000 events, newest": f"{log}?order=newest",
        "log of a run with 100,000 events, its midst": f"{log}?after=50000-0-0-0",
        "log of a run with 100,000 events, errors": f"{log}?level=error",
        "log of a push in a batch with many events": reverse("admin:staging_syncrun_log", args=[filled.push]),
        "runs with changes": f"{reverse('admin:staging_syncrun_changelist')}?changes=some",
        "runs of a customer": f"{reverse('admin:staging_syncrun_changelist')}?customer=1",
        "search for a PO": f"{search}?q={filled.po}",
        "search for a UUID": f"{search}?q={filled.record}",
        "search for an item": f"{search}?q={filled.item}",
        "search for a style of many": f"{search}?q=STYLE+7",
        "search for a colour of all": f"{search}?q=red",
        "search for nothing known": f"{search}?q=no+such+order",
        "orders, page 180": f"{orders}?p=180",
        "orders rejected": f"{orders}?state__exact=rejected",
        "orders in conflict": f"{orders}?kept=conflict",
        "orders kept back": f"{orders}?kept=rest",
        "batches that wait for approval": f"{batches}?waits=approval",
        "batches of which all is held": f"{batches}?waits=release",
        "links of which one side is gone": f"{links}?gone=any",
        "orders of a customer": f"{orders}?batch__customer__id__exact=1",
        "orders, searched by key": f"{orders}?q={filled.po}",
        "orders, searched by UUID": f"{orders}?q={filled.record}",
        "orders, nothing found": f"{orders}?q=no+such+order",
        "orders by time": f"{orders}?o=-7",
        "audit, page 180": f"{audit}?p=180",
        "audit of a batch": f"{audit}?q=batch:{filled.big_batch}",
        "audit of a person": f"{audit}?q=anna",
        "audit of an action": f"{audit}?action__exact=batch.approve",
        "audit, nothing found": f"{audit}?q=nobody",
        "receipts of a record": f"{receipts}?q={filled.record}",
        "receipts refused": f"{receipts}?outcome__exact=refused",
        "receipts of an item": f"{receipts}?q={filled.item}",
        "receipts of a request": f"{receipts}?q=request-77",
        "rows not used, searched": f"{seen}?q=B77",
        "messages of a channel": f"{reverse('admin:staging_delivery_changelist')}?channel__id__exact=1",
        "jobs done, searched": f"{reverse('admin:django_q_success_changelist')}?q=sweep",
        "jobs failed, searched": f"{reverse('admin:django_q_failure_changelist')}?q=sweep",
        "calls of a run": f"{calls}?q=run:12",
        "calls refused": f"{calls}?outcome__exact=RateLimited",
    }


def _ask(name: str, place: str) -> dict[str, Any]:
    """Median milliseconds and queries of one page, asked for as a signed-in person asks."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    person, _ = User.objects.get_or_create(username="everything", is_superuser=True, is_staff=True)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(person)
    asked: list[tuple[float, str]] = []

    def listen(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return run(sql, params, many, context)
        finally:
            asked.append((time.perf_counter() - began, sql % tuple(map(repr, params)) if params else sql))

    with connection.execute_wrapper(listen):
        answer = client.get(place)
    if answer.status_code not in (200, 302):
        raise SystemExit(f"{place} answered {answer.status_code}")
    if os.environ.get("BENCH_SQL"):  # what a page spends its time on
        for spent, sql in sorted(asked, reverse=True)[:4]:
            print(f"    {spent * 1000:.0f} ms  {sql}")
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        client.get(place)
        took.append((time.perf_counter() - began) * 1000)
        if len(took) == 3 and min(took) > 3_000:
            break
    bound = BOUND_OF_BIG if "10,000" in name and "batch of" in name and "run" not in name else BOUND
    return {"page": name, "median": statistics.median(took), "bound": bound, "queries": len(asked)}


if __name__ == "__main__":
    sys.exit(main())
