"""The pages that show the board: escaped, locked down, editable by hand, and closed to other sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from .sandbox_world import BOARD, World, world

CREATE_GROUP = "mutation($b: ID!, $n: String!) { create_group(board_id: $b, group_name: $n) { id } }"


@pytest.fixture
def board(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def _post(board: World, path: str, *, headers: dict[str, str] | None = None, **fields: str) -> requests.Response:
    """Sends a form with the word that the pages put into theirs."""
    data = {"form_key": board.store.form_key, **fields}
    return board.session.post(board.address + path, data=data, headers=headers, timeout=5)


def _get(board: World, path: str) -> str:
    answer = board.session.get(board.address + path, timeout=5)
    assert answer.status_code == 200, answer.status_code
    return answer.text


def test_the_board_is_shown_with_groups_items_subitems_and_colours(board: World) -> None:
    item = board.create("Shirt", group="bhood", color_s={"label": "Done"}, numeric_p="42.5")
    board.create_subitem(item, "XL", numeric_q="12")
    page = _get(board, f"/boards/{BOARD}")
    for part in (
        "B&#x27;HOOD AW26",
        "上海服装 2027",
        "Shirt",
        "42.5",
        "c-done_green",
        "XL",
        "12",
        "1 subitem",
        "created the item",
        "created the subitem",
        "g-037f4c",
        'aria-label="1 Done"',
    ):
        assert part in page
    assert f'href="/boards/{BOARD}"' in _get(board, "/")
    assert "mutation" in _get(board, "/sandbox/requests")


def test_nothing_that_a_person_typed_becomes_markup(board: World) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x>"
    item = board.create(evil, text_key=evil, long_text_n={"text": evil})
    board.ask(CREATE_GROUP, {"b": BOARD, "n": evil})
    for path in (
        f"/boards/{BOARD}",
        f"/boards/{BOARD}/rows",
        f"/items/{item}",
        "/sandbox/requests",
        f"/items/{item}?problem={evil}",
    ):
        page = _get(board, path) if "problem" not in path else board.session.get(board.address + path, timeout=5).text
        assert "<script>alert" not in page and "<img" not in page


def test_pages_run_nothing_without_a_nonce_and_load_nothing_from_elsewhere(board: World) -> None:
    answer = board.session.get(f"{board.address}/boards/{BOARD}", timeout=5)
    policy = answer.headers["Content-Security-Policy"]
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert answer.text.count("<script") == answer.text.count(f'<script nonce="{nonce}"') == 1
    assert "http://" not in answer.text and "https://" not in answer.text and " style=" not in answer.text


def test_the_stamp_changes_with_every_change(board: World) -> None:
    stamps = {_get(board, f"/boards/{BOARD}/stamp")}
    item = board.create()
    stamps.add(_get(board, f"/boards/{BOARD}/stamp"))
    subitem = board.create_subitem(item)
    stamps.add(_get(board, f"/boards/{BOARD}/stamp"))
    board.change(subitem, board="9200000002", numeric_q="1")
    stamps.add(_get(board, f"/boards/{BOARD}/stamp"))
    assert len(stamps) == 4


def test_cells_are_edited_by_hand_and_the_activity_says_so(board: World) -> None:
    item = board.create(
        "Shirt", numeric_p="5", date_d="2026-01-01 10:00:00", email_e={"email": "a@b.example", "text": "Ann Li"}
    )
    form = {"name": "Shirt", "text_po": "typed", "numeric_p": "6", "color_s": "Done", "date_d": "2026-01-01 10:00:00"}
    answer = _post(board, f"/items/{item}", **form, email_e="a@b.example Ann Li")
    assert answer.status_code == 200
    cells = board.cells(item)
    assert [cells[c]["text"] for c in ("text_po", "numeric_p", "color_s")] == ["typed", "6", "Done"]
    page = _get(board, f"/boards/{BOARD}")
    assert "by hand" in page and "PO = typed" in page and "PRICE = 6" in page
    assert "DUE =" not in page and "MAIL =" not in page
    told = board.ask(f"{{ me {{ id }} boards(ids: {BOARD}) {{ activity_logs {{ event user_id }} }} }}")
    by = {entry["event"]: entry["user_id"] for entry in told["boards"][0]["activity_logs"]}
    assert by["create_pulse"] == told["me"]["id"] != by["update_column_value"]


def test_a_value_that_is_not_taken_is_said_on_the_form(board: World) -> None:
    item = board.create("Shirt", numeric_p="5")
    answer = _post(board, f"/items/{item}", numeric_p="TBC", text_po="x")
    assert answer.status_code == 422 and "a number is expected" in answer.text
    assert board.cells(item)["text_po"]["text"] == ""


def test_items_are_moved_and_taken_away_by_hand(board: World) -> None:
    item = board.create(group="harbour")
    _post(board, f"/items/{item}/move", group="china")
    shown = "query($i: [ID!]) { items(ids: $i) { state group { id } } }"
    assert board.ask(shown, {"i": [item]})["items"][0]["group"] == {"id": "china"}
    _post(board, f"/items/{item}/archive")
    assert board.ask(shown, {"i": [item]})["items"][0]["state"] == "archived"


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}, {"Origin": "null"}]
)
@pytest.mark.parametrize("path", ["/sandbox/reset", "/items/{item}", "/items/{item}/delete"])
def test_another_site_can_write_nothing(board: World, headers: dict[str, str], path: str) -> None:
    item = board.create()
    answer = _post(board, path.format(item=item), headers=headers)
    assert answer.status_code == 403 and "Remedy" in answer.text
    assert board.ask("query($i: [ID!]) { items(ids: $i) { state } }", {"i": [item]})["items"] == [{"state": "active"}]


@pytest.mark.parametrize("word", [{}, {"form_key": ""}, {"form_key": "guessed"}])
def test_a_form_without_the_boards_own_word_writes_nothing(board: World, word: dict[str, str]) -> None:
    item = board.create("Shirt")
    for path in (f"/items/{item}", f"/items/{item}/delete", "/sandbox/store/reset"):
        answer = board.session.post(board.address + path, data={"name": "x", "word": "reset", **word}, timeout=5)
        assert answer.status_code == 403 and "Remedy" in answer.text
    found = board.ask("query($i: [ID!]) { items(ids: $i) { name state } }", {"i": [item]})
    assert found["items"] == [{"name": "Shirt", "state": "active"}]
    assert board.store.form_key in _get(board, f"/items/{item}")


def test_a_cell_is_edited_where_it_stands_with_its_labels_to_choose_from(board: World) -> None:
    item = board.create("Shirt", color_s={"label": "Done"}, dropdown_m={"labels": ["Wool", "Linen"]})
    status = _get(board, f"/items/{item}/cell/color_s")
    assert "<select" in status and "<option selected>Done</option>" in status and "Retired" not in status
    assert ">Wool\nLinen</textarea>" in _get(board, f"/items/{item}/cell/dropdown_m")
    assert _post(board, f"/items/{item}", dropdown_m="Wool\r\nSilk, washed").status_code == 200
    assert board.cells(item)["dropdown_m"]["text"] == "Wool, Silk, washed"
    for closed in ("formula_f", "pulse_id_i", "nothing"):
        assert board.session.get(f"{board.address}/items/{item}/cell/{closed}", timeout=5).status_code == 404


def test_a_name_is_found_among_many(board: World) -> None:
    board.create("Blue shirt")
    board.create("Red coat")
    page = _get(board, f"/boards/{BOARD}?q=SHIRT").split("Activity")[0]
    assert "Blue shirt</a>" in page and "Red coat</a>" not in page


def test_the_store_is_kept_put_back_and_emptied_on_its_page(board: World) -> None:
    board.create("kept")
    assert "is kept" in _post(board, "/sandbox/store/snapshot", name="before").text
    board.create("lost")
    assert ">before<" in _get(board, "/sandbox/store")
    assert "as it was" in _post(board, "/sandbox/store/restore", name="before").text
    page = _get(board, f"/boards/{BOARD}")
    assert ">kept</a>" in page and ">lost</a>" not in page
    for path, field in (
        ("snapshot", {"name": "../outside"}),
        ("restore", {"name": "never taken"}),
        ("reset", {"word": "yes"}),
    ):
        refused = _post(board, f"/sandbox/store/{path}", **field)
        assert refused.status_code == 422 and "Remedy" in refused.text
    account = board.store.account_id
    assert "empty now" in _post(board, "/sandbox/store/reset", word="reset").text
    assert board.store.account_id != account and "There is no board yet" in _get(board, "/")


def test_the_requests_page_counts_what_came_and_what_was_refused(board: World) -> None:
    board.create("A")
    board.errors("mutation { delete_item(item_id: 1) { id } }")
    page = " ".join(_get(board, "/sandbox/requests").split())
    assert '<span class="big">2</span><span class="faint">operations</span>' in page
    assert '<span class="big">1</span><span class="faint">operations refused</span>' in page


@pytest.mark.parametrize("path", ["/nothing", "/boards/1", "/items/1", "/boards/999999999999999999999", "/boards/x"])
def test_what_is_not_there_is_said_so(board: World, path: str) -> None:
    answer = board.session.get(board.address + path, timeout=5)
    assert answer.status_code == 404 and "There is no" in answer.text


def test_a_long_board_is_shown_in_pages(board: World) -> None:
    aliases = " ".join(f'a{n}: create_item(board_id: {BOARD}, item_name: "item {n:03}") {{ id }}' for n in range(101))
    board.ask(f"mutation {{ {aliases} }}")
    first = _get(board, f"/boards/{BOARD}").split("Activity")[0]
    assert ">item 099</a>" in first and ">item 100</a>" not in first and "100 of 101" in first
    assert ">item 100</a>" in _get(board, f"/boards/{BOARD}?page=2")
    assert _get(board, f"/boards/{BOARD}?page=nonsense")
