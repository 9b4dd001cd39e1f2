"""The sandbox answers over real HTTP as the API's pages describe: transport, boards, items, paging, look-ups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from monday.sandbox.behaviour import Behaviour

from .sandbox_world import BOARD, CREATE, SUBITEMS, World, structure, world


@pytest.fixture
def board(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, settle_seconds=3) as made:
        yield made


def test_a_request_without_a_token_is_unauthorized(board: World) -> None:
    answer = board.post("{ me { id } }", Authorization="")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["message"] == "Not Authenticated"


def test_a_named_token_is_the_only_one_that_is_accepted(tmp_path: Path) -> None:
    with world(tmp_path, token="right") as guarded:
        assert guarded.post("{ me { id } }", Authorization="wrong").status_code == 401
        assert guarded.post("{ me { id } }", Authorization="right").status_code == 200


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"variables": {}}', b'{"query": 5}', b"[" * 100_000])
def test_a_body_without_a_query_is_a_bad_request(board: World, body: bytes) -> None:
    answer = board.session.post(f"{board.address}/v2", data=body, headers={"Authorization": "t"}, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_lists_within_lists_within_lists_are_answered(board: World) -> None:
    assert board.ask(f"{{ items(ids: [1]) {{ {'subitems { ' * 60} id {'} ' * 60} }} }}") == {"items": []}


def test_every_answer_names_the_sandbox_its_settling_time_and_the_version(board: World) -> None:
    answer = board.post("{ me { account { id } } }")
    assert (
        answer.headers["X-Ordersite-Sandbox"] == board.store.account_id == answer.json()["data"]["me"]["account"]["id"]
    )
    assert answer.headers["X-Ordersite-Settle"] == "3"
    assert answer.headers["API-Version"] == "2026-10"
    assert answer.json()["extensions"]["request_id"]
    assert board.post("nonsense").headers["X-Ordersite-Sandbox"] == board.store.account_id


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("2026-10", "2026-10"),
        ("2027-01", "2027-01"),
        ("2024-10", "2026-07"),
        ("2024-02", "2026-10"),
        ("default", "2026-10"),
    ],
)
def test_versions_fall_back_as_documented(board: World, asked: str, served: str) -> None:
    answer = board.post("{ version { value } }", API_Version=asked)
    assert (answer.headers["API-Version"], answer.json()["data"]["version"]["value"]) == (served, served)


def test_a_malformed_version_is_refused(board: World) -> None:
    answer = board.post("{ version { value } }", API_Version="2023")
    assert answer.json()["errors"][0]["extensions"]["code"] == "InvalidVersionException"


def test_a_document_that_does_not_validate_runs_nothing(board: World) -> None:
    answer = board.post(f'mutation {{ create_item(board_id: {BOARD}, item_name: "a") {{ id nonsense }} }}')
    assert answer.status_code == 200
    assert "data" not in answer.json()
    assert answer.json()["errors"][0]["extensions"]["code"] == "undefinedField"
    assert board.ask(f"{{ boards(ids: [{BOARD}]) {{ items_count }} }}")["boards"][0]["items_count"] == 0


def test_json_variables_must_be_text(board: World) -> None:
    answer = board.post(CREATE, {"b": BOARD, "n": "Shirt", "v": {"text_key": "A"}})
    assert "data" not in answer.json() and answer.json()["errors"]


def test_a_seeded_board_shows_its_columns_groups_and_labels(board: World) -> None:
    found = board.ask(
        "query($i: [ID!]) { boards(ids: $i) { id name type items_limit groups { id title } "
        "columns { id title type archived revision settings settings_str } } }",
        {"i": [BOARD, "1"]},
    )["boards"]
    assert [one["id"] for one in found] == [BOARD]
    assert [group["title"] for group in found[0]["groups"]] == ["HARBOUR SS27", "B'HOOD AW26", "上海服装 2027"]
    columns = {column["id"]: column for column in found[0]["columns"]}
    assert columns["dropdown_m"]["settings"]["labels"][2] == {"id": 3, "label": "Retired", "is_deactivated": True}
    assert columns["subtasks_a"]["settings"] == {"boardIds": [int(SUBITEMS)]}
    assert columns["color_s"]["revision"]


def test_seeding_again_completes_and_resets_nothing(board: World) -> None:
    item = board.create(text_key="A-1")
    board.ask(
        f'mutation {{ create_column(board_id: {BOARD}, title: "Extra", column_type: text, id: "extra") {{ id }} }}'
    )
    answer = board.session.post(f"{board.address}/sandbox/seed", json=structure().to_json(), timeout=10)
    assert answer.status_code == 200
    assert board.cells(item)["text_key"]["text"] == "A-1"
    assert "extra" in board.cells(item)


def test_failed_operations_fail_alone_and_the_rest_goes_on(board: World) -> None:
    document = """mutation($b: ID!, $bad: JSON) {
      a0: create_item(board_id: $b, item_name: "first") { id }
      a1: create_item(board_id: $b, item_name: "second", column_values: $bad) { id }
      a2: create_item(board_id: $b, item_name: "third") { id } }"""
    answer = board.post(document, {"b": BOARD, "bad": json.dumps({"color_s": {"label": "No such label"}})}).json()
    assert answer["data"]["a0"]["id"] and answer["data"]["a1"] is None and answer["data"]["a2"]["id"]
    (error,) = answer["errors"]
    assert error["path"] == ["a1"]
    assert error["extensions"]["code"] == "ColumnValueException"
    assert error["extensions"]["error_data"]["column_id"] == "color_s"


def test_later_operations_can_be_made_to_stop_at_the_first_failure(tmp_path: Path) -> None:
    document = f"""mutation {{ a0: create_item(board_id: {BOARD}, item_name: "") {{ id }}
      a1: create_item(board_id: {BOARD}, item_name: "b") {{ id }} }}"""
    with world(tmp_path, behaviour=Behaviour(continue_after_failure=False)) as strict:
        assert strict.post(document).json()["data"] == {"a0": None}
        assert strict.ask(f"{{ boards(ids: [{BOARD}]) {{ items_count }} }}")["boards"][0]["items_count"] == 0


@pytest.mark.parametrize("name", ["", "   ", "x" * 256])
def test_a_name_has_1_to_255_characters(board: World, name: str) -> None:
    (error,) = board.errors(CREATE, {"b": BOARD, "n": name})
    assert error["extensions"]["code"] == "ItemNameTooLongException"


def test_names_in_any_script_and_with_any_sign_come_back_as_sent(board: World) -> None:
    name = 'B\'HOOD | "WHITE|FOX" 上海服装 \\ ${x} <b>'
    item = board.create(name, text_key=name)
    assert board.cells(item)["text_key"]["text"] == name
    assert board.ask("query($i: [ID!]) { items(ids: $i) { name } }", {"i": [item]})["items"][0]["name"] == name


def test_items_go_to_the_named_group_or_to_the_first(board: World) -> None:
    first, named = board.create(group=None), board.create(group="bhood")
    found = board.ask("query($i: [ID!]) { items(ids: $i) { group { id } } }", {"i": [first, named]})["items"]
    assert [one["group"]["id"] for one in found] == ["harbour", "bhood"]
    (error,) = board.errors(CREATE, {"b": BOARD, "g": "no-such-group", "n": "x"})
    assert error["extensions"]["code"] == "ResourceNotFoundException"


def test_subitems_stand_on_a_board_of_their_own(board: World) -> None:
    item = board.create()
    subitem = board.create_subitem(item, "L", numeric_q="5", dropdown_size={"labels": ["L"]})
    found = board.ask(
        "query($i: [ID!]) { items(ids: $i) { board { id } parent_item { id } subitems { id } } }",
        {"i": [subitem, item]},
    )["items"]
    assert found[0] == {"board": {"id": SUBITEMS}, "parent_item": {"id": item}, "subitems": []}
    assert found[1]["subitems"] == [{"id": subitem}]
    assert (
        board.change(subitem, board=BOARD, numeric_q="6").json()["errors"][0]["extensions"]["code"]
        == "InvalidBoardIdException"
    )
    assert "errors" not in board.change(subitem, board=SUBITEMS, numeric_q="6").json()


def test_the_subitems_board_comes_with_the_first_subitem(tmp_path: Path) -> None:
    with world(tmp_path, structure(subitems=False)) as fresh:
        subitem = fresh.create_subitem(fresh.create())
        made = fresh.ask("query($i: [ID!]) { items(ids: $i) { board { id type } } }", {"i": [subitem]})["items"][0][
            "board"
        ]
        assert made["type"] == "sub_items_board"
        columns = fresh.ask(f"{{ boards(ids: [{BOARD}]) {{ columns(types: [subtasks]) {{ settings }} }} }}")["boards"][
            0
        ]["columns"]
        assert columns == [{"settings": {"boardIds": [int(made["id"])]}}]


def test_an_item_moves_between_groups_and_keeps_everything(board: World) -> None:
    item = board.create(text_key="A-1")
    board.create_subitem(item)
    moved = board.ask(
        'mutation($i: ID) { move_item_to_group(item_id: $i, group_id: "china") { group { title } subitems { name } } }',
        {"i": item},
    )["move_item_to_group"]
    assert moved == {"group": {"title": "上海服装 2027"}, "subitems": [{"name": "M"}]}
    assert board.cells(item)["text_key"]["text"] == "A-1"


@pytest.mark.parametrize(("field", "state"), [("archive_item", "archived"), ("delete_item", "deleted")])
def test_what_is_taken_away_takes_its_subitems_along(board: World, field: str, state: str) -> None:
    item = board.create(text_key="A-1")
    subitem = board.create_subitem(item)
    assert board.ask(f"mutation($i: ID) {{ {field}(item_id: $i) {{ state }} }}", {"i": item})[field]["state"] == state
    shown = board.ask("query($i: [ID!]) { items(ids: $i) { state } }", {"i": [item, subitem]})["items"]
    assert [one["state"] for one in shown] == [state, state]
    active = board.ask("query($i: [ID!]) { items(ids: $i, exclude_nonactive: true) { id } }", {"i": [item]})
    page = board.ask(f"{{ boards(ids: [{BOARD}]) {{ items_count items_page {{ items {{ id }} }} }} }}")["boards"][0]
    assert (active["items"], page["items_page"]["items"], page["items_count"]) == ([], [], 0)
    assert board.change(item, text_key="B").json()["errors"]


def test_a_full_board_refuses_further_items(tmp_path: Path) -> None:
    with world(tmp_path, structure(items_limit=2)) as small:
        item = small.create()
        small.create()
        (error,) = small.errors(CREATE, {"b": BOARD, "n": "third"})
        assert error["extensions"]["code"] == "ItemsLimitationException"
        small.ask("mutation($i: ID) { archive_item(item_id: $i) { id } }", {"i": item})
        assert small.create()


def test_pages_follow_each_other_by_cursor_in_the_boards_order(board: World) -> None:
    later = [board.create(f"late {n}", group="bhood") for n in range(3)]
    first = [board.create(f"early {n}", group="harbour") for n in range(4)]
    page = board.ask(f"{{ boards(ids: [{BOARD}]) {{ items_page(limit: 3) {{ cursor items {{ id }} }} }} }}")["boards"][
        0
    ]["items_page"]
    seen = [one["id"] for one in page["items"]]
    board.create("written while somebody pages", group="harbour")
    while page["cursor"]:
        page = board.ask(
            "query($c: String!) { next_items_page(cursor: $c, limit: 3) { cursor items { id } } }",
            {"c": page["cursor"]},
        )
        page = page["next_items_page"]
        seen += [one["id"] for one in page["items"]]
    assert seen == first + later


def test_a_cursor_lives_an_hour_from_the_first_page(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    following = "query($c: String!) { next_items_page(cursor: $c, limit: 1) { cursor } }"
    with world(tmp_path, clock=lambda: now[0]) as board:
        for _ in range(3):
            board.create()
        page = board.ask(f"{{ boards(ids: [{BOARD}]) {{ items_page(limit: 1) {{ cursor }} }} }}")["boards"][0][
            "items_page"
        ]
        now[0] += 3_500
        later = board.ask(following, {"c": page["cursor"]})["next_items_page"]
        now[0] += 200
        answer = board.post(following, {"c": later["cursor"]})
        assert answer.status_code == 200
        assert answer.json()["errors"][0]["extensions"]["code"] == "CursorExpiredException"
        assert "CursorExpiredError" in answer.json()["errors"][0]["message"]  # a public client looks for this word
        assert board.errors(following, {"c": "nonsense"})[0]["extensions"]["code"] == "InvalidCursorException"


def test_page_sizes_and_numbers_of_ids_are_limited(board: World) -> None:
    too_long = board.errors(f"{{ boards(ids: [{BOARD}]) {{ items_page(limit: 501) {{ cursor }} }} }}")
    too_many = board.errors(
        "query($i: [ID!]) { items(ids: $i, limit: 100) { id } }", {"i": [str(n) for n in range(101)]}
    )
    assert {error["extensions"]["code"] for error in too_long + too_many} == {"InvalidArgumentException"}


LOOK_UP = """query($b: ID!, $c: [ItemsPageByColumnValuesQuery!]) {
  items_page_by_column_values(board_id: $b, columns: $c, limit: 100) { cursor items { id } } }"""


def _found(board: World, *columns: tuple[str, list[str | None]], where: str = BOARD) -> list[str]:
    wanted = [{"column_id": column, "column_values": values} for column, values in columns]
    page = board.ask(LOOK_UP, {"b": where, "c": wanted})["items_page_by_column_values"]
    return [one["id"] for one in page["items"]]


def test_items_are_looked_up_by_many_keys_at_once_whatever_their_case(board: World) -> None:
    ids = {key: board.create(key, text_key=key) for key in ("Ab-1", "AB-2", "ÄÖ-3", "x")}
    assert _found(board, ("text_key", ["ab-1", "AB-2", "äö-3", "missing", "AB"])) == [
        ids["Ab-1"],
        ids["AB-2"],
        ids["ÄÖ-3"],
    ]
    assert _found(board, ("name", ["AB-2"])) == [ids["AB-2"]]


def test_a_look_up_follows_changes_and_leaves_out_what_is_archived(board: World) -> None:
    item = board.create(text_key="old")
    board.change(item, text_key="new")
    assert (_found(board, ("text_key", ["old"])), _found(board, ("text_key", ["new"]))) == ([], [item])
    board.change(item, text_key=None)
    assert _found(board, ("text_key", [None])) == [item]
    board.change(item, text_key="new")
    board.ask("mutation($i: ID) { archive_item(item_id: $i) { id } }", {"i": item})
    assert _found(board, ("text_key", ["new"])) == []


def test_several_columns_must_all_match(board: World) -> None:
    both = board.create(text_key="A", numeric_p="5.0", color_s={"label": "Done"}, date_d="2026-12-01")
    board.create(text_key="A", numeric_p="6")
    assert _found(board, ("text_key", ["a"]), ("numeric_p", ["5"])) == [both]
    assert _found(board, ("color_s", ["Done"]), ("date_d", ["2026-12-01"])) == [both]


def test_subitems_are_looked_up_on_their_own_board(board: World) -> None:
    subitem = board.create_subitem(board.create(), "XL", numeric_q="3")
    assert _found(board, ("name", ["xl"]), where=SUBITEMS) == [subitem]


def test_kinds_without_search_are_refused(board: World) -> None:
    wanted = [{"column_id": "pulse_id_i", "column_values": ["1"]}]
    assert board.errors(LOOK_UP, {"b": BOARD, "c": wanted})[0]["extensions"]["code"] == "InvalidArgumentException"


def test_rules_and_orders_pick_items(board: World) -> None:
    done = board.create("b", color_s={"label": "Done"}, numeric_p="5")
    cheap = board.create("a", numeric_p="2")
    empty = board.create("c")
    page = "query($b: [ID!], $q: ItemsQuery) { boards(ids: $b) { items_page(query_params: $q) { items { id } } } }"

    def picked(**query: object) -> list[str]:
        return [one["id"] for one in board.ask(page, {"b": [BOARD], "q": query})["boards"][0]["items_page"]["items"]]

    assert picked(rules=[{"column_id": "color_s", "compare_value": [1]}]) == [done]
    assert picked(rules=[{"column_id": "numeric_p", "compare_value": [3], "operator": "lower_than"}]) == [cheap]
    assert picked(rules=[{"column_id": "numeric_p", "compare_value": [], "operator": "is_empty"}]) == [empty]
    assert picked(order_by=[{"column_id": "name"}]) == [cheap, done, empty]
    assert picked(order_by=[{"column_id": "numeric_p", "direction": "desc"}]) == [done, cheap, empty]
    assert picked(ids=[cheap]) == [cheap]


def test_groups_are_made_renamed_and_taken_away_but_never_the_last(board: World) -> None:
    made = board.ask(f'mutation {{ create_group(board_id: {BOARD}, group_name: "WHITE|FOX") {{ id title }} }}')[
        "create_group"
    ]
    assert made["title"] == "WHITE|FOX"
    item = board.create(group=made["id"])
    for group in (made["id"], "harbour", "bhood"):
        board.ask(
            f"mutation($g: String!) {{ archive_group(board_id: {BOARD}, group_id: $g) {{ archived }} }}", {"g": group}
        )
    assert board.ask("query($i: [ID!]) { items(ids: $i) { state } }", {"i": [item]})["items"][0]["state"] == "archived"
    (error,) = board.errors(f'mutation {{ delete_group(board_id: {BOARD}, group_id: "china") {{ id }} }}')
    assert error["extensions"]["code"] == "DeleteLastGroupException"


def test_a_program_can_set_up_a_board_of_its_own(board: World) -> None:
    made = board.ask(
        'mutation { create_board(board_name: "New", board_kind: public) { id columns { id } groups { id } } }'
    )
    number = made["create_board"]["id"]
    column = board.ask(
        "mutation($b: ID!, $d: JSON) { "
        'create_column(board_id: $b, title: "Material", column_type: dropdown, defaults: $d) '
        "{ id settings } }",
        {"b": number, "d": json.dumps({"labels": [{"label": "Linen"}, {"label": "Wool"}]})},
    )["create_column"]
    assert [label["label"] for label in column["settings"]["labels"]] == ["Linen", "Wool"]
    item = board.ask(CREATE, {"b": number, "n": "x", "v": json.dumps({column["id"]: {"labels": ["Wool"]}})})
    assert board.cells(item["create_item"]["id"])[column["id"]]["text"] == "Wool"
    again = 'mutation($b: ID!) { create_column(board_id: $b, title: "A", column_type: text, id: "own_id") { id } }'
    board.ask(again, {"b": number})
    board.ask('mutation($b: ID!) { delete_column(board_id: $b, column_id: "own_id") { id } }', {"b": number})
    assert board.errors(again, {"b": number})[0]["extensions"]["code"] == "InvalidArgumentException"


def test_labels_are_replaced_with_a_revision(board: World) -> None:
    update = """mutation($b: ID!, $r: String!, $s: UpdateDropdownColumnSettingsInput) {
      update_dropdown_column(board_id: $b, id: "dropdown_m", revision: $r, settings: $s) { revision settings } }"""
    column = board.ask(f'{{ boards(ids: [{BOARD}]) {{ columns(ids: ["dropdown_m"]) {{ revision settings }} }} }}')[
        "boards"
    ][0]["columns"][0]
    longer = [*column["settings"]["labels"], {"label": "Silk, raw"}]
    variables = {"b": BOARD, "r": column["revision"], "s": {"labels": longer}}
    changed = board.ask(update, variables)["update_dropdown_column"]
    assert changed["settings"]["labels"][-1] == {"id": 4, "label": "Silk, raw", "is_deactivated": False}
    assert changed["revision"] != column["revision"]
    assert board.errors(update, variables)[0]["extensions"]["code"] == "REVISION_MISMATCH"
    two_gone = {"b": BOARD, "r": changed["revision"], "s": {"labels": longer[:2]}}
    assert board.errors(update, two_gone)[0]["extensions"]["code"] == "InvalidArgumentException"


def test_a_status_takes_a_new_label_with_its_color(board: World) -> None:
    read = f'{{ boards(ids: [{BOARD}]) {{ columns(ids: ["color_s"]) {{ revision settings }} }} }}'
    column = board.ask(read)["boards"][0]["columns"][0]
    kept = [
        {k: label[k] for k in ("id", "label", "color", "index", "is_deactivated")}
        for label in column["settings"]["labels"]
    ]
    update = """mutation($b: ID!, $r: String!, $s: UpdateStatusColumnSettingsInput) {
      update_status_column(board_id: $b, id: "color_s", revision: $r, settings: $s) { settings } }"""
    new = {"label": "Packed", "color": "purple", "index": 3}
    board.ask(update, {"b": BOARD, "r": column["revision"], "s": {"labels": [*kept, new]}})
    assert "errors" not in board.change(board.create(), color_s={"label": "Packed"}).json()


def test_complexity_is_told_inside_a_mutation(board: World) -> None:
    document = (
        f'mutation {{ a: create_item(board_id: {BOARD}, item_name: "x") {{ id }} complexity {{ before query after }} }}'
    )
    told = board.ask(document)["complexity"]
    assert 10_000 <= told["query"] < 10_100
    assert told["before"] - told["after"] == told["query"]


def test_the_token_stands_in_no_page_and_no_book(board: World) -> None:
    board.post("{ me { id } }", Authorization="very-secret-token")
    assert "very-secret" not in requests.get(f"{board.address}/sandbox/requests", timeout=10).text
    assert b"very-secret" not in Path(board.store.path).read_bytes()
