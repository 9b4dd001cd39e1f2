"""Who may do what: every role against every action, by address and not by button."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success

from mapping.models import Version
from monday.models import Board
from monday.sandbox.store import SandboxStore
from ordersite import roles
from staging.models import AuditEvent, Batch, Receipt, Snapshot, StagedOrder, SyncRun
from staging.running.runs import ask
from tests.browser.places import all_names
from tests.db.admin_line import board_document, opened_line, person, signed_in, staged
from tests.world import START, World

ROLES = tuple(roles.ROLES)


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    line = opened_line(world, settings, monkeypatch)
    line.add(9, CUSTOMER="B'HOOD")
    line.sync()
    staged(line, 1, 2)
    for role in ROLES:
        person(role)
    User.objects.create_user("somebody")
    Group.objects.create(name="of somebody")
    Schedule.objects.create(name="x", func="staging.jobs.sweep")
    OrmQ.objects.create(key="x", payload="x")
    for model, good in ((Success, True), (Failure, False)):
        times = {"started": timezone.now(), "stopped": timezone.now()}
        model.objects.create(id=f"{good}", name="x", func="staging.jobs.sweep", success=good, **times)
    return line


def post(address: str, **fields: Any) -> Callable[[Client], Any]:
    return lambda client: client.post(address, fields)


def get(address: str) -> Callable[[Client], Any]:
    return lambda client: client.get(address)


VIEW, OPERATE, APPROVE, ADMIN = ROLES
NOBODY = "nobody"
# The least role that may see, add, change and delete what a screen lists, and export it where it can be.
SCREENS = {
    **dict.fromkeys(
        (
            *("staging.syncrun", "staging.batch", "staging.stagedorder", "staging.seen", "staging.snapshot"),
            *("staging.receipt", "mapping.document", "mapping.customer", "mapping.alias", "monday.board"),
            "monday.apicall",
        ),
        (VIEW, NOBODY, NOBODY, NOBODY, VIEW),
    ),
    "staging.auditevent": (APPROVE, NOBODY, NOBODY, NOBODY, APPROVE),
    "staging.channel": (ADMIN, ADMIN, ADMIN, ADMIN, None),
    "staging.delivery": (ADMIN, NOBODY, NOBODY, NOBODY, ADMIN),
    "django_q.schedule": (OPERATE, ADMIN, ADMIN, ADMIN, OPERATE),
    "django_q.success": (ADMIN, NOBODY, NOBODY, ADMIN, None),
    "django_q.failure": (ADMIN, NOBODY, NOBODY, ADMIN, None),
    "django_q.ormq": (ADMIN, NOBODY, NOBODY, ADMIN, None),
    "auth.user": (ADMIN, ADMIN, ADMIN, ADMIN, None),
    "auth.group": (ADMIN, ADMIN, ADMIN, ADMIN, None),
}
OTHERWISE = {
    *("search", "staging_record"),
    *("today", "rejected", "rejected_act", "index", "sandbox", "monday_refusals", "monday_board_refresh"),
    *("staging_batch_act", "staging_batch_conflict", "staging_syncrun_start", "staging_syncrun_live"),
    "staging_syncrun_log",
    *("staging_syncrun_cancel", "mapping_document_new", "mapping_document_check", "mapping_version_page"),
    *("mapping_customer_unknown", "mapping_customer_claim", "mapping_customer_import", "mapping_alias_import"),
    *("staging_batch_undo_many", "staging_batch_ticks", "staging_batch_comment", "staging_syncrun_progress"),
    *("staging_batch_undo", "staging_stagedorder_free", "staging_gone"),
    *("mapping_document_words", "mapping_document_try", "mapping_document_compare", "mapping_version_preview"),
    *("mapping_version_count", "mapping_version_cancel", "mapping_version_discard", "mapping_version_publish"),
    *("staging_board_reading", "staging_board_reading_start", "staging_board_reading_file"),
    *("staging_seen_files", "staging_seen_file"),
    "staging_syncrun_file",
    "staging_intake",
    "staging_intake_list",
    *("auth_user_password_change", "staging_channel_test", "staging_syncrun_report", "staging_syncrun_report_mail"),
}
"""Addresses beside the screens' own, each with rows in `actions`."""
EVERYBODYS = {
    *("login", "logout", "password_change", "password_change_done", "jsi18n", "app_list", "autocomplete"),
    *("view_on_site", None, "healthz", "readyz", "metrics"),
}
"""Signing in and out, one's own password, redirects, the catalogue of translations, and what machines ask."""


def screen_actions() -> dict[str, tuple[Callable[[Client], Any], str]]:
    """What can be asked of every screen: its list, its records, adding, changing, deleting, taking home."""
    found: dict[str, tuple[Callable[[Client], Any], str]] = {}
    for label, (see, add, change, delete, export) in SCREENS.items():
        app, model = label.split(".")
        home = f"/{app}/{model}/"
        found[f"{model}: list"] = (get(home), see)
        found[f"{model}: add"] = (get(f"{home}add/"), add)
        if export is not None:
            found[f"{model}: export"] = (get(f"{home}export/?format=csv"), export)
        record = apps.get_model(label)._default_manager.order_by("pk").last()
        if record is None:
            continue
        one = f"{home}{quote(record.pk)}/"
        found[f"{model}: record"] = (get(f"{one}change/"), see)
        found[f"{model}: history"] = (get(f"{one}history/"), see)
        found[f"{model}: delete page"] = (get(f"{one}delete/"), delete)
        found[f"{model}: delete"] = (post(f"{one}delete/", no="yes"), delete)
        if change != NOBODY:
            found[f"{model}: change"] = (post(f"{one}change/"), change)
    return found


def test_every_address_of_the_site_stands_in_the_matrix_of_roles() -> None:
    ways = ("changelist", "add", "change", "delete", "history", "export")
    screens = {f"{label.replace('.', '_')}_{way}" for label in SCREENS for way in ways}
    assert all_names() - screens - OTHERWISE - EVERYBODYS == set()


def actions() -> dict[str, tuple[Callable[[Client], Any], str]]:
    """Each action by name: how it is done by address, and the least role that may."""
    batch, order = Batch.objects.latest("id"), StagedOrder.objects.latest("id")
    run = ask(kind="sync", mode="TEST", actor="x", trigger="t", now=START)  # type: ignore[arg-type]
    document, board = board_document(), Board.objects.get()
    version = f"/mapping/document/version/{Version.objects.latest('id').pk}/"
    act = "/staging/batch/act"
    seen = {
        "today": "/",
        "runs": "/staging/syncrun/",
        "run page": f"/staging/syncrun/{run.pk}/change/",
        "run live": f"/staging/syncrun/{run.pk}/live/",
        "run log": f"/staging/syncrun/{run.pk}/log/",
        "progress of a run": f"/staging/syncrun/{run.pk}/progress/",
        "batches": "/staging/batch/",
        "batch page": f"/staging/batch/{batch.pk}/change/",
        "orders": "/staging/stagedorder/",
        "order page": f"/staging/stagedorder/{order.pk}/change/",
        "rejected": "/rejected/",
        "rows not used": "/staging/seen/",
        "snapshots": "/staging/snapshot/",
        "snapshot": f"/staging/snapshot/{Snapshot.objects.latest('id').pk}/change/",
        "receipts": "/staging/receipt/",
        "receipt": f"/staging/receipt/{Receipt.objects.latest('id').pk}/change/",
        "API calls": "/monday/apicall/",
        "boards": "/monday/board/",
        "board": f"/monday/board/{board.pk}/change/",
        "documents": "/mapping/document/",
        "document": f"/mapping/document/{document.pk}/change/",
        "version": version,
        "what a version changes": f"{version}preview/",
        "two versions": f"/mapping/document/{document.pk}/compare/",
        "words of the editor": f"/mapping/document/words/?document={document.pk}",
        "customers": "/mapping/customer/",
        "spellings": "/mapping/alias/",
        "unknown customers": "/mapping/customer/unknown/",
        "export": "/staging/batch/export/?format=csv",
        "local board": f"/sandbox/boards/{board.board_id}",
        "adoption page": "/staging/syncrun/boards/adopt/",
        "reconciliation page": "/staging/syncrun/boards/reconcile/",
    }
    matrix = {name: (get(address), "viewer") for name, address in seen.items()}
    audit, link = AuditEvent.objects.latest("id").pk, Snapshot.objects.latest("id").pk
    matrix |= {
        "schedules": (get("/django_q/schedule/"), "operator"),
        "start page": (get("/staging/syncrun/start/"), "operator"),
        "start a sync": (post("/staging/syncrun/start/", mode="TEST"), "operator"),
        "cancel a run": (post(f"/staging/syncrun/{run.pk}/cancel/"), "operator"),
        "refresh a board": (post(f"/monday/board/{board.pk}/refresh/"), "operator"),
        "edit the local board": (
            lambda client: client.post(
                "/sandbox/items/1/archive",
                f"form_key={SandboxStore(settings.SANDBOX_STORE).form_key}",
                content_type="application/x-www-form-urlencoded",
                headers={"Origin": "http://testserver"},
            ),
            "operator",
        ),
        "hold": (post(f"{act}/hold/", ids=batch.pk, orders=order.pk, reason="later"), "operator"),
        "release": (post(f"{act}/release/", ids=batch.pk, orders=order.pk), "operator"),
        "push": (post(f"{act}/push/", ids=batch.pk), "operator"),
        "tick orders": (post(f"/staging/batch/{batch.pk}/ticks/", row=order.pk, orders=order.pk), "operator"),
        "comment on a batch": (post(f"/staging/batch/{batch.pk}/comment/", text="ask the buyer"), "operator"),
        "look at a board": (post("/staging/syncrun/boards/adopt/start/"), "operator"),
        "reconcile": (post("/staging/syncrun/boards/reconcile/start/"), "operator"),
        "link items": (post("/staging/syncrun/boards/adopt/start/", apply="1"), "approver"),
        "gone page": (get(f"/staging/syncrun/gone/{link}/"), "viewer"),
        "recreate an item": (post(f"/staging/syncrun/gone/{link}/", choice="recreate"), "operator"),
        "stop following": (post(f"/staging/syncrun/gone/{link}/", choice="stop"), "operator"),
        "link another item": (post(f"/staging/syncrun/gone/{link}/", choice="relink", item="1"), "approver"),
        "retry": (post("/rejected/retry/", code="x"), "operator"),
        "give up": (post("/rejected/give_up/", code="x", reason="no"), "operator"),
        "approve page": (get(f"{act}/approve/?ids={batch.pk}"), "approver"),
        "approve": (post(f"{act}/approve/", ids=batch.pk), "approver"),
        "withdraw": (post(f"{act}/withdraw/", ids=batch.pk), "approver"),
        "decline": (post(f"{act}/decline/", ids=batch.pk, reason="no"), "approver"),
        "undo": (post(f"{act}/undo/", ids=batch.pk), "approver"),
        "undo page": (get(f"/staging/batch/{batch.pk}/undo/"), "approver"),
        "undo page of several": (get(f"/staging/batch/undo/?ids={batch.pk},1"), "approver"),
        "look before undos": (post("/staging/batch/undo/", ids=batch.pk, do="look"), "approver"),
        "undo several": (post("/staging/batch/undo/", ids=batch.pk, do="go"), "approver"),
        "look before an undo": (post(f"/staging/batch/{batch.pk}/undo/", do="look"), "approver"),
        "release a field": (post(f"/staging/stagedorder/{order.pk}/free/", field="x"), "operator"),
        "audit": (get("/staging/auditevent/"), "approver"),
        "audit event": (get(f"/staging/auditevent/{audit}/change/"), "approver"),
        "edit a document": (post(f"/mapping/document/{document.pk}/change/", text="x"), "administrator"),
        "new document": (post("/mapping/document/new/", text="x"), "administrator"),
        "make a customer": (post("/mapping/customer/unknown/customer/", name="x", customer="x"), "administrator"),
        "add a spelling": (post("/mapping/customer/unknown/spelling/", name="x", customer="x"), "administrator"),
        "import customers": (post("/mapping/customer/import/"), "administrator"),
        "import spellings": (post("/mapping/alias/import/"), "administrator"),
        "check a text": (post("/mapping/document/check/", text="x"), "administrator"),
        "try a text": (post("/mapping/document/try/", text="x", q="A1"), "administrator"),
        "count what changes": (post(f"{version}count/"), "administrator"),
        "stop counting": (post(f"{version}cancel/"), "administrator"),
        "put a draft away": (post(f"{version}discard/"), "administrator"),
        "publish": (post(f"{version}publish/"), "administrator"),
        "users": (get("/auth/user/"), "administrator"),
        "groups": (get("/auth/group/"), "administrator"),
        "failed jobs": (get("/django_q/failure/"), "administrator"),
        "rule on a conflict": (get(f"/staging/batch/conflict/?order={order.pk}&field=x&take=source"), "approver"),
        "a person's password": (
            post(f"/auth/user/{person('viewer').pk}/password/", usable_password="x"),
            "administrator",
        ),
        "findings as a file": (get("/staging/syncrun/boards/reconcile/1/drifted.csv"), "viewer"),
        "adopt": (post("/staging/syncrun/boards/adopt/start/", mode="TEST", apply="on"), "approver"),
        "what refusals mean": (get("/monday/apicall/refusals/"), "viewer"),
        "front page's cards": (get("/today/"), "viewer"),
        "report of a run": (get(f"/staging/syncrun/{run.pk}/report.html"), "viewer"),
        "mail a report": (post(f"/staging/syncrun/{run.pk}/report/mail/"), "viewer"),
        "order lists": (get("/staging/syncrun/lists/"), "operator"),
        "bring an order list": (post("/staging/syncrun/lists/"), "operator"),
        "an order list": (get(f"/staging/syncrun/lists/{run.pk}/"), "operator"),
        "put an order list in place": (post(f"/staging/syncrun/lists/{run.pk}/"), "operator"),
        "a list that a job wrote": (get(f"/staging/syncrun/{run.pk}/file/"), "viewer"),
        "rows not used, by customer": (get("/staging/seen/files/"), "viewer"),
        "rows not used, a file": (get(f"/staging/seen/files/{board.pk}.xlsx"), "viewer"),
        "search": (get("/search/?q=A1"), "viewer"),
        "a record": (get(f"/staging/stagedorder/record/{batch.board_id}/{order.record}/"), "viewer"),
        "test a channel": (post("/staging/channel/1/test/"), "administrator"),
        "new schedule": (get("/django_q/schedule/add/"), "administrator"),
    }
    nobody = {
        "add a batch": "/staging/batch/add/",
        "delete a batch": f"/staging/batch/{batch.pk}/delete/",
        "delete a receipt": f"/staging/receipt/{Receipt.objects.latest('id').pk}/delete/",
        "delete an event": f"/staging/auditevent/{audit}/delete/",
        "delete a run": f"/staging/syncrun/{run.pk}/delete/",
    }
    matrix |= {name: (post(address, post="yes"), NOBODY) for name, address in nobody.items()}
    return matrix | screen_actions()


def test_every_role_may_do_exactly_what_it_should_by_address(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)
    lines = ["", f"{'action':<26}" + "".join(f"{role:<15}" for role in ROLES)]
    wrong, browsers = [], {role: signed_in(role) for role in ROLES}
    for name, (do, least) in actions().items():
        row = []
        for role in ROLES:
            answer = do(browsers[role])
            allowed = answer.status_code != 403
            assert answer.status_code < 500 and "/login/" not in answer.headers.get("Location", ""), (name, role)
            row.append(f"{'yes' if allowed else 'no':<4}{answer.status_code}")
            expected = least != "nobody" and ROLES.index(role) >= ROLES.index(least)
            wrong += [(name, role, answer.status_code)] if allowed != expected else []
        lines.append(f"{name:<26}" + "".join(f"{cell:<15}" for cell in row))
    print("\n".join(lines))
    assert not wrong


def test_somebody_without_a_role_sees_nothing_and_somebody_signed_out_is_asked_to_sign_in(line: World) -> None:
    batch = Batch.objects.latest("id")
    stranger = person("viewer")
    stranger.groups.clear()
    client = signed_in("viewer")
    assert client.get(f"/staging/batch/{batch.pk}/change/").status_code == 403
    assert client.get("/staging/batch/").status_code == 403
    assert b"Waiting for approval" not in client.get("/").content
    for address in ("/", "/today/", "/rejected/", f"/staging/batch/act/approve/?ids={batch.pk}", "/sandbox/"):
        assert "/login/" in Client().get(address).headers["Location"]


def test_a_refused_person_changes_nothing(line: World) -> None:
    events = AuditEvent.objects.exclude(action="login")
    batch, before = Batch.objects.latest("id"), events.count()
    runs = SyncRun.objects.count()
    for action in ("approve", "decline", "push", "undo"):
        signed_in("viewer").post(f"/staging/batch/act/{action}/", {"ids": batch.pk, "reason": "x"})
    batch.refresh_from_db()
    assert (batch.state, events.count(), SyncRun.objects.count()) == ("open", before, runs)


def test_the_roles_grow_and_name_only_rights_that_exist(db: None) -> None:
    roles.establish(Group, Permission)
    rights = [roles.ROLES[role] for role in ROLES]
    assert all(small < large for small, large in pairwise(rights))
    for role in ROLES:
        assert Group.objects.get(name=role).permissions.count() == len(roles.ROLES[role])
    with pytest.raises(LookupError, match=r"staging\.fly_batch"):
        roles._check("pilot", {"staging.fly_batch"})


def test_the_migration_has_made_the_roles(db: None) -> None:
    assert set(ROLES) <= set(Group.objects.values_list("name", flat=True))
