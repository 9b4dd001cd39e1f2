"""The undo page and the preview of the command line: what is shown beforehand is what is done."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from staging.core.lifecycle import NotAllowed
from staging.models import Foreseen, Part, SyncRun
from staging.models.run import Kind, RunState
from staging.setup import silent
from staging.undoing.foresee import choices, foresee, latest, tally
from tests.db.admin_line import opened_line, signed_in, work_off
from tests.world import World

PRICE, NOTES = "numeric_price", "long_text_notes"


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Six orders: one changed and not touched since, one edited in one of two fields, one archived by hand."""
    opened_line(world, settings, monkeypatch)
    for number in range(1, 8):
        world.add(number)
    world.sync()
    world.change(1, PRICE="12", S=4)
    world.change(2, PRICE="12", NOTES="late")
    world.change(3, PRICE="12")
    world.sync()
    world.edit(2, numeric_price="99")
    world.archive(3)
    return world


def groups(world: World, **more: Any) -> dict[str, dict[str, set[str]]]:
    """Fields by group and order, as the preview finds them."""
    found = foresee(batch=world.batch(), setup=world.setup(), progress=silent, **more)
    told: dict[str, dict[str, set[str]]] = {"back": {}, "kept": {}, "cannot": {}}
    for one in found:
        for group in told:
            if fields := getattr(one, group):
                told[group][one.label] = {seen.field for seen in fields}
    return told


def looked(world: World) -> SyncRun:
    """The preview, as the page asks for it."""
    batch = world.batch()
    answer = signed_in("approver").post(f"/staging/batch/{batch.pk}/undo/", {"do": "look"})
    assert answer.status_code == 302
    work_off()
    preview = latest(batch)
    assert preview is not None and preview.state == RunState.COMPLETED, preview and preview.error
    return preview


def undo_page(world: World, role: str = "approver", **query: Any) -> Any:
    return signed_in(role).get(f"/staging/batch/{world.batch().pk}/undo/", query)


def press(world: World, do: str, **fields: Any) -> Any:
    return signed_in("approver").post(f"/staging/batch/{world.batch().pk}/undo/", {"do": do, **fields}, follow=True)


def go(world: World, **fields: Any) -> Any:
    seen = undo_page(world, confirm="1").context["seen"]
    answer = press(world, "go", seen=seen, **fields)
    work_off()
    return answer


# --- what it finds ----------------------------------------------------------------------------------------------------
def test_a_preview_has_three_groups_and_writes_nothing(line: World) -> None:
    shown, writes = line.shown(), len(line.wire.writes)
    names = [line.order(number).label for number in (1, 2, 3)]
    assert groups(line) == {
        "back": {names[0]: {PRICE, "size:S"}, names[1]: {NOTES}},
        "kept": {names[1]: {PRICE}},
        "cannot": {names[2]: {PRICE}},
    }
    assert (line.shown(), len(line.wire.writes)) == (shown, writes)


def test_what_a_preview_shows_is_what_the_undo_does(line: World) -> None:
    before = groups(line)
    done = line.undo()
    assert set(done.kept) == set(before["kept"]) | set(before["cannot"])
    assert (line.item(1).cells[PRICE], line.sizes(1)["S"]) == ("10.5", "1")
    assert (line.item(2).cells[PRICE], line.item(2).cells.get(NOTES)) == ("99", None)


def test_a_batch_that_cannot_be_undone_has_no_preview(world: World) -> None:
    world.add(1)
    world.stage()
    with pytest.raises(NotAllowed, match="cannot undo what waits for approval"):
        list(foresee(batch=world.batch(), setup=world.setup(), progress=silent))


# --- the page ---------------------------------------------------------------------------------------------------------
def test_the_page_looks_at_the_board_by_a_job_and_then_shows_who_wants_what(line: World) -> None:
    first = undo_page(line)
    assert "Look at the board" in first.content.decode() and not Foreseen.objects.exists()
    press(line, "look")
    waiting = undo_page(line).content.decode()
    assert "Waiting for a worker" in waiting and 'http-equiv="refresh"' in waiting
    work_off()
    text = undo_page(line).content.decode()
    assert "Will be reversed" in text and "Will be kept, because somebody edited it since" in text
    kept = next(part for part in undo_page(line).context["parts"] if part["part"] == "kept")
    (field,) = kept["rows"][0]["fields"]
    assert (field["written"], field["live"], field["before"]) == ("12", "99", "10.5")
    assert "was archived on the board" in text
    assert '<table class="diff fold">' in text and '<table class="diff">' not in text
    assert '<td data-label="Written by this batch">12</td><td data-label="Board now">99</td>' in text


def test_nothing_is_undone_before_it_is_confirmed_and_then_exactly_what_is_ticked(line: World) -> None:
    preview = looked(line)
    rows = {row.order_id: row for row in Foreseen.objects.filter(run=preview, part=Part.BACK)}
    first, second = rows[line.order(1).pk], rows[line.order(2).pk]
    answer = press(line, "confirm", row=[first.pk, second.pk], chosen=[second.pk])
    assert "Leaves 1 unticked order as it is." in answer.content.decode()
    assert line.batch().state == "pushed"
    go(line, reason="wrong season")
    assert line.batch().state == "partly_undone"
    assert (line.state(1), line.state(2)) == ("applied", "kept")
    assert line.item(1).cells[PRICE] == "12" and line.item(2).cells.get(NOTES) is None


def test_an_edit_is_overwritten_where_it_is_ticked_and_a_reason_is_given(line: World) -> None:
    preview = looked(line)
    (row,) = Foreseen.objects.filter(run=preview, part=Part.KEPT)
    press(line, "confirm", row=[row.pk], force=[f"{row.pk}|{PRICE}", f"{row.pk}|nonsense"])
    assert choices(preview).forces[row.order_id].seen == {PRICE: "99"}
    assert "needs a reason" in go(line).content.decode()
    assert line.item(2).cells[PRICE] == "99"
    go(line, reason="the planner agreed")
    assert line.item(2).cells[PRICE] == "10.5" and line.state(2) == "undone"


def test_an_edit_that_came_after_the_preview_is_kept(line: World) -> None:
    looked(line)
    press(line, "force_all")
    line.edit(1, numeric_price="55")
    line.edit(2, numeric_price="77")
    go(line, reason="ok")
    assert (line.item(1).cells[PRICE], line.item(2).cells[PRICE]) == ("55", "77")
    assert line.sizes(1)["S"] == "1"


def test_a_confirmation_of_other_ticks_than_were_shown_starts_nothing(line: World) -> None:
    looked(line)
    seen = undo_page(line, confirm="1").context["seen"]
    press(line, "none")
    assert "has changed since the page was shown" in press(line, "go", seen=seen).content.decode()
    assert not SyncRun.objects.filter(kind=Kind.UNDO).exists()


def test_a_preview_of_yesterday_is_not_carried_out_once_the_batch_was_worked_on(line: World) -> None:
    preview = looked(line)
    go(line, reason="first")
    assert "The undo of this preview is" in undo_page(line).content.decode()
    assert "has worked on the batch since" in press(line, "go", seen="x").content.decode()
    looked(line)
    assert not Foreseen.objects.filter(run=preview).exists(), "a new look replaces the former one"


def test_single_orders_are_looked_at_and_undone_from_the_batchs_page(line: World) -> None:
    batch, order = line.batch(), line.order(1)
    page = signed_in("approver").get(f"/staging/batch/{batch.pk}/change/").content.decode()
    assert "Undo only these ..." in page
    assert "of 1 ticked order" in undo_page(line, orders=order.pk).content.decode()
    press(line, "look", orders=order.pk)
    work_off()
    preview = latest(batch)
    assert preview is not None and tally(preview) == {"back": 1, "kept": 0, "cannot": 0}
    go(line)
    assert (line.state(1), line.state(2), line.batch().state) == ("undone", "applied", "partly_undone")


def test_a_page_of_many_orders_keeps_what_is_ticked_on_each(world: World, settings: Any, monkeypatch: Any) -> None:
    opened_line(world, settings, monkeypatch)
    monkeypatch.setattr("staging.admin.undoing.PAGE", 2)
    for number in range(1, 6):
        world.add(number)
    world.sync()
    looked(world)
    part = undo_page(world).context["parts"][0]
    assert (len(part["rows"]), part["total"]) == (2, 5)
    first = [row["row"].pk for row in part["rows"]]
    answer = press(world, f"back:{part['more']}", row=first, chosen=first[:1])
    second = answer.context["parts"][0]
    assert [row["row"].chosen for row in second["rows"]] == [True, True]
    assert undo_page(world).context["numbers"]["unticked"] == 1
    here = f"/staging/batch/{world.batch().pk}/undo/"
    assert f'name="at_back" value="{part["more"]}"' in answer.content.decode()
    for do, onwards in (("kept:7", "?back=2&kept=7#kept"), ("back:0", "#back"), ("save", "?back=2")):
        moved = signed_in("approver").post(here, {"do": do, "at_back": "2", "at_kept": "x"})
        assert moved.headers["Location"] == here + onwards
    go(world)
    assert len(world.shown()) == 1


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_undo_does_not_get_the_page(line: World, role: str) -> None:
    assert undo_page(line, role).status_code == 403
    answer = signed_in(role).post(f"/staging/batch/{line.batch().pk}/undo/", {"do": "look"})
    assert answer.status_code == 403 and not SyncRun.objects.filter(kind=Kind.PREVIEW).exists()


def test_odd_input_gets_a_sentence(line: World) -> None:
    assert undo_page(line, orders="x,9999999999999999999999", back="-1", kept="y").status_code == 200
    assert "not looked at yet" in press(line, "go", seen="").content.decode()
    assert "None of the ticked orders" in press(line, "look", orders="4711").content.decode()
    assert signed_in("approver").get("/staging/batch/4711/undo/").status_code == 404
    looked(line)
    for do in ("nonsense", "back:x", "kept:99999999999999999999", ""):
        assert press(line, do, row=["x", "1"], force=["|", "x|y"]).status_code == 200


def test_a_preview_that_fails_says_why_and_can_be_asked_for_again(line: World) -> None:
    import requests

    press(line, "look")

    def gone(sent: Any) -> None:
        raise requests.ConnectTimeout("no route")

    line.wire.before = gone
    work_off()
    line.wire.calm()
    text = undo_page(line).content.decode()
    assert "could not be looked at" in text and "Remedy" in text and "Look at the board" in text
    looked(line)


# --- the command line -------------------------------------------------------------------------------------------------
def typed(*args: Any) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("batches", *map(str, args), stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, out.getvalue(), err.getvalue()


def test_the_command_line_shows_the_same_preview_and_does_nothing(line: World) -> None:
    pk, shown = line.batch().pk, line.shown()
    code, out, _ = typed("undo", pk, "--preview")
    assert code == 0 and line.shown() == shown and line.batch().state == "pushed"
    assert "would put back fields of 2 orders, keep what somebody edited since in 1, and cannot reverse" in out
    assert "written 12, board now 99, before 10.5" in out
    told = json.loads(typed("undo", pk, "--preview", "--json")[1])["batches"][0]["preview"]
    assert {name: len(orders) for name, orders in told.items()} == {"back": 2, "kept": 1, "cannot": 1}
    assert len(json.loads(typed("undo", pk, "--preview", "--orders", line.order(1).pk, "--json")[1])["batches"]) == 1


@pytest.mark.parametrize(("answer", "price"), [("y\n", "10.5"), ("\n", "12"), ("", "12"), ("no\n", "12")])
def test_at_a_terminal_the_preview_is_shown_before_the_question(
    line: World, monkeypatch: pytest.MonkeyPatch, answer: str, price: str
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    _, out, _ = typed("undo", line.batch().pk)
    assert out.index("will be reversed") < out.index("Undo this? [y/N]")
    assert line.item(1).cells[PRICE] == price
    assert ("nothing was done" in out) is (price == "12")


def test_one_field_is_forced_by_its_title_and_only_with_a_reason(line: World) -> None:
    pk = line.batch().pk
    code, _, err = typed("undo", pk, "--force-field", PRICE)
    assert code == 2 and "needs a reason" in err
    code, _, err = typed("undo", pk, "--force-field", "pricy", "--reason", "x")
    assert code == 2 and "wrote no field 'pricy'" in err
    typed("undo", pk, "--force-field", PRICE, "--reason", "the planner agreed")
    assert line.item(2).cells[PRICE] == "10.5"


def test_what_was_undone_is_released_by_command(line: World) -> None:
    pk = line.batch().pk
    typed("undo", pk)
    code, out, _ = typed("release", pk, "--orders", line.order(1).pk, "--reason", "after all")
    assert code == 0 and "1 order released" in out and "next sync" in out
    line.sync()
    assert line.item(1).cells[PRICE] == "12"


def test_a_single_field_that_was_undone_is_released_on_the_orders_page(line: World) -> None:
    line.undo()
    order = line.order(1)
    place = f"/staging/stagedorder/{order.pk}/"
    assert "Release" not in signed_in("viewer").get(f"{place}change/").content.decode()
    operator = signed_in("operator")
    assert "Withheld" in operator.get(f"{place}change/").content.decode()
    assert signed_in("viewer").post(f"{place}free/", {"field": PRICE}).status_code == 403
    assert "is staged again" in operator.post(f"{place}free/", {"field": PRICE}, follow=True).content.decode()
    assert "not withheld any more" in operator.post(f"{place}free/", {"field": PRICE}, follow=True).content.decode()
    line.sync()
    assert (line.item(1).cells[PRICE], line.sizes(1)["S"]) == ("12", "1")


def test_what_was_undone_is_released_by_button(line: World) -> None:
    line.undo()
    batch, order = line.batch(), line.order(1)
    operator = signed_in("operator")
    assert "Release ..." in operator.get(f"/staging/batch/{batch.pk}/change/").content.decode()
    fields = {"ids": batch.pk, "orders": order.pk}
    answer = operator.post("/staging/batch/act/release/", fields, follow=True)
    assert "The next sync stages what was settled already" in answer.content.decode()
    line.sync()
    assert line.item(1).cells[PRICE] == "12"


def test_the_batch_says_which_orders_an_undo_of_some_has_left(line: World) -> None:
    """What was not ticked stays, and that is not what somebody has edited."""
    batch, address = line.batch(), f"/staging/batch/{line.batch().pk}/change/"

    def means() -> str:
        return str(signed_in("viewer").get(address).context["means"])

    line.undo(batch, only=[line.order(1).pk])
    part = "A part of what it wrote was put back. "
    assert means() == f"{part}2 orders were not ticked and stay as they are; an undo can put them back too."
    line.undo(batch, only=[line.order(2).pk])
    assert means() == (
        f"{part}1 order was not ticked and stays as it is; an undo can put it back too. "
        "1 order was kept, wholly or in part: the reason stands beside it."
    )
    line.undo(batch)
    assert means() == f"{part}2 orders were kept, wholly or in part: the reason stands beside each."
