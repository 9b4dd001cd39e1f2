"""Every call to the API, as it was made."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from .core.errors import FAULTS
from .models import ApiCall
from .screens import Occurring, ReadOnly, moment, pill, seconds

TONES = {"done": "good", "partly": "warn"}


@admin.register(ApiCall)
class ApiCallAdmin(ReadOnly):
    called, one = "API calls", "API call"
    change_list_template = "monday/calls.html"
    list_display = ("when", "kind", "operations", "outcome_pill", "status", "cost", "took", "waiting", "on_behalf")
    list_filter = (("kind", Occurring), ("outcome", Occurring), ("status", Occurring))
    search_fields = ("correlation__exact", "request_id__exact")
    search_help_text = "On whose behalf (run:7) or the API's request id, whole"
    exported = (
        *("id", "at", "correlation", "kind", "operations", "status", "cost", "request_id"),
        *("seconds", "waited", "retries", "outcome"),
    )
    ordering = ("-id",)
    readonly_fields = ("outcome_pill", "took", "waiting")
    fields = (
        *("at", "correlation", "kind", "operations", "outcome_pill", "status", "cost", "request_id"),
        *("took", "waiting", "retries"),
    )

    def get_urls(self) -> list[URLPattern]:
        """With the page that explains every refusal."""
        return [
            path("refusals/", self.admin_site.admin_view(self.refusals), name="monday_refusals"),
            *super().get_urls(),
        ]

    def refusals(self, request: HttpRequest) -> HttpResponse:
        """Every documented refusal with its meaning, its remedy, whose job it is, and whether it is sent again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": "What refusals mean", "opts": self.opts}
        return TemplateResponse(request, "monday/refusals.html", {**context, "faults": FAULTS})

    @admin.display(description="At")
    def when(self, call: ApiCall) -> SafeString:
        return moment(call.at)

    @admin.display(description="Outcome")
    def outcome_pill(self, call: ApiCall) -> SafeString:
        return pill(TONES.get(call.outcome, "bad"), call.outcome)

    @admin.display(description="Took")
    def took(self, call: ApiCall) -> str:
        return seconds(call.seconds)

    @admin.display(description="Waited before")
    def waiting(self, call: ApiCall) -> str:
        return seconds(call.waited) if call.waited else ""

    @admin.display(description="On behalf of")
    def on_behalf(self, call: ApiCall) -> str:
        return call.correlation
