"""Lists of customers and spellings that come in as CSV or XLSX: read, shown as what they would change, then confirmed.

Nothing is kept between the two steps but what the page itself holds, signed; so any web process may take the second.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any

import tablib
from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from import_export.formats.base_formats import XLSX

from mapping.core.texts import fold
from staging.source.order_file import DAMAGED
from staging.wiring import recorder

MOST_BYTES, MOST_UNPACKED, MOST_ROWS = 1_000_000, 50_000_000, 5_000
RIGHTS = ("mapping.add_document", "mapping.change_document")
AGE = 3600  # seconds for which a preview may be confirmed
SALT = "ordersite.lists"
WORDS = {"new": "New", "update": "Changes", "skip": "Stays", "error": "Refused", "invalid": "Refused"}


class ListRefused(Exception):
    """The file cannot be read as a list; the message is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the preview: what becomes of it, with the spellings that come and go, and why it is refused."""

    row: int
    kind: str
    customer: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        return WORDS.get(self.kind, self.kind)


@dataclass(slots=True)
class Preview:
    """What a list would do."""

    changes: list[Change] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return sum(bool(change.why) for change in self.changes)

    @property
    def changing(self) -> int:
        return sum(change.kind in ("new", "update") and not change.why for change in self.changes)

    def digest(self) -> str:
        """Names what was shown, so that nothing else is confirmed."""
        plain = [[c.row, c.kind, c.customer, c.added, c.removed, c.why] for c in self.changes]
        return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


class Rows(tablib.Dataset):  # type: ignore[misc]
    """The rows of a list, with the number under which a spreadsheet shows each."""

    numbers: tuple[int, ...] = ()


class UploadForm(forms.Form):
    file = forms.FileField(label="File", help_text="CSV in UTF-8 or XLSX, at most 1 MB, with a heading row")


class ListPages:
    """The import of a screen; `list_resource` reads rows, `list_columns` are the headings it needs."""

    admin_site: admin.AdminSite
    opts: Any
    list_resource: Any
    list_columns: tuple[str, ...]
    called: str

    def list_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("import/", wrap(self.import_view), name=f"mapping_{self.opts.model_name}_import")]

    def may_bring(self, request: HttpRequest) -> bool:
        """Whether this person may bring a list: each row that changes something publishes a document."""
        return request.user.has_perms(RIGHTS)

    def export_resource(self) -> Any:
        """An export is a list that may come in again."""
        return self.list_resource()

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks for a file; POST with a file shows what it would change; POST with `confirmed` does it."""
        if not self.may_bring(request):
            raise PermissionDenied
        if request.method == "POST" and "confirmed" in request.POST:
            return self._confirm(request)
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data["file"].read(MOST_BYTES + 1)
            try:
                return self._show(request, data)
            except ListRefused as refusal:
                form.add_error("file", str(refusal))
        return self._page(request, {"form": form})

    def _show(self, request: HttpRequest, data: bytes) -> HttpResponse:
        preview = self._run(request, read(data, self.list_columns), dry_run=True)
        packed = b64encode(data).decode()
        held = {"user": request.user.pk, "list": self.opts.model_name, "data": packed, "shown": preview.digest()}
        return self._page(request, {"preview": preview, "held": signing.dumps(held, salt=SALT, compress=True)})

    def _confirm(self, request: HttpRequest) -> HttpResponse:
        here = reverse(f"admin:mapping_{self.opts.model_name}_import")
        try:
            held = signing.loads(request.POST["confirmed"], salt=SALT, max_age=AGE)
        except signing.BadSignature:
            held = {}
        if held.get("user") != request.user.pk or held.get("list") != self.opts.model_name:
            messages.error(request, "The preview cannot be used any more. Remedy: give the file again.")
            return HttpResponseRedirect(here)
        data = b64decode(held["data"])
        try:
            preview = self._run(request, read(data, self.list_columns), dry_run=True)
            if preview.digest() != held["shown"] or preview.refused:
                messages.error(request, "The documents have changed since. Look at what the list would do now.")
                return self._show(request, data)
            done = self._run(request, read(data, self.list_columns), dry_run=False)
        except ListRefused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(here)
        if done.refused:
            messages.error(request, "Nothing was imported, since a row was refused. Remedy: give the file again.")
            return HttpResponseRedirect(here)
        new, changed = (sum(change.kind == kind for change in done.changes) for kind in ("new", "update"))
        stays = len(done.changes) - new - changed
        messages.success(request, f"Imported: {new:,} new, {changed:,} changed, {stays:,} stay as they were.")
        return HttpResponseRedirect(reverse(f"admin:mapping_{self.opts.model_name}_changelist"))

    def _run(self, request: HttpRequest, data: Rows, *, dry_run: bool) -> Preview:
        """What the list does; all of it or nothing. A dry run is taken back."""
        resource = self.list_resource(actor=request.user.get_username(), now=timezone.now(), record=recorder)
        result = resource.import_data(
            data, dry_run=dry_run, use_transactions=True, rollback_on_validation_errors=True, raise_errors=False
        )
        if result.base_errors:
            raise ListRefused("The list cannot be imported. Remedy: compare its columns with an export of this list.")
        return Preview([_change(*row) for row in zip(data.numbers, result.rows, data, strict=True)])

    def _page(self, request: HttpRequest, more: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Import a list",
            "trail_title": self.called,
            "opts": self.opts,
            "columns": self.list_columns,
            "whole": "aliases" in self.list_columns,
            **more,
        }
        return TemplateResponse(request, "staging/admin/list_import.html", context)


def read(data: bytes, columns: tuple[str, ...]) -> Rows:
    """The rows of a CSV or XLSX file with these headings, whatever their case and order. Raises ListRefused."""
    if len(data) > MOST_BYTES:
        raise ListRefused("The file is larger than 1 MB. Remedy: split it.")
    raw, first = (_xlsx(data), 2) if data.startswith(b"PK") else _csv(data)
    names = [str(name or "").strip().casefold() for name in raw.headers or ()]
    if twice := [name for name in columns if names.count(name) > 1]:
        raise ListRefused(f"The file names the column {twice[0]} twice. Remedy: keep one of them.")
    headings = {name: place for place, name in enumerate(names)}
    missing = [name for name in columns if name not in headings]
    if missing:
        known = ", ".join(columns)
        raise ListRefused(f"The file has no column {missing[0]}. Remedy: its heading row needs {known}.")
    if len(raw) > MOST_ROWS:
        raise ListRefused(f"The file has more than {MOST_ROWS:,} rows. Remedy: split it.")
    rows = [tuple("" if row[headings[name]] is None else str(row[headings[name]]) for name in columns) for row in raw]
    filled = {number: row for number, row in enumerate(rows, first) if any(cell.strip() for cell in row)}
    if not filled:
        raise ListRefused("The file has no rows. Remedy: one heading row, then one row per line of the list.")
    listed = Rows(*filled.values(), headers=list(columns))
    listed.numbers = tuple(filled)
    return listed


def _xlsx(data: bytes) -> tablib.Dataset:
    damaged = "The file is no readable XLSX. Remedy: save it again as XLSX or CSV from a spreadsheet program."
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
                raise ListRefused("The file unpacks to more than 50 MB. Remedy: split it, or save it as CSV.")
        return XLSX().create_dataset(data)
    except DAMAGED:
        raise ListRefused(damaged) from None


def _csv(data: bytes) -> tuple[tablib.Dataset, int]:
    """The rows below the headings, and the number of the first of them."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ListRefused("The text is not UTF-8. Remedy: save the list as CSV in UTF-8, or as XLSX.") from None
    if "\0" in text:
        raise ListRefused("The file holds binary data. Remedy: save the list as CSV in UTF-8, or as XLSX.")
    heading = text.split("\n", 1)[0]
    divided = max((",", ";", "\t"), key=heading.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=divided, strict=True))
    except csv.Error as problem:
        raise ListRefused(f"The file is no readable CSV ({problem}). Remedy: close every quotation mark.") from None
    above = next((number for number, row in enumerate(rows) if row), None)
    if above is None:
        raise ListRefused("The file is empty. Remedy: one heading row, then one row per line of the list.")
    width, below, first = len(rows[above]), rows[above + 1 :], above + 2
    odd = next((number for number, row in enumerate(below, first) if len(row) > width and any(row[width:])), None)
    if odd:
        raise ListRefused(f"Row {odd} has more cells than the heading row. Remedy: put quotes around its cell.")
    padded = [tuple([*row, *[""] * width][:width]) for row in below]
    return tablib.Dataset(*padded, headers=rows[above]), first


def _change(number: int, row: Any, cells: tuple[str, ...]) -> Change:
    """A row of the result as people read it."""
    why = tuple(line for error in row.errors for line in _said(error.error))
    if row.validation_error:
        why += tuple(_said(row.validation_error))
    if why or row.instance is None:
        return Change(number, "error" if why else row.import_type, cells[0], why=why)
    if hasattr(row.instance, "wanted"):
        was = {} if row.original is None else {fold(name): name for name in row.original.wanted.splitlines()}
        now = {fold(name): name for name in row.instance.wanted.splitlines()}
        added = tuple(name for key, name in now.items() if key not in was)
        removed = tuple(name for key, name in was.items() if key not in now)
        return Change(number, row.import_type, row.instance.name, added, removed)
    added = (row.instance.text,) if row.import_type == "new" else ()
    return Change(number, row.import_type, row.instance.customer_name, added)


def _said(error: Any) -> list[str]:
    """The sentences of an error; one that was not meant for people gives its name alone."""
    return [str(line) for line in getattr(error, "messages", [f"It cannot be imported ({type(error).__name__})."])]
