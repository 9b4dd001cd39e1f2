"""What the front page shows: what waits, what went wrong, how the last run ended, whether the workers live."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from django.contrib import admin
from django.db.models import Count, Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_q.models import Schedule

from monday.models import ApiCall
from monday.screens import moment, pill
from staging.admin.pills import run_pill
from staging.batches.decide import waiting_in_vain
from staging.batches.tally import counts_now
from staging.core.causes import Cause
from staging.core.lifecycle import OrderState
from staging.core.words import counted
from staging.models import Batch, Receipt, Seen, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.running import schedules
from staging.upkeep import care

from .today_charts import READ, account, calls_today
from .watchdog import workers

TONES = {RunState.FAILED: "bad", RunState.REFUSED: "bad", RunState.WITH_ERRORS: "warn", RunState.WAITING: "wait"}

UNSAID = format_html('<span class="unsaid">{}</span>', "not known")


@dataclass(frozen=True, slots=True)
class Card:
    """One card: a number or a pill, what it means, and the list behind it, which shows rows of this model."""

    title: str
    value: SafeString | str
    words: str
    url: str
    tone: str
    of: type[Model]


def cards(request: HttpRequest) -> list[Card]:
    """The cards of the front page, from counting queries over indexed states; without their lists where this person
    may not open them, as the numbers are for everybody who sees the page."""
    orders = [_waiting(), *_unsent(), _rejected(), _conflicts(), _held(), _unused()]
    found = [*orders, _last_run(), _workers(), _next_run(), _calls_left(), *_upkeep()]
    return [card if _opens(request, card) else replace(card, url="") for card in found]


def _opens(request: HttpRequest, card: Card) -> bool:
    return admin.site.get_model_admin(card.of).has_view_permission(request)


def _waiting() -> Card:
    stale = waiting_in_vain()
    customers = Batch.objects.waiting().exclude(pk__in=stale).aggregate(n=Count("customer", distinct=True))["n"]
    changes = StagedOrder.objects.waiting().exclude(batch__in=stale).count()
    words = f"changes of {counted(customers, 'customer')}" if changes else "nothing waits"
    if stale:
        words += f"; {counted(len(stale), 'batch', 'batches')} out of date until the next sync"
    url = f"{reverse('admin:staging_batch_changelist')}?waits=approval"
    return Card("Waiting for approval", f"{changes:,}", words, url, "wait" if changes else "good", Batch)


def _unsent() -> list[Card]:
    """What is approved and stays here, shown only where there is any: nothing sends it on once a person has cancelled
    its push."""
    found = StagedOrder.objects.approved_unsent().aggregate(n=Count("pk"), batches=Count("batch", distinct=True))
    if not found["n"]:
        return []
    words = f"of {counted(found['batches'], 'batch', 'batches')}; Push sends them"
    url = f"{reverse('admin:staging_batch_changelist')}?waits=push"
    return [Card("Approved, not sent", f"{found['n']:,}", words, url, "wait", Batch)]


def _rejected() -> Card:
    number, url = StagedOrder.objects.filter(state=OrderState.REJECTED).count(), reverse("admin:rejected")
    if not number and not Receipt.objects.exists():
        return Card("Rejected", "-", "nothing was sent yet", url, "off", StagedOrder)
    words = f"{'order' if number == 1 else 'orders'} the board refused" if number else "nothing waits for a retry"
    return Card("Rejected", f"{number:,}", words, url, "bad" if number else "good", StagedOrder)


def _conflicts() -> Card:
    number = StagedOrder.objects.held_for(Cause.CONFLICT).count()
    url = f"{reverse('admin:staging_stagedorder_changelist')}?kept={Cause.CONFLICT}"
    edited = f"{'order' if number == 1 else 'orders'} somebody edited on the board too"
    return Card(
        "Conflicts",
        f"{number:,}",
        edited if number else "nobody edited what would change",
        url,
        _tone(number),
        StagedOrder,
    )


def _tone(number: int) -> str:
    return "warn" if number else "good"


def _held() -> Card:
    number = StagedOrder.objects.kept_back().count()
    url = f"{reverse('admin:staging_stagedorder_changelist')}?kept=rest"
    orders = f"{'order' if number == 1 else 'orders'} kept back or without an answer"
    words = orders if number else "nothing else is kept back"
    return Card("Held and unclear", f"{number:,}", words, url, "warn" if number else "good", StagedOrder)


def _unused() -> Card:
    number = Seen.objects.unused().number_of_rows()
    url = reverse("admin:staging_seen_changelist")
    if not number and not SyncRun.objects.filter(kind=Kind.SYNC, rehearsal=False, state__in=READ).exists():
        return Card("Rows not used", "-", "no sync has read the source yet", url, "off", Seen)
    words = "rows of the source that cannot be used" if number else "every row can be used"
    return Card("Rows not used", f"{number:,}", words, url, "warn" if number else "good", Seen)


def _last_run() -> Card:
    url = reverse("admin:staging_syncrun_changelist")
    run = SyncRun.objects.filter(rehearsal=False, kind=Kind.SYNC).order_by("-id").first()
    if run is None:
        return Card("Last sync", "-", "none yet", url, "off", SyncRun)
    url = reverse("admin:staging_syncrun_change", args=[run.pk])
    words = format_html("{}, by {}{}", moment(run.finished_at or run.started_at), run.actor, _result(run))
    return Card("Last sync", run_pill(run), words, url, TONES.get(RunState(run.state), "off"), SyncRun)


def _result(run: SyncRun) -> str:
    """What a sync found and what of it is on the board by now, "" where it did not come so far."""
    counts = counts_now([run]).get(run.pk)
    if counts is None or run.state not in READ:
        return ""
    removed = "removals not checked" if counts.removed is None else f"{counts.removed:,} removed"
    found = f"{counts.read:,} read, {counts.new:,} new, {counts.changed:,} changed, {removed}"
    return f": {found}; {counts.applied:,} applied"


def _workers() -> Card:
    found = workers()
    value = pill("good", "Alive") if found.alive else pill("bad", "Silent")
    words = f"{found.busy} at work" if found.busy else "idle"
    url = f"{reverse('admin:staging_syncrun_changelist')}?state__exact=running"
    return Card(
        "Workers", value, words if found.alive else found.sentence(), url, "good" if found.alive else "bad", SyncRun
    )


def _next_run() -> Card:
    url = reverse("admin:django_q_schedule_changelist")
    now = timezone.now()
    due = Schedule.objects.filter(func=schedules.SYNC).exclude(repeats=0).order_by("next_run")
    following = next((one for one in due if not schedules.fault(one, now)), None)
    if following is None or following.next_run is None:
        words = "Remedy: manage.py setup_schedules"
        return Card("Next scheduled sync", "none", words, url, "warn", Schedule)
    late = following.next_run < timezone.now() - timedelta(minutes=2)
    if late:
        words = format_html("{} was due {}", following.name or "a sync", moment(following.next_run))
        return Card("Next scheduled sync", "overdue", words, url, "warn", Schedule)
    return Card("Next scheduled sync", moment(following.next_run), following.name or "", url, "off", Schedule)


def _upkeep() -> list[Card]:
    """What somebody must look at now, and else nothing: schedules that cannot run, an audit that was touched."""
    found: list[Card] = []
    if broken := schedules.faulty(timezone.now()):
        words = " ".join(one.sentence() for one in broken[:3])
        url = reverse("admin:django_q_schedule_changelist")
        found.append(Card("Schedules that cannot run", f"{len(broken):,}", words, url, "bad", Schedule))
    run, at = care.last_check()
    if run is not None and run.result.get("broken"):
        url = reverse("admin:staging_syncrun_change", args=[run.pk])
        words = format_html("found {}. {}", moment(at), run.error)
        found.append(Card("Audit", pill("bad", "Broken"), words, url, "bad", SyncRun))
    return found


def _calls_left() -> Card:
    url, now = reverse("admin:monday_apicall_changelist"), account()
    if now is None:
        return Card("API calls left today", "-", "no board was read yet", url, "off", ApiCall)
    if now.waiting_until is not None:
        return Card(
            "API calls left today", moment(now.waiting_until), "the next call may leave then", url, "warn", ApiCall
        )
    made = f"{calls_today():,} made today"
    if now.left.left is None:
        return Card("API calls left today", UNSAID, f"{made}; the account has not told its limit", url, "off", ApiCall)
    tone = "good" if now.left.left * 10 > (now.daily_limit or 0) else "warn"
    return Card("API calls left today", f"{now.left.left:,}", f"at most; {made}", url, tone, ApiCall)
