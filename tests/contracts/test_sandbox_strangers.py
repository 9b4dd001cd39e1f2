"""What clients of the API that are not ours ask for; two of the public ones were pointed at the sandbox to learn it."""

from __future__ import annotations

from pathlib import Path

from monday.sandbox.behaviour import Behaviour

from .sandbox_world import BOARD, world

NOON = 1_800_014_400.0  # 15 January 2027
CELLS = """
  id updates { id body }
  column_values {
    ... on MirrorValue { display_value }
    ... on BoardRelationValue { display_value }
    ... on DependencyValue { display_value }
    text type column { id title }
  }"""


def test_an_item_has_updates_and_every_kind_of_cell_may_be_asked_for(tmp_path: Path) -> None:
    with world(tmp_path) as board:
        item = board.create("Shirt")
        found = board.ask(f"query ($ids: [ID!]) {{ items(ids: $ids) {{ {CELLS} }} }}", {"ids": [item]})
        assert found["items"][0]["updates"] == []
        assert {"text_key", "lookup_m"} <= {cell["column"]["id"] for cell in found["items"][0]["column_values"]}


def test_a_page_may_be_narrowed_to_items_that_were_changed_since(tmp_path: Path) -> None:
    now = [NOON]
    query = """query ($ids: [ID!], $since: CompareValue!, $operator: ItemsQueryRuleOperator) {
      boards(ids: $ids) { items_page(query_params: {
        order_by: [{column_id: "__last_updated__", direction: asc}],
        rules: [{column_id: "__last_updated__", compare_value: $since, operator: $operator,
                 compare_attribute: "UPDATED_AT"}] }) { items { id } } } }"""
    with world(tmp_path, clock=lambda: now[0], behaviour=Behaviour()) as board:
        first, second = board.create("first"), board.create("second")
        now[0] += 3 * 86_400
        board.change(first, text_po="changed")

        def changed(operator: str, day: str) -> list[str]:
            variables = {"ids": [BOARD], "since": ["EXACT", day], "operator": operator}
            page = board.ask(query, variables)["boards"][0]["items_page"]
            return [item["id"] for item in page["items"]]

        assert changed("greater_than_or_equals", "2027-01-15") == [second, first]
        assert changed("greater_than", "2027-01-15") == [first]
        assert changed("lower_than_or_equal", "2027-01-15") == [second]
        assert changed("greater_than_or_equals", "2027-01-15T15:00:00Z") == [first]


def test_a_window_begins_when_its_first_request_arrives(tmp_path: Path) -> None:
    now = [NOON]

    def arriving() -> float:
        now[0] += 0.25  # every look at the clock takes its time, as reading a long document does
        return now[0]

    with world(tmp_path, plan="pro", clock=arriving) as board:
        began = now[0] + 0.25
        board.ask("{ me { id } }")
        with board.store.connection() as db:
            row = db.execute("SELECT started_at FROM counters WHERE name = 'complexity'").fetchone()
        assert row[0] == began
