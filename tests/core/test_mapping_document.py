"""Documents: what is read, and that every mistake is named with its line, its key and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapping.core.document import is_customer, located, parse_board, parse_customer
from mapping.core.problems import Problem, errors

SHIPPED = Path(__file__).parents[2] / "mapping" / "shipped"
BOARD = """\
version: 1
board:
  id: 5600100200
  name: Orders
  uuid_column: text_record_uuid
  group: "{customer} {SEASON|'NO SEASON'}"
  item: "{STYLE} {ORDER}"
source:
  table: ORDERS
  identity: record_uuid
  business_key: [ORDER, STYLE]
  customer: CUSTOMER
  po_number: PO
  include:
    ORDER TYPE: [ACTIVE, CANCELLED]
    EX FACTORY: {after: -365d}
columns:
  ORDER: {to: text_order, required: true}
  STYLE: dropdown_style
  PRICE: {to: numeric_price, as: decimal}
sizes:
  between: [UNIT, TOTAL]
  total: TOTAL
  columns: {size: dropdown_size, quantity: numeric_qty}
  key_column: text_size_key
"""
CUSTOMER = """\
version: 1
customer: HARBOUR
aliases: [HARBOUR (AU), HARBOUR (US)]
columns:
  ALIAS: {to: text_alias, required: true}
sizes: {rename: {2XL: XXL}}
"""


def board_with(old: str, new: str) -> str:
    assert old in BOARD
    return BOARD.replace(old, new, 1)


def customer_with(old: str, new: str) -> str:
    assert old in CUSTOMER
    return CUSTOMER.replace(old, new, 1)


def test_shipped_documents_have_no_problems() -> None:
    assert parse_board((SHIPPED / "board.yaml").read_bytes())[1] == ()
    for path in (SHIPPED / "customers").glob("*.yaml"):
        assert parse_customer(path.read_bytes())[1] == (), path.name


def test_comments_and_the_order_of_keys_do_not_matter() -> None:
    lines = BOARD.splitlines()
    start, end = lines.index("columns:") + 1, lines.index("sizes:")
    turned = [*lines[:start], *reversed(lines[start:end]), *lines[end:]]
    one, other = parse_board(BOARD)[0], parse_board("# a remark\n" + "\n".join(turned))[0]
    assert one is not None
    assert one == other


def test_plain_scalars_stay_what_was_typed() -> None:
    values = '{NO: "Off", 012: 1e3, 1:30: 2026-01-01, yes: ~}'
    document, problems = parse_board(
        board_with("STYLE: dropdown_style", f"STYLE: {{to: dropdown_style, values: {values}}}")
    )
    assert problems == ()
    assert document is not None
    assert document.columns["STYLE"].values == {"NO": "Off", "012": "1e3", "1:30": "2026-01-01", "yes": "~"}


def test_a_board_without_sizes_is_a_board() -> None:
    document, problems = parse_board(BOARD[: BOARD.index("sizes:")])
    assert document is not None
    assert document.sizes is None
    assert problems == ()


def test_bytes_and_a_byte_order_mark_are_read() -> None:
    assert parse_board(b"\xef\xbb\xbf" + BOARD.encode())[0] is not None


# old text, new text, line of the problem, path, part of the message, part of the remedy
BROKEN_BOARDS = [
    ("version: 1", "version: 2", 1, "version", "2", "Write 1"),
    ("version: 1\n", "", 1, "version", "missing", "Add"),
    ("  name: Orders", "  nme: Orders", 4, "board.nme", "not known", "Did you mean 'name'"),
    ("  name: Orders", "  name:", 4, "board.name", "no value", "colon"),
    ("  name: Orders", "  name: [Orders]", 4, "board.name", "must be a text", "one text"),
    ("id: 5600100200", "id: Orders", 3, "board.id", "must be the board's id", "digits"),
    ("uuid_column: text_record_uuid", "uuid_column: Record UUID", 5, "board.uuid_column", "id, not its title", "text_"),
    ("{customer} {SEASON|", "{custmer {SEASON|", 6, "board.group", "braces", "column's name"),
    ("{STYLE} {ORDER}", "{STYLE} {ORDER", 7, "board.item", "not closed", "Add the }"),
    ("{STYLE} {ORDER}", "{STYLE} ORDER}", 7, "board.item", "without a {", "}}"),
    ("{STYLE} {ORDER}", "{STYLE} {size}", 7, "board.item", "{size}", "{customer}, {total}"),
    ("'NO SEASON'}", "'NO SEASON}", 6, "board.group", "' is not closed", "quotation"),
    ("business_key: [ORDER, STYLE]", "business_key: []", 11, "source.business_key", "empty", "at least one"),
    ("business_key: [ORDER, STYLE]", "business_key: ORDER", 11, "source.business_key", "must be a list", "brackets"),
    ("[ORDER, STYLE]", "[ORDER, STYLE, ORDER]", 11, "source.business_key[3]", "twice", "Remove"),
    ("{after: -365d}", "{after: last year}", 16, "source.include.EX FACTORY.after", "distance in days", "-365d"),
    ("[ACTIVE, CANCELLED]", "[]", 15, "source.include.ORDER TYPE", "narrows nothing", "list of values"),
    (
        "{to: text_order, required: true}",
        "{too: text_order}",
        18,
        "columns.ORDER.too",
        "not known",
        "Did you mean 'to'",
    ),
    ("required: true", "required: yes", 18, "columns.ORDER.required", "true or false", "without quotes"),
    ("required: true", "required: true, empty: keep", 18, "columns.ORDER.empty", "is required", "Remove"),
    ("as: decimal", "as: decmal", 20, "columns.PRICE.as", "not one of", "Did you mean 'decimal'"),
    ("as: decimal", "as: decimal, otherwise: reject", 20, "columns.PRICE.otherwise", "needs `values`", "Add `values`"),
    ("as: decimal", "as: decimal, values: {TBC: none}", 20, "columns.PRICE.values.TBC", "is not a number", "takes"),
    ("as: decimal", "values: {Tbc: '1', TBC: '2'}", 20, "columns.PRICE.values.TBC", "same cells", "Keep one"),
    ("as: decimal", "values: [TBC]", 20, "columns.PRICE.values", "block of", "indented"),
    ("dropdown_style", "text_order", 19, "columns.STYLE", "fills already", "another column"),
    ("dropdown_style", "text_record_uuid", 19, "columns.STYLE", "`uuid_column` fills", "another column"),
    ("dropdown_style", "name", 19, "columns.STYLE", "template", "`item`"),
    (
        "  STYLE: dropdown_style",
        "  ORDER: dropdown_style",
        19,
        "columns.ORDER",
        "a second time (first in line 18)",
        "one",
    ),
    ("between: [UNIT, TOTAL]", "between: [UNIT]", 22, "sizes.between[2]", "missing", "Add"),
    ("between: [UNIT, TOTAL]", "between: [UNIT, UNIT]", 22, "sizes.between", "same column", "around the sizes"),
    ("quantity: numeric_qty", "quantity: dropdown_size", 24, "sizes.columns", "three columns", "of its own"),
    ("  total: TOTAL", "  rename: {A: B, B: C}", 23, "sizes.rename.A", "renamed itself", "one step"),
    ("  total: TOTAL", "  item: '{ORDER}'", 23, "sizes.item", "{ORDER}", "{size}, {quantity}"),
    (
        "key_column: text_size_key",
        "key_column: text_size_key\ndeletions: {at_most: 2}",
        26,
        "deletions.at_most",
        "percentage",
        "2%",
    ),
    ("version: 1", "version: 1\npolicy: {approve: automatic}", 2, "policy.approve", "needs a limit", "automatic_up_to"),
    (
        "version: 1",
        "version: 1\npolicy: {automatic_up_to: {orders: 1_000}}",
        2,
        "policy.automatic_up_to.orders",
        "whole",
        "digits",
    ),
    ("version: 1", "version: 1\nlabels: {missing: make}", 2, "labels.missing", "not one of create", "one of these"),
    ("version: 1", "version: 1\nlabels: {at_most: some}", 2, "labels.at_most", "whole number", "digits"),
    ("version: 1", "version: 1\nlabels: [create]", 2, "labels", "not one of create", "at_most: 200"),
    ("as: decimal", "labels: creat", 20, "columns.PRICE.labels", "not one of", "Did you mean 'create'"),
    ("columns:\n", "columns: {\n", 19, "", "begins in line 17", "Close the bracket"),
    ("  name: Orders", "\tname: Orders", 4, "", "YAML", "tabs"),
    ("  name: Orders", "  name: Orders: big", 4, "", "YAML", "in quotes"),
    ("  name: Orders", "  name: &x Orders", 4, "board.name", "anchor", "Remove"),
    ("  name: Orders", "  name: !!python/object:os.system Orders", 4, "board.name", "tag", "Remove"),
]


@pytest.mark.parametrize(("old", "new", "line", "path", "message", "remedy"), BROKEN_BOARDS)
def test_a_broken_board_document_is_named(old: str, new: str, line: int, path: str, message: str, remedy: str) -> None:
    document, problems = parse_board(board_with(old, new))
    assert document is None
    assert_named(problems, line, path, message, remedy)


BROKEN_CUSTOMERS = [
    ("customer: HARBOUR\n", "", 1, "customer", "missing", "Add"),
    ("customer: HARBOUR\n", "custmer: HARBOUR\n", 2, "custmer", "not known", "Did you mean 'customer'"),
    ("customer: HARBOUR\n", "customer: '  '\n", 2, "customer", "empty", "Write"),
    ("aliases: [HARBOUR (AU), HARBOUR (US)]", "aliases: HARBOUR (AU)", 3, "aliases", "list", "brackets"),
    ("HARBOUR (US)", '""', 3, "aliases[2]", "empty", "Write"),
    ("{2XL: XXL}", "{2XL: XXL, XXL: XXXL}", 6, "sizes.rename.2XL", "renamed itself", "one step"),
    ("sizes: {rename", "sizes: {renames", 6, "sizes.renames", "not known", "Did you mean 'rename'"),
    (
        "sizes: {rename: {2XL: XXL}}",
        "policy: {approve: persn}",
        6,
        "policy.approve",
        "not one of",
        "Did you mean 'person'",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "path", "message", "remedy"), BROKEN_CUSTOMERS)
def test_a_broken_customer_document_is_named(
    old: str, new: str, line: int, path: str, message: str, remedy: str
) -> None:
    document, problems = parse_customer(customer_with(old, new))
    assert document is None
    assert_named(problems, line, path, message, remedy)


def assert_named(problems: tuple[Problem, ...], line: int, path: str, message: str, remedy: str) -> None:
    matching = [each for each in errors(problems) if each.path == path and message in each.message]
    assert matching, [each.sentence() for each in problems]
    assert matching[0].line == line
    assert matching[0].column >= 1
    assert remedy in matching[0].remedy


def test_all_problems_come_in_one_pass() -> None:
    text = (
        board_with("name: Orders", "nam: Orders")
        .replace("as: decimal", "as: decmal")
        .replace("dropdown_style", "text_order")
    )
    paths = [problem.path for problem in parse_board(text)[1]]
    assert paths == ["board.nam", "columns.STYLE", "columns.PRICE.as"]


def test_a_mistyped_key_is_told_once_and_not_as_missing_too() -> None:
    (problem,) = parse_board(board_with("  name: Orders", "  nme: Orders"))[1]
    assert problem.path == "board.nme"


def test_a_conversion_that_the_id_speaks_against_is_a_warning() -> None:
    document, problems = parse_board(board_with("as: decimal", "as: date"))
    assert document is not None
    assert [(each.severity, each.path) for each in problems] == [("warning", "columns.PRICE.as")]


HOSTILE = {
    "alias bomb": "a: &a [x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)),
    "alias as key": "? *a\n: 1\n",
    "tag": "version: !!python/name:os.system x",
    "NUL": "version: 1\x00",
    "escaped NUL": 'version: "\\0"',
    "lone surrogate": "version: \ud800",
    "deep flow": "[" * 100_000,
    "deep block": "\n".join(" " * n + f"k{n}:" for n in range(200)),
    "one long line": "version: " + "x" * 2_000_000,
    "not UTF-8": b"version: \xff\xfe",
    "UTF-16": "version: 1".encode("utf-16"),
    "two documents": "version: 1\n---\nversion: 1\n",
    "a list": "- a\n- b\n",
    "a word": "hello",
    "nothing": "",
    "only a comment": "# nothing\n",
    "null": "~",
    "a list as key": "? [a, b]\n: 1\n",
    "open quote": 'version: "1',
    "bad escape": 'version: "\\q"',
    "directive": "%TAG ! tag:x,2000:\n--- !y\na: 1",
    "key twice": "version: 1\nversion: 1",
    "empty key": ": 1",
    "colon in key": "a: b: c",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_politely(name: str) -> None:
    for parse in (parse_board, parse_customer):
        document, problems = parse(HOSTILE[name])
        assert document is None
        assert errors(problems)
        for problem in problems:
            assert problem.line >= 1
            assert problem.message
            assert problem.remedy
            assert len(problem.sentence("f")) < 400


def test_bytes_that_are_not_utf_8_are_placed() -> None:
    (problem,) = parse_board(b"version: 1\nboard: \xff")[1]
    assert (problem.line, problem.column) == (2, 8)


def test_problems_of_a_later_check_get_their_place() -> None:
    found = located(
        BOARD, (Problem(0, 0, "columns.PRICE.to", "is gone", "Name another."), Problem(0, 0, "policy.x", "m", "r"))
    )
    assert [(each.path, each.line) for each in found] == [("policy.x", 1), ("columns.PRICE.to", 20)]


def test_a_customer_document_is_told_from_a_board_document() -> None:
    assert is_customer(CUSTOMER)
    assert not is_customer(BOARD)
    assert not is_customer("[")
