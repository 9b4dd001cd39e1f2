"""Notifications: once per change of state, to channels of every kind, written down before they leave."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from staging import jobs
from staging.core.events import Event
from staging.delivery_jobs import deliver_one, digest, trial
from staging.models import Channel, Delivery, Notice, SyncRun
from staging.models.run import Kind, RunState
from staging.notices import deliver, notify, webhook
from tests.db.admin_line import signed_in, staged
from tests.db.test_roles import line as line
from tests.world import World

SECRET_PATH = "/hooks/s3cr3t-part-of-the-address"


class Receiver:
    """A webhook on this machine: remembers what came, and answers as told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.announced = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, dict(self.headers), body))
                status, headers = outer.answers.pop(0) if outer.answers else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(outer.announced))
                self.end_headers()
                self.close_connection = not outer.announced

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{SECRET_PATH}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.NOTIFY_HOSTS = ["127.0.0.1"]
    made = Receiver()
    yield made
    made.close()


def channel(receiver: Receiver, kind: str = "webhook", **more: Any) -> Channel:
    fields = {"name": kind, "kind": kind, "address": receiver.address, "events": [str(event) for event in Event]}
    return Channel.objects.create(**(fields | more))


def ended(
    state: str, *, kind: str = Kind.SYNC, error: str = "", subject: str = "", board: Any = None, **counts: int
) -> SyncRun:
    """A run that has just ended so, and was told of."""
    now = timezone.now()
    run = SyncRun.objects.create(
        kind=kind,
        mode="TEST",
        trigger="schedule",
        actor="schedule",
        state=state,
        error=error,
        subject=subject,
        board=board,
        counts=counts,
        started_at=now,
        finished_at=now,
    )
    notify.ended(run.pk)
    return run


def titles() -> list[str]:
    return list(Notice.objects.order_by("id").values_list("title", flat=True))


# --- once per change of state ---------------------------------------------------------------------------------------
def test_an_outage_that_goes_on_is_told_once_and_its_end_too(line: World) -> None:
    for number in (3, 4, 5):
        ended(RunState.FAILED, error=f"monday.com cannot be reached after {number} tries.")
    assert len(mail.outbox) == 1
    ended(RunState.FAILED, error="The order source does not answer.")
    good = ended(RunState.COMPLETED)
    ended(RunState.COMPLETED)
    assert [sent.subject.split(" - ")[0] for sent in mail.outbox] == [
        "[Ordersite] Failed",
        "[Ordersite] Failed",
        "[Ordersite] Recovered",
    ]
    assert mail.outbox[2].subject == f"[Ordersite] Recovered - Sync run {good.pk}"
    ended(RunState.FAILED, error="The order source does not answer.")
    assert len(mail.outbox) == 4


def test_a_good_end_that_is_told_late_is_no_recovery_from_what_failed_after_it(line: World) -> None:
    before = timezone.now() - timedelta(hours=1)
    sync = {"kind": "sync", "mode": "TEST", "trigger": "schedule", "actor": "schedule"}
    SyncRun.objects.create(**sync, state=RunState.WAITING, started_at=before, finished_at=before)
    ended(RunState.FAILED, error="The order source does not answer.")
    notify.overdue(timezone.now())
    assert [sent.subject.split(" - ")[0] for sent in mail.outbox] == ["[Ordersite] Failed"]
    ended(RunState.COMPLETED)
    assert mail.outbox[-1].subject.startswith("[Ordersite] Recovered") and len(mail.outbox) == 2


def test_what_works_on_another_board_or_for_one_customer_is_no_recovery(line: World) -> None:
    ended(RunState.FAILED, error="x")
    ended(RunState.COMPLETED, kind=Kind.REFRESH, subject="board:1")
    run = SyncRun.objects.create(
        kind="sync",
        mode="TEST",
        trigger="cli",
        actor="a",
        state="completed",
        scope={"customer": "HARBOUR"},
        started_at=timezone.now(),
    )
    assert not notify.ended(run.pk) and len(mail.outbox) == 1


def test_rejected_orders_are_no_outage_so_nothing_recovers_when_a_quiet_run_follows(line: World) -> None:
    ended(RunState.WITH_ERRORS, rejected=2)
    ended(RunState.COMPLETED)
    assert len(titles()) == 1
    ended(RunState.WITH_ERRORS, rejected=2)
    assert len(titles()) == 2  # other orders, as each sync counts its own


def test_a_channel_gets_what_it_asked_for(line: World, receiver: Receiver, settings: Any) -> None:
    settings.NOTIFY_TO = []
    channel(receiver, events=["rejected"])
    channel(receiver, "slack", events=["quota"])
    channel(receiver, "teams", events=["errors", "failed"], active=False)
    ended(RunState.REFUSED, error="The source is empty.")
    assert receiver.got == []
    ended(RunState.WITH_ERRORS, rejected=1)
    ((_, _, body),) = receiver.got
    assert json.loads(body)["events"] == ["errors", "rejected"]


def test_each_channel_is_told_what_it_asked_for_where_a_run_recovered_and_waits_for_approval(
    line: World, receiver: Receiver
) -> None:
    asked = {"waiting": ["waiting"], "recovered": ["recovered"], "both": ["recovered", "waiting"], "bad": ["failed"]}
    for name, events in asked.items():
        channel(receiver, name=name, address=f"{receiver.address}/{name}", events=events)
    ended(RunState.FAILED, error="The order source does not answer.")
    del receiver.got[:], mail.outbox[:]
    batch = staged(line, 61)
    run = ended(RunState.WAITING, board=line.board)
    ended(RunState.WAITING, board=line.board)
    got = {path.rpartition("/")[2]: json.loads(body) for path, _, body in receiver.got}
    assert len(receiver.got) == 3
    waits = f"2 batches of run {run.pk}"
    assert {name: news["title"] for name, news in got.items()} == {
        "waiting": f"Waiting for approval - {waits}",
        "recovered": f"Recovered - Sync run {run.pk}",
        "both": f"Recovered, and waiting for approval - {waits}",
    }
    assert {name: news["events"] for name, news in got.items()} == {name: asked[name] for name in got}
    for name in ("waiting", "both"):
        told = "\n".join(got[name]["lines"])
        assert "2 batches wait for approval:" in told and f"/staging/batch/{batch.pk}/change/" in told
    assert [sent.subject for sent in mail.outbox] == [f"[Ordersite] Recovered, and waiting for approval - {waits}"]


def test_who_asked_for_approvals_alone_hears_of_them_where_the_run_went_wrong_too(
    line: World, receiver: Receiver, settings: Any
) -> None:
    settings.NOTIFY_TO = []
    channel(receiver, events=["waiting"])
    channel(receiver, "slack", events=["waiting", "errors"])
    staged(line, 61)
    run = ended(RunState.WITH_ERRORS, board=line.board, rejected=1)
    assert sorted(titles()) == [
        f"Completed with errors - Sync run {run.pk}",
        f"Waiting for approval - 2 batches found by run {run.pk}",
    ]
    assert all(b"2 batches wait for approval:" in body for _, _, body in receiver.got) and len(receiver.got) == 2


def test_a_used_up_quota_is_told_and_its_end_too(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stands = notify.standing(line.board.address, line.board.account_id)
    until = timezone.now() + timedelta(hours=3)
    long = replace(stands, calls=1000, waiting_until=until)
    monkeypatch.setattr(notify, "standing", lambda address, account: long)
    assert [notify.quota(timezone.now()) for _ in range(3)] == [1, 0, 0]
    assert f"Runs go on by themselves at {until:%H:%M} UTC." in mail.outbox[0].body
    monkeypatch.setattr(notify, "standing", lambda address, account: stands)
    assert [notify.quota(timezone.now()) for _ in range(2)] == [1, 0]
    assert [sent.subject.split(" - ")[0][12:] for sent in mail.outbox] == ["Quota exhausted", "Recovered"]


# --- on the wire ----------------------------------------------------------------------------------------------------
def test_a_webhook_can_tell_who_wrote(line: World, receiver: Receiver) -> None:
    channel(receiver, secret="between us")
    ended(RunState.FAILED, error="x")
    ((path, headers, body),) = receiver.got
    assert path == SECRET_PATH and json.loads(body)["title"].startswith("Failed - Sync run")
    second, signed = (part.partition("=")[2] for part in headers["X-Ordersite-Signature"].split(","))
    assert signed == hmac.new(b"between us", f"{second}.".encode() + body, hashlib.sha256).hexdigest()
    delivery = Delivery.objects.get(channel__isnull=False)
    assert headers["X-Ordersite-Delivery"] == str(delivery.pk)
    assert (delivery.state, delivery.attempts, delivery.outcome) == ("sent", 1, "taken (HTTP 200)")


@pytest.mark.parametrize(("kind", "field"), [("teams", "attachments"), ("slack", "blocks")])
def test_teams_and_slack_get_their_own_form(line: World, receiver: Receiver, kind: str, field: str) -> None:
    channel(receiver, kind, secret="x")
    ended(RunState.FAILED, error="x")
    ((_, headers, body),) = receiver.got
    assert field in json.loads(body) and "X-Ordersite-Signature" not in headers


def test_a_channel_that_fails_is_tried_again_later_and_then_given_up(line: World, receiver: Receiver) -> None:
    channel(receiver)
    receiver.answers = [(503, {})] * 10
    ended(RunState.FAILED, error="x")
    now = timezone.now()
    assert deliver.send_due(now) == 0 and len(receiver.got) == 1  # not yet due
    for _ in range(8):
        now += timedelta(hours=5)
        deliver.send_due(now)
    delivery = Delivery.objects.get(channel__isnull=False)
    assert (delivery.state, delivery.attempts, len(receiver.got)) == ("failed", 6, 6)
    assert (
        delivery.outcome == "HTTP 503" and len({headers["X-Ordersite-Delivery"] for _, headers, _ in receiver.got}) == 1
    )


def test_the_sweeper_sends_what_a_channel_did_not_take(line: World, receiver: Receiver) -> None:
    channel(receiver)
    receiver.answers = [(500, {})]
    ended(RunState.FAILED, error="x")
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    jobs.sweep()
    assert len(receiver.got) == 2 and Delivery.objects.get(channel__isnull=False).state == "sent"


def test_a_refusal_for_good_and_a_redirect_are_not_tried_again(line: World, receiver: Receiver) -> None:
    channel(receiver)
    receiver.answers = [(410, {}), (307, {"Location": "http://127.0.0.1:1/elsewhere"})]
    ended(RunState.FAILED, error="x")
    ended(RunState.COMPLETED)
    gone, moved = Delivery.objects.filter(channel__isnull=False).order_by("id")
    assert (gone.state, gone.outcome) == ("failed", "HTTP 410. Remedy: check the address")
    assert moved.state == "failed" and "which is not followed" in moved.outcome and len(receiver.got) == 2


def test_a_message_whose_process_died_is_sent_again_under_its_name(line: World, receiver: Receiver) -> None:
    made = channel(receiver)
    pk = trial(made, actor="otto")
    Delivery.objects.filter(pk=pk).update(state="sending", attempts=1, began_at=timezone.now() - timedelta(minutes=6))
    assert deliver.send_due(timezone.now()) == 1 and deliver_one(pk) == "not sent; the delivery log tells why"
    ((_, headers, _),) = receiver.got
    assert headers["X-Ordersite-Delivery"] == str(pk)


def test_a_digest_is_one_message_for_all_that_was_collected(line: World, receiver: Receiver) -> None:
    channel(receiver, digest=True)
    ended(RunState.FAILED, error="x")
    ended(RunState.COMPLETED)
    assert receiver.got == [] and digest() == "digests: 1" and digest() == "digests: 0"
    ((_, _, body),) = receiver.got
    assert json.loads(body)["title"] == "2 messages since the last digest"
    assert set(Delivery.objects.filter(channel__isnull=False).values_list("state", flat=True)) == {"sent"}


@pytest.mark.django_db(transaction=True)
def test_a_message_is_on_record_and_no_transaction_is_open_while_it_leaves(
    receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFY_TO = []
    channel(receiver)
    seen: list[tuple[bool, str]] = []
    real = webhook.post

    def watched(*args: Any, **more: Any) -> Any:
        seen.append((connection.in_atomic_block, Delivery.objects.get().state))
        return real(*args, **more)

    monkeypatch.setattr(webhook, "post", watched)
    ended(RunState.FAILED, error="x")
    assert seen == [(False, "sending")] and len(receiver.got) == 1


# --- addresses ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address",
    [
        *("http://hooks.example/x", "ftp://hooks.example", "https://", "https://a b", "https://me:pass@hooks.example/"),
        *("javascript:alert(1)", "https://[::1", "", "http://127.0.0.1/", "https://x\n.example"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, settings: Any) -> None:
    settings.NOTIFY_HOSTS = []
    assert "Remedy" in webhook.wrong(address)
    assert not webhook.post(address, b"{}", delivery="1").ok


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0"),
        *("::ffff:127.0.0.1", "fd00::1", "224.0.0.1", "100.64.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:a00:1::1", "2002:7f00:1::", "fec0::1"),
        *("::7f00:1", "::ffff:0:127.0.0.1"),
    ],
)
def test_no_webhook_reaches_the_own_network(address: str, settings: Any) -> None:
    settings.NOTIFY_HOSTS = []
    assert not webhook.reachable("hooks.example", address)


def test_a_host_of_the_own_network_is_reached_where_a_setting_names_it(settings: Any) -> None:
    settings.NOTIFY_HOSTS = ["chat.intern"]
    assert webhook.reachable("chat.intern", "10.1.2.3") and webhook.reachable("hooks.example", "93.184.216.34")
    assert all(webhook.reachable("hooks.example", each) for each in ("2606:2800:220:1::1", "64:ff9b::5db8:d822"))
    assert not webhook.reachable("chat.intern", "64:ff9b::a9fe:a9fe")
    assert not webhook.reachable("chat.intern", "169.254.169.254")


def test_a_name_that_points_inside_is_noticed_before_a_byte_leaves(receiver: Receiver, settings: Any) -> None:
    settings.NOTIFY_HOSTS = []
    port = receiver.server.server_port
    posted = webhook.post(f"https://localhost:{port}{SECRET_PATH}", b"{}", delivery="1")
    assert not posted.ok and not posted.again and "inside the own network" in posted.words and receiver.got == []


def test_the_body_of_an_answer_is_not_waited_for(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TIMEOUTS", (5.0, 0.5))
    receiver.announced = 5  # bytes that never come
    assert webhook.post(receiver.address, b"{}", delivery="1") == webhook.Posted(True, False, "taken (HTTP 200)")


def test_no_answer_is_told_without_the_address(settings: Any) -> None:
    settings.NOTIFY_HOSTS = ["127.0.0.1"]
    posted = webhook.post(f"http://127.0.0.1:1{SECRET_PATH}", b"{}", delivery="1")
    assert posted == webhook.Posted(False, True, "no answer (ConnectionError)")


# --- the pages ------------------------------------------------------------------------------------------------------
FORM = {"name": "Ops", "kind": "webhook", "events": ["failed"], "active": "on"}


def test_an_administrator_makes_a_channel_tries_it_and_never_sees_its_address(line: World, receiver: Receiver) -> None:
    client = signed_in("administrator")
    made = client.post("/staging/channel/add/", {**FORM, "address": receiver.address, "secret": "between us"})
    assert made.status_code == 302, made.context["adminform"].form.errors
    one = Channel.objects.get()
    for address in ("/staging/channel/", f"/staging/channel/{one.pk}/change/"):
        page = client.get(address).content.decode()
        assert "s3cr3t" not in page and "between us" not in page
    channel(receiver, "email", address="anna@a.example, carl@c.example")
    assert "a...@a.example, c...@c.example" in client.get("/staging/channel/").content.decode()
    client.post(f"/staging/channel/{one.pk}/change/", {**FORM, "name": "Ops 2", "address": "", "secret": ""})
    one.refresh_from_db()
    assert (one.name, one.address, one.secret) == ("Ops 2", receiver.address, "between us")
    assert client.get(f"/staging/channel/{one.pk}/test/").status_code == 302 and not Delivery.objects.exists()
    client.post(f"/staging/channel/{one.pk}/test/")
    assert deliver_one(Delivery.objects.get().pk) == "sent" and len(receiver.got) == 1
    log = client.get("/staging/delivery/").content.decode()
    assert "Test message from Ordersite" in log and "taken (HTTP 200)" in log and "s3cr3t" not in log


def test_a_channel_is_deleted_only_as_long_as_nothing_was_sent_through_it(line: World, receiver: Receiver) -> None:
    client = signed_in("administrator")
    for name in ("used", "new"):
        client.post("/staging/channel/add/", {**FORM, "name": name, "address": receiver.address, "secret": "x"})
    used, new = Channel.objects.order_by("pk")
    client.post(f"/staging/channel/{used.pk}/test/")
    page = client.get(f"/staging/channel/{used.pk}/change/").content.decode()
    assert "cannot be deleted, as its messages are kept" in page and "deletelink" not in page
    assert client.post(f"/staging/channel/{used.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/staging/channel/{new.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(Channel.objects.all()) == [used]


@pytest.mark.parametrize(
    "fields",
    [
        {"address": "http://hooks.example/x"},
        {"address": ""},
        {"kind": "email", "address": "anna"},
        {"events": [], "address": "https://hooks.example/x"},
        {"events": ["nonsense"], "address": "https://hooks.example/x"},
    ],
)
def test_a_channel_that_could_not_work_is_refused_with_a_sentence(line: World, fields: dict[str, Any]) -> None:
    page = signed_in("administrator").post("/staging/channel/add/", FORM | fields)
    assert page.status_code == 200 and not Channel.objects.exists()
    assert page.context["adminform"].form.errors
