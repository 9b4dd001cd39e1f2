"""Two clusters over one PostgreSQL and one board, killed at random while the orders of many customers change.

    python -m tests.faults.clusters
    python -m tests.faults.clusters --customers 4 --changes 60 --kills 6

Each host runs `worker` as a service does, under a host name of its own. Any process of either dies by SIGKILL at random
instants: a worker, a cluster's leader, its service, or the whole host; a dead service is started again as a service
manager would. Every second sync is approved by a person's command, the others by the policy of TEST. In the end the
board must equal the table, nothing may stand twice, no claim may be left, and the audit must be whole.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.ground import Ground, begin
from tests.faults.hosts import Host
from tests.journeys.installation import postgres_database, until

EACH = 12  # orders of a customer
STEP = 100  # changes between two syncs
PAUSE = (0.3, 12.0)  # seconds between two deaths
SWEEP = 2.0  # seconds between two sweeps; a schedule does it every minute, which would take hours here
PATIENCE = 600.0  # seconds for the clusters to finish what is left, once nobody dies any more
CUSTOMER = "version: 1\ncustomer: TORTURED {:02}\n"


class Clusters:
    """The ground, its two hosts, and what was done on it. `bad` is what is untrue."""

    def __init__(self, folder: Path, *, seed: int, customers: int, changes: int) -> None:
        from tests.faults.orders import Orders

        self.folder, self.seed, self.customers = folder, seed, customers
        self.random, self.ground = Random(seed), Ground(folder)
        self.orders = Orders(folder, seed)
        self.step = min(STEP, max(1, changes // 4))
        self.hosts = [Host(folder, name, workers=2) for name in ("host-a", "host-b")]
        self.syncs = self.kills = 0
        self.bad: list[str] = []
        self._swept = 0.0

    def prepare(self) -> None:
        """Migrate, name the customers, and leave plain rows of each in the table."""
        from tests.faults.truth import plain_records

        ground, wanted = self.ground, self.customers * EACH
        assert ground.manage("migrate", "--verbosity", "0") == 0, ground.said()
        assert ground.manage("load_demo_orders", "--rows", str(wanted * 3)) == 0, ground.said()
        ground.serve()
        ground.ask(plain_records)  # the first run publishes the shipped documents
        assert ground.run(partial(_publish, self.customers)) == 0, ground.said()
        with closing(sqlite3.connect(self.folder / "orders.sqlite3")) as table:
            name = "'TORTURED ' || substr('0' || (1 + rowid % ?), -2)"
            table.execute(f'UPDATE "ORDERS_UNIFIED" SET "CUSTOMER NAME" = {name}', (self.customers,))
            table.commit()
        plain = ground.ask(plain_records)
        assert len(plain) >= wanted, f"only {len(plain)} of {wanted} rows are plain"
        self.orders.keep_only(plain[:wanted])

    def torture(self, changes: int, kills: int) -> None:
        """Change orders, ask for syncs, approve and push, while processes die."""
        for host in self.hosts:
            host.start()
        until(lambda: all(host.works() for host in self.hosts))
        next_death = time.monotonic() + self.random.uniform(*PAUSE)
        while self.orders.changes < changes or self.kills < kills:
            for host in self.hosts:
                host.start()
            if time.monotonic() > next_death and self.kills < kills:
                self.kills += bool(self.random.choice(self.hosts).kill(self.random))
                next_death = time.monotonic() + self.random.uniform(*PAUSE)
            if not self._look_after()["syncs"]:
                self.orders.change(min(self.step, max(1, changes - self.orders.changes)))
                self._ask(by_person=bool(self.syncs % 2))
            time.sleep(0.1)

    def finish(self) -> None:
        """Let the clusters do what is left, until a sync of all finds nothing to do."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for host in self.hosts:
                host.start()
            seen = self._look_after()
            if not seen["runs"] and not seen["batches"] and seen["quiet"]:
                return
            if not seen["runs"] and not seen["batches"]:
                self._ask(by_person=False)
            time.sleep(0.3)
        self.bad.append(f"not done after {PATIENCE:.0f} s: {self.ground.ask(_standing)}")

    def look(self) -> None:
        """Write down what is untrue now."""
        from tests.faults.truth import untrue

        for host in self.hosts:
            host.stop()
        for host in self.hosts:  # the next minute's
            self.ground.run(partial(_sweep, host.name))
        self.bad += self.ground.ask(untrue) + self.ground.ask(_claims)

    def figures(self, began: float) -> str:
        """What was done, in lines."""
        from tests.faults.truth import created, figures

        held = self.ground.ask(figures) | created(self.folder / "board.sqlite3") | self.ground.ask(_runs)
        dead = ", ".join(f"{sum(h.dies[kind] for h in self.hosts)} x {kind}" for kind in self.hosts[0].dies)
        return (
            f"clusters: seed {self.seed}, 2 hosts of 2 workers, PostgreSQL, {self.customers} customers,"
            f" {self.orders.number()} rows, {self.orders.changes} changes, {self.syncs} syncs asked for\n"
            f"  killed {self.kills} times ({dead}) in {time.monotonic() - began:.0f} s\n"
            f"  {held['requests']:,} API calls, {held['runs']:,} runs begun {held['attempts']:,} times"
            f" ({held['died']:,} died for good), {held['orders']:,} orders staged, {held['applied']:,} applied\n"
            f"  {held['receipts']:,} receipts ({held['unclear']:,} were unclear), {held['events']:,} audit events,"
            f" {held['items']:,} items and {held['lines']:,} subitems created"
        )

    def _ask(self, *, by_person: bool) -> None:
        self.ground.run(partial(_ask_sync, by_person))
        self.syncs += 1

    def _look_after(self) -> dict[str, int]:
        """What a person and the schedule do: approve, push on, sweep. Gives what is waiting or at work."""
        if time.monotonic() - self._swept > SWEEP:
            self._swept = time.monotonic()
            self.ground.run(partial(_sweep, self.random.choice(self.hosts).name))
        seen: dict[str, Any] = self.ground.ask(_standing)
        if seen["open"]:
            self.ground.manage("batches", "approve", *map(str, seen["open"]), "--removals", "--note", "looked at")
        if seen["batches"]:
            self.ground.run(_push_on)
        return seen


# --- asked in processes of their own ----------------------------------------------------------------------------------
def _publish(customers: int) -> None:
    from django.utils import timezone

    from mapping.publish import publish_text
    from staging.wiring import recorder

    for number in range(1, customers + 1):
        publish_text(text=CUSTOMER.format(number), actor="anna", note="tortured", now=timezone.now(), record=recorder)


def _ask_sync(by_person: bool) -> None:
    from staging import jobs
    from staging.core.lifecycle import NotAllowed

    with suppress(NotAllowed):
        jobs.ask_sync(mode="TEST", actor="anna", trigger="admin", scope={"by_person": by_person})


def _sweep(host: str) -> None:
    """As the schedule on that host does: it knows the processes of its own host, and of others only their leases."""
    import socket

    from staging import jobs
    from tests.faults.torture import _due

    socket.gethostname = lambda: host
    _due()
    jobs.sweep()


def _push_on() -> None:
    from staging import jobs
    from staging.core.lifecycle import NotAllowed
    from staging.models import Batch

    for batch in Batch.objects.filter(pk__in=_standing()["batches"]):
        with suppress(NotAllowed):
            jobs.ask_push(batch, actor="anna", trigger="admin")


def _standing() -> dict[str, Any]:
    """What waits for a person, what is at work, and whether the last sync found nothing to do."""
    from staging.models import Batch, StagedOrder, SyncRun
    from staging.running.runs import ACTIVE

    active = SyncRun.objects.filter(state__in=ACTIVE)
    unfinished = StagedOrder.objects.filter(state__in=["approved", "sending", "unclear", "rejected"])
    batches = unfinished.exclude(batch__state="open").values_list("batch_id", flat=True).distinct()
    last = SyncRun.objects.filter(kind="sync").order_by("-id").first()
    quiet = last is not None and last.state == "completed" and last.counts.get("staged") == 0
    return {
        "syncs": active.filter(kind="sync").count(),
        "runs": active.count(),
        "batches": sorted(batches),
        "open": sorted(Batch.objects.filter(state="open").values_list("pk", flat=True)),
        "quiet": bool(quiet and not last.counts["changed"] and not last.counts["new"]),
    }


def _claims() -> list[str]:
    """Claims that nobody gave back."""
    from staging.models import Batch, SyncRun

    held = [row for kind in (SyncRun, Batch) for row in kind.objects.exclude(lease_owner="")]
    return [f"{row} is still claimed by {row.lease_owner}" for row in held]


def _runs() -> dict[str, int]:
    from django.db.models import Sum

    from staging.models import SyncRun

    died = SyncRun.objects.filter(error="Its process died.").count()
    return {"attempts": SyncRun.objects.aggregate(all=Sum("attempt"))["all"] or 0, "died": died}


def main(arguments: list[str]) -> int:
    """Torture, print the figures and what is untrue, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20)
    parser.add_argument("--changes", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    given: Any = parser.parse_args(arguments)
    began = time.monotonic()
    with ExitStack() as stack:
        database = stack.enter_context(postgres_database())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ordersite-clusters-")))
        begin(folder, database=database)
        clusters = Clusters(folder, seed=given.seed, customers=given.customers, changes=given.changes)
        stack.callback(clusters.ground.close)
        for host in clusters.hosts:
            stack.callback(host.stop)
        clusters.prepare()
        clusters.torture(given.changes, given.kills)
        clusters.finish()
        clusters.look()
        print(clusters.figures(began))
        for sentence in clusters.bad[:30]:
            print(f"UNTRUE {sentence}")
        if clusters.bad:
            print(f"{len(clusters.bad)} things are untrue; again with --seed {given.seed}")
    return 1 if clusters.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
