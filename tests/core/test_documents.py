"""Documents of many operations, and what their answers make of each."""

import json

import pytest

from monday.core.answers import read_reply
from monday.core.columns import NotWritable
from monday.core.documents import document, idempotency_key, outcomes, prepare, request_body
from monday.core.operations import (
    ArchiveItem,
    ChangeValues,
    CreateGroup,
    CreateItem,
    CreateSubitem,
    Done,
    MoveToGroup,
    Refused,
    Unclear,
)
from monday.core.queries import label_settings, parse_board, parse_item, subitems_board_id
from monday.core.structure import BoardStructure, Column

SUBITEMS = BoardStructure("12", "Subitems", {"numeric_q": Column("numeric_q", "Qty", "numbers")})
BOARD = BoardStructure(
    "11",
    "Orders",
    {"text_po": Column("text_po", "PO", "text"), "lookup_x": Column("lookup_x", "Packed", "mirror")},
    subitems=SUBITEMS,
)


def mutations(*operations, board=BOARD):
    return [prepare(index, f"t{index}", operation, board) for index, operation in enumerate(operations)]


def replied(prepared, **body):
    return outcomes(prepared, read_reply(200, {}, json.dumps(body).encode()), sent_at=5.0)


def items(count):
    return mutations(*(CreateItem("11", "g", f"Order {n}") for n in range(count)))


def test_what_a_person_typed_stands_in_variables_and_never_in_the_text():
    nasty = "B'HOOD \"|} mutation { delete_item } \n$"
    text, variables = document(mutations(CreateItem("11", "g", nasty, {"text_po": nasty}), CreateGroup("11", nasty)))
    assert "HOOD" not in text
    assert variables["a0_item_name"] == nasty
    assert json.loads(variables["a0_column_values"]) == {"text_po": nasty}
    assert variables["a1_group_name"] == nasty


def test_requests_of_one_shape_have_one_text():
    one, _ = document(items(3)[:2])
    two, _ = document(items(3)[1:])
    assert one == two


def test_lines_are_encoded_by_the_board_of_the_subitems():
    _, variables = document(
        mutations(CreateSubitem("5", "XL", {"numeric_q": "3.0"}), ChangeValues("12", "6", {"numeric_q": None}))
    )
    assert variables["a0_column_values"] == '{"numeric_q": "3"}'
    assert variables["a1_column_values"] == '{"numeric_q": null}'


def test_lines_of_a_board_that_has_none_yet_are_encoded_by_their_ids():
    board = BoardStructure("11", "Orders")
    _, variables = document(mutations(CreateSubitem("5", "XL", {"numeric_q": "3", "dropdown_s": ["XL"]}), board=board))
    assert json.loads(variables["a0_column_values"]) == {"numeric_q": "3", "dropdown_s": {"labels": ["XL"]}}


@pytest.mark.parametrize(
    "operation",
    [
        CreateItem("11", "g", ""),
        CreateItem("11", "g", "A", {"text_gone": "x"}),
        CreateItem("11", "g", "A", {"lookup_x": "x"}),
        CreateItem("11", "g", "A", {"text_po": "\ud800"}),
        ChangeValues("11", "5", {"name": None}),
    ],
)
def test_what_cannot_be_written_is_refused_with_a_remedy(operation):
    with pytest.raises(NotWritable, match="Remedy"):
        prepare(0, "t", operation, BOARD)


def test_a_change_of_the_name_travels_with_the_other_columns():
    _, variables = document(mutations(ChangeValues("11", "5", {"name": "New", "text_po": "1"})))
    assert json.loads(variables["a0_column_values"]) == {"name": "New", "text_po": "1"}


def test_creations_are_told_from_other_writes():
    made = mutations(CreateItem("11", "", "A"), MoveToGroup("5", "g"), ArchiveItem("5"), CreateGroup("11", "G"))
    assert [mutation.creates for mutation in made] == [True, False, False, True]


def test_each_operation_has_its_own_fate():
    refused = {
        "message": "bad value",
        "path": ["a1"],
        "extensions": {"code": "ColumnValueException", "error_data": {"column_id": "text_po", "column_value": "x"}},
    }
    found = replied(
        items(4), data={"a0": {"id": "7"}, "a1": None, "a3": None}, errors=[refused], extensions={"request_id": "r-1"}
    )
    assert found[0] == Done("7", "r-1")
    assert found[1] == Refused(
        "ColumnValueException",
        "bad value",
        "Correct the value, or add the label.",
        "source",
        "text_po",
        "x",
        False,
        "r-1",
    )
    assert isinstance(found[2], Unclear)  # missing
    assert isinstance(found[3], Unclear)  # null without a word
    assert found[2].sent_at == 5.0


def test_an_error_inside_the_result_leaves_the_operation_unclear_since_it_went_through():
    inner = {"message": "x", "path": ["a0", "id"], "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    assert isinstance(replied(items(1), data={"a0": None}, errors=[inner])[0], Unclear)


def test_an_error_of_one_alias_is_its_refusal_even_beside_no_data():
    error = {"message": "x", "path": ["a0"], "extensions": {"code": "InvalidArgumentException"}}
    found = replied(items(2), data=None, errors=[error])
    assert isinstance(found[0], Refused)
    assert isinstance(found[1], Unclear)


def test_a_key_is_the_same_for_the_same_request_alone():
    body = request_body(*document(items(2)))
    key = idempotency_key(["1", "2"], 0, body)
    assert key == idempotency_key(["1", "2"], 0, request_body(*document(items(2))))
    others = [
        idempotency_key(["1", "3"], 0, body),
        idempotency_key(["1", "2"], 1, body),
        idempotency_key(["1", "2"], 0, body + b" "),
        idempotency_key(["12"], 0, body),
    ]
    assert len({key, *others}) == 5


def test_a_board_is_read_with_its_labels_by_id():
    raw = {
        "id": "11",
        "name": "Orders",
        "items_limit": 10000,
        "items_count": 3,
        "columns": [
            {"id": "color_1", "title": "Unit", "type": "status", "revision": "r", "archived": False,
             "settings": json.dumps({"labels": [{"id": 7, "label": "Each", "index": 0},
                                               {"id": 3, "label": "Old", "is_deactivated": True}]})},
            {"id": "subtasks_1", "title": "Subitems", "type": "subtasks", "settings": {"boardIds": [12]}},
        ],
        "groups": [{"id": "g", "title": "New"}, {"id": "h", "title": "Gone", "deleted": True}],
    }  # fmt: skip
    board = parse_board(raw)
    assert [(label.id, label.text, label.active) for label in board.columns["color_1"].labels] == [
        (7, "Each", True),
        (3, "Old", False),
    ]
    assert [group.id for group in board.groups] == ["g"]
    assert subitems_board_id(raw) == "12"


def test_new_labels_join_the_present_ones_and_hidden_ones_come_back():
    entry = {"settings": {"labels": [{"id": 1, "label": "A"}, {"id": 2, "label": "B", "is_deactivated": True}]}}
    assert label_settings("dropdown", entry, ["B", "C, d", "C, d"]) == {
        "labels": [{"id": 1, "label": "A"}, {"id": 2, "label": "B", "is_deactivated": False}, {"label": "C, d"}]
    }
    status = {"settings": {"labels": [{"id": 1, "label": "A", "color": "working_orange", "index": 0}]}}
    assert label_settings("status", status, ["B"])["labels"][1] == {"label": "B", "color": "done_green", "index": 1}


def test_an_item_is_read_with_its_lines_in_canonical_form():
    entry = {
        "id": "5", "name": "Order", "state": "active", "board": {"id": "11"}, "group": {"id": "g"}, "parent_item": None,
        "column_values": [{"id": "text_po", "type": "text", "text": "77", "value": '"77"'}],
        "subitems": [
            {"id": "6", "name": "XL", "state": "active", "board": {"id": "12"},
             "column_values": [{"id": "numeric_q", "type": "numbers", "text": "3", "value": '"3.0"'}]},
        ],
    }  # fmt: skip
    item = parse_item(entry, [Column("name", "Name", "name"), *BOARD.columns.values()], list(SUBITEMS.columns.values()))
    assert item.values == {"name": "Order", "text_po": "77"}
    assert (item.subitems[0].values, item.subitems[0].parent_id) == ({"numeric_q": "3"}, "5")
