"""The rejected queue: orders that the board refused, grouped by what it said, with what to do and whose job it is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from monday.charts import chart
from staging import jobs
from staging.batches.retry import give_up, retry
from staging.core.lifecycle import NotAllowed, OrderState
from staging.core.words import counted
from staging.models import Batch, StagedOrder

from .numbers import numbers

AT_MOST = 5_000  # rejected orders that are grouped; beyond it something is wrong with all of them
MOST_BARS = 8  # reasons in the chart; all stand below it
SHOWN = 50  # orders of a group that are listed one by one
WORDS = {
    "retry": ("Retry", "They go out again with a push of their batches, which starts now."),
    "give_up": ("Give up", "They stay as they are on the board, until the source moves."),
}


@dataclass(slots=True)
class Group:
    """Orders refused for the same reason, what to do about all of them, and the first of them one by one."""

    code: str
    message: str
    remedy: str
    owner: str
    first: datetime | None
    last: datetime | None
    orders: list[int] = field(default_factory=list)
    shown: list[StagedOrder] = field(default_factory=list)
    due: datetime | None = None
    automatic: int = 0
    batches: set[int] = field(default_factory=set)


def rejected(request: HttpRequest) -> HttpResponse:
    """The queue, the group with the most orders first. 403 without the right to see staged orders."""
    if not request.user.has_perm("staging.view_stagedorder"):
        raise PermissionDenied
    customer = request.GET.get("customer", "")
    groups = sorted(grouped(customer).values(), key=lambda group: -len(group.orders))
    names = StagedOrder.objects.filter(state=OrderState.REJECTED).values_list("batch__customer__name", flat=True)
    context = {
        **admin.site.each_context(request),
        "title": "Rejected by the board",
        "groups": groups,
        "chart": chart(
            name="rejected",
            title="Rejected orders by reason",
            head="Reason",
            series=("orders",),
            rows=[(group.code, [len(group.orders)]) for group in groups[:MOST_BARS]],
            step=130,
        ),
        "customer": customer,
        "customers": sorted(set(names)),
        "given_up": 0 if customer else StagedOrder.objects.given_up().count(),
        "most_shown": SHOWN,
        "total": sum(len(group.orders) for group in groups),
        "may_retry": request.user.has_perm("staging.stage_batch"),
        "opts": StagedOrder._meta,
    }
    return TemplateResponse(request, "staging/admin/rejected.html", context)


def act(request: HttpRequest, action: str) -> HttpResponse:
    """GET shows which orders of one code go out again or are given up, POST does it; 403 without the right.

    `customer` narrows the code's orders, and so do the ticked ones in `order`, where any is ticked. What was refused
    after the page was shown (`until`) is none of what was agreed to.
    """
    if action not in WORDS:
        raise Http404(f"There is no action {action}.")
    if not request.user.has_perm("staging.stage_batch"):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    group = grouped(given.get("customer", ""), _moment(given.get("until", ""))).get(given.get("code", ""))
    if group is not None and (ticked := given.getlist("order")):
        wanted = set(numbers(ticked))
        group.orders = [pk for pk in group.orders if pk in wanted]
        group = group if group.orders else None
    home = HttpResponseRedirect(reverse("admin:rejected"))
    if group is None:
        messages.info(request, "Nothing is rejected for that reason any more.")
        return home
    if request.method == "POST":
        _carry_out(request, action, group, given.get("reason", "").replace("\x00", "").strip()[:2000])
        return home
    label, words = WORDS[action]
    context = {
        **admin.site.each_context(request),
        "title": f"{label}: {counted(len(group.orders), 'order')}",
        "label": label,
        "words": words,
        "action": action,
        "customer": given.get("customer", ""),
        "ticked": given.getlist("order"),
        "until": group.last.isoformat() if group.last else "",
        "group": group,
        "opts": StagedOrder._meta,
    }
    return TemplateResponse(request, "staging/admin/rejected_confirm.html", context)


def grouped(customer: str = "", until: datetime | None = None) -> dict[str, Group]:
    """The rejected orders (of this customer, where one is named; refused until then) by the code of their refusal."""
    groups: dict[str, Group] = {}
    found = StagedOrder.objects.filter(state=OrderState.REJECTED).select_related("batch__customer").order_by("id")
    if customer:
        found = found.filter(batch__customer__name=customer)
    if until:
        found = found.filter(Q(failed_at=None) | Q(failed_at__lte=until))
    for order in found.defer("before", "after")[:AT_MOST]:
        problem: dict[str, Any] = order.problem or {}
        code = str(problem.get("code") or "unknown")
        group = groups.get(code)
        if group is None:
            message, remedy, owner = (str(problem.get(name) or "") for name in ("message", "remedy", "owner"))
            group = Group(code, message, remedy, owner, _first(order), order.failed_at)
            groups[code] = group
        group.first, group.last = _earlier(group.first, _first(order)), _later(group.last, order.failed_at)
        if order.retry_at is not None:
            group.due, group.automatic = _earlier(group.due, order.retry_at), group.automatic + 1
        group.orders.append(order.pk)
        if len(group.shown) < SHOWN:
            group.shown.append(order)
        group.batches.add(order.batch_id)
    return groups


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):  # of a day that there is none of
        found = parse_datetime(text)
        return found if found and found.tzinfo else None
    return None


def _first(order: StagedOrder) -> datetime | None:
    return order.first_failed_at or order.failed_at


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other


def _carry_out(request: HttpRequest, action: str, group: Group, reason: str) -> None:
    actor, wanted = request.user.get_username(), set(group.orders)
    for batch in Batch.objects.filter(pk__in=sorted(group.batches)[:500]).select_related("board", "customer"):
        mine = list(batch.orders.filter(state=OrderState.REJECTED).values_list("pk", flat=True))
        orders = [pk for pk in mine if pk in wanted]
        try:
            if action == "retry":
                number = retry(batch=batch, orders=orders, actor=actor, now=timezone.now())
                messages.success(request, f"Batch {batch.pk}: to go out again: {counted(number, 'order')}.")
                if request.user.has_perm("staging.push_batch"):
                    jobs.ask_push(batch, actor=actor, trigger="admin")
            else:
                number = give_up(batch=batch, orders=orders, actor=actor, now=timezone.now(), reason=reason)
                messages.success(request, f"Batch {batch.pk}: {counted(number, 'order')} given up.")
        except NotAllowed as refused:
            messages.error(request, str(refused))
