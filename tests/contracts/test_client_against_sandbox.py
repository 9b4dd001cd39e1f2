"""The client's every operation over real HTTP against the local board, its faults included."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from monday.client import MondayClient, Unavailable
from monday.core.operations import (
    ArchiveItem,
    ChangeValues,
    CreateGroup,
    CreateItem,
    CreateSubitem,
    DeleteItem,
    Done,
    MoveToGroup,
    Refused,
    Unclear,
)
from monday.core.structure import BoardStructure, Column, Group, Label
from monday.sandbox.app import SandboxApp
from monday.sandbox.behaviour import Behaviour
from monday.sandbox.faults import Fault, FaultScript
from monday.sandbox.limits import Limits
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore
from monday.sandbox.transport import sandbox_session
from monday.token import Token

SECRET = "invented-token-0123456789"
COLUMNS = [
    Column("name", "Name", "name"),
    Column("text_uuid", "UUID", "text"),
    Column("long_text_notes", "Notes", "long_text"),
    Column("numeric_price", "Price", "numbers"),
    Column("date_due", "Due", "date"),
    Column("color_unit", "Unit", "status", (Label(1, "Each"), Label(2, "2026"))),
    Column("dropdown_terms", "Terms", "dropdown", (Label(1, "FOB"), Label(2, "Red, dark"))),
    Column("boolean_final", "Final", "checkbox"),
    Column("email_buyer", "Buyer", "email"),
    Column("phone_buyer", "Phone", "phone"),
    Column("link_style", "Style", "link"),
    Column("timerange_run", "Run", "timeline"),
    Column("lookup_packed", "Packed", "mirror"),
    Column("subtasks_1", "Subitems", "subtasks"),
]
LINES = [
    Column("name", "Name", "name"),
    Column("dropdown_size", "Size", "dropdown"),
    Column("numeric_qty", "Qty", "numbers"),
    Column("text_key", "Key", "text"),
]


def board_of(columns, **more):
    return BoardStructure(columns={column.id: column for column in columns}, **more)


STRUCTURE = board_of(
    COLUMNS,
    id="9100000001",
    name="Orders",
    groups=(Group("new", "New"), Group("old", "Old")),
    items_limit=10_000,
    subitems=board_of(LINES, id="9100000002", name="Subitems of Orders"),
)
FILLED = {
    "text_uuid": 'B\'HOOD "订单" | 1',
    "long_text_notes": "two\nlines",
    "numeric_price": "28.86",
    "date_due": "2026-01-31T23:30:00Z",
    "color_unit": "2026",
    "dropdown_terms": ["Red, dark", "FOB"],
    "boolean_final": True,
    "email_buyer": {"email": "ann@example.org", "text": "Ann"},
    "phone_buyer": {"phone": "+4930901820", "country": "DE"},
    "link_style": {"url": "https://example.org/a", "text": "A"},
    "timerange_run": {"from": "2026-01-01", "to": "2026-02-01"},
}


class Notebook:
    def __init__(self):
        self.sent, self.outcomes = [], {}

    def sending(self, indices, key):
        self.sent.append(list(indices))

    def answered(self, outcomes):
        assert not self.outcomes.keys() & outcomes.keys()
        self.outcomes.update(outcomes)


class Desk:
    """A client at a served board. Its waits are noted and, but for a moment, left out, unless `patient`."""

    def __init__(self, address, *, patient=False, read_timeout=5.0, secret=SECRET):
        self.address, self.calls, self.waits, self._skipped = address, [], [], 0.0
        self._patient = patient
        self.client = MondayClient(
            address=f"{address}/v2",
            token=Token(secret),
            recorder=self.calls.append,
            read_timeout=read_timeout,
            sleep=self._sleep,
            clock=lambda: time.time() + self._skipped,
        )

    def _sleep(self, seconds):
        self.waits.append(seconds)
        if self._patient:
            time.sleep(seconds)
        else:
            self._skipped += seconds

    def write(self, *operations, board=None, journal=None):
        tokens = [f"receipt {len(self.calls)} {n}" for n in range(len(operations))]
        return self.client.write(
            operations, board=board or self.structure(), tokens=tokens, journal=journal or Notebook()
        )

    def structure(self):
        return self.client.board(STRUCTURE.id)

    def orders(self, count):
        return [CreateItem(STRUCTURE.id, "new", f"Order {n}", {"text_uuid": f"uuid {n}"}) for n in range(count)]

    def names(self):
        return sorted(item.name for item in self.client.all_items(STRUCTURE.id, columns=[]))


@pytest.fixture
def serve(tmp_path):
    """Serves a board with these faults and settings; gives a desk."""
    opened = []

    def start(*faults, seed=0, desk=None, structure=STRUCTURE, **settings):
        store = SandboxStore(tmp_path / f"sandbox{len(opened)}.sqlite3")
        store.seed(structure)
        app = SandboxApp(store, faults=FaultScript([Fault(**fault) for fault in faults], seed), **settings)
        server = running(app)
        made = Desk(server.__enter__(), **(desk or {}))
        opened.append((server, made))
        return made

    yield start
    for server, made in opened:
        made.client.close()
        server.__exit__(None, None, None)


def test_the_client_knows_who_it_is_and_who_answers(serve):
    client = serve(settle_seconds=2.5).client
    identity = client.identity()
    assert identity.sandbox
    assert identity.settle_seconds == 2.5
    assert identity.account_id
    assert client.version().value == "2026-10"
    assert client.daily_limit() is None or client.daily_limit() > 0


def test_a_board_is_read_with_columns_labels_groups_limits_and_the_board_of_its_lines(serve):
    board = serve().structure()
    assert board.columns.keys() >= STRUCTURE.columns.keys()
    assert board.columns["color_unit"].label_texts() >= {"Each", "2026"}
    assert {group.title for group in board.groups} >= {"New", "Old"}
    assert (board.items_limit, board.items_count) == (10_000, 0)
    assert board.subitems.id == "9100000002"
    assert board.subitems.columns["numeric_qty"].kind == "numbers"


def test_a_board_that_is_not_there_is_one_clear_sentence(serve):
    with pytest.raises(Unavailable, match="Remedy") as problem:
        serve().client.board("404")
    assert problem.value.permanent


def test_every_kind_is_written_and_read_back_as_the_same(serve):
    desk = serve()
    [made] = desk.write(CreateItem(STRUCTURE.id, "new", "Order", FILLED))
    assert isinstance(made, Done), made
    item = desk.client.items([made.id], columns=COLUMNS)[made.id]
    assert {key: item.values[key] for key in FILLED if key != "dropdown_terms"} == {
        key: value for key, value in FILLED.items() if key != "dropdown_terms"
    }
    assert set(item.values["dropdown_terms"]) == set(FILLED["dropdown_terms"])
    assert (item.state, item.board_id, item.group_id) == ("active", STRUCTURE.id, "new")


def test_every_kind_is_cleared(serve):
    desk = serve()
    [made] = desk.write(CreateItem(STRUCTURE.id, "new", "Order", FILLED))
    [changed] = desk.write(ChangeValues(STRUCTURE.id, made.id, dict.fromkeys(FILLED)))
    assert changed.id == made.id
    item = desk.client.items([made.id], columns=COLUMNS)[made.id]
    assert {item.values[key] for key in FILLED} == {None, False}


def test_items_with_lines_are_made_changed_moved_archived_and_deleted(serve):
    desk = serve()
    group, order, other = desk.write(
        CreateGroup(STRUCTURE.id, "B'HOOD"), CreateItem(STRUCTURE.id, "new", "A"), CreateItem(STRUCTURE.id, "new", "B")
    )
    lines = desk.write(
        CreateSubitem(
            order.id, "XL", {"dropdown_size": ["XL"], "numeric_qty": "3", "text_key": "k/XL"}, create_labels=True
        ),
        CreateSubitem(order.id, "S", {"numeric_qty": "1"}),
    )
    done = desk.write(
        ChangeValues(STRUCTURE.subitems.id, lines[0].id, {"numeric_qty": "4"}),
        ChangeValues(STRUCTURE.id, order.id, {"name": "A2", "numeric_price": "2"}),
        MoveToGroup(order.id, group.id),
        ArchiveItem(lines[1].id),
        ArchiveItem(other.id),
    )
    assert all(isinstance(outcome, Done) for outcome in done), done
    items = desk.client.items([order.id, other.id], columns=COLUMNS, subitem_columns=LINES)
    assert (items[order.id].name, items[order.id].group_id) == ("A2", group.id)
    assert items[other.id].state == "archived"
    lines_now = {line.name: line for line in items[order.id].subitems if line.state == "active"}
    assert lines_now["XL"].values == {"name": "XL", "dropdown_size": ["XL"], "numeric_qty": "4", "text_key": "k/XL"}
    assert (lines_now["XL"].parent_id, lines_now["XL"].board_id) == (order.id, STRUCTURE.subitems.id)
    assert lines_now.keys() == {"XL"}
    [deleted] = desk.write(DeleteItem(order.id))
    assert isinstance(deleted, Done)
    assert desk.names() == []


def test_the_first_line_of_a_board_brings_the_board_of_lines_into_being(serve):
    columns = [Column("name", "Name", "name"), Column("text_uuid", "UUID", "text")]
    bare = board_of(columns, id=STRUCTURE.id, name="Orders", groups=(Group("new", "New"),))
    desk = serve(structure=bare)
    assert desk.structure().subitems is None
    [order] = desk.write(CreateItem(STRUCTURE.id, "new", "A"))
    [line] = desk.write(CreateSubitem(order.id, "XL"))
    below = desk.structure().subitems
    assert isinstance(line, Done)
    assert below is not None


def test_look_ups_take_many_keys_a_call_and_follow_pages(serve):
    desk = serve()
    desk.write(*desk.orders(230), CreateItem(STRUCTURE.id, "new", "without a key"))
    desk.calls.clear()
    keys = ["", " ", *(f"UUID {n}" for n in range(230)), "absent"]
    found = desk.client.find_items(STRUCTURE.id, "text_uuid", keys, columns=COLUMNS, subitem_columns=LINES)
    assert sorted(item.values["text_uuid"] for item in found) == sorted(f"uuid {n}" for n in range(230))
    assert len(desk.calls) == 3


def test_all_items_come_each_once_page_by_page(serve):
    desk = serve()
    desk.write(*desk.orders(450))
    assert len(desk.names()) == 450
    seen = [item.id for item in desk.client.all_items(STRUCTURE.id, columns=COLUMNS, subitem_columns=LINES)]
    assert len(seen) == len(set(seen)) == 450
    assert len(desk.client.items(seen, columns=COLUMNS)) == 450


def test_a_cursor_that_runs_out_begins_again_without_repeating_an_item(serve):
    now = [1_800_000_000.0]
    desk = serve(clock=lambda: now[0])
    desk.write(*desk.orders(450))
    pages = desk.client.all_items(STRUCTURE.id, columns=COLUMNS, subitem_columns=LINES)
    seen = [next(pages).id]
    now[0] += 3601
    seen += [item.id for item in pages]
    assert len(seen) == len(set(seen)) == 450


def test_labels_are_made_once_and_others_are_kept(serve):
    desk = serve()
    board = desk.structure()
    terms = desk.client.create_labels(STRUCTURE.id, board.columns["dropdown_terms"], ["CIF", "FOB", "A, B"])
    assert terms.label_texts() == {"FOB", "Red, dark", "CIF", "A, B"}
    assert {label.text: label.id for label in terms.labels}["FOB"] == 1
    unit = desk.client.create_labels(STRUCTURE.id, board.columns["color_unit"], ["Pair", "12"])
    assert unit.label_texts() >= {"Each", "2026", "Pair", "12"}
    desk.calls.clear()
    assert desk.client.create_labels(STRUCTURE.id, terms, ["CIF"]) is terms
    assert desk.calls == []
    [made] = desk.write(CreateItem(STRUCTURE.id, "new", "A", {"color_unit": "12", "dropdown_terms": ["A, B"]}))
    assert desk.client.items([made.id], columns=COLUMNS)[made.id].values["color_unit"] == "12"


def test_labels_of_many_columns_are_made_in_two_calls(serve):
    desk = serve()
    columns = desk.structure().columns
    wanted = {
        (STRUCTURE.id, columns["dropdown_terms"]): ["CIF", "FOB"],
        (STRUCTURE.id, columns["color_unit"]): ["Pair", "Each"],
    }
    desk.calls.clear()
    desk.client.create_all_labels(wanted)
    assert len(desk.calls) == 2
    columns = desk.structure().columns
    assert {"CIF", "FOB"} <= columns["dropdown_terms"].label_texts()
    assert {"Pair", "Each"} <= columns["color_unit"].label_texts()
    desk.calls.clear()
    desk.client.create_all_labels(wanted)
    assert len(desk.calls) == 1  # looked, and found them all


def test_a_board_and_its_columns_can_be_set_up(serve):
    client = serve().client
    board_id = client.create_board("WHITE|FOX")
    column = client.create_column(board_id, "UUID", "text", id="record_uuid")
    assert (column.id, column.kind) == ("record_uuid", "text")
    other = client.create_column(board_id, "Qty", "numbers")
    assert client.board(board_id).columns.keys() >= {"record_uuid", other.id}


def test_one_bad_order_fails_only_itself_and_names_its_column(serve):
    desk = serve()
    outcomes = desk.write(
        CreateItem(STRUCTURE.id, "new", "A"),
        CreateItem(STRUCTURE.id, "new", "B", {"dropdown_terms": ["unheard of"]}),
        CreateItem(STRUCTURE.id, "new", "C" * 300),
        CreateItem(STRUCTURE.id, "new", "D", {"lookup_packed": "1"}),
        CreateItem(STRUCTURE.id, "new", "E"),
    )
    assert [type(outcome) for outcome in outcomes] == [Done, Refused, Refused, Refused, Done]
    assert (outcomes[1].code, outcomes[1].column) == ("ColumnValueException", "dropdown_terms")
    assert outcomes[1].request_id
    assert outcomes[3].owner == "mapping"
    assert desk.names() == ["A", "E"]


def test_a_full_board_refuses_what_is_too_much(serve):
    desk = serve(
        structure=board_of(COLUMNS, id=STRUCTURE.id, name="Orders", groups=(Group("new", "New"),), items_limit=2)
    )
    outcomes = desk.write(*desk.orders(3))
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Refused]
    assert outcomes[2].code == "ItemsLimitationException"


def test_four_hundred_orders_with_sixteen_hundred_lines_take_few_calls(serve):
    desk = serve(desk={"read_timeout": 75.0})
    board = desk.structure()
    keys = [f"uuid {n}" for n in range(400)]
    desk.calls.clear()
    desk.client.find_items(STRUCTURE.id, "text_uuid", keys, columns=COLUMNS)
    made = desk.write(*desk.orders(400), board=board)
    lines = [CreateSubitem(order.id, f"Size {n}", {"numeric_qty": str(n + 1)}) for order in made for n in range(4)]
    assert all(isinstance(outcome, Done) for outcome in desk.write(*lines, board=board))
    assert len(desk.calls) <= 30
    assert sum(call.operations for call in desk.calls) == 2000


LIMITS = ["minute_limit", "concurrency_limit", "complexity_limit", "ip_limit", "ingest_limit", "locked", "legacy_error"]


@pytest.mark.parametrize("kind", LIMITS)
def test_a_limit_is_waited_for_and_creates_nothing_twice(serve, kind):
    desk = serve({"kind": kind, "on": "create_item", "times": 1, "every": 1})
    outcomes = desk.write(*desk.orders(3))
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    assert len(desk.names()) == 3
    assert len(desk.waits) == 1
    assert sum(call.retries for call in desk.calls) == 1


@pytest.mark.parametrize(
    "kind", ["gateway_before", "gateway_after", "drop_before", "drop_after", "cut", "html", "server_error"]
)
def test_a_creation_whose_answer_is_lost_is_unclear_and_is_not_sent_again(serve, kind):
    desk = serve({"kind": kind, "on": "create_item", "times": 1, "every": 1})
    outcomes = desk.write(*desk.orders(3))
    assert all(isinstance(outcome, Unclear) and outcome.sent_at for outcome in outcomes), outcomes
    assert sum(call.operations for call in desk.calls) == 3
    assert len(desk.names()) in (0, 3)


@pytest.mark.parametrize(
    "kind", ["gateway_before", "gateway_after", "drop_before", "drop_after", "cut", "html", "server_error"]
)
def test_another_write_whose_answer_is_lost_goes_again_with_its_key(serve, kind):
    desk = serve({"kind": kind, "on": "change_multiple_column_values", "times": 1, "every": 1})
    made = desk.write(*desk.orders(2))
    outcomes = desk.write(*(ChangeValues(STRUCTURE.id, order.id, {"name": "changed"}) for order in made))
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    assert desk.names() == ["changed", "changed"]


def test_an_answer_that_comes_too_late_leaves_a_creation_unclear(serve):
    desk = serve(
        {"kind": "slow", "on": "create_item", "times": 1, "every": 1, "seconds": 1.0}, desk={"read_timeout": 0.2}
    )
    outcomes = desk.write(*desk.orders(1))
    assert isinstance(outcomes[0], Unclear)


def test_an_operation_that_a_field_limit_kept_back_goes_again(serve):
    desk = serve({"kind": "field_limit", "on": "create_item", "times": 1, "every": 1})
    outcomes = desk.write(*desk.orders(3))
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    assert len(desk.names()) == 3


@pytest.mark.parametrize("kind", ["missing_alias", "skipped_alias"])
def test_an_alias_that_is_missing_from_the_answer_is_unclear(serve, kind):
    desk = serve({"kind": kind, "on": "create_item", "times": 1, "every": 1, "alias": 1})
    outcomes = desk.write(*desk.orders(3))
    assert [type(outcome) for outcome in outcomes] == [Done, Unclear, Done]


def test_a_spent_day_says_when_it_goes_on(serve):
    desk = serve({"kind": "daily_limit", "on": "create_item", "every": 1})
    with pytest.raises(Unavailable) as problem:
        desk.write(*desk.orders(1))
    assert problem.value.code == "DAILY_LIMIT_EXCEEDED"
    assert not problem.value.permanent


@pytest.mark.parametrize("kind", [*LIMITS, "gateway_before", "drop_after", "cut", "html", "server_error"])
def test_a_read_that_fails_is_repeated(serve, kind):
    desk = serve({"kind": kind, "on": "query", "times": 1, "every": 1})
    assert desk.structure().name == "Orders"


def test_a_read_that_keeps_failing_is_one_clear_sentence(serve):
    desk = serve({"kind": "html", "on": "query", "every": 1})
    with pytest.raises(Unavailable, match=r"monday\.com sent a web page"):
        desk.structure()
    assert len(desk.calls) == 3


def test_a_deactivated_label_refuses_its_order_alone(serve):
    fault = {"kind": "label_deactivated", "on": "create_item", "times": 1, "every": 1,
             "board": STRUCTURE.id, "column": "dropdown_terms", "label": "FOB"}  # fmt: skip
    desk = serve(fault)
    outcomes = desk.write(
        CreateItem(STRUCTURE.id, "new", "A", {"dropdown_terms": ["FOB"]}), CreateItem(STRUCTURE.id, "new", "B")
    )
    assert [type(outcome) for outcome in outcomes] == [Refused, Done]
    terms = desk.client.create_labels(STRUCTURE.id, desk.structure().columns["dropdown_terms"], ["FOB"])
    assert "FOB" in terms.label_texts()


def test_another_token_is_told_what_to_do_and_shows_nowhere(serve, capsys):
    desk = serve(token="the-only-token-here", desk={"secret": SECRET})
    with pytest.raises(Unavailable, match="MONDAY_API_TOKEN") as problem:
        desk.client.identity()
    assert problem.value.permanent
    seen = capsys.readouterr()
    assert SECRET not in str(problem.value) + repr(problem.value) + seen.out + seen.err
    assert SECRET not in repr(vars(desk.client)) + repr(desk.calls)


def test_no_token_is_said_before_anything_is_sent(serve):
    with pytest.raises(Unavailable, match="MONDAY_API_TOKEN"):
        serve(desk={"secret": ""}).client.identity()


def test_an_address_where_nobody_answers_or_that_is_none_is_one_clear_sentence():
    for address in ("http://127.0.0.1:1", "nonsense"):
        desk = Desk(address)
        with pytest.raises(Unavailable, match=r"Remedy: .*MONDAY_API_URL"):
            desk.client.identity()
        desk.client.close()


def test_an_address_of_something_else_is_told(serve):
    other = Desk(serve().address + "/elsewhere")
    with pytest.raises(Unavailable) as problem:
        other.client.identity()
    other.client.close()
    assert problem.value.permanent


def test_a_request_that_is_too_heavy_is_halved_and_arrives(serve):
    desk = serve(limits=Limits(complexity=200_000, window=1.0), desk={"patient": True})
    outcomes = desk.write(*desk.orders(40))
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    assert len(desk.names()) == 40


def test_random_faults_change_nothing_of_the_board(serve):
    kinds = ["minute_limit", "concurrency_limit", "locked", "field_limit", "gateway_before", "gateway_after", "cut"]
    desk = serve(*({"kind": kind, "rate": 0.05, "on": "mutation"} for kind in kinds), seed=5)
    wanted = {f"uuid {n}": f"Order {n}" for n in range(300)}
    for _ in range(8):
        found = desk.client.find_items(STRUCTURE.id, "text_uuid", list(wanted), columns=COLUMNS)
        missing = wanted.keys() - {item.values["text_uuid"] for item in found}
        if not missing:
            break
        desk.write(*(CreateItem(STRUCTURE.id, "new", wanted[key], {"text_uuid": key}) for key in sorted(missing)))
    assert desk.names() == sorted(wanted.values())


@pytest.mark.parametrize("kind", ["gateway_after", "drop_after", "cut"])
def test_a_board_that_may_have_been_created_is_not_created_twice(serve, kind):
    desk = serve({"kind": kind, "on": "create_board", "times": 1, "every": 1})
    with pytest.raises(Unavailable, match="may have been created") as problem:
        desk.client.create_board("Orders")
    assert problem.value.code == "Unclear"
    assert len(desk.calls) == 1


def test_a_redirected_request_is_not_followed_for_the_token_would_go_along():
    class Elsewhere(BaseHTTPRequestHandler):
        seen = 0

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            type(self).seen += 1
            self.send_response(307)
            self.send_header("Location", "/v3")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        desk = Desk(f"http://127.0.0.1:{server.server_address[1]}")
        try:
            with pytest.raises(Unavailable, match="MONDAY_API_URL") as problem:
                desk.client.identity()
        finally:
            desk.client.close()
            server.shutdown()
            thread.join()
    assert problem.value.permanent
    assert Elsewhere.seen == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_trickles_in_is_given_up_after_the_read_time_out(chunked):
    class Trickling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Transfer-Encoding" if chunked else "Content-Length", "chunked" if chunked else "1000")
            self.end_headers()
            self.sent = 0
            with contextlib.suppress(OSError):
                while self.sent < 100:
                    self.wfile.write(b"1\r\n \r\n" if chunked else b" ")
                    self.sent += 1
                    time.sleep(0.05)
            ended.append(self.sent)
            self.close_connection = True

        def log_message(self, *args):
            pass

    ended: list[int] = []
    with HTTPServer(("127.0.0.1", 0), Trickling) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        desk = Desk(f"http://127.0.0.1:{server.server_address[1]}", read_timeout=0.2)
        try:
            with pytest.raises(Unavailable, match="ReadTimeout"):
                desk.client.create_board("Orders")
        finally:
            desk.client.close()
            server.shutdown()
            thread.join()
    assert ended[0] < 100, "the client waited for the last byte"


def test_the_same_client_speaks_to_the_sandbox_inside_its_own_process(tmp_path):
    session = sandbox_session(tmp_path / "sandbox.sqlite3")
    client = MondayClient(address="http://sandbox.ordersite/v2", token=Token(SECRET), session=session)
    board_id = client.create_board("Orders")
    assert client.identity().sandbox
    assert client.board(board_id).name == "Orders"
    client.close()


def test_answers_that_are_kept_with_their_refusals_do_not_stop_a_second_try(serve):
    desk = serve(
        {"kind": "field_limit", "on": "create_item", "times": 2, "every": 1},
        behaviour=Behaviour(idempotency_keeps_errors=True),
    )
    assert isinstance(desk.write(*desk.orders(1))[0], Done)


def test_what_people_wrote_below_items_and_subitems_is_read_with_them(serve):
    desk = serve()
    (item,) = [outcome.id for outcome in desk.write(*desk.orders(1))]
    (line,) = [outcome.id for outcome in desk.write(CreateSubitem(item, "XL"))]

    def say(text):
        headers = {"Authorization": "a-planner"}
        return requests.post(f"{desk.address}/v2", json={"query": text}, headers=headers, timeout=10).json()["data"]

    for written_on in (item, line):
        first = say(f'mutation {{ create_update(item_id: {written_on}, body: "cut <b>it</b>") {{ id }} }}')
        say(f'mutation {{ create_update(parent_id: {first["create_update"]["id"]}, body: "no") {{ id }} }}')
    below = [column for column in LINES if column.id == "text_key"]
    found = desk.client.items([item], columns=COLUMNS[:2], subitem_columns=below, updates=True)[item]
    assert found.updates == ("cut it", "no") == found.subitems[0].updates
    plain = desk.client.items([item], columns=COLUMNS[:2], subitem_columns=below)[item]
    assert plain.updates == () == plain.subitems[0].updates
