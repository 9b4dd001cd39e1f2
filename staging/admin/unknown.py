"""Names of the source that no customer document claims: each becomes a customer or a spelling of one in two clicks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from mapping.core.problems import near
from mapping.core.schema import MAX_TITLE
from mapping.core.texts import fold, one_line
from mapping.models import Alias, Customer
from mapping.spellings import AlreadyThere, Claimed, NotEditable, NotPublishable, add_spelling, make_customer
from monday.screens import link, moment
from staging.core.words import counted
from staging.models import Seen
from staging.models.snapshot import Verdict
from staging.wiring import recorder

NEW, SPELLING = "customer", "spelling"
RIGHTS = {NEW: "mapping.add_document", SPELLING: "mapping.change_document"}
SHOWN = 500
COMPARED = 100  # names that near spellings are looked for; the search takes milliseconds for each


@dataclass(slots=True)
class Unknown:
    """A name of the source that nobody claims: `rows` are held for it; `meant` is a customer with a near spelling."""

    name: str
    rows: int
    last: datetime | None
    meant: str = ""

    @property
    def why_not(self) -> str:
        """Why it cannot become a spelling, "" where it can."""
        if not self.name:
            return "The rows name no customer. Remedy: fill the cell in the source."
        if len(self.name) > MAX_TITLE:
            return f"The name has more than {MAX_TITLE} characters. Remedy: shorten it in the source."
        return ""


def unknown() -> list[Unknown]:
    """Every name that the last syncs could not place, most rows first; names that differ by case are one."""
    found: dict[str, Unknown] = {}
    rows = Seen.objects.filter(verdict=Verdict.UNKNOWN_CUSTOMER).values("customer_name")
    for each in rows.annotate(number=Sum("rows"), last=Max("at")).order_by("-number", "customer_name"):
        name = one_line(each["customer_name"])
        known = found.setdefault(fold(name), Unknown(name, 0, None))
        known.rows += each["number"]
        known.last = max(filter(None, (known.last, each["last"])), default=None)
    owned = set(Alias.objects.values_list("folded", flat=True))  # some were claimed since the last sync
    listed = [name for folded, name in found.items() if folded not in owned]
    return sorted(listed, key=lambda name: (-name.rows, name.name))


def with_meant(names: list[Unknown]) -> list[Unknown]:
    """These names, the first of them with the customer that was probably meant."""
    spellings = dict(Alias.objects.values_list("text", "customer__name"))
    for name in names[:COMPARED]:
        word = near(name.name, spellings) if name.name else None
        name.meant = spellings.get(word or "", "")
    return names


class UnknownPages:
    """The two pages, for the screen of customers."""

    admin_site: admin.AdminSite
    opts: Any

    def unknown_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("unknown/", wrap(self.unknown_view), name="mapping_customer_unknown"),
            path("unknown/<slug:become>/", wrap(self.claim_view), name="mapping_customer_claim"),
        ]

    def unknown_count(self) -> int:
        """How many names nobody claims."""
        return len(unknown())

    def unknown_view(self, request: HttpRequest) -> HttpResponse:
        """The names with their rows. 403 without the right to see customers."""
        _need(request, "mapping.view_customer")
        listed = with_meant(unknown())
        context = {
            **self.admin_site.each_context(request),
            "title": "Unknown customers",
            "opts": self.opts,
            "names": [(each, moment(each.last)) for each in listed[:SHOWN]],
            "more": max(0, len(listed) - SHOWN),
            "rows": sum(each.rows for each in listed),
            "may_make": request.user.has_perm(RIGHTS[NEW]),
            "may_add": request.user.has_perm(RIGHTS[SPELLING]),
            "start": reverse("admin:staging_syncrun_start"),
        }
        return TemplateResponse(request, "staging/admin/unknown.html", context)

    def claim_view(self, request: HttpRequest, become: str) -> HttpResponse:
        """What making a customer, or a spelling of one, will do; POST does it. 403 without the right to publish."""
        if become not in RIGHTS:
            raise Http404(f"There is no {become}.")
        _need(request, RIGHTS[become])
        given = request.POST if request.method == "POST" else request.GET
        name = one_line(given.get("name", "")[:1000])
        found = next(iter(with_meant([each for each in unknown() if fold(each.name) == fold(name)])), None)
        home = reverse("admin:mapping_customer_unknown")
        if found is None or found.why_not:
            words = found.why_not if found else f"{name or 'The empty name'} is not among the unknown names any more."
            messages.error(request, words)
            return HttpResponseRedirect(home)
        if request.method == "POST" and self._claimed(request, become, found):
            return HttpResponseRedirect(home)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Make {found.name} a customer" if become == NEW else f"{found.name} is a spelling of",
            "opts": self.opts,
            "become": become,
            "unknown": found,
            "orders": counted(found.rows, "row"),
            "customer": request.POST.get("customer", found.name if become == NEW else found.meant),
            "note": request.POST.get("note", ""),
            "customers": Customer.objects.order_by("name") if become == SPELLING else (),
            "longest": MAX_TITLE,
            "home": home,
        }
        return TemplateResponse(request, "staging/admin/claim.html", context)

    def _claimed(self, request: HttpRequest, become: str, found: Unknown) -> bool:
        """Publish what was asked for, and say what comes of it; False where it was refused, with the reason."""
        customer = one_line(request.POST.get("customer", ""))[:1000]
        if become == NEW and not customer:
            messages.error(request, "The customer has no name. Remedy: write one.")
            return False
        note = (
            request.POST.get("note", "").strip()[:2000] or f"{found.name} was unknown in {counted(found.rows, 'row')}"
        )
        who: dict[str, Any] = {"actor": request.user.get_username(), "note": note, "now": timezone.now()}
        try:
            if become == NEW:
                version = make_customer(name=customer, spelling=found.name, record=recorder, **who)
            else:
                version = add_spelling(customer=customer, spelling=found.name, record=recorder, **who)
        except (Claimed, NotEditable) as refusal:
            messages.error(request, str(refusal))
            return False
        except AlreadyThere as there:
            messages.error(request, f"{there} Remedy: make {found.name} a spelling of it.")
            return False
        except NotPublishable as refusal:
            for problem in refusal.problems:
                messages.error(request, f"{problem.message[:1].upper()}{problem.message[1:]}. Remedy: {problem.remedy}")
            return False
        start = reverse("admin:staging_syncrun_start")
        words = "{} is published: {} belongs to {}. The next sync stages its {}. {}"
        belongs = (version, found.name, customer, counted(found.rows, "row"), link(start, "Start one now"))
        messages.success(request, format_html(words, *belongs))
        return True


def _need(request: HttpRequest, right: str) -> None:
    if not request.user.has_perm(right):
        raise PermissionDenied
