"""`serve`: what it does about a stalled cluster, a taken port, and the end of the one who started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from django.utils import timezone
from django_q.models import Task

from ordersite import cluster, supervisor, watchdog
from ordersite.cluster import PATIENCE, PATIENCE_BESIDE_OTHERS, UNWRITTEN, Cluster
from ordersite.first_start import make_demo_orders
from ordersite.models import WorkerPulse
from ordersite.supervisor import Supervisor
from staging.models import SyncRun
from staging.running.lease import LENGTH, database_now, new_owner
from tests.journeys.installation import Installation, free_port, until


class Watched(Cluster):
    """A cluster whose restarts are only counted."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.restarts = 0
        super().__init__(say=self.said.append)
        self.child = SimpleNamespace(poll=lambda: None)  # type: ignore[assignment]

    def restart(self) -> None:
        self.restarts += 1
        self._asked_at = None
        self._answered_at = timezone.now()

    def look(self) -> None:
        """Look as if it were time again."""
        self._next_canary = 0.0
        super().look()


@pytest.fixture
def watched(db: None, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(cluster, "connections", type("Open", (), {"close_all": staticmethod(lambda: None)}))
    monkeypatch.setattr(watchdog, "send_canary", lambda: uuid4().hex)
    return Watched()


def test_a_claimed_canary_is_followed_by_the_next(watched: Watched) -> None:
    watched.look()
    first = watched._asked_at
    watchdog.claimed()
    watched.look()
    assert watched._asked_at is None
    watched.look()
    assert first is not None and watched._asked_at is not None and watched._asked_at > first
    assert watched.restarts == 0


def test_a_cluster_that_claims_nothing_is_started_anew_after_its_time(watched: Watched) -> None:
    watched.look()
    watched.look()
    assert watched.restarts == 0
    watched._asked_at = timezone.now() - PATIENCE - timedelta(seconds=1)
    watched.look()
    assert watched.restarts == 1
    assert watched.said == ["The workers claim no jobs; they are stopped and started again."]


def test_a_busy_cluster_is_left_alone(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched._asked_at = timezone.now() - PATIENCE - timedelta(hours=1)
    monkeypatch.setattr(watchdog, "works_here", lambda **_: True)
    for _ in range(2 * (UNWRITTEN + 2)):
        watched.look()
    assert watched.restarts == 0


def a_canary_is_claimed(watched: Watched, *, written: bool) -> None:
    watched.look()
    if written:
        now = timezone.now()
        Task.objects.create(id=watched._canary, name="canary", func=watchdog.CANARY, started=now, stopped=now)
    watchdog.claimed()
    watched.look()


def test_a_cluster_that_writes_no_results_down_is_started_anew(watched: Watched) -> None:
    for number in range(4 * UNWRITTEN):
        a_canary_is_claimed(watched, written=number % 3 == 0)
    assert watched.restarts == 0
    for _ in range(UNWRITTEN + 1):
        a_canary_is_claimed(watched, written=False)
    assert watched.restarts == 1
    assert watched.said == ["The workers write no results down; they are stopped and started again."]


def claimed_elsewhere() -> None:
    WorkerPulse.objects.update_or_create(host="another-host", defaults={"at": timezone.now()})


def test_a_canary_that_another_host_claims_says_nothing_about_ours(watched: Watched) -> None:
    for _ in range(3):
        watched.look()
        assert watched._asked_at is not None
        claimed_elsewhere()
        watched.look()
        assert watched._asked_at is None
    assert watched.restarts == 0


def test_a_host_that_claims_none_while_others_do_is_stalled(watched: Watched) -> None:
    watched._answered_at = timezone.now() - PATIENCE_BESIDE_OTHERS - timedelta(seconds=1)
    watched.look()
    claimed_elsewhere()
    watched.look()
    assert watched.restarts == 1
    assert watched.said == ["The workers of this host claim no jobs, others do; they are stopped and started again."]


def test_a_run_at_work_on_this_host_is_a_sign_of_life_and_one_elsewhere_is_none(db: None) -> None:
    since = timezone.now()
    assert not watchdog.works_here(since=since)
    run = SyncRun.objects.create(
        mode="TEST", trigger="admin", actor="anna", state="running", started_at=since, lease_owner="elsewhere:1:x",
        lease_until=database_now() + LENGTH,
    )  # fmt: skip
    assert not watchdog.works_here(since=since)
    SyncRun.objects.filter(pk=run.pk).update(lease_owner=new_owner())
    assert watchdog.works_here(since=since)


def test_no_workers_are_started_before_the_app_database_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = ["The server is away.", "The server is away.", ""]
    said: list[str] = []
    monkeypatch.setattr(cluster, "unusable", lambda: problems.pop(0))
    monkeypatch.setattr(cluster.children, "start", lambda *words, **_: SimpleNamespace(poll=lambda: None))
    monkeypatch.setattr(cluster.jobs, "recover", lambda: said.append("Recovered."))
    workers = Cluster(say=said.append)
    workers.start()
    workers.look()
    assert said == ["No workers yet. The server is away. Trying again in 1 s."]
    for _ in range(2):
        workers._next_start = 0.0
        workers.look()
    assert said[1:] == [
        "No workers yet. The server is away. Trying again in 2 s.",
        "The app database answers; the workers are started.",
        "Recovered.",
    ]


def test_an_app_database_that_takes_what_is_written_is_usable_and_keeps_nothing_of_it(watched: Watched) -> None:
    assert cluster.unusable() == ""
    assert not WorkerPulse.objects.exists()


def test_a_cluster_whose_guard_ends_at_once_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(_cluster: object) -> None:
        raise RuntimeError("Q Cluster ordersite failed to start")

    monkeypatch.setattr("django_q.cluster.Cluster.start", failed)
    with pytest.raises(CommandError, match=r"failed to start\. Remedy: "):
        call_command("qcluster", verbosity=0)


def test_a_database_that_does_not_answer_stops_nothing(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(watchdog, "send_canary", away)
    watched.look()
    assert watched.said == ["The app database cannot be asked (gone); trying again."] and watched.restarts == 0


def test_a_taken_port_and_an_odd_one_are_said_in_one_sentence(db: None) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CommandError, match=r"Port \d+ cannot be opened .* Remedy: choose another one") as refused:
            call_command("serve", "--port", str(taken.getsockname()[1]), "--no-schedules", "--no-demo-orders")
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="must be a port between 1 and 65535"):
        call_command("serve", "--port", "70000")


@pytest.mark.django_db(databases=["default", "orders"])
def test_demo_orders_are_made_where_there_are_none_and_nobody_elses_are_touched(settings: Any) -> None:
    source = connections["orders"]
    if source.vendor != "sqlite":
        pytest.skip("orders on a server are somebody's")
    assert make_demo_orders(5) in (0, 5)
    assert make_demo_orders(5) == 0 and "ORDERS_UNIFIED" in source.introspection.table_names()
    with source.cursor() as cursor:
        cursor.execute('drop table "ORDERS_UNIFIED"')
    settings.PRODUCTION = True
    assert make_demo_orders(5) == 0


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; print('no such module: paint', file=sys.stderr); sys.exit(3)", ["exit code 3", "module: paint"]),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ["killed by signal 9"]),
    ],
)
def test_a_web_server_that_keeps_ending_is_given_up_with_its_last_words(
    db: None, monkeypatch: pytest.MonkeyPatch, program: str, words: list[str]
) -> None:
    said: list[str] = []
    started: list[subprocess.Popen[bytes]] = []

    def start(*_: str, **named: Any) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-S", "-c", program], stderr=subprocess.PIPE))
        return started[-1]

    monkeypatch.setattr(supervisor.children, "start", start)
    monkeypatch.setattr(supervisor, "LOOK", 0.01)
    serve = Supervisor("127.0.0.1", free_port(), say=said.append)
    monkeypatch.setattr(serve._cluster, "look", lambda: None)
    serve._web = serve._start_web()
    assert serve._watch() == 1
    for child in started:
        child.wait()
        child.stderr.close()  # type: ignore[union-attr]
    assert len(started) == supervisor.RESTARTS + 1
    assert f"ended {len(started)} times" in said[0]
    assert [word for word in words if word not in said[1]] == []
    assert "Remedy: " in said[2]


def test_production_is_served_by_something_else(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="Remedy: run a WSGI server"):
        call_command("serve")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="process groups are looked at as POSIX has them")
def test_both_children_end_with_the_one_who_started_them(tmp_path: Path) -> None:
    place = Installation(tmp_path)
    try:
        place.manage("migrate", "--verbosity", "0")
        port = free_port()
        served = place.start("serve", "--port", str(port), "--no-demo-orders")
        until(lambda: f":{port}/" in place.log())
        assert place.log().count("administrator-") == 1
        children = _children(served.pid)
        assert len(children) == 2
        served.send_signal(signal.SIGTERM)
        assert served.wait(timeout=40) == 128 + signal.SIGTERM
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    finally:
        place.stop()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="process groups are looked at as POSIX has them")
def test_children_and_workers_end_with_a_serve_that_was_killed(tmp_path: Path) -> None:
    place = Installation(tmp_path)
    try:
        place.manage("migrate", "--verbosity", "0")
        port = free_port()
        served = place.start("serve", "--port", str(port), "--no-schedules", "--no-demo-orders")
        until(lambda: f":{port}/" in place.log())
        children = _children(served.pid)
        until(lambda: all(f"SITE_URL=http://127.0.0.1:{port}" in _environment(pid) for pid in children))
        family = until(lambda: found if len(found := _family(served.pid)) > 5 else None)
        os.kill(served.pid, signal.SIGKILL)
        served.wait(timeout=10)
        until(lambda: not [pid for pid in family if _alive(pid)], seconds=40)
    finally:
        place.stop()


@pytest.mark.slow
def test_the_worker_service_waits_for_its_app_database_and_says_so_in_a_sentence(tmp_path: Path) -> None:
    place = Installation(tmp_path)
    try:
        service = place.start("worker")
        until(lambda: "Trying again in 2 s." in place.log())
        service.send_signal(signal.SIGTERM)
        service.wait(timeout=60)
        assert [line.partition(" Remedy")[0] for line in place.log().splitlines()] == 2 * [
            "No workers yet. The app database is not up to date with this version."
        ]
    finally:
        place.stop()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="process groups are looked at as POSIX has them")
def test_the_worker_service_starts_a_killed_cluster_anew_and_ends_when_asked(tmp_path: Path) -> None:
    place = Installation(tmp_path)
    try:
        place.manage("migrate", "--verbosity", "0")
        service = place.start("worker")
        first = until(lambda: found if len(found := _family(service.pid)) > 3 else None)
        os.kill(_children(service.pid)[0], signal.SIGKILL)
        until(lambda: "The workers ended; they are started again." in place.log())
        until(lambda: len([pid for pid in _family(service.pid) if pid not in first]) > 3)
        service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=60) == 128 + signal.SIGTERM
        assert "Traceback" not in place.log()
        until(lambda: not [pid for pid in first if _alive(pid)], seconds=40)
    finally:
        place.stop()


def _environment(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text(encoding="utf-8", errors="replace")


def _family(parent: int) -> list[int]:
    """A process's children and theirs."""
    return [each for child in _children(parent) for each in (child, *_family(child))]


def _alive(pid: int) -> bool:
    """Whether it runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
