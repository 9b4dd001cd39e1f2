"""Boards: their columns, labels and groups as they were read last, and reading them again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from mapping.publish import NoMapping, load_family
from monday.core.structure import BoardStructure
from monday.models import Board
from monday.screens import ReadOnly, moment, pill
from staging import jobs
from staging.core.lifecycle import NotAllowed

from .found import age, comparison
from .numbers import number


@admin.register(Board)
class BoardAdmin(ReadOnly):
    list_display = ("name", "pill", "board_id", "account_id", "places", "read")
    list_filter = ("environment",)
    search_fields = ("name", "=board_id")
    exported = ("id", "environment", "address", "account_id", "board_id", "name", "read_at")
    ordering = ("name", "id")

    def get_urls(self) -> list[URLPattern]:
        """With reading a board again."""
        view = self.admin_site.admin_view(self.refresh)
        return [path("<int:pk>/refresh/", view, name="monday_board_refresh"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One board: what is mapped to which column, with its labels."""
        board = _found(object_id)
        if not self.has_view_permission(request, board):
            raise PermissionDenied
        structure = board.known_structure()
        context = {
            **self.admin_site.each_context(request),
            "title": board.name,
            "opts": self.opts,
            "board": board,
            "pill": self.pill(board),
            "read": moment(board.read_at),
            "structure": structure,
            "parts": _parts(structure, _mapped(board)) if structure else [],
            **_compared(board, request),
            "may_refresh": request.user.has_perm("monday.change_board"),
            "on_page": f"/sandbox/boards/{board.board_id}" if board.environment == "sandbox" else "",
        }
        return TemplateResponse(request, "staging/admin/board.html", context)

    def refresh(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the board to be read again, by POST. 403 without the right to."""
        if not request.user.has_perm("monday.change_board"):
            raise PermissionDenied
        board = _found(str(pk))
        home = HttpResponseRedirect(reverse("admin:monday_board_change", args=[board.pk]))
        if request.method != "POST":
            return home
        try:
            run = jobs.ask_refresh(board, actor=request.user.get_username(), trigger="admin")
        except NotAllowed as refused:
            messages.error(request, str(refused))
            return home
        return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[run.pk]))

    @admin.display(description="Environment", ordering="environment")
    def pill(self, board: Board) -> SafeString:
        return pill("wait" if board.environment == "sandbox" else "good", board.get_environment_display())

    @admin.display(description="Items")
    def places(self, board: Board) -> str:
        structure = board.known_structure()
        if structure is None:
            return "not read yet"
        most = f" of at most {structure.items_limit:,}" if structure.items_limit else ""
        return f"{structure.items_count:,}{most}"

    @admin.display(description="Read", ordering="read_at")
    def read(self, board: Board) -> SafeString:
        return moment(board.read_at)


def _compared(board: Board, request: HttpRequest) -> dict[str, Any]:
    """How the board compares with what was last written to it; nothing for who may not see runs."""
    if not request.user.has_perm("staging.view_syncrun"):
        return {"compared": None}
    mode = "TEST" if board.environment == "sandbox" else "PRODUCTION"
    found = comparison(board, mode)
    run = found["run"]
    place = reverse("admin:staging_board_reading", args=["reconcile"])
    shown = {"pill": pill("warn", "Differs") if found["differs"] else pill("good", "As written")} if run else {}
    when = {"mode": mode, "when": moment(run.finished_at) if run else "", **age(run, mode)}
    may = {"may_compare": request.user.has_perm("staging.add_syncrun")}
    return {"compared": found | shown | when | may | {"place": f"{place}?mode={mode}&of={board.pk}"}}


def _found(object_id: str) -> Board:
    board = Board.objects.filter(pk=number(object_id)).first()
    if board is None:
        raise Http404(f"There is no board {object_id}.")
    return board


def _mapped(board: Board) -> tuple[dict[str, str], dict[str, str]]:
    """What fills each column of items and of subitems, by the board's published document."""
    try:
        rules = load_family(board.board_id).family.default
    except NoMapping:
        return {}, {}
    items = {"name": rules.board.item} | {rule.to: rule.source for rule in rules.columns}
    items |= {rules.board.uuid_column: "link key"} if rules.board.uuid_column else {}
    if rules.sizes is None:
        return items, {}
    sizes = {"name": rules.sizes.item, rules.sizes.size_column: "size", rules.sizes.quantity_column: "quantity"}
    return items, sizes | ({rules.sizes.key_column: "size key"} if rules.sizes.key_column else {})


def _parts(structure: BoardStructure, mapped: tuple[dict[str, str], dict[str, str]]) -> list[dict[str, Any]]:
    """The board and its subitems' board, each with its columns; mapped ones first."""
    boards = [("Items", structure)] + ([("Subitems", structure.subitems)] if structure.subitems else [])
    return [
        {
            "title": title,
            "columns": sorted(
                ((column, filled.get(column.id, "")) for column in part.columns.values()), key=lambda pair: not pair[1]
            ),
        }
        for (title, part), filled in zip(boards, mapped, strict=False)
    ]
