"""Schedules: when syncs and the rest run by themselves. Only the product's own jobs can be chosen.

The queue's stock screen takes the path of any function, which would let everybody who may edit a schedule run any code.
"""

from __future__ import annotations

import ast
from datetime import datetime, timedelta
from typing import Any

from croniter import CroniterError, croniter
from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from django.utils.safestring import SafeString
from django_q.models import Schedule

from mapping.core.problems import did_you_mean
from mapping.models import Customer, Document
from monday.screens import Listed, moment

RECONCILE = "staging.board_jobs.reconcile"
FUNCTIONS = {
    "staging.jobs.start": "Sync",
    "staging.jobs.sweep": "Sweep: take up what died, send what was lost",
    "staging.jobs.refresh": "Read all boards again",
    "staging.delivery_jobs.digest": "Digest: send what notification channels have collected",
    RECONCILE: "Reconcile: compare a board with what was last written",
    "ordersite.watchdog.claimed": "Canary: show that workers are alive",
}
LONGEST = 10_080  # minutes of a schedule by minutes: a week; the queue has words for what is rarer
OLDEST = timedelta(days=366)
"""How long ago a schedule's next run may lie. The queue counts from there to now one run at a time, inside a
transaction, and all workers wait for it."""
LATEST = timedelta(days=3660)
ALLOWED = {"mode": str, "customer": str, "limit": int, "board": str, "full": bool, "by_person": bool}


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A schedule with a function of ours and, for a sync, what it is to do."""

    func = forms.ChoiceField(choices=list(FUNCTIONS.items()), label="What")
    kwargs = forms.CharField(
        required=False,
        max_length=500,
        label="With",
        help_text="For a sync: mode='TEST', customer='HARBOUR', limit=100, by_person=True. For a reconciliation: "
        "mode='TEST'. Empty for the others.",
    )

    class Meta:
        model = Schedule
        fields = ("name", "func", "kwargs", "schedule_type", "minutes", "cron", "repeats", "next_run")

    def clean_kwargs(self) -> str:
        """Plain values of known names only."""
        words = str(self.cleaned_data["kwargs"] or "").strip()
        try:
            given = ast.parse(f"f({words})", mode="eval").body
            assert isinstance(given, ast.Call)
            values = {word.arg: ast.literal_eval(word.value) for word in given.keywords}
        except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
            raise forms.ValidationError("Write name=value, with commas between: mode='TEST', limit=100.") from None
        for name, value in values.items():
            if name not in ALLOWED or type(value) is not ALLOWED[name]:
                known = ", ".join(ALLOWED)
                raise forms.ValidationError(
                    f"{name}={value!r} is not known. Remedy: use {known}, with a fitting value."
                )
        if given.args or values.get("mode", "TEST") not in ("TEST", "PRODUCTION"):
            raise forms.ValidationError("mode is 'TEST' or 'PRODUCTION'.")
        for sentence in _wrong(values):
            raise forms.ValidationError(sentence)
        return words

    def clean(self) -> dict[str, Any]:
        """Only a sync and a reconciliation take words, and a schedule by minutes needs their number."""
        given = super().clean() or self.cleaned_data
        if given.get("kwargs") and given.get("func") not in (None, "staging.jobs.start", RECONCILE):
            self.add_error("kwargs", "Only a sync takes these. Remedy: leave it empty.")
        if given.get("func") == RECONCILE and set(_words(given.get("kwargs", ""))) - {"mode", "board"}:
            self.add_error("kwargs", "A reconciliation takes mode and board alone. Remedy: mode='TEST'.")
        if given.get("schedule_type") == Schedule.MINUTES and not 0 < (given.get("minutes") or 0) <= LONGEST:
            self.add_error("minutes", f"Every how many minutes? Remedy: 1 to {LONGEST:,}, or another type of schedule.")
        if given.get("schedule_type") == Schedule.CRON and "cron" not in self.errors:
            self._count_by_cron(given)
        return given

    def clean_next_run(self) -> datetime:
        """Near enough for the queue to count from it to now: one that it cannot count stops all the others."""
        at: datetime = self.cleaned_data["next_run"]
        now = timezone.now()
        if not now - OLDEST < at < now + LATEST:
            raise forms.ValidationError(
                f"The year {at.year} is too far from now. Remedy: {now:%Y-%m-%d}, or a day soon after."
            )
        return at

    def _count_by_cron(self, given: dict[str, Any]) -> None:
        """The next run is when the expression says, not what stands in the field."""
        if not given.get("cron"):
            self.add_error("cron", "A cron schedule needs its expression. Remedy: 0 6 * * 1-5, for instance.")
            return
        try:
            given["next_run"] = croniter(given["cron"], timezone.localtime()).get_next(datetime)
        except CroniterError:
            self.add_error("cron", "This says no time that ever comes. Remedy: 0 6 * * 1-5, for instance.")


def _words(given: str) -> list[str]:
    """The names of the words that were given, which `clean_kwargs` has found to be in order."""
    call = ast.parse(f"f({given})", mode="eval").body
    return [str(word.arg) for word in call.keywords] if isinstance(call, ast.Call) else []


def _wrong(values: dict[str | None, Any]) -> list[str]:
    """What a sync could not be started with, in sentences."""
    wrong = [
        f"{name} holds a character that no text may hold. Remedy: type it anew."
        for name, value in values.items()
        if isinstance(value, str) and not value.isprintable()
    ]
    limit, customer, board = (values.get(name) for name in ("limit", "customer", "board"))
    if limit is not None and not 0 < limit < 2**31:
        wrong.append(f"limit={limit} is no number of orders. Remedy: 1 or more, or leave it out for all.")
    if wrong:
        return wrong
    if customer and not Customer.objects.filter(name=customer).exists():
        names = list(Customer.objects.order_by("name").values_list("name", flat=True))
        remedy = did_you_mean(customer, names, "See Customers for the names.")
        wrong.append(f"No customer is called {customer!r}. Remedy: {remedy}")
    if board and not Document.objects.boards().filter(Q(name=board) | Q(board_key=board)).exists():
        wrong.append(f"No board is called {board!r}. Remedy: see Documents for the names.")
    return wrong


admin.site.unregister(Schedule)


@admin.register(Schedule)
class ScheduleAdmin(Listed):
    form = ScheduleForm
    called = "Schedules"
    list_display = ("called_as", "what", "with_what", "every", "next", "last")
    list_display_links = ("called_as",)
    search_fields = ("name",)
    exported = ("id", "name", "func", "kwargs", "schedule_type", "minutes", "cron", "repeats", "next_run")
    ordering = ("name", "id")

    @admin.display(description="Name", ordering="name")
    def called_as(self, schedule: Schedule) -> str:
        return str(schedule.name or f"Schedule {schedule.pk}")

    @admin.display(description="What", ordering="func")
    def what(self, schedule: Schedule) -> str:
        return FUNCTIONS.get(str(schedule.func), str(schedule.func))

    @admin.display(description="With")
    def with_what(self, schedule: Schedule) -> str:
        return str(schedule.kwargs or "")

    @admin.display(description="How often")
    def every(self, schedule: Schedule) -> str:
        if schedule.repeats == 0:
            return "paused (0 repeats)"
        if schedule.schedule_type == Schedule.MINUTES:
            return f"every {schedule.minutes} min"
        return str(schedule.cron or schedule.get_schedule_type_display()).lower()

    @admin.display(description="Next", ordering="next_run")
    def next(self, schedule: Schedule) -> SafeString:
        return moment(schedule.next_run)

    @admin.display(description="Last job")
    def last(self, schedule: Any) -> str:
        went = schedule.success()
        return "none yet" if went is None else "went well" if went else "failed"
