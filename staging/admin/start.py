"""The page that starts a sync."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from mapping.models import Customer, Document
from staging import jobs
from staging.core.lifecycle import NotAllowed
from staging.models import SyncRun


class StartForm(forms.Form):
    """What a person may ask a sync for; the same as `sync_orders` takes."""

    mode = forms.ChoiceField(
        choices=[("TEST", "TEST: the local board"), ("PRODUCTION", "PRODUCTION: monday.com")],
        widget=forms.RadioSelect,
        initial="TEST",
    )
    by_person = forms.BooleanField(
        required=False,
        initial=True,
        label="Wait for a person's approval",
        help_text="Without it the published policy approves what it may; in TEST that is everything.",
    )
    board = forms.ChoiceField(required=False, help_text="Only where several boards are mapped")
    customer = forms.ChoiceField(required=False)
    po_number = forms.CharField(required=False, max_length=100, label="PO number")
    limit = forms.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, label="At most", help_text="orders that can be pushed"
    )
    full = forms.BooleanField(
        required=False, label="Render every row", help_text="whatever its fingerprint says; takes longer"
    )
    expect_rows = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        label="Expected rows",
        help_text="Only where a guard asked for it: the source rightly holds this many rows",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = list(Customer.objects.order_by("name").values_list("name", flat=True))
        boards = list(Document.objects.boards().order_by("name").values_list("board_key", "name"))
        self._choose("customer", [("", "All customers"), *((name, name) for name in names)])
        self._choose("board", [("", "The only one"), *boards])
        if len(boards) < 2:
            del self.fields["board"]

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_mode(self) -> str:
        """PRODUCTION needs a token."""
        mode = str(self.cleaned_data["mode"])
        if mode == "PRODUCTION" and not settings.MONDAY_API_TOKEN:
            raise forms.ValidationError("MONDAY_API_TOKEN is not set. Remedy: set it, or choose TEST.")
        return mode


def start_sync(request: HttpRequest) -> HttpResponse:
    """GET shows what can be asked for; POST asks for it and leads to the run. 403 without the right to start runs."""
    if not request.user.has_perm("staging.add_syncrun"):
        raise PermissionDenied
    given = {name: request.GET[name] for name in ("mode", "board") if request.GET.get(name)}
    form = StartForm(request.POST if request.method == "POST" else None, initial=given)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        scope = {name: asked[name] for name in asked if name != "mode" and asked[name] not in ("", None, False)}
        try:
            run = jobs.ask_sync(mode=asked["mode"], actor=request.user.get_username(), trigger="admin", scope=scope)
        except NotAllowed as busy:
            messages.error(request, str(busy))
        else:
            return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[run.pk]))
    context = {**admin.site.each_context(request), "title": "Start a sync", "form": form, "opts": SyncRun._meta}
    return TemplateResponse(request, "staging/admin/start.html", context)
