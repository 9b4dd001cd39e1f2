"""What the editor asks for while somebody types: a text's problems, words to complete with, and a try on one order."""

from __future__ import annotations

from typing import Any, get_args

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from mapping.core import schema, templates
from mapping.core.document import is_customer
from mapping.core.family import Family
from mapping.core.render import ColumnsMissing
from mapping.impact import imagined, with_text
from mapping.models import Document, DocumentKind, VersionState
from mapping.publish import NoMapping
from mapping.published import load_family
from mapping.vetting import vet
from monday.core.columns import kind_of
from monday.core.structure import BoardStructure
from staging import wiring
from staging.core.ports import SourceRefused
from staging.models import Seen
from staging.models.snapshot import Verdict
from staging.previews.trial import search, try_on
from staging.wiring import boards_of, surroundings

from .document_parts import found_document, given, need

CHOICES = {
    "as": schema.ConversionName,
    "empty": schema.Empty,
    "unreadable": schema.Unreadable,
    "otherwise": schema.Otherwise,
    "labels": schema.LabelWord,
    "missing": schema.LabelWord,
    "conflicts": schema.Conflicts,
    "kinds": schema.Kind,
}
FIXED = {
    "required": ["true", "false"],
    "four_eyes": ["true", "false"],
    "action": ["move", "archive", "keep"],
    "approve": ["person", "automatic"],
    "sizes": ["together", "later"],
}
SPELLINGS = 200  # unknown customers' names that are offered as aliases


@require_POST
def check_text(request: HttpRequest) -> HttpResponse:
    """The problems of a text as JSON: each with its place, and all of them as the list that stands below the text."""
    need(request, "mapping.change_document", "mapping.add_document")
    document, text = _document(request), given(request)
    problems = vet(document=document, text=text, around=surroundings(document, text))
    shown = [
        {
            "line": each.line,
            "column": each.column,
            "path": each.path,
            "message": each.message,
            "remedy": each.remedy,
            "severity": each.severity,
        }
        for each in problems
    ]
    listed = render_to_string("staging/admin/problems.html", {"problems": problems, "checked": True})
    return JsonResponse({"problems": shown, "html": listed})


def words(request: HttpRequest) -> HttpResponse:
    """What may be completed, as JSON: keys by block, choices by key, the source's columns and the board's."""
    need(request, "mapping.view_document")
    number = request.GET.get("document", "")
    document = found_document(number) if number else None
    customer = document is None or document.kind == DocumentKind.CUSTOMER
    model = schema.CustomerDocument if customer else schema.BoardDocument
    try:
        family = load_family(_board_key(document)).family
    except NoMapping:
        family = None
    structure = _structure(document)
    names = Seen.objects.filter(verdict=Verdict.UNKNOWN_CUSTOMER).values_list("customer_name", flat=True)
    return JsonResponse(
        {
            "keys": {".".join(path): list(keys) for path, keys in schema.known_keys(model).items()},
            "choices": {name: list(get_args(kind)) for name, kind in CHOICES.items()} | FIXED,
            "source": list(wiring.source_columns(family.board.source.table) or ()) if family else [],
            "columns": _columns(structure),
            "lines": _columns(structure.subitems if structure else None),
            "computed": list(templates.ROW_NAMES),
            "spellings": sorted(set(names.order_by("customer_name").distinct()[:SPELLINGS])),
        }
    )


@require_POST
def try_text(request: HttpRequest) -> HttpResponse:
    """The text tried on the order that was asked for, as a part of the page."""
    need(request, "mapping.change_document", "mapping.add_document")
    return TemplateResponse(request, "staging/admin/trial.html", {"trial": tried(request), **asked(request)})


def asked(request: HttpRequest) -> dict[str, str]:
    """What was searched for, and the row that was picked."""
    _, _, pressed = request.POST.get("action", "").partition(":")
    return {"q": request.POST.get("q", "").strip()[:200], "pick": (pressed or request.POST.get("pick", ""))[:200]}


def tried(request: HttpRequest) -> dict[str, Any]:
    """What the search found, and the picked row under both texts; or a sentence why there is nothing to show."""
    document, text, form = _document(request), given(request), asked(request)
    if not form["q"]:
        return {"sentence": "Type an order number, a PO number, a UUID or a customer, and press Try."}
    try:
        before = load_family(_board_key(document))
        after = _with(document, text)
        table = wiring.source(imagined(after))
        rows = search(table, after, form["q"])
        if not rows:
            return {"sentence": f"The order table has no row that begins with {form['q']!r}."}
        picked = [pair for pair in rows if pair[0].pick == form["pick"]] or (rows if len(rows) == 1 else [])
        if not picked:
            return {"rows": [found for found, _ in rows]}
        board = next(iter(boards_of(_boards(before.family.board.board.id)[0])), None)
        found, row = picked[0]
        shown = try_on(before=before.family, after=after, source=table, found=found, row=row, board=board)
    except (NoMapping, SourceRefused, ColumnsMissing) as refused:
        return {"sentence": str(refused)}
    return {"order": shown, "pick": found.pick, "rows": [other for other, _ in rows if other.pick != found.pick]}


def _with(document: Document | None, text: str) -> Family:
    """The documents with this text among them. Raises NoMapping."""
    kind = DocumentKind.CUSTOMER if is_customer(text) else DocumentKind.BOARD
    return with_text(document or Document(kind=kind), text, _board_key(document))


def _document(request: HttpRequest) -> Document | None:
    number = request.POST.get("document", "")
    return found_document(number) if number else None


def _board_key(document: Document | None) -> str | None:
    """The board that a text is tried on: a board's document names its own, a customer's is tried on the first."""
    if document is not None and document.board_key:
        return document.board_key
    return next((board.board_key for board in _boards()), None)


def _boards(key: str | None = None) -> list[Document]:
    """The documents of boards that hold, or the one of this board."""
    found = Document.objects.boards().filter(versions__state=VersionState.PUBLISHED).order_by("name", "id")
    return list(found.filter(board_key=key) if key else found)


def _structure(document: Document | None) -> BoardStructure | None:
    about = document or next(iter(_boards()), None)
    board = next(iter(boards_of(about)), None) if about else None
    return board.known_structure() if board else None


def _columns(structure: BoardStructure | None) -> list[dict[str, str]]:
    """The columns that may be written, with what tells them apart."""
    return [
        {"id": column.id, "title": column.title, "kind": column.kind}
        for column in (structure.columns.values() if structure else ())
        if not column.archived and kind_of(column).writable and column.id != "name"
    ]
