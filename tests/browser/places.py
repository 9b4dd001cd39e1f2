"""Every page of the site by name, with the records that tell most; asked of a served installation's own database.

Run inside Django with the settings of that installation (`Installation.ask`). Screens of models appear by
themselves, other pages are named in `_extra`; `make screenshots` and the test of widths and complaints go over all.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import get_resolver, reverse
from django.utils.http import urlencode

BEST: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "staging.batch": (
        ("open", {"state": "open", "customer__name": "HARBOUR"}),
        ("pushed", {"state": "pushed"}),
        ("needing attention", {"state": "needs_attention"}),
        ("undone", {"state": "undone"}),
        ("declined", {"state": "declined"}),
    ),
    "staging.syncrun": (
        ("waiting", {"kind": "sync", "state": "waiting"}),
        ("refused", {"kind": "sync", "state": "refused"}),
        ("completed with errors", {"state": "with_errors"}),
        ("a push", {"kind": "push"}),
        ("an undo", {"kind": "undo"}),
        ("a refresh", {"kind": "refresh"}),
        ("an undo preview", {"kind": "preview"}),
        ("a mapping preview", {"kind": "impact"}),
        ("a reconciliation", {"kind": "reconcile", "state": "completed"}),
        ("at work", {"state": "running"}),
    ),
    "staging.stagedorder": (
        ("waiting", {"state": "staged"}),
        ("updated", {"operation": "update", "state": "applied"}),
        ("rejected", {"state": "rejected"}),
        ("undone", {"state": "undone"}),
    ),
    "auth.user": (("", {"username": "viewer"}),),
    "django_q.ormq": (),  # done before somebody looks
    "mapping.document": (("of a board", {"kind": "board"}), ("of a customer", {"kind": "customer"})),
}
"""Which records of a model have a page worth a look of its own; of the others the newest."""


def places() -> dict[str, str]:
    """Each page's name and address; records that this installation has none of are left out."""
    from monday.screens import ReadOnly

    found = {
        "today": "/",
        "search": f"{reverse('admin:search')}?q=a",
        "password": reverse("admin:password_change"),
        "rejected": reverse("admin:rejected"),
    }
    for model, screen in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        words = str(model._meta.verbose_name_plural).lower()
        found[words] = reverse(f"admin:{name}_changelist")
        for which, record in _records(model):
            one = f"{model._meta.verbose_name} {which}".strip().lower()
            found[one] = reverse(f"admin:{name}_change", args=[record])
            if not isinstance(screen, ReadOnly):
                found[f"{one}, history"] = reverse(f"admin:{name}_history", args=[record])
        if type(screen).has_add_permission is admin.ModelAdmin.has_add_permission:
            found[f"new {model._meta.verbose_name}".lower()] = reverse(f"admin:{name}_add")
            # Nobody deletes the four roles, and the scene has no others.
            for _, record in _records(model)[:1] if name != "auth_group" else ():
                found[f"delete {model._meta.verbose_name}".lower()] = reverse(f"admin:{name}_delete", args=[record])
    return found | {name: place for name, place in _extra().items() if place}


def _records(model: Any) -> list[tuple[str, Any]]:
    best = BEST.get(f"{model._meta.app_label}.{model._meta.model_name}", (("", {}),))
    rows = [(which, model._default_manager.filter(**wanted).order_by("-pk").first()) for which, wanted in best]
    return [(which, row.pk) for which, row in rows if row is not None]


def _extra() -> dict[str, str]:
    """The pages that are ours alone: starting, cancelling, confirming, ruling, versions, the local board."""
    from django.contrib.auth.models import User

    from mapping.models import Version
    from monday.models import Board
    from staging.batches.conflicts import undecided
    from staging.core.causes import Cause
    from staging.core.lifecycle import BATCH
    from staging.models import Batch, Seen, Snapshot, StagedOrder, SyncRun

    extra = {
        "order lists": reverse("admin:staging_intake"),
        "start a sync": reverse("admin:staging_syncrun_start"),
        "what refusals mean": reverse("admin:monday_refusals"),
        "new document": reverse("admin:mapping_document_new"),
        "rows not used by customer": reverse("admin:staging_seen_files"),
        "unknown customers": reverse("admin:mapping_customer_unknown"),
        "bring customers": reverse("admin:mapping_customer_import"),
        "bring spellings": reverse("admin:mapping_alias_import"),
        "reconciliation": reverse("admin:staging_board_reading", args=["reconcile"]),
        "adoption": reverse("admin:staging_board_reading", args=["adopt"]),
        "local board, boards": reverse("sandbox", args=[""]),
        "local board, requests": reverse("sandbox", args=["sandbox/requests"]),
    }
    for name, wanted in (("a sync", {"kind": "sync", "state": "waiting"}), ("a push", {"kind": "push"})):
        if run := SyncRun.objects.filter(**wanted).order_by("-id").first():
            extra[f"log of {name}"] = reverse("admin:staging_syncrun_log", args=[run.pk])
    if run := SyncRun.objects.filter(state="running").first():
        extra["log of a run at work"] = reverse("admin:staging_syncrun_log", args=[run.pk])
        extra["cancel a run"] = reverse("admin:staging_syncrun_cancel", args=[run.pk])
    if version := Version.objects.order_by("id").first():
        extra["a version"] = reverse("admin:mapping_version_page", args=[version.pk])
        extra["two versions"] = reverse("admin:mapping_document_compare", args=[version.document_id])
    if board := Board.objects.filter(environment="sandbox").first():
        extra["local board"] = reverse("sandbox", args=[f"boards/{board.board_id}"])
    if snapshot := Snapshot.objects.exclude(item_id="").first():
        extra["local board, an item"] = reverse("sandbox", args=[f"items/{snapshot.item_id}"])
    if person := User.objects.order_by("id").first():
        extra["a person's password"] = reverse("admin:auth_user_password_change", args=[person.pk])
    for action, move in BATCH.items():
        ready = Batch.objects.filter(state__in=sorted(move.sources)).order_by("-id")
        if move.by == "person" and (ids := list(ready.values_list("pk", flat=True)[:2])):
            extra[f"confirm {action}"] = f"{reverse('admin:staging_batch_act', args=[action])}?ids={ids[0]}"
            if len(ids) > 1:
                both = ",".join(map(str, ids))
                extra[f"confirm {action} of two"] = f"{reverse('admin:staging_batch_act', args=[action])}?ids={both}"
    if order := StagedOrder.objects.filter(state="staged", batch__state="open").first():
        hold = reverse("admin:staging_batch_act", args=["hold"])
        extra["confirm hold"] = f"{hold}?ids={order.batch_id}&orders={order.pk}"
    for order in StagedOrder.objects.filter(state="rejected").order_by("-id")[:1]:
        code = (order.problem or {}).get("code", "")
        for action in ("retry", "give_up"):
            extra[f"confirm {action}"] = f"{reverse('admin:rejected_act', args=[action])}?code={code}"
    for order in StagedOrder.objects.filter(state="held", problem__isnull=False).order_by("-id")[:20]:
        page = reverse("admin:staging_stagedorder_change", args=[order.pk])
        if order.cause == Cause.GONE:
            extra["staged order gone from the board"] = page
            link = Snapshot.objects.filter(board=order.board_id, record=order.record).first()
            extra["gone from the board"] = reverse("admin:staging_gone", args=[link.pk]) if link else ""
        for conflict in undecided(order)[:1]:
            ruling = f"{reverse('admin:staging_batch_conflict')}?order={order.pk}&field={conflict['field']}&take=source"
            extra["rule on a conflict"] = ruling
            extra["staged order in conflict, one decided" if order.rulings else "staged order in conflict"] = page
    if preview := SyncRun.objects.filter(kind="preview").order_by("-id").first():
        undo = reverse("admin:staging_batch_undo", args=[preview.scope["batch"]])
        extra |= {"undo": undo, "undo, confirmed": f"{undo}?confirm=1"}
        extra["undo of two"] = f"{reverse('admin:staging_batch_undo_many')}?ids={preview.scope['batch']},2"
    if draft := Version.objects.filter(state="draft").order_by("-id").first():
        extra["a draft with what it changes"] = reverse("admin:mapping_version_page", args=[draft.pk])
    if run := SyncRun.objects.filter(kind="intake").order_by("-id").first():
        extra["an order list"] = reverse("admin:staging_intake_list", args=[run.pk])
    never = Seen.objects.exclude(record__in=StagedOrder.objects.values("record"))
    if seen := never.filter(verdict="invalid").order_by("id").first():
        extra["a record"] = reverse("admin:staging_record", args=[seen.board_id, seen.record])
    if seen := Seen.objects.filter(verdict="unknown_customer").exclude(customer_name="").order_by("id").first():
        claim = reverse("admin:mapping_customer_claim", args=["spelling"])
        extra["claim a spelling"] = f"{claim}?{urlencode({'name': seen.customer_name})}"
    return extra


def all_names() -> set[str | None]:
    """The name of every address that the site answers."""

    def walk(resolver: Any) -> set[str | None]:
        found: set[str | None] = set()
        for each in resolver.url_patterns:
            found |= walk(each) if hasattr(each, "url_patterns") else {each.name}
        return found

    return walk(get_resolver())
