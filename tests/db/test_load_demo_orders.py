"""`load_demo_orders`: the same orders every time, odd where real tables are odd, harmless to run again."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from mapping.core.document import parse_board, parse_customer
from mapping.core.family import Family
from mapping.core.order import Invalid, Rendered
from mapping.core.render import Renderer
from mapping.publish import shipped_files
from staging.core.fingerprint import fingerprint
from staging.core.identity import canonical
from staging.core.ports import Scope
from staging.source import demo
from staging.source.demo_columns import COLUMNS, CUSTOMER, IDENTITY, NAMES, PO_NUMBER, SIZES, TABLE
from staging.source.demo_values import CUSTOMERS, POSITION, UNKNOWN
from staging.source.sql_table import SqlTable

from .source_tables import dropping, rows_of, run, vendor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

FACTS = Path(__file__).resolve().parents[3] / "shared" / "reference" / "orders-unified.yaml"
KINDS = ("changed", "new", "deleted")
Rows = dict[str, tuple[Any, ...]]


@pytest.fixture(autouse=True)
def clean_source() -> Iterator[None]:
    with dropping(TABLE):
        yield


@pytest.fixture(scope="module")
def family() -> Family:
    board, customers = None, []
    for path in shipped_files():
        text = path.read_text(encoding="utf-8")
        customer = parse_customer(text)[0]
        customers += [customer] if customer else []
        board = board if customer else parse_board(text)[0]
    assert board
    return Family(board, customers)


def load(*options: str) -> str:
    out = StringIO()
    call_command("load_demo_orders", *options, stdout=out)
    return out.getvalue()


def table() -> Rows:
    """Full rows by canonical identity, those that stand twice left out."""
    found = SqlTable(connections["orders"], TABLE, IDENTITY, CUSTOMER, PO_NUMBER)
    asked = [identity for identity, _ in found.fingerprints(Scope()) if identity]
    once = {identity for identity, times in Counter(asked).items() if times == 1}
    return {str(canonical(identity)): row for identity, _, row in found.rows(sorted(once), Scope())}


def rendered(family: Family, row: tuple[Any, ...]) -> Rendered | Invalid | None:
    customer = family.customer_of(row[POSITION[CUSTOMER]])
    return renderer(family, customer)(row) if customer else None


@lru_cache
def renderer(family: Family, customer: str) -> Renderer:
    return family.renderer(customer, NAMES, None)


def test_the_table_has_the_shape_of_the_first_installation() -> None:
    if not FACTS.exists():
        pytest.skip("the facts file of the first installation does not lie beside the checkout")
    facts = yaml.safe_load(FACTS.read_text(encoding="utf-8"))["source"]
    sizes = [(size, "int") for size in facts["sizes"]]
    wanted = [*facts["columns_before_sizes"].items(), *sizes, *facts["columns_after_sizes"].items()]
    assert (list(COLUMNS), len(SIZES), len(COLUMNS)) == (wanted, 161, 268)
    load("--rows", "3")
    found = SqlTable(connections["orders"], TABLE, IDENTITY, CUSTOMER, PO_NUMBER)
    assert [(column.name, column.type) for column in found.columns] == wanted


def test_the_same_number_and_seed_give_the_same_orders_on_every_machine() -> None:
    digest = hashlib.sha256(repr(list(demo.demo_rows(500, 1))).encode()).hexdigest()
    assert digest == "e7f1de051ac81d00c68b763984b3081e3e8a244571f2e070629233fd0a8aee98", (
        "the demo orders changed: raise demo.VERSION and pin the new digest"
    )
    assert list(demo.demo_rows(60, 1)) != list(demo.demo_rows(60, 2))
    assert list(demo.demo_rows(500, 1))[:200] == list(demo.demo_rows(200, 1))


def test_every_customer_but_the_unknown_ones_has_a_shipped_document(family: Family) -> None:
    assert {name: family.customer_of(name) for name in CUSTOMERS if family.customer_of(name) is None} == {}
    assert {name: family.customer_of(name) for name in UNKNOWN} == dict.fromkeys(UNKNOWN)


def test_most_of_5000_orders_are_good_and_every_oddity_is_there(family: Family) -> None:
    rows = list(demo.demo_rows(5_000, 1))
    results = [rendered(family, row) for row in rows]
    good = [result for result in results if isinstance(result, Rendered)]
    assert len(good) > 4_900
    assert 5 <= sum(isinstance(result, Invalid) for result in results) <= 60
    assert 5 <= results.count(None) <= 60
    times = Counter(row[POSITION[IDENTITY]] for row in rows)
    assert times.pop(None) >= 5
    assert sum(number > 1 for number in times.values()) >= 5
    assert sum(any(problem.value == "TBC" for problem in result.problems) for result in good) >= 50
    assert any(not result.order.sizes for result in good)
    keys = Counter(result.key for result in good)
    assert sum(number > 1 for number in keys.values()) >= 100
    texts = " ".join(str(row[POSITION[CUSTOMER]]) for row in rows)
    assert all(letters in texts for letters in ("B'HOOD", "WHITE|FOX", "云端服饰", "&", "[", "Å"))
    prices = {str(row[POSITION["SMS PRICE USD"]]) for row in rows}
    assert any("," in price and price.startswith("$") for price in prices)
    assert {row[POSITION["ORDER TYPE"]] for row in rows} == {"ACTIVE", "CANCELLED"}


def test_identities_are_upper_case_uuids() -> None:
    for row in demo.demo_rows(200, 1):
        spelled = row[POSITION[IDENTITY]]
        assert spelled is None or str(canonical(spelled)).upper() == spelled


def test_loading_again_leaves_the_table_alone_and_is_quick() -> None:
    assert "300 demo orders made" in load("--rows", "300")
    run(f"DELETE FROM {TABLE}" if vendor() == "microsoft" else f'DELETE FROM "{TABLE}"')
    start = time.perf_counter()
    assert "stays as it is" in load("--rows", "300")
    assert time.perf_counter() - start < 0.5
    assert rows_of(TABLE, IDENTITY) == []
    assert "300 demo orders made" in load("--rows", "300", "--replace")
    assert "40 demo orders made" in load("--rows", "40")
    assert len(rows_of(TABLE, IDENTITY)) == 40


def test_a_changed_demo_table_is_left_alone_too() -> None:
    load("--rows", "300")
    load("--mutate", "new=2,deleted=1")
    assert "stays as it is" in load("--rows", "300")
    assert len(rows_of(TABLE, IDENTITY)) == 301


def test_orders_of_somebody_else_are_never_overwritten_unasked() -> None:
    column, name = ("[a]", f"[{TABLE}]") if vendor() == "microsoft" else ('"a"', f'"{TABLE}"')
    run(f"CREATE TABLE {name} ({column} INTEGER)")
    run(f"INSERT INTO {name} VALUES (7)")
    if vendor() == "sqlite":
        assert "not from the demo" in load("--rows", "10")
    else:
        with pytest.raises(CommandError, match=r"not from the demo.*--replace") as refusal:
            load("--rows", "10")
        assert refusal.value.returncode == 2
    assert rows_of(TABLE, "a") == [(7,)]
    with pytest.raises(CommandError, match="no demo table"):
        load("--mutate", "changed=1")
    load("--rows", "10", "--replace")
    assert len(rows_of(TABLE, IDENTITY)) == 10


@pytest.mark.parametrize("rows", ["0", "-5", "5000001", "99999999999999999999"])
def test_an_impossible_number_of_rows_is_refused_in_one_sentence(rows: str) -> None:
    with pytest.raises(CommandError, match=r"--rows must lie between 1 and 5,000,000.*Remedy") as refusal:
        load("--rows", rows)
    assert refusal.value.returncode == 2


@pytest.mark.parametrize(
    "text", ["", "changed", "changed=x", "changed=-1", "changed=1,changed=2", "gone=4", "new=1.5", "new=999999999999"]
)
def test_changes_that_cannot_be_read_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(CommandError, match=r"--mutate .*Remedy") as refusal:
        load("--mutate", text)
    assert refusal.value.returncode == 2


def test_more_changes_than_rows_change_nothing() -> None:
    load("--rows", "50")
    before = table()
    with pytest.raises(CommandError, match="can be changed, not 500"):
        load("--mutate", "changed=499,new=3,deleted=1")
    assert table() == before


def test_exactly_as_many_rows_change_arrive_and_go_as_asked_for(family: Family) -> None:
    load("--rows", "600")
    for _ in range(2):
        before = table()
        told = json.loads(load("--mutate", "changed=30,new=20,deleted=10", "--json"))["changes"]
        after = table()
        by_kind = {kind: {canonical(c["record"]) for c in told if c["kind"] == kind} for kind in KINDS}
        assert {kind: len(records) for kind, records in by_kind.items()} == {"changed": 30, "new": 20, "deleted": 10}
        assert after.keys() - before.keys() == by_kind["new"]
        assert before.keys() - after.keys() == by_kind["deleted"]
        common = before.keys() & after.keys()
        assert {record for record in common if before[record] != after[record]} == by_kind["changed"]
        assert all(isinstance(rendered(family, after[record]), Rendered) for record in by_kind["new"])
        assert all(isinstance(rendered(family, before[record]), Rendered) for record in by_kind["deleted"])
        for record in by_kind["changed"]:
            was, now = rendered(family, before[record]), rendered(family, after[record])
            assert isinstance(was, Rendered)
            assert isinstance(now, Rendered)
            assert fingerprint(was.order) != fingerprint(now.order)
            assert was.key == now.key


def test_one_document_tells_what_was_done() -> None:
    document = json.loads(load("--rows", "30", "--seed", "4", "--json"))
    assert document == {
        "schema_version": 1,
        "table": TABLE,
        "rows": 30,
        "seed": 4,
        "status": "made",
        "reason": "",
        "changes": [],
    }
    assert json.loads(load("--rows", "30", "--seed", "4", "--json"))["status"] == "kept"


def test_a_load_that_breaks_leaves_the_old_table(monkeypatch: pytest.MonkeyPatch) -> None:
    load("--rows", "30")

    def breaking(number: int, seed: int) -> Iterator[tuple[Any, ...]]:
        yield from original(20, seed)
        raise KeyboardInterrupt

    original = demo.demo_rows
    monkeypatch.setattr(demo, "demo_rows", breaking)
    with pytest.raises(KeyboardInterrupt):
        load("--rows", "40")
    assert len(rows_of(TABLE, IDENTITY)) == 30
    assert "stays as it is" in load("--rows", "30")
