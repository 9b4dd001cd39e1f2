"""Lists as files: directly where they are short, by a job where they are long, and never as a formula."""

from __future__ import annotations

import codecs
import csv
import io
import os
import time
from typing import Any

import openpyxl
import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monday import exports
from monday.core.spreadsheets import for_xlsx, shielded, typed
from monday.exports import lines
from monday.screens import Listed
from ordersite import watchdog
from staging.lists import kept_files
from staging.models import AuditEvent, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.running import runs
from staging.upkeep import retention
from tests.db.admin_line import opened_line, person, signed_in, staged, work_off
from tests.world import World

ORDERS = "/staging/stagedorder/export/"


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> World:
    settings.FILES_DIR = str(tmp_path / "files")
    line = opened_line(world, settings, monkeypatch)
    staged(line, 1, 2, 3)
    settings.EXPORT_ROWS = 2
    watchdog.claimed()
    return line


def asked(role: str = "viewer", query: str = "format=csv", at: str = ORDERS) -> SyncRun:
    answer = signed_in(role).post(f"{at}?{query}")
    run = SyncRun.objects.latest("id")
    assert answer.headers["Location"] == f"/staging/syncrun/{run.pk}/change/" and run.kind == Kind.EXPORT
    return run


def taken(run: SyncRun, role: str = "viewer") -> bytes:
    answer = signed_in(role).get(f"/staging/syncrun/{run.pk}/file/")
    assert answer.status_code == 200, answer.status_code
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_a_long_list_is_offered_as_a_job_and_only_a_post_asks_for_it(line: World) -> None:
    page = signed_in("viewer").get(f"{ORDERS}?format=csv&state__exact=staged").content.decode()
    assert "so a job writes the file" in page and 'method="post"' in page
    assert not SyncRun.objects.filter(kind=Kind.EXPORT).exists()
    run = asked(query="format=csv&state__exact=staged")
    assert (run.scope["list"], run.scope["query"], run.mode) == ("staging.stagedorder", "state__exact=staged", "")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_job_writes_what_the_list_shows_and_its_page_hands_it_out(line: World, form: str) -> None:
    run = asked(query=f"format={form}&state__exact=staged")
    work_off()
    run.refresh_from_db()
    assert (run.state, run.counts) == (RunState.COMPLETED, {"rows": 3}), run.error
    page = signed_in("viewer").get(f"/staging/syncrun/{run.pk}/change/").content.decode()
    assert f"Download {form.upper()}" in page and "3 rows" in page
    data = taken(run)
    if form == "csv":
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    else:
        rows = [list(row) for row in openpyxl.load_workbook(io.BytesIO(data)).active.values]  # type: ignore[union-attr]
    assert rows[0][0] == "id"
    assert [str(row[0]) for row in rows[1:]] == [
        str(pk) for pk in StagedOrder.objects.order_by("-pk").values_list("pk", flat=True)
    ]
    actions = list(AuditEvent.objects.filter(subject=f"run:{run.pk}").order_by("id").values_list("action", "actor"))
    assert [name for name, _ in actions] == ["run.asked", "list.exported", "run.ended", "list.downloaded"]
    assert {actor for _, actor in actions} == {"viewer"}
    assert os.stat(kept_files.place(run.result["file"])).st_mode & 0o077 == 0


def test_a_short_list_goes_directly_and_the_audit_says_who_took_it(line: World, settings: Any) -> None:
    settings.EXPORT_ROWS = 3
    answer = signed_in("viewer").get(f"{ORDERS}?format=csv")
    assert answer.status_code == 200 and len(answer.content.splitlines()) == 4
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.actor, event.data["rows"]) == ("list.exported", "viewer", 3)


def test_numbers_and_times_of_a_sheet_are_no_texts_and_a_csv_says_the_same(line: World, settings: Any) -> None:
    settings.EXPORT_ROWS = 3
    order = StagedOrder.objects.latest("pk")
    moved = order.updated_at.replace(microsecond=0, tzinfo=None)
    book = openpyxl.load_workbook(io.BytesIO(signed_in("viewer").get(f"{ORDERS}?format=xlsx").content))
    head, first, *_ = book.active.values  # type: ignore[union-attr]
    told = dict(zip(head, first, strict=True))
    assert (told["id"], told["attempts"], told["updated_at"]) == (order.pk, order.attempts, moved)
    head, first, *_ = csv.reader(
        io.StringIO(signed_in("viewer").get(f"{ORDERS}?format=csv").content.decode("utf-8-sig"))
    )
    told = dict(zip(head, first, strict=True))
    assert (told["id"], told["updated_at"]) == (str(order.pk), f"{moved:%Y-%m-%d %H:%M:%S}")


def test_without_a_worker_it_is_refused_in_one_sentence(line: World) -> None:
    watchdog.WorkerPulse.objects.all().delete()
    page = signed_in("viewer").post(f"{ORDERS}?format=csv&state__exact=staged", follow=True)
    assert "No worker has claimed a job yet. Remedy: start one" in page.content.decode()
    assert page.redirect_chain[-1][0] == "../?state__exact=staged"
    assert not SyncRun.objects.filter(kind=Kind.EXPORT).exists()


def test_the_same_list_is_not_written_twice_at_once_for_one_person(line: World) -> None:
    asked()
    page = signed_in("viewer").post(f"{ORDERS}?format=xlsx", follow=True).content.decode()
    assert "is under way already. Remedy: wait for it, or cancel it." in page
    asked("operator")


def test_who_may_not_see_the_list_gets_no_file_of_it_by_address(line: World) -> None:
    run = asked("approver", at="/staging/auditevent/export/")
    work_off()
    run.refresh_from_db()
    assert run.state == RunState.COMPLETED, run.error
    assert signed_in("viewer").get(f"/staging/syncrun/{run.pk}/file/").status_code == 403
    assert "Download" not in signed_in("viewer").get(f"/staging/syncrun/{run.pk}/change/").content.decode()
    assert taken(run, "approver").removeprefix(codecs.BOM_UTF8).startswith(b"id,chain,")
    assert signed_in("viewer").post("/staging/auditevent/export/?format=csv").status_code == 403


def test_a_right_that_was_taken_meanwhile_ends_the_job_without_a_file(line: World) -> None:
    run = asked()
    person("viewer").groups.clear()
    work_off()
    run.refresh_from_db()
    assert (run.state, run.result) == (RunState.REFUSED, {}) and "may not see it any more" in run.error


def test_it_is_cancelled_between_two_pages_and_leaves_nothing(line: World, monkeypatch: Any, settings: Any) -> None:
    monkeypatch.setattr(exports, "PAGE", 1)
    run = asked()
    page, first = exports.pages, []

    def pages(rows: Any) -> Any:
        for one in page(rows):
            if first:
                runs.cancel(SyncRun.objects.get(pk=run.pk), actor="viewer", now=timezone.now())
            first.append(one)
            yield one

    monkeypatch.setattr(exports, "pages", pages)
    work_off()
    run.refresh_from_db()
    assert (run.state, run.result, os.listdir(settings.FILES_DIR)) == (RunState.STOPPED, {}, [])


def test_a_killed_attempt_is_written_anew(line: World) -> None:
    run = asked()
    part = kept_files.place(f"export-{run.pk}.csv{kept_files.PART}")
    part.write_bytes(b"half of it")
    work_off()
    run.refresh_from_db()
    assert run.state == RunState.COMPLETED and b"half of it" not in taken(run) and not part.exists()


def test_a_sheet_that_would_be_too_long_is_refused_with_the_remedy(line: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("staging.lists.exports.SHEET", 2)
    run = asked(query="format=xlsx")
    work_off()
    run.refresh_from_db()
    assert run.state == RunState.REFUSED and "Remedy: take the list as CSV, or filter it first." in run.error
    monkeypatch.setattr(exports, "SHEET", 1)
    with pytest.raises(exports.SheetFull):
        exports.write(io.BytesIO(), "xlsx", iter([["a"], ["1"], ["2"]]))


def test_old_files_go_by_themselves_and_by_a_pruning_and_that_is_said(line: World) -> None:
    first = asked()
    work_off()
    first.refresh_from_db()
    path = kept_files.place(first.result["file"])
    assert kept_files.clean(timezone.now()) == 0 and path.exists()
    os.utime(path, (time.time() - 8 * 86_400,) * 2)
    assert [found for found, _ in retention.files(timezone.now())] == [path]
    asked()
    work_off()
    assert not path.exists()
    page = signed_in("viewer").get(f"/staging/syncrun/{first.pk}/file/", follow=True).content.decode()
    assert "The file is not here (any more). Remedy: export the list again." in page


def test_every_list_is_written_by_a_job_as_it_is_by_its_page(line: World, settings: Any) -> None:
    line.sync()
    StagedOrder.objects.update(state="rejected")
    client = signed_in("administrator")
    for model, screen in admin.site._registry.items():
        if not (isinstance(screen, Listed) and screen.exported):
            continue
        at = f"/{model._meta.app_label}/{model._meta.model_name}/export/?format=csv"
        settings.EXPORT_ROWS = 10_000
        direct = client.get(at)
        assert direct.status_code == 200, at
        settings.EXPORT_ROWS = -1
        assert client.post(at).status_code == 302, at
        run = SyncRun.objects.latest("id")
        work_off()
        run.refresh_from_db()
        assert run.state == RunState.COMPLETED, (at, run.error)
        written = taken(run, "administrator")
        # Runs and audit have grown by this very export meanwhile.
        grown = model.__name__ in ("SyncRun", "AuditEvent")
        assert written.splitlines()[0] == direct.content.splitlines()[0]
        assert grown or written == direct.content, at


def test_a_list_is_read_by_the_page_and_not_row_by_row(line: World) -> None:
    for number in range(2, 22):
        line.add(number)
    line.sync()
    for model, screen in admin.site._registry.items():
        if isinstance(screen, Listed) and screen.exported:
            rows = model._default_manager.select_related(*(screen.list_select_related or ()))
            with CaptureQueriesContext(connection) as asked_for:
                list(lines(screen, rows))
            assert len(asked_for) <= 6, (model, [query["sql"] for query in asked_for.captured_queries])


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "@x", "\tx", "\rx", "-1+1", "-A1", "'=1", "-1;2", "--1", "\n=1", "＝1+1"]
)
def test_what_a_spreadsheet_would_run_is_a_text_and_comes_back_as_it_was(cell: str) -> None:
    assert str(shielded(cell)).startswith("'") and str(for_xlsx(cell)).startswith("'")
    assert typed(str(shielded(cell))) == cell


@pytest.mark.parametrize("cell", ["-1", "-12.50", "-1,200.75", "12", "a-b", -3, -2.5, None])
def test_a_plain_negative_number_stays_what_it_is(cell: object) -> None:
    assert shielded(cell) == cell and for_xlsx(cell) == cell
    assert cell is None or typed(str(shielded(cell))) == str(cell)
