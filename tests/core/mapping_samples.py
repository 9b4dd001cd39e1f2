"""A small board with two customers, and rows for it: the material of the mapping tests."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mapping.core.document import BoardDocument, CustomerDocument, parse_board, parse_customer
from mapping.core.family import Family
from mapping.core.order import Invalid, Order, Rendered
from mapping.core.problems import errors
from monday.core.structure import BoardStructure

BOARD = """\
version: 1
board:
  id: 5600100200
  name: Orders
  uuid_column: text_record_uuid
  group: "{customer} {SEASON|AAG SEASON|'NO SEASON'}"
  item: "{STYLE} {COLOUR} {ORDER}"
source:
  table: ORDERS
  identity: record_uuid
  business_key: [ORDER, STYLE]
  customer: CUSTOMER
  po_number: PO
columns:
  ORDER: {to: text_order, required: true}
  CUSTOMER: dropdown_customer
  STYLE: dropdown_style
  TYPE: {to: dropdown_type, values: {ACTIVE: RECEIVED, CANCELLED: CANCELLED}, otherwise: reject}
  PRICE: {to: numeric_price, as: decimal}
  TARIFF: {to: numeric_tariff, as: percent, values: {"TRUE": "0"}}
  EX FACTORY: {to: date_exf, as: date, empty: keep}
  UNIT: color_unit
  NOTES: long_text_notes
sizes:
  between: [UNIT, TOTAL]
  except: [COLOUR CODE]
  total: TOTAL
  columns: {size: dropdown_size, quantity: numeric_qty}
  key_column: text_size_key
"""
HARBOUR = """\
version: 1
customer: HARBOUR
aliases: [HARBOUR (AU), HARBOUR (US)]
sizes: {rename: {2XL: XXL}}
"""
BHOOD = """\
version: 1
customer: B'HOOD
aliases: [BHOOD]
"""
COLUMNS = (
    *("record_uuid", "ORDER", "CUSTOMER", "PO", "STYLE", "COLOUR", "SEASON", "AAG SEASON", "TYPE", "PRICE", "TARIFF"),
    *("EX FACTORY", "NOTES", "UNIT", "COLOUR CODE", "S", "M", "XXL", "2XL", "TOTAL"),
)


def board_document(text: str = BOARD) -> BoardDocument:
    document, problems = parse_board(text)
    assert document is not None, [each.sentence() for each in errors(problems)]
    return document


def customer_document(text: str) -> CustomerDocument:
    document, problems = parse_customer(text)
    assert document is not None, [each.sentence() for each in errors(problems)]
    return document


@lru_cache(maxsize=32)
def family(board: str = BOARD, *customers: str) -> Family:
    return Family(board_document(board), [customer_document(text) for text in customers or (HARBOUR, BHOOD)])


def row(**cells: Any) -> tuple[Any, ...]:
    """A valid row with these cells; a blank in a column's name is written as _."""
    values = {"ORDER": "A1", "CUSTOMER": "HARBOUR (AU)", "STYLE": "ST1", "COLOUR": "RED", "TYPE": "ACTIVE", "TOTAL": 0}
    values |= {name.replace("_", " ") if name != "record_uuid" else name: value for name, value in cells.items()}
    return tuple(values.get(name) for name in COLUMNS)


def render(made: Family | None = None, structure: BoardStructure | None = None, **cells: Any) -> Rendered | Invalid:
    return (made or family()).renderer("HARBOUR", COLUMNS, structure)(row(**cells))


def order(made: Family | None = None, **cells: Any) -> Order:
    rendered = render(made, **cells)
    assert isinstance(rendered, Rendered), rendered
    return rendered.order


def invalid(made: Family | None = None, **cells: Any) -> Invalid:
    refused = render(made, **cells)
    assert isinstance(refused, Invalid), refused
    return refused
