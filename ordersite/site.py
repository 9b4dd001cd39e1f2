"""The admin site: one front page, and the screens grouped by what people come for."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse

from . import ended, errors, odd_addresses

SECTIONS: dict[str, tuple[str, ...]] = {
    "Work": ("SyncRun", "Batch", "StagedOrder", "Seen"),
    "Board": ("Board", "Snapshot"),
    "Mapping": ("Document", "Customer", "Alias"),
    "Proof": ("Receipt", "ApiCall", "AuditEvent", "LogEntry"),
    "Operation": ("Schedule", "Channel", "Delivery", "Failure", "OrmQ", "Success", "User", "Group"),
}
READINGS = {"reconcile": "Reconciliation", "adopt": "Adoption"}
NAMES = {
    "SyncRun": "Runs",
    "Batch": "Batches",
    "StagedOrder": "Staged orders",
    "Seen": "Rows not used",
    "Document": "Documents",
    "ApiCall": "API calls",
    "AuditEvent": "Audit",
    "Alias": "Spellings",
    "Schedule": "Schedules",
    "Channel": "Notifications",
    "Delivery": "Messages sent",
    "Success": "Jobs done",
    "Failure": "Jobs failed",
    "OrmQ": "Jobs waiting",
    "User": "People",
    "Group": "Roles",
}


class OrdersiteAdmin(AdminSite):
    """The one admin site; every screen of staging, mapping and monday registers here."""

    site_header = "Ordersite"
    site_title = "Ordersite"
    index_title = "Today"
    site_url = None
    index_template = "ordersite/today.html"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """With the front page's live part, the search and the rejected queue."""
        # The screens import models, which are not loaded yet when this module is.
        from staging.admin import find, rejected

        return [
            path("today/", self.admin_view(self.today), name="today"),
            path("search/", self.admin_view(find.search), name="search"),
            path("rejected/", self.admin_view(rejected.rejected), name="rejected"),
            path("rejected/<slug:action>/", self.admin_view(rejected.act), name="rejected_act"),
            *super().get_urls(),
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The front page: what waits, what went wrong, what comes next."""
        from .today import cards
        from .today_charts import charts

        shown: dict[str, Any] = {"may_look": request.user.has_perm("staging.view_batch")}
        if shown["may_look"]:
            shown |= {
                "cards": cards(request),
                "charts": charts(),
                "may_start": request.user.has_perm("staging.add_syncrun"),
            }
        return super().index(request, {**shown, **(extra_context or {})})

    def today(self, request: HttpRequest) -> HttpResponse:
        """The cards alone, for the front page that asks for them again while it is open."""
        from .today import cards

        if not request.user.has_perm("staging.view_batch"):
            raise PermissionDenied
        return TemplateResponse(request, "ordersite/cards.html", {"cards": cards(request)})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """An app's own page of Django's; ours are grouped by what people come for, so it leads to the front page."""
        return HttpResponseRedirect(reverse("admin:index"))

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Every page; without a session the way to the login, and a sentence for what cannot be shown.

        See `ended`, `errors` and `odd_addresses`.
        """
        page = super().admin_view(view, cacheable)

        @wraps(page)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # Who leaves without being in any more has sent nothing that could be lost.
            if request.user.is_anonymous and request.path != reverse("admin:logout"):
                return ended.to_login(request)
            return errors.explained(request, page(request, *args, **kwargs))

        return odd_addresses.answered(inner)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The login, which says when something was sent without a session; so does the page that it leads to."""
        from .lockout import SignIn

        self.login_form = SignIn
        unsent = ended.UNSENT in request.GET
        if unsent:
            messages.warning(request, ended.SENTENCE)
        return super().login(request, {"unsent": unsent, **(extra_context or {})})

    def list_taken(self, request: HttpRequest, label: str, query: str, form: str, rows: int) -> None:
        """A screen handed a list out: the audit says who took it."""
        from staging.lists.exports import taken

        taken(label=label, query=query, form=form, rows=rows, actor=request.user.get_username())

    def long_list(self, request: HttpRequest, label: str, query: str, form: str) -> str:
        """Ask for a list that is too long for a page as a job, by a worker that lives; the address to go on at."""
        from staging.core.lifecycle import NotAllowed
        from staging.export_jobs import ask_export

        from .watchdog import workers

        state = workers()
        try:
            if not state.alive:
                raise NotAllowed(state.sentence())
            user, actor = request.user.pk, request.user.get_username()
            run = ask_export(label=label, query=query, form=form, user=user or 0, actor=actor)
        except NotAllowed as refused:
            messages.error(request, str(refused))
            return f"../?{query}"
        return reverse("admin:staging_syncrun_change", args=[run.pk])

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The screens that this person may see, by section instead of by app."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        models = {model["object_name"]: model for app in apps for model in app["models"]}
        sections = []
        for title, names in SECTIONS.items():
            found = [_named(models.pop(name)) for name in names if name in models]
            if title == "Work" and found:
                found.insert(-1, _link("Rejected", reverse("admin:rejected")))
                if request.user.has_perm("staging.add_syncrun"):
                    found.append(_link("Order lists", reverse("admin:staging_intake")))
            if title == "Board" and request.user.has_perm("staging.view_syncrun"):
                for name, words in READINGS.items():
                    found.append(_link(words, reverse("admin:staging_board_reading", args=[name])))
            if title == "Board" and not settings.PRODUCTION and request.user.has_perm("monday.view_board"):
                found.append(_link("Local board", reverse("sandbox", args=[""])))
            sections.append(_section(title, found))
        sections.append(_section("More", list(models.values())))
        shown = [section for section in sections if section["models"]]
        _mark(request.path, [model for section in shown for model in section["models"]])
        return shown


def _section(title: str, models: list[Any]) -> dict[str, Any]:
    return {
        "name": title,
        "app_label": title.lower(),
        "app_url": reverse("admin:index"),
        "has_module_perms": True,
        "models": models,
    }


def _mark(path: str, models: list[dict[str, Any]]) -> None:
    """Mark the screen that this page belongs to; of two the nearer one, as order lists lie below the runs."""
    above = [model for model in models if model["admin_url"] and path.startswith(model["admin_url"])]
    for model in models:
        model["current"] = bool(above) and model is max(above, key=lambda one: len(one["admin_url"]))


def _named(model: Any) -> Any:
    return {**model, "name": NAMES.get(model["object_name"], model["name"])}


def _link(name: str, url: str) -> dict[str, Any]:
    return {"name": name, "object_name": name, "admin_url": url, "add_url": None, "view_only": True, "perms": {}}
