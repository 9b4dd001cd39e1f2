"""Schedules: when syncs and the rest run by themselves. Only the product's own jobs can be chosen.

The queue's stock screen takes the path of any function, which would let everybody who may edit a schedule run any code.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django_q.models import Schedule

from mapping.core.problems import did_you_mean
from mapping.models import Customer, Document
from monday.screens import Listed, moment, pill
from staging.running.schedules import (
    BY_PATH,
    JOBS,
    LATEST,
    LONGEST,
    OLDEST,
    REMEDY,
    Job,
    Wrong,
    called,
    fault,
    how_often,
    next_by_cron,
    read_words,
)

HELP = format_html(
    "<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((job.name, job.does) for job in JOBS))
)


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A schedule with a function of ours and, for a sync, what it is to do."""

    func = forms.ChoiceField(choices=[(job.path, job.name) for job in JOBS], label="What", help_text=HELP)
    kwargs = forms.CharField(
        required=False,
        max_length=500,
        label="With",
        widget=forms.TextInput(attrs={"size": 60}),
        help_text="For a sync: mode='TEST', customer='HARBOUR', limit=100, by_person=True. For a push, a retry and a "
        "reconciliation: mode='TEST'. Empty for the others.",
    )

    class Meta:
        model = Schedule
        fields = ("name", "func", "kwargs", "schedule_type", "minutes", "cron", "repeats", "next_run")

    def clean_kwargs(self) -> str:
        """Plain values of known names only."""
        words = str(self.cleaned_data["kwargs"] or "").strip()
        try:
            values = read_words(words)
        except Wrong as wrong:
            raise forms.ValidationError(str(wrong)) from None
        for sentence in _wrong(values):
            raise forms.ValidationError(sentence)
        return words

    def clean(self) -> dict[str, Any]:
        """Each job takes its own words, and a schedule by minutes needs their number."""
        given = super().clean() or self.cleaned_data
        job = BY_PATH.get(given.get("func") or "")
        if job and given.get("kwargs") and (odd := set(read_words(given["kwargs"])) - job.takes):
            self.add_error("kwargs", _takes(job, odd))
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
        try:
            given["next_run"] = next_by_cron(given.get("cron") or "", timezone.localtime())
        except Wrong as wrong:
            self.add_error("cron", str(wrong))


def _takes(job: Job, odd: set[str]) -> str:
    """What this job takes instead of the odd words."""
    if not job.takes:
        return f"{job.name} takes no words. Remedy: leave it empty."
    return (
        f"{job.name} takes {' and '.join(sorted(job.takes))} alone, not {', '.join(sorted(odd))}. Remedy: mode='TEST'."
    )


def _wrong(values: dict[str, Any]) -> list[str]:
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


# A schedule without a name would be called by the path of its function, in titles and questions.
Schedule.__str__ = called
admin.site.unregister(Schedule)


@admin.register(Schedule)
class ScheduleAdmin(Listed):
    form = ScheduleForm
    called = "Schedules"
    list_display = ("called_as", "what", "does", "with_what", "every", "next", "last")
    list_display_links = ("called_as",)
    search_fields = ("name",)
    exported = ("id", "name", "func", "kwargs", "schedule_type", "minutes", "cron", "repeats", "next_run")
    ordering = ("name", "id")

    @admin.display(description="Name", ordering="name")
    def called_as(self, schedule: Schedule) -> str:
        return called(schedule)

    @admin.display(description="What", ordering="func")
    def what(self, schedule: Schedule) -> str:
        job = BY_PATH.get(str(schedule.func))
        return job.name if job else f"Not known: {schedule.func}"

    @admin.display(description="What it does")
    def does(self, schedule: Schedule) -> SafeString | str:
        if why := fault(schedule, timezone.now()):
            return format_html("{} {}. {}", pill("bad", "Cannot run"), why, REMEDY)
        return BY_PATH[str(schedule.func)].does

    @admin.display(description="With")
    def with_what(self, schedule: Schedule) -> str:
        return str(schedule.kwargs or "")

    @admin.display(description="How often")
    def every(self, schedule: Schedule) -> str:
        if schedule.repeats == 0:
            return "paused (0 repeats)"
        said = how_often(str(schedule.schedule_type), schedule.minutes, schedule.cron)
        return said or str(schedule.get_schedule_type_display()).lower()

    @admin.display(description="Next", ordering="next_run")
    def next(self, schedule: Schedule) -> SafeString:
        return moment(schedule.next_run)

    @admin.display(description="Last job")
    def last(self, schedule: Any) -> str:
        went = schedule.success()
        return "none yet" if went is None else "went well" if went else "failed"
